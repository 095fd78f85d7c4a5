import numpy as np
import torch
from scipy import stats
from torch import nn

from labkit.models.networks import count_parameters


def as_pytorch_counts(maps_in, maps_out, side):
    return torch.tensor(count_parameters(nn.Conv2d(maps_in, maps_out, side)))


def effect(ddof=1, root=True, half=2, swap=False):
    def cohens_d(ours, theirs):
        variance = (np.var(ours, ddof=ddof) + np.var(theirs, ddof=ddof)) / half
        difference = np.mean(theirs) - np.mean(ours) if swap else np.mean(ours) - np.mean(theirs)
        return difference / (np.sqrt(variance) if root else variance)

    return cohens_d


def by_hand(ours, theirs):
    def variance(values):
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / (len(values) - 1)

    return float(sum(ours) / len(ours) - sum(theirs) / len(theirs)) / ((variance(ours) + variance(theirs)) / 2) ** 0.5


def weighted(ours, theirs):
    n, m = len(ours), len(theirs)
    pooled = ((n - 1) * np.var(ours, ddof=1) + 2 * (m - 1) * np.var(theirs, ddof=1)) / (n + m - 2)
    return (np.mean(ours) - np.mean(theirs)) / pooled**0.5


def by_names(after):
    first, last = (after.sort_values(column).index for column in after)
    return (first != last).sum()


def by_counting(after):
    values = after.to_numpy().tolist()

    def place(row, column):
        return sum(other[column] > row[column] for other in values)

    return len([row for row in values if place(row, 0) != place(row, 1)])


def ranks(after):
    return after.rank().to_numpy().T


def pairs(after):
    values = after.to_numpy()
    order = np.sign(values[:, None] - values)
    return (order[..., 0] != order[..., 1]).sum() / 2


def design(**changes):
    return lambda: {"feature_maps": (12, 28), "depth": 7, "activation": "relu", **changes}


RIGHT = {
    "3.1": [
        lambda maps_in, maps_out, side: (maps_in * side * side + 1) * maps_out,
        as_pytorch_counts,
        lambda maps_in, maps_out, side: float(maps_out * (maps_in * side**2)) + maps_out,
    ],
    "3.2": [effect(), by_hand],
    "3.3": [
        lambda after: int((np.diff(after.rank(ascending=False, method="first"), axis=1) != 0).sum()),
        by_names,
        by_counting,
        lambda after: np.count_nonzero(np.subtract(*ranks(after))),
    ],
    "3.4": [
        design(),
        design(feature_maps=[6, 20], activation="tanh"),
        lambda: {"depth": np.int64(9), "activation": "relu", "feature_maps": (8, 16)},
    ],
}
WRONG = {
    "3.1": [
        (lambda maps_in, maps_out, side: maps_in * maps_out * side**2, "The biases are missing"),
        (lambda maps_in, maps_out, side: (maps_in * side + 1) * maps_out, "side times side"),
        (lambda maps_in, maps_out, side: (maps_out * side**2 + 1) * maps_in, "a bias for each input map"),
        (lambda maps_in, maps_out, side: (side**2 + 1) * maps_in * maps_out, "a bias for each pair"),
        (lambda maps_in, maps_out, side: (side**2 + 1) * maps_out, "reaches through all input maps"),
        (lambda maps_in, maps_out, side: maps_in * maps_out * side**2 + 1, "one bias in all"),
        (lambda maps_in, maps_out, side: 456, "is not right"),
    ],
    "3.2": [
        (effect(ddof=0), "sample deviations need `ddof=1`"),
        (effect(root=False), "the root is missing"),
        (effect(swap=True), "The sign is turned round"),
        (effect(half=1), "half of that"),
        (lambda ours, theirs: np.mean(ours) - np.mean(theirs), "difference of the means alone"),
        (lambda ours, theirs: (ours.mean() - theirs.mean()) / theirs.std(ddof=1), "of theirs alone"),
        (
            lambda ours, theirs: (ours.mean() - theirs.mean()) / ((ours.std(ddof=1) + theirs.std(ddof=1)) / 2),
            "averages",
        ),
        (lambda ours, theirs: abs(effect()(ours, theirs)), "The sign is"),
        (
            lambda ours, theirs: (np.mean(ours) - np.mean(theirs)) / np.std([*ours, *theirs], ddof=1),
            "all values together",
        ),
        (
            lambda ours, theirs: (
                effect()(ours, theirs)
                if len(ours) != len(theirs)
                else (ours - theirs).mean() / (ours - theirs).std(ddof=1)
            ),
            "of the differences",
        ),
        (lambda ours, theirs: stats.ttest_ind(ours, theirs, equal_var=False).statistic, "Welch's test"),
        (lambda ours, theirs: [effect()(ours, theirs)], "a list, but one number is wanted"),
        (lambda ours, theirs: (effect()(ours, theirs), 0.0), "a tuple, but one number is wanted"),
        (weighted, "It is not the difference of the means"),
        (lambda ours, theirs: (ours - theirs[0]) / theirs.std(), "one number is wanted"),
    ],
    "3.3": [
        (lambda after: (after.iloc[:, 0] != after.iloc[:, 1]).sum(), "It compares accuracies"),
        (lambda after: np.equal(*ranks(after)).sum(), "kept their place"),
        (lambda after: np.abs(np.subtract(*ranks(after))).sum(), "by how many places"),
        (pairs, "the pairs that swapped"),
        (lambda after: np.less(*ranks(after)).sum(), "the designs that rose only"),
        (lambda after: np.greater(*ranks(after)).sum(), "the designs that fell only"),
        (lambda after: bool(np.not_equal(*ranks(after)).any()), "have another place"),
        (lambda after: (after[2] != after[10]).sum(), "raised KeyError"),
        (lambda after: np.not_equal(*ranks(after)), "one number is wanted"),
    ],
    "3.4": [
        (design(feature_maps=(6, 16)), "the baseline itself"),
        (design(feature_maps=[6, 17]), "Only one value differs"),
        (design(feature_maps=(6, 16), activation="tanh"), "Only one value differs"),
        (lambda: {"feature_maps": (12, 28), "activation": "relu"}, "has no depth"),
        (design(dropout=0.2), "'dropout' is not known"),
        (design(depth=8), "but depth is 8"),
        (design(depth=7.0), "depth must be a whole number"),
        (design(depth=1001), "would train for hours"),
        (design(activation="gelu"), "Activation 'gelu' is not known"),
        (design(activation=nn.ReLU), "activation must be a name"),
        (design(feature_maps=12), "a pair of whole numbers"),
        (design(feature_maps=("12", "28")), "a pair of whole numbers"),
        (design(feature_maps=(12, 28, 40)), "two numbers of feature maps"),
        (design(feature_maps=(12, 0)), "1 or more"),
        (lambda: [12, 28, 7, "relu"], "a dictionary is wanted"),
        (lambda: ((12, 28), 7, "relu"), "a tuple, but a dictionary is wanted"),
    ],
}
