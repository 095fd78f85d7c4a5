"""Spread: single runs beside their mean, what repeated experiments would say, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.report.plots.style import DASHED, PALE
from labkit.report.uncertainty import interval


def confusion(matrices: np.ndarray, class_names: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw the mean of confusion matrices (seeds, true, predicted) in percent of each true class.

    Every cell holds its mean over the seeds and, in small, one standard deviation; cells that are always 0 stay empty.
    Of more than ten classes only the means find room, of more than twenty none: shades alone tell the errors.
    """
    ax = ax or plt.gca()
    shares = 100 * matrices / matrices.sum(2, keepdims=True).clip(min=1)
    mean = shares.mean(0)
    spread = shares.std(0, ddof=1) if len(shares) > 1 else np.zeros_like(mean)
    errors = np.where(np.eye(len(mean), dtype=bool), 0, mean)
    darkest = max(errors.max(), 1e-9) * 1.3
    sns.heatmap(errors, cmap="Blues", vmax=darkest, cbar=False, square=True, linewidths=0.5, linecolor="0.85", ax=ax)
    classes = len(mean)
    for (row, column), value in np.ndenumerate(mean) if classes <= 20 else ():
        if value > 0:
            on_diagonal = row == column
            digits = 0 if classes > 10 else 1 if on_diagonal or value >= 0.1 else 2
            colour = "white" if errors[row, column] > 0.68 * darkest else "black"
            ax.text(
                column + 0.5,
                row + (0.38 if classes <= 10 else 0.5),
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                fontsize=8.5,
                weight="bold" if on_diagonal else "normal",
                color=colour,
            )
            if classes > 10:
                continue
            ax.text(
                column + 0.5,
                row + 0.74,
                f"± {spread[row, column]:.{digits}f}",
                ha="center",
                va="center",
                fontsize=8.5,
                color=colour,
            )
    ax.set_xticks(np.arange(classes) + 0.5, class_names)
    if max(map(len, class_names)) > 3:
        ax.set_xticks(np.arange(classes) + 0.5, class_names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(np.arange(classes) + 0.5, class_names, rotation=0)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return ax


def interval_dots(
    data: pd.DataFrame, category: str, value: str, ax: Axes | None = None, colours: Sequence[str] = ()
) -> Axes:
    """Draw `value` of each `category` on a line of its own, the first on top; every seed is a dot.

    Thin: mean and one standard deviation ("if I train once"). Thick: the 95 % interval of the mean. colours: one per
    category, e.g. one per factor; all alike where none are given.
    """
    ax = ax or plt.gca()
    names = list(dict.fromkeys(data[category]))
    for index, name in enumerate(names):
        values = data.loc[data[category] == name, value].to_numpy(dtype=float)
        colour = colours[index] if colours else "C0"
        offsets = index + 0.22 + 0.05 * np.linspace(-1, 1, len(values)) * (len(values) > 1)
        ax.plot(values, offsets, ".", color=colour, alpha=0.6, markersize=6)
        if len(values) > 1:
            ax.plot(interval(values), [index] * 2, color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        ax.errorbar(values.mean(), index, xerr=spread, color=colour, marker="o", markersize=5, capsize=3, linewidth=1.2)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    return ax


def whisker_dots(values: np.ndarray, place: float, ax: Axes, below: float, **style: Any) -> None:
    """Draw mean and one standard deviation of values at a height, and every single value as a dot `below` it."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    ax.errorbar(values.mean(), place, xerr=spread, capsize=3, markersize=5, **style)
    ax.plot(values, np.full(len(values), place + below), ".", color=style["color"], alpha=0.5, markersize=5)


def two_questions(differences: np.ndarray, truth: float) -> Figure:
    """Draw what many groups find that train two designs with several seeds each, and what one finds with more seeds.

    differences: (groups, seeds) in points, drawn around `truth`. Left: the first 3, 5, 10 ... of all of them, with
    their standard deviation and the 95 % interval of their mean. Right: the interval that each group finds.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.3), layout="constrained")
    values = differences.ravel()
    rows = [{"seeds": f"{n} seeds", "points": value} for n in (3, 5, 10, 30, 100) for value in values[:n]]
    interval_dots(pd.DataFrame(rows), "seeds", "points", left)
    left.axvline(0, **DASHED, zorder=0)
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
    ax.axvline(0, **DASHED, zorder=3)
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
