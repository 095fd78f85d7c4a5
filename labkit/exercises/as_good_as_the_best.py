"""The exercise of notebook 6 that names the networks within one standard deviation of the best one."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.comparing import spread_out
from labkit.exercises.exercise import Inputs, Wrong, as_list, name_mistake

# How far the means lie below the best one, and how far their own runs spread, in the best one's standard deviations:
# between any two rules of `_rules` lies a network that one of them names and the other does not.
# The second one, None, lies where only the sample standard deviation still reaches.
PLACES = (
    *((0, 1), (None, 1), (0.15, 0.05), (0.3, 0.2), (0.6, 0.9), (1.2, 0.5)),
    *((1.6, 3), (1.8, 0.2), (2.4, 1.2), (3.5, 0.3), (4.2, 0.3), (5.2, 0.5), (12, 7)),
)


def draw_grids(rng: np.random.Generator) -> Inputs:
    """Return runs of networks between which any two rules that one might take tell a difference."""
    import pandas as pd

    grids = []
    for count in (5, 4, 6):
        names = [f"{10 * first}-{second}" for first in rng.permutation(30)[:5] + 10 for second in (20, 45, 80)]
        best, unit = rng.uniform(93, 97), rng.uniform(0.2, 0.27)
        limit = (1 + np.sqrt((count - 1) / count)) / 2
        rows = [
            {
                "network": names[index],
                "seed": seed,
                "test": best + unit * (spread * value - (limit if k is None else k)),
            }
            for index, (k, spread) in zip(rng.permutation(13), PLACES, strict=True)
            for seed, value in enumerate(spread_out(rng, count))
        ]
        grids.append((pd.DataFrame([rows[index] for index in rng.permutation(len(rows))]),))
    return grids


def _within(means: Any, limit: Any, top: str) -> set[str]:
    """Return the networks whose mean lies at most `limit` below that of `top`."""
    return set(means.index[means[top] - means <= limit])


def _rules(runs: Any) -> list[tuple[set[str], str]]:
    """Return which networks a rule names that one might take for that of exercise 6.2, and what is wrong with it."""
    groups = runs.groupby("network")["test"]
    mean, spread, most, least, middle = (getattr(groups, name)() for name in ("mean", "std", "max", "min", "median"))
    best, luckiest = mean.idxmax(), most.idxmax()
    expected = _within(mean, spread[best], best)
    rules = (
        (expected - {best}, "The best one is missing: it lies 0 standard deviations below itself."),
        ({best}, "Only the best one is named: others lie within one standard deviation of its mean."),
        (
            _within(mean, groups.std(ddof=0)[best], best),
            "The sample standard deviation is wanted: it divides by n - 1, not n.",
        ),
        (
            _within(mean, spread, best),
            "It takes each network's own standard deviation; the best one's is the yardstick for all.",
        ),
        (
            _within(mean, spread[best] / groups.size()[best] ** 0.5, best),
            "It divides the standard deviation by the root of n.",
        ),
        (_within(mean, 2 * spread[best], best), "The limit is one standard deviation, not two."),
        (_within(mean, spread[best] ** 2, best), "It takes the variance; the standard deviation is its root."),
        (
            _within(mean, runs["test"].std(), best),
            "The standard deviation is over all runs of the grid, not the best one's runs.",
        ),
        (
            _within(mean, mean.std(), best),
            "The standard deviation is over the means of all networks, not over the best one's runs.",
        ),
        (_within(mean, spread.mean(), best), "It takes the mean of all standard deviations; the best one's is wanted."),
        (_within(mean, spread.max(), best), "It takes the largest standard deviation; the best one's is wanted."),
        (
            _within(mean, spread[luckiest], luckiest),
            "The best network is that with the best mean, not with the best single run.",
        ),
        (_within(most, spread[luckiest], luckiest), "It compares the best run of each network; their means count."),
        (set(most.index[mean[best] - most <= spread[best]]), "One run of a network lies within; its mean must."),
        (_within(middle, spread[middle.idxmax()], middle.idxmax()), "It compares the medians; the means count."),
        (
            _within(least, spread[least.idxmax()], least.idxmax()),
            "It compares the worst run of each network; their means count.",
        ),
        (
            set(mean.index[mean + spread >= mean[best] - spread[best]]),
            "Both standard deviations are added; a mean must lie within that of the best one alone.",
        ),
    )
    return [(expected, ""), *rules]


def judge_as_good(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer names the networks that the rule names."""
    names, rules = [], [_rules(runs) for (runs,) in inputs]
    for answer, (runs,) in zip(answers, inputs, strict=True):
        listed = as_list(answer)
        if not all(isinstance(name, str) for name in listed):
            raise Wrong("It returns something else than names; in a grouped table the names are the index.")
        if unknown := sorted(set(listed) - set(runs["network"])):
            raise Wrong(f"{unknown[0]!r} is not the name of a network of this grid.")
        if len(listed) > len(set(listed)):
            raise Wrong("A name is there more than once; each is wanted once.")
        names.append(set(listed))
    expected = [first for (first, _), *_ in rules]
    if names == expected:
        return
    for rule in zip(*rules, strict=True):
        name_mistake(names, [([given for given, _ in rule], rule[0][1])])
    found, wanted, runs = next(
        triple for triple in zip(names, expected, (runs for (runs,) in inputs), strict=True) if triple[0] != triple[1]
    )
    groups, wrong = runs.groupby("network")["test"], min(found ^ wanted)
    mean, best = groups.mean(), groups.mean().idxmax()
    below = (mean[best] - mean[wrong]) / groups.std()[best]
    raise Wrong(f"Network {wrong} lies {below:.2f} of the best one's standard deviations below it; look at it again.")
