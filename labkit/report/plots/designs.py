"""Designs beside a baseline: their effects, their accuracy by epoch, and the signal that passes their layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from labkit.models.layers import draw_architecture
from labkit.report.plots.spreads import interval_dots
from labkit.report.plots.style import DASHED, MARKERS, PALE


def architectures(networks: Mapping[str, nn.Module], image_shape: Sequence[int]) -> Figure:
    """Draw networks one below the other, each under its name; see `draw_architecture`."""
    figure, axes = plt.subplots(len(networks), 1, figsize=(6.4, 1.5 * len(networks)), squeeze=False)
    for ax, (name, network) in zip(axes[:, 0], networks.items(), strict=True):
        draw_architecture(network, image_shape, ax)
        ax.set_title(name, fontsize=9.5, loc="left")
        ax.set_anchor("W")
    return figure


def design_effects(changes: pd.DataFrame, reference: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw the difference to a baseline of each design, the best on top: see `interval_dots`; a colour per factor.

    changes: columns design, factor and change, one row per design and seed. reference: a table with the columns design
    and difference (see `Run.reference`), drawn as pale diamonds on the lines of the same designs.
    """
    ax = ax or plt.figure(figsize=(6.0, 1.2 + 0.36 * changes["design"].nunique())).gca()
    means = changes.groupby("design")["change"].mean().sort_values(ascending=False)
    ordered = changes.set_index("design").loc[list(means.index)].reset_index()
    factors = list(dict.fromkeys(changes["factor"]))
    colour_of = {factor: f"C{index % 6}" for index, factor in enumerate(factors)}
    by_design = ordered.drop_duplicates("design")["factor"]
    interval_dots(ordered, "design", "change", ax, [colour_of[factor] for factor in by_design])
    ax.axvline(0, color="0.3", linewidth=1, zorder=0)
    for factor in factors:
        ax.plot([], [], "o", color=colour_of[factor], label=factor)
    if reference is not None:
        beside = reference.set_index("design")["difference"].reindex(means.index).to_numpy(dtype=float)
        ax.plot(beside, range(len(means)), "D", color=PALE, markersize=7, zorder=0, label=reference.attrs["label"])
    ax.legend(fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, handletextpad=0.3, columnspacing=1.2)
    ax.set_xlabel("difference to the baseline (percentage points)")
    return ax


def epoch_panels(epochs: Mapping[str, pd.DataFrame], baseline: str, classes: int = 10) -> Figure:
    """Draw the validation accuracy of each design but the baseline by epoch, one design per panel.

    epochs: by design, a table with the columns epoch and validation (in percent), one row per epoch and seed. Thin:
    single seeds; thick: their mean; grey: the mean of the baseline; dashed: guessing; dotted: two epochs.
    """
    beside = epochs[baseline].groupby("epoch")["validation"].mean()
    names = [name for name in epochs if name != baseline]
    figure, rows = plt.subplots(1, len(names), figsize=(6.4, 2.4), sharey=True, squeeze=False)
    axes = rows[0]
    for index, (name, ax) in enumerate(zip(names, axes, strict=True)):
        for _, single in epochs[name].groupby("seed"):
            ax.plot(single["epoch"], single["validation"], color=f"C{index}", alpha=0.35, linewidth=0.8)
        mean = epochs[name].groupby("epoch")["validation"].mean()
        ax.plot(beside.index, beside, color="0.6", linewidth=1.4, zorder=1)
        ax.plot(mean.index, mean, color=f"C{index}", marker=MARKERS[index % len(MARKERS)], markersize=4, zorder=3)
        ax.axvline(2, color="0.3", linestyle=":", linewidth=1)
        ax.set_title(name, fontsize=9.5)
        ax.set(xlabel="epoch", ylim=(0, 100), xticks=[1, *range(2, int(mean.index.max()) + 1, 2)])
        ax.axhline(100 / classes, **DASHED, zorder=1)
    axes[0].annotate(
        "guessing",
        (0.97, 100 / classes - 1),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="top",
        fontsize=8.5,
        color="0.25",
    )
    axes[0].set_ylabel("validation accuracy (%)")
    return figure


def signal_lines(signals: Mapping[str, Mapping[str, float]], ax: Axes | None = None) -> Axes:
    """Draw the signal of each layer, on a logarithmic axis; signals: by network, then by the names of its layers.

    The longest network gives the places on the horizontal axis; the layers of others are found there by their names.
    """
    ax = ax or plt.gca()
    order = max((list(by_layer) for by_layer in signals.values()), key=len)
    for index, (name, by_layer) in enumerate(signals.items()):
        places = [order.index(layer) for layer in by_layer]
        values = np.array(list(by_layer.values()))
        ax.plot(places, values, marker=MARKERS[index % len(MARKERS)], color=f"C{index}", label=name)
    ax.set_yscale("log")
    ax.set_xticks(range(len(order)), order, rotation=45, ha="right", rotation_mode="anchor", fontsize=9)
    ax.set_ylabel("signal: standard deviation over images")
    ax.legend(loc="lower left")
    return ax
