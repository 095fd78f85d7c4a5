"""A gradebook exported from Canvas, with the totals in one column, and every other byte kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.grading.intake.people import HandedIn
from labkit.grading.records.totals import Total
from labkit.grading.returning.canvas_export import Export, read_export
from labkit.grading.returning.filled import (
    Filled,
    check_possible,
    for_uploader,
    listed,
    of_submission,
    one_each,
    who_did_not,
    who_handed_in,
)
from labkit.grading.returning.sheet import number, points_text

KEPT = ("EX", "N/A")  # excused, and not assigned to this student: no number may take their place
TEST_STUDENT = ("Student, Test", "Test Student")  # every course in Canvas has one


def fill_canvas(
    totals: Sequence[Total],
    path: Path,
    column: str = "",
    gaps: Mapping[str, str] | None = None,
    submissions: Sequence[HandedIn] = (),
) -> Filled:
    """Return an export with the totals in one column, matched by Canvas' ID, else by the login.

    column: an assignment's name, with or without Canvas' number behind it; may be empty where there is only one.
    gaps: of submissions without points for some notebooks, which ones, as sentences.
    submissions: of a batch from Canvas: the row of the member under whose ID a group's file was packed is filled as
    well, where no total names that member.
    Who is excused (EX) is left alone, and so is who cannot be told apart: an id that stands in the export, or among the
    submissions, more than once; and who has no total, since notebooks are not graded yet or none could be executed.
    UsageError for a file that cannot be filled, and where Points Possible are not those of the totals.
    """
    export = read_export(path, column)
    if export.possible:
        check_possible(totals, export.possible, f"{export.title} in {path}", "Points Possible")
    totals = [*totals, *_uploaders(totals, submissions, export)]
    found = [export.rows_of(total.person) for total in totals]
    of_row: dict[int, list[Total]] = defaultdict(list)
    for total, rows in zip(totals, found, strict=True):
        for row in rows:
            of_row[row].append(total)
    new: dict[int, str] = {}  # what goes into the cell of each row
    done, lost, alarms = [], [], []
    for total, rows in zip(totals, found, strict=True):
        if not rows and not total.person.id and (total.person.login or total.person.email):
            lost.append(total)
        elif reason := _why_not(total, rows, of_row, export):
            alarms.append(f"{who_handed_in(total)}: {reason}.")
        else:
            new[rows[0]] = "EX" if total.excused else points_text(total.points or 0, export.decimal)
            done.append(total)
    cells = {row: export.students[row][export.place] for row in new}
    changed = {row: text for row, text in new.items() if not _equal(cells[row].text, text)}
    notes = [f"{export.who(row)}: {cells[row].text} became {new[row]}." for row in sorted(changed) if cells[row].text]
    notes += _without_notebooks(done, gaps or {})
    through = _through_another(lost, done, submissions)
    if through:
        names = listed([total.person.login or total.person.email for total in through], ", ")
        notes.append(f"No row has these logins, so Canvas gives them their group's grade: {names}.")
    rest = [export.who(row) for row in range(len(export.students)) if row not in of_row]
    rest = [who for who in rest if not who.startswith(TEST_STUDENT)]
    # A download does not tell groups from people; where it was one of people, most handed in.
    packed_by_group = bool(submissions) and 2 * len(rest) > len(export.students)
    notes += who_did_not(rest, bool(through) or _one_known(totals) or packed_by_group)
    alarms += [
        f"{who_handed_in(total)}: no row of the export has this login." for total in lost if total not in through
    ]
    content = export.sheet.edited([(cells[row], text) for row, text in changed.items()])
    return Filled(content, export.title, len(new), tuple(notes), (*alarms, *_different(done)))


def _uploaders(totals: Sequence[Total], submissions: Sequence[HandedIn], export: Export) -> list[Total]:
    """Return a total for each member under whose ID a submission was packed, and whom no total of it names."""
    reached = {(total.submission, row) for total in totals for row in export.rows_of(total.person)}
    of_all = of_submission(totals)
    return [
        for_uploader(of_all[submission.name], submission)
        for submission in submissions
        if submission.name in of_all
        and any((submission.name, row) not in reached for row in export.by_id.get(submission.user, []))
    ]


def _why_not(total: Total, rows: list[int], of_row: Mapping[int, list[Total]], export: Export) -> str:
    """Return why the row of a total cannot be filled; empty when it can."""
    if not rows:
        return "no row of the export has this ID" if total.person.id else "there is no ID to match by"
    if len(rows) > 1:
        return f"{len(rows)} rows of the export have this ID"
    others = one_each(of_row[rows[0]])
    by_id = [other for other in others if other.person.id == export.ids[rows[0]]]
    if len(by_id) == 1 and total.submission != by_id[0].submission:
        return f"its row is that of {by_id[0].submission}, by Canvas' own ID"
    if len(others) > 1 and len(by_id) != 1:
        return f"{len(others)} submissions have this ID: {', '.join(sorted(other.submission for other in others))}"
    if total.points is None and not total.excused:
        return f"it has no total. {total.story}".rstrip(". ")
    line = export.students[rows[0]]
    if len(line) <= export.place:
        return "the row ends before the column"
    text = line[export.place].text
    return f"the cell says {text}" if text.upper() in KEPT and not (total.excused and text.upper() == "EX") else ""


def _without_notebooks(totals: Sequence[Total], gaps: Mapping[str, str]) -> list[str]:
    """Say which submissions got points although some of their notebooks have none, each once."""
    lacking = {total.submission: total for total in totals if gaps.get(total.submission) and not total.excused}
    return [
        f"{who_handed_in(total)}: {points_text(total.points or 0)} points, without all notebooks. {gaps[name]}"
        for name, total in lacking.items()
    ]


def _through_another(lost: Sequence[Total], done: Sequence[Total], submissions: Sequence[HandedIn]) -> list[Total]:
    """Return the members without a row whose grade comes through the one under whose ID Canvas packed the file."""
    users = {submission.name: submission.user for submission in submissions}
    filled = {total.submission for total in done if total.person.id and total.person.id == users.get(total.submission)}
    return [total for total in lost if total.submission in filled]


def _one_known(totals: Sequence[Total]) -> bool:
    """Whether some groups are known by one member alone, so that the rows of the others stay empty."""
    times: dict[str, int] = defaultdict(int)
    for total in totals:
        times[total.submission] += 1
    return any(total.group and times[total.submission] == 1 for total in totals)


def _different(totals: Sequence[Total]) -> list[str]:
    """Say where people of one submission get different totals, which Canvas keeps apart only if it is told to."""
    points = defaultdict(set)
    for total in totals:
        points[total.submission].add("EX" if total.excused else points_text(total.points or 0))
    return [
        f"{submission}: its members get {' and '.join(sorted(different))}. Let the assignment assign grades to each "
        "student individually, else the last one becomes the grade of all."
        for submission, different in points.items()
        if len(different) > 1
    ]


def _equal(text: str, new: str) -> bool:
    """Whether a cell already says it, as 12.00 or 12,0 says 12."""
    said, wanted = number(text), number(new)
    return text.upper() == new if wanted is None else said is not None and abs(said - wanted) < 0.005
