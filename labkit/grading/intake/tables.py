"""A small table that a spreadsheet or a platform wrote: the lists of students and of groups that a TA gives."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.texts import MB

WIDE = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 begins


def read_table(path: Path, what: str, largest: int = 10 * MB) -> list[list[str]]:
    """Return the rows of a CSV file, the headings first, without empty ones; [[]] for an empty file.

    Cells stand between commas, semicolons or tabs, in the encodings that spreadsheets write. what: what it is meant to
    be, as "list of groups". largest: in bytes. UsageError for a file that cannot be read, or is no CSV.
    """
    try:
        if path.stat().st_size > largest:
            raise UsageError(f"{path} is larger than {largest // MB} MB: that is no {what}.")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror or error}): name a CSV file with a {what}."
        ) from error
    text = _decoded(content)
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV ({error}): export it again.") from error
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)] or [[]]


def _decoded(content: bytes) -> str:
    for encoding in ("utf-16",) if content.startswith(WIDE) else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
