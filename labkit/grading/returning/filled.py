"""What became of a platform's table of grades, or of a zip of feedback."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.totals import Total
from labkit.grading.returning.sheet import points_text
from labkit.grading.texts import clean

MOST_NAMES = 60  # of those who handed in nothing


@dataclass(frozen=True)
class Filled:
    """What goes back, and a sentence for all that a person should know of it.

    content: of the file. column: the heading that was filled; "" for a zip. count: of cells, or of people in a zip.
    notes: what is as it may be: cells that held another value, and who handed in nothing.
    alarms: who does not get what the totals say, and why.
    """

    content: bytes
    column: str
    count: int
    notes: tuple[str, ...]
    alarms: tuple[str, ...]


def check_possible(totals: Iterable[Total], wanted: float, where: str, name: str) -> None:
    """Refuse a table whose greatest grade is not that of the totals, so that 70 never goes into a column of 20.

    where: the file; name: what the platform calls its greatest grade. UsageError says how to make them equal.
    """
    for possible in sorted({total.possible for total in totals}):
        if abs(possible - wanted) >= 0.005:
            raise UsageError(
                f"{where} has {name} {points_text(wanted)}, but labkit's totals are out of {points_text(possible)}: "
                f"write `scale = {points_text(wanted)}` under [grade] in course.toml and run `labkit grades`, or make "
                f"it {points_text(possible)} on the platform and download the file anew."
            )


def of_submission(totals: Iterable[Total]) -> dict[str, Total]:
    """Return the one total of each submission whose people all get the same, for the same reasons."""
    by_name = defaultdict(list)
    for total in totals:
        by_name[total.submission].append(total)
    same = {name: {(one.points, one.excused, one.story) for one in own} for name, own in by_name.items()}
    return {name: own[0] for name, own in by_name.items() if len(same[name]) == 1}


def for_uploader(total: Total, submission: HandedIn) -> Total:
    """Return a total as that of the one under whose id the platform packed the submission."""
    return replace(total, person=Person(submission.user, submission.student))


def one_each(found: Sequence[Total]) -> list[Total]:
    """Return the totals of one row without those that say the same of the same submission."""
    return list({(one.submission, one.points, one.excused): one for one in reversed(found)}.values())[::-1]


def who_handed_in(total: Total, key: str = "ID") -> str:
    """Return the submission, and the person, of a total as a sentence begins."""
    person = total.person
    told = f"{key} {person.id}" if person.id else person.login or person.email or person.name or f"{key} none"
    return f"{total.submission} ({clean(told, 80)})"


def who_did_not(people: list[str], groups: bool) -> list[str]:
    """Say which rows have no submission; where groups hand in through one member, only how many.

    groups: whether the members of groups may be unknown, so that most of these rows are other members'.
    """
    if not people:
        return []
    rows = f"{len(people)} rows have" if len(people) > 1 else "One row has"
    if groups:
        return [
            f"{rows} no submission of their own. Canvas gives members the grade of their group, unless grades are "
            "given individually. Upload the file once: a second time, it would take their empty cells for grades taken "
            "back. `labkit grade --groups groups.csv` tells labkit who they are, so that no cell stays empty."
        ]
    return [f"{rows} no submission: {listed(people, '; ')}."]


def listed(names: Sequence[str], between: str) -> str:
    """Return names as a list that a person still reads."""
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return between.join([*names[:MOST_NAMES], *more])
