"""The course's own rubric.toml: every question and discussion has criteria, and what they name is in the course."""

import re
from collections import Counter
from decimal import Decimal

import nbformat
import pytest

from labkit import CHECKOUT
from labkit.course.review import DISCUSSION, HEADING, exchanges
from labkit.course.upkeep import made_names
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.marks.rubric import FILE, read_rubric
from labkit.report.document import default_template

NOTEBOOKS = CHECKOUT / "notebooks"
CHAPTERS = {path.stem[:2]: path.stem for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
BOOKS = {stem: nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4) for stem in CHAPTERS.values()}
ASKED = {stem: len(exchanges(book)) for stem, book in BOOKS.items()}
ITEMS = read_rubric(NOTEBOOKS, ASKED, CHAPTERS)
QUESTIONS = [name for name, item in ITEMS.items() if item.part == "questions"]
REPORT = [name for name, item in ITEMS.items() if item.part == "report"]
NUMBER = re.compile(r"\d(?:[.,]?\d)*")


def sections():
    """Return the sections of the report's template by their headings."""
    text = default_template().read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return [(heading[1], text[heading.end() : end]) for heading, end in zip(headings, ends, strict=True)]


CALLS = {
    stem: made_names.made_by(cell.source for cell in book.cells if cell.cell_type == "code")
    for stem, book in BOOKS.items()
}
RESULTS = made_names.known_results()


def is_made(kind, full):
    return made_names.is_made(kind, full, CALLS[full.partition(".")[0]], RESULTS)


def test_the_file_is_the_courses_and_ends_with_the_report():
    assert (NOTEBOOKS / FILE).is_file()
    assert list(ITEMS) == [*QUESTIONS, *REPORT]


def test_the_example_in_the_docs_is_read(tmp_path):
    docs = (CHECKOUT / "docs" / "grading.md").read_text(encoding="utf-8")
    example = docs.partition(f"### The rubric: {FILE}")[2].partition("```toml\n")[2].partition("```")[0]
    (tmp_path / FILE).write_text(example, encoding="utf-8")
    items = read_rubric(tmp_path, ASKED, CHAPTERS)
    assert [one.key for one in items["05.q3"].criteria] == ["first", "second", "wrong-way"]
    assert items["report.limits"].heading == ITEMS["report.limits"].heading


def test_nine_notebooks_ask_five_questions_each_for_a_point():
    assert dict.fromkeys(CHAPTERS.values(), 5) == ASKED
    assert len(QUESTIONS) == 45
    assert {ITEMS[name].points for name in QUESTIONS} == {1}
    assert sum(ITEMS[name].points for name in REPORT) == 20


@pytest.mark.parametrize("name", ITEMS)
def test_an_answer_has_a_few_criteria_that_reach_its_points(name):
    item = ITEMS[name]
    added = [one.points for one in item.criteria if one.points > 0]
    deducted = [one.points for one in item.criteria if one.points < 0]
    assert 2 <= len(added) <= 6
    assert len(deducted) <= 2
    assert item.points <= sum(added) <= item.points + Decimal("0.25")
    assert all(points % Decimal("0.25") == 0 and abs(points) <= Decimal("0.5") for points in added + deducted)
    assert item.points_for([one.key for one in item.criteria if one.points > 0]) == item.points
    assert item.points_for([]) == 0


@pytest.mark.parametrize("name", ITEMS)
def test_a_text_is_short_and_says_what_the_answer_does(name):
    texts = [one.text for one in ITEMS[name].criteria]
    assert max(Counter(texts).values()) == 1
    for one in ITEMS[name].criteria:
        assert 10 <= len(one.text) <= 108
        assert len(one.hint) <= 108
        first, *_ = one.text.split()
        assert first.endswith("s"), one.text  # "says", "names", "claims"
        assert not one.text.endswith(".")


@pytest.mark.parametrize("name", ITEMS)
def test_what_stands_beside_an_answer_is_in_the_course(name):
    item = ITEMS[name]
    for kind, names in item.evidence.items():
        assert max(Counter(names).values(), default=1) == 1
        assert not [full for full in names if not is_made(kind, full)], kind
        if item.part == "questions":
            assert {full.partition(".")[0] for full in names} <= {CHAPTERS[name[:2]]}
    if item.exercise:
        assert item.exercise in exercises()
        assert chapter_of(item.exercise) == chapter_of(name)


@pytest.mark.parametrize(
    ("kind", "full"),
    [
        ("figures", "05_mlp1_sweep.accuracy_by_widths"),
        ("tables", "05_mlp1_sweep.one_cycle"),  # a figure
        ("numbers", "03_cifar_exploration.depth_15_test"),
        ("numbers", "03_cifar_exploration.own_design_memory"),
        ("numbers", "09_profiler_comparison.LeNet5_latency"),
        ("numbers", "04_mlp_from_scratch.relu_test"),
    ],
)
def test_a_name_that_nothing_makes_would_be_found(kind, full):
    assert not is_made(kind, full)


def test_only_a_question_has_an_exercise_and_only_a_discussion_a_heading():
    assert {name for name, item in ITEMS.items() if item.heading} == set(REPORT)
    assert {name for name, item in ITEMS.items() if item.exercise} <= set(QUESTIONS)


def test_each_discussion_of_the_report_is_marked_once():
    discussed = [heading for heading, text in sections() for _ in DISCUSSION.findall(text)]
    assert [ITEMS[name].heading for name in REPORT] == discussed


def test_what_a_section_of_the_report_places_stands_beside_its_discussion():
    by_heading = dict(sections())
    for name in REPORT:
        item = ITEMS[name]
        placed = {(f"{kind}s", full) for kind, full in made_names.PLACED.findall(by_heading[item.heading])}
        beside = {(kind, full) for kind, names in item.evidence.items() for full in names}
        assert placed <= beside, item.heading
        everywhere = {
            (f"{kind}s", full) for kind, full in made_names.PLACED.findall(default_template().read_text("utf-8"))
        }
        assert beside <= everywhere, item.heading


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_number_in_a_criterion_is_one_of_the_model_answer(name):
    """So the two cannot part: who corrects a number in the answer must correct it in the criterion."""
    exchange = exchanges(BOOKS[CHAPTERS[name[:2]]])[int(name[-1]) - 1]
    known = plain(exchange.question + exchange.answer)
    for one in ITEMS[name].criteria:
        for number in NUMBER.findall(one.text):
            if len(number) > 2:
                assert plain(number) in known, one.text


def plain(text):
    """Return a text without the commas of its numbers and what TeX writes for them."""
    return re.sub(r"(?<=\d)(?:\{,\}|,)(?=\d)", "", text)
