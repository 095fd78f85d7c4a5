"""Moodle's grading worksheet, with the totals in it, and where they come from as a comment.

What the importer leaves alone is told beforehand (moodle/moodle, mod/assign/feedback/offline/locallib.php).
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator, Sequence

from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.totals import Total
from labkit.grading.returning.filled import Filled, check_possible, who_did_not, who_handed_in
from labkit.grading.returning.moodle_sheet import OURS, Owner, Worksheet, owners_of
from labkit.grading.returning.sheet import Cell, decimal_sign, number, points_text, text_at

NO = ("no", "nej", "nei", "nein", "nee", "non", "não", "ei")  # whether a grade can be changed, in some languages
SKIPS = (
    "Moodle leaves a grade alone that was changed after the worksheet was downloaded, unless you tick the box for it."
)


def fill_moodle(totals: Sequence[Total], worksheet: Worksheet, submissions: Sequence[HandedIn] = ()) -> Filled:
    """Return the worksheet with the totals, and each total's story as a comment where no person wrote one.

    submissions: of a batch from Moodle, whose numbers are participants', or of a team the team's.
    UsageError where the worksheet's maximum is not that of the totals.
    """
    sheet = worksheet.sheet
    check_possible(totals, worksheet.greatest, str(sheet.path), "Maximum grade")
    places = range(worksheet.grade + 1, worksheet.grade - 1, -1)  # the maximum, then the grade
    decimal = decimal_sign(sheet, (text_at(line, place) for line in worksheet.rows.values() for place in places))
    owners = owners_of(totals, worksheet, submissions)
    edits: list[tuple[Cell, str]] = []
    notes, alarms, same, kept, written = [], [], 0, 0, 0
    for participant, owner in owners.items():
        line, total = worksheet.rows[participant], owner.total
        who = _who(participant, line, worksheet)
        if reason := owner.fault or _why_not(total, line, worksheet):
            alarms.append(f"{who}: {reason}.")
            continue
        written += 1
        before, new = text_at(line, worksheet.grade), points_text(total.points or 0, decimal)
        if before and number(before) == number(new):
            same += 1
        else:
            edits.append((line[worksheet.grade], new))
            notes += [f"{who}: {before} became {new}."] if before else []
        comment = text_at(line, worksheet.comment)
        story = html.escape(f"labkit: {total.story}", quote=False).encode("ascii", "xmlcharrefreplace").decode()
        if 0 <= worksheet.comment < len(line) and (not comment or OURS.match(comment)):
            edits += [(line[worksheet.comment], story)] if comment != story else []
        else:
            kept += worksheet.comment >= 0
    alarms = [*_lost(totals, owners.values()), *alarms]
    without = [_who(key, line, worksheet) for key, line in worksheet.rows.items() if key not in owners]
    notes += who_did_not(without, False)
    notes += [f"{same} have this grade already, and Moodle will not count them as changed."] if same else []
    notes += [f"{kept} comments that a person wrote were left as they are."] if kept else []
    return Filled(sheet.edited(edits), sheet.headings[worksheet.grade], written, (*notes, SKIPS), tuple(alarms))


def _who(participant: str, line: list[Cell], worksheet: Worksheet) -> str:
    """Return a participant as a sentence names one."""
    name = "" if worksheet.blind else text_at(line, 1)
    return f"{name} (participant {participant})" if name else f"Participant {participant}"


def _lost(totals: Sequence[Total], owners: Collection[Owner]) -> Iterator[str]:
    """Say which totals stand in no row, and why; a member's whose team is found by its name does."""
    winners = {_key(total): owner.total.submission for owner in owners if not owner.fault for total in owner.totals}
    told = {_key(total) for owner in owners if owner.fault for total in owner.totals}
    told |= {key for key, winner in winners.items() if key[0] == winner}
    by_team = {owner.total.submission for owner in owners if owner.by_team}
    for total in totals:
        if _key(total) not in told and total.submission not in by_team:
            person = total.person
            reason = "there is no number to go by"
            if _key(total) in winners:
                reason = f"its row is that of {winners[_key(total)]}, for whom Moodle packed it"
            elif person.id and total.group:
                reason = "no row of the worksheet has this team, nor this participant"
            elif person.id:
                reason = "no row of the worksheet has this participant"
            elif person.login or person.email:
                reason = "no row of the worksheet has this login"
            yield f"{who_handed_in(total, 'participant')}: {reason}."


def _key(total: Total) -> tuple[str, Person]:
    return total.submission, total.person


def _why_not(total: Total, line: list[Cell], worksheet: Worksheet) -> str:
    """Return why a row cannot be filled, by us or by Moodle's importer; empty when it can."""
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
