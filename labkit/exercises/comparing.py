"""What exercises share that compare two networks seed by seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.exercises.exercise import Wrong

Rule = Callable[[np.ndarray], Any]
Verdict = Callable[[float, float], Any]


def spread_out(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return random numbers in random order, with mean 0 and sample standard deviation 1 to the last digit."""
    values = np.linspace(-1, 1, count) + rng.uniform(-0.1, 0.1, count)
    return np.asarray(rng.permutation((values - values.mean()) / values.std(ddof=1)))


def paired(rng: np.random.Generator, count: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return accuracies (%) of two networks over the same seeds; `ratio`: mean difference in standard deviations.

    A seed moves both networks by far more than they differ, so whoever does not compare seed by seed finds nothing.
    """
    theirs = rng.uniform(88, 91) + 2 * spread_out(rng, count)
    return theirs + rng.uniform(0.1, 0.25) * (spread_out(rng, count) + ratio), theirs


def judge_verdicts(verdicts: list[Any], cases: list[np.ndarray], decide: Verdict, times: int) -> None:
    """Raise Wrong unless `verdicts` holds the right verdict on the differences of each case; name a mistaken rule.

    decide: takes a mean and the limit that it must exceed, here `times` the sample standard deviation.
    """

    def by_rule(limit: Rule, mean: Rule = np.mean) -> list[Any]:
        return [decide(float(mean(case)), float(limit(case))) for case in cases]

    def right(case: np.ndarray) -> float:
        return times * float(case.std(ddof=1))

    expected, other = by_rule(right), 3 - times
    if verdicts == expected:
        return
    for mistake, message in (
        (by_rule(lambda d: times * d.std()), "The sample standard deviation is wanted: it divides by n - 1, not n."),
        (by_rule(lambda d: right(d) / len(d) ** 0.5), "It divides the standard deviation by the root of n."),
        (by_rule(lambda d: other * d.std(ddof=1)), f"The limit is {times} times the standard deviation, not {other}."),
        (by_rule(right, lambda d: max(d.mean(), 0)), "A mean far below 0 counts as much as one far above."),
        (by_rule(right, lambda d: abs(d.mean())), "A mean far below 0 is worse, not better."),
        (by_rule(right, lambda d: -d.mean()), "The sign is turned round: above 0 is better."),
        (by_rule(lambda d: 0.0), "It always decides: a mean smaller than the limit tells nothing."),
        (
            by_rule(lambda d: np.inf),
            "It never decides: the spread of the differences counts, not that of each network.",
        ),
    ):
        if verdicts == mistake:
            raise Wrong(message)
    index = next(index for index in range(len(cases)) if verdicts[index] != expected[index])
    mean, spread = cases[index].mean(), cases[index].std(ddof=1)
    case_in_words = f"a mean of {mean:.2f} and a sample standard deviation of {spread:.2f} points"
    raise Wrong(f"The differences are right, but with {case_in_words} the verdict cannot be {verdicts[index]!r}.")
