from claims import Claim


def gains(results):
    """Return by how many points LeNet-5 is ahead of the MLP, for images that moved by 0, 1, 2, ... pixels."""
    table = results.table("shift").pivot(index="pixels", columns="network", values="accuracy").sort_index()
    return table["LeNet-5"] - table["MLP 300"]


def falls(results):
    """Return whether each network gets worse with every pixel."""
    table = results.table("shift").pivot(index="pixels", columns="network", values="accuracy").sort_index()
    return bool((table.diff().dropna() < 0).all().all())


CLAIMS = [
    Claim("LeNet-5 keeps more of its accuracy at 1 to 3 pixels", lambda results: gains(results).loc[1:3].min() > 1),
    Claim("Both networks get worse with every pixel", falls),
    Claim("still makes fewer errors", lambda results: results.number("lenet5_test") > results.number("mlp_300_test")),
]
