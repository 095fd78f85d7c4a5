"""Which pairs are shown, in which order, and what is no evidence."""

import pytest
from alike_makers import RULE, SENTENCE, STEM, crowd, group

from labkit.grading.alike.background import Background
from labkit.grading.alike.pairs import compare
from labkit.grading.intake.reading.run_marks import RunMarks

NOTHING = Background.of([], [])
TIMES = (0.43872190, 0.43910277, 1.2039471, 0.9920013)


def pairs_of(*groups, background=NOTHING, others=30):
    return [(pair.first.names[0], pair.second.names[0]) for pair in compare([*groups, *crowd(others)], background)]


def test_a_crowd_that_shares_nothing_has_no_pair():
    assert pairs_of() == []
    assert compare([], NOTHING) == []


def test_equal_times_are_one_run():
    found = compare([group("ada", times=TIMES), group("bob", times=TIMES), *crowd(30)], NOTHING)
    assert [(pair.first.names, pair.second.names) for pair in found] == [(("ada",), ("bob",))]
    assert found[0].times[0] == (STEM, "latency 0.4387219")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_few_equal_times_are_chance(count):
    others = (0.51123, 0.52234, 0.53345, 0.54456)
    assert pairs_of(group("ada", times=TIMES), group("bob", times=(*TIMES[:count], *others[count:]))) == []


def test_times_that_many_have_were_handed_out():
    assert pairs_of(*(group(f"g{number}", times=TIMES) for number in range(5))) == []


def test_equal_figures_count_beside_equal_times_alone():
    figures = RunMarks((), ("curve 01", "curve 02"))
    assert pairs_of(group("ada", runs={STEM: figures}), group("bob", runs={STEM: figures})) == []
    run = RunMarks(tuple(f"latency {time!r}" for time in TIMES), figures.figures)
    (pair,) = compare([group("ada", runs={STEM: run}), group("bob", runs={STEM: run}), *crowd(30)], NOTHING)
    assert pair.figures == 2


def test_a_long_sentence_word_by_word_is_a_pair():
    one, other = f"1. It is 7. {SENTENCE}", f"1. About seven, we think! {SENTENCE.upper()} So be it."
    assert pairs_of(group("ada", prose=one), group("bob", prose=other)) == [("ada", "bob")]


def test_what_the_course_says_is_nobodys():
    prose = Background.of([], [f"## Questions\n\n1. Why? {SENTENCE}"])
    assert pairs_of(group("ada", prose=SENTENCE), group("bob", prose=SENTENCE), background=prose) == []
    changed = SENTENCE.replace("narrow", "slim")
    assert pairs_of(group("ada", prose=changed), group("bob", prose=changed), background=prose) == []
    code = Background.of([RULE], [])
    books = {STEM: frozenset(["hash"])}
    mine = [group(name, {"5.2": RULE}, books=books) for name in ("ada", "bob")]
    assert pairs_of(*mine, background=code) == []
    assert pairs_of(*mine) == [("ada", "bob")]


def test_a_sentence_that_many_have_is_nobodys():
    assert pairs_of(*(group(f"g{number}", prose=SENTENCE) for number in range(5))) == []


def test_the_same_notebook_comes_first_also_in_a_class_of_three():
    same = {STEM: frozenset(["hash"])}
    heavy = " ".join(f"{SENTENCE[:-1]} at try {number}." for number in range(9))
    groups = [
        group("ada", prose=heavy),
        group("bob", prose=heavy),
        group("cy", {"5.2": RULE}, books=same),
        group("dan", {"5.2": RULE}, books=same),
    ]
    assert pairs_of(*groups) == [("cy", "dan"), ("ada", "bob")]
    assert pairs_of(*groups[2:], others=1) == [("cy", "dan")]


def test_a_notebook_with_little_in_it_may_be_the_same_by_chance():
    same = {STEM: frozenset(["hash"])}
    small = {"5.2": "def f(x):\n    return x.max()\n"}
    assert pairs_of(group("ada", small, books=same), group("bob", small, books=same)) == []


def test_one_copied_answer_is_no_pair_and_many_are():
    one = [group(name, {"5.2": RULE}) for name in ("ada", "bob")]
    assert pairs_of(*one) == []
    answers = {f"5.{number}": RULE.replace("5", str(number)).replace("mean", f"mean{number}") for number in range(9)}
    hidden = {name: text.replace("means", "dic").replace("chosen", "best") for name, text in answers.items()}
    assert pairs_of(group("ada", answers), group("bob", hidden)) == [("ada", "bob")]


def test_who_shares_a_person_and_last_year_among_themselves_are_not_compared():
    one, other = (group(name, prose=SENTENCE, people=("kim", name)) for name in ("ada", "bob"))
    assert pairs_of(one, other) == []
    old, older = (group(name, prose=SENTENCE, last=True) for name in ("ada", "bob"))
    assert pairs_of(old, older) == []
    new = group("cy", prose=SENTENCE)
    assert pairs_of(new, old, older) == [("cy", "ada"), ("cy", "bob")]


def test_the_same_mistake_weighs():
    def with_mistake(message):
        return [group(name, mistakes={"5.2": message}, prose=SENTENCE) for name in ("ada", "bob")]

    (pair,) = compare([*with_mistake("The widest one."), *crowd(30)], NOTHING)
    assert ("mistake", ("5.2", "the", "widest", "one")) in pair.parts["5.2"]
