"""What each person gets in all, and where it comes from: a pure function of attempts, people, ledger and policy.

All of it is counted in fractions, and rounded once, half up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from types import MappingProxyType

from labkit.exercises.catalogue import exercises
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.marks.standing import Part
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import Row
from labkit.grading.records.lateness import canvas_deduction, deduction, how_late
from labkit.grading.records.ledger import LATE, TAKEN_BACK, Entry, in_time
from labkit.grading.records.policy import EXERCISES, Policy, read_duration, read_moment, show_moment
from labkit.grading.records.roll import Roll, Target, fault_of, key_of, target_of
from labkit.grading.texts import clean, plain

Parts = Mapping[str, Mapping[str, Part]]  # by submission and name: what people marked
Term = tuple[Fraction, str]  # points, and what they are
LONGEST = 300  # characters of a reason in a story
NOTHING: Parts = MappingProxyType({})


@dataclass(frozen=True)
class Total:
    """The points of one person for one submission.

    points: None where there are none; then the story says why: not graded yet, not marked yet, excused.
    story: where they come from, as in "42 = 30 (exercises) + 14 (report) - 2 (late 1 day)", and who changed what.
    exercises: the points of each exercise that count, with those that a person gave.
    parts: the questions and the report, as people marked them.
    todo: what a TA is still to do about it; "" for nothing.
    """

    person: Person
    submission: str
    group: str
    points: float | None
    possible: float
    story: str
    excused: bool = False
    exercises: dict[str, float | None] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    todo: str = ""


def totals(
    rows: Sequence[Row],
    batch: BatchFile,
    ledger: Sequence[Entry] = (),
    policy: Policy | None = None,
    parts: Parts = NOTHING,
) -> list[Total]:
    """Return one total a person, in the order of the rows; a submission whose people nobody knows counts as one.

    Lines of the ledger that cannot be followed change nothing: see `faults`.
    """
    count = _Count(rows, batch, ledger, policy or Policy(), parts)
    return [count.total(row, person) for row in rows for person in count.roll.people[row.submission]]


def shared_totals(
    rows: Sequence[Row],
    batch: BatchFile,
    ledger: Sequence[Entry] = (),
    policy: Policy | None = None,
    parts: Parts = NOTHING,
) -> dict[str, Total]:
    """Return by submission what all of its people may read: without what concerns one member of several alone."""
    count = _Count(rows, batch, ledger, policy or Policy(), parts)
    found = {}
    for row in rows:
        people = count.roll.people[row.submission]
        found[row.submission] = count.total(row, people[0] if len(people) == 1 else None)
    return found


def faults(
    rows: Sequence[Row], batch: BatchFile, ledger: Sequence[Entry], policy: Policy | None = None
) -> dict[Entry, str]:
    """Return for each entry that cannot be followed why not, as the end of a sentence."""
    roll = Roll(rows, batch)
    return {entry: fault for entry in ledger if (fault := fault_of(entry, roll, policy or Policy()))}


class _Count:
    """The lines of a ledger that can be followed, by whom they concern, and the totals made with them."""

    def __init__(
        self, rows: Sequence[Row], batch: BatchFile, ledger: Sequence[Entry], policy: Policy, parts: Parts
    ) -> None:
        self.roll = Roll(rows, batch)
        self.policy, self.parts = policy, parts
        self.lines: dict[Target, list[Entry]] = {}
        for entry in in_time(ledger):
            if not fault_of(entry, self.roll, policy):
                self.lines.setdefault(target_of(entry, self.roll), []).append(entry)

    def total(self, row: Row, person: Person | None) -> Total:
        """Return the total of a submission, with what concerns one of its people alone, if one is named."""
        handed_in = self.roll.handed_in.get(row.submission)
        shared = self.lines.get(("submission", row.submission), [])
        own = self.lines.get(("person", key_of(person)), []) if person else []
        parts = self.parts.get(row.submission, {})
        sum_ = _Sum(row, handed_in, shared, own, self.policy, parts)
        group = handed_in.group if handed_in else ""
        possible = _number(Fraction(self.policy.possible))
        points, story = sum_.counted()
        named = person or Person(id=row.user, name=row.student)
        found = sum_.excused, sum_.points_of_exercises, parts, sum_.todo
        return Total(named, row.submission, group, points, possible, story, *found)


class _Sum:
    """One total in the making: its terms, and sentences on who changed what."""

    def __init__(
        self,
        row: Row,
        handed_in: HandedIn | None,
        shared: list[Entry],
        own: list[Entry],
        policy: Policy,
        parts: Mapping[str, Part],
    ) -> None:
        self.row, self.handed_in, self.shared, self.own, self.policy = row, handed_in, shared, own, policy
        self.parts = parts
        self.marks = {
            entry.item: entry for entry in shared if entry.what in ("regrade", "override")
        }  # the newest stays
        self.points_of_exercises: dict[str, float | None] = dict(row.points)
        for name, entry in self.marks.items():
            if name in row.points and entry.points is not None:
                self.points_of_exercises[name] = _number(Fraction(entry.points))
        excuse = next((one for one in reversed(in_time([*shared, *own])) if one.what == "excuse"), None)
        self.excuse = excuse if excuse and excuse.item != TAKEN_BACK else None
        self.excused = self.excuse is not None
        self.terms: list[Term] = []
        self.notes: list[str] = []
        self.todo = ""

    def counted(self) -> tuple[float | None, str]:
        """Return the points and their story."""
        if self.excuse:
            return None, _note(self.excuse, "Excused")
        if lacking := self._parts():
            return None, " ".join(lacking)
        self._adjust()
        self._late()
        possible = Fraction(self.policy.possible)
        raw = self._sum()
        if raw < 0:
            self.terms.append((-raw, "not below 0"))
        if raw > possible:
            self.terms.append((possible - raw, f"not above {plain(possible)}"))
        total = min(_half_up(self._sum(), Fraction(self.policy.step)), possible)
        # Terms are shown with few digits, and what is shown adds up.
        shown = sum(Fraction(plain(points)) for points, _ in self.terms)
        if total != shown:
            self.terms.append((total - shown, "rounded"))
        (first, label), *others = self.terms
        equation = f"{plain(total)} = {plain(first)} ({label})" + "".join(
            f" {'-' if points < 0 else '+'} {plain(abs(points))} ({label})" for points, label in others
        )
        return _number(total), " ".join([f"{equation}.", *self.notes])

    def _sum(self) -> Fraction:
        return sum((points for points, _ in self.terms), Fraction())

    def _parts(self) -> list[str]:
        """Count the parts; return why there is no total, as sentences."""
        lacking, unmarked = [], []
        scale = Fraction(self.policy.possible) / Fraction(sum(self.policy.parts.values()))
        for name, weight in self.policy.parts.items():
            mark = self.marks.get(name)
            got = Fraction(mark.points) if mark and mark.points is not None else None
            most = Fraction(weight)
            if name == EXERCISES:
                most = Fraction(sum(exercise.points for exercise in exercises().values()))
                if got is None and self.row.total is None:
                    lacking.append(self.row.gaps or "Not graded yet.")
                    if self.row.status in ("missing", "invalid"):
                        named = f"labkit regrade {self.row.submission} {EXERCISES}"
                        self.todo = f'A person says what it is worth: {named} --points 0 --reason "..."'
                    continue
                if got is None:
                    got = sum((Fraction(points or 0) for points in self.points_of_exercises.values()), Fraction())
            elif got is None and (part := self.parts.get(name)) and part.possible:
                got, most = Fraction(part.points), Fraction(part.possible)
                if part.open:
                    unmarked.append(f"{name} ({part.open} of {len(part.items)} open)")
                    continue
            if got is None:
                unmarked.append(name)
                continue
            share = Fraction(weight) / most * scale
            self.terms.append((got * share, name if share == 1 else f"{name}, {plain(got)} of {plain(most)}"))
        self.notes += [self._mark(name, entry) for name, entry in sorted(self.marks.items()) if name != LATE]
        return [*lacking, *([f"Not marked yet: {', '.join(unmarked)}."] if unmarked else [])]

    def _mark(self, name: str, entry: Entry) -> str:
        found = self.row.points.get(name)
        instead = f" in place of {found}" if found is not None else ""
        points = entry.points or 0
        return _note(entry, f"{name}: {plain(points)} point{'s' if points != 1 else ''}{instead}")

    def _adjust(self) -> None:
        """Multiply by the factors, then add the points: the newest of each, for all and for this person alone."""
        newest = {
            (alone, entry.factor is None): entry
            for alone, entries in ((False, self.shared), (True, self.own))
            for entry in entries
            if entry.what == "adjust"
        }
        for entry in newest.values():
            if entry.factor is not None:
                before = self._sum()
                self.terms.append((before * Fraction(entry.factor) - before, f"factor {plain(entry.factor)}"))
                self.notes.append(_note(entry, f"Factor {plain(entry.factor)}"))
        for entry in newest.values():
            if entry.points is not None:
                self.terms.append((Fraction(entry.points), "adjusted"))
                self.notes.append(_note(entry, f"Adjusted by {plain(entry.points)}"))

    def _late(self) -> None:
        """Deduct what lateness costs, or say what Canvas will."""
        late = self.policy.late
        if late is None:
            return
        extensions = [entry for entry in [*self.shared, *self.own] if entry.what == "extension"]
        moments = {entry: read_moment(entry.until, late.zone) for entry in extensions}
        until = max(moments.values(), default=None)
        said = self.marks.get(LATE)
        submitted = self.handed_in.submitted if self.handed_in else ""
        elapsed = how_late(late, submitted, self.row.late, until, read_duration(said.late) if said else None)
        if said:
            self.notes.append(_note(said, f"Handed in {said.late} after the due date"))
        self.notes += [
            _note(entry, f"Due {show_moment(moment, late.zone)} for them")
            for entry, moment in moments.items()
            if moment == until
        ][-1:]
        if elapsed is None and late.by_canvas:
            self.notes.append("Late: Canvas deducts by its own policy.")
        elif elapsed is None:
            self.notes.append("Late, by a time that is not known: nothing is deducted.")
            self.todo = f'Write down how late: labkit regrade {self.row.submission} --late "1 day" --reason "..."'
        elif late.by_canvas:
            points = min(max(self._sum(), Fraction()), Fraction(self.policy.possible))
            if cost := canvas_deduction(late, elapsed, points, self.policy.possible):
                self.notes.append(f"Canvas will deduct {plain(cost)} of it, as handed in late.")
        else:
            cost, named = deduction(late, elapsed, self.policy.possible)
            self.terms += [(-cost, named)] if cost else []


def _note(entry: Entry, text: str) -> str:
    """Return a sentence on a decision: what, who and why."""
    return f"{text} ({clean(entry.by, 40)}: {clean(entry.reason, LONGEST).rstrip('. ')})."


def _half_up(number: Fraction, step: Fraction) -> Fraction:
    return floor(number / step + Fraction(1, 2)) * step


def _number(number: Fraction) -> float:
    """Return a number for people and files: 42 and not 42.0."""
    return int(number) if number.denominator == 1 else float(number)
