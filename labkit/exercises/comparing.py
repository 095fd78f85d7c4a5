"""What exercises share that compare two networks seed by seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.exercises.exercise import Wrong, counted, name_mistake

Rule = Callable[[np.ndarray], Any]
Verdict = Callable[[float, float], Any]
T = {4: 3.182, 5: 2.776, 6: 2.571}  # 97.5 % of Student's t lie below, by number of seeds


def spread_out(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return random numbers in random order, with mean 0 and sample standard deviation 1 to the last digit.

    A large one stands against many small ones, so that the median lies well below the mean.
    """
    values = np.geomspace(1, 6, count) + rng.uniform(-0.1, 0.1, count)
    return np.asarray(rng.permutation((values - values.mean()) / values.std(ddof=1)))


def paired(rng: np.random.Generator, count: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return accuracies (%) of two networks over the same seeds; `ratio`: mean difference in standard deviations.

    A seed moves both networks by far more than they differ, so whoever does not compare seed by seed finds nothing. The
    mean difference has nothing to do with the ratio, so whoever compares it with a fixed number of points errs.
    """
    theirs = rng.uniform(88, 91) + 2 * spread_out(rng, count)
    return theirs + rng.uniform(0.1, 0.25) / max(abs(ratio), 0.3) * (spread_out(rng, count) + ratio), theirs


def judge_verdicts(verdicts: list[Any], cases: list[np.ndarray], decide: Verdict, times: int) -> None:
    """Raise Wrong unless `verdicts` holds the right verdict on the differences of each case; name a mistaken rule.

    decide: takes a mean and the limit that it must exceed, here `times` the sample standard deviation.
    """

    def by_rule(limit: Rule, mean: Rule = np.mean) -> list[Any]:
        return [decide(float(mean(case)), float(limit(case))) for case in cases]

    def right(case: np.ndarray) -> float:
        return times * float(case.std(ddof=1))

    def one_sided(case: np.ndarray) -> float:
        return 0.0 if abs(np.sign(case).sum()) == len(case) else np.inf

    expected, other = by_rule(right), 3 - times
    if verdicts == expected:
        return
    root = "It divides the standard deviation by the root of n."
    name_mistake(
        verdicts,
        (
            (
                by_rule(lambda d: times * d.std()),
                "The sample standard deviation is wanted: it divides by n - 1, not n.",
            ),
            (by_rule(lambda d: right(d) / len(d) ** 0.5), root),
            (by_rule(lambda d: other * d.std(ddof=1) / len(d) ** 0.5), root),
            (
                by_rule(lambda d: T[len(d)] * d.std(ddof=1) / len(d) ** 0.5),
                f"This is a t-test; the limit is {counted(times, 'standard deviation')}.",
            ),
            (
                by_rule(lambda d: other * d.std(ddof=1)),
                f"The limit is {times} times the standard deviation, not {other}.",
            ),
            (by_rule(lambda d: 1.96 * d.std(ddof=1)), "The limit is 2 times the standard deviation, not 1.96."),
            (by_rule(right, np.median), "The mean is wanted, but this is the median."),
            (by_rule(one_sided), "That all differences have the same sign is another rule: take mean and limit."),
            (by_rule(lambda d: times * d.var(ddof=1)), "The variance is there in place of its root."),
            (by_rule(right, lambda d: max(d.mean(), 0)), "A mean far below 0 counts as much as one far above."),
            (by_rule(right, lambda d: abs(d.mean())), "A mean far below 0 is worse, not better."),
            (by_rule(right, lambda d: -d.mean()), "The sign is turned round: above 0 is better."),
            (by_rule(lambda d: 0.0), "It always decides: a mean smaller than the limit tells nothing."),
            (
                by_rule(lambda d: np.inf),
                "It never decides: the spread of the differences counts, not that of each network.",
            ),
        ),
    )
    index = next(index for index in range(len(cases)) if verdicts[index] != expected[index])
    mean, spread = cases[index].mean(), cases[index].std(ddof=1)
    case_in_words = f"a mean of {mean:.2f} and a sample standard deviation of {spread:.2f} points"
    raise Wrong(f"The differences are right, but with {case_in_words} the verdict cannot be {verdicts[index]!r}.")
