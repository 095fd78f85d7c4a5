"""One notebook of the newer release with a student's answers, changes and own cells, and what became different."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from labkit.course.updating import wording
from labkit.course.updating.graded_cells import find_answers, find_checks
from labkit.course.updating.known_cells import ANSWER, CHECK, INJECTED, PARAMETERS, Cell, name_of
from labkit.course.updating.layout import THE_COURSES, Node, Settled, laid_out, own, with_ids
from labkit.course.updating.matching import Place, match, places_of
from labkit.course.updating.stored_cells import Book, StoredCell
from labkit.course.updating.tidying import tidied

NOTE, KEPT = "labkit-note", "labkit-kept"  # tags of what an update puts in: notes to the student, cells kept beside


def rebuild(mine: Book, old: Book | None, new: Book, made: str) -> tuple[list[Node], dict[str, Any], list[str]]:
    """Return the cells and the metadata of the notebook to come, and a sentence for each thing that is different.

    mine: the student's. old: as the student got it; None where that is not known, then what differs from `new` may be
    the student's, and is kept beside it. made: the day of the newer release.
    """
    places = places_of(old.cells if old else None, new.cells)
    cells, sentences = tidied(mine.cells, places)
    graded, more = _graded(cells, places)
    cells = [cell for cell in cells if cell not in more.copies]
    by_cell = match(cells, graded, places)
    by_place = {place: cell for cell, place in by_cell.items()}
    sentences += more.sentences
    changes = _changed_exercises(places, old, new)
    settled = {}
    for place in places:
        settled[place] = _settle(place, by_place.get(place), old is not None, changes.get(place, []), made)
        sentences += settled[place].sentences
    order = [place.new for place in (by_cell[cell] for cell in cells if cell in by_cell) if place.new]
    if order != sorted(order, key=new.cells.index):
        sentences.append("Cells of the course that you had moved stand in the course's order again.")
    said = {cell.source for cell in cells if NOTE in cell.tags}
    nodes, doubles = laid_out(cells, by_cell, places, settled, said)
    if doubles:
        sentences.append(wording.doubles(doubles))
    return with_ids(nodes, new), {**new.metadata, **mine.metadata}, wording.gathered(sentences)


@dataclass
class Found:
    """What finding the graded cells gives beside them: copies of checks that say nothing else, and sentences."""

    copies: set[StoredCell]
    sentences: list[str]


def _graded(cells: Sequence[StoredCell], places: Sequence[Place]) -> tuple[dict[StoredCell, Place], Found]:
    """Find the student's checks and answers as the grader does: by their marks, else by their content."""
    seen: dict[Cell, StoredCell] = {replace(cell, source=cell.text): cell for cell in cells}
    known = [place.old or place.cell for place in places]
    course = [replace(cell, source=cell.text, id="") for cell in known]  # ids of another release mean nothing
    place_of = {place.cell.grade_id: place for place in places if place.cell.grade_id}
    by_grade_id: dict[str, Cell] = {}
    found = Found(set(), [])
    for one in find_checks(list(seen), course):
        name = one.check.grade_id
        right = [cell for cell in one.copies if cell.source in place_of[name].texts]
        by_grade_id[name] = first = (right or one.copies)[0]
        found.copies |= {seen[cell] for cell in right if cell is not first}
        if not one.marked:
            found.sentences.append(f"{name_of(one.check)} had lost its mark: restored.")
        if len(right) > 1:
            found.sentences.append(f"{name_of(one.check)} was there {len(right)} times: the first one stayed.")
    said: list[str] = []
    find_answers(list(seen), course, by_grade_id, said)
    found.sentences += [sentence for sentence in said if not sentence.endswith("is missing.")]  # told at its place
    return {seen[cell]: place_of[name] for name, cell in by_grade_id.items()}, found


def _changed_exercises(places: Sequence[Place], old: Book | None, new: Book) -> dict[Place, list[str]]:
    """Return what changed of the exercise of each answer and check: its text, the given code, its check."""
    changes: dict[Place, list[str]] = {}
    by_grade_id = {place.cell.grade_id: place for place in places if place.old and place.new and place.cell.grade_id}
    for grade_id, place in by_grade_id.items():
        if old is None or place.cell.is_check:
            continue
        check = by_grade_id.get(grade_id.replace(ANSWER, CHECK))
        what = {
            "its text": _exercise_text(old, place.old) != _exercise_text(new, place.new),
            "what is given": _differs(place),
            "its check": check is not None and check is not place and _differs(check),
        }
        if found := [part for part, differs in what.items() if differs]:
            changes[place] = found
            if check:
                changes[check] = found
    return changes


def _differs(place: Place) -> bool:
    return len(place.texts) > 1


def _exercise_text(book: Book, answer: StoredCell | None) -> str:
    """Return the text of the course before an answer, from its last heading on."""
    before = book.cells[: book.cells.index(answer)] if answer else []
    text = next((cell.text for cell in reversed(before) if cell.kind == "markdown"), "")
    headings = list(re.finditer(r"^#+ ", text, re.MULTILINE))
    return text[headings[-1].start() :] if headings else text


def _settle(place: Place, cell: StoredCell | None, known: bool, changes: list[str], made: str) -> Settled:
    """Decide what stands at a place of the course, given the student's cell that comes from it."""
    new, name = place.new, wording.title(place.cell)
    text = cell.text if cell else ""
    touched = cell is not None and text not in place.texts and (text != "" or not place.cell.grade_id)
    answer = bool(place.cell.grade_id) and not place.cell.is_check
    if new is None:
        if cell and touched:
            return Settled(own(cell, KEPT), sentences=[wording.kept_though_gone(name)])
        return Settled(sentences=[wording.listed(wording.GONE, name)] if cell else [])
    if cell is None:
        if place.old is None:
            head = wording.NEW if known else wording.NOT_THERE
            return Settled(_of_course(new), sentences=[wording.listed(head, name)])
        if new.kind == "markdown" and not answer and not _differs(place):
            return Settled(sentences=[wording.listed(wording.LEFT_OUT, name)])
        return Settled(_of_course(new), sentences=[wording.put_back(place.cell)])
    if not touched:
        same = text == new.text
        node = _of_course(new, cell, outputs=same and not changes)
        if cell.kind != new.kind:
            return Settled(node, sentences=[wording.type_restored(new)])
        return Settled(node, sentences=[] if same or text == "" else [wording.listed(wording.CORRECTED, name)])
    if answer:
        settled = Settled(_of_course(new, cell, written=True))
        if changes:
            beside = settled.before if new.kind == "code" else settled.behind  # an answer stays next to its questions
            beside.append(_note(wording.exercise_changed(new, changes, made)))
            settled.sentences.append(wording.answer_kept(new, changes))
        return settled
    if place.cell.is_check:
        return Settled(_of_course(new), [own(cell, KEPT)], sentences=[wording.check_edited(new)])
    if known and not (place.old and _differs(place)):
        return Settled(_of_course(new, cell, written=True))
    note = _note(wording.both_changed(made) if known else wording.differs_here(made))
    return Settled(_of_course(new), [note, own(cell, KEPT)], sentences=[wording.both_kept(name, known)])


def _of_course(new: StoredCell, mine: StoredCell | None = None, written: bool = False, outputs: bool = True) -> Node:
    """Return the course's cell; written: with the student's source in it. What editors note of the cell stays."""
    node = copy.deepcopy(new.node)
    node["id"] = new.id
    if mine:
        kept = {key: value for key, value in mine.node["metadata"].items() if key not in THE_COURSES}
        tags = [*new.node["metadata"].get("tags", []), *sorted(mine.tags - new.tags - {PARAMETERS, INJECTED})]
        node["metadata"] = {**kept, **node["metadata"], **({"tags": tags} if tags else {})}
        if written:
            node["source"] = mine.source
            node.pop("attachments", None)
            node |= {"attachments": mine.node["attachments"]} if "attachments" in mine.node else {}
        if new.kind == mine.kind == "code" and outputs:
            node |= {key: mine.node[key] for key in ("outputs", "execution_count")}
    return node


def _note(source: str) -> Node:
    return {"cell_type": "markdown", "metadata": {"tags": [NOTE]}, "source": source, "own id": "", "note": True}
