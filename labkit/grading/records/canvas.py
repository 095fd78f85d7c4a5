"""A gradebook exported from Canvas, with one column filled and every other byte kept.

The file is edited as bytes: Canvas, spreadsheets and TAs write different quotes, line ends and encodings, and what is
not touched cannot be broken.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.basics.files import write_atomically
from labkit.grading.records.gradebook import Row
from labkit.grading.texts import clean

LARGEST_MB = 10
BOM = b"\xef\xbb\xbf"
ASSIGNMENT = re.compile(r"(.*\S)\s+\(\d+\)")  # Canvas puts its own number behind an assignment's name
KEPT = ("EX", "N/A")  # excused, and not assigned to this student: no number may take their place
NO_ID = "there is no ID to match by"


@dataclass(frozen=True)
class Filled:
    """What became of an export: the column, the number of cells that now hold points, and a sentence for all else."""

    column: str
    cells: int
    replaced: tuple[str, ...]  # cells that held another value
    unmatched_rows: tuple[str, ...]  # rows of the export that were left as they are
    unmatched_submissions: tuple[str, ...]  # submissions whose points stand nowhere in it
    with_gaps: tuple[str, ...] = ()  # submissions whose points stand in it, though notebooks of theirs are missing


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the export: where its bytes begin and end, and what it says, as one printable line."""

    start: int
    end: int
    text: str


def fill_canvas(rows: Sequence[Row], export: Path, out: Path, column: str = "") -> Filled:
    """Write `export` to `out` with the totals of `rows` in one column, matched by the student's id in Canvas.

    column: an assignment's name, with or without Canvas' number behind it; may be empty where there is only one.
    Who is excused (EX) is left alone, and so is who cannot be told apart: an id that stands in the export, or among the
    submissions, more than once; and who has no total, since notebooks are not graded yet or none could be executed.
    UsageError for a file that is no such export, and for a column that it lacks or has twice; then nothing is written.
    """
    content = _read(export)
    header, *table = _lines(content, export)
    names = [cell.text for cell in header]
    if names[0] != "Student" or "ID" not in names:
        raise UsageError(f"{export} is not a gradebook exported from Canvas: its first line must name Student and ID.")
    place = _find_column(names, clean(column), export)
    students = [line for line in table[_headings(table) :] if any(cell.text for cell in line)]
    ids = [_text(line, names.index("ID")) for line in students]
    times = Counter(ids)
    by_user = defaultdict(list)
    for row in rows:
        by_user[row.user].append(row)
    edits, replaced, left, reasons, filled = [], [], [], {}, set()
    for line, user in zip(students, ids, strict=True):
        who = f"{line[0].text or 'a row without a name'} (ID {user or 'none'})"
        if reason := _why_not(line, place, user, times[user], by_user[user]):
            reasons[user] = reason
            left.append(f"{who}: {reason}.")
            continue
        row, cell = by_user[user][0], line[place]
        filled.add(row.submission)
        if not _equal(cell.text, row.total):
            edits.append((cell, str(row.total).encode()))
            if cell.text:
                replaced.append(f"{who}: {cell.text} became {row.total}.")
    reasons.setdefault("", NO_ID)
    lost = [
        f"{row.submission} (ID {row.user or 'none'}): {reasons.get(row.user, 'no row of the export has this ID')}."
        for row in rows
        if row.submission not in filled
    ]
    gaps = [
        f"{row.submission} (ID {row.user}): {row.total} points, without all notebooks. {row.gaps}"
        for row in rows
        if row.submission in filled and row.gaps
    ]
    write_atomically(out, _edited(content, edits))
    return Filled(names[place], len(filled), tuple(replaced), tuple(left), tuple(lost), tuple(gaps))


def _why_not(line: list[Cell], place: int, user: str, times: int, own: list[Row]) -> str:
    """Return why a row of the export cannot be filled; empty when it can."""
    if not user:
        return NO_ID
    if times > 1:
        return f"{times} rows of the export have this ID"
    if len(own) != 1:
        return f"{len(own) or 'no'} submissions have this ID"
    if own[0].total is None:
        return f"it has no total. {own[0].gaps}".rstrip(". ")
    if len(line) <= place:
        return "the row ends before the column"
    return f"the cell says {line[place].text}" if line[place].text.upper() in KEPT else ""


def _find_column(names: list[str], wanted: str, export: Path) -> int:
    """Return the place of the wanted assignment's column."""
    titles = {place: match[1] for place, name in enumerate(names) if (match := ASSIGNMENT.fullmatch(name))}
    fits = [place for place in titles if names[place] == wanted]
    fits = fits or [place for place in titles if wanted in ("", titles[place])]
    if len(fits) == 1:
        return fits[0]
    choice = ", ".join(repr(names[place]) for place in fits or titles)
    if not titles:
        raise UsageError(f"{export} has no assignment's column: create the assignment in Canvas, and export again.")
    if not fits:
        raise UsageError(f"{export} has no assignment {wanted!r}: name one of {choice}.")
    raise UsageError(f"{export} has {len(fits)} columns that could be filled: name one of {choice}.")


def _headings(table: list[list[Cell]]) -> int:
    """Return how many rows stand before the students: Points Possible, and what Canvas writes above it."""
    return next((place for place, line in enumerate(table[:4], 1) if line[0].text == "Points Possible"), 0)


def _read(export: Path) -> bytes:
    try:
        if export.stat().st_size > LARGEST_MB * 2**20:
            raise UsageError(f"{export} is larger than {LARGEST_MB} MB: that is no gradebook exported from Canvas.")
        return export.read_bytes()
    except OSError as error:
        raise UsageError(f"{export} cannot be read ({error.strerror}): export the gradebook from Canvas.") from error


def _lines(content: bytes, export: Path) -> list[list[Cell]]:
    """Return the cells of all lines; UsageError where a quote has no end.

    Canvas separates cells by a comma, or by a semicolon in countries with a decimal comma.
    """
    position = len(BOM) if content.startswith(BOM) else 0
    semicolon = re.compile(rb'"?Student"?;').match(content, position)
    separator = b";" if semicolon else b","
    # Possessive, so that a quote without an end costs one pass.
    cells = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"|(?!")[^\r\n' + separator + rb"]*+")
    ends = re.compile(rb"(" + separator + rb")|\r\n|\r|\n|\Z")
    lines: list[list[Cell]] = [[]]
    while True:
        cell = cells.match(content, position)
        end = cell and ends.match(content, cell.end())
        if not cell or not end:
            raise UsageError(f"Row {len(lines)} of {export} has a quote without its end: export the gradebook again.")
        lines[-1].append(Cell(cell.start(), cell.end(), _decoded(cell[0])))
        if end.end() == end.start():
            return lines
        if not end[1]:
            lines.append([])
        position = end.end()


def _decoded(cell: bytes) -> str:
    """Return what a cell says; UTF-8, or Latin-1 where it is none."""
    if cell.startswith(b'"'):
        cell = cell[1:-1].replace(b'""', b'"')
    try:
        return clean(cell.decode())
    except UnicodeDecodeError:
        return clean(cell.decode("latin-1"))


def _text(line: list[Cell], place: int) -> str:
    return line[place].text if len(line) > place else ""


def _equal(text: str, total: float | None) -> bool:
    """Whether a cell already says the total, as in 12.00."""
    try:
        return float(text) == total
    except ValueError:
        return False


def _edited(content: bytes, edits: list[tuple[Cell, bytes]]) -> bytes:
    """Return the content with some cells, in their order, replaced."""
    parts, position = [], 0
    for cell, new in edits:
        parts += [content[position : cell.start], new]
        position = cell.end
    return b"".join([*parts, content[position:]])
