"""What each person gets in all, from the points of the exercises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.exercises.catalogue import exercises
from labkit.grading.intake.people import Person
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import Row


@dataclass(frozen=True)
class Total:
    """The points of one person for one submission, and where they come from.

    points: None where there is no total; story then says why.
    """

    person: Person
    submission: str
    group: str
    points: float | None
    possible: float
    story: str
    excused: bool = False


def totals(rows: Sequence[Row], batch: BatchFile, ledger: Sequence[object] = (), policy: object = None) -> list[Total]:
    """Return one total a person; a submission without people counts as one."""
    possible = sum(exercise.points for exercise in exercises().values())
    handed_in = {submission.name: submission for submission in batch.submissions}
    found = []
    for row in rows:
        submission = handed_in.get(row.submission)
        people = submission.people if submission else ()
        story = f"{row.total} = {row.total}" if row.total is not None else row.gaps
        for person in people or (Person(id=row.user, name=row.student),):
            group = submission.group if submission else ""
            found.append(Total(person, row.submission, group, row.total, possible, story))
    return found
