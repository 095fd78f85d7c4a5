"""A student's notebook with the course's locked cells in it, fit to be run.

The notebook is built anew from what the reader took in. Remarks for the TA hold no text of the student's.
"""

from __future__ import annotations

import ast
import copy
import itertools
from dataclasses import replace
from typing import Any

from labkit.basics.pages.plain_text import tidy
from labkit.course.releasing.setup_cell import is_setup
from labkit.course.updating.graded_cells import find_answers, find_checks
from labkit.course.updating.known_cells import (
    ANSWER,
    CHECK,
    INJECTED,
    PARAMETERS,
    Cell,
    grade_id_of,
    name_of,
    without_hidden_tests,
)
from labkit.grading.intake.reading.reader import cells_of


def restore(content: bytes, course: Any) -> tuple[Any, list[str]]:
    """Return the notebook to run in place of a student's, and what was mended in it: sentences for the TA.

    content: a notebook as it was taken in. course: the staff's notebook (nbformat 4), with nbgrader's metadata.
    Returned is a valid notebook without outputs. Each check of the course is in it once, as the course wrote it but
    without hidden tests, and behind its answer; all else of the student's keeps its order. nbgrader's metadata is the
    course's; the cell by which each grade_id is known carries it, and of the tags only 'parameters' remains.
    """
    import nbformat

    everything = cells_of(content)
    remarks: list[str] = []
    own = [cell for cell in everything if not is_setup(cell.kind, cell.source)]  # else the release's, not the student's
    cells = [cell for cell in own if INJECTED not in cell.tags]  # it would set the run's parameters back
    if len(cells) < len(own):
        remarks.append("The parameters of an earlier run, put in by papermill, were taken out.")
    course_cells = [_course_cell(cell) for cell in course.cells]
    by_grade_id: dict[str, Cell] = {}  # the student's cell that stands for each grade_id, and for the parameters
    _mend_checks(cells, course_cells, by_grade_id, remarks)
    find_answers(cells, course_cells, by_grade_id, remarks)
    _place_checks(cells, course_cells, by_grade_id, remarks)
    _mend_parameters(cells, course_cells, by_grade_id, remarks)
    return nbformat.from_dict(_document(cells, by_grade_id, course)), remarks


def checks(notebook: Any) -> list[tuple[int, str, str]]:
    """Return the checks of a course's notebook, or of a restored one, in their order.

    Each is the index of its cell, the exercise's id, and the expression that is checked: (13, "1.1", "standardise").
    """
    return [
        (index, str(call.args[0].value), ast.unparse(call.args[1]))
        for index, cell in enumerate(notebook.cells)
        if grade_id_of(cell).startswith(CHECK)
        for call in ast.walk(ast.parse(without_hidden_tests(cell.source)))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"
        if len(call.args) == 2 and isinstance(call.args[0], ast.Constant)
    ]


def _mend_checks(cells: list[Cell], course_cells: list[Cell], by_grade_id: dict[str, Cell], remarks: list[str]) -> None:
    """Put the course's text into each check cell that is there, and take its copies out."""
    for found in find_checks(tuple(cells), course_cells):
        check, (first, *others) = found.check, found.copies
        if not found.marked:
            remarks.append(f"{name_of(check)} had lost its mark: restored.")
        for cell in others:
            cells.remove(cell)
        if others:
            remarks.append(f"{name_of(check)} was there {len(found.copies)} times: the first one stayed.")
        if (first.kind, first.text) != (check.kind, check.text):
            remarks.append(f"{name_of(check)} was edited: restored.")
        by_grade_id[check.grade_id] = cells[cells.index(first)] = replace(check, id=first.id)


def _place_checks(
    cells: list[Cell], course_cells: list[Cell], by_grade_id: dict[str, Cell], remarks: list[str]
) -> None:
    """Put deleted checks back, and those that stand before their answer behind it."""
    for check in course_cells:
        if not check.is_check:
            continue
        here, answer = by_grade_id.get(check.grade_id), by_grade_id.get(check.grade_id.replace(CHECK, ANSWER))
        if here is None:
            cells.insert(cells.index(answer) + 1 if answer else _place(check, cells, course_cells, by_grade_id), check)
            by_grade_id[check.grade_id] = check
            remarks.append(f"{name_of(check)} was deleted: put back.")
        elif answer and cells.index(here) < cells.index(answer):
            cells.remove(here)
            cells.insert(cells.index(answer) + 1, here)
            remarks.append(f"{name_of(check)} stood before its answer: moved behind it.")


def _mend_parameters(
    cells: list[Cell], course_cells: list[Cell], by_grade_id: dict[str, Cell], remarks: list[str]
) -> None:
    """Find the one cell behind which papermill puts the parameters of a run, or put the course's in."""
    course = next((cell for cell in course_cells if PARAMETERS in cell.tags), None)
    tagged = [cell for cell in cells if PARAMETERS in cell.tags]
    free = [cell for cell in cells if cell.kind == "code" and cell not in by_grade_id.values()]
    fitting = [cell for cell in free if PARAMETERS in cell.tags]
    if course is not None:
        # The course's own goes first: were it to run behind another, it would set the run's parameters back.
        fitting.sort(key=lambda cell: not cell.same_as(course))
        if not fitting:
            fitting = [cell for cell in free if cell.same_as(course)]
            remarks.append(
                f"The parameters cell {'had lost its tag: restored' if fitting else 'was deleted: put back'}."
            )
        if not fitting:
            cells.insert(_place(course, cells, course_cells, by_grade_id), course)
            fitting = [course]
    if fitting:
        by_grade_id[PARAMETERS] = fitting[0]
    if others := len([cell for cell in tagged if cell is not by_grade_id.get(PARAMETERS)]):
        remarks.append(f"The tag 'parameters' was taken from {others} cell{'s' * (others > 1)} that may not carry it.")


def _place(cell: Cell, cells: list[Cell], course_cells: list[Cell], by_grade_id: dict[str, Cell]) -> int:
    """Return the index behind the last of the course's cells before `cell` that the student's notebook still has."""
    for earlier in reversed(course_cells[: course_cells.index(cell)]):
        match = by_grade_id.get(earlier.grade_id) or next((theirs for theirs in cells if theirs.same_as(earlier)), None)
        if match:
            return cells.index(match) + 1
    return 0


def _document(cells: list[Cell], by_grade_id: dict[str, Cell], course: Any) -> dict[str, Any]:
    """Return the notebook that consists of `cells`, as JSON."""
    marks = {grade_id_of(cell): cell.metadata["nbgrader"] for cell in course.cells if grade_id_of(cell)}
    roles = {cell: grade_id for grade_id, cell in by_grade_id.items() if grade_id in marks}
    taken = {cell.id for cell in cells}
    spare = (name for number in itertools.count(1) if (name := f"restored-{number:02d}") not in taken)
    used: set[str] = set()
    nodes = []
    for cell in cells:
        name = cell.id if cell.id not in ("", *used) else next(spare)
        used.add(name)
        node: dict[str, Any] = {"cell_type": cell.kind, "id": name, "metadata": {}, "source": cell.source}
        if cell in roles:
            node["metadata"]["nbgrader"] = copy.deepcopy(marks[roles[cell]])
        if cell is by_grade_id.get(PARAMETERS):
            node["metadata"]["tags"] = [PARAMETERS]
        if cell.kind == "code":
            node |= {"execution_count": None, "outputs": []}
        elif cell.attachments:
            node["attachments"] = cell.attachments
        nodes.append(node)
    shared = [key for key in ("kernelspec", "language_info") if key in course.metadata]
    metadata = {key: copy.deepcopy(course.metadata[key]) for key in shared}
    return {"cells": nodes, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _course_cell(cell: Any) -> Cell:
    grade_id, source = grade_id_of(cell), tidy(cell.source)
    source = without_hidden_tests(source) if grade_id.startswith(CHECK) else source
    return Cell(cell.cell_type, source, cell.get("id", ""), grade_id, frozenset(cell.metadata.get("tags", [])))
