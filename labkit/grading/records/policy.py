"""How points become a total: `course.toml` beside the notebooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from labkit.basics.errors import LabkitError, UsageError
from labkit.exercises.catalogue import exercises
from labkit.grading.staff_files import faults_of, read_toml, refuse_unknown
from labkit.grading.texts import clean, nearest

FILE = "course.toml"
EXERCISES = "exercises"
PARTS = (EXERCISES, "questions", "report", "oral")  # of a total, in their order
LARGEST = 100_000  # points
UNITS = {"s": 1, "min": 60, "h": 3_600, "hour": 3_600, "day": 86_400}
DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(s|min|h|hour|day)s?")
PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?(?:\s+(\S+))?")

T = TypeVar("T")


@dataclass(frozen=True)
class Late:
    """What it costs to hand in late.

    due: UTC; zone: in which times without one are read, and times are shown.
    grace: nothing is deducted within, and the first day or hour begins behind it.
    off: the share of the possible points for each begun interval; at_most: of all of them together.
    by_canvas: Canvas deducts, and labkit nothing. lowest: the share below which Canvas deducts nothing more.
    """

    due: datetime
    zone: ZoneInfo
    grace: timedelta = timedelta()
    per: str = "day"
    off: Decimal = Decimal(0)
    at_most: Decimal = Decimal(1)
    by_canvas: bool = False
    lowest: Decimal = Decimal(0)

    @property
    def interval(self) -> timedelta:
        """The interval that `per` names: 24 hours, also where the clocks change, or one."""
        return timedelta(seconds=UNITS[self.per])


@dataclass(frozen=True)
class Policy:
    """How points become a total; without course.toml, the points of the exercises are the total.

    weights: part -> points that it can bring; empty where the exercises' own points are the total.
    scale: the possible points of a total, to which those of the parts are scaled; None for their sum.
    step: totals are multiples of it.
    """

    weights: Mapping[str, Decimal] = field(default_factory=dict)
    scale: Decimal | None = None
    step: Decimal = Decimal("0.01")
    late: Late | None = None

    @property
    def parts(self) -> dict[str, Decimal]:
        """The parts of a total, and the points that each can bring, before they are scaled."""
        own = Decimal(sum(exercise.points for exercise in exercises().values()))
        return {name: self.weights[name] for name in PARTS if self.weights.get(name)} or {EXERCISES: own}

    @property
    def possible(self) -> Decimal:
        """The points of a perfect total."""
        return self.scale or sum(self.parts.values(), Decimal(0))


def read_policy(folder: Path) -> Policy:
    """Return the policy of the course whose notebooks lie in `folder`; the default one where it has no course.toml.

    UsageError for a key that is not known, with the nearest one, and for a value that cannot be meant.
    """
    path = folder / FILE
    content = read_toml(path)
    if content is None:
        return Policy()
    with faults_of(path):
        refuse_unknown(content, ("grade", "late"), "")
        grade, late = (_table(content, name) for name in ("grade", "late"))
        refuse_unknown(grade, ("scale", "round", "weights"), "[grade] ")
        weights = _table(grade, "weights", "weights = {exercises = 40, questions = 30, report = 30}")
        refuse_unknown(weights, PARTS, "weights: ")
        found = {name: _number(f"weights: {name}", value, zero=True) for name, value in weights.items()}
        if weights and not any(found.values()):
            raise UsageError("weights are all 0, so that nothing brings points")
        scale = _number("scale", grade["scale"]) if "scale" in grade else None
        step = _number("round", grade["round"]) if "round" in grade else Policy().step
        return Policy(found, scale, step, _late(late) if "late" in content else None)


def read_duration(text: str) -> timedelta:
    """Return a duration ("15 min", "2 days", "30 h"); ValueError for another text."""
    match = DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{clean(text, 40)!r} is no duration, such as '15 min', '5 h' or '2 days'")
    return timedelta(microseconds=int(Decimal(match[1]) * UNITS[match[2]] * 1_000_000))


def read_moment(text: str, zone: ZoneInfo | None = None, last: bool = True) -> datetime:
    """Return a moment in UTC, of "2026-11-30T23:59" with an offset or a time zone behind it, else in `zone`.

    last: which one is meant where the clocks go back and a time comes twice: the later one, or the earlier.
    ValueError says what is wrong.
    """
    match = MOMENT.fullmatch(text.strip())
    if not match or (match[2] and match[3]):
        raise ValueError(f"{clean(text, 60)!r} is no moment, such as '2026-11-30T23:59 Europe/Stockholm'")
    local = datetime.fromisoformat(match[1])
    if match[2]:
        return datetime.fromisoformat(match[1] + match[2]).astimezone(UTC)
    place = read_zone(match[3]) if match[3] else zone
    if place is None:
        raise ValueError(f"{clean(text, 60)!r} lacks its time zone, as in '2026-11-30T23:59 Europe/Stockholm'")
    both = [local.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return max(both) if last else min(both)


def read_zone(name: str) -> ZoneInfo:
    """Return the time zone of this IANA name; ValueError, with the nearest one, for another text."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        zones = available_timezones()
        if not zones:
            raise ValueError("this system has no list of time zones: `pip install tzdata`") from error
        raise ValueError(f"{clean(name, 60)!r} is no time zone{nearest(name, zones)}") from error


def show_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as people of a time zone read it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _late(table: dict[str, Any]) -> Late:
    keys = ("due", "grace", "per", "off", "at_most", "lowest", "applied_by")
    refuse_unknown(table, keys, "[late] ")
    if missing := [name for name in ("due", "off") if name not in table]:
        raise UsageError(f"[late] lacks {missing[0]}")
    by = _choice("applied_by", table.get("applied_by", "labkit"), ("labkit", "canvas"))
    if by == "labkit" and "lowest" in table:
        raise UsageError("lowest is Canvas' own, and goes with applied_by = 'canvas': write at_most")
    due = _read("due", table["due"], lambda text: (read_moment(text), text.split()[-1]))
    try:
        zone = read_zone(due[1])
    except ValueError:
        raise UsageError("due needs a time zone's name, as in '2026-11-30T23:59 Europe/Stockholm'") from None
    return Late(
        due[0],
        zone,
        _read("grace", table.get("grace", "0 min"), read_duration),
        _choice("per", table.get("per", "day"), ("day", "hour")),
        _read("off", table["off"], _percent),
        _read("at_most", table.get("at_most", "100 %"), _percent),
        by == "canvas",
        _read("lowest", table.get("lowest", "0 %"), _percent),
    )


def _table(content: Mapping[str, Any], name: str, example: str = "") -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name} must be a table: write {example or f'[{name}]'}")
    return table


def _number(name: str, value: Any, zero: bool = False) -> Decimal:
    """Return a number above 0, or 0 where it may be; written as one, or as a text."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value.strip()):
        value = Decimal(value.strip())
    fits = isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
    if not fits or value < 0 or value > LARGEST or (not zero and not value) or Decimal(value) % Decimal("0.000001"):
        least = "from 0" if zero else "above 0"
        raise UsageError(f"{name} must be a number {least} and up to {LARGEST:,}, and is {clean(str(value), 40)!r}")
    return Decimal(value)


def _percent(text: str) -> Decimal:
    match = PERCENT.fullmatch(text.strip())
    if not match or Decimal(match[1]) > 100:
        raise ValueError(f"{clean(text, 40)!r} is no percentage from '0 %' to '100 %'")
    return Decimal(match[1]) / 100


def _choice(name: str, value: Any, choices: Collection[str]) -> str:
    if value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, and is {clean(str(value), 40)!r}")
    return str(value)


def _read(name: str, value: Any, read: Callable[[str], T]) -> T:
    """Return what a text says; UsageError, with the key's name, where it cannot be read."""
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a text in quotes, and is {clean(str(value), 40)}")
    try:
        return read(value)
    except (ValueError, LabkitError, OverflowError) as error:
        raise UsageError(f"{name}: {error}") from None
