"""The order of a rebuilt notebook: the course's, with each of the student's own cells behind what it stood behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.course.updating.known_cells import INJECTED, PARAMETERS
from labkit.course.updating.matching import Place
from labkit.course.updating.stored_cells import Book, StoredCell

THE_COURSES = ("nbgrader", "editable", "deletable", "tags", "id")  # metadata of a cell that the course decides
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
Node = dict[str, Any]
Item = tuple[Node, Place | None, StoredCell | None]  # what stands there, and of which place, or which own cell it is


@dataclass
class Settled:
    """What stands at a place of the new notebook; ids come later."""

    cell: Node | None = None
    before: list[Node] = field(default_factory=list)
    behind: list[Node] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def laid_out(
    cells: Sequence[StoredCell],
    by_cell: Mapping[StoredCell, Place],
    places: Sequence[Place],
    settled: Mapping[Place, Settled],
    said: Collection[str],
) -> tuple[list[Node], int]:
    """Return the cells of the new notebook, and how many copies of the course's cells were left out beside them.

    said: notes that the student's notebook has already.
    """
    items = list(_in_order(cells, by_cell, places, settled))
    items = [item for item in items if not (item[0].get("note") and item[0]["source"] in said)]
    once = _without_doubles(_without_doubles(items)[::-1])[::-1]
    return [node for node, *_ in once], len(items) - len(once)


def _in_order(
    cells: Sequence[StoredCell],
    by_cell: Mapping[StoredCell, Place],
    places: Sequence[Place],
    settled: Mapping[Place, Settled],
) -> Iterator[Item]:
    """Give what stands at each place, and behind it the own cells that stood behind it; an answer's parts before it."""
    behind: dict[Place | None, list[StoredCell]] = {None: []}
    before: dict[Place, list[StoredCell]] = {}
    last: Place | None = None
    run: list[StoredCell] = []  # own cells since the last one of the course
    for cell in cells:
        if (place := by_cell.get(cell)) is None:
            run.append(cell)
            continue
        grade_id = place.cell.grade_id
        parts = [index for index, one in enumerate(run) if one.grade_id == grade_id != ""]
        cut = parts[0] if parts else len(run)
        behind.setdefault(last, []).extend(run[:cut])
        before.setdefault(place, []).extend(run[cut:])
        last, run = place, []
    behind.setdefault(last, []).extend(run)
    yield from ((own(cell), None, cell) for cell in behind[None])
    for place in places:
        there = settled[place]
        yield from ((node, None, None) for node in there.before)
        yield from ((own(cell), None, cell) for cell in before.get(place, []))
        if there.cell:
            yield there.cell, place, None
        yield from ((node, None, None) for node in there.behind)
        yield from ((own(cell), None, cell) for cell in behind.get(place, []))


def _without_doubles(items: Sequence[Item]) -> list[Item]:
    """Leave out own cells that stand directly behind a cell of the course and say what the course says there."""
    kept: list[Item] = []
    for node, place, cell in items:
        course = kept[-1][1] if kept else None
        copied = cell and course and not course.cell.grade_id and cell.kind == course.cell.kind
        if not (copied and cell and course and cell.text in course.texts - {""}):
            kept.append((node, place, cell))
    return kept


def own(cell: StoredCell, tag: str = "") -> Node:
    """Return a cell of the student's: as it is, but without marks by which it would be taken for the course's."""
    metadata = {key: value for key, value in cell.node["metadata"].items() if key not in THE_COURSES}
    tags = sorted((cell.tags - {PARAMETERS, INJECTED}) | ({tag} if tag else set()))
    return {**cell.node, "metadata": {**metadata, **({"tags": tags} if tags else {})}, "own id": cell.id}


def with_ids(nodes: Sequence[Node], new: Book) -> list[Node]:
    """Give each cell the course's id, or its own where no other has it."""
    taken = {cell.id for cell in new.cells}
    spare = (name for number in itertools.count(1) if (name := f"own-{number:02d}") not in taken)
    finished = []
    for node in nodes:
        node = {key: value for key, value in node.items() if key != "note"}
        if "own id" in node:
            claimed = node.pop("own id")
            node["id"] = claimed if CELL_ID.fullmatch(claimed) and claimed not in taken else next(spare)
            taken.add(node["id"])
        finished.append(node)
    return finished
