"""The exercise of notebook 9 that chooses a network for a device by its accuracy and its memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, kind_of, name_mistake

# Weights and activations of the whole batch, as shares of the memory that there is; from the most accurate down.
NETWORKS = (
    (3.0, 1.2),  # the most accurate, whatever it needs
    (1.5, 0.3),  # fits, where activations alone are counted
    (0.99, 0.5),  # fits, where weights alone are counted
    (0.4, 2.0),  # fits, where activations are counted for one image
    (0.505, 0.505),  # fits, where 1 kB is taken for 1024 bytes
    (0.6, 0.38),  # the answer: place ANSWER
    (0.03, 0.3),
    (0.005, 0.01),  # the smallest, and the first that fits where weights are counted for each image
    (0.15, 0.2),  # the least accurate
)
ANSWER = 5


def draw_devices(rng: np.random.Generator) -> Inputs:
    """Return a table of networks, a number of kilobytes and a batch size, for which every mistake chooses another."""
    import pandas as pd

    inputs: Inputs = []
    for kilobytes, batch in ((int(rng.integers(200, 900)), 16), (int(rng.integers(2_000, 9_000)), 24)):
        accuracies = 99.2 - np.cumsum(rng.uniform(0.1, 0.4, len(NETWORKS)))
        names = rng.permutation([f"network {letter}" for letter in "ABCDEFGHI"])
        rows = [
            {
                "network": str(name),
                "accuracy": round(float(accuracy), 3),
                "weights": int(1000 * kilobytes * weights),
                "activations": int(1000 * kilobytes * activations / batch),
            }
            for name, accuracy, (weights, activations) in zip(names, accuracies, NETWORKS, strict=True)
        ]
        order = rng.permutation(len(rows))
        while order[0] in (0, ANSWER) or order[-1] in (
            0,
            ANSWER,
        ):  # neither the best nor the answer is found by its place
            order = rng.permutation(len(rows))
        inputs.append((pd.DataFrame([rows[place] for place in order]), kilobytes, batch))
    return inputs


def judge_choice(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer names the most accurate network that fits."""
    for answer, (costs, _, _) in zip(answers, inputs, strict=True):
        if not isinstance(answer, str):
            if (
                isinstance(answer, (list, np.ndarray))
                and np.size(answer) == 1
                and str(np.ravel(answer)[0]) in set(costs["network"])
            ):
                raise Wrong("This is a column with one entry; `.item()` takes the name out of it.")
            raise Wrong(f"Your function returns {kind_of(answer)}, but the name of one network is wanted.")
        if answer not in set(costs["network"]):
            raise Wrong(f"{answer!r} is no name in the column `network`.")
    if answers == chosen(inputs, lambda weights, activations, batch: weights + activations * batch):
        return
    mistakes = (
        (lambda *_: 0, 1000, "This is the most accurate of all; it does not fit."),
        (lambda w, *_: w, 1000, "The activations take memory as well."),
        (lambda w, a, _: w + a, 1000, "Activations are needed for every image of the batch, not for one."),
        (lambda w, a, n: w + a * n, 1024, "Here 1 kB is 1000 bytes, not 1024."),
        (lambda w, a, n: (w + a) * n, 1000, "The weights are there once, however many images the batch has."),
        (lambda w, a, n: a * n, 1000, "The weights take memory as well."),
    )
    name_mistake(answers, [(chosen(inputs, need, unit), message) for need, unit, message in mistakes])
    total = [(costs["weights"] + costs["activations"] * batch) for costs, _, batch in inputs]
    tables = [costs for costs, _, _ in inputs]
    smallest = [costs["network"][need.idxmin()] for costs, need in zip(tables, total, strict=True)]
    worst = [costs["network"][costs["accuracy"].idxmin()] for costs in tables]
    name_mistake(
        answers,
        [
            (smallest, "This is the network that needs the least; the most accurate of those that fit is wanted."),
            (worst, "This is the least accurate; of those that fit, the most accurate is wanted."),
        ],
    )
    for answer, (costs, kilobytes, batch), need in zip(answers, inputs, total, strict=True):
        needed = need[costs["network"] == answer].item() / 1000
        told = f"With {kilobytes} kB and a batch of {batch}, {answer!r} needs {needed:,.0f} kB"
        if needed > kilobytes:
            raise Wrong(f"{told}: it does not fit.")
    raise Wrong("It does not always choose the most accurate network of those that fit.")


def chosen(inputs: Inputs, need: Any, unit: int = 1000) -> list[str]:
    """Return the most accurate network of each table whose bytes, by `need`, are not more than there are."""
    names = []
    for costs, kilobytes, batch in inputs:
        fits = need(costs["weights"], costs["activations"], batch) <= unit * kilobytes
        fitting = costs[fits] if not isinstance(fits, bool) else costs
        names.append(str(fitting.loc[fitting["accuracy"].idxmax(), "network"]))
    return names
