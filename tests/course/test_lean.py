"""Every notebook stays lean: it opens and ends alike, and a student reads more of the subject than of the machinery."""

import ast
import re

import jupytext
import pytest

from labkit import CHECKOUT
from labkit.course.upkeep.twin import read_twin
from labkit.exercises.catalogue import exercises

SOURCES = sorted((CHECKOUT / "notebooks" / "source").glob("*.py"))
MOST_LINES, MOST_LINES_OF_A_CELL, MOST_PLUMBING = 150, 15, 0.20
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)
SOLUTION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
OPENING = ("**Time**", "**You will be able to**", "**You need**")
KEPT = {"run.figure", "run.table", "run.number", "run.finish"}  # what hands results to the report
MACHINERY = {*KEPT, "begin", "Checker", "exercises.Checker", "check", "check.progress"}

of_every_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


def lines_of(source):
    """Return the lines of code: neither blank, nor a comment alone."""
    return [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]


def as_students_see(source):
    """Return the source without solutions and hidden tests; a function whose whole body was one keeps `...`."""
    return SOLUTION.sub("...", HIDDEN.sub("", source))


def plumbing(cell):
    """Return how many lines of a cell, as students see it, import, set parameters, keep results or check."""
    source = as_students_see(cell.source)
    if "parameters" in cell.metadata.get("tags", []):
        return len(lines_of(source))
    lines = set()
    for node in ast.walk(ast.parse(source)):
        simple = isinstance(node, ast.stmt) and not hasattr(node, "body")
        calls = {ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)} if simple else set()
        if isinstance(node, ast.Import | ast.ImportFrom) or calls & MACHINERY:
            lines |= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def code_lines(path):
    """Return how many lines of code a student's version holds, and how many of them are plumbing."""
    code = cells(path, "code")
    written = sum(
        len([line for line in lines_of(as_students_see(cell.source)) if line.strip() != "..."]) for cell in code
    )
    return written, sum(map(plumbing, code))


@of_every_notebook
def test_a_notebook_opens_with_its_time_its_aims_and_what_it_needs(path):
    opening = cells(path, "markdown")[0].source
    assert opening.startswith(f"# {int(path.stem[:2])} ")
    assert [part for part in OPENING if part not in opening] == []
    assert re.search(r"\*\*Time\*\*: about \d+ minutes", opening)
    aims = opening.split(OPENING[1])[1].split(OPENING[2])[0]
    assert len(re.findall(r"^- ", aims, re.MULTILINE)) >= 3


@of_every_notebook
def test_a_notebook_ends_with_a_recap_and_references(path):
    *_, finish, progress = cells(path, "code")
    assert (finish.source, progress.source) == ("run.finish()", "check.progress()")
    ending = cells(path, "markdown")[-1].source
    assert re.search(r"[Yy]ou can now", ending)
    recap, references = ending.split("## References")
    assert len(re.findall(r"^- ", recap, re.MULTILINE)) >= 3
    assert len(re.findall(r"https://", references)) >= 2
    assert not re.search(r"http://", references)


@of_every_notebook
def test_headings_of_exercises_tell_their_points(path):
    found = [(heading.id, heading.points) for heading in read_twin(path).headings]
    wanted = [(name, exercise.points) for name, exercise in exercises().items() if name[0] == path.stem[1]]
    assert found == wanted


@of_every_notebook
def test_a_notebook_holds_at_most_150_lines_of_code(path):
    written, _ = code_lines(path)
    assert written <= MOST_LINES


@of_every_notebook
def test_no_cell_is_longer_than_fifteen_lines_solutions_included(path):
    lengths = {cell.source.splitlines()[0]: len(lines_of(HIDDEN.sub("", cell.source))) for cell in cells(path, "code")}
    assert {first: count for first, count in lengths.items() if count > MOST_LINES_OF_A_CELL} == {}


@of_every_notebook
def test_at_most_a_fifth_of_the_code_is_plumbing(path):
    written, plumbed = code_lines(path)
    assert plumbed <= MOST_PLUMBING * written, f"{plumbed} of {written} lines"


def test_what_the_plumbing_of_a_cell_is():
    import nbformat

    source = (
        "import torch\nx = 1\nif x:\n    run.table(\n        'a',\n        x,\n    )\n    y = 2\n"
        "check('1.1', x)\n### BEGIN HIDDEN TESTS\nassert check.passed('1.1')\n### END HIDDEN TESTS"
    )
    cell = nbformat.v4.new_code_cell(source)
    assert plumbing(cell) == 1 + 4 + 1
    assert len(lines_of(as_students_see(source))) == 9
