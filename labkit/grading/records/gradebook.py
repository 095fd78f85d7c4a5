"""The gradebook: one row a submission, as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.files import write_atomically
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.intake.people import HandedIn
from labkit.grading.records.attempts import NOT_EXECUTED, STATUSES, Attempt
from labkit.grading.records.store import stored_name
from labkit.grading.texts import clean

LONGEST = 32_000  # characters of a cell; Excel takes 767 more
# What makes a spreadsheet read a cell as a formula: = + - @, their full-width and small forms, behind blanks and
# quotes; and the same behind a separator, where a spreadsheet that was told another one begins a new cell.
SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
FORMULA = re.compile(rf"(^|[,;|])([\s\"'`\u00b4\u2018-\u201f]*[{SIGNS}])")


@dataclass(frozen=True)
class Row:
    """One submission in the gradebook."""

    submission: str
    student: str
    user: str
    late: bool
    points: dict[str, int | None]  # exercise id -> points; None where its notebook is missing or not graded yet
    status: str  # the gravest of its notebooks, or "not graded"
    remarks: tuple[str, ...]
    gaps: str = ""  # which notebooks have no points, and why; "" where every one was executed
    total: int | None = None  # the sum of its points; None while a notebook is not graded, or where none was executed


def rows(
    attempts: Iterable[Attempt],
    submissions: Iterable[HandedIn] = (),
    unfinished: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    """Return the gradebook's rows by the names of the submissions: those with attempts, and those taken in.

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


def write_gradebook(
    attempts: Iterable[Attempt],
    out: Path,
    submissions: Iterable[HandedIn] = (),
    unfinished: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write the gradebook as a CSV file that spreadsheets open with the right letters, and return its path.

    No text in it becomes a formula. The arguments are those of `rows`. LabkitError when it cannot be written.
    """
    names = list(exercises())
    columns = ["submission", "student", "user", "late", *(f"exercise {name}" for name in names)]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*columns, "total", "status", "remarks"])
    for row in rows(attempts, submissions, unfinished):
        who = [row.submission, row.student, row.user, "late" if row.late else ""]
        what = [row.points.get(name) for name in names]
        cells = [*who, *what, row.total, row.status, " ".join(row.remarks)]
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    write_atomically(out, "\ufeff" + table.getvalue())  # the mark tells Excel that it is UTF-8
    return out


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
