"""The exercise of notebook 7 that writes dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, close


def draw_dropout(rng: np.random.Generator) -> Inputs:
    """Return tensors without a zero, with the probability to drop an entry."""
    import torch

    cases = ((rng.uniform(0.15, 0.35), (200, 100)), (rng.uniform(0.65, 0.85), (100, 200)), (0.0, (6, 7)))
    values = [rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape) for _, shape in cases]
    return [
        (torch.from_numpy(x.astype(np.float32)), round(float(p), 2)) for x, (p, _) in zip(values, cases, strict=True)
    ]


def judge_dropout(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless both results of each answer drop and scale entries as dropout does."""
    exact = []
    for answer, (tensor, p) in zip(answers, inputs, strict=True):
        values = tensor.double().numpy()
        first, second = (as_array(result, values.shape) for result in as_list(answer, 2))
        for result in (first, second):
            _judge_dropped(result, values, p)
            exact.append(p == 0 or (result == 0).sum() == round(p * values.size))
        if p and np.array_equal(first == 0, second == 0):
            raise Wrong("Two calls drop the same entries: draw anew in every call, and set no seed inside.")
    if all(exact):
        raise Wrong("It always drops the same number: each entry is dropped or not, whatever happens to the others.")


def _judge_dropped(result: np.ndarray, values: np.ndarray, p: float) -> None:
    dropped = result == 0
    share, chance = dropped.mean(), 6 * (p * (1 - p) / values.size) ** 0.5  # six standard deviations
    if abs(share - (1 - p)) < abs(share - p) and abs(share - (1 - p)) < 0.05:
        raise Wrong(f"p = {p} drops a share of {share:.2f}: p is the probability to drop an entry, not to keep it.")
    across = max(dropped.mean(axis).var() * dropped.shape[axis] for axis in (0, 1))
    if across > 2 * share * (1 - share):
        raise Wrong("Whole rows or columns are dropped together: each entry needs a random number of its own.")
    if abs(share - p) > chance:
        raise Wrong(f"p = {p} drops a share of {share:.3f} of {values.size:,} entries.")
    survivors = values[~dropped]
    for factor, message in (
        (1, "The entries that survive are not scaled, so the next layer sees less in total."),
        (1 - p, "The entries that survive are multiplied by 1 - p; divide, so that they grow."),
        (p, "The entries that survive are multiplied by p; they should be divided by the probability to survive."),
        (1 / p if p else 0, "The entries that survive are divided by p, but p is the probability to be dropped."),
    ):
        if p and close(result[~dropped], factor * survivors, 1e-4):
            raise Wrong(message)
    if not close(result[~dropped], survivors / (1 - p), 1e-4):
        raise Wrong(f"With p = {p}, the entries that survive are not 1 / (1 - p) times what they were.")
