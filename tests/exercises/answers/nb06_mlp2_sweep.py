import numpy as np
import pandas as pd
from scipy import stats


def as_good(runs, ddof=1, own=False, times=1, without_best=False):
    cells = runs.groupby("network")["test"].agg(mean="mean", std=lambda values: values.std(ddof=ddof))
    best = cells["mean"].idxmax()
    limit = cells["std"] if own else cells.loc[best, "std"]
    names = cells.index[cells["mean"].max() - cells["mean"] <= times * limit]
    return names.drop(best) if without_best else names


def as_good_by_hand(runs):
    tests = {}
    for network, test in zip(runs["network"], runs["test"], strict=True):
        tests.setdefault(network, []).append(test)
    best = max(tests.values(), key=np.mean)
    return {name for name, values in tests.items() if np.mean(values) >= np.mean(best) - np.std(best, ddof=1)}


def as_good_over_everything(runs):
    means = runs.groupby("network")["test"].mean()
    return list(means.index[means >= means.max() - runs["test"].std()])


def as_good_as_the_luckiest(runs):
    best = runs.loc[runs["test"].idxmax(), "network"]
    cells = runs.groupby("network")["test"].agg(["mean", "std"])
    return list(cells.index[cells["mean"] >= cells.loc[best, "mean"] - cells.loc[best, "std"]])


def cumulated(values, window):
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return (sums[window:] - sums[:-window]) / window


def clearly_better(ours, theirs, times=2, ddof=1, sides=abs, factor=100):
    difference = factor * (ours - theirs)
    return difference, sides(difference.mean()) > times * difference.std(ddof=ddof)


def clearly_better_by_hand(ours, theirs):
    points = [100 * float(one - other) for one, other in zip(ours, theirs, strict=True)]
    mean = sum(points) / len(points)
    variance = sum((point - mean) ** 2 for point in points) / (len(points) - 1)
    return [points, int(mean**2 > 4 * variance)]


def unpaired(ours, theirs):
    difference = 100 * (ours - theirs)
    return difference, 100 * abs(ours.mean() - theirs.mean()) > 200 * max(ours.std(ddof=1), theirs.std(ddof=1))


def by(runs, statistic, spread="std"):
    """The rule with another statistic in place of the mean, or of the standard deviation."""
    cells = runs.groupby("network")["test"].agg([statistic, spread])
    best = cells[statistic].idxmax()
    return list(cells.index[cells[statistic] >= cells.loc[best, statistic] - cells.loc[best, spread]])


def with_limit(runs, limit):
    cells = runs.groupby("network")["test"].agg(["mean", "std"])
    return list(cells.index[cells["mean"] >= cells["mean"].max() - limit(cells)])


def one_run_within(runs):
    cells = runs.groupby("network")["test"].agg(["mean", "std"])
    best = cells.loc[cells["mean"].idxmax()]
    return set(runs.loc[runs["test"] >= best["mean"] - best["std"], "network"])


def bands_that_touch(runs):
    cells = runs.groupby("network")["test"].agg(["mean", "std"])
    best = cells.loc[cells["mean"].idxmax()]
    return list(cells.index[cells["mean"] + cells["std"] >= best["mean"] - best["std"]])


def by_points(rule):
    """Right differences, with a rule of one's own."""
    return lambda ours, theirs: (100 * (ours - theirs), bool(rule(100 * (ours - theirs))))


RIGHT = {
    "6.1": [
        lambda first, second: [(784 + 1) * first, (first + 1) * second, (second + 1) * 10],
        lambda first, second: np.array([28**2, first, second]) * [first, second, 10] + np.array([first, second, 10]),
    ],
    "6.2": [
        as_good,
        as_good_by_hand,
        lambda runs: tuple(reversed(list(as_good(runs)))),
        lambda runs: as_good(runs).array,
        lambda runs: pd.Series(list(as_good(runs))),
    ],
    "6.3": [
        cumulated,
        lambda values, window: [values[i : i + window].mean() for i in range(len(values) - window + 1)],
        lambda values, window: pd.Series(values).rolling(window).mean().dropna(),
        lambda values, window: np.convolve(values, np.ones(window) / window, mode="valid").astype(np.float32),
    ],
    "6.4": [
        clearly_better,
        clearly_better_by_hand,
        lambda ours, theirs: [
            pd.Series(100 * (ours - theirs), index=range(5, 5 + len(ours))),
            np.bool_(clearly_better(ours, theirs)[1]),
        ],
    ],
}
WRONG = {
    "6.1": [
        (lambda first, second: [784 * first, first * second, second * 10], "biases are missing"),
        (lambda first, second: [785 * first, (first + 1) * second], "The output is a layer"),
        (lambda first, second: [29 * first, (first + 1) * second, (second + 1) * 10], "28 x 28 = 784"),
        (lambda first, second: [first, (first + 1) * second, (second + 1) * 10], "The first layer has weights"),
        (lambda first, second: 785 * first + (first + 1) * second + (second + 1) * 10, "This is the sum"),
        (lambda first, second: [784 * (first + 1), first * (second + 1), second * 11], "not each input"),
        (lambda first, second: [235_500, 30_100, 1_010], "the number for the first layer"),
        (lambda first, second: [785 * first, (first + 1) * second, second * 10], "the number for the output"),
        (lambda first, second: [785 * first, 785 * second, (second + 1) * 10], "the number for the second layer"),
        (
            lambda first, second: [785 * second, (second + 1) * first, (first + 1) * 10],
            "the number for the first layer",
        ),
    ],
    "6.2": [
        (lambda runs: as_good(runs, ddof=0), "it divides by n - 1"),
        (lambda runs: as_good(runs, own=True), "each network's own"),
        (lambda runs: as_good(runs, without_best=True), "The best one is missing"),
        (lambda runs: as_good(runs, times=2), "not two"),
        (lambda runs: as_good(runs, times=len(runs) ** -0.5 * 3), "divides the standard deviation by the root of n"),
        (as_good_over_everything, "over all runs of the grid"),
        (as_good_as_the_luckiest, "not with the best single run"),
        (lambda runs: runs.groupby("network")["test"].mean(), "something else than names"),
        (lambda runs: runs[runs["network"].isin(as_good(runs))]["network"], "each is wanted once"),
        (lambda runs: runs["network"].unique(), "look at it again"),
        (lambda runs: by(runs, "max"), "the best run of each network"),
        (lambda runs: by(runs, "median"), "It compares the medians"),
        (lambda runs: by(runs, "min"), "means count"),
        (lambda runs: by(runs, "mean", "var"), "It takes the variance"),
        (lambda runs: with_limit(runs, lambda cells: cells["std"].mean()), "the mean of all standard deviations"),
        (lambda runs: with_limit(runs, lambda cells: cells["std"].max()), "the largest standard deviation"),
        (lambda runs: with_limit(runs, lambda cells: cells["mean"].std()), "over the means of all networks"),
        (lambda runs: with_limit(runs, lambda cells: 0.0), "Only the best one is named"),
        (one_run_within, "One run of a network lies within"),
        (bands_that_touch, "Both standard deviations are added"),
        (lambda runs: ["300-100"], "is not the name of a network"),
        (lambda runs: [], "look at it again"),
    ],
    "6.3": [
        (lambda values, window: pd.Series(values).rolling(window).mean(), "It holds NaN"),
        (lambda values, window: pd.Series(values).rolling(window, min_periods=1).mean(), "as many entries"),
        (lambda values, window: window * cumulated(values, window), "sums over each window"),
        (
            lambda values, window: [values[i : i + window].mean() for i in range(len(values) - window)],
            "One entry is missing",
        ),
        (
            lambda values, window: [values[max(0, i - window) : i].mean() for i in range(window, len(values) + 2)],
            "too many",
        ),
        (lambda values, window: cumulated(values, window)[::-1], "not the means of"),
        (lambda values, window: np.convolve(values, np.ones(window) / window, "same"), "as many entries"),
        (lambda values, window: values[window - 1 :], "not the means of"),
        (lambda values, window: pd.Series(values).ewm(span=window).mean()[window - 1 :], "not the means of"),
        (
            lambda values, window: [np.median(values[i : i + window]) for i in range(len(values) - window + 1)],
            "not the",
        ),
        (lambda values, window: cumulated(values, window) * window / (window + 1), "not the means of"),
        (lambda values, window: cumulated(values, window)[:, None], "a list is wanted"),
        (lambda values, window: values.mean(), "a list is wanted"),
    ],
    "6.4": [
        (unpaired, "not that of each network"),
        (lambda ours, theirs: clearly_better(ours, theirs, ddof=0), "it divides by n - 1"),
        (lambda ours, theirs: clearly_better(ours, theirs, factor=1), "are shares"),
        (lambda ours, theirs: clearly_better(ours, theirs, sides=float), "below 0 counts"),
        (lambda ours, theirs: clearly_better(ours, theirs, times=1), "The limit is 2 times"),
        (lambda ours, theirs: clearly_better(theirs, ours), "wrong sign"),
        (lambda ours, theirs: clearly_better(np.sort(ours), np.sort(theirs)), "Sorting breaks the pairs"),
        (lambda ours, theirs: (100 * (ours - theirs).mean(), True), "not their mean"),
        (lambda ours, theirs: (100 * (ours - theirs), "yes"), "numbers are wanted"),
        (lambda ours, theirs: (100 * (ours - theirs), 100 * (ours - theirs).mean() > 0), "the verdict cannot be False"),
        (by_points(lambda points: stats.ttest_1samp(points, 0).pvalue < 0.05), "This is a t-test"),
        (by_points(lambda points: abs(points.mean()) > points.std(ddof=1) / len(points) ** 0.5), "the root of n"),
        (by_points(lambda points: abs(points.mean()) > 1.96 * points.std(ddof=1)), "not 1.96"),
        (by_points(lambda points: abs(points.mean()) > 2 * points.var(ddof=1)), "The variance is there"),
        (by_points(lambda points: abs(np.median(points)) > 2 * points.std(ddof=1)), "this is the median"),
        (by_points(lambda points: abs(np.sign(points).sum()) == len(points)), "the same sign is another rule"),
        (by_points(lambda points: abs(points.mean()) > 3 * points.std(ddof=1)), "the verdict cannot be False"),
        (by_points(lambda points: True), "It always decides"),
        (lambda ours, theirs: (100 * (ours - theirs).round(4), True), "leave all their digits"),
        (lambda ours, theirs: clearly_better(ours, theirs)[1], "holds two things: the differences"),
        (lambda ours, theirs: clearly_better(ours, theirs)[0], "holds two things: the differences"),
        (lambda ours, theirs: clearly_better(ours, theirs)[::-1], "not their mean"),
    ],
}
