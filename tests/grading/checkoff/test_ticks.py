"""What a TA ticks becomes lines in the marks, which count for the questions that they were made for."""

from decimal import Decimal

import pytest
from checkoff_makers import CHAPTERS, graded, group

from labkit.basics.errors import UsageError
from labkit.grading.checkoff.ticks import tick
from labkit.grading.marks.mark_lines import read_lines
from labkit.grading.marks.oral import OralQuestion, approved, oral_parts, outdated, read_drawn, write_drawn


@pytest.fixture
def night(tmp_path):
    questions = [OralQuestion(f"05.q{place}", f"{place}" * 32, f"Why {place}?") for place in range(1, 5)]
    write_drawn(tmp_path, {"lab-7": questions, "lab-8": questions[:3]})
    return tmp_path


def said(night):
    lines, told = read_lines(night)
    assert not told
    return lines


def oral(lines, asked):
    """Return how many answers were right, and of how many that count, for each submission with any."""
    counts = {
        name: (part.points, sum(item.points is not None for item in part.items))
        for name, part in oral_parts(lines, asked).items()
    }
    return {name: count for name, count in counts.items() if count[1]}


def test_a_half_page_becomes_lines(night):
    assert tick(night, "lab-7", [1, 2, 4], "ta", approve=True) == [
        f"lab-7: 3 of 4 right, approved. Written to {night}/marks/ta.jsonl."
    ]
    *marks, gate = said(night)
    assert [(line.item, line.points, line.answer, line.comment) for line in marks] == [
        (f"oral.{place}", Decimal(place != 3), f"{place}" * 32, f"Why {place}?") for place in range(1, 5)
    ]
    assert (gate.what, gate.submission, gate.open) == ("approved", "lab-7", False)
    assert oral(said(night), read_drawn(night)) == {"lab-7": (3, 4)}
    assert approved(said(night)) == {"lab-7": gate}


def test_a_later_half_page_replaces_the_earlier(night):
    tick(night, "lab-7", [1, 2], "ta", approve=True)
    told = tick(night, "lab-7", [3], "bo", approve=False)
    assert told == [f"lab-7: 1 of 4 right, no longer approved. Written to {night}/marks/bo.jsonl."]
    assert oral(said(night), read_drawn(night)) == {"lab-7": (1, 4)}
    assert approved(said(night)) == {}
    tick(night, "lab-7", [], "ta", approve=True)
    assert oral(said(night), read_drawn(night)) == {"lab-7": (0, 4)}
    assert list(approved(said(night))) == ["lab-7"]


def test_nobody_is_approved_without_a_word(night):
    assert tick(night, "lab-8", [1, 2, 3], "ta", approve=False) == [
        f"lab-8: 3 of 3 right, not approved. Written to {night}/marks/ta.jsonl."
    ]
    assert [line.what for line in said(night)] == ["mark"] * 3
    assert approved(said(night)) == {}


def test_a_tick_for_another_question_does_not_count(night):
    tick(night, "lab-7", [1, 2], "ta", approve=False)
    asked = read_drawn(night)
    other = {**asked, "lab-7": [OralQuestion("05.q9", "9" * 32, "Why not?"), *asked["lab-7"][1:]]}
    assert oral(said(night), other) == {"lab-7": (1, 3)}
    assert outdated(said(night), other) == ["lab-7"]
    assert outdated(said(night), asked) == []
    assert oral(said(night), {}) == {}
    swapped = {"lab-7": asked["lab-7"][::-1]}
    assert oral(said(night), swapped) == {}


@pytest.mark.parametrize(
    ("submission", "right", "grader", "sentence"),
    [
        ("lab-9", [1], "ta", "'lab-9' has no page: did you mean 'lab-8'?"),
        ("other", [1], "ta", "'other' has no page."),
        ("lab-8", [4], "ta", "There is no question 4: lab-8 has 1 to 3."),
        ("lab-7", [0], "ta", "There is no question 0"),
        ("lab-7", [-1], "ta", "There is no question -1"),
        ("lab-7", [1], "../ta", "Nothing was written: '../ta' is no grader's name."),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(night, submission, right, grader, sentence):
    with pytest.raises(UsageError) as refused:
        tick(night, submission, right, grader, approve=True)
    assert sentence in str(refused.value)
    assert not (night / "marks").exists()


def test_before_there_are_pages_nothing_is_ticked(tmp_path):
    with pytest.raises(UsageError, match="has no pages yet: run `labkit checkoff"):
        tick(tmp_path, "lab-7", [1], "ta", approve=True)


def test_pages_and_ticks_go_together(tmp_path):
    from labkit.grading.checkoff.printed import make_pages

    out = graded(tmp_path / "graded", group("lab-7", "Mia"), notebooks=(CHAPTERS["05"],))
    make_pages(out)
    tick(out, "lab-7", [2, 3], "ta", approve=True)
    assert oral(said(out), read_drawn(out)) == {"lab-7": (2, 4)}
    assert all(len(line.comment) > 20 for line in said(out) if line.what == "mark")
