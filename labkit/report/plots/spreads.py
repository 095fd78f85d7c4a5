"""Categories side by side: single runs as dots, grids of two settings, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from labkit.report.plots.style import MARKERS
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


def seed_dots(data: pd.DataFrame, x: str, y: str, ax: Axes | None = None) -> Axes:
    """Draw `y` for each category of `x`: every run a dot, the mean a bar across, one standard deviation a whisker."""
    ax = ax or plt.gca()
    for index, (_, rows) in enumerate(data.groupby(x, sort=False)):
        values = rows[y].to_numpy()
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        offsets = index + 0.16 + 0.12 * np.linspace(-1, 1, len(values)) * (len(values) > 1)
        ax.plot(offsets, values, ".", color=f"C{index}", alpha=0.7, markersize=7)
        ax.errorbar(
            index - 0.12, values.mean(), yerr=spread, color=f"C{index}", marker=MARKERS[index % len(MARKERS)], capsize=4
        )
    names = list(dict.fromkeys(data[x]))
    ax.set_xticks(range(len(names)), names)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.grid(axis="x", visible=False)
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
