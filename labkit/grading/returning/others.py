"""Tables of grades by the ids of Gradescope, Brightspace and Blackboard, and by the anonymous ids of Canvas."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

from labkit.grading.records.gradebook import harmless
from labkit.grading.records.totals import Total
from labkit.grading.returning.filled import Filled, listed, who_handed_in
from labkit.grading.returning.sheet import points_text

MARK = "\ufeff"  # tells Excel that it is UTF-8; only where a person reads the table, for importers may stumble
FOLDER = re.compile(r"\d+-\d+")  # the numbers in the name of Brightspace's folder of a person


def gradescope_csv(totals: Sequence[Total], item: str, number: Callable[[Total], str]) -> Filled:
    """Return a table as Gradescope's own of an assignment begins; number: of the submission that a total is for."""

    def row(total: Total, points: str) -> list[str]:
        person = total.person
        return [person.name, person.id, person.email, points, points_text(total.possible), number(total)]

    header = ["Name", "SID", "Email", item or "Total Score", "Max Points", "Submission ID"]
    return _table(totals, header, row, lambda total: total.person.id or total.person.email, mark=MARK)


def brightspace_csv(totals: Sequence[Total], item: str) -> Filled:
    """Return a table that Brightspace imports: by OrgDefinedId, which stands behind a #.

    Its download tells only the numbers of its folders, which no import takes: who is known by them alone is left out.
    """

    def row(total: Total, points: str) -> list[str]:
        return [f"#{_login(total)}", points, "#"]

    known = [total for total in totals if not FOLDER.fullmatch(_login(total))]
    header = ["OrgDefinedId", f"{item or 'Lab'} Points Grade", "End-of-Line Indicator"]
    table = _table(known, header, row, _login)
    unknown = [total.person.name or total.submission for total in totals if FOLDER.fullmatch(_login(total))]
    if not unknown:
        return table
    alarm = (
        f"{len(unknown)} have no OrgDefinedId, for Brightspace's download does not tell it: give `labkit grade "
        f"--groups` a file with the columns group, OrgDefinedId and name, and grade again: {listed(unknown, '; ')}."
    )
    return replace(table, alarms=(*table.alarms, alarm))


def blackboard_csv(totals: Sequence[Total], item: str) -> Filled:
    """Return a table for *Work Offline, Upload* in Blackboard, by user name, with each text in quotes."""
    return _table(
        totals, ["Username", item or "Lab"], lambda total, points: [_login(total), points], _login, csv.QUOTE_ALL
    )


def anonymous_csv(totals: Sequence[Total]) -> Filled:
    """Return the totals by Canvas' anonymous ids, to be typed into SpeedGrader."""

    def row(total: Total, points: str) -> list[str]:
        return [total.person.id, points, points_text(total.possible), total.story]

    header = ["Anonymous ID", "Points", "Out of", "Where from"]
    return _table(totals, header, row, lambda total: total.person.id, mark=MARK)


def _login(total: Total) -> str:
    return total.person.login or total.person.id


def _table(
    totals: Iterable[Total],
    header: list[str],
    row: Callable[[Total, str], list[str]],
    key: Callable[[Total], str],
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL,
    mark: str = "",
) -> Filled:
    """Return a table of those who have a total and a key, each key once; no text in it becomes a formula."""
    totals = list(totals)
    keys = [key(total) for total in totals]
    often = Counter(keys)
    table = io.StringIO()
    writer = csv.writer(table, quoting=quoting)
    writer.writerow(map(harmless, header))
    alarms, count = [], 0
    for total, own in zip(totals, keys, strict=True):
        if reason := _why_not(total, own, often[own]):
            alarms.append(f"{who_handed_in(total)}: {reason}.")
            continue
        writer.writerow(map(harmless, row(total, points_text(total.points or 0))))
        count += 1
    return Filled((mark + table.getvalue()).encode(), header[1], count, (), tuple(alarms))


def _why_not(total: Total, key: str, times: int) -> str:
    if total.excused:
        return "excused, which this table cannot say"
    if total.points is None:
        return f"it has no total. {total.story}".rstrip(". ")
    if not key:
        return "there is no id to go by"
    return f"{times} totals have this id" if times > 1 else ""
