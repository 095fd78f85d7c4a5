"""A student's notebook without what editors leave by accident: cells split or of another type, answers doubled.

Only what loses no word is undone: copies that say the same, parts that together are the course's text, an answer whose
parts are Python only together.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labkit.course.updating import wording
from labkit.course.updating.cells import INJECTED, name_of
from labkit.course.updating.matching import Place
from labkit.course.updating.stored_cells import StoredCell

MOST_PARTS = 6  # of a cell that was split


def tidied(mine: Sequence[StoredCell], places: Sequence[Place]) -> tuple[list[StoredCell], list[str]]:
    """Return the cells of a student's notebook, whole and once, and a sentence for each thing that was undone."""
    remarks: list[str] = []
    cells = [cell for cell in mine if INJECTED not in cell.tags]  # it would set the run's parameters back
    if len(cells) < len(mine):
        remarks.append("The parameters of an earlier run, put in by papermill, were taken out.")
    texts = {text for place in places for text in place.texts}
    for place in places:
        if place.cell.grade_id and not place.cell.is_check:
            _change_type_back(cells, place, remarks)
            _join_answer(cells, place, texts, remarks)
            _take_out_copies(cells, place, remarks)
    _join_course_cells(cells, places, remarks)
    return cells, remarks


def _marked(cells: list[StoredCell], place: Place) -> list[StoredCell]:
    return [cell for cell in cells if cell.grade_id == place.cell.grade_id]


def _change_type_back(cells: list[StoredCell], place: Place, remarks: list[str]) -> None:
    """Make an answer what it was: in JupyterLab, one key makes a text of a cell of code."""
    marked = _marked(cells, place)
    if marked and not any(cell.kind == place.cell.kind for cell in marked):
        cells[cells.index(marked[-1])] = as_kind(marked[-1], place.cell.kind)
        remarks.append(wording.type_restored(place.cell))


def _join_answer(cells: list[StoredCell], place: Place, texts: set[str], remarks: list[str]) -> None:
    """Join an answer whose first part is no Python alone, but is with what stands directly behind it."""
    marked = [cell for cell in _marked(cells, place) if cell.kind == "code"]
    if not marked or place.cell.kind != "code" or _is_python(marked[0].source):
        return
    first = cells.index(marked[0])
    for end in range(first + 1, min(first + MOST_PARTS, len(cells))):
        cell = cells[end]
        if cell.kind != "code" or cell.grade_id not in ("", place.cell.grade_id) or cell.text in texts:
            return
        joined = "\n".join(part.source for part in cells[first : end + 1])
        if _is_python(joined):
            cells[first : end + 1] = [_with_source(marked[0], joined)]
            remarks.append(f"{name_of(place.cell)} was split, and is Python only as a whole: joined again.")
            return


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


def _is_python(source: str) -> bool:
    """Whether a text can be read as Python; nothing of it is executed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
