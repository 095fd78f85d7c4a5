"""The ids and logins of a course, from a table of its students: Canvas' export, or any CSV with such a column."""

from __future__ import annotations

from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.tables import read_table

# Headings in lower case. Numbers of other kinds, as points, must not be taken for ids.
COLUMNS = {"id", "canvas_user_id", "user_id", "sis user id", "sis login id", "login_id", "username", "login", "sid"}
CANVAS = {"id"}  # the only column of Canvas' export whose numbers stand in its downloads


def known_of(export: Path | None, roster: Path | None) -> frozenset[str]:
    """Return what is known from Canvas' export, from a roster, from both, or from neither."""
    return frozenset().union(known_ids(export, canvas=True) if export else (), known_ids(roster) if roster else ())


def known_ids(table: Path, canvas: bool = False) -> frozenset[str]:
    """Return all ids and logins that a table of students tells; canvas: it is a gradebook exported from Canvas.

    UsageError for a file that cannot be read, or has no such column.
    """
    header, *rows = read_table(table, "list of students")
    wanted = CANVAS if canvas else COLUMNS
    places = [place for place, name in enumerate(header) if name.casefold() in wanted]
    if not places:
        columns = "ID" if canvas else "ID, username, login or sid"
        raise UsageError(f"{table} has no column {columns} in its first line: export the list of students again.")
    return frozenset(row[place] for row in rows for place in places if len(row) > place and row[place])
