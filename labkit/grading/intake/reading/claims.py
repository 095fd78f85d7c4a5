"""What a submission says of itself, as plain facts of bounded size; whoever wrote the files is not trusted.

Its results.json tells the numbers of each notebook, its submission.json who handed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

from labkit.grading.intake.reading.reader import as_dict

MOST_NUMBERS = 500  # of a notebook; the course's have about ten
MOST_SEEDS = 100
LONGEST = 1_000  # characters of a text
MOST_MEMBERS = 20


@dataclass(frozen=True)
class Number:
    """A number as a results.json holds it; None where it says nothing usable."""

    text: str | None
    value: float | None
    spread: float | None
    unit: str


@dataclass(frozen=True)
class Claims:
    """The setting of a notebook's run, "" where it is not told, and its numbers by their names."""

    profile: str
    data: str  # name of the data set
    fingerprint: str
    seeds: tuple[int, ...]
    numbers: dict[str, Number]

    @property
    def setting(self) -> tuple[Any, ...]:
        """What two runs must share for their numbers to be comparable."""
        return self.profile, self.data, self.fingerprint, self.seeds


@dataclass(frozen=True)
class Membership:
    """Who handed in: the group's name, and what its members sign in with."""

    group: str = ""
    members: tuple[str, ...] = ()


def read_membership(submission: Any) -> Membership | None:
    """Return what the content of a submission.json says; None where it says nothing usable."""
    told = as_dict(submission)
    members = told.get("members")
    logins = [name.strip()[:LONGEST] for name in members if isinstance(name, str)] if isinstance(members, list) else []
    found = Membership(_text(told.get("group")) or "", tuple(dict.fromkeys(filter(None, logins)))[:MOST_MEMBERS])
    return found if found != Membership() else None


def read_claims(results: Any, notebook: str) -> Claims | None:
    """Return what the content of a results.json says of a notebook; None where it says nothing of it."""
    section = as_dict(as_dict(as_dict(results).get("notebooks")).get(notebook))
    if not section:
        return None
    data, seeds = as_dict(section.get("data")), section.get("seeds")
    whole = isinstance(seeds, list) and all(type(seed) is int and abs(seed) < 2**63 for seed in seeds)
    return Claims(
        profile=_text(section.get("profile")) or "",
        data=_text(data.get("name")) or "",
        fingerprint=_text(data.get("fingerprint")) or "",
        seeds=tuple(seeds[:MOST_SEEDS]) if isinstance(seeds, list) and whole else (),
        numbers={
            name[:LONGEST]: Number(
                _text(number.get("text")),
                _decimal(number.get("value")),
                _decimal(number.get("spread")),
                _text(number.get("unit")) or "",
            )
            for name, number in islice(as_dict(section.get("numbers")).items(), MOST_NUMBERS)
            if isinstance(number, dict)
        },
    )


def _text(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) else None


def _decimal(value: Any) -> float | None:
    """Return a finite number as a decimal, None for everything else."""
    try:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:
        return None
