"""What the marks come to now: of each answer the line that holds, of each submission the points of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from labkit.grading.marks.asked import Asked, answer_hash
from labkit.grading.marks.mark_lines import MARK, RUBRIC, Line, in_time
from labkit.grading.marks.rubric import LONGEST, Criterion, Item
from labkit.grading.texts import clean, plain


@dataclass(frozen=True)
class MarkedItem:
    """One answer as it is marked. points: None while it is not. reasons: criteria with their points, as sentences."""

    name: str
    points: Decimal | None
    possible: Decimal
    reasons: tuple[str, ...] = ()
    comment: str = ""
    changed: bool = False  # an earlier answer of the same submission was marked
    answered: bool = True


@dataclass(frozen=True)
class Part:
    """The questions, or the report, of one submission."""

    name: str
    items: tuple[MarkedItem, ...]

    @property
    def open(self) -> int:
        """How many answers are not marked yet."""
        return sum(item.points is None for item in self.items)

    @property
    def points(self) -> Decimal:
        """The points of what is marked."""
        return sum((item.points for item in self.items if item.points is not None), Decimal(0))

    @property
    def possible(self) -> Decimal:
        """The points that all items can bring."""
        return sum((item.possible for item in self.items), Decimal(0))


class Standing:
    """The lines of all graders, by what they say of which answer."""

    def __init__(self, asked: Asked, lines: Iterable[Line]) -> None:
        self.asked = asked
        self.items: dict[str, Item] = dict(asked.items)
        self._newest: dict[str, dict[str, dict[str, Line]]] = {}  # by item, hash of the answer, and grader
        self.hashes: dict[tuple[str, str], str] = {}  # (submission, item) -> the hash that was marked last
        self.told: list[str] = []
        for line in in_time(lines):
            self.take(line)

    def take(self, line: Line) -> None:
        """Count in one line that is newer than all before."""
        if line.what == RUBRIC:
            self._change(line)
        elif line.what == MARK and line.item in self.items:
            self._newest.setdefault(line.item, {}).setdefault(line.answer, {})[line.grader] = line
            if not line.open:
                self.hashes |= {(name, line.item): line.answer for name in (line.submission, *line.also)}

    def lines_of(self, item: str, hash_: str) -> Mapping[str, Line]:
        """Return the newest line of each grader on an answer."""
        return self._newest.get(item, {}).get(hash_, {})

    def line_of(self, item: str, hash_: str, grader: str = "") -> Line | None:
        """Return the line that holds for an answer: the newest, or the newest of one grader; None for none."""
        lines = [line for name, line in self.lines_of(item, hash_).items() if grader in ("", name)]
        newest = max(lines, key=lambda line: line.moment, default=None)
        return newest if newest and not newest.open else None

    def points(self, line: Line) -> Decimal:
        """Return the points that a line gives."""
        item = self.items[line.item]
        if line.points is not None:
            return min(max(line.points, Decimal(0)), item.points)
        return item.points_for(line.items)

    def marked(self, submission: str, name: str, answer: str | None) -> MarkedItem:
        """Return how an answer stands; what was not answered has 0 points without a person."""
        item = self.items[name]
        if answer is None:
            return MarkedItem(name, None, item.points, answered=False)
        if not (hash_ := answer_hash(name, answer)):
            return MarkedItem(name, Decimal(0), item.points, ("Not answered.",), answered=False)
        if (line := self.line_of(name, hash_)) is None:
            before = self.hashes.get((submission, name), hash_)
            return MarkedItem(name, None, item.points, changed=before != hash_)
        reasons = tuple(_reason(one) for one in item.criteria if one.key in line.items)
        if line.points is not None:
            reasons = (*reasons, f"{plain(self.points(line))} points by a person's judgement.")
        return MarkedItem(name, self.points(line), item.points, reasons, line.comment)

    def parts(self, submission: str, answers: Mapping[str, str | None]) -> dict[str, Part]:
        """Return the parts of a submission."""
        by_part: dict[str, list[MarkedItem]] = {}
        for name, item in self.items.items():
            by_part.setdefault(item.part, []).append(self.marked(submission, name, answers.get(name)))
        return {name: Part(name, tuple(items)) for name, items in by_part.items()}

    def comments(self, name: str) -> list[tuple[str, int]]:
        """Return the free comments on an item, those used most first, each with how many answers have it."""
        counts: dict[str, int] = {}
        for hash_ in self._newest.get(name, {}):
            if (line := self.line_of(name, hash_)) and line.comment.strip():
                counts[line.comment] = counts.get(line.comment, 0) + 1
        return sorted(counts.items(), key=lambda one: (-one[1], one[0]))

    def _change(self, line: Line) -> None:
        """Change a criterion, or add one, as a grader said."""
        item = self.items.get(line.item)
        if item is None or line.points is None:
            return
        old = next((one for one in item.criteria if one.key == line.key), None)
        text = line.text or (old.text if old else "")
        if not text or abs(line.points) > item.points:
            self.told.append(f"The line of {line.grader} at {line.at} on the rubric of {line.item} cannot be followed.")
            return
        new = Criterion(line.key, line.points, clean(text, LONGEST), old.hint if old else "")
        self.items[line.item] = item.with_criterion(new)


def told_progress(parts: Iterable[Mapping[str, Part]]) -> str:
    """Return how far the marking is, over all submissions, as a sentence.

    What was not answered, or is not known yet, does not count.
    """
    items = [item for of in parts for part in of.values() for item in part.items if item.answered]
    open_ = sum(item.points is None for item in items)
    changed = sum(item.changed for item in items)
    why = f", {changed} of them because the answer changed" if changed else ""
    return f"{len(items) - open_:,} of {len(items):,} answers are marked, {open_:,} are open{why}."


def _reason(criterion: Criterion) -> str:
    sign = "+" if criterion.points > 0 else "-"
    return f"{sign}{plain(abs(criterion.points))}: {criterion.text}"
