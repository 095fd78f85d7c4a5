"""Exercises that write an interval: of a mean difference (notebook 2), and of a share (notebook 5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, close

T = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}  # Student's t, as notebook 2 prints it
Z = 1.959964
PLACES = 0.006  # of half an interval's width: so far do a table's two digits differ from all of them
TWO = "Your function returns the shape {}, but two numbers are wanted: the lower bound and the upper one."
SPREAD = (
    "This is the spread of single runs, which does not shrink with more seeds: the mean is surer, by the root of n."
)
UNPAIRED = (
    "This is the interval for seeds that are not paired. It is a right one for such data, but not the one asked for: "
    "take the difference seed by seed first."
)
EXACT = (
    "This is the exact interval of Clopper and Pearson: a right one as well, and a little wider. Wilson's is asked for."
)
SYMMETRIC = "This is p ± z times the standard error, the interval that is no good near 100 %: Wilson's is asked for."
Bounds = tuple[float, float]


def draw_pairs(rng: np.random.Generator) -> Inputs:
    """Return accuracies (%) of two networks over the same seeds, as training may give them: somewhat correlated."""
    inputs: Inputs = []
    for count, gain in zip(rng.permutation([3, 5, 8, 10]), (1.5, -2.0, 0.2, 0.8), strict=True):
        theirs, scatter = rng.normal(90, 1, count), rng.normal(0, 1.2, count)
        inputs.append((theirs + gain + scatter, theirs))
    return inputs


def judge_interval(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is the 95 % t interval of the mean difference; name the mistake in it."""
    for answer, (ours, theirs) in zip(answers, inputs, strict=True):
        found, d = _bounds(answer), np.asarray(ours) - np.asarray(theirs)
        half = T[len(d)] * d.std(ddof=1) / math.sqrt(len(d))
        if _same(found, _around(d.mean(), half), half):
            continue
        for bounds, message in _wrong_intervals(np.asarray(ours), np.asarray(theirs)):
            if _same(found, bounds, half):
                raise Wrong(message)
        low, high = _around(d.mean(), half)
        raise Wrong(
            f"With {len(d)} seeds, a mean difference of {d.mean():.3f} and a standard deviation of {d.std(ddof=1):.3f} "
            f"the interval goes from {low:.3f} to {high:.3f}, but yours from {found[0]:.3f} to {found[1]:.3f}."
        )


def _wrong_intervals(ours: np.ndarray, theirs: np.ndarray) -> list[tuple[Bounds, str]]:
    d, n = ours - theirs, len(ours)
    mean, s, t = float(d.mean()), float(d.std(ddof=1)), T[n]
    error = s / math.sqrt(n)
    apart = math.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / n)
    as_half: Callable[[float], Bounds] = lambda half: _around(mean, half)  # noqa: E731
    return [
        *[(as_half(factor * s), SPREAD) for factor in (1, 2, 1.96, t)],
        (as_half(t * float(d.std()) / math.sqrt(n)), "NumPy's std divides by n: `ddof=1` divides by n - 1."),
        (as_half(t * s / n), "It divides by n; the standard error is s divided by the root of n."),
        (as_half(t * s / math.sqrt(n - 1)), "It divides by the root of n - 1; the standard error has the root of n."),
        (as_half(t * s**2 / math.sqrt(n)), "It takes the variance; the standard deviation is its root."),
        (as_half(error), "This is one standard error: the factor t is missing, which makes it a 95 % interval."),
        *[
            (as_half(factor * error), f"The factor {factor:g} is right for very many seeds; for n = {n}, t is {t}.")
            for factor in (1.96, 2)
        ],
        (as_half(_t(0.95, n - 1) * error), "t leaves 5 % out on each side here: 2.5 % on each side are wanted."),
        (as_half(_t(0.995, n - 1) * error), "This is the 99 % interval: leave 2.5 % out on each side."),
        (as_half(_t(0.975, n) * error), f"t belongs to n - 1 = {n - 1} degrees of freedom, not to n."),
        *[(as_half(T[other] * error), f"The seeds are {n} here, but t is that of {other}.") for other in T],
        (as_half(t * apart), UNPAIRED),
        (as_half(_t(0.975, 2 * n - 2) * apart), UNPAIRED),
        (as_half(_t(0.975, _welch(ours, theirs)) * apart), UNPAIRED),
        (_around(-mean, t * error), "The sign is turned round: ours minus theirs, above 0 where ours is better."),
        ((mean + t * error, mean - t * error), "The upper bound comes first: return the lower one first."),
        ((mean, t * error), "This is the mean and half the width: return mean - half and mean + half."),
        (_around(0, t * error), "The mean is missing: the interval lies around the mean difference."),
        (_around(float(np.median(d)), t * error), "It lies around the median; the mean is wanted."),
        ((float(d.min()), float(d.max())), "This is the smallest and the largest difference of single runs."),
        (
            (float(np.quantile(d, 0.025)), float(np.quantile(d, 0.975))),
            "These are quantiles of single runs, which do not move together with more seeds.",
        ),
    ]


def draw_shares(rng: np.random.Generator) -> Inputs:
    """Return how many of how many images were right, near 100 % and further away."""
    return [
        (int(n - wrong), int(n))
        for n, wrong in ((1000, rng.integers(6, 12)), (450, rng.integers(10, 30)), (40, 1), (20, 0), (25, 11))
    ]


def judge_wilson(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is Wilson's 95 % interval, in percent; name the mistake in it."""
    for answer, (right, n) in zip(answers, inputs, strict=True):
        found, (low, high) = _bounds(answer), wilson(right, n)
        if _same(found, (low, high), (high - low) / 4):  # z = 1.96 or 2 digits of it
            continue
        for bounds, message in _wrong_shares(right, n):
            if _same(found, bounds, (high - low) / 4):
                raise Wrong(message)
        raise Wrong(
            f"For {right} of {n} Wilson's interval goes from {low:.2f} to {high:.2f} %, but yours from "
            f"{found[0]:.2f} to {found[1]:.2f}."
        )


def wilson(right: int, n: int, z: float = Z) -> Bounds:
    """Return the bounds of Wilson's interval (1927) for a share, in percent."""
    p = right / n
    middle, half = (p + z**2 / (2 * n)), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return 100 * (middle - half) / (1 + z**2 / n), 100 * (middle + half) / (1 + z**2 / n)


def _wrong_shares(right: int, n: int) -> list[tuple[Bounds, str]]:
    p, (low, high) = right / n, wilson(right, n)
    error, widened = math.sqrt(p * (1 - p) / n), math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    factor, middle = 1 + Z**2 / n, p + Z**2 / (2 * n)
    exact = _exact(right, n)
    shares = [
        (_around(p, Z * error), SYMMETRIC),
        (_around(p, 2 * error), SYMMETRIC),
        ((max(0.0, p - Z * error), min(1.0, p + Z * error)), SYMMETRIC),
        (
            _around(p, error),
            "This is one standard error on either side of p: it has no z, and is not Wilson's interval.",
        ),
        (_around(middle, Z * widened), "The division by 1 + z²/n is missing."),
        (_around(middle / factor, Z * widened), "Half the width is to be divided by 1 + z²/n as well."),
        (_around(middle, Z * widened / factor), "The middle is to be divided by 1 + z²/n as well."),
        *[
            (
                _around(middle, Z * widened / factor),
                "The middle is p here: Wilson's moves it towards one half, by z²/2n.",
            )
            for middle in (p, p / factor)
        ],
        (_around(middle / factor, Z * error / factor), "Below the root z²/4n² is missing."),
        (_around(middle / factor, widened / factor), "The factor z in front of the root is missing."),
        (_around((p + Z**2 / n) / factor, Z * widened / factor), "The middle moves by z² / (2n), not by z² / n."),
        (exact, EXACT),
        ((1 - high / 100, 1 - low / 100), "These are the bounds of the errors: the share that is right is wanted."),
    ]
    return [
        ((low / 100, high / 100), "These are shares between 0 and 1: percent are wanted."),
        *[((100 * a, 100 * b), message) for (a, b), message in shares],
        *[(bounds, f"{message} And percent are wanted, not shares.") for bounds, message in shares[:6]],
        ((high, low), "The upper bound comes first: return the lower one first."),
        (wilson(right, n, 1.644854), "z leaves 5 % out on each side here: 2.5 % on each side are wanted, z = 1.96."),
        (wilson(right, n, 2.575829), "This is the 99 % interval: z is 1.96 for 95 %."),
        *[(wilson(right, n, z), f"z is {z} here: it is 1.96 for 95 %.") for z in (1, 2)],
    ]


def _bounds(answer: Any) -> Bounds:
    """Return an answer that is two numbers, in whatever holds them; Wrong for anything else."""
    array = as_array(answer)
    if array.size != 2 or array.ndim > 2:
        raise Wrong(TWO.format(array.shape))
    low, high = array.ravel().tolist()
    return low, high


def _around(middle: float, half: float) -> Bounds:
    return float(middle - half), float(middle + half)


def _same(found: Bounds, bounds: Bounds, half: float) -> bool:
    return bool(np.abs(np.subtract(found, bounds)).max() <= PLACES * abs(half)) or close(found, bounds, 1e-9)


def _t(share: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def _welch(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the degrees of freedom of two samples with variances of their own (Welch 1947), as many of each."""
    first, second = ours.var(ddof=1), theirs.var(ddof=1)
    return float((first + second) ** 2 / (first**2 + second**2) * (len(ours) - 1))


def _exact(right: int, n: int) -> Bounds:
    """Return the interval of Clopper and Pearson (1934), as shares."""
    from scipy.special import betaincinv

    low = float(betaincinv(right, n - right + 1, 0.025)) if right else 0.0
    return low, float(betaincinv(right + 1, n - right, 0.975)) if right < n else 1.0
