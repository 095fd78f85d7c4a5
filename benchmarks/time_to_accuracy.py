"""Seconds of training until a test accuracy is reached: as the source trains a network, and by the kit's recipe.

python benchmarks/time_to_accuracy.py --data FOLDER

The source's loop is watched after each epoch, and its clock stands while it is. The kit's recipe is fixed beforehand,
and counts only if all its seeds end at or above the target.
"""

from __future__ import annotations

from functools import partial

import torch
from handins import mnist, relu_first, train
from measure import arguments, median, publish
from torch import nn
from torch.nn import functional

from labkit.basics.machine import set_seed
from labkit.data.datasets import Dataset, load
from labkit.models.networks import MLP, OneConvNet
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate, fit

SYMMETRIC = (0.5, 0.5)  # inputs in [-1, 1], as the source has them


class Shifted(nn.Module):
    """A network that meets each training batch moved by up to `pixels` in both directions."""

    def __init__(self, network: nn.Module, pixels: int) -> None:
        super().__init__()
        self.network, self.pixels = network, pixels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        if self.training:
            down, right = torch.randint(0, 2 * self.pixels + 1, (2,)).tolist()
            height, width = images.shape[-2:]
            padding = (self.pixels,) * 4
            padded = functional.pad(images, padding, value=float(images.min()))
            images = padded[..., down : down + height, right : right + width]
        return self.network(images)


SYSTEMS = {
    "B1 (3 x 512)": (
        97.7,
        lambda: MLP((512, 512, 512)),
        lambda: MLP((512, 512, 512)),
        TrainConfig(epochs=2, batch_size=256, optimizer="adamw", lr=3e-3, schedule="one_cycle"),
    ),
    "B2 (one convolution)": (
        99.2,
        lambda: relu_first(OneConvNet()),
        lambda: Shifted(OneConvNet(), 1),
        TrainConfig(epochs=12, batch_size=128, optimizer="adamw", lr=4e-3, schedule="one_cycle"),
    ),
}

chosen = arguments(
    __doc__.splitlines()[0], {"seeds": 1, "epochs": 2, "systems": "B1"}, seeds=3, epochs=20, systems="B1,B2"
)
digits = load("mnist", chosen.data, validation=0.01)  # standardised: one epoch less than inputs in [-1, 1]
as_source = load("mnist", chosen.data, validation=0.01, normalisation="symmetric")
images = mnist(chosen.data, True, SYMMETRIC)
rows, facts = [], {}


def test_accuracy(model: nn.Module, dataset: Dataset) -> float:
    """Return the accuracy on all test images, in percent."""
    return round(100 * evaluate(model, dataset).accuracy, 2)  # exact for 10,000 images


for name, (target, source, ours, recipe) in SYSTEMS.items():
    if name.split()[0] not in chosen.systems.split(","):
        continue
    kit: dict[str, list[float]] = {"seconds": [], "accuracy": []}
    for seed in range(chosen.seeds):
        set_seed(seed)
        model = ours()
        seconds = fit(model, digits, TrainConfig(**{**vars(recipe), "seed": seed})).seconds
        kit["seconds"].append(seconds)
        kit["accuracy"].append(test_accuracy(model, digits))
        print(f"{name}, kit, seed {seed}: {kit['accuracy'][-1]:.2f} % after {seconds:.1f} s", flush=True)
    set_seed(0)
    model = source()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    accuracy = partial(test_accuracy, model, as_source)
    seconds, best = train(model, images, optimizer, 1000, chosen.epochs, accuracy, target)
    ours_seconds, worst = median(kit["seconds"]), min(kit["accuracy"])
    at_least = "" if best >= target else "> "  # the source's loop had not arrived when it ended
    rows.append(
        [
            name,
            f"{target}",
            f"{at_least}{seconds:.0f} s ({best:.2f})",
            f"{ours_seconds:.1f} s ({worst:.2f})",
            f"{at_least}{seconds / ours_seconds:.1f}x" if worst >= target else "not reached",
        ]
    )
    facts[name] = {"source": {"seconds": seconds, "accuracy": best}, "kit": kit, "recipe": vars(recipe)}
publish(
    "time_to_accuracy",
    "Time to a test accuracy on MNIST",
    ["network", "target (%)", "as the source trains (best %)", f"labkit (worst of {chosen.seeds} seeds, %)", "faster"],
    rows,
    facts,
)
