"""A gradebook exported from Canvas, with the totals in one column.

What counts as a heading, a row above the students, or a number is as Canvas' own importer has it
(instructure/canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.records.totals import Total
from labkit.grading.returning.filled import Filled, check_possible, who_did_not, who_handed_in
from labkit.grading.returning.sheet import Cell, Sheet, decimal_sign, number, points_text, read_sheet, text_at
from labkit.grading.texts import clean

EXPORT = "gradebook exported from Canvas"
ASSIGNMENT = re.compile(r"(.*\S)\s+\(\d+\)")  # Canvas puts its own number behind an assignment's name
OTHERS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")  # no assignment, says Canvas
ABOVE = re.compile(r"(Muted|Manual Posting.*)?", re.IGNORECASE)  # what cells of a row say that is no student's
READ_ONLY = re.compile(r"read\s+only")
HIDDEN = "hidden from instructors"  # behind Manual Posting: anonymous, and grades are not posted
KEPT = ("EX", "N/A")  # excused, and not assigned to this student: no number may take their place
TEST_STUDENT = ("Student, Test", "Test Student")  # every course in Canvas has one
ANONYMOUS = (
    "Canvas takes no grades from a file for an anonymous assignment before they are posted, and its export says N/A "
    "for everybody, so that nobody learns who is who: type the points of return/canvas-anonymous.csv into SpeedGrader, "
    "by anonymous id. Or post first, download the submissions anew, with names, and grade those."
)


def fill_canvas(
    totals: Sequence[Total], export: Path, column: str = "", gaps: Mapping[str, str] | None = None
) -> Filled:
    """Return an export with the totals in one column, matched by Canvas' ID, else by the login.

    column: an assignment's name, with or without Canvas' number behind it; may be empty where there is only one.
    gaps: of submissions without points for some notebooks, which ones, as sentences.
    Who is excused (EX) is left alone, and so is who cannot be told apart: an id that stands in the export, or among the
    submissions, more than once; and who has no total, since notebooks are not graded yet or none could be executed.
    UsageError for a file that is no such export, for a column that it lacks or has twice, that cannot be filled, or
    whose Points Possible are not those of the totals.
    """
    sheet = read_sheet(export, EXPORT)
    names = sheet.headings
    split = names[:2] == ["LastName", "FirstName"]
    if not (split or names[0] == "Student") or "ID" not in names:
        raise UsageError(
            f"{export} is not a gradebook exported from Canvas: its first line must name Student, or LastName and "
            "FirstName, and ID."
        )
    place = _find_column(names, clean(column), export)
    above, students = _parted(sheet)
    _refuse_column(sheet, above, students, place, totals)
    decimal = decimal_sign(sheet, (text_at(line, place) for line in [*above, *students]))
    found = _rows_of(totals, names, students)
    of_row = defaultdict(list)
    for total, rows in zip(totals, found, strict=True):
        for row in rows:
            of_row[row].append(total)
    edits: list[tuple[Cell, str]] = []
    replaced, alarms, done = [], [], []
    for total, rows in zip(totals, found, strict=True):
        if reason := _why_not(total, rows, of_row, students, place):
            alarms.append(f"{who_handed_in(total)}: {reason}.")
            continue
        cell = students[rows[0]][place]
        new = "EX" if total.excused else points_text(total.points or 0, decimal)
        done.append(total)
        if not _equal(cell.text, new):
            edits.append((cell, new))
            if cell.text:
                replaced.append(f"{_who(students[rows[0]], names)}: {cell.text} became {new}.")
    without = [_who(line, names) for row, line in enumerate(students) if row not in of_row]
    without = [who for who in without if not who.startswith(TEST_STUDENT)]
    lacking = {total.submission: total for total in done if (gaps or {}).get(total.submission) and not total.excused}
    told = [
        f"{who_handed_in(total)}: {points_text(total.points or 0)} points, without all notebooks. {gaps[name]}"
        for name, total in lacking.items()
        if gaps
    ]
    notes = [*replaced, *told, *who_did_not(without, _through_one_member(totals), "Canvas")]
    return Filled(sheet.edited(edits), names[place], len(done), tuple(notes), (*alarms, *_different(done)))


def _find_column(names: list[str], wanted: str, export: Path) -> int:
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
        raise UsageError(f"{export} has no assignment's column: create the assignment in Canvas, and export again.")
    if not fits:
        raise UsageError(f"{export} has no assignment {wanted!r}: name one of {choice}.")
    raise UsageError(f"{export} has {len(fits)} columns that could be filled: name one of {choice}.")


def _parted(sheet: Sheet) -> tuple[list[list[Cell]], list[list[Cell]]]:
    """Return the rows above the students (Points Possible, Manual Posting), and the students'."""
    above: list[list[Cell]] = []
    students: list[list[Cell]] = []
    for line in sheet.lines[1:]:
        if not any(cell.text for cell in line):
            continue
        is_above = "Points Possible" in line[0].text or all(ABOVE.fullmatch(cell.text) for cell in line)
        (above if is_above else students).append(line)
    return above, students


def _refuse_column(
    sheet: Sheet, above: list[list[Cell]], students: list[list[Cell]], place: int, totals: Sequence[Total]
) -> None:
    """Raise UsageError for a column that Canvas would not take in, or whose Points Possible are others."""
    name = sheet.headings[place]
    column = [text_at(line, place) for line in students]
    says = [text_at(line, place) for line in above]
    if any(HIDDEN in text for text in says) or (column and all(text.upper() == "N/A" for text in column)):
        raise UsageError(f"{name} in {sheet.path} cannot be filled. {ANONYMOUS}")
    if any(READ_ONLY.search(text) for text in says):
        raise UsageError(f"{name} in {sheet.path} is read only, so Canvas takes nothing in for it: name another.")
    points = [number(text) for line, text in zip(above, says, strict=True) if "Points Possible" in line[0].text]
    for possible in points:
        if possible:  # 0, or none: the assignment has no greatest grade
            check_possible(totals, possible, f"{name} in {sheet.path}", "Points Possible")


def _rows_of(totals: Sequence[Total], names: list[str], students: list[list[Cell]]) -> list[list[int]]:
    """Return for each total which rows of the students are its person's: those with the ID, else with the login."""
    by_id, by_login = defaultdict(list), defaultdict(list)
    places = [place for place, name in enumerate(names) if name in ("SIS Login ID", "SIS User ID")]
    for row, line in enumerate(students):
        by_id[text_at(line, names.index("ID"))].append(row)
        logins = {text_at(line, place).casefold() for place in places}
        for login in logins | {login.partition("@")[0] for login in logins}:
            by_login[login].append(row)
    by_id.pop("", None)
    by_login.pop("", None)
    found = []
    for total in totals:
        person = total.person
        rows = by_id.get(person.id, [])
        for login in (person.login, person.email):
            rows = rows or by_login.get(login.casefold(), [])
        found.append(rows)
    return found


def _why_not(
    total: Total, rows: list[int], of_row: Mapping[int, list[Total]], students: list[list[Cell]], place: int
) -> str:
    """Return why the row of a total cannot be filled; empty when it can."""
    if not rows:
        person = total.person
        told = person.id or person.login or person.email
        return "no row of the export has this ID" if told else "there is no ID to match by"
    if len(rows) > 1:
        return f"{len(rows)} rows of the export have this ID"
    if len(others := of_row[rows[0]]) > 1:
        return f"{len(others)} submissions have this ID: {', '.join(sorted(other.submission for other in others))}"
    line = students[rows[0]]
    if total.points is None and not total.excused:
        return f"it has no total. {total.story}".rstrip(". ")
    if len(line) <= place:
        return "the row ends before the column"
    kept = line[place].text.upper() in KEPT and not (total.excused and line[place].text.upper() == "EX")
    return f"the cell says {line[place].text}" if kept else ""


def _through_one_member(totals: Sequence[Total]) -> bool:
    """Whether some groups are known by one member alone, so that the rows of the others stay empty."""
    times: dict[str, int] = defaultdict(int)
    for total in totals:
        times[total.submission] += 1
    return any(total.group and times[total.submission] == 1 for total in totals)


def _different(totals: Sequence[Total]) -> list[str]:
    """Say in which groups the members get different totals, which Canvas keeps apart only if it is told to."""
    points = defaultdict(set)
    for total in totals:
        if total.group:
            points[total.submission].add("EX" if total.excused else points_text(total.points or 0))
    return [
        f"{submission}: its members get {' and '.join(sorted(different))}. Let the assignment assign grades to each "
        "student individually, else the last one becomes the grade of all."
        for submission, different in points.items()
        if len(different) > 1
    ]


def _who(line: list[Cell], names: list[str]) -> str:
    shown = 2 if names[0] == "LastName" else 1
    name = ", ".join(cell.text for cell in line[:shown] if cell.text) or "a row without a name"
    return f"{name} (ID {text_at(line, names.index('ID')) or 'none'})"


def _equal(text: str, new: str) -> bool:
    """Whether a cell already says it, as 12.00 or 12,0 says 12."""
    said, wanted = number(text), number(new)
    return text.upper() == new if wanted is None else said is not None and abs(said - wanted) < 0.005
