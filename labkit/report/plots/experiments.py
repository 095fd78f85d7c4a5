"""What many trainings would say: single runs against the mean, repeated experiments, batches against theory."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.report.plots.spreads import interval_dots
from labkit.report.plots.style import PALE
from labkit.report.uncertainty import interval


def two_questions(differences: np.ndarray, truth: float) -> Figure:
    """Draw what many groups find that train two designs with several seeds each, and what one finds with more seeds.

    differences: (groups, seeds) in points, drawn around `truth`. Left: the first 3, 5, 10 ... of all of them, with
    their standard deviation and the 95 % interval of their mean. Right: the interval that each group finds.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.3), layout="constrained")
    values = differences.ravel()
    rows = [{"seeds": f"{n} seeds", "points": value} for n in (3, 5, 10, 30, 100) for value in values[:n]]
    interval_dots(pd.DataFrame(rows), "seeds", "points", left)
    left.axvline(0, color="0.35", linestyle=(0, (6, 3)), linewidth=0.9, zorder=0)
    left.set(xlabel="difference (points)", title="one group,\nmore and more seeds")
    repeated_intervals(differences, truth, right)
    return figure


def repeated_intervals(differences: np.ndarray, truth: float, ax: Axes | None = None) -> Axes:
    """Draw the 95 % interval of each row of `differences` as a line; those that miss the true difference stand out."""
    ax = ax or plt.gca()
    hits = 0
    for index, row in enumerate(differences):
        low, high = interval(row)
        hit = low <= truth <= high
        hits += hit
        ax.plot((low, high), (index, index), color=PALE if hit else "C1", linewidth=1.0 if hit else 2.2)
    ax.axvline(truth, color="C0", linewidth=1.4)
    ax.axvline(0, color="0.35", linestyle=(0, (6, 3)), linewidth=0.9, zorder=0)
    ax.set(
        xlabel="difference (points)",
        ylabel="group",
        title=f"{len(differences)} groups: {hits} intervals\nhold the true difference",
    )
    ax.set_ylim(-1, len(differences))
    ax.grid(axis="y", visible=False)
    return ax


def batches_of(correct: np.ndarray, size: int, ax: Axes | None = None) -> Axes:
    """Draw how many of `size` images are right, over all batches, beside what theory expects of independent images.

    correct: (seeds, images) whether each is classified correctly; a dot is the share of one seed's batches.
    """
    from scipy.stats import binom

    ax = ax or plt.gca()
    rights = correct[:, : correct.shape[1] // size * size].reshape(len(correct), -1, size).sum(2)
    counts = np.arange(size + 1)
    shares = 100 * (rights[:, :, None] == counts).mean(1)
    for offset, row in zip(0.12 * np.linspace(-1, 1, len(shares)), shares, strict=True):
        ax.plot(counts + offset, row, ".", color="C0", alpha=0.7, markersize=7)
    ax.plot([], [], ".", color="C0", markersize=7, label="measured, a dot per seed")
    expected = 100 * binom.pmf(counts, size, correct.mean())
    ax.plot(counts, expected, "o", color="0.25", markerfacecolor="none", markersize=11, label="expected of chance")
    ax.set(xlabel="images that are classified correctly", ylabel="batches (%)", ylim=(0, None))
    ax.set_xticks(counts, [f"{count} of {size}" for count in counts])
    ax.legend(loc="upper left")
    return ax
