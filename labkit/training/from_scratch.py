"""Around the network from scratch: its trainings as a table, PyTorch's gradients of it, and a race."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from labkit.basics.machine import usable_cores
from labkit.data.datasets import Dataset, Split, load
from labkit.models import scratch
from labkit.models.networks import make_activation
from labkit.models.scratch import Network, train
from labkit.training.cache import CACHE_FORMAT, digest_of, read_entries, write_entry

SEEN = 5_000  # training images on which the accuracy is measured after each epoch
# Settings of lab report B8, with the accuracies on training and test images that it states for them. Its test images
# were left at 0 to 255.
REPORTED = pd.DataFrame(
    [
        ("sigmoid", "low_15", 71.0, 72.9),
        ("sigmoid", "high_15", 85.33, 85.77),
        ("sigmoid", "low_10", 89.33, 88.77),
        ("tanh", "low_15", 94.39, 93.92),
        ("tanh", "high_15", 85.66, 85.25),
        ("tanh", "low_10", 93.7, 93.68),
    ],
    columns=["activation", "setting", "reported train", "reported test"],
)


def unit_digits(source: str, train_limit: int | None) -> Dataset:
    """Return the digits with pixels between 0 and 1; source, train_limit: as for `load`."""
    return load("mnist", source, normalisation="unit", train_limit=train_limit)


def rows_of(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a split as rows of numbers (N, pixels), and the labels."""
    return split.images.flatten(1).numpy(), split.labels.numpy()


def trainings(
    dataset: Dataset,
    sizes: Sequence[int],
    seeds: Sequence[int],
    activations: Sequence[str],
    rates: Sequence[float],
    epochs: int,
    batch_size: int,
    initialisation: str = "xavier",
    build: Callable[..., Network] = Network,
    cache: Path | None = None,
) -> pd.DataFrame:
    """Train networks from scratch, for each activation, learning rate and seed; return one row per epoch of each.

    They train side by side, one on each core that this process may use: two threads in one product of matrices would
    wait for each other wherever another program computes. cache: the folder that keeps those of labkit's own Network.

    Columns: activation, lr, initialisation, seed, epoch, cost, seconds (of the training up to here), the accuracy in
    percent on SEEN "train" images, on "validation" and "test" images and on test images of 255 times the scale ("raw"),
    and the "network" as it is in the end.
    """
    images, labels = rows_of(dataset.train)
    watched = {name: rows_of(dataset.split(name)) for name in ("validation", "test")}
    watched |= {"train": (images[:SEEN], labels[:SEEN]), "raw": (255 * watched["test"][0], watched["test"][1])}

    ours = build is Network

    def training(setting: tuple[str, float, int]) -> pd.DataFrame:
        activation, lr, seed = setting
        network = build(sizes, activation, initialisation, seed)
        facts = {"activation": activation, "lr": lr, "initialisation": initialisation, "seed": seed}
        name = _entry_name(dataset, {**facts, "sizes": sizes, "epochs": epochs, "batch_size": batch_size})
        if entries := read_entries(cache if ours else None, [name], ours):
            rows = entries[0]["epochs"]
            for key, values in _weights(network).items():
                values[...] = entries[0][key]
        else:
            rows = train(
                network, images, labels, epochs=epochs, lr=lr, batch_size=batch_size, seed=seed, watched=watched
            )
            if ours and cache is not None:
                run = {"seconds": sum(row["seconds"] for row in rows)}
                flops = 6 * sum(weights.size for weights in network.weights) * len(labels) * epochs
                write_entry(cache / name, {"run": run, "epochs": rows, "flops": flops, **_weights(network)})
        table = pd.DataFrame([{**facts, **row, "network": network} for row in rows])
        return table.assign(seconds=table["seconds"].cumsum())

    pool = ThreadPoolExecutor(usable_cores())  # NumPy lets other threads compute while it does
    try:
        with threadpool_limits(1, user_api="blas"):
            tables = list(pool.map(training, product(activations, rates, seeds)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return pd.concat(tables, ignore_index=True)


def _entry_name(dataset: Dataset, facts: Mapping[str, Any]) -> str:
    """Return the name of the file that holds a training: it depends on the facts, the images, and the code."""
    code = inspect.getsource(scratch)
    return f"{digest_of([CACHE_FORMAT, np.__version__, dataset.provenance.fingerprint, facts, code]).hexdigest()}.npz"


def _weights(network: Network) -> dict[str, np.ndarray]:
    """Return the weights and biases of each layer, by a name."""
    pairs = {"weights": network.weights, "biases": network.biases}
    return {f"{kind}_{layer}": values for kind, arrays in pairs.items() for layer, values in enumerate(arrays)}


def at_settings(epochs: pd.DataFrame, settings: Mapping[str, tuple[float, int]]) -> pd.DataFrame:
    """Return the rows of trainings at each setting (learning rate, epochs), one activation after the other."""
    rows = [
        epochs[(epochs["lr"] == lr) & (epochs["epoch"] == last)].assign(setting=name)
        for name, (lr, last) in settings.items()
    ]
    order = list(epochs["activation"].unique())
    return pd.concat(rows).sort_values("activation", key=lambda names: names.map(order.index), kind="stable")


def beside_reported(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean accuracies of `at_settings` for each activation, rate and epoch, beside the reported ones."""
    keys = ["activation", "setting", "lr", "epoch"]
    means = runs.groupby(keys, sort=False)[["train", "test", "raw"]].mean().reset_index()
    return means.merge(REPORTED, "left", on=keys[:2]).drop(columns="setting")


def autograd_gradients(network: Network, activation: str, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Return PyTorch's gradients of the mean cross-entropy: weights and biases of each layer in turn."""
    pairs = zip(network.weights, network.biases, strict=True)
    tensors = [torch.tensor(values, requires_grad=True) for pair in pairs for values in pair]
    activate = make_activation(activation)
    z = torch.tensor(images) @ tensors[0] + tensors[1]
    for weights, biases in zip(tensors[2::2], tensors[3::2], strict=True):
        z = activate(z) @ weights + biases
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(z, torch.tensor(labels)), tensors)
    return [gradient.numpy() for gradient in gradients]


def race(racers: Mapping[str, Callable[[], float]], laps: int = 5) -> pd.Series:
    """Return the median of the seconds that each racer measures with one thread.

    They take turns, and a first lap does not count.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            rows = [{name: measure() for name, measure in racers.items()} for _ in range(laps + 1)]
    finally:
        torch.set_num_threads(threads)
    return pd.DataFrame(rows[1:]).median()
