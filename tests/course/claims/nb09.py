from claims import Claim


def quarter(results):
    sizes = results.table("sizes").set_index("network")
    return 0.2 < sizes["parameters"]["LeNet-5"] / sizes["parameters"]["300"] < 0.3


def more_arithmetic(results):
    sizes = results.table("sizes").set_index("network")
    return sizes["FLOPs"]["LeNet-5"] > sizes["FLOPs"]["300"]


def cnns_reuse_weights(results):
    sizes = results.table("sizes").set_index("network")["FLOPs per parameter"]
    linear = ["30-5", "128-64", "300", "300-100", "500-250-100", "512-512-512"]
    return (sizes[linear].round(1) == 2).all() and (sizes.drop(linear) > 2).all()


def unfinished(results):
    return results.number("30_5_accuracy") < results.number("300_accuracy") - 10


def arithmetic_ratio(results):
    flops = results.table("sizes").set_index("network")["FLOPs"]
    return round(flops["LeNet-5"] / flops["300"], 2) == 1.75


def adam(results):
    weights = 4 * results.table("sizes").set_index("network")["parameters"]["LeNet-5"] / 1000
    return (round(weights), round(2 * weights), round(4 * weights)) == (247, 494, 987)


CLAIMS: list[Claim] = [
    Claim("why do the CNNs compute more with each parameter?", cnns_reuse_weights),
    Claim("LeNet-5 has about a quarter of the parameters of MLP 300,", quarter),
    Claim("and does more arithmetic with them", more_arithmetic),
    Claim("LeNet-5 does 1.75 times the FLOPs of MLP 300 per image.", arithmetic_ratio),
    Claim("In the quick profile, 30-5 is far from finished after four epochs", unfinished, only="quick"),
    Claim("247 kB for the gradients and 494 kB for Adam: 987 kB before the first activation.", adam),
]
