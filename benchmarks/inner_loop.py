"""Memory format, threads, order of layers, freed memory, tiny numbers, a busy core: what they do to an epoch's seconds.

python benchmarks/inner_loop.py --data FOLDER
"""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
from collections.abc import Callable
from unittest import mock

import torch
from handins import relu_first
from measure import arguments, in_turn, median, publish
from torch import nn

from labkit.basics.machine import M_MMAP_MAX, M_TRIM_THRESHOLD, keep_memory, set_seed
from labkit.data.datasets import Dataset, load
from labkit.models.networks import MLP, CifarNet, ConvNet, LeNet5, OneConvNet
from labkit.training.config import TrainConfig
from labkit.training.loop import fit

chosen = arguments(__doc__.splitlines()[0], {"repeats": 1, "images": 1_000}, repeats=3, images=6_000)
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


def large_batches(kept: bool, order: Callable[[nn.Sequential], nn.Sequential] = lambda model: model) -> float:
    """Return the seconds of an epoch of OneConvNet with 1,000 images a step, freed memory kept or given back.

    order: changes the order of the layers.
    """
    keep_memory.cache_clear()
    keep_memory()  # `fit` calls it no more
    if not kept:
        for parameter, value in ((M_MMAP_MAX, 65_536), (M_TRIM_THRESHOLD, 131_072)):  # as every process begins
            ctypes.CDLL(None).mallopt(parameter, value)
    torch.set_num_threads(1)
    set_seed(0)
    return fit(order(OneConvNet()), digits, TrainConfig(epochs=1, batch_size=1000)).seconds


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

sides = {
    "freed memory kept": lambda: large_batches(True),
    "freed memory given back": lambda: large_batches(False),
    "freed memory kept, ReLU before pooling": lambda: large_batches(True, relu_first),
}
facts["large batches"] = in_turn(sides, chosen.repeats)
rows = [[side, f"{median(values):.2f}"] for side, values in facts["large batches"].items()]
title = f"Seconds an epoch of OneConvNet, {chosen.images:,} images, batch 1,000, one thread"
publish("large_batches", title, ["side", "seconds"], rows, {"times": facts["large batches"]})


def tiny(as_zero: bool) -> float:
    """Return the seconds of 1,900 steps of 500-250-100 with Adam: in fewer, no momentum becomes so small."""
    torch.set_num_threads(1)
    set_seed(0)
    with contextlib.nullcontext() if as_zero else mock.patch.object(torch, "set_flush_denormal"):
        config = TrainConfig(epochs=1_900 * 64 // chosen.images, batch_size=64, optimizer="adam")
        return fit(MLP((500, 250, 100)), unit, config).seconds


unit = load("mnist", chosen.data, train_limit=chosen.images, normalisation="unit")
sides = {"numbers below 1.2e-38 are 0": lambda: tiny(True), "as processors have them": lambda: tiny(False)}
facts["tiny numbers"] = in_turn(sides, chosen.repeats)
rows = [[side, f"{median(values):.2f}"] for side, values in facts["tiny numbers"].items()]
title = f"Seconds of 1,900 steps of 500-250-100, {chosen.images:,} images, Adam, batch 64, one thread"
publish("tiny_numbers", title, ["side", "seconds"], rows, {"times": facts["tiny numbers"]})


def beside(busy: bool, threads: int) -> float:
    """Return the seconds of an epoch of LeNet-5, with batches of 128, beside a program that computes on one core."""
    with contextlib.ExitStack() as programs:
        if busy:
            program = programs.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            programs.callback(program.kill)
        torch.set_num_threads(threads)
        set_seed(0)
        return fit(LeNet5(), digits, TrainConfig(epochs=1, batch_size=128)).seconds


sides = {
    f"{threads} thread(s), {state}": lambda busy=busy, threads=threads: beside(busy, threads)
    for state, busy in (("idle", False), ("one core busy", True))
    for threads in (1, 2)
}
facts["busy core"] = in_turn(sides, chosen.repeats)
rows = [[side, f"{median(values):.2f}"] for side, values in facts["busy core"].items()]
title = f"Seconds an epoch of LeNet-5, {chosen.images:,} images, batch 128"
publish("busy_core", title, ["side", "seconds"], rows, {"times": facts["busy core"]})
