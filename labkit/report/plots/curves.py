"""Lines: means with their spread, learning curves, costs, and what others reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from labkit.report.plots.style import DASHED, MARKERS, PALE
from labkit.report.uncertainty import interval

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from pandas.api.typing import SeriesGroupBy

PUBLISHED = {"1998: 300 hidden neurons": 95.3, "1998: 300 and 100": 96.95}  # LeCun et al. 1998: 4.7 and 3.05 % wrong


def spread_line(
    data: pd.DataFrame, x: str, y: str, ax: Axes | None = None, label: str | None = None, index: int = 0
) -> Axes:
    """Draw the mean of `y` against `x` as a line, one standard deviation as a band, and every run as a dot."""
    ax = ax or plt.gca()
    line = band_line(data.groupby(x)[y], ax, 0.2, marker=MARKERS[index % len(MARKERS)], label=label, zorder=3)
    ax.plot(data[x], data[y], ".", color=line.get_color(), alpha=0.45, markersize=4, zorder=2)
    return ax


def band_line(groups: SeriesGroupBy, ax: Axes, alpha: float = 0.18, **style: Any) -> Line2D:
    """Draw the mean of each group against its key as a line, and one standard deviation as a band; return the line."""
    mean, spread = groups.mean(), groups.std(ddof=1).fillna(0)
    (line,) = ax.plot(mean.index, mean, **style)
    ax.fill_between(mean.index, mean - spread, mean + spread, color=line.get_color(), alpha=alpha, linewidth=0)
    return line


def spread_lines(data: pd.DataFrame, x: str, y: str, hue: str, ax: Axes | None = None) -> Axes:
    """Draw a `spread_line` for each value of `hue`, in the order of their first rows; `x` counts, e.g. epochs."""
    ax = ax or plt.gca()
    for index, (value, rows) in enumerate(data.groupby(hue, sort=False)):
        spread_line(rows, x, y, ax, str(value), index)
    ax.set(xlabel=x, ylabel=y)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def learning_curves(epochs: pd.DataFrame, metric: str, hue: str, ax: Axes | None = None) -> Axes:
    """Draw `train_<metric>` (dashed) and `validation_<metric>` (solid) against the epoch, a colour each value of `hue`.

    Lines are means over the seeds, bands one standard deviation.
    """
    ax = ax or plt.gca()
    for index, (value, rows) in enumerate(epochs.groupby(hue, sort=False)):
        for split, style in (("validation", "-"), ("train", "--")):
            band_line(
                rows.groupby("epoch")[f"{split}_{metric}"],
                ax,
                linestyle=style,
                color=f"C{index}",
                marker=MARKERS[index % len(MARKERS)] if split == "validation" else "",
                label=f"{value}, {split}",
            )
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def rate_curve(rates: Sequence[float], ax: Axes | None = None) -> Axes:
    """Draw the learning rate of each step of a training."""
    ax = ax or plt.figure(figsize=(5.4, 2.2)).gca()
    ax.plot(np.arange(1, len(rates) + 1), rates)
    ax.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    return ax


def cost_lines(costs: pd.DataFrame, y: str, ax: Axes | None = None) -> Axes:
    """Draw column `y` of a cost table against the batch size, both logarithmic, one line per model.

    Every second line is dashed. For `median_ms` the band runs from the first to the third quartile.
    """
    ax = ax or plt.gca()
    for index, (model, rows) in enumerate(costs.groupby("model", sort=False)):
        marker, line = MARKERS[index % len(MARKERS)], ("-", "--")[index % 2]
        ax.plot(rows["batch_size"], rows[y], marker=marker, linestyle=line, color=f"C{index}", label=str(model))
        if y == "median_ms":
            ax.fill_between(
                rows["batch_size"], rows["q1_ms"], rows["q3_ms"], color=f"C{index}", alpha=0.25, linewidth=0
            )
    ax.set(xscale="log", yscale="log", xlabel="batch size (images)")
    ticks = sorted(costs["batch_size"].unique())
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    return ax


def reference_lines(accuracies: dict[str, float], ax: Axes | None = None) -> Axes:
    """Draw a thin horizontal line with its name for each accuracy that others have published."""
    ax = ax or plt.gca()
    for name, accuracy in accuracies.items():
        ax.axhline(accuracy, **DASHED, zorder=1)
        ax.annotate(
            name,
            (0.99, accuracy),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=8.5,
            color="0.25",
        )
    return ax


def reference_line(ax: Axes, reference: pd.DataFrame | None, x: str, y: str, spread: str = "", label: str = "") -> Axes:
    """Draw column `y` of a reference table (see `Run.reference`) against `x`, pale and behind; nothing for None.

    spread: a column with standard deviations, drawn as a band. label: stands behind "MNIST, full profile".
    """
    if reference is None:
        return ax
    name = ", ".join([reference.attrs["label"], *([label] if label else [])])
    ax.plot(reference[x], reference[y], color=PALE, linewidth=1.4, linestyle=(0, (4, 1.5)), zorder=1, label=name)
    if spread:
        low, high = reference[y] - reference[spread], reference[y] + reference[spread]
        ax.fill_between(reference[x], low, high, color=PALE, alpha=0.25, linewidth=0, zorder=0)
    return ax


def guessing_line(ax: Axes, classes: int = 10, label: str = "") -> Axes:
    """Draw the accuracy of a network that guesses, in percent, as a dashed line with its name."""
    return reference_lines({label or f"guessing: {100 / classes:.0f} %": 100 / classes}, ax)


def accuracy_by_width(
    runs: pd.DataFrame, chosen: int, reference: pd.DataFrame | None, published: bool, ax: Axes | None = None
) -> Axes:
    """Draw training and test accuracy (columns `train`, `test`, in percent) against `width`; mark the chosen width.

    reference: means of the full run, drawn pale (see `Run.reference`). published: whether the accuracies that LeCun et
    al. published in 1998 belong beside these images.
    """
    ax = ax or plt.gca()
    spread_line(runs, "width", "train", ax, "training split", 1)
    spread_line(runs, "width", "test", ax, "test split")
    reference_line(ax, reference, "width", "test", "sd", "test split")
    own = runs.loc[runs["width"] == chosen, "test"]
    low, high = interval(own.tolist())
    mean = own.mean()
    label = f"chosen: {chosen} neurons, 95 % interval of the mean"
    ax.errorbar(chosen, mean, [[mean - low], [high - mean]], color="C3", linewidth=5, alpha=0.55, zorder=4, label=label)
    ax.plot(chosen, mean, "o", color="C3", markersize=11, markerfacecolor="none", markeredgewidth=1.6, zorder=5)
    if published:
        reference_lines(PUBLISHED, ax)
    widths = sorted(runs["width"].unique())
    if widths[-1] >= 20 * widths[0]:
        ax.set_xscale("log")
        ax.minorticks_off()
    ax.set_xticks(widths, [str(width) for width in widths])
    ax.set(xlabel="neurons in the hidden layer", ylabel="accuracy (%)")
    ax.legend(loc="lower right")
    return ax
