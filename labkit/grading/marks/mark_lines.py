"""What graders said: `marks/<grader>.jsonl` in the folder of a night, a line each, which are only ever appended to.

Each grader has a file alone, so the folder may lie on any shared disk: nobody writes into another one's.
"""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import append_line
from labkit.grading.marks.rubric import LARGEST
from labkit.grading.texts import clean

FOLDER = "marks"
GRADER = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}", re.IGNORECASE)
MARK, RUBRIC, APPROVED = "mark", "rubric", "approved"
KINDS = (MARK, RUBRIC, APPROVED)
LONGEST_COMMENT = 5_000  # characters
TEXTS = ("at", "grader", "what", "submission", "item", "answer", "comment", "flag", "key", "text")
LISTS = ("also", "items")


@dataclass(frozen=True)
class Line:
    """One line of a grader's. ValueError says what is wrong with it.

    at: when it was written, ISO 8601 with the offset from UTC. what: "mark", or one of the two below.
    submission, item: whose answer to what was looked at. also: who had given the same answer by then.
    answer: its hash, so that the line holds for whoever gave the same one, and for no later one.
    items: the keys of the criteria that hold. points: a person's own number in place of what they add up to; None
        without one.
    comment: what those who handed in read. flag: a note to other graders; "open" takes a mark back.
    A line of what "rubric" gives the criterion `key` of `item` other `points`, or adds it with a `text`.
    One of what "approved" says that a submission may hand in its report, or, with the flag "open", that it may not.
    """

    at: str
    grader: str
    what: str = MARK
    submission: str = ""
    also: tuple[str, ...] = ()
    item: str = ""
    answer: str = ""
    items: tuple[str, ...] = ()
    points: Decimal | None = None
    comment: str = ""
    flag: str = ""
    key: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if wrong := [name for name in TEXTS if not isinstance(getattr(self, name), str)]:
            raise ValueError(f"{wrong[0]!r} must be a text")
        for name in LISTS:
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"{name!r} must be a list of texts")
        if self.what not in KINDS:
            raise ValueError(f"{clean(self.what, 40)!r} is no kind of line")
        if not GRADER.fullmatch(self.grader):
            raise ValueError(f"{clean(self.grader, 40)!r} is no grader's name")
        if self.moment.utcoffset() is None:
            raise ValueError("'at' lacks its offset from UTC")
        needed = {MARK: ("submission", "item", "answer"), RUBRIC: ("item", "key"), APPROVED: ("submission",)}[self.what]
        if lacking := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"it lacks {lacking[0]!r}")
        if len(self.comment) > LONGEST_COMMENT:
            raise ValueError(f"its comment has more than {LONGEST_COMMENT:,} characters")
        points = self.points
        if points is not None and not (
            isinstance(points, Decimal)
            and points.is_finite()
            and abs(points) <= LARGEST
            and not points % Decimal("0.001")
        ):
            raise ValueError(f"'points' must be a number up to {LARGEST:,}, with three decimals at most")

    @property
    def moment(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.at)

    @property
    def open(self) -> bool:
        """Whether it takes back what was said before."""
        return self.flag == "open"


def new_line(grader: str, **values: Any) -> Line:
    """Return a line that is written now; UsageError where it cannot be."""
    try:
        return Line(datetime.now(UTC).isoformat(timespec="microseconds"), grader, **values)
    except ValueError as error:
        raise UsageError(f"Nothing was written: {error}.") from error


def own_name() -> str:
    """Return the user of this machine as a grader's name; UsageError where it is not known."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError) as error:  # a user id without a name
        raise UsageError("This machine does not tell your name: give one with --grader.") from error
    return re.sub(r"[^a-zA-Z0-9._-]+", "-", name).strip("-.")[:40] or "grader"


def append_mark(out: Path, line: Line) -> Path:
    """Write one line into its grader's file; it is on the disk when this returns. LabkitError when it fails."""
    path = out / FOLDER / f"{line.grader}.jsonl"
    append_line(path, _written(line))
    return path


def read_lines(out: Path) -> tuple[list[Line], list[str]]:
    """Return the lines of all graders by the time of their writing, and a sentence for each line left out.

    Left out is what was cut short or cannot be. Of two lines of one moment, the one of the later name holds.
    """
    lines: list[Line] = []
    told: list[str] = []
    for path in sorted((out / FOLDER).glob("*.jsonl")):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LabkitError(f"{path} cannot be read ({error.strerror or error}): correct its permissions.") from error
        for number, text in enumerate(content.split(b"\n"), 1):
            if not text.strip(b" \t\r"):
                continue
            try:
                lines.append(_read(text))
            except (ValueError, TypeError, InvalidOperation, RecursionError) as error:
                told.append(
                    f"Line {number} of {path} is left out: it was cut short, or cannot be ({clean(str(error), 200)})."
                )
    return in_time(lines), told


def in_time(lines: Iterable[Line]) -> list[Line]:
    """Return lines by the time of their writing."""
    return sorted(lines, key=lambda line: (line.moment, line.grader))


def _read(text: bytes) -> Line:
    said = json.loads(text.decode(), parse_float=Decimal, parse_int=Decimal)
    known = {field.name for field in fields(Line)}
    if not isinstance(said, dict) or (unknown := said.keys() - known):
        raise ValueError("it is no table" if not isinstance(said, dict) else f"{min(unknown)!r} is not known")
    return Line(**said | {name: tuple(said[name]) for name in LISTS if name in said})


def _written(line: Line) -> str:
    said = {field.name: getattr(line, field.name) for field in fields(Line)}
    kept = {name: value for name, value in said.items() if value not in (None, "", ())}
    return json.dumps(kept, default=float, ensure_ascii=False)
