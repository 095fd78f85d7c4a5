from claims import Claim


def sigmoid_is_last_at_the_low_rate(results):
    return results.number("sigmoid_low_10_test") < min(
        results.number("tanh_low_10_test"), results.number("relu_low_10_test")
    )


def a_higher_rate_and_more_epochs_leave_the_plateau(results):
    slow, later = results.number("sigmoid_low_10_test"), results.number("sigmoid_low_15_test")
    return slow < later < results.number("sigmoid_high_15_test")


CLAIMS = [
    Claim("The sigmoid's slope is at most 0.25.", None),
    Claim("stays there longest at the low rate", sigmoid_is_last_at_the_low_rate),
    Claim(
        "A plateau is no verdict on the network: with more epochs it goes on.",
        a_higher_rate_and_more_epochs_leave_the_plateau,
    ),
]
