"""Training recipes side by side: maps, learning curves with marks, single steps, settings on two splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.report.plots.curves import band_line, spread_line
from labkit.report.plots.spreads import whisker_dots
from labkit.report.uncertainty import compare

SPLITS = (("train", "C1", "--", "training"), ("validation", "C0", "-", "validation"))


def map_against_best(
    data: pd.DataFrame, x: str, y: str, value: str, best: tuple[int, int], ax: Axes | None = None
) -> Axes:
    """Draw the mean of `value` (percent) for each pair of `x` and `y`; each cell holds mean and standard deviation.

    best: x and y of the cell in the thick frame. Cells are grey where the 95 % interval of their difference to it holds
    0, blue where they are worse and orange where they are better: the darker, the larger the difference.
    """
    ax = ax or plt.subplots(figsize=(4.4, 3.2))[1]
    cells = {pair: rows[value].to_numpy(dtype=float) for pair, rows in data.groupby([x, y])}
    columns, rows = (sorted(set(values)) for values in zip(*cells, strict=True))
    differences = {pair: compare(values.tolist(), cells[best].tolist()) for pair, values in cells.items()}
    widest = max(0.1, *(abs(difference.mean) for difference in differences.values()))
    for pair, values in cells.items():
        difference = differences[pair]
        shade = 0.15 + 0.45 * abs(difference.mean) / widest
        colour = {"worse": ("C0", shade), "better": ("C1", shade)}.get(difference.verdict, ("0.5", 0.18))
        corner = columns.index(pair[0]) - 0.5, rows.index(pair[1]) - 0.5
        ax.add_patch(plt.Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=2))
        if pair == best:
            inner = corner[0] + 0.03, corner[1] + 0.03
            ax.add_patch(plt.Rectangle(inner, 0.94, 0.94, fill=False, edgecolor="black", linewidth=1.8, zorder=3))
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        text = f"{values.mean():.2f}\n± {spread:.2f}"
        ax.text(corner[0] + 0.5, corner[1] + 0.5, text, ha="center", va="center", fontsize=9)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5), xlabel=x, ylabel=y)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax


def epoch_curves(epochs: pd.DataFrame, hue: str, marks: Sequence[int] = ()) -> Figure:
    """Draw accuracy (above) and loss (below) after each epoch, a column of panels per value of `hue`, own axes each.

    Lines are means over the seeds, bands one standard deviation; thin vertical lines stand at the epochs in `marks`.
    The axes show what happens from the first of them on: what is far outside before it would flatten the rest.
    """
    names = list(dict.fromkeys(epochs[hue]))
    fig, axes = plt.subplots(2, len(names), figsize=(6.4, 4.6), sharex=True, squeeze=False)
    for column, name in enumerate(names):
        rows = epochs[epochs[hue] == name]
        for ax, (metric, label, factor) in zip(
            axes[:, column], (("accuracy", "accuracy (%)", 100), ("loss", "loss", 1)), strict=True
        ):
            shown = {}
            for split, colour, style, words in SPLITS:
                groups = (factor * rows[f"{split}_{metric}"]).groupby(rows["epoch"])
                band_line(groups, ax, linestyle=style, color=colour, label=words)
                mean = groups.mean()
                shown[split] = mean[mean.index >= min(marks, default=0)]
            for mark in marks:
                ax.axvline(mark, color="0.6", linewidth=0.7, zorder=0)
            low, high = min(values.min() for values in shown.values()), max(values.max() for values in shown.values())
            room = 0.08 * (high - low) + 1e-9
            ax.set_ylim(*((low - 2 * room, min(100.5, high + room)) if metric == "accuracy" else (0, high + room)))
            ax.set_ylabel(label if column == 0 else "")
        axes[0, column].set_title(name)
        axes[1, column].set(xlabel="epoch", xticks=list(marks) or axes[1, column].get_xticks())
    axes[0, 0].legend(loc="lower right")
    fig.align_ylabels()
    return fig


def step_lines(values: np.ndarray, ax: Axes | None = None, window: int = 10) -> Axes:
    """Draw what each step gave (seeds, steps): the first seed's values in grey, and their moving average in front.

    Thin lines are the moving averages of the other seeds; each starts at step `window`, where its first window is full.
    """
    ax = ax or plt.gca()
    steps = np.arange(1, values.shape[1] + 1)
    smooth = pd.DataFrame(values.T, index=steps).rolling(window).mean().dropna()
    ax.plot(steps, values[0], color="0.75", linewidth=0.8, label="each step")
    for seed in range(1, len(values)):
        label = "other seeds" if seed == 1 else None
        ax.plot(smooth.index, smooth[seed], color="C0", linewidth=0.6, alpha=0.5, label=label)
    ax.plot(smooth.index, smooth[0], color="C1", label="moving average")
    ax.set(xlabel="step")
    return ax


def step_panels(values: Mapping[str, np.ndarray], window: int = 10) -> Figure:
    """Draw a panel of `step_lines` for each label and its values (seeds, steps), side by side."""
    fig, axes = plt.subplots(1, len(values), figsize=(6.4, 2.8), squeeze=False)
    for ax, (label, numbers) in zip(axes[0], values.items(), strict=True):
        step_lines(numbers, ax, window).set_ylabel(label)
    axes[0, 0].legend()
    return fig


def two_splits(
    data: pd.DataFrame, category: str, ax: Axes | None = None, reported: Mapping[str, tuple[float, float]] | None = None
) -> Axes:
    """Draw columns "train" and "validation" (percent) of each `category`, one below the other, the first on top.

    Markers with whiskers are means with one standard deviation, small dots single seeds. reported: what somebody else
    reported for both, drawn as a cross.
    """
    names = list(dict.fromkeys(data[category]))
    ax = ax or plt.subplots(figsize=(6.4, 0.6 + 0.5 * len(names)))[1]
    for split, colour, _, words in SPLITS:
        upper = split == "train"
        for index, name in enumerate(names):
            line = index + (-0.17 if upper else 0.17)
            values = data.loc[data[category] == name, split].to_numpy(dtype=float)
            marker = "o" if upper else "s"
            whisker_dots(values, line, ax, 0.09, marker=marker, color=colour, label=words if index == 0 else None)
            if reported and name in reported:
                label = "reported (MNIST)" if index == names.index(next(iter(reported))) and not upper else None
                ax.plot(
                    reported[name][0 if upper else 1], line, "x", color="black", markersize=7, zorder=4, label=label
                )
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="accuracy (%)")
    ax.legend(loc="upper left")
    ax.grid(axis="y", visible=False)
    return ax


def split_panels(data: pd.DataFrame, x: str, hue: str) -> Figure:
    """Draw columns "train" and "validation" (percent) against `x`, in a panel with an own axis per value of `hue`."""
    names = list(dict.fromkeys(data[hue]))
    fig, axes = plt.subplots(1, len(names), figsize=(6.4, 3.1), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        _both_splits(data[data[hue] == name], x, ax)
        ax.set(xlabel=x, title=name, xticks=sorted(set(data[x])))
    axes[0, 0].set_ylabel("accuracy (%)")
    axes[0, -1].legend()
    return fig


def errors_by_place(data: pd.DataFrame, x: str, images: Mapping[str, int]) -> Axes:
    """Draw the errors of columns "train" and "validation" (accuracies in percent) against `x`, evenly set.

    images: how many each split has; an error of 0 has no place on the logarithmic axis, and is drawn as half an image.
    """
    values = sorted(set(data[x]))
    errors = {split: (100 - data[split]).clip(lower=50 / images[split]) for split in ("train", "validation")}
    ax = plt.subplots(figsize=(5.0, 3.1))[1]
    _both_splits(data.assign(place=[values.index(value) for value in data[x]], **errors), "place", ax)
    ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    ax.set(ylabel="error (%)", yscale="log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper left")
    return ax


def _both_splits(data: pd.DataFrame, x: str, ax: Axes) -> None:
    spread_line(data, x, "validation", ax, label="validation")
    spread_line(data, x, "train", ax, label="training", index=1)
