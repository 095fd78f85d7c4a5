"""Whom a line of the ledger means, a submission or one person, and whether it can be followed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from labkit.exercises.catalogue import exercises
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import Row
from labkit.grading.records.ledger import LATE, Entry
from labkit.grading.records.policy import EXERCISES, Policy, read_moment
from labkit.grading.records.store import stored_name
from labkit.grading.texts import clean, nearest, plain

MEMBER, SUBMISSION = "member:", "submission:"  # before a name that is both a person's and a submission's
Target = tuple[str, str]  # "submission" and its name, or "person" and the key


class Roll:
    """The submissions of a batch and their people, by all the names that they go by."""

    def __init__(self, rows: Sequence[Row], batch: BatchFile) -> None:
        self.handed_in = {stored_name(one.name): one for one in batch.submissions}
        self.people = {row.submission: people_of(row, self.handed_in.get(row.submission)) for row in rows}
        self._submissions = {name.casefold(): name for name in self.people}
        self._persons: dict[str, dict[str, list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )  # name, key, submissions
        for submission, people in self.people.items():
            for person in people:
                for name in {person.id, person.login, person.email, person.name} - {""}:
                    self._persons[clean(name).casefold()][key_of(person)].append(submission)

    def find(self, who: str, alone: bool) -> Target:
        """Return whom a name means; ValueError, with what to write, for a name that means nobody, or several.

        alone: whether it may be one person; else a person who handed in alone stands for the submission.
        """
        told = clean(who, 80)
        whole = clean(who).casefold()
        name = whole.removeprefix(MEMBER).removeprefix(SUBMISSION)
        submission = None if whole.startswith(MEMBER) else self._submissions.get(name)
        persons = {} if whole.startswith(SUBMISSION) else self._persons.get(name, {})
        if submission and (not alone or not persons or self._is_one(submission, persons)):
            return "submission", submission
        if submission:
            raise ValueError(f"{told!r} is a submission and a person: write {MEMBER}{told} or {SUBMISSION}{told}")
        if len(persons) > 1:
            raise ValueError(f"{told!r} is the name of {len(persons)} people: name one by the id or login")
        if not persons:
            there = nearest(name, [*self._submissions.values(), *self._persons])
            raise ValueError(f"{told!r} is neither a submission nor a person here{there}")
        ((key, submissions),) = persons.items()
        if len(submissions) > len(set(submissions)):
            raise ValueError(f"{told!r} is the name of {len(submissions)} people, and nothing else of them is known")
        if alone:
            return "person", key
        if len(submissions) == 1 and len(self.people[submissions[0]]) == 1:
            return "submission", submissions[0]
        raise ValueError(
            f"points and lateness are those of a submission, and {told!r} is a person: name {submissions[0]!r}, or "
            "adjust the total of this person alone"
        )

    def _is_one(self, submission: str, persons: Iterable[str]) -> bool:
        """Whether a submission is that of one person, who has the same name."""
        return [key_of(person) for person in self.people[submission]] == list(persons)


def people_of(row: Row, handed_in: HandedIn | None) -> tuple[Person, ...]:
    """Return who gets the points of a submission; where nobody knows, one person as the platform names it."""
    return (handed_in.people if handed_in else ()) or (Person(id=row.user, name=row.student),)


def key_of(person: Person) -> str:
    """Return what a person is told apart by."""
    return (person.id or person.login or person.email or person.name).casefold()


def fault_of(entry: Entry, roll: Roll, policy: Policy) -> str:
    """Return why a line of the ledger cannot be followed, as the end of a sentence; "" where it can."""
    try:
        target_of(entry, roll)
    except ValueError as error:
        return str(error)
    if entry.what == "extension":
        if policy.late is None:
            return "course.toml has no due date that could be extended"
        return "it ends before the due date" if read_moment(entry.until, policy.late.zone) < policy.late.due else ""
    if entry.what not in ("regrade", "override"):
        return ""
    if entry.item == LATE:
        return "" if policy.late else "course.toml has no [late], so nothing is deducted"
    known = {name: Decimal(exercise.points) for name, exercise in exercises().items()} | policy.parts
    known[EXERCISES] = sum((Decimal(exercise.points) for exercise in exercises().values()), Decimal(0))
    if entry.item not in known:
        there = nearest(entry.item, known)
        return f"{clean(entry.item, 40)!r} is neither an exercise nor a part with a weight in course.toml{there}"
    if entry.points is not None and entry.points > known[entry.item]:
        return f"{entry.item} brings {plain(known[entry.item])} points at most, not {plain(entry.points)}"
    return ""


def target_of(entry: Entry, roll: Roll) -> Target:
    """Return whom a line of the ledger concerns; ValueError as `Roll.find`."""
    return roll.find(entry.who, alone=entry.what not in ("regrade", "override"))
