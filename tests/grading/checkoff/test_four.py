"""Four questions per group: one of each kind, never those of the neighbours, the same in each run."""

from itertools import pairwise

import pytest
from checkoff_makers import CHAPTERS, graded, group, keep, templates

from labkit.grading.checkoff import four
from labkit.grading.checkoff.printed import _groups
from labkit.grading.checkoff.questions import Group, Question
from labkit.grading.checkoff.templates import KINDS
from labkit.grading.records.store import AttemptStore

MLP = CHAPTERS["05"]


@pytest.fixture
def filled(monkeypatch):
    """Fill questions without a folder: those of the names that a group can be asked, all of them without any."""
    can = {}

    def fill(template, group):
        if template.name in can.get(group.submission, templates()):
            return Question(template.name, template.kind, "Why?", "So.")
        return None

    monkeypatch.setattr(four, "fill", fill)
    return can


def drawn(names, seed, tmp_path, kept=None):
    groups = [Group(tmp_path, name, {}, seed) for name in names]
    pages = four.draw(templates(), groups, kept or {})
    return {one.submission: [question.name for question in asked] for one, asked in pages}


def kinds(names):
    return [templates()[name].kind for name in names]


def test_each_group_has_one_of_each_kind_and_shares_none_with_its_neighbours(filled, tmp_path):
    names = [f"lab-{place}" for place in range(12)]
    pages = set()
    for seed in range(60):
        asked = drawn(names, seed, tmp_path)
        assert asked == drawn(names, seed, tmp_path)
        for first, second in pairwise(names):
            assert not set(asked[first]) & set(asked[second])
        for page in asked.values():
            assert kinds(page) == list(KINDS)
            assert len({templates()[name].notebook for name in page}) == 4
        pages.add(tuple(map(tuple, asked.values())))
    assert len(pages) == 60


def test_every_question_is_drawn_some_day(filled, tmp_path):
    nights = [drawn("abcd", seed, tmp_path) for seed in range(60)]
    seen = {name for asked in nights for page in asked.values() for name in page}
    assert seen == set(templates())


@pytest.mark.parametrize("count", range(9))
def test_neighbours_with_few_questions_never_get_the_same(filled, tmp_path, count):
    for seed in range(60):
        can = list(templates())[seed : seed + count]
        filled |= dict.fromkeys("abcdef", can)
        asked = drawn("abcdef", seed, tmp_path)
        for first, second in pairwise("abcdef"):
            assert not asked[first] or set(asked[first]) != set(asked[second])
        for page in asked.values():
            assert len(page) == len(set(page)) <= min(4, count)
            assert set(page) <= set(can)
            assert kinds(page).count("figure") <= 1
            assert kinds(page).count("code") <= 2


def test_a_missing_kind_is_filled_up_to_four(filled, tmp_path):
    filled["a"] = [name for name, one in templates().items() if one.kind == "course"]
    assert kinds(drawn("a", 3, tmp_path)["a"]) == ["course"] * 4
    filled["a"] = [name for name, one in templates().items() if one.kind in ("code", "figure")]
    assert kinds(drawn("a", 3, tmp_path)["a"]) == ["figure", "code", "code"]
    filled["a"] = []
    assert drawn("a", 3, tmp_path)["a"] == []


def test_what_was_drawn_stays_whatever_becomes_of_the_others(filled, tmp_path):
    first = drawn("abcde", 1, tmp_path)
    filled["b"] = [name for name in templates() if name not in first["b"]]
    again = drawn("abcde", 1, tmp_path, first)
    assert {name: page for name, page in again.items() if name != "b"} == {name: first[name] for name in "acde"}
    assert not set(again["b"]) & {*first["a"], *first["b"], *first["c"]}
    later = drawn(["a", "aa", "b", "c", "d", "e"], 1, tmp_path, again)
    assert {name: page for name, page in later.items() if name != "aa"} == again
    assert not set(later["aa"]) & {*again["a"], *again["b"]}


def test_two_that_come_beside_each_other_with_the_same_four_are_told_apart(filled, tmp_path):
    same = drawn("a", 1, tmp_path)["a"]
    asked = drawn("ab", 1, tmp_path, {"a": same, "b": same})
    assert asked["a"] == same
    assert not set(asked["b"]) & set(same)


def test_a_question_that_the_course_dropped_is_replaced(filled, tmp_path):
    first = drawn("a", 1, tmp_path)["a"]
    asked = drawn("a", 1, tmp_path, {"a": ["05.gone", *first[1:]]})
    assert len(asked["a"]) == 4


def test_with_one_notebook_alone_there_are_still_four(tmp_path):
    labs = [group(f"lab-{place}") for place in range(4)]
    out = graded(tmp_path / "graded", *labs, notebooks=(MLP,))
    groups = _groups(out, {lab.name: lab for lab in labs})
    pages = [[question.name for question in asked] for _, asked in four.draw(templates(), groups, {})]
    assert all(kinds(page) == list(KINDS) for page in pages)
    assert all(set(first) != set(second) for first, second in pairwise(pages))


def test_the_newest_attempt_counts(tmp_path):
    lab = group("lab-7")
    out = graded(tmp_path / "graded", lab, notebooks=(MLP,))
    with AttemptStore(out / "results.sqlite") as store:
        keep(store, out, "lab-7", MLP, passed=False, numbers={})
    (found,) = _groups(out, {"lab-7": lab})
    ((_, asked),) = four.draw(templates(), [found], {})
    assert all(question.kind in ("figure", "course") for question in asked)
