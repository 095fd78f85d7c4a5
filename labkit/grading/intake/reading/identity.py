"""Which notebook of the course a notebook is, by the marks of its cells, and how much of it was answered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from labkit.basics.pages.plain_text import tidy
from labkit.course.updating.known_cells import CHECK, Cell
from labkit.exercises.catalogue import chapter_of

HandedOut = Mapping[str, Mapping[str, str]]  # of each of the course's notebooks: grade_id -> source
OF_AN_EXERCISE = re.compile(r"(?:answer|check)-(\d{1,4})-\d{1,4}", re.ASCII)
# What nbgrader puts in place of a solution; in a text the first, in code the second.
STUBS = ("YOUR ANSWER HERE", "# YOUR CODE HERE\nraise NotImplementedError()")
SOLUTION = re.compile(r"^([ \t]*)[^\n]*BEGIN SOLUTION.*?END SOLUTION[^\n]*$", re.MULTILINE | re.DOTALL)


def handed_out(notebook: Any) -> dict[str, str]:
    """Return what students were given in each graded cell, by its grade_id, from the staff's notebook (nbformat 4).

    As nbgrader's release makes it of one with solutions; one that was released already is as it is.
    """
    sources = {}
    for cell in notebook.cells:
        if marks := cell.metadata.get("nbgrader"):
            source = SOLUTION.sub(lambda match: _indented(STUBS[1], match[1]), tidy(cell.source))
            written = cell.cell_type == "markdown" and marks.get("solution")
            sources[str(marks.get("grade_id", ""))] = STUBS[0] if written else source
    return sources


def notebook_of(cells: Iterable[Cell], named: str, course: Collection[str], given: HandedOut) -> str:
    """Return which notebook of the course most of the graded cells belong to, else the one that its name says.

    named: by its name; it decides as well where two have equally many cells. given: may be empty, then an exercise
    belongs to the notebook of its number.
    """
    ids = {cell.grade_id for cell in cells if cell.grade_id}
    if given:
        counts = {name: len(ids & given.get(name, {}).keys()) for name in course}
    else:
        chapters = Counter(match[1].lstrip("0") for name in ids if (match := OF_AN_EXERCISE.fullmatch(name)))
        counts = {name: chapters[chapter_of(name)] for name in course}
    most = max(counts.values(), default=0)
    found = [name for name, count in counts.items() if count == most > 0]
    return found[0] if len(found) == 1 else named


def answered(cells: Iterable[Cell], given: Mapping[str, str]) -> int:
    """Return how many answers differ from what was handed out: those that are graded by their own cell.

    given: of that notebook; where it is empty, an answer is what is neither empty nor one of nbgrader's stubs.
    """
    last = {cell.grade_id: " ".join(cell.source.split()) for cell in cells}
    answers = {name: text for name, text in last.items() if name and not name.startswith(CHECK)}
    if given:
        return sum(text not in ("", " ".join(given[name].split())) for name, text in answers.items() if name in given)
    stubs = [" ".join(stub.split()) for stub in STUBS]
    return sum(bool(text) and not any(stub in text for stub in stubs) for text in answers.values())


def _indented(stub: str, by: str) -> str:
    return "\n".join(by + line for line in stub.splitlines())
