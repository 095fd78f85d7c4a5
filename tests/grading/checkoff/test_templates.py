"""checkoff.toml: every question of the course can be filled and has an answer, and each fault gets its sentence."""

from collections import Counter

import pytest
from checkoff_makers import CHAPTERS, NOTEBOOKS, graded, group, templates

from labkit.basics.errors import UsageError
from labkit.basics.helper_files import beside
from labkit.course.notebooks import read_notebook
from labkit.course.review import exchanges
from labkit.grading.checkoff.counterfactuals import SMALL
from labkit.grading.checkoff.printed import _groups
from labkit.grading.checkoff.questions import fill
from labkit.grading.checkoff.templates import KINDS, read_templates
from labkit.report.captions import captions_of
from labkit.report.reference import read_reference

WHOLE = '[05.one]\nkind = "number"\nask = "You have {chosen_width}. Why?"\nanswer = "So."\n'


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return what is known of a group that has everything."""
    submission = group("lab-7", "Mia Lee")
    out = graded(tmp_path_factory.mktemp("night") / "graded", submission)
    return _groups(out, {"lab-7": submission})[0]


def test_there_are_questions_of_each_kind_on_each_notebook():
    kinds = Counter(one.kind for one in templates().values())
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 12
    for stem in list(CHAPTERS.values())[1:]:
        of_notebook = Counter(one.kind for one in templates().values() if one.notebook == stem)
        assert set(of_notebook) == set(KINDS), stem


@pytest.mark.parametrize("name", templates())
def test_every_question_is_filled_and_has_an_answer(name, known):
    question = fill(templates()[name], known)
    assert question is not None
    assert len(question.ask) > 20
    assert len(question.answer) > 3
    assert "{" not in question.ask + question.answer
    assert (question.picture is not None) == (question.kind == "figure")
    assert bool(question.code) == bool(question.given) == (question.kind == "code")
    assert question == fill(templates()[name], known)


def test_questions_speak_of_what_the_course_has():
    for one in templates().values():
        if one.figure:
            assert one.figure in captions_of(one.notebook)["figures"], one.name
        if one.question:
            asked = exchanges(read_notebook(NOTEBOOKS / f"{one.notebook}.ipynb"))
            assert 1 <= int(one.question.removeprefix("q")) <= len(asked), one.name
            assert asked[int(one.question.removeprefix("q")) - 1].answer, one.name
    sources = {stem: (NOTEBOOKS / "source" / f"{stem}.py").read_text() for stem in CHAPTERS.values()}
    banded = {name for band in read_reference()["bands"].values() for name in band}
    for one in templates().values():
        for name in one.numbers:
            assert f"{one.notebook}.{name}" in banded or f'"{name}"' in sources[one.notebook] or "own_design" in name
    used = {(one.exercise, one.case) for one in templates().values() if one.case}
    assert used == {(exercise, case) for exercise, small in SMALL.items() for case in small.wrong}


def test_a_function_is_called_by_its_name_in_the_notebook():
    for one in templates().values():
        if one.kind == "code":
            name = one.ask.split("`")[1]
            cells = read_notebook(NOTEBOOKS / f"{one.notebook}.ipynb").cells
            assert any(f'check("{one.exercise}", {name}' in cell.source for cell in cells), one.name


def test_it_is_neither_packed_nor_released():
    taken, told = beside(NOTEBOOKS, list(CHAPTERS.values()))
    assert "checkoff.toml" not in taken
    assert not any("checkoff.toml" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (WHOLE.replace("05.one", "15.one"), "[15] is no notebook."),
        (WHOLE.replace("05.one", "05.One"), "[05.One] must have a name of small letters, digits and -."),
        (WHOLE.replace("ask", "aks"), "[05.one] 'aks' is not known: did you mean 'ask'?"),
        (WHOLE.replace('"number"', '"numbers"'), "[05.one] kind must be one of number, figure, code, course."),
        (WHOLE.replace('answer = "So."', ""), "[05.one] lacks answer: no question without a known answer."),
        (WHOLE.replace('"So."', '" "'), "[05.one] answer must be a text in quotes."),
        (WHOLE.replace("So.", "So. " * 101), "[05.one] answer has more than 400 characters"),
        (WHOLE.replace("{chosen_width}", "a width"), "[05.one] speaks of no number: write {name_of_a_number}"),
        (WHOLE.replace('"number"', '"figure"'), "[05.one] lacks figure, which a question of the kind figure needs."),
        (WHOLE.replace('"number"', '"course"'), "[05.one] lacks question, which"),
        (WHOLE + 'exercise = "6.1"', "[05.one] '6.1' is no exercise of notebook 05."),
        (WHOLE + 'higher = ["one"]', "[05.one] higher must be two names of numbers in quotes."),
        (WHOLE + "higher = 3", "[05.one] higher must be two names of numbers in quotes."),
        (WHOLE + "figure = 3", "[05.one] figure must be a text in quotes."),
        (
            WHOLE.replace('"number"', '"code"') + 'exercise = "5.3"\ncase = "best"',
            "[05.one] 'best' cannot be computed: exercise 5.3 has no case.",
        ),
        (
            WHOLE.replace('"number"', '"code"') + 'exercise = "5.2"\ncase = "bets"',
            "[05.one] 'bets' cannot be computed: exercise 5.2 has best, population, deviation.",
        ),
        (
            WHOLE.replace('"number"', '"code"') + 'exercise = "5.2"\ncase = "best"',
            "[05.one] {chosen_width} is not computed: there are {right} and {wrong}.",
        ),
        (
            WHOLE.replace('"number"', '"code"').replace("chosen_width", "right") + 'exercise = "5.2"\ncase = "best"',
            "[05.one] lacks {wrong} in its answer",
        ),
        ("05 = 3", "[05] must hold tables: write [05.name] before each question."),
        ("[05]\none = 3", "[05.one] must be a table."),
        ("[05", "cannot be read ("),
    ],
)
def test_a_fault_gets_a_sentence(tmp_path, text, sentence):
    (tmp_path / "checkoff.toml").write_text(text)
    with pytest.raises(UsageError) as refused:
        read_templates(tmp_path, CHAPTERS)
    assert sentence in str(refused.value)


def test_without_the_file_it_says_where_one_comes_from(tmp_path):
    with pytest.raises(UsageError, match="does not exist: it holds the questions of a check-off"):
        read_templates(tmp_path, CHAPTERS)
