"""What an update says: sentences for the list that it prints, and notes in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labkit.course.updating.known_cells import ANSWER, Cell, name_of

LONGEST, MOST = 60, 5  # characters of a title; titles in one sentence
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CORRECTED = "Corrected"  # the course's newer text stands there
NEW, GONE = "New", "Taken out of the course"
NOT_THERE = "Not there until now"  # new, or deleted by the student: nobody knows
LEFT_OUT, PUT_BACK = "Deleted by you, and left out", "Put back"
LISTS = (CORRECTED, NEW, NOT_THERE, GONE, LEFT_OUT, PUT_BACK)  # heads of sentences that become one list each


def title(cell: Cell) -> str:
    """Return how a cell of the course is called: by its first heading, else by its first line."""
    if cell.grade_id:
        return name_of(cell).removeprefix("The ")
    text = cell.text
    heading = HEADING.search(text) if cell.kind == "markdown" else None
    line = heading[1] if heading else next((line for line in text.splitlines() if line.strip()), "an empty cell")
    shown = "".join(char for char in line if char.isprintable()).strip()
    return f"“{shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + '…'}”"


def listed(head: str, name: str) -> str:
    """Say what became of a cell of the course; sentences with the same head become one list."""
    return f"{head}: {name}"


def kept_though_gone(name: str) -> str:
    """Say that the course has a cell less which the student had written in."""
    return f"No longer in the course, but kept as a cell of your own: {name}."


def put_back(cell: Cell) -> str:
    """Say that a cell which the student deleted is there again."""
    if cell.grade_id:
        return f"{name_of(cell)} was deleted: put back."
    return listed(PUT_BACK, title(cell))


def doubles(count: int) -> str:
    """Say that copies of the course's cells beside them were left out."""
    return f"{count} of the course's cells stood there twice: taken out once."


def type_restored(cell: Cell) -> str:
    """Say that a graded cell is of its own type again."""
    return f"{name_of(cell)} stood in a cell of another type: changed back."


def check_edited(cell: Cell) -> str:
    """Say that a check is as the course wrote it again."""
    return f"{name_of(cell)} was edited: restored, and what you wrote stands in a cell before it."


def both_kept(name: str, known: bool) -> str:
    """Say that a cell is there twice, since both sides changed it, or may have."""
    if known:
        return f"Changed by you and by the course: {name}. Both are there, yours first, with a note."
    return f"Other than the course's: {name}. Both are there, yours first, with a note."


def answer_kept(cell: Cell, changes: Sequence[str]) -> str:
    """Say that an exercise changed under an answer."""
    return f"{_exercise(cell)} has changed ({', '.join(changes)}): your answer is kept, with a note beside it."


def exercise_changed(cell: Cell, changes: Sequence[str], made: str) -> str:
    """Return the note that stands beside an answer whose exercise changed."""
    return (
        f"> **{_exercise(cell)} has changed** ({', '.join(changes)}; release of {made}). Your answer is as you left "
        "it. Read the text again, run the check if there is one, and delete this note."
    )


def both_changed(made: str) -> str:
    """Return the note before a cell that both sides changed."""
    return (
        f"> **You changed the next cell, and the course did, too** (release of {made}). Yours comes first; behind it "
        "stands the course's. Bring over what you need, and delete yours and this note."
    )


def differs_here(made: str) -> str:
    """Return the note before a cell that differs from the course's, where nobody knows who changed it."""
    return (
        f"> **The next cell of your notebook differs from the course's** (release of {made}), which stands behind it. "
        "If you changed nothing in yours, delete it and this note."
    )


def gathered(sentences: Iterable[str]) -> list[str]:
    """Return the sentences, each once; titles under the same head become one list."""
    lines: list[str] = []
    by_head: dict[str, list[str]] = {}
    for sentence in sentences:
        head, _, name = sentence.partition(": ")
        if head in LISTS:
            by_head.setdefault(head, []).append(name)
        elif sentence not in lines:
            lines.append(sentence)
    for head, names in by_head.items():
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        lines.append(f"{head}: {'; '.join(names[:MOST])}{more}.")
    return lines


def _exercise(cell: Cell) -> str:
    if cell.grade_id.startswith(ANSWER):
        return f"Exercise {cell.grade_id.removeprefix(ANSWER).replace('-', '.')}"
    return f"What the answer cell '{cell.grade_id}' answers"
