"""Who handed in what, kept beside the attempts: `batch.json`, so that grades are made again without the submissions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.grading.intake.people import HandedIn, Person

FORMAT = 1
FILE = "batch.json"


@dataclass(frozen=True)
class BatchFile:
    """A batch: the platform that packed it ("canvas", "moodle", ...; "folders" for none), and what was handed in."""

    platform: str
    submissions: tuple[HandedIn, ...]


def write_batch(out: Path, platform: str, submissions: Iterable[HandedIn]) -> Path:
    """Write batch.json into the folder of a night, without what the notebooks hold, and return its path."""
    names = [field.name for field in fields(HandedIn)]
    kept = [{name: _plain(getattr(submission, name)) for name in names} for submission in submissions]
    path = out / FILE
    write_atomically(path, json.dumps({"format": FORMAT, "platform": platform, "submissions": kept}, indent=1) + "\n")
    return path


def read_batch(out: Path) -> BatchFile:
    """Return what `write_batch` wrote; LabkitError where it is missing, damaged, or of another version."""
    path = out / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise LabkitError(f"{path} was not written by this version of labkit: run the same `labkit grade` again.")
        return BatchFile(str(content["platform"]), tuple(_handed_in(kept) for kept in content["submissions"]))
    except FileNotFoundError as error:
        raise LabkitError(f"{path} does not exist: run `labkit grade` first, or name its folder.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): run the same `labkit grade` again.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [asdict(entry) if isinstance(entry, Person) else entry for entry in value]
    return value


def _handed_in(kept: dict[str, Any]) -> HandedIn:
    many = {name: tuple(map(str, kept[name])) for name in ("entries", "problems")}
    people = tuple(Person(**{name: str(text) for name, text in person.items()}) for person in kept["people"])
    return HandedIn(**{**kept, **many, "people": people, "late": bool(kept["late"])})
