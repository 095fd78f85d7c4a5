"""Moodle's grading worksheet, with the totals in it, and where they come from as a comment.

Its headings are in the language of the site, so that rows are found by what Moodle calls a participant with a number,
and the column by its place. What the importer leaves alone is told beforehand (moodle/moodle,
mod/assign/feedback/offline/locallib.php).
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.records.totals import Total
from labkit.grading.returning.filled import Filled, check_possible, who_did_not, who_handed_in
from labkit.grading.returning.sheet import Cell, Sheet, decimal_sign, number, points_text, read_sheet, text_at
from labkit.grading.texts import clean

WORKSHEET = "grading worksheet from Moodle"
PARTICIPANT = re.compile(r"[^\d,;]*?(\d{1,20})")  # "Participant 12", "Deltagare12": no word may be counted on
OURS = re.compile(r"(?:<p[^>]*>)?labkit: ")  # how a comment of ours begins
NO = ("no", "nej", "nei", "nein", "nee", "non", "não", "ei")  # whether a grade can be changed, in some languages
SKIPS = (
    "Moodle leaves a grade alone that was changed after the worksheet was downloaded, unless you tick the box for it."
)


@dataclass(frozen=True)
class Worksheet:
    """A worksheet: its rows by participant, and the places of its columns; comment: -1 where there is none."""

    sheet: Sheet
    rows: dict[str, list[Cell]]
    grade: int
    greatest: float
    comment: int


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


def fill_moodle(totals: Sequence[Total], worksheet: Worksheet, users: Mapping[str, str]) -> Filled:
    """Return the worksheet with the totals, and each total's story as a comment where no person wrote one.

    users: the platform's id of each submission: of a team, the team's.
    UsageError where the worksheet's maximum is not that of the totals.
    """
    sheet = worksheet.sheet
    check_possible(totals, worksheet.greatest, str(sheet.path), "Maximum grade")
    samples = (text_at(line, place) for line in worksheet.rows.values() for place in range(worksheet.grade, -1, -1))
    maximum = text_at(next(iter(worksheet.rows.values())), worksheet.grade + 1)
    decimal = decimal_sign(sheet, [maximum, *samples])
    owners = _owners(totals, worksheet, users)
    edits: list[tuple[Cell, str]] = []
    notes, alarms = [], []
    same, written, kept = 0, 0, 0
    reached = {total for found in owners.values() for total in found}
    alarms += [
        f"{who_handed_in(total, 'participant')}: {_why_lost(total)}." for total in totals if total not in reached
    ]
    for participant, line in worksheet.rows.items():
        if not (found := owners.get(participant, [])):
            continue
        total, who = found[0], _who(participant, line, worksheet)
        if reason := _why_not(found, line, worksheet):
            alarms.append(f"{who}: {reason}.")
            continue
        points, before = total.points or 0, text_at(line, worksheet.grade)
        new = points_text(points, decimal)
        same_grade = before and abs((number(before) or 0) - points) < 0.005
        same += bool(same_grade)
        written += 1
        if not same_grade:
            edits.append((line[worksheet.grade], new))
            notes += [f"{who}: {before} became {new}."] if before else []
        comment = text_at(line, worksheet.comment)
        story = html.escape(f"labkit: {total.story}", quote=False).encode("ascii", "xmlcharrefreplace").decode()
        if 0 <= worksheet.comment < len(line) and (not comment or OURS.match(comment)):
            edits += [(line[worksheet.comment], story)] if comment != story else []
        else:
            kept += worksheet.comment >= 0
    without = [_who(key, line, worksheet) for key, line in worksheet.rows.items() if key not in owners]
    notes += who_did_not(without, False, "Moodle")
    notes += [f"{same} have this grade already, and Moodle will not count them as changed."] if same else []
    notes += [f"{kept} comments that a person wrote were left as they are."] if kept else []
    return Filled(sheet.edited(edits), sheet.headings[worksheet.grade], written, (*notes, SKIPS), tuple(alarms))


def participants_of(totals: Sequence[Total], worksheet: Worksheet, users: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the participants of each submission, by the worksheet: of a team all its members."""
    found = defaultdict(list)
    for participant, owners in _owners(totals, worksheet, users).items():
        if len({total.submission for total in owners}) == 1:
            found[owners[0].submission].append(participant)
    return found


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


def _owners(totals: Sequence[Total], worksheet: Worksheet, users: Mapping[str, str]) -> dict[str, list[Total]]:
    """Return the totals of each participant: by number, else by login or email, else by the team's name."""
    by_text: dict[str, set[str]] = defaultdict(set)  # of identity fields and teams
    for participant, line in worksheet.rows.items():
        for cell in line[2 : worksheet.grade]:
            by_text[cell.text.casefold()].add(participant)
            by_text[_plain(cell.text)].add(participant)
    owners: dict[str, list[Total]] = defaultdict(list)
    for total in totals:
        person, is_team = total.person, bool(total.group)
        found = {person.id} & set(worksheet.rows)
        if is_team and person.id == users.get(total.submission):  # the team's number, which may be somebody's own
            found = by_text.get(_plain(total.group), set()) if _plain(total.group) else set()
        for login in (person.login, person.email):
            found = found or (by_text.get(login.casefold(), set()) if login else set())
        for participant in sorted(found, key=int):
            owners[participant].append(total)
    return owners


def _who(participant: str, line: list[Cell], worksheet: Worksheet) -> str:
    """Return a participant as a sentence names one; a blind worksheet has no name before the status and the grade."""
    name = text_at(line, 1) if worksheet.grade > 2 else ""
    return f"{name} (participant {participant})" if name else f"Participant {participant}"


def _plain(name: str) -> str:
    """Return the name of a team as it stays the same in names of files: letters and digits alone."""
    return re.sub(r"[\W_]+", "", name).casefold()


def _why_lost(total: Total) -> str:
    if total.group:
        return "no row of the worksheet has this team, nor this participant"
    return "no row of the worksheet has this participant" if total.person.id else "there is no number to match by"


def _why_not(found: list[Total], line: list[Cell], worksheet: Worksheet) -> str:
    """Return why a row cannot be filled, by us or by Moodle's importer; empty when it can."""
    total = found[0]
    if len(found) > 1:
        return f"{len(found)} submissions have this participant: {', '.join(one.submission for one in found)}"
    if total.excused:
        return "excused, which a worksheet cannot say: leave the grade empty, or grant it in Moodle"
    if total.points is None:
        return f"{total.submission} has no total. {total.story}".rstrip(". ")
    if total.points > worksheet.greatest:
        return (
            f"Moodle would leave out {points_text(total.points)}, for its maximum is {points_text(worksheet.greatest)}"
        )
    if total.points < 0:
        return f"Moodle would leave out {points_text(total.points)}, which is below 0"
    if len(line) <= worksheet.grade:
        return "the row ends before the column"
    behind = [text_at(line, place).casefold() for place in range(worksheet.grade + 2, worksheet.grade + 4)]
    return "its grade is locked in Moodle, which would leave it out" if set(behind) & set(NO) else ""
