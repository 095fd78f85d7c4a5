"""A gradebook exported from Canvas: which column is the assignment's, and which rows are whose.

What counts as a heading, a row above the students, or a number is as Canvas' own importer has it
(instructure/canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import Person
from labkit.grading.returning.sheet import Cell, Sheet, decimal_sign, number, read_sheet, text_at
from labkit.grading.texts import clean

EXPORT = "gradebook exported from Canvas"
ASSIGNMENT = re.compile(r"(.*\S)\s+\(\d+\)")  # Canvas puts its own number behind an assignment's name
OTHERS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")  # no assignment, says Canvas
ABOVE = re.compile(r"(Muted|Manual Posting.*)?", re.IGNORECASE)  # what cells of a row say that is no student's
READ_ONLY = re.compile(r"read\s+only")
HIDDEN = "hidden from instructors"  # behind Manual Posting: anonymous, and grades are not posted
ANONYMOUS = (
    "Canvas takes no grades from a file for an anonymous assignment before they are posted, and its export says N/A "
    "for everybody, so that nobody learns who is who: type the points of return/canvas-anonymous.csv into SpeedGrader, "
    "by anonymous id. Or post first, download the submissions anew, with names, and grade those."
)


@dataclass(frozen=True)
class Export:
    """An export: its table, the place of the assignment's column, the rows above the students, and theirs."""

    sheet: Sheet
    place: int
    above: list[list[Cell]]
    students: list[list[Cell]]

    @property
    def title(self) -> str:
        """The heading of the assignment's column."""
        return self.sheet.headings[self.place]

    @property
    def possible(self) -> float:
        """Points Possible of the assignment; 0 where it has none, or the export does not say."""
        points = [text_at(line, self.place) for line in self.above if "Points Possible" in line[0].text]
        return next(filter(None, map(number, points)), 0)

    @property
    def decimal(self) -> str:
        """The sign before decimals."""
        return decimal_sign(self.sheet, (text_at(line, self.place) for line in [*self.above, *self.students]))

    @cached_property
    def ids(self) -> list[str]:
        """The ID in each row."""
        place = self.sheet.headings.index("ID")
        return [text_at(line, place) for line in self.students]

    @cached_property
    def by_id(self) -> dict[str, list[int]]:
        """The rows of each ID."""
        found: dict[str, list[int]] = defaultdict(list)
        for row, own in enumerate(self.ids):
            found[own].append(row)
        return {own: rows for own, rows in found.items() if own}

    @cached_property
    def by_login(self) -> dict[str, list[int]]:
        """The rows of each login, with and without what stands behind an @."""
        found: dict[str, list[int]] = defaultdict(list)
        places = [place for place, name in enumerate(self.sheet.headings) if name in ("SIS Login ID", "SIS User ID")]
        for row, line in enumerate(self.students):
            logins = {text_at(line, place).casefold() for place in places}
            for login in logins | {login.partition("@")[0] for login in logins}:
                found[login].append(row)
        return found

    def rows_of(self, person: Person) -> list[int]:
        """Return the rows of a person: those with the ID, else with the login or the address."""
        rows = self.by_id.get(person.id, [])
        for login in filter(None, (person.login, person.email)):
            rows = rows or self.by_login.get(login.casefold(), [])
        return rows

    def who(self, row: int) -> str:
        """Return the student of a row as a sentence names one."""
        shown = 2 if self.sheet.headings[0] == "LastName" else 1
        name = ", ".join(cell.text for cell in self.students[row][:shown] if cell.text) or "a row without a name"
        return f"{name} (ID {self.ids[row] or 'none'})"


def read_export(path: Path, column: str = "") -> Export:
    """Read an export; column: see `fill_canvas`.

    UsageError for a file that is no such export, and for a column that it lacks or has twice, or that Canvas would not
    take in.
    """
    sheet = read_sheet(path, EXPORT)
    names = sheet.headings
    split = names[:2] == ["LastName", "FirstName"]
    if not (split or names[0] == "Student") or "ID" not in names:
        raise UsageError(
            f"{path} is not a gradebook exported from Canvas: its first line must name Student, or LastName and "
            "FirstName, and ID."
        )
    place = _find_column(names, clean(column), path)
    above: list[list[Cell]] = []
    students: list[list[Cell]] = []
    for line in sheet.lines[1:]:
        if any(cell.text for cell in line):
            is_above = "Points Possible" in line[0].text or all(ABOVE.fullmatch(cell.text) for cell in line)
            (above if is_above else students).append(line)
    says = [text_at(line, place) for line in above]
    grades = {text_at(line, place).upper() for line in students}
    if any(HIDDEN in text for text in says) or grades == {"N/A"}:
        raise UsageError(f"{names[place]} in {path} cannot be filled. {ANONYMOUS}")
    if any(READ_ONLY.search(text) for text in says):
        raise UsageError(f"{names[place]} in {path} is read only, so Canvas takes nothing in for it: name another.")
    return Export(sheet, place, above, students)


def _find_column(names: list[str], wanted: str, path: Path) -> int:
    """Return the place of the wanted assignment's column."""
    titles = {
        place: match[1]
        for place, name in enumerate(names)
        if (match := ASSIGNMENT.fullmatch(name)) and not OTHERS.search(name)
    }
    fits = [place for place in titles if names[place] == wanted]
    fits = fits or [place for place in titles if wanted in ("", titles[place])]
    if len(fits) == 1:
        return fits[0]
    choice = ", ".join(repr(names[place]) for place in fits or titles)
    if not titles:
        raise UsageError(f"{path} has no assignment's column: create the assignment in Canvas, and export again.")
    if not fits:
        raise UsageError(f"{path} has no assignment {wanted!r}: name one of {choice}.")
    raise UsageError(f"{path} has {len(fits)} columns that could be filled: name one of {choice}.")
