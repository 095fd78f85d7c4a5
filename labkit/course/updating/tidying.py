"""A student's notebook without what editors leave by accident: cells split or of another type, answers doubled.

Only what loses no word is undone: copies that say the same, parts that together are the course's text, code whose parts
are Python only together.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labkit.course.updating import wording
from labkit.course.updating.known_cells import INJECTED, name_of
from labkit.course.updating.matching import Place
from labkit.course.updating.stored_cells import StoredCell

MOST_PARTS = 6  # of a cell that was split


def tidied(mine: Sequence[StoredCell], places: Sequence[Place]) -> tuple[list[StoredCell], list[str]]:
    """Return the cells of a student's notebook, whole and once, and a sentence for each thing that was undone."""
    remarks: list[str] = []
    cells = [cell for cell in mine if INJECTED not in cell.tags]  # it would set the run's parameters back
    if len(cells) < len(mine):
        remarks.append("The parameters of an earlier run, put in by papermill, were taken out.")
    _join_course_cells(cells, places, remarks)
    _join_code(cells, places, remarks)
    for place in places:
        if place.cell.grade_id and not place.cell.is_check:
            _change_type_back(cells, place, remarks)
            _take_out_copies(cells, place, remarks)
    return cells, remarks


def _marked(cells: list[StoredCell], place: Place) -> list[StoredCell]:
    return [cell for cell in cells if cell.grade_id == place.cell.grade_id]


def _change_type_back(cells: list[StoredCell], place: Place, remarks: list[str]) -> None:
    """Make an answer what it was: in JupyterLab, one key makes a text of a cell of code."""
    marked = _marked(cells, place)
    if marked and not any(cell.kind == place.cell.kind for cell in marked):
        cells[cells.index(marked[-1])] = as_kind(marked[-1], place.cell.kind)
        remarks.append(wording.type_restored(place.cell))


def _join_code(cells: list[StoredCell], places: Sequence[Place], remarks: list[str]) -> None:
    """Join code that is no Python alone, but is with what stands directly behind it: it was split."""
    course = {text for place in places for text in place.texts}
    at = 0
    while at < len(cells):
        first, end = cells[at], at + 1
        while not _is_python(first) and end < min(at + MOST_PARTS, len(cells)):
            parts = cells[at : (end := end + 1)]
            marks = {cell.grade_id for cell in parts if cell.grade_id}
            if any(cell.kind != "code" or cell.is_check or cell.text in course for cell in parts) or len(marks) > 1:
                break
            joined = replace(_with_source(first, "\n".join(cell.source for cell in parts)), grade_id="".join(marks))
            if _is_python(joined):
                cells[at:end] = [joined]
                name = name_of(joined) if marks else "A cell of code"
                remarks.append(f"{name} was split within a statement: joined again.")
                break
        at += 1


def _take_out_copies(cells: list[StoredCell], place: Place, remarks: list[str]) -> None:
    """Of an answer that is there several times, take out what is only the course's text, and what says the same."""
    copies = [cell for cell in _marked(cells, place) if cell.kind == place.cell.kind]
    if len(copies) < 2:
        return
    whole = {_squeezed(version.source): version for version in place.versions}
    if version := whole.get("".join(_squeezed(cell.source) for cell in copies)):  # split, and never written in
        first, *others = copies
        cells[cells.index(first)] = _with_source(first, version.source)
    else:
        written = [cell for cell in copies if cell.text not in {"", *place.texts}]
        last = {cell.source: cell for cell in written}  # of those that say the same, the last counts, as in grading
        stay = set(last.values()) or {copies[0]}
        others = [cell for cell in copies if cell not in stay]
    for cell in others:
        cells.remove(cell)
    if others:
        remarks.append(f"{name_of(place.cell)} was there {len(copies)} times: what was no answer was taken out.")


def _join_course_cells(cells: list[StoredCell], places: Sequence[Place], remarks: list[str]) -> None:
    """Join what is, together, a cell of the course that nobody changed."""
    ungraded = [version for place in places if not place.cell.grade_id for version in place.versions]
    course = {(version.kind, _squeezed(version.source)): version for version in ungraded}
    at, joined = 0, 0
    while at < len(cells):
        first, text = cells[at], _squeezed(cells[at].source)
        if text and (first.kind, text) not in course:
            for end in range(at + 1, min(at + MOST_PARTS, len(cells))):
                if cells[end].kind != first.kind:
                    break
                text += _squeezed(cells[end].source)
                if version := course.get((first.kind, text)):
                    cells[at : end + 1] = [_with_source(first, version.source)]
                    joined += 1
                    break
        at += 1
    if joined:
        remarks.append(f"{joined} of the course's cells had been split: joined again.")


def as_kind(cell: StoredCell, kind: str) -> StoredCell:
    """Return the same cell, of another type."""
    node: dict[str, Any] = {"cell_type": kind, "metadata": cell.node["metadata"], "source": cell.source}
    if kind == "code":
        node |= {"outputs": [], "execution_count": None}
    return replace(cell, kind=kind, node=node)


def _with_source(cell: StoredCell, source: str) -> StoredCell:
    node = {**cell.node, "source": source}
    if cell.kind == "code":
        node |= {"outputs": [], "execution_count": None}
    return replace(cell, source=source, node=node)


def _squeezed(source: str) -> str:
    return "".join(source.split())


def _is_python(cell: StoredCell) -> bool:
    """Whether a cell can be read as Python, or is none that should; nothing of it is executed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return cell.kind != "code" or bool(ast.parse(cell.source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
