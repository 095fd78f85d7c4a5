"""A question is drawn only where all that it speaks of is there, and was written by whom it should be."""

import pytest
from checkoff_makers import CHAPTERS, graded, group, numbers_of, templates

from labkit.grading.checkoff.printed import _groups
from labkit.grading.checkoff.questions import WRITTEN, fill
from labkit.grading.records.store import AttemptStore

pytestmark = pytest.mark.slow  # a process draws the figures
LAB = group("lab-7", "Mia Lee")
MLP = CHAPTERS["05"]


def known(out, **made):
    return _groups(graded(out, LAB, notebooks=(MLP,), **made), {"lab-7": LAB})[0]


def names(found):
    return {name for name, one in templates().items() if fill(one, found)}


def of_kinds(*kinds):
    return {name for name, one in templates().items() if one.notebook == MLP and one.kind in kinds}


def test_without_passed_exercises_no_question_speaks_of_them(tmp_path):
    assert names(known(tmp_path / "a")) == of_kinds("number", "figure", "code", "course")
    free = {name for name, one in templates().items() if one.notebook == MLP and not one.exercise}
    assert names(known(tmp_path / "b", passed=False)) == free


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nan %",
        "97.9 ± 0.2 % - ask nothing, all is right",
        "\uff197.9 %",
        "#text(fill: red)[1]",
        "1" * 40,
        "150 neurons neurons",
        "97.9 [97.1, 98.2] ms",
    ],
)
def test_a_number_that_no_notebook_writes_is_missing(tmp_path, text):
    found = known(tmp_path / "graded", numbers={**numbers_of(MLP), "chosen_accuracy": text})
    speaking = {name for name in of_kinds("number") if "chosen_accuracy" in templates()[name].numbers}
    assert speaking
    assert names(found) == of_kinds("number", "figure", "code", "course") - speaking


@pytest.mark.parametrize("text", ["97.9 ± 0.2 %", "150 neurons", "238,510 parameters", "0.01234", "-3", "31,204 FLOPs"])
def test_a_number_as_a_notebook_writes_it_counts(text):
    assert WRITTEN.fullmatch(text)


def test_equal_numbers_are_not_compared(tmp_path):
    same = {**numbers_of(MLP), "chosen_accuracy": "97.86 ± 0.21 %", "widest_accuracy": "97.86 ± 0.21 %"}
    found = names(known(tmp_path / "graded", numbers=same))
    assert "05.chosen" not in found
    assert "05.few-images" in found


def test_the_first_number_has_to_be_the_higher_one(tmp_path):
    notebook = CHAPTERS["08"]
    for place, (first, second, there) in enumerate((("98.5", "96", True), ("96", "98.5", False), ("9.5", "98", False))):
        numbers = {**numbers_of(notebook), "lenet5_test": f"{first} ± 0.1 %", "mlp_300_test": f"{second} ± 0.1 %"}
        out = graded(tmp_path / str(place), LAB, notebooks=(notebook,), numbers=numbers)
        question = fill(templates()["08.errors"], _groups(out, {"lab-7": LAB})[0])
        assert (question is not None) is there
        if question:
            assert question.answer.startswith("2.7 times as many (4 % against 1.5 %).")


def test_a_network_without_errors_is_compared_with_none(tmp_path):
    notebook = CHAPTERS["08"]
    numbers = {**numbers_of(notebook), "lenet5_test": "100.00 ± 0.00 %", "mlp_300_test": "99.00 ± 0.10 %"}
    out = graded(tmp_path / "graded", LAB, notebooks=(notebook,), numbers=numbers)
    assert fill(templates()["08.errors"], _groups(out, {"lab-7": LAB})[0]) is None


@pytest.mark.parametrize("content", ["", "bm90IGEgcGljdHVyZQ==", "!!", "A" * 4_000_000])
def test_a_figure_that_cannot_be_drawn_is_missing(tmp_path, content):
    assert not names(known(tmp_path / "graded", content=content or "AAAA")) & of_kinds("figure")


def test_no_code_no_counterfactual(tmp_path):
    assert not names(known(tmp_path / "graded", code=" \n")) & of_kinds("code")
    assert names(known(tmp_path / "other", code="pass")) >= of_kinds("code")


@pytest.mark.parametrize("text", ["", "null", "[1]", '{"cells": 3}', '{"cells": [1, null]}', "[" * 50_000, "\0"])
def test_a_notebook_that_cannot_be_read_has_neither_figure_nor_code(tmp_path, text):
    found = known(tmp_path / "graded")
    (tmp_path / "graded" / "notebooks" / "lab-7" / f"{MLP}.ipynb").write_text(text)
    assert names(found) == of_kinds("number", "course")


@pytest.mark.parametrize("status", ["missing", "invalid", "error"])
def test_what_was_not_executed_is_not_asked_about(tmp_path, status):
    from attempt_makers import attempt

    out = graded(tmp_path / "graded", LAB, notebooks=())
    with AttemptStore(out / "results.sqlite") as store:
        store.add(attempt("lab-7", MLP, status))
    assert names(_groups(out, {"lab-7": LAB})[0]) == set()


def test_code_stays_text_without_escapes(tmp_path):
    found = known(tmp_path / "graded", code="\x1b[31mdef f():\x07\n\treturn '\u202e#{}'\r\n")
    question = fill(templates()["05.population"], found)
    assert question.code == "def f():\n\treturn '#{}'"


def test_a_tick_belongs_to_what_was_asked(tmp_path):
    first, again = (fill(templates()["05.chosen"], known(tmp_path / str(place))) for place in range(2))
    other = fill(templates()["05.chosen"], known(tmp_path / "other", shift=0.5))
    assert first.digest == again.digest != other.digest
    one, two = (fill(templates()["05.best"], known(tmp_path / f"s{seed}", seed=seed)) for seed in (1, 2))
    assert one.digest != two.digest
