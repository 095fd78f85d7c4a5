"""What chance gives: how much two groups share that wrote alone, told from all the other pairs of the class.

Answers are hard to model, so nothing is assumed of them but this: two that wrote alone, and agree at one place, are no
likelier for it to agree at another. At each place a pair's agreement becomes how rare it is: -log of the share of all
pairs that agree as much there. By Chernoff's bound, the sum over the places is as large with at most the probability
min over t of exp(K(t) - t * sum), where K adds up, over the places, the logarithm of the mean of exp(t * rarity).

Who makes many mistakes shares more of them, so K is that of the pair: from the first's other partners, from the
second's, or as much above the class's as the two together are above it, whichever is largest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labkit.grading.alike.background import Feature, Parts

CHANCE = 0.01  # pairs that a class shows in the mean where everybody wrote alone; the bound is larger than what happens
RATES = np.geomspace(0.05, 3, 24)  # t, where the bound is tried


@dataclass(frozen=True)
class _Place:
    """The pairs that agree at a place at all, and how rare it is to agree as much."""

    first: np.ndarray
    second: np.ndarray
    rarity: np.ndarray


def beyond_chance(parts: Sequence[Parts], weights: Mapping[Feature, float], may: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs that share more than chance gives.

    parts: of each group. weights: of the things that count. may: (groups, groups), True where two may be compared.
    """
    pairs = int(np.triu(may, 1).sum())
    if not pairs:
        return []
    places = []
    total = np.zeros(may.shape)
    for name in sorted({name for own in parts for name in own}):
        agreement = np.triu(_agreement([own.get(name, set()) for own in parts], weights) * may, 1)
        first, second = np.nonzero(agreement)
        values = agreement[first, second]
        as_much = len(values) - np.searchsorted(
            np.sort(values), values * (1 - 1e-6)
        )  # pairs that agree as much or more
        places.append(_Place(first, second, np.log(pairs / as_much)))
        total[first, second] += places[-1].rarity
    # The class's K is the smallest, so what it takes for chance, the pair's own does as well.
    first, second = np.nonzero(total)
    of_class = np.array([sum(np.log1p(np.expm1(t * one.rarity).sum() / pairs) for one in places) for t in RATES])
    some = _few(of_class[:, None], total[first, second], pairs)
    first, second = first[some], second[some]
    beyond = _few(_of_pairs(first, second, places, may, pairs), total[first, second], pairs)
    return list(zip(first[beyond].tolist(), second[beyond].tolist(), strict=True))


def _few(bounds: np.ndarray, sums: np.ndarray, pairs: int) -> np.ndarray:
    """Whether chance gives fewer than CHANCE such pairs. bounds: K at each of RATES."""
    logarithm: np.ndarray = (bounds - RATES[:, None] * sums).min(0) + np.log(pairs)
    return logarithm <= np.log(CHANCE)


def _of_pairs(
    first: np.ndarray, second: np.ndarray, places: Sequence[_Place], may: np.ndarray, pairs: int
) -> np.ndarray:
    """Return K of some pairs at each of RATES; a pair's own agreement counts as one of the class's, not of the two."""
    partners = np.maximum(may.sum(1), 1)
    bounds = np.zeros((len(RATES), len(first)))
    for number, rate in enumerate(RATES):
        sums = np.zeros((3, len(first)))
        for place in places:
            gains = np.expm1(rate * place.rarity)
            table = np.zeros(may.shape)
            table[place.first, place.second] = gains
            by_group, mean = table.sum(0) + table.sum(1), gains.sum() / pairs
            own = table[first, second]
            sums[0] += np.log1p((by_group[first] - own + mean) / partners[first])
            sums[1] += np.log1p((by_group[second] - own + mean) / partners[second])
            sums[2] += np.log1p(mean)
        together = sums[0] * sums[1] / np.maximum(sums[2], 1e-300)
        bounds[number] = np.maximum(sums.max(0), together)
    return bounds


def _agreement(own: Sequence[set[Feature]], weights: Mapping[Feature, float]) -> np.ndarray:
    """Return the weight of what each two groups share at one place: (groups, groups)."""
    having: dict[Feature, list[int]] = defaultdict(list)
    for group, features in enumerate(own):
        for feature in features & weights.keys():
            having[feature].append(group)
    table = np.zeros((len(own), len(own)))
    for feature, groups in having.items():
        if len(groups) > 1:
            table[np.ix_(groups, groups)] += weights[feature]
    return table
