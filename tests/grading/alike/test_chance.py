"""What chance gives, in classes of plain things: whoever wrote alone is not reported, whoever copied is."""

import math
from collections import Counter

import numpy as np
import pytest

from labkit.grading.alike.chance import beyond_chance

PLACES, ANSWERS = 40, 25


def make_class(seed, groups=120, copies=0, strength=(1.5, 4.5)):
    """Return what groups wrote at each place: one of two usual answers, or one of 25 rare ones; and who copied.

    strength: of the distribution of how often a group is wrong.
    """
    rng = np.random.default_rng(seed)
    often = rng.beta(*strength, groups)
    choice = rng.integers(2, 2 + ANSWERS, (groups, PLACES))
    usual = rng.integers(0, 2, (groups, PLACES))
    table = np.where(rng.random((groups, PLACES)) < often[:, None], choice, usual)
    for place in range(copies):
        table[-1 - place] = table[place]
    # an answer has four things in it, and of a rare one they are as rare
    parts = [
        {str(place): {("code", (place, int(answer), thing)) for thing in range(4)} for place, answer in enumerate(row)}
        for row in table
    ]
    return parts, {(place, groups - 1 - place) for place in range(copies)}


def weights_of(parts):
    having = Counter(thing for own in parts for things in own.values() for thing in things)
    return {thing: math.log(len(parts) / count) for thing, count in having.items() if 2 <= count <= len(parts) / 10}


def reported(parts, may=None):
    may = ~np.eye(len(parts), dtype=bool) if may is None else may
    return set(beyond_chance(parts, weights_of(parts), may))


@pytest.mark.parametrize("strength", [(1.5, 4.5), (8, 24), (0.5, 1.5)], ids=["as measured", "alike", "very unlike"])
@pytest.mark.parametrize("seed", range(6))
def test_nobody_is_reported_where_all_wrote_alone(seed, strength):
    parts, _ = make_class(1000 + seed, strength=strength)
    assert reported(parts) == set()


@pytest.mark.parametrize("seed", range(3))
def test_whoever_copied_much_is_reported_and_nobody_else(seed):
    parts, copied = make_class(2000 + seed, copies=6, strength=(8, 24))
    found = reported(parts)
    assert found <= copied
    assert len(found) >= 5


def test_one_shared_answer_is_chance():
    parts, _ = make_class(1)
    parts[0]["3"] = parts[1]["3"] = {("code", ("an answer", "of nobody else", thing)) for thing in range(50)}
    assert reported(parts) == set()


def test_pairs_that_may_not_be_compared_are_not_reported():
    parts, copied = make_class(7, copies=1, strength=(8, 24))
    may = ~np.eye(len(parts), dtype=bool)
    assert reported(parts, may) == copied
    for first, second in copied:
        may[first, second] = may[second, first] = False
    assert reported(parts, may) == set()


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_a_class_too_small_for_chance_reports_nobody(groups):
    assert reported([{"1.1": {("code", 1)}}] * groups) == set()
