"""What is asked and answered, the lines that graders write, and what they come to."""

import json
import random
from decimal import Decimal
from pathlib import Path

import pytest
from night_makers import NOTEBOOKS, write_night

from labkit.basics.errors import UsageError
from labkit.grading.marks.asked import CACHE, Answers, answer_hash, discussions, of_items, read_asked
from labkit.grading.marks.mark_lines import FOLDER, RUBRIC, Line, append_mark, in_time, new_line, read_lines
from labkit.grading.marks.rubric import Criterion, Item
from labkit.grading.marks.standing import Standing, told_progress

AT = "2026-11-26T12:00:{:02d}+00:00"
ASKED = read_asked(NOTEBOOKS)


def line(second, grader="anna", item="05.q1", text="An answer.", **values):
    values = {"submission": "lab-1", "item": item, "answer": answer_hash(item, text), **values}
    return Line(AT.format(second), grader, **values)


def test_the_course_asks_45_questions_each_with_an_answer_of_the_staffs():
    questions = [name for name, item in ASKED.items.items() if item.part == "questions"]
    assert len(questions) == len(ASKED.questions) == 45
    assert all(ASKED.model_answers[name] for name in questions)
    assert ASKED.questions["05.q3"].startswith("**3.** Your training accuracy")


def test_answers_are_those_of_the_executed_notebooks_and_are_read_once(tmp_path, monkeypatch):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], own={"lab-1": {"05.q2": "Mine: $x_1$."}}, outputs=False)
    answers = Answers(tmp_path, ASKED)
    found = answers.of("lab-1", ["05_mlp1_sweep"], ["06_mlp2_sweep"])
    assert found["05.q2"] == "Mine: $x_1$."
    assert found["06.q1"] == ""  # not handed in, so not answered
    assert found["07.q1"] is None  # not known yet
    assert found["report.summary"].startswith("Our 100 neurons reach")
    assert found["report.lenet5"] == ""  # its report has no such discussion
    answers.keep()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read again"))
    assert Answers(tmp_path, ASKED).of("lab-1", ["05_mlp1_sweep"], ["06_mlp2_sweep"]) == found


@pytest.mark.parametrize("content", ["", "[]", "null", '{"notebooks/lab-1/05_mlp1_sweep.ipynb": [1]}', "[" * 100_000])
def test_a_damaged_cache_is_no_harm(tmp_path, content):
    write_night(tmp_path, 1, ["05_mlp1_sweep"], outputs=False)
    (tmp_path / CACHE).write_text(content)
    assert Answers(tmp_path, ASKED).of("lab-1", ["05_mlp1_sweep"])["05.q1"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"cells": 3}', b'{"cells": [null]}', b"\xff\xfe", b"[" * 10**6])
def test_an_executed_notebook_that_cannot_be_read_answers_nothing(tmp_path, content):
    write_night(tmp_path, 1, ["05_mlp1_sweep"], outputs=False, reports=False)
    (tmp_path / "notebooks" / "lab-1" / "05_mlp1_sweep.ipynb").write_bytes(content)
    assert Answers(tmp_path, ASKED).of("lab-1", ["05_mlp1_sweep"])["05.q1"] == ""


def test_answers_without_numbers_stand_with_every_question(tmp_path):
    write_night(tmp_path, 1, ["05_mlp1_sweep"], outputs=False, reports=False)
    path = tmp_path / "notebooks" / "lab-1" / "05_mlp1_sweep.ipynb"
    book = json.loads(path.read_text())
    for cell in book["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "questions":
            cell["source"] = ["It depends ", "on the width."]
    path.write_text(json.dumps(book))
    found = Answers(tmp_path, ASKED).of("lab-1", ["05_mlp1_sweep"])
    assert {found[f"05.q{place}"] for place in range(1, 6)} == {"It depends on the width."}


def test_the_same_answer_is_known_by_its_words():
    assert answer_hash("05.q1", "Two  Seeds.\n") == answer_hash("05.q1", "two seeds.")
    assert answer_hash("05.q1", "two seeds.") != answer_hash("05.q2", "two seeds.")
    assert answer_hash("05.q1", "3 seeds") != answer_hash("05.q1", "4 seeds")
    assert answer_hash("05.q1", " \n") == ""
    assert answer_hash("05.q1", "\udc80")


def test_discussions_are_found_by_their_heading_whatever_its_number():
    items = [Item(f"report.{name}", heading=heading) for name, heading in (("a", "Summary"), ("b", "3 New *designs*"))]
    source = "# 2. SUMMARY {#s}\n\n::: discussion\nOne.\n:::\n\n## New designs\n<< figure('03_x.y') >>\n"
    source += "::: discussion\n**Write here.** What?\n:::\n\n# Else\n\n::: discussion\nThree.\n:::\n"
    found = of_items(discussions(source), items)
    assert (found["report.a"].text, found["report.b"].text) == ("One.", "")
    assert found["report.b"].placed["figures"] == ("03_x.y",)
    renamed = of_items(discussions(source.replace("SUMMARY", "In short")), items)
    assert renamed["report.a"].text == "One."  # the first that nobody else has


def test_the_newest_line_holds_for_everybody_with_the_same_answer():
    standing = Standing(ASKED, [line(2), line(1, "bo", points=Decimal(0))])
    assert standing.line_of("05.q1", answer_hash("05.q1", "an ANSWER.")).grader == "anna"
    standing.take(line(3, "bo", points=Decimal("0.75"), comment="Good."))
    found = standing.marked("lab-9", "05.q1", "an  ANSWER.")
    assert (found.points, found.comment) == (Decimal("0.75"), "Good.")
    assert found.reasons[-1] == "0.75 points by a person's judgement."
    standing.take(line(4, "bo", flag="open"))
    assert standing.marked("lab-9", "05.q1", "An answer.").points is None


def test_a_new_answer_is_open_and_said_to_be_changed():
    standing = Standing(ASKED, [line(1)])
    assert standing.marked("lab-1", "05.q1", "Another one.").changed
    assert not standing.marked("lab-2", "05.q1", "Another one.").changed
    assert standing.marked("lab-1", "05.q1", "An answer.").points is not None


def test_no_answer_has_no_points_and_waits_for_nobody():
    standing = Standing(ASKED, ())
    nothing = standing.marked("lab-1", "05.q1", "")
    assert (nothing.points, nothing.answered, nothing.reasons) == (0, False, ("Not answered.",))
    assert standing.marked("lab-1", "05.q1", None).points is None
    parts = standing.parts("lab-1", {"05.q1": "x", "05.q2": ""})
    assert parts["questions"].open == 44
    assert told_progress([parts]) == "0 of 1 answers are marked, 1 are open."


def test_other_points_of_a_criterion_count_everybody_anew():
    item = ASKED.items["05.q1"]
    key = next(one.key for one in item.criteria if one.points > 0)
    standing = Standing(ASKED, [line(1, items=(key,))])
    before = standing.marked("lab-1", "05.q1", "An answer.").points
    standing.take(Line(AT.format(2), "bo", RUBRIC, item="05.q1", key=key, points=Decimal("0.1")))
    assert (before, standing.marked("lab-1", "05.q1", "An answer.").points) == (item.points_for([key]), Decimal("0.1"))
    assert ASKED.items["05.q1"] == item  # the file's own stays
    standing.take(Line(AT.format(3), "bo", RUBRIC, item="05.q1", key="new", points=Decimal(9), text="too many"))
    assert len(standing.told) == 1


def test_comments_come_back_by_use():
    texts = ["one", "two", "three"]
    lines = [line(place, text=text, comment="Why?" if place else "How?") for place, text in enumerate(texts)]
    assert Standing(ASKED, lines).comments("05.q1") == [("Why?", 2), ("How?", 1)]


def test_lines_go_to_the_graders_own_file_and_come_back_in_time(tmp_path):
    made = [
        new_line(name, submission="lab-1", item="05.q1", answer="a", points=Decimal("0.3")) for name in ("bo", "al")
    ]
    for one in reversed(made):
        append_mark(tmp_path, one)
    assert read_lines(tmp_path) == (in_time(made), [])
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["al.jsonl", "bo.jsonl"]
    assert (tmp_path / FOLDER / "bo.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_short_takes_no_other_along(tmp_path):
    one = new_line("bo", submission="lab-1", item="05.q1", answer="a", comment="ünï\n'; --")
    path = append_mark(tmp_path, one)
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole + whole[:cut])
        append_mark(tmp_path, one)
        lines, told = read_lines(tmp_path)
        assert (lines, len(told)) == ([one, one], 1)
        assert "bo.jsonl" in told[0]


@pytest.mark.parametrize(
    "values",
    [
        {"grader": "../evil"},
        {"grader": ""},
        {"what": "other"},
        {"item": ""},
        {"answer": ""},
        {"points": Decimal("NaN")},
        {"points": Decimal("1e9")},
        {"points": Decimal("0.00001")},
        {"comment": "x" * 6_000},
        {"items": ("a", 3)},
    ],
)
def test_what_no_line_can_say_is_refused(values):
    with pytest.raises(UsageError, match="Nothing was written"):
        new_line(**{"grader": "bo", "submission": "lab-1", "item": "05.q1", "answer": "a", **values})


@pytest.mark.parametrize(
    "text", ["null", "[]", "3", '{"at": 3}', '{"x": 1}', "{" * 50_000, '{"items": 3}', "\x00", "NaN"]
)
def test_no_line_that_somebody_wrote_by_hand_ends_the_reading(tmp_path, text):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "bo.jsonl").write_text(f"{text}\n")
    lines, told = read_lines(tmp_path)
    assert (lines, len(told)) == ([], 1)


def test_points_are_those_of_the_criteria_whatever_the_order_of_lines():
    draw = random.Random(1)
    item = Item("05.q1", Decimal(1), (Criterion("a", Decimal("0.5"), "a"), Criterion("b", Decimal("0.75"), "b")))
    assert item.points_for(["a", "b"]) == 1
    lines = [line(second, draw.choice(["al", "bo"]), items=draw.choice([(), ("x",)])) for second in range(20)]
    shuffled = draw.sample(lines, len(lines))
    one, other = (
        Standing(ASKED, some).line_of("05.q1", answer_hash("05.q1", "An answer.")) for some in (lines, shuffled)
    )
    assert one == other
