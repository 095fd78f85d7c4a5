"""How a network is trained, and what a sweep cannot be given, told before anything is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from labkit.basics.errors import UsageError
from labkit.data.datasets import Dataset


@dataclass(frozen=True)
class TrainConfig:
    """How one network is trained. Frozen: `dataclasses.replace` derives another; an unknown key raises TypeError."""

    epochs: int = 5  # passes over the training split
    batch_size: int = 64  # images per step
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


CONFIG_KEYS = {field.name for field in fields(TrainConfig)}


def refuse_misplaced(build: Any, grid: Any, dataset: Any, config: Any, seeds: Any) -> None:
    """Raise UsageError for an argument in another's place, or one thing where a list is wanted."""
    if isinstance(build, nn.Module):
        raise UsageError("A sweep builds its networks itself: give it the network's class, without brackets.")
    kinds = (("grid", grid, Mapping | list | tuple), ("dataset", dataset, Dataset), ("config", config, TrainConfig))
    for name, value, kind in kinds:
        if not isinstance(value, kind):
            raise UsageError(
                f"A sweep takes a network's class, a grid, a dataset, a config and seeds, in this order, but its "
                f"{name} is of type {type(value).__name__}."
            )
    if not isinstance(grid, Mapping):
        if not all(isinstance(setting, Mapping) for setting in grid):
            raise UsageError("A grid is a mapping, or a list of settings: each must be a mapping, of one value a key.")
        grid = {}
    for name, values in (*((f"grid's key {key!r}", values) for key, values in grid.items()), ("argument seeds", seeds)):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise UsageError(f"The {name} wants a list, but it is {values!r}: put brackets around it.")


def refuse_unknown_keys(build: Callable[..., nn.Module], setting: Mapping[str, Any]) -> None:
    """Raise UsageError for a key that neither TrainConfig nor the network knows."""
    accepted = set(inspect.signature(build).parameters)
    for key in setting:
        if key == "seed":
            raise UsageError("Seeds are not part of the grid: pass them as `seeds`.")
        if key not in CONFIG_KEYS | accepted:
            raise UsageError(
                f"The grid's key {key!r} is known neither to TrainConfig nor to the network: "
                f"choose among {', '.join(sorted(CONFIG_KEYS | accepted))}."
            )
