"""A class at a glance: each submission as a line, and what the attempts say together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any

from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.intake.people import HandedIn
from labkit.grading.records.attempts import NOT_EXECUTED, STATUSES, VERDICTS, Attempt
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import Row, rows
from labkit.grading.records.ledger import Entry
from labkit.grading.records.policy import Policy
from labkit.grading.records.totals import NOTHING, Parts, Total, shared_totals, totals

# A sign for each status, so that none is told by its colour alone; letters that every font has.
SIGNS = {
    "passed": "✓",
    "failed": "✗",
    "timeout": "T",
    "out-of-memory": "M",
    "kernel-died": "K",
    "output-limit": "»",
    "invalid": "!",
    "missing": "-",
    "error": "E",
    "open": "○",
    "lost": "L",
    "not graded": "?",
}
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
MOST_FAR = 100  # numbers that are listed


@dataclass(frozen=True)
class Line:
    """One submission."""

    row: Row
    page: str  # the name of its pages, without ending
    attempts: dict[str, Attempt]  # by notebook
    verdicts: dict[str, str]  # exercise id -> one of VERDICTS, or nothing where its notebook gave no verdict
    total: Total  # without what concerns one of several people alone
    people: tuple[Total, ...]  # each person's own

    @property
    def unsafe(self) -> bool:
        """Whether anything of it was executed without a sandbox."""
        return any(attempt.unsafe for attempt in self.attempts.values())

    @property
    def seconds(self) -> float:
        """How long all of its notebooks took."""
        return sum(attempt.seconds for attempt in self.attempts.values())


@dataclass(frozen=True)
class Time:
    """How long a notebook took in the class, in seconds, and the submission that it took longest for."""

    notebook: str
    median: float
    slowest: float
    line: Line


@dataclass(frozen=True)
class Far:
    """A number outside its reference band. distance: from the band's middle, in halves of its width."""

    line: Line
    notebook: str
    name: str
    text: str
    low: float
    high: float
    distance: float


def lines(
    attempts: Iterable[Attempt],
    submissions: Iterable[HandedIn],
    unfinished: Mapping[str, Sequence[str]] | None = None,
    ledger: Sequence[Entry] = (),
    policy: Policy | None = None,
    parts: Parts = NOTHING,
) -> list[Line]:
    """Return a line for each submission; see `gradebook.rows` and `totals`."""
    by_submission: dict[str, dict[str, Attempt]] = {}
    for attempt in attempts:
        by_submission.setdefault(attempt.submission, {})[attempt.notebook] = attempt
    newest = [attempt for by_notebook in by_submission.values() for attempt in by_notebook.values()]
    batch = BatchFile("", tuple(submissions))
    table = rows(newest, batch.submissions, unfinished)
    shared = shared_totals(table, batch, ledger, policy, parts)
    people: dict[str, list[Total]] = {}
    for total in totals(table, batch, ledger, policy, parts):
        people.setdefault(total.submission, []).append(total)
    class_lines = []
    for row in table:
        by_notebook = by_submission.get(row.submission, {})
        judged: dict[str, Any] = {}
        for attempt in by_notebook.values():
            judged |= attempt.verdicts
        verdicts = {name: judged[name]["status"] if name in judged else "" for name in exercises()}
        own = tuple(people[row.submission])
        class_lines.append(Line(row, page_name(row.submission), by_notebook, verdicts, shared[row.submission], own))
    return class_lines


def page_name(submission: str) -> str:
    """Return the name of a submission's pages: its own, unless that could be a path."""
    return submission if PLAIN_NAME.fullmatch(submission) else f"x-{sha256(submission.encode()).hexdigest()[:24]}"


def possible(notebook: str = "") -> int:
    """Return the points that a notebook can bring; of all of them without one."""
    chapter = chapter_of(notebook) if notebook else ""
    return sum(exercise.points for name, exercise in exercises().items() if not notebook or chapter_of(name) == chapter)


def hardest(class_lines: list[Line]) -> list[tuple[str, dict[str, int]]]:
    """Return for each exercise how many submissions have each verdict ("" for none), the least passed first."""
    counts = {name: Counter(line.verdicts[name] for line in class_lines) for name in exercises()}
    judged = {name: count for name, count in counts.items() if set(count) - {""}}
    order = sorted(judged, key=lambda name: judged[name]["passed"])
    return [(name, {verdict: judged[name][verdict] for verdict in (*VERDICTS, "")}) for name in order]


def times(class_lines: list[Line]) -> list[Time]:
    """Return how long each notebook took, by its name; what was not executed does not count."""
    durations: dict[str, list[tuple[float, int]]] = {}
    for index, line in enumerate(class_lines):
        for attempt in line.attempts.values():
            if attempt.status not in NOT_EXECUTED:
                durations.setdefault(attempt.notebook, []).append((attempt.seconds, index))
    return [
        Time(notebook, median(seconds for seconds, _ in entries), max(entries)[0], class_lines[max(entries)[1]])
        for notebook, entries in sorted(durations.items())
    ]


def far_numbers(class_lines: list[Line]) -> list[Far]:
    """Return the numbers of the re-runs that lie outside their reference bands, the farthest first."""
    far = []
    for line in class_lines:
        for attempt in line.attempts.values():
            for name, entry in attempt.numbers.items():
                value, low, high = entry.get("band", (0.0, 0.0, 0.0))
                if not low <= value <= high:
                    distance = abs(value - (low + high) / 2) / max((high - low) / 2, 1e-9)
                    far.append(Far(line, attempt.notebook, name, entry["found"] or "", low, high, distance))
    return sorted(far, key=lambda number: (-number.distance, number.line.row.submission))


def facts(class_lines: list[Line]) -> dict[str, Any]:
    """Return what a page says about the whole batch: counts, settings and versions, each as often as it differs."""
    attempts = [attempt for line in class_lines for attempt in line.attempts.values()]

    def different(values: Iterable[Any]) -> str:
        return ", ".join(sorted({str(value) for value in values if value})) or "-"

    return {
        "submissions": len(class_lines),
        "late": sum(line.row.late for line in class_lines),
        "unsafe": sum(line.unsafe for line in class_lines),
        "missing": sum(attempt.status == "missing" for attempt in attempts),
        "statuses": Counter(attempt.status for attempt in attempts),
        "profile": different(attempt.limits.get("profile") for attempt in attempts),
        "data": different(attempt.limits.get("data") for attempt in attempts),
        "course": different(attempt.course_hash[:12] for attempt in attempts),
        "versions": {
            name: different(attempt.versions.get(name) for attempt in attempts)
            for name in sorted({name for attempt in attempts for name in attempt.versions})
        },
        "first": min((attempt.finished for attempt in attempts), default=""),
        "last": max((attempt.finished for attempt in attempts), default=""),
        "known": [status for status in STATUSES if any(attempt.status == status for attempt in attempts)],
    }
