"""Grades from what is stored: the two tables and the pages, made of attempts, people, ledger and policy.

Nothing is executed for them, so whatever a person decides stands in all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.course.notebooks import course, notebooks_folder
from labkit.grading.judging.batch_progress import tell
from labkit.grading.marks.asked import Answers, Asked, read_asked
from labkit.grading.marks.mark_lines import read_lines
from labkit.grading.marks.oral import approved, oral_parts, read_drawn
from labkit.grading.marks.standing import Standing, told_progress
from labkit.grading.records.attempts import NOT_EXECUTED, Attempt
from labkit.grading.records.batch_file import BatchFile, read_batch
from labkit.grading.records.gradebook import GRADEBOOK, SUBMISSIONS, Row, rows, write_gradebook, write_submissions
from labkit.grading.records.ledger import Entry, read_ledger
from labkit.grading.records.policy import Policy, read_policy
from labkit.grading.records.store import AttemptStore
from labkit.grading.records.totals import Parts, Total, faults, totals
from labkit.grading.sandbox.bubblewrap import refuse_without_linux
from labkit.grading.texts import some_of

DATABASE = "results.sqlite"
MOST_NAMES = 20  # that a sentence lists


@dataclass(frozen=True)
class Counted:
    """What was counted, before it is written: who handed in, what labkit found, and what each person gets.

    attempts: the newest at each notebook of the course. marked: what people marked. told: sentences on lines of the
    ledger that are left out, and on what a person has to decide.
    """

    batch: BatchFile
    attempts: list[Attempt]
    unfinished: Mapping[str, Sequence[str]]
    ledger: list[Entry]
    policy: Policy
    rows: list[Row]
    totals: list[Total]
    told: tuple[str, ...]
    marked: Marked


@dataclass(frozen=True)
class Marked:
    """What people marked. asked: what there is to mark; given: by submission, its answer to each item of that.

    parts: how they are marked, and what was ticked at the bench. approved: who may hand in the report.
    told: sentences on lines that are left out.
    """

    asked: Asked
    given: Mapping[str, Mapping[str, str | None]]
    parts: Parts
    approved: frozenset[str]
    told: tuple[str, ...]


def count(out: Path, policy: Policy | None = None) -> Counted:
    """Count what a night's folder holds; LabkitError where `labkit grade` did not write it.

    policy: None for that of course.toml beside the notebooks.
    """
    policy = policy or read_policy(notebooks_folder())
    batch = read_batch(out)
    stems = {path.stem for path in course(notebooks_folder())}
    names = {submission.name for submission in batch.submissions}
    with AttemptStore(out / DATABASE, write=False) as store:
        attempts, unfinished = store.attempts(), store.unfinished()
    attempts = [one for one in attempts if one.submission in names and one.notebook in stems]
    unfinished = {name: notebooks for name, notebooks in unfinished.items() if name in names}
    ledger, told = read_ledger(out)
    table = rows(attempts, batch.submissions, unfinished)
    left_out = [
        f"The line of {entry.by} at {entry.at} in {out / 'ledger.jsonl'} changes nothing: {fault}"
        + ("" if fault.endswith("?") else ".")
        for entry, fault in faults(table, batch, ledger, policy).items()
    ]
    marked = _marked(out, attempts, unfinished, [row.submission for row in table])
    people = totals(table, batch, ledger, policy, marked.parts)
    waiting = _waiting(sorted({total.submission for total in people if total.todo}))
    sentences = (*told, *left_out, *marked.told, *waiting)
    return Counted(batch, attempts, unfinished, ledger, policy, table, people, sentences, marked)


def _marked(
    out: Path, attempts: Iterable[Attempt], unfinished: Mapping[str, Sequence[str]], submissions: Iterable[str]
) -> Marked:
    """Return how the questions and the report of each submission are marked, and what was ticked at the bench."""
    asked = read_asked()
    lines, told = read_lines(out)
    may_report = frozenset(approved(lines))
    if not asked.items:
        return Marked(asked, {}, {}, may_report, ())
    standing, answers = Standing(asked, lines), Answers(out, asked)
    given = {
        name: answers.of(name, executed, lacking)
        for name, (executed, lacking) in _handed_in(attempts, unfinished, submissions).items()
    }
    answers.keep()
    oral = oral_parts(lines, read_drawn(out))
    parts = {
        name: standing.parts(name, own) | ({"oral": oral[name]} if name in oral else {}) for name, own in given.items()
    }
    return Marked(asked, given, parts, may_report, (*told, *standing.told))


def _handed_in(
    attempts: Iterable[Attempt], unfinished: Mapping[str, Sequence[str]], submissions: Iterable[str]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return for each submission which notebooks are executed, and which were not handed in, or cannot be read."""
    found: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in submissions}
    for attempt in attempts:
        if attempt.status != "error" and attempt.notebook not in unfinished.get(attempt.submission, ()):
            found.setdefault(attempt.submission, ([], []))[attempt.status in NOT_EXECUTED].append(attempt.notebook)
    return found


def _waiting(names: list[str]) -> list[str]:
    """Say which submissions a person has to decide about."""
    if not names:
        return []
    shown = some_of(names, MOST_NAMES)
    return [f"A person's word is missing for {shown}: gradebook.csv says in the column 'where from' what it is about."]


def write_grades(out: Path, counted: Counted) -> None:
    """Write gradebook.csv, submissions.csv and the pages into a night's folder, and say so."""
    refuse_without_linux()  # before what follows is imported: pages are drawn in a sandbox
    from labkit.grading.judging.rehearsal import REHEARSED, failures
    from labkit.grading.pages.site import write_pages

    for sentence in counted.told:
        tell(f"- {sentence}")
    tell(f"Gradebook: {write_gradebook(counted.rows, counted.totals, out / GRADEBOOK, counted.marked.approved)}")
    tell(f"Submissions: {write_submissions(counted.rows, out / SUBMISSIONS)}")
    warnings: Iterable[str] = (*failures(out / REHEARSED).values(), *counted.told)
    parts = counted.marked.parts
    people, made_with = counted.batch.submissions, (counted.ledger, counted.policy, parts)
    tell(f"Pages: {write_pages(counted.attempts, out, people, counted.unfinished, warnings, *made_with)}")
    if parts:
        tell(f"Marks: {told_progress(parts.values())}")


def recount(out: Path) -> Counted:
    """Make all grades in a night's folder again, and return them; nothing is executed."""
    counted = count(out)
    write_grades(out, counted)
    return counted
