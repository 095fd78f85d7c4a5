"""How much work a run does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from labkit.basics.errors import UsageError
from labkit.basics.files import rehearsed_folder

T = TypeVar("T")
SEEDS = 5  # networks that are trained for each setting
GRADED_REPEATS = 3  # where submissions are graded: what a latency is there, nobody reads


@dataclass(frozen=True)
class Profile:
    """How much work a run does. Quick shows every step in seconds; full gives the numbers for a report."""

    name: str
    train_limit: int | None  # training images that are used, with a part of the validation images; None is all
    repeats: int  # timed calls for one latency

    def choose(self, quick: T, full: T) -> T:
        """Return the value for this profile, so that a notebook shows both beside each other."""
        return quick if self.name == "quick" else full

    def seed_list(self, seed: int) -> list[int]:
        """Return the seeds of a run that starts at `seed`."""
        return list(range(seed, seed + SEEDS))


PROFILES = {
    "quick": Profile("quick", train_limit=3_000, repeats=15),
    "full": Profile("full", train_limit=None, repeats=50),
}


def get_profile(name: str) -> Profile:
    """Return the profile of that name, with fewer timed calls under `labkit grade`; UsageError names the known ones."""
    if name not in PROFILES:
        raise UsageError(f"Profile {name!r} is not known: choose one of {', '.join(PROFILES)}.")
    profile = PROFILES[name]
    return replace(profile, repeats=GRADED_REPEATS) if rehearsed_folder() else profile
