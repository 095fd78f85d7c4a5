"""Five seeds of one CNN, trained one by one and side by side as grouped convolutions.

python benchmarks/grouped_convolutions.py --data FOLDER
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from measure import arguments, in_turn, median, publish
from torch import nn

from labkit.basics.machine import set_seed
from labkit.data.datasets import Dataset, load
from labkit.models.networks import CifarNet, LeNet5
from labkit.training.config import TrainConfig
from labkit.training.loop import fit
from labkit.training.together import Ensemble, Member

chosen = arguments(__doc__.splitlines()[0], {"repeats": 1, "images": 500}, repeats=3, images=3_000, seeds=5)


def members(build: Callable[[], nn.Module], config: TrainConfig) -> list[Member]:
    """Return one network a seed."""
    networks = []
    for seed in range(chosen.seeds):
        set_seed(seed)
        networks.append(Member(build(), replace(config, seed=seed), torch.get_rng_state()))
    return networks


def one_by_one(build: Callable[[], nn.Module], dataset: Dataset, config: TrainConfig) -> float:
    """Return the seconds of an epoch of all seeds."""
    return sum(fit(member.model, dataset, member.config).seconds for member in members(build, config))


def together(build: Callable[[], nn.Module], dataset: Dataset, config: TrainConfig) -> float:
    """Return the same for an ensemble."""
    return sum(history.seconds for history in Ensemble(members(build, config)).fit(dataset))


rows, facts = [], {}
for build, dataset in (
    (LeNet5, load("mnist", chosen.data, train_limit=chosen.images)),
    (CifarNet, load("cifar10", chosen.data, train_limit=chosen.images)),
):
    for batch in (4, 16, 32, 64):  # above 64 `ensembles` trains CNNs one by one
        config = TrainConfig(epochs=1, batch_size=batch)
        sides = {
            "one by one": lambda build=build, dataset=dataset, config=config: one_by_one(build, dataset, config),
            "together": lambda build=build, dataset=dataset, config=config: together(build, dataset, config),
        }
        times = in_turn(sides, chosen.repeats)
        facts[f"{build.__name__}, batch {batch}"] = times
        alone, stacked = (median(values) for values in times.values())
        rows.append([f"{build.__name__}, batch {batch}", f"{alone:.2f}", f"{stacked:.2f}", f"{alone / stacked:.2f}x"])
columns = ["network", "one by one (s)", "together (s)", "faster"]
publish("grouped_convolutions", f"{chosen.seeds} seeds, one epoch", columns, rows, {"times": facts})
