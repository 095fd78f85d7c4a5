"""Memory format and threads of the training loop: seconds of an epoch of one network.

python benchmarks/inner_loop.py --data FOLDER
"""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import torch
from measure import arguments, in_turn, median, publish
from torch import nn

from labkit.basics.machine import set_seed
from labkit.data.datasets import Dataset, load
from labkit.models.networks import MLP, CifarNet, ConvNet, LeNet5, OneConvNet
from labkit.training.config import TrainConfig
from labkit.training.loop import fit

chosen = arguments(__doc__.splitlines()[0], repeats=3, images=6_000)
digits = load("mnist", chosen.data, train_limit=chosen.images)
pictures = load("cifar10", chosen.data, train_limit=chosen.images)


def epoch(build: Callable[[], nn.Module], dataset: Dataset, threads: int, memory: torch.memory_format) -> float:
    """Return the seconds of an epoch."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    set_seed(0)
    with mock.patch.object(torch, "channels_last", memory):  # what `fit` asks for
        seconds = fit(build(), dataset, TrainConfig(epochs=1)).seconds
    torch.set_num_threads(before)
    return seconds


NETWORKS = {
    "MLP 300": (lambda: MLP((300,)), digits),
    "LeNet-5": (LeNet5, digits),
    "OneConvNet": (OneConvNet, digits),
    "ConvNet 3x3": (ConvNet, digits),
    "ConvNet 5x5": (lambda: ConvNet(5), digits),
    "CifarNet": (CifarNet, pictures),
    "CifarNet, 13 layers": (lambda: CifarNet(depth=13), pictures),
}
FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
rows, facts = [], {}
for name, (build, dataset) in NETWORKS.items():
    sides = {
        f"{label}, {threads} threads": (
            lambda build=build, dataset=dataset, threads=threads, memory=memory: epoch(build, dataset, threads, memory)
        )
        for threads in (2, 1)
        for label, memory in FORMATS.items()
    }
    epoch(build, dataset, 2, torch.channels_last)  # warm up
    facts[name] = in_turn(sides, chosen.repeats)
    rows.append([name, *(f"{median(values):.2f}" for values in facts[name].values())])
publish(
    "inner_loop", f"Seconds an epoch, {chosen.images:,} images, batch 64", ["network", *sides], rows, {"times": facts}
)
