"""What a person marks, and by which criteria: `rubric.toml` beside the notebooks.

A question of a notebook is "05.q3", a discussion of the report "report.summary". What the file does not name is worth
one point and has no criteria, so a course can be marked without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from labkit.basics.errors import UsageError
from labkit.exercises.catalogue import exercises
from labkit.grading.staff_files import KEY, faults_of, read_toml, refuse_unknown
from labkit.grading.texts import clean, nearest

FILE = "rubric.toml"
REPORT = "report"
MOST_CRITERIA = 9  # as many as there are keys for them
LARGEST = 1_000  # points
LONGEST = 500  # characters of a criterion
NAMES = ("figures", "tables", "numbers")  # of what stands beside an answer


@dataclass(frozen=True)
class Criterion:
    """One thing that an answer is marked by. points: added where it holds, below 0 deducted. hint: for the grader."""

    key: str
    points: Decimal
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Item:
    """One question, or one discussion of the report.

    name: "05.q3" or "report.summary". points: the most that it brings. heading: the section of a discussion.
    exercise: whose verdict stands beside the answer; "" for none.
    evidence: "figures", "tables" and "numbers" -> names as in a report, "05_mlp1_sweep.chosen_accuracy".
    """

    name: str
    points: Decimal = Decimal(1)
    criteria: tuple[Criterion, ...] = ()
    exercise: str = ""
    heading: str = ""
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(NAMES, ()))

    @property
    def part(self) -> str:
        """The part of the total that it belongs to."""
        return REPORT if self.name.startswith(f"{REPORT}.") else "questions"

    def points_for(self, keys: Collection[str]) -> Decimal:
        """Return the points of an answer for which these criteria hold, from 0 to those of the item.

        Criteria that add begin at 0; where all of them deduct, they deduct from full points.
        """
        start = Decimal(0) if any(one.points > 0 for one in self.criteria) else self.points
        found = start + sum((one.points for one in self.criteria if one.key in keys), Decimal(0))
        return min(max(found, Decimal(0)), self.points)

    def with_criterion(self, criterion: Criterion) -> Item:
        """Return the item with a criterion that is new, or in place of the one of the same key."""
        keys = [one.key for one in self.criteria]
        if criterion.key in keys:
            return replace(
                self, criteria=tuple(criterion if one.key == criterion.key else one for one in self.criteria)
            )
        return replace(self, criteria=(*self.criteria, criterion))


def read_rubric(folder: Path, asked: Mapping[str, int], chapters: Mapping[str, str]) -> dict[str, Item]:
    """Return what is marked, by name and in the order of the course: its questions, then the report's discussions.

    folder: where rubric.toml lies; without one, every question is worth a point, and the report is not marked by parts.
    asked: how many questions each notebook has, by its stem. chapters: notebook's number -> its stem.
    UsageError for a key that is not known, with the nearest one, for a question that is not asked, and for a value that
    cannot be meant.
    """
    path = folder / FILE
    content = read_toml(path) or {}
    items = {
        f"{number}.q{place}": Item(f"{number}.q{place}")
        for number, stem in sorted(chapters.items())
        for place in range(1, asked.get(stem, 0) + 1)
    }
    with faults_of(path):
        for chapter, entries in content.items():
            if chapter in (*chapters, REPORT) and not isinstance(entries, dict):
                raise UsageError(f"{chapter} must be tables, as [{chapter}.name]")
            if chapter not in (*chapters, REPORT):
                raise UsageError(f"[{clean(chapter, 40)}] is no notebook{nearest(chapter, [*chapters, REPORT])}")
            for place, entry in entries.items():
                name = f"{chapter}.{place}"
                if chapter != REPORT and name not in items:
                    raise UsageError(f"[{clean(name, 40)}] is not asked{nearest(name, items)}")
                if chapter == REPORT and not KEY.fullmatch(place):
                    raise UsageError(f"[{clean(name, 40)}] must have a name of small letters, digits and -")
                items[name] = _item(name, entry, chapters)
    return items


def criterion(entry: Mapping[str, Any], most: Decimal) -> Criterion:
    """Return a criterion as the file, or a grader, says it; UsageError where it cannot be. most: the item's points."""
    refuse_unknown(entry, ("key", "points", "text", "hint"), "a criterion: ")
    key, text, hint = (_text(entry, name) for name in ("key", "text", "hint"))
    if not KEY.fullmatch(key):
        raise UsageError(f"the key {clean(key, 40)!r} must be of small letters, digits and -, up to 40")
    if not text:
        raise UsageError(f"the criterion {key!r} lacks its text")
    points = number("points", entry.get("points"), -most)
    if not points:
        raise UsageError(f"the criterion {key!r} brings 0 points, so it decides nothing")
    if points > most:
        raise UsageError(f"the criterion {key!r} brings {points} points, and the item {most} at most")
    return Criterion(key, points, text, hint)


def number(name: str, value: Any, least: Decimal = Decimal(0), most: Decimal = Decimal(LARGEST)) -> Decimal:
    """Return a number of points; UsageError for another value."""
    fits = isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
    if not fits or not least <= value <= most or Decimal(value) % Decimal("0.001"):
        raise UsageError(
            f"{name} must be a number from {least} to {most} with three decimals at most, not {clean(str(value), 40)!r}"
        )
    return Decimal(value)


def _item(name: str, entry: Any, chapters: Mapping[str, str]) -> Item:
    if not isinstance(entry, dict):
        raise UsageError(f"[{name}] must be a table")
    try:
        refuse_unknown(entry, ("points", "exercise", "heading", "item", *NAMES), "")
        points = number("points", entry.get("points", 1))
        raw = entry.get("item", [])
        if not isinstance(raw, list) or len(raw) > MOST_CRITERIA or not all(isinstance(one, dict) for one in raw):
            raise UsageError(f"item must be up to {MOST_CRITERIA} tables: write [[{name}.item]] before each")
        criteria = tuple(criterion(one, points) for one in raw)
        keys = [one.key for one in criteria]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise UsageError(f"the key {twice[0]!r} is there twice")
        gained = sum((one.points for one in criteria if one.points > 0), Decimal(0))
        if 0 < gained < points:
            raise UsageError(f"its criteria bring {gained} points together, so nobody could get all {points}")
        stem = chapters.get(name.partition(".")[0], "")
        evidence = {kind: tuple(_names(entry.get(kind, []), kind, stem, chapters.values())) for kind in NAMES}
        item = Item(name, points, criteria, _text(entry, "exercise"), _text(entry, "heading"), evidence)
        if item.part == REPORT and not item.heading:
            raise UsageError("lacks the heading under which its discussion stands")
        if item.exercise and item.exercise not in exercises():
            raise UsageError(f"exercise {clean(item.exercise, 40)!r} is not known{nearest(item.exercise, exercises())}")
        return item
    except UsageError as error:
        raise UsageError(f"[{name}] {error}") from None


def _names(value: Any, kind: str, stem: str, stems: Iterable[str]) -> Iterable[str]:
    """Yield the full names of figures, tables or numbers; a short one is of the question's own notebook."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"{kind} must be a list of names in quotes")
    known = list(stems)
    for one in value:
        notebook, dot, name = one.rpartition(".")
        notebook = notebook if dot else stem
        if notebook not in known or not name:
            raise UsageError(f"{kind}: {clean(one, 60)!r} must begin with a notebook{nearest(notebook, known)}")
        yield f"{notebook}.{name}"


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST:
        raise UsageError(f"{name} must be a text of up to {LONGEST} characters")
    return clean(value, LONGEST)
