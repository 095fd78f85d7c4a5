"""What a run leaves behind that no other can: times that it measured, to all digits, and the figures beside them.

Kept in runs.json beside batch.json, so that copied runs are found without the submissions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.review import TIMES
from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.reading.reader import as_dict

FORMAT = 1
FILE = "runs.json"
DIGITS = 5  # that a time must have at least: one that was rounded is many runs'
MOST_TIMINGS, MOST_FIGURES = 100, 30  # of a notebook; the course's have up to 60 and 14
LONGEST = 100  # characters of a name
FIGURE_BYTES = 1_000_000  # of one figure that is looked at; those of a notebook have half of that together


@dataclass(frozen=True)
class RunMarks:
    """The marks of one notebook's run. timings: "name value"; figures: "name hash" of its SVG file."""

    timings: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


def read_run_marks(results: Any, notebooks: Iterable[str], svg: Callable[[str], Member | None]) -> dict[str, RunMarks]:
    """Return what the content of a results.json, and the figures that it names, say of each notebook's run.

    svg: gives the file of a path beside results.json, None for none. A figure that cannot be read is left out.
    """
    sections = as_dict(as_dict(results).get("notebooks"))
    marks = {}
    for notebook in notebooks:
        section = as_dict(sections.get(notebook))
        if timings := _timings(as_dict(section.get("numbers"))):
            marks[notebook] = RunMarks(timings, _figures(as_dict(section.get("figures")), svg))
    return marks


def write_runs(out: Path, marks: Mapping[str, Mapping[str, RunMarks]]) -> Path:
    """Write runs.json into the folder of a night: of each submission, by its name, the marks of its notebooks."""
    kept = {name: {stem: asdict(one) for stem, one in own.items()} for name, own in marks.items() if own}
    write_atomically(path := out / FILE, json.dumps({"format": FORMAT, "submissions": kept}) + "\n")
    return path


def read_runs(out: Path) -> dict[str, dict[str, RunMarks]]:
    """Return what `write_runs` wrote; LabkitError where it is missing, damaged, or of another version."""
    path = out / FILE
    again = "run the same `labkit grade` again, which executes nothing twice that is finished."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise LabkitError(f"{path} was not written by this version of labkit: {again}")
        return {
            name: {stem: RunMarks(tuple(one["timings"]), tuple(one["figures"])) for stem, one in own.items()}
            for name, own in content["submissions"].items()
        }
    except FileNotFoundError as error:
        raise LabkitError(f"{path} does not exist, as an earlier version of labkit graded there: {again}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): {again}") from error


def _timings(numbers: dict[Any, Any]) -> tuple[str, ...]:
    """Return the measured times among a notebook's numbers: each different value once."""
    found: dict[str, str] = {}
    for name, number in numbers.items():
        unit, values = as_dict(number).get("unit"), as_dict(number).get("values")
        if isinstance(unit, str) and unit in TIMES and isinstance(values, list):
            for value in values[:MOST_TIMINGS]:
                if isinstance(value, float) and math.isfinite(value) and _digits(value) >= DIGITS:
                    found.setdefault(repr(value), f"{str(name)[:LONGEST]} {value!r}")
    return tuple(list(found.values())[:MOST_TIMINGS])


def _digits(value: float) -> int:
    """Return how many digits a number has from its first that is not 0."""
    return len(repr(value).partition("e")[0].replace(".", "").strip("-0"))


def _figures(figures: dict[Any, Any], svg: Callable[[str], Member | None]) -> tuple[str, ...]:
    found = []
    for name, entry in list(figures.items())[:MOST_FIGURES]:
        member = svg(path) if isinstance(path := as_dict(entry).get("svg"), str) else None
        if member is None or member.fault or member.size > FIGURE_BYTES:
            continue
        try:
            content = member.read(FIGURE_BYTES)
        except Exception:  # whatever is wrong with a figure, it is no ground to refuse the results
            continue
        found.append(f"{str(name)[:LONGEST]} {sha256(content).hexdigest()}")
    return tuple(found)
