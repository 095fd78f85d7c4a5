import nbformat
import pytest

from labkit.course import review
from labkit.exercises.catalogue import exercises

code, prose = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
QUESTIONS = "## Questions from your TA\n\n1. Why?\n2. How\n   much?\n3. And then?"


def book(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("YOUR ANSWER HERE", "The questions at the end of 05 are not answered: write 1. to 3."),
        ("", "The questions at the end of 05 are not answered"),
        ("It depends.", "The questions at the end of 05 are not answered"),
        ("1. Because.\n2.\n3. Nothing.", "Question 2 at the end of 05 is not answered."),
        ("1. Because.", "Question 2 and 3 at the end of 05"),
        ("**1.** Because.\n\n2) Ten.\n- 3: Nothing.", ""),
    ],
)
def test_unanswered_questions(answer, expected):
    found = list(review.unanswered_questions(book(prose(QUESTIONS), prose(answer), code("run.finish()")), "05"))
    assert len(found) == bool(expected)
    assert not expected or expected in found[0]


@pytest.mark.parametrize("head", ["", "**What to notice.** It rises.\n\n"])
def test_questions_stand_with_their_answers(head):
    answer = "1. Because\n   of $x$.\n\n   1. One\n   2. Two\n\n**2. Much** more: 3.5.\n\n1. a list\n\n__3.__\n"
    found = review.exchanges(book(prose(head + QUESTIONS), prose(answer)))
    assert [exchange.question for exchange in found] == ["**1.** Why?", "**2.** How\nmuch?", "**3.** And then?"]
    assert [exchange.answer for exchange in found] == [
        "Because\nof $x$.\n\n1. One\n2. Two",
        "**Much** more: 3.5.\n\n1. a list",
        "",
    ]


def test_answers_without_numbers_stand_behind_all_questions():
    (found,) = review.exchanges(book(prose(QUESTIONS), prose("It depends.")))
    assert found.question.startswith("1. Why?")
    assert found.answer == "It depends."
    stubs = review.exchanges(book(prose(QUESTIONS), prose("YOUR ANSWER HERE")))
    assert [exchange.answer for exchange in stubs] == [""] * 3
    assert review.exchanges(book(prose("No questions."))) == []


def test_questions_without_a_cell_for_answers_are_not_answered():
    assert list(review.unanswered_questions(book(prose(QUESTIONS), code("1. Because.")), "05"))
    assert not list(review.unanswered_questions(book(prose("No questions.")), "05"))


REPORT = """---
author: "Group Seven"
---
# Summary

::: discussion
We found 97.5 % ± 0.3 %, and not 12 %.
:::

## One layer

<< figure("05_mlp1_sweep.line") >>

::: discussion
{discussion}
:::
"""


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (REPORT.format(discussion="It rises."), []),
        (REPORT.format(discussion="**Write here.** Does it rise?"), ["“One layer” in the report is not written"]),
        (REPORT.format(discussion=" "), ["“One layer” in the report is not written"]),
        (REPORT.replace("::: discussion\n{discussion}\n:::\n", ""), ["shows a figure in “One layer” without"]),
        (REPORT.replace("Group Seven", f"Group: {review.AUTHOR}"), ["do not name your group", "is not written"]),
    ],
)
def test_discussions(report, expected):
    found = list(review.unwritten_discussions(report.replace("{discussion}", "**Write here.**")))
    assert len(found) == len(expected)
    for sentence, part in zip(found, expected, strict=True):
        assert part in sentence


def results(value=97.5, fingerprint="a", count=7):
    numbers = {
        "accuracy": {"unit": "%", "value": value, "spread": 0.3, "values": [97.2, 97.8], "text": f"{value} ± 0.3 %"},
        "seconds": {"unit": "s", "value": value, "spread": 0.1, "values": [1.0], "text": "1 s"},
        "count": {"unit": "parameters", "value": count, "values": [count], "text": f"{count}"},
    }
    data = {"fingerprint": fingerprint, "name": "MNIST"}
    return {"format": 1, "notebooks": {"05": {"data": data, "numbers": numbers}}}


def test_numbers_that_the_run_does_not_give_again():
    assert not list(review.differences(results(), results(97.7)))
    (found,) = review.differences(results(98.9), results())
    assert found == "05: your results say accuracy = 98.9 ± 0.3 %, but the run gives 97.5 ± 0.3 %."
    (found,) = review.differences(results(), results(count=8))
    assert "count = 7, but the run gives 8" in found
    (found,) = review.differences(results(), results(fingerprint="b"))
    assert "read other images" in found
    lacking = results()
    del lacking["notebooks"]["05"]["numbers"]["count"]
    assert list(review.differences(results(), lacking)) == ["05 did not make the number count again."]


def test_percentages_that_were_typed():
    assert not list(review.typed_percentages(REPORT.format(discussion="The best seed has 97.8 %."), results()))
    (found,) = review.typed_percentages(REPORT.format(discussion="We reach 99.9 %."), results())
    assert "The report says 99.9 %, which is no number of the run" in found


@pytest.mark.parametrize(
    ("counts", "fine"), [((1, 2, 3), True), ((2, 1, 3), False), ((None,) * 3, True), ((1, None, 7), True)]
)
def test_cells_run_out_of_order(counts, fine):
    cells = [code("x = 1", execution_count=count) for count in counts]
    found = list(review.disorder(book(*cells), "05"))
    assert found == [] if fine else "out of order" in found[0]


def test_open_exercises_and_missing_notebooks(tmp_path):
    found = list(review.open_exercises({"1.2": "passed", "1.3": "failed"}))
    assert len(found) == len(exercises()) - 1
    assert found[0] == "Exercise 1.1 (standardise a batch of images) is open."
    assert found[1].endswith("is failed.")
    there = [tmp_path / "01_pytorch_blitz.ipynb", tmp_path / "05_mlp1_sweep.ipynb"]
    missing = [f"Notebook {number} is missing." for number in dict.fromkeys(name[0] for name in exercises())]
    assert list(review.missing_notebooks(there)) == [line for line in missing if line[9] not in "15"]
