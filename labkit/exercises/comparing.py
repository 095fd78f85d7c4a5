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


def judge_verdicts(found: list[Any], cases: list[np.ndarray], verdict: Verdict, times: int) -> None:
    """Raise Wrong unless `found` holds the right verdict on the differences of each case; name a mistaken rule.

    verdict: takes a mean and the limit that it must exceed, here `times` the sample standard deviation.
    """

    def told(limit: Rule, mean: Rule = np.mean) -> list[Any]:
        return [verdict(float(mean(case)), float(limit(case))) for case in cases]

    def right(case: np.ndarray) -> float:
        return times * float(case.std(ddof=1))

    wanted, other = told(right), 3 - times
    if found == wanted:
        return
    for mistake, message in (
        (told(lambda d: times * d.std()), "The sample standard deviation is wanted: it divides by n - 1, not n."),
        (told(lambda d: right(d) / len(d) ** 0.5), "It divides the standard deviation by the root of n."),
        (told(lambda d: other * d.std(ddof=1)), f"The limit is {times} times the standard deviation, not {other}."),
        (told(right, lambda d: max(d.mean(), 0)), "A mean far below 0 counts as much as one far above."),
        (told(right, lambda d: abs(d.mean())), "A mean far below 0 is worse, not better."),
        (told(right, lambda d: -d.mean()), "The sign is turned round: above 0 is better."),
        (told(lambda d: 0.0), "It always decides: a mean smaller than the limit tells nothing."),
        (told(lambda d: np.inf), "It never decides: the spread of the differences counts, not that of each network."),
    ):
        if found == mistake:
            raise Wrong(message)
    index = next(index for index in range(len(cases)) if found[index] != wanted[index])
    mean, spread = cases[index].mean(), cases[index].std(ddof=1)
    facts = f"a mean of {mean:.2f} and a sample standard deviation of {spread:.2f} points"
    raise Wrong(f"The differences are right, but with {facts} the verdict cannot be {found[index]!r}.")
