from claims import Claim

CLAIMS = [
    Claim(
        "SGD with a learning rate of 0.01 and no momentum has by far the lowest accuracy.",
        lambda results: (
            results.table("options").set_index("training")["mean"].drop("SGD, 0.01").min()
            > results.table("options").set_index("training")["mean"]["SGD, 0.01"] + 1
        ),
    ),
    Claim("the second changes one thing only, the network.", None),
]
