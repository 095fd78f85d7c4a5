"""Settings that the whole kit shares: errors, training settings, run profiles and folders. Imports nothing of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class LabkitError(Exception):
    """A failure told in one sentence: what is wrong, where, and what to do. The command line exits with 1."""

    exit_code = 1


class UsageError(LabkitError):
    """A request that cannot be met as it was written. The command line exits with 2."""

    exit_code = 2


class Interrupted(LabkitError):
    """A run that the user ended. The command line exits with 130, as shells do."""

    exit_code = 130


@dataclass(frozen=True)
class TrainConfig:
    """How one network is trained. Frozen: `dataclasses.replace` derives another; an unknown key raises TypeError."""

    epochs: int = 5  # passes over the training split
    batch_size: int = 64  # images a step
    optimizer: str = "adam"  # one of OPTIMIZERS
    lr: float = 1e-3  # learning rate; the peak of it under the one-cycle schedule
    momentum: float = 0.9  # sgd only
    weight_decay: float = 0.0  # decoupled for adamw, an L2 term in the gradient otherwise
    schedule: str = "constant"  # one of SCHEDULES
    shuffle: bool = True  # a new order of the training images each epoch
    seed: int = 0  # initial weights, order of batches, dropout

    def __post_init__(self) -> None:
        for key, value, known in (("optimizer", self.optimizer, OPTIMIZERS), ("schedule", self.schedule, SCHEDULES)):
            if value not in known:
                raise UsageError(f"{key} {value!r} is not known: choose one of {', '.join(known)}.")
        for key in ("epochs", "batch_size", "lr"):
            if getattr(self, key) <= 0:
                raise UsageError(f"{key} must be greater than 0, but it is {getattr(self, key)}.")


OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "one_cycle")


@dataclass(frozen=True)
class Profile:
    """How much work a run does. Quick shows every step in seconds; full gives the numbers for a report."""

    name: str
    seeds: int  # networks trained for each setting
    train_limit: int | None  # training images that are used, with a part of the validation images; None is all
    repeats: int  # timed calls for one latency

    def choose(self, quick: T, full: T) -> T:
        """Return the value for this profile, so that a notebook shows both beside each other."""
        return quick if self.name == "quick" else full

    def seed_list(self, seed: int) -> list[int]:
        """Return the seeds of a run that starts at `seed`."""
        return list(range(seed, seed + self.seeds))


PROFILES = {
    "quick": Profile("quick", seeds=5, train_limit=3_000, repeats=15),
    "full": Profile("full", seeds=10, train_limit=None, repeats=50),
}


def get_profile(name: str) -> Profile:
    """Return the profile of that name; UsageError names the known ones."""
    if name not in PROFILES:
        raise UsageError(f"Profile {name!r} is not known: choose one of {', '.join(PROFILES)}.")
    return PROFILES[name]


def data_folder() -> Path:
    """Return the folder where data is looked for and downloaded to: LABKIT_DATA, else a per-user cache."""
    if chosen := os.environ.get("LABKIT_DATA"):
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("labkit", appauthor=False)) / "data"


def known_runs_folder() -> Path | None:
    """Return the folder of runs that sweeps need not train again: LABKIT_RUNS, which `labkit grade` sets, else None."""
    chosen = os.environ.get("LABKIT_RUNS")
    return Path(chosen) if chosen else None


def out_folder(out: str | Path = "") -> Path:
    """Return the folder for results: `out`, else LABKIT_OUT, else `out` beside the notebooks folder."""
    if out or (out := os.environ.get("LABKIT_OUT", "")):
        return Path(out).expanduser().resolve()
    here = Path.cwd()
    return (here.parent if here.name == "notebooks" else here) / "out"
