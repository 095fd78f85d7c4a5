"""Ten MLP1 widths, one epoch: the loop of hand-ins, networks one by one in memory, and all as one batched network.

python benchmarks/sweep.py --data FOLDER
"""

from __future__ import annotations

import torch
from handins import mnist, train
from measure import arguments, in_turn, median, publish

from labkit.basics.machine import set_seed
from labkit.data.datasets import load
from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate
from labkit.training.sweeps import sweep

WIDTHS = range(30, 301, 30)
MNIST_SCALE = (0.1307, 0.3081)
QUICK = {"repeats": 1, "batches": "64,256", "part": 0.02}

chosen = arguments(__doc__.splitlines()[0], QUICK, repeats=3, batches="64,128,256", part=0.1)
digits = load("mnist", chosen.data, validation=0.01)
images = mnist(chosen.data, True, MNIST_SCALE)
rows, facts = [], {}


def hand_in(batch_size: int) -> tuple[float, float]:
    """Return seconds for ten widths, and their mean test accuracy: after a part of the epoch, scaled to all of it."""
    seconds, accuracies = 0.0, []
    for width in WIDTHS:
        set_seed(0)
        model = MLP((width,))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
        seconds += train(model, images, optimizer, batch_size, epochs=1, part=chosen.part)[0] / chosen.part
        accuracies.append(evaluate(model, digits).accuracy)
    return seconds, 100 * sum(accuracies) / len(accuracies)


def kit(config: TrainConfig, engine: str) -> tuple[float, float]:
    """Return the same for the kit's sweep."""
    grid = {"hidden_sizes": [(width,) for width in WIDTHS]}
    runs = sweep(MLP, grid, digits, config, [0], engine=engine).runs
    return runs["seconds"].sum(), 100 * runs["test_accuracy"].mean()


base = {}
for batch_size in (4, 64):  # minutes each, so once
    base[batch_size] = hand_in(batch_size)
    rows.append(
        [f"hand-in loop, batch {batch_size}", f"{base[batch_size][0]:.1f}", f"{base[batch_size][1]:.1f}", "", ""]
    )
    print(*rows[-1], flush=True)
for batch_size in map(int, chosen.batches.split(",")):
    lr = 0.1 * (batch_size / 64) ** (1 if batch_size < 64 else 0.5)
    config = TrainConfig(epochs=1, batch_size=batch_size, optimizer="sgd", lr=lr, schedule="one_cycle")
    accuracies = {engine: kit(config, engine)[1] for engine in ("loop", "auto")}  # and warms up
    sides = {engine: lambda engine=engine, config=config: kit(config, engine)[0] for engine in accuracies}
    times = in_turn(sides, chosen.repeats)
    facts[f"seconds_batch_{batch_size}"] = times
    for engine, name in (("loop", "labkit, one by one"), ("auto", "labkit, batched")):
        seconds = median(times[engine])
        gains = [f"{base[size][0] / seconds:.0f}x" for size in (4, 64)]
        gain = f"{median(times['loop']) / seconds:.2f}x" if engine == "auto" else ""
        rows.append(
            [f"{name}, batch {batch_size}", f"{seconds:.2f}", f"{accuracies[engine]:.1f}", " / ".join(gains), gain]
        )
publish(
    "sweep",
    f"Ten MLP1 widths, one epoch of MNIST (hand-in loops: {chosen.part:.0%} of one, their seconds scaled)",
    ["side", "seconds", "mean test accuracy (%)", "faster than hand-in, batch 4 / 64", "than one by one"],
    rows,
    {"hand_in": {size: {"seconds": pair[0], "accuracy": pair[1]} for size, pair in base.items()}, **facts},
)
