"""What people decided about grades: `ledger.jsonl`, a line each, which is only ever appended to."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import append_line
from labkit.grading.records.policy import read_duration, read_moment
from labkit.grading.texts import clean, nearest

FILE = "ledger.jsonl"
# Of each kind of line, the keys of its value, of which it has one.
KINDS = {
    "regrade": ("points",),
    "override": ("points", "late"),
    "extension": ("until",),
    "excuse": (),
    "adjust": ("points", "factor"),
}
TEXTS = ("at", "by", "who", "what", "item", "reason", "until", "late")
LATE, TAKEN_BACK = "late", "taken back"  # items: of an override, and of an excuse
LARGEST = 100_000


@dataclass(frozen=True)
class Entry:
    """One line: a person's decision. ValueError says what is wrong with it.

    at: when it was written, ISO 8601 with the offset from UTC. by: who wrote it.
    who: a submission's name, or a person's id, login, address or name; then it goes to that person alone.
    what: regrade: new points for an item. override: a person's word in place of what was found: points of an item, or
        how late. extension: a due date of their own. excuse: no number at all. adjust: points or a factor to the total.
    item: an exercise ("5.2") or a part of the total ("report"); "late"; "taken back" of an excuse that no longer holds.
    until: a moment, in the due date's time zone where it names none. late: a duration, from the due date on.
    reason: a sentence, which those read whom it concerns.
    """

    at: str
    by: str
    who: str
    what: str
    reason: str
    item: str = ""
    points: Decimal | None = None
    factor: Decimal | None = None
    until: str = ""
    late: str = ""

    def __post_init__(self) -> None:
        if wrong := [name for name in TEXTS if not isinstance(getattr(self, name), str)]:
            raise ValueError(f"{wrong[0]!r} must be a text")
        if self.what not in KINDS:
            raise ValueError(f"{clean(self.what, 40)!r} is no kind of line{nearest(self.what, KINDS)}")
        for name in ("by", "who", "reason"):
            if not clean(getattr(self, name)):
                raise ValueError(f"it lacks {name!r}")
        if self.moment.utcoffset() is None:
            raise ValueError("'at' lacks its offset from UTC")
        values = [name for name in ("points", "factor", "until", "late") if getattr(self, name) not in (None, "")]
        known = KINDS[self.what]
        if (known and len(values) != 1) or set(values) - set(known):
            raise ValueError(
                f"{self.what} needs {' or '.join(known) or 'no value'}, and has {', '.join(values) or 'none'}"
            )
        self._check_numbers()
        if self.until:
            read_moment(self.until, ZoneInfo("UTC"))
        if self.late:
            read_duration(self.late)
        if self.what in ("regrade", "override") and (not self.item or (self.item == LATE) != bool(self.late)):
            raise ValueError("it needs an item: an exercise or a part with points, or 'late' with 'late'")
        if self.what == "excuse" and self.item not in ("", TAKEN_BACK):
            raise ValueError(f"the item of an excuse is {TAKEN_BACK!r}, or none")
        if self.what in ("extension", "adjust") and self.item:
            raise ValueError(f"{self.what} has no item")

    def _check_numbers(self) -> None:
        least = -LARGEST if self.what == "adjust" else 0
        for name, lowest, highest in (("points", least, LARGEST), ("factor", 0, 10)):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Decimal) or not value.is_finite() or not lowest <= value <= highest:
                raise ValueError(f"{name!r} must be a number from {lowest:,} to {highest:,}")
            if value % Decimal("0.000001"):
                raise ValueError(f"{name!r} has more than six decimals")

    @property
    def moment(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.at)


def new_entry(who: str, what: str, reason: str, **values: Any) -> Entry:
    """Return an entry that the user of this machine writes now; UsageError where it cannot be."""
    try:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return Entry(at, _user(), clean(who), what, clean(reason), **values)
    except ValueError as error:
        raise UsageError(f"Nothing was written: {error}.") from error


def in_time(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries by the time of their writing, whatever their order; those of one moment by what they say."""
    return sorted(entries, key=lambda entry: (entry.moment, _line(entry)))


def append_entry(out: Path, entry: Entry) -> Path:
    """Write one line to the ledger of a night's folder: on the disk when this returns. LabkitError when it fails."""
    append_line(out / FILE, _line(entry))
    return out / FILE


def read_ledger(out: Path) -> tuple[list[Entry], list[str]]:
    """Return the entries of a night's ledger by the time of their writing, and a sentence for each line left out.

    Left out is a line that was cut short. LabkitError for one that is whole and says what cannot be: a person wrote it.
    """
    path = out / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise LabkitError(f"{path} cannot be read ({error.strerror or error}): correct its permissions.") from error
    entries, told = [], []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip(b" \t\r"):
            continue
        try:
            said = json.loads(line.decode(), parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
        except (ValueError, InvalidOperation, RecursionError):
            told.append(
                f"Line {number} of {path} was cut short or damaged, and is left out: look at it, and give the same "
                "command again if it is not there in full."
            )
            continue
        entries.append(_entry(said, f"Line {number} of {path}"))
    return in_time(entries), told


def _entry(said: Any, where: str) -> Entry:
    try:
        if not isinstance(said, dict):
            raise ValueError("it must be a table of names and values")
        known = list(Entry.__dataclass_fields__)
        for name in said:
            if name not in known:
                raise ValueError(f"{clean(name, 40)!r} is not known{nearest(name, known)}")
        for name in ("at", "by", "who", "what", "reason"):
            if name not in said:
                raise ValueError(f"it lacks {name!r}")
        return Entry(**said)
    except ValueError as error:
        end = "" if str(error).endswith("?") else "."
        raise LabkitError(f"{where} cannot be: {error}{end} Mend this line by hand.") from error


def _line(entry: Entry) -> str:
    """Return an entry as its line, without what it does not say."""
    said = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    kept = {name: value for name, value in said.items() if value not in (None, "")}
    return json.dumps(kept, default=_as_number, ensure_ascii=False)


def _as_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name
        return f"uid {os.getuid()}"
