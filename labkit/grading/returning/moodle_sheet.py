"""Moodle's grading worksheet: which rows are whose, and where the grades stand.

Its headings are in the language of the site, so that rows are found by what Moodle calls a participant with a number,
and the column by its place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import HandedIn
from labkit.grading.records.totals import Total
from labkit.grading.returning.filled import for_uploader, of_submission, one_each
from labkit.grading.returning.sheet import Cell, Sheet, number, read_sheet, text_at
from labkit.grading.texts import clean, joined

WORKSHEET = "grading worksheet from Moodle"
PARTICIPANT = re.compile(r"[^\d,;]*?(\d{1,20})")  # "Participant 12", "Deltagare12": no word may be counted on
OURS = re.compile(r"(?:<p[^>]*>)?labkit: ")  # how a comment of ours begins


@dataclass(frozen=True)
class Worksheet:
    """A worksheet: its rows by participant, and the places of its columns; comment: -1 where there is none."""

    sheet: Sheet
    rows: dict[str, list[Cell]]
    grade: int
    greatest: float
    comment: int

    @property
    def blind(self) -> bool:
        """Whether it has no names: then its grades stand right behind the status."""
        return self.grade < 3


def read_worksheet(path: Path, column: str = "") -> Worksheet:
    """Read a worksheet; column: the heading of the grades, where they cannot be found by their place.

    UsageError for a file that is none, has a participant twice, or grades in words.
    """
    sheet = read_sheet(path, WORKSHEET)
    lines = [line for line in sheet.lines[1:] if any(cell.text for cell in line)]
    matches = [PARTICIPANT.fullmatch(text_at(line, 0)) for line in lines]
    if not lines or not all(matches) or len(sheet.lines[0]) < 4:
        raise UsageError(
            f"{path} is not a grading worksheet from Moodle: each row must begin with a participant's number. Allow "
            "offline grading in the assignment's settings, and download the worksheet there."
        )
    rows = {match[1]: line for match, line in zip(matches, lines, strict=True) if match}
    if len(rows) < len(lines):
        raise UsageError(f"{path} has a participant in two rows: download the {WORKSHEET} anew.")
    grade = _grade_column(sheet, lines, clean(column))
    greatest = number(text_at(lines[0], grade + 1)) or 0
    if greatest <= 0:
        raise UsageError(f"{path} has grades in words (a scale), and labkit has points: grade by points in Moodle.")
    return Worksheet(sheet, rows, grade, greatest, _comment_column(sheet, lines, grade))


def _grade_column(sheet: Sheet, lines: list[list[Cell]], wanted: str) -> int:
    """Return the place of the grades: left of their maximum, which is the same number in each row."""
    names = sheet.headings
    for name in (wanted, "Grade"):
        if name and names.count(name) == 1 and names.index(name) + 1 < len(names):
            return names.index(name)
    places = []
    for place in range(2, len(names) - 1):
        texts = {text_at(line, place + 1) for line in lines}
        greatest = number(texts.pop()) if len(texts) == 1 else None
        grades = [number(text) for line in lines if (text := text_at(line, place))]
        if greatest and all(grade is not None and grade <= abs(greatest) for grade in grades):
            places.append(place)
    if len(places) == 1 and not wanted:
        return places[0]
    raise UsageError(
        f"{sheet.path} does not tell which column has the grades: name its heading with --column, one of "
        f"{', '.join(map(repr, names[2:]))}."
    )


def _comment_column(sheet: Sheet, lines: list[list[Cell]], grade: int) -> int:
    names = sheet.headings
    if "Feedback comments" in names:
        return names.index("Feedback comments")
    # In another language it is the last, behind the dates, which are never empty: "-" stands for none.
    last = len(names) - 1
    texts = [text_at(line, last) for line in lines]
    return last if last >= grade + 4 and all(not text or OURS.match(text) for text in texts) else -1


@dataclass(frozen=True)
class Owner:
    """Whose total a row gets.

    totals: all that name the row. fault: why none of them can go into it; "" where one can. by_team: whether the name
    of a team led to it.
    """

    total: Total
    totals: tuple[Total, ...]
    fault: str
    by_team: bool


def owners_of(totals: Sequence[Total], worksheet: Worksheet, submissions: Sequence[HandedIn]) -> dict[str, Owner]:
    """Return who gets what in each row that somebody handed in for, by participant.

    A row is found by the participant's number, by login or email, and, since members of teams have other numbers than
    their team, by the team's name. What Moodle itself packed for a row counts before what else names it.
    """
    logins: dict[str, set[str]] = defaultdict(set)  # identity fields, with the participants
    teams: dict[str, set[str]] = defaultdict(set)
    for participant, line in worksheet.rows.items():
        for cell in line[2 : worksheet.grade]:
            logins[cell.text.casefold()].add(participant)
            if joined(cell.text):
                teams[joined(cell.text)].add(participant)
    handed_in = {submission.name: submission for submission in submissions}
    packed = _packed(submissions, worksheet, teams)
    found: dict[str, list[Total]] = defaultdict(list)
    for total in totals:
        person, own = total.person, handed_in.get(total.submission)
        named = {person.id} & set(worksheet.rows)
        if own and person.id == own.user:  # a team's number may be somebody else's
            named &= packed[own.name]
        for login in filter(None, (person.login, person.email)):
            # What stands in many rows is no login: a status, say, which a submission may claim for a name.
            named = named or {one for one in logins.get(login.casefold(), ()) if len(logins[login.casefold()]) == 1}
        for participant in named:
            found[participant].append(total)
    for name, total in of_submission(totals).items():
        for participant in packed.get(name, ()):
            if all(other.submission != name for other in found[participant]):
                found[participant].append(for_uploader(total, handed_in[name]))
    owners = {}
    for participant in filter(found.get, worksheet.rows):
        different = one_each(found[participant])
        first = [total for total in different if participant in packed.get(total.submission, ())] or different
        names = ", ".join(sorted(total.submission for total in first))
        fault = f"{len(first)} submissions have this participant: {names}" if len(first) > 1 else ""
        own = handed_in.get(first[0].submission)
        by_team = own is not None and participant in packed[own.name] - {own.user}
        owners[participant] = Owner(first[0], tuple(found[participant]), fault, by_team)
    return owners


def _packed(submissions: Sequence[HandedIn], worksheet: Worksheet, teams: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return by submission the participants for whom Moodle packed it: its own, or all members of its team.

    A download of teams looks as one of people, and the number of a team may be that of some participant. So the names
    tell: whether more submissions bear the name of their number's participant, or that of a team in the worksheet.
    """
    people = {one.name: {one.user} & set(worksheet.rows) for one in submissions}
    by_team = {one.name: set(teams.get(joined(one.student), ())) for one in submissions}
    found = [one for one in submissions if people[one.name]]
    same_name = sum(_is_named(worksheet.rows[one.user], one.student) for one in found)
    if sum(map(bool, by_team.values())) > same_name:
        return by_team
    if not worksheet.blind and 2 * same_name < len(found):
        raise UsageError(
            f"{worksheet.sheet.path} has other people under the numbers of this download, as {found[0].student!r}: "
            "download the worksheet of the same assignment."
        )
    return people


def _is_named(line: Sequence[Cell], name: str) -> bool:
    """Whether a row's participant has this name, with the last name behind or before; or blind, this number."""
    words = {joined(word) for word in name.split()} - {""}
    return any(
        joined(text) == joined(name) or words == {joined(word) for word in text.split()} - {""}
        for text in (text_at(line, 0), text_at(line, 1))
    )
