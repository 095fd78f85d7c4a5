"""Are seeds of one CNN faster side by side, as grouped convolutions, than one by one? Forward and backward pass.

python benchmarks/grouped_convolutions.py
"""

from __future__ import annotations

import time

import torch
from measure import arguments, in_turn, median, publish
from torch import nn

chosen = arguments(__doc__.splitlines()[0], repeats=5, seeds=5)


def layers(channels: int, seeds: int) -> nn.Sequential:
    """Return LeNet-5's convolutions, `seeds` of them side by side, each with its own images."""
    return nn.Sequential(
        nn.Conv2d(channels * seeds, 6 * seeds, 5, groups=seeds),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6 * seeds, 16 * seeds, 5, groups=seeds),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def milliseconds(channels: int, batch: int, seeds: int, memory: torch.memory_format) -> float:
    """Return the time a step and seed."""
    network = layers(channels, seeds).to(memory_format=memory)
    images = torch.randn(batch, channels * seeds, 32, 32).contiguous(memory_format=memory)
    for warm in (True, False):
        start = time.perf_counter()
        for _ in range(3 if warm else 15):
            network(images).square().sum().backward()
    return 1e3 * (time.perf_counter() - start) / 15 / seeds


rows, facts = [], {}
for channels in (1, 3):
    for batch in (32, 128):
        sides = {
            f"{seeds} seeds, {str(memory).split('.')[1]}": (
                lambda channels=channels, batch=batch, seeds=seeds, memory=memory: milliseconds(
                    channels, batch, seeds, memory
                )
            )
            for seeds in (1, chosen.seeds)
            for memory in (torch.channels_last, torch.contiguous_format)
        }
        times = in_turn(sides, chosen.repeats)
        facts[f"{channels} channels, batch {batch}"] = times
        rows.append([f"{channels} x 32 x 32, batch {batch}", *(f"{median(values):.2f}" for values in times.values())])
publish("grouped_convolutions", "Milliseconds a step and seed", ["images", *sides], rows, {"times": facts})
