"""Pairs of groups that share what few others have.

A thing that n of N groups have weighs log(N / n); what more than a tenth has, and what the course itself says, nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labkit.exercises.catalogue import chapter_of
from labkit.grading.alike.background import Background, Feature, Parts
from labkit.grading.alike.chance import beyond_chance
from labkit.grading.alike.fragments import is_long
from labkit.grading.alike.written import Group

FEW, LEAST_FEW = 0.1, 4  # of the groups; in a small class so many groups
FEWEST_TIMES = 4  # equal times; two runs on one machine agree in one of five digits at most by chance
SUBSTANCE = 20  # things of a group's own in a notebook, without which two may be the same by chance


@dataclass(frozen=True)
class Pair:
    """Two groups, and what they share.

    weight: of all things. parts: the shared things by exercise, notebook (its questions) and "report", the heaviest
    part first. books: notebooks that are the same in every cell. times: (notebook, "name value"), equal to all digits.
    figures: how many are equal, where times are.
    """

    first: Group
    second: Group
    weight: float
    parts: dict[str, dict[Feature, float]]
    books: tuple[str, ...]
    times: tuple[tuple[str, str], ...]
    figures: int


def compare(groups: Sequence[Group], background: Background) -> list[Pair]:
    """Return the pairs that a person should look at: same notebooks first, then same runs, then by weight.

    Any of these makes a pair: a notebook that is the same in every cell; four equal times; a sentence of twelve words;
    or as many shared things, in as many answers, as chance does not give.
    """
    parts = [background.parts(group) for group in groups]
    having = Counter(feature for own in parts for feature in set().union(*own.values()))
    most = max(LEAST_FEW, FEW * len(groups))
    weights = {thing: math.log(len(groups) / count) for thing, count in having.items() if 2 <= count <= most}
    may = np.array([[_may_be_compared(one, other) for other in groups] for one in groups], bool)

    def shared(things: Sequence[set[tuple[str, Hashable]]]) -> dict[tuple[int, int], list[tuple[str, Hashable]]]:
        """Return what pairs share of things that few have."""
        holders: dict[tuple[str, Hashable], list[int]] = defaultdict(list)
        for place, own in enumerate(things):
            for thing in own:
                holders[thing].append(place)
        found: dict[tuple[int, int], list[tuple[str, Hashable]]] = defaultdict(list)
        for thing, places in sorted(holders.items(), key=str):
            for pair in combinations(places, 2) if len(places) <= most else ():
                if may[pair]:
                    found[pair].append(thing)
        return found

    books = shared([_books(group, own) for group, own in zip(groups, parts, strict=True)])
    times = shared([{(stem, time) for stem, run in group.runs.items() for time in run.timings} for group in groups])
    figures = shared([{(stem, svg) for stem, run in group.runs.items() for svg in run.figures} for group in groups])
    long = shared([{thing for one in own.values() for thing in one if _is_long(thing)} for own in parts])
    copied = {pair: equal for pair, equal in times.items() if len(equal) >= FEWEST_TIMES}
    pairs = []
    for pair in {*books, *copied, *long, *beyond_chance(parts, weights, may)}:
        first, second = pair
        common = _common(parts[first], parts[second], weights)
        pairs.append(
            Pair(
                groups[first],
                groups[second],
                sum(sum(things.values()) for things in common.values()),
                common,
                tuple(stem for stem, _ in books.get(pair, ())),
                tuple((stem, str(time)) for stem, time in copied.get(pair, ())),
                len(figures.get(pair, ())) if pair in copied else 0,
            )
        )
    return sorted(pairs, key=lambda pair: (-len(pair.books), not pair.times, -pair.weight, pair.first.names))


def _may_be_compared(one: Group, other: Group) -> bool:
    return one is not other and not (one.last and other.last) and not one.same_people(other)


def _books(group: Group, parts: Parts) -> set[tuple[str, Hashable]]:
    """Return the notebooks of a group that hold enough of its own."""
    own: Counter[str] = Counter()
    for place, things in parts.items():
        own[chapter_of(place)] += len(things)
    return {(stem, one) for stem, all_ in group.books.items() for one in all_ if own[chapter_of(stem)] >= SUBSTANCE}


def _is_long(thing: Feature) -> bool:
    kind, what = thing
    return kind == "sentence" and isinstance(what, tuple) and is_long(what)


def _common(first: Parts, second: Parts, weights: dict[Feature, float]) -> dict[str, dict[Feature, float]]:
    """Return what two groups share at each place, with its weight, the heaviest place first."""
    common = {
        place: {thing: weights[thing] for thing in things & second.get(place, set()) if thing in weights}
        for place, things in first.items()
    }
    heaviest = sorted(common.items(), key=lambda one: (-sum(one[1].values()), one[0]))
    return {place: things for place, things in heaviest if things}
