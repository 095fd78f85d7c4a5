"""How near training comes to the machine's matrix products, and how its time grows.

python benchmarks/limit.py --data FOLDER
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from measure import arguments, in_turn, median, product_rate, publish, publish_growth
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from labkit.basics.machine import set_seed
from labkit.data.datasets import Dataset, load
from labkit.models.networks import MLP, CifarNet, LeNet5
from labkit.training.config import TrainConfig
from labkit.training.loop import fit
from labkit.training.together import Ensemble, Member

chosen = arguments(__doc__.splitlines()[0], {"repeats": 1, "images": 2_000}, repeats=3, images=12_000)
digits = load("mnist", chosen.data, train_limit=chosen.images)
pictures = load("cifar10", chosen.data, train_limit=chosen.images)
BASE = TrainConfig(epochs=1, batch_size=128, optimizer="sgd", lr=0.01)


def flops(models: Sequence[nn.Module], dataset: Dataset) -> int:
    """Return the floating-point operations of an epoch: forward and backward pass, counted on ten images."""
    total = 0
    for model in models:
        counter = FlopCounterMode(display=False)
        with counter:
            functional.cross_entropy(model(dataset.train.images[:10]), dataset.train.labels[:10]).backward()
        total += counter.get_total_flops()
    return total * len(dataset.train.labels) // 10


def alone(build: Callable[[], nn.Module], dataset: Dataset = digits, config: TrainConfig = BASE) -> float:
    """Return the seconds of an epoch of one network."""
    set_seed(0)
    return fit(build(), dataset, config).seconds


def together(widths: Sequence[int], config: TrainConfig = BASE) -> float:
    """Return the seconds of an epoch of an ensemble of MLP1."""
    set_seed(0)
    members = [Member(MLP((width,)), config, torch.get_rng_state()) for width in widths]
    return sum(history.seconds for history in Ensemble(members).fit(digits))


TEN = range(30, 301, 30)
SHARES = {
    f"MLP sweep, ten widths, batch {size}": (
        [MLP((width,)) for width in TEN],
        digits,
        lambda size=size: together(TEN, replace(BASE, batch_size=size)),
    )
    for size in (64, 128, 256)
} | {
    "LeNet-5, batch 128": ([LeNet5()], digits, lambda: alone(LeNet5)),
    "CifarNet, batch 128": ([CifarNet()], pictures, lambda: alone(CifarNet, pictures)),
}
counts = {name: flops(models, dataset) for name, (models, dataset, _) in SHARES.items()}
for _, _, measure in SHARES.values():
    measure()
sides = {"sgemm": product_rate, **{name: measure for name, (_, _, measure) in SHARES.items()}}
times = in_turn(sides, chosen.repeats)
peak = median(times["sgemm"])
rows = [["product of two 1024 x 1024 matrices", f"{peak / 1e9:.0f}", "100"]]
for name, count in counts.items():
    rate = count / median(times[name])
    rows.append([name, f"{rate / 1e9:.0f}", f"{100 * rate / peak:.0f}"])
publish("limit", "Rate of training", ["work", "GFLOP/s", "of the product (%)"], rows, {"times": times, "flops": counts})

GROWTH = {
    "members (MLP1 of 150)": ((1, 2, 4, 8, 16), lambda n: together([150] * n)),
    "width (MLP1)": ((75, 150, 300, 600, 1200), lambda n: alone(lambda: MLP((n,)))),
    "batch size (MLP1 of 300)": (
        (16, 32, 64, 128, 256),
        lambda n: alone(lambda: MLP((300,)), config=replace(BASE, batch_size=n)),
    ),
    "training images (MLP1 of 300)": (
        tuple(chosen.images // part for part in (16, 8, 4, 2, 1)),
        lambda n: alone(lambda: MLP((300,)), load("mnist", chosen.data, train_limit=n)),
    ),
}
facts = {}
for name, (steps, measure) in GROWTH.items():
    sides = {str(step): lambda step=step, measure=measure: measure(step) for step in steps}
    facts[name] = in_turn(sides, chosen.repeats)
publish_growth("growth", "Seconds of an epoch as the work doubles", facts)
