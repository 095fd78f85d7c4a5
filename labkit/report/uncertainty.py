"""How sure is a number? The interval of a mean difference, and what few test images leave open.

Two questions, two answers. "What will I get if I train once?": the standard deviation over the seeds. "Is A better than
B on average?": the mean difference with its 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labkit.basics.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Difference:
    """The mean difference between two designs over the same seeds, and the bounds of its 95 % interval, in points."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where 0 lies outside of the interval, else "not clear"."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not clear"

    def __str__(self) -> str:
        bounds = f"{self.low:+.2f} to {self.high:+.2f}"
        return f"{self.mean:+.2f} points, 95 % interval {bounds} ({self.n} seeds): {self.verdict}"


@dataclass(frozen=True)
class Discordant:
    """How many images only one of two networks gets right, and McNemar's exact p for "both are equally good"."""

    only_ours: int
    only_theirs: int
    p: float

    def __str__(self) -> str:
        return f"only ours right: {self.only_ours} images, only theirs right: {self.only_theirs}; p = {self.p:.2g}"


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return the mean of `ours` - `theirs` with its 95 % t interval (Student 1908).

    ours, theirs: accuracies in percent, one per seed, in the same order of seeds; UsageError unless they are equally
    many, two at least.
    """
    first, second = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise UsageError(
            f"compare needs two lists with one accuracy per seed, and got the shapes {first.shape} and {second.shape}: "
            "train both designs with the same two seeds or more."
        )
    differences = first - second
    low, high = interval(differences)
    return Difference(float(differences.mean()), low, high, len(differences))


def compare_all(values: Mapping[str, Sequence[float]], base: str, kind: str = "network") -> pd.DataFrame:
    """Return a table with one row per design: mean, sd, and the difference to `base` with its 95 % interval.

    values: accuracies in percent of each design, one per seed, in the same order of seeds. Columns: `kind` (the name),
    mean, sd, difference, low, high, and verdict ("better", "worse", "not clear"; empty for `base` itself).
    """
    import pandas as pd

    rows = []
    for name, numbers in values.items():
        difference, spread = compare(numbers, values[base]), float(np.std(np.asarray(numbers, dtype=float), ddof=1))
        verdict = "" if name == base else difference.verdict
        bounds = difference.mean, difference.low, difference.high
        rows.append([name, float(np.mean(numbers)), spread, *bounds, verdict])
    return pd.DataFrame(rows, columns=[kind, "mean", "sd", "difference", "low", "high", "verdict"])


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the bounds of the interval for the mean of such values: mean ± t s / √n (Student 1908)."""
    array = np.asarray(values, dtype=float)
    reach = t_quantile(level, len(array)) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return float(array.mean()) - reach, float(array.mean()) + reach


def t_quantile(level: float, n: int) -> float:
    """Return how many standard errors a mean of `n` values lies off at most, in a share `level` of all samples."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + level) / 2))


def mcnemar(ours_right: Sequence[bool], theirs_right: Sequence[bool]) -> Discordant:
    """Count the images that only one of two networks gets right, on the same images in the same order (McNemar 1947).

    p is that of the exact binomial test: how often two equally good networks would differ at least so much.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(ours_right, dtype=bool), np.asarray(theirs_right, dtype=bool)
    if first.shape != second.shape:
        raise UsageError(f"mcnemar needs the same images for both, and got {first.shape} and {second.shape}.")
    ours, theirs = int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(ours, ours + theirs).pvalue) if ours + theirs else 1.0
    return Discordant(ours, theirs, p)


def image_error(percent: float, n: int) -> float:
    """Return the standard error, in points, of an accuracy that was measured on `n` images: 100 √(p (1 - p) / n).

    Where all or none were right it is that of half an image's difference, since no accuracy is known exactly.
    """
    share = min(max(percent / 100, 0.5 / n), 1 - 0.5 / n)
    return 100 * math.sqrt(share * (1 - share) / n)


def last_batch(right: np.ndarray, seeds: Sequence[int]) -> pd.DataFrame:
    """Return, one row per seed, the accuracy on all images and on the last tenth of them, in percent.

    right: (seeds, images) whether each network is right. The images are shuffled first, once for all networks. low and
    high bound the 95 % interval of the last tenth's accuracy (Wilson 1927).
    """
    import pandas as pd
    from scipy.stats import binomtest

    size = max(1, right.shape[1] // 10)
    last = np.random.default_rng(seeds[0]).permutation(right.shape[1])[-size:]
    rows = []
    for seed, row in zip(seeds, right, strict=True):
        count = int(row[last].sum())
        interval = binomtest(count, size).proportion_ci(method="wilson")
        shares = {f"all {len(row):,}": row.mean(), f"last {size:,}": count / size, "low": interval.low}
        percents = {name: round(100 * float(share), 2) for name, share in {**shares, "high": interval.high}.items()}
        rows.append({"seed": seed, **percents})
    return pd.DataFrame(rows)
