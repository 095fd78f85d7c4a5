"""A platform's table of grades, with some cells changed and every other byte kept.

It is edited as bytes: platforms, spreadsheets and TAs write different quotes, line ends and encodings, and what is not
touched cannot be broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.texts import clean

LARGEST_MB = 10
BOM = b"\xef\xbb\xbf"
WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16, which spreadsheets call Unicode text
QUOTED = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')
NUMBER = re.compile(r"-?[\d.,]*\d")
COMMA = re.compile(r"-?\d+,\d{1,2}")
POINT = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: where its bytes begin and end, and what it says, as one printable line."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Sheet:
    """A table: its bytes, the sign between cells, and the cells of each line; the first line are the headings."""

    path: Path
    content: bytes
    separator: bytes
    lines: list[list[Cell]]

    @property
    def headings(self) -> list[str]:
        """What the first line says."""
        return [cell.text for cell in self.lines[0]]

    def edited(self, edits: Iterable[tuple[Cell, str]]) -> bytes:
        """Return the content with other texts in some cells, in their quotes where they need them."""
        parts, position = [], 0
        for cell, text in sorted(edits, key=lambda edit: edit[0].start):
            parts += [self.content[position : cell.start], self._quoted(text)]
            position = cell.end
        return b"".join([*parts, self.content[position:]])

    def _quoted(self, text: str) -> bytes:
        new = text.encode()
        return b'"' + new.replace(b'"', b'""') + b'"' if set(new) & set(b'"\r\n' + self.separator) else new


def read_sheet(path: Path, what: str) -> Sheet:
    """Read a table; what: what it is meant to be, as "gradebook exported from Canvas".

    Cells stand between commas, or between semicolons in countries with a decimal comma, or tabs. UsageError for a file
    that cannot be read, is no text in bytes, or has a quote without its end.
    """
    try:
        if path.stat().st_size > LARGEST_MB * 2**20:
            raise UsageError(f"{path} is larger than {LARGEST_MB} MB: that is no {what}.")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): download the {what} anew.") from error
    if content.startswith(WIDE) or b"\0" in content[:4]:
        raise UsageError(
            f"{path} is UTF-16, as a spreadsheet saves it, which the platform does not read: download the {what} anew."
        )
    separator = _separator(content)
    return Sheet(path, content, separator, list(_lines(content, separator, path, what)))


def text_at(line: Sequence[Cell], place: int) -> str:
    """Return what a cell says; "" where the line ends before it."""
    return line[place].text if 0 <= place < len(line) else ""


def number(text: str) -> float | None:
    """Return the number that a cell says, as 7, 7.50, 7,5 or 1,234.50: the last sign is the decimal one; else None."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        return None
    whole, sign, rest = text.replace(",", ".").rpartition(".")
    return float(whole.replace(".", "") + sign + rest)


def points_text(points: float, decimal: str = ".") -> str:
    """Return points with two decimals at most, as platforms keep them: 7, 7.5, or 7,5 for a decimal comma."""
    return f"{points:.2f}".rstrip("0").rstrip(".").replace(".", decimal)


def decimal_sign(sheet: Sheet, samples: Iterable[str]) -> str:
    """Return the sign before decimals, as the samples show it; where none does, the one that fits the separator."""
    for sample in samples:
        if COMMA.fullmatch(sample):
            return ","
        if POINT.fullmatch(sample):
            return "."
    return "," if sheet.separator == b";" else "."


def _separator(content: bytes) -> bytes:
    """Return the sign that stands most often in the first line, outside of quotes."""
    first = re.split(rb"[\r\n]", QUOTED.sub(b"", content[: 2**16]).lstrip(b"\r\n"), maxsplit=1)[0]
    return max((b",", b";", b"\t"), key=first.count)


def _lines(content: bytes, separator: bytes, path: Path, what: str) -> Iterable[list[Cell]]:
    """Yield the cells of each line; UsageError where a quote has no end."""
    position = len(BOM) if content.startswith(BOM) else 0
    # Possessive, so that a quote without an end costs one pass.
    cells = re.compile(QUOTED.pattern + rb'|(?!")[^\r\n' + separator + rb"]*+")
    ends = re.compile(rb"(" + separator + rb")|\r\n|\r|\n|\Z")
    line: list[Cell] = []
    row = 1
    while True:
        cell = cells.match(content, position)
        end = cell and ends.match(content, cell.end())
        if not cell or not end:
            raise UsageError(f"Row {row} of {path} has a quote without its end: download the {what} anew.")
        line.append(Cell(cell.start(), cell.end(), _decoded(cell[0])))
        if not end[1]:
            yield line
            line, row = [], row + 1
        if end.end() == end.start():
            return
        position = end.end()


def _decoded(cell: bytes) -> str:
    """Return what a cell says; UTF-8, or Latin-1 where it is none."""
    if cell.startswith(b'"'):
        cell = cell[1:-1].replace(b'""', b'"')
    try:
        return clean(cell.decode())
    except UnicodeDecodeError:
        return clean(cell.decode("latin-1"))
