"""Inputs of exercises that fit on a page and can be worked out by hand, and how a page shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.one_standard_error import by_width, choices_by_rule

Arguments = tuple[Any, ...]


def rows(matrix: Any) -> str:
    """Return a matrix as a page shows it."""
    texts = [[f"{value:g}" for value in row] for row in np.asarray(matrix)]
    width = max(len(text) for row in texts for text in row)
    return "\n".join("  ".join(text.rjust(width) for text in row) for row in texts)


def draw_matrix(rng: np.random.Generator) -> Arguments:
    """Return a confusion matrix with 20 images per true class."""
    right = rng.integers(11, 19, 3)
    errors = [rng.multinomial(20 - number, [0.5, 0.5]) for number in right]
    matrix = np.diag(right)
    for row, (first, second) in enumerate(errors):
        matrix[row, (row + 1) % 3], matrix[row, (row + 2) % 3] = first, second
    return (matrix,)


def draw_pairs(rng: np.random.Generator) -> Arguments:
    """Return accuracies of two networks, five seeds each."""
    theirs = rng.normal(90, 1, 5).round(1)
    return (theirs + rng.normal(1.5, 1, 5)).round(1), theirs


def draw_side(rng: np.random.Generator) -> Arguments:
    """Return side, filter, border and stride."""
    return int(rng.integers(14, 36)), int(rng.choice([3, 5, 7])), int(rng.integers(1, 4)), int(rng.integers(1, 3))


def draw_columns(rng: np.random.Generator) -> Arguments:
    """Return a matrix of four rows in which a column comes again, and one is twice another."""
    base = rng.integers(1, 9, (4, 2)).astype(float)
    return (np.column_stack([base, 2 * base[:, 0], base[:, 1]])[:, rng.permutation(4)],)


def draw_widths(rng: np.random.Generator) -> Arguments:
    """Return a table of four widths and three seeds, on which no rule's choice hangs on a rounding error."""
    import pandas as pd

    while True:
        widths = np.sort(rng.choice(np.arange(20, 320, 10), 4, replace=False))
        means = 97.6 - 1.2 * np.exp(-np.arange(4)) + rng.normal(0, 0.15, 4)
        accuracies = (means[:, None] + rng.normal(0, 0.3, (4, 3))).round(1)
        places = np.arange(4).repeat(3)
        told = [
            choices_by_rule(widths, moved, moved, places)
            for moved in (accuracies + rng.normal(0, 1e-6, accuracies.shape) for _ in range(8))
        ]
        if all(one == told[0] for one in told):
            columns = {"width": widths.repeat(3), "seed": np.tile(np.arange(3), 4)}
            columns |= dict.fromkeys(("validation_accuracy", "test_accuracy"), accuracies.ravel())
            return (pd.DataFrame(columns),)


def table_of_widths(table: Any) -> str:
    """Return a table of runs as a page shows it."""
    widths, validation, *_ = by_width(table)
    lines = [
        f"{width:5}  {'  '.join(f'{one:.1f}' for one in row)}" for width, row in zip(widths, validation, strict=True)
    ]
    return "\n".join(["width  validation accuracy (%), one per seed", *lines])


def draw_share(rng: np.random.Generator) -> Arguments:
    """Return how many of how many images were right, near all of them."""
    n = int(rng.choice([20, 40, 50]))
    return n - int(rng.integers(0, 3)), n


def draw_losses(rng: np.random.Generator) -> Arguments:
    """Return eight losses, and a patience."""
    falling = np.array([9, 7, 5, 6, 4, 5.5, 6.5, 3]) + rng.integers(-2, 3, 8) * 0.5
    return [round(float(loss) / 10, 2) for loss in falling], 2


def draw_row(rng: np.random.Generator) -> Arguments:
    """Return one row of four numbers."""
    return (rng.choice(np.arange(1, 10), (1, 4), replace=False).astype(float),)


def draw_kernel(rng: np.random.Generator) -> Arguments:
    """Return an image and a kernel of small whole numbers."""
    return rng.integers(0, 5, (3, 3)).astype(float), rng.integers(-2, 3, (2, 2)).astype(float)


def draw_layers(rng: np.random.Generator) -> Arguments:
    """Return three layers, each (side of its kernel, stride)."""
    return ([(int(rng.integers(2, 6)), int(rng.integers(1, 4))) for _ in range(3)],)


def draw_guesses(rng: np.random.Generator) -> Arguments:
    """Return the truth, and what two networks take for it."""
    truth, *others = rng.integers(0, 4, (3, 8))
    return truth, *(np.where(rng.random(8) < 0.6, truth, other) for other in others)


def draw_seconds(rng: np.random.Generator) -> Arguments:
    """Return the milliseconds of six calls, the first the longest, and how many are to be timed."""
    timed = [*rng.integers(20, 26, 4), rng.integers(60, 90)]
    return [float(rng.integers(150, 300)) / 10, *(float(one) / 10 for one in rng.permutation(timed))], 5


def draw_devices(rng: np.random.Generator) -> Arguments:
    """Return four networks, the most accurate first, of which the last always fits, kilobytes, and a batch."""
    import pandas as pd

    weights, activations = rng.integers(2, 40, 4) * 20, rng.integers(1, 9, 4) * 5
    weights[3], activations[3] = 40, 5
    columns = {"network": list("ABCD"), "accuracy": 99.0 - np.arange(4) * 0.3}
    return pd.DataFrame(columns | {"weights": 1000 * weights, "activations": 1000 * activations}), 500, 8


def table_of_networks(costs: Any, kilobytes: int, batch: int) -> str:
    """Return a table of networks as a page shows it."""
    lines = [
        f"{one.network}        {one.accuracy:.1f}      {one.weights // 1000:5} kB    {one.activations // 1000:3} kB"
        for one in costs.itertuples()
    ]
    return "\n".join(
        ["network  accuracy  weights  activations, per image", *lines, f"room: {kilobytes} kB, batch {batch}"]
    )
