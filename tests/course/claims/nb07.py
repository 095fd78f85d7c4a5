from claims import Claim


def loss_by_dropout(results, network):
    """Return how many points of validation accuracy p = 0.6 costs a network."""
    table = results.table("dropout")
    means = table[table["network"] == network].set_index("dropout")["validation"]
    return means[0.0] - means[0.6]


CLAIMS = [
    Claim("The mean stays 1, so the next layer sees the same total on average.", None),
    Claim("The next layer sees no difference", None),
    Claim(
        "Where dropout is strong and the learning rate small, accuracy on *training* images falls as well",
        lambda results: (
            results.number("b4_p06_train") < min(results.number(f"{key}_train") for key in ("b3_plain", "b4_p02")) - 5
        ),
    ),
    Claim(
        "comes much closer to what the group reports.",
        lambda results: (
            abs(95.6 - results.number("b4_forgotten_train")) < 0.6 * abs(95.6 - results.number("b4_p05_train"))
        ),
    ),
    Claim(
        "The narrow network loses far more by p = 0.6 than the wide one",
        lambda results: loss_by_dropout(results, "30-5") > loss_by_dropout(results, "300-100") + 2,
    ),
    Claim(
        "the network goes from overfitting (hardly an error on training images, several on others) to underfitting",
        lambda results: (
            100 - results.table("weight_decay")["train"].iloc[0]
            < 0.6 * (100 - results.table("weight_decay")["validation"].iloc[0])
            and results.table("weight_decay")["train"].iloc[-1] < 95
        ),
    ),
]
