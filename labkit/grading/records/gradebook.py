"""Two tables for spreadsheets: one row a person with the total, and one row a submission with what labkit found."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.basics.files import write_atomically
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.intake.people import HandedIn
from labkit.grading.records.attempts import NOT_EXECUTED, STATUSES, Attempt
from labkit.grading.records.policy import PARTS
from labkit.grading.records.store import stored_name
from labkit.grading.texts import clean, plain

if TYPE_CHECKING:
    from labkit.grading.records.totals import Total  # which is made of rows

GRADEBOOK, SUBMISSIONS = "gradebook.csv", "submissions.csv"
LONGEST = 32_000  # characters of a cell; Excel takes 767 more
# What makes a spreadsheet read a cell as a formula: = + - @, their full-width and small forms, behind blanks and
# quotes; and the same behind a separator, where a spreadsheet that was told another one begins a new cell.
SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
FORMULA = re.compile(rf"(^|[,;|])([\s\"'`\u00b4\u2018-\u201f]*[{SIGNS}])")


@dataclass(frozen=True)
class Row:
    """One submission, as labkit found it."""

    submission: str
    student: str
    user: str
    late: bool
    points: dict[str, int | None]  # exercise id -> points; None where its notebook is missing or not graded yet
    status: str  # the gravest of its notebooks, or "not graded"
    remarks: tuple[str, ...]
    gaps: str = ""  # which notebooks have no points, and why; "" where every one was executed
    total: float | None = None  # the sum of its points; None while a notebook is not graded, or where none was executed


def rows(
    attempts: Iterable[Attempt],
    submissions: Iterable[HandedIn] = (),
    unfinished: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    """Return the rows by the names of the submissions: those with attempts, and those taken in.

    attempts: the newest at each notebook, as `AttemptStore.attempts` returns them. unfinished: see the same.
    """
    unfinished = unfinished or {}
    taken = {stored_name(submission.name): submission for submission in submissions}
    by_submission: dict[str, list[Attempt]] = {name: [] for name in taken}
    for attempt in attempts:
        by_submission.setdefault(attempt.submission, []).append(attempt)
    return [
        _row(name, by_submission[name], taken.get(name), unfinished.get(name, ())) for name in sorted(by_submission)
    ]


def write_gradebook(table: Iterable[Row], people: Iterable[Total], out: Path, approved: Collection[str] = ()) -> Path:
    """Write one line a person: the points of each exercise that count and of what is marked, the total, and its story.

    table: the rows that the totals were made of. Who is excused has EX for a total. approved: submissions that
    may hand in the report, as a TA said at the bench. LabkitError when it cannot be written.
    """
    by_submission = {row.submission: row for row in table}
    names = list(exercises())
    columns = ["submission", "group", "student", "user", "login", "email", "late"]
    marked = [*PARTS[1:], "not marked", "approved"]
    own = ["total", "of", "where from", "status", "remarks"]
    lines = [[*columns, *(f"exercise {name}" for name in names), *marked, *own]]
    for total in people:
        row, person = by_submission[total.submission], total.person
        student = person.name or person.login or person.email or person.id
        who = [total.submission, total.group, student, person.id, person.login, person.email]
        points = [_cell(total.exercises.get(name)) for name in names]
        points += [_of_part(total, name) for name in PARTS[1:]]
        points += [", ".join(f"{part.name} {part.open}" for part in total.parts.values() if part.open)]
        points += ["yes" if total.submission in approved else ""]
        sum_ = ["EX" if total.excused else _cell(total.points), _cell(total.possible)]
        story = f"{total.story} {total.todo}".strip()
        lines.append([*who, "late" if row.late else "", *points, *sum_, story, row.status, " ".join(row.remarks)])
    return _write(lines, out)


def write_submissions(table: Iterable[Row], out: Path) -> Path:
    """Write one line a submission: what labkit found, before any person or policy changed it. LabkitError as above."""
    names = list(exercises())
    columns = ["submission", "student", "user", "late", *(f"exercise {name}" for name in names)]
    lines = [[*columns, "total", "status", "remarks"]]
    for row in table:
        who = [row.submission, row.student, row.user, "late" if row.late else ""]
        points = [_cell(row.points.get(name)) for name in names]
        lines.append([*who, *points, _cell(row.total), row.status, " ".join(row.remarks)])
    return _write(lines, out)


def _write(lines: Iterable[list[str]], out: Path) -> Path:
    """Write a CSV file that spreadsheets open with the right letters; no text in it becomes a formula."""
    table = io.StringIO()
    csv.writer(table).writerows([harmless(cell) for cell in line] for line in lines)
    write_atomically(out, "\ufeff" + table.getvalue())  # the mark tells Excel that it is UTF-8
    return out


def _cell(points: float | None) -> str:
    return "" if points is None else str(points)


def _of_part(total: Total, name: str) -> str:
    """Return the points of the questions or the report; "" while one of its answers is open."""
    part = total.parts.get(name)
    return plain(part.points) if part and not part.open else ""


def harmless(text: str) -> str:
    """Return a text as one printable line, with an apostrophe before what a spreadsheet would take for a formula."""
    return FORMULA.sub(r"\1'\2", clean(text, LONGEST))


def _row(name: str, attempts: list[Attempt], taken: HandedIn | None, unfinished: Sequence[str]) -> Row:
    # What is there counts before what is missing, as a copy of a notebook in the course's own folder once was.
    in_order = sorted(attempts, key=lambda attempt: attempt.status != "missing")
    by_chapter = {chapter_of(attempt.notebook): attempt for attempt in in_order}
    points: dict[str, int | None] = {}
    for exercise in exercises():
        attempt = by_chapter.get(chapter_of(exercise))
        there = attempt is not None and attempt.status not in ("missing", "error")
        points[exercise] = attempt.verdicts.get(exercise, {"points": 0})["points"] if attempt and there else None
    who: HandedIn | Attempt = taken or max(attempts, key=lambda attempt: attempt.finished)
    status = max((attempt.status for attempt in attempts), key=STATUSES.index, default="not graded")
    errors = [attempt.notebook for attempt in attempts if attempt.status == "error"]
    unfinished = sorted({*unfinished, *errors})
    executed = any(attempt.status not in NOT_EXECUTED for attempt in attempts)
    return Row(
        name,
        clean(who.student),
        clean(who.user),
        who.late,
        points,
        "not graded" if set(unfinished) - set(errors) else status,
        (*map(clean, taken.problems if taken else ()), *_unfinished(unfinished), *_remarks(attempts)),
        " ".join((*_unfinished(unfinished), *_lacking(attempts, executed))),
        sum(filter(None, points.values())) if executed and not unfinished else None,
    )


def _unfinished(notebooks: Sequence[str]) -> Iterable[str]:
    """Say which notebooks are not graded yet."""
    if notebooks:
        yield f"Not graded yet: {', '.join(notebooks)}."


def _lacking(attempts: list[Attempt], executed: bool) -> Iterable[str]:
    """Say which notebooks are missing or cannot be read, so that the points of none are 0 without a word."""
    lacking = {status: [one.notebook for one in attempts if one.status == status] for status in ("missing", "invalid")}
    if attempts and not executed:
        yield "It holds no notebook that could be executed."
    yield from (f"{status.capitalize()}: {', '.join(notebooks)}." for status, notebooks in lacking.items() if notebooks)


def _remarks(attempts: list[Attempt]) -> Iterable[str]:
    """Say which notebooks did not pass, what was remarked on each, and which numbers do not reproduce."""
    for status in STATUSES[1:]:
        if notebooks := [attempt.notebook for attempt in attempts if attempt.status == status]:
            yield f"{status}: {', '.join(notebooks)}."
    if any(attempt.unsafe for attempt in attempts):
        yield "Executed without a sandbox."
    for attempt in attempts:
        yield from (f"{attempt.notebook}: {remark}" for remark in attempt.remarks)
        claimed = [number for number in attempt.numbers.values() if number["claimed"] is not None]
        if different := sum(not number["same"] for number in claimed):
            yield f"{attempt.notebook}: {different} of {len(claimed)} claimed numbers differ in the re-run."
