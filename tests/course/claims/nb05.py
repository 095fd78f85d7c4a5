from claims import Claim


def first_steps_pay_most(results):
    means = results.table("accuracy_by_width").sort_values("width")["test"].diff().dropna()
    return means.iloc[0] == means.max()


def nearly_ten_times(results):
    parameters = results.table("accuracy_by_width").set_index("width")["parameters"]
    return 9 < parameters[300] / parameters[30] < 10


CLAIMS: list[Claim] = [
    Claim("Ten times the neurons cost nearly ten times the parameters.", nearly_ten_times),
    Claim("The first steps in width pay most.", first_steps_pay_most),
]
