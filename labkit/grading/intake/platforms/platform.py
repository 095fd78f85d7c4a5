"""What a learning platform's form is, for the one who recognises it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.uploads import Upload

Entries = Mapping[str, Sequence[Member]]  # of one folder: the name of an entry, and what is listed under it


@dataclass(frozen=True)
class Reading:
    """The uploads of a batch; kind: of its platform, as "anonymous"; told: sentences for the TA."""

    uploads: list[Upload]
    kind: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Platform:
    """A learning platform.

    name: as in batch.json. title: as a person writes it. many: what it calls those who hand in.
    fits: whether an entry's name has its form.
    read: takes all entries of the batch, and the ids that are known; returns the uploads of those that fit.
    own: the names of its own files, in lower case, which nobody handed in.
    tells_late: whether its download says who was late.
    """

    name: str
    title: str
    many: str
    fits: Callable[[str], bool]
    read: Callable[[Entries, Collection[str]], Reading]
    own: frozenset[str] = frozenset()
    tells_late: bool = False


def is_folder(members: Sequence[Member]) -> bool:
    """Whether an entry is a folder, and no file."""
    return any(member.is_folder or len(member.parts) > 1 for member in members)
