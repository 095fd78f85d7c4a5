"""How far two graders agree: weighted kappa by item (Cohen 1968), and the drift of points over a grader's order."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from labkit.grading.marking.bench import Bench

FEWEST = 5  # answers that a kappa, or a drift, is told of


@dataclass(frozen=True)
class Agreement:
    """Of one item: answers with two marks, weighted kappa (None where it says nothing), largest difference."""

    item: str
    answers: int
    kappa: float | None
    largest: Decimal


def agreements(bench: Bench) -> list[Agreement]:
    """Return the agreement on each item that two graders marked the same answers of, the lowest first.

    Weights are linear in the points. There is no kappa of fewer than five answers, nor where all marks are the same.
    """
    found = []
    for item, answers in bench.answers.items():
        pairs: list[tuple[Decimal, Decimal]] = []
        for answer in answers:
            lines = [line for _, line in sorted(bench.standing.lines_of(item, answer.hash).items())]
            pairs += combinations([bench.standing.points(line) for line in lines if not line.open], 2)
        if pairs:
            largest = max(abs(one - other) for one, other in pairs)
            found.append(Agreement(item, len(pairs), _kappa(pairs), largest))
    return sorted(found, key=lambda one: (one.kappa is None, one.kappa or 0, one.item))


def drift(bench: Bench) -> float | None:
    """Return by how much of an item's points this grader's second halves differ from the first, on average.

    The order of answers is random, so it is near 0 for a grader who stays the same. None for fewer than five answers.
    """
    differences = []
    for item, answers in bench.answers.items():
        own = [bench.standing.line_of(item, answer.hash, bench.grader) for answer in answers]
        shares = [float(bench.standing.points(line) / bench.standing.items[item].points) for line in own if line]
        if len(shares) >= FEWEST:
            middle = len(shares) // 2
            differences.append(_mean(shares[middle:]) - _mean(shares[:middle]))
    return _mean(differences) if differences else None


def _kappa(pairs: list[tuple[Decimal, Decimal]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    levels = sorted({points for pair in pairs for points in pair})
    if len(pairs) < FEWEST or len(levels) < 2:
        return None
    # Equal steps between levels, as the points are, so that the weights follow the points and not their ranks.
    step = Decimal(math.gcd(*(int(1000 * (level - levels[0])) for level in levels))) / 1000
    labels = list(range(int((levels[-1] - levels[0]) / step) + 1))
    one, other = ([int((pair[side] - levels[0]) / step) for pair in pairs] for side in (0, 1))
    with warnings.catch_warnings(action="ignore"):  # where one grader gave the same to all
        kappa = float(cohen_kappa_score(one, other, labels=labels, weights="linear"))
    return None if math.isnan(kappa) else kappa


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)
