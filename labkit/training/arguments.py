"""What a sweep cannot be given, told before anything is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from labkit.basics.errors import UsageError
from labkit.data.datasets import Dataset
from labkit.training.config import CONFIG_KEYS, TrainConfig


def refuse_misplaced(build: Any, grid: Any, dataset: Any, config: Any, seeds: Any) -> None:
    """Raise UsageError for an argument in another's place, or one thing where a list is wanted."""
    if isinstance(build, nn.Module):
        raise UsageError("A sweep builds its networks itself: give it the network's class, without brackets.")
    for name, value, kind in (("grid", grid, Mapping), ("dataset", dataset, Dataset), ("config", config, TrainConfig)):
        if not isinstance(value, kind):
            raise UsageError(
                f"A sweep takes a network's class, a grid, a dataset, a config and seeds, in this order, but its "
                f"{name} is of type {type(value).__name__}."
            )
    for name, values in (*((f"grid's key {key!r}", values) for key, values in grid.items()), ("argument seeds", seeds)):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise UsageError(f"The {name} wants a list, but it is {values!r}: put brackets around it.")


def refuse_unknown_keys(build: Callable[..., nn.Module], grid: Mapping[str, Sequence[Any]]) -> None:
    """Raise UsageError for a key that neither TrainConfig nor the network knows."""
    accepted = set(inspect.signature(build).parameters)
    for key in grid:
        if key == "seed":
            raise UsageError("Seeds are not part of the grid: pass them as `seeds`.")
        if key not in CONFIG_KEYS | accepted:
            raise UsageError(
                f"The grid's key {key!r} is known neither to TrainConfig nor to the network: "
                f"choose among {', '.join(sorted(CONFIG_KEYS | accepted))}."
            )
