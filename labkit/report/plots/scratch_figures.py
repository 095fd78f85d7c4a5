"""Figures of the network from scratch: activations, costs, the wrong scale, and errors beside reported ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.report.plots.curves import spread_line, spread_lines
from labkit.report.plots.spreads import whisker_dots
from labkit.report.plots.style import DASHED, MARKERS

Function = Callable[[Any], Any]


def activation_curves(functions: Mapping[str, tuple[Function, Function]]) -> Figure:
    """Draw activations and their derivatives, one panel each; functions: (activation, derivative) by name."""
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.7))
    left, right = np.linspace(-5, -1e-9, 101), np.linspace(1e-9, 5, 101)
    for index, (name, pair) in enumerate(functions.items()):
        for ax, function in zip(axes, pair, strict=True):
            z = np.concatenate([left, [np.nan], right])  # a gap at 0: a jump is drawn as one
            ax.plot(
                z, function(z), color=f"C{index}", marker=MARKERS[index % len(MARKERS)], markevery=(12, 25), label=name
            )
    axes[0].set(title="activation f(z)", xlabel="pre-activation z", ylim=(-1.3, 2.3))
    axes[1].set(title="derivative f'(z)", xlabel="pre-activation z")
    axes[0].legend()
    return fig


def cost_panels(tables: Sequence[pd.DataFrame], panel: str, hue: str, log: bool = True) -> Figure:
    """Draw `cost` against `epoch`: a panel for each value of `panel`, a line for each value of `hue`."""
    epochs = pd.concat(tables)
    groups = list(epochs.groupby(panel, sort=False))
    fig, axes = plt.subplots(1, len(groups), figsize=(6.4 if len(groups) > 1 else 4.6, 3.0), sharey=True, squeeze=False)
    for ax, (value, rows) in zip(axes[0], groups, strict=True):
        spread_lines(rows, "epoch", "cost", hue, ax)
        ax.set(title=f"learning rate {value}" if panel == "lr" else f"{panel} {value}")
        if log:
            ax.set(yscale="log", ylim=(0.7 * epochs["cost"].min(), 1.4 * epochs["cost"].max()))  # bands may reach 0
            _round_ticks(ax)
        else:
            ax.set_ylim(bottom=0)
        ax.label_outer()
    fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def scale_panels(epochs: pd.DataFrame, row: str, column: str, classes: int = 10) -> Figure:
    """Draw accuracies on the right ("test") and the wrong scale ("raw"); a panel for each value of row and column."""
    rows, columns = list(epochs[row].unique()), list(epochs[column].unique())
    fig, axes = plt.subplots(
        len(rows), len(columns), figsize=(6.4, 1.2 + 1.7 * len(rows)), sharex=True, sharey=True, squeeze=False
    )
    for line, value in zip(axes, rows, strict=True):
        for ax, name in zip(line, columns, strict=True):
            cell = epochs[(epochs[row] == value) & (epochs[column] == name)]
            spread_line(cell, "epoch", "test", ax, "inputs 0 to 1, as in training", 0)
            spread_line(cell, "epoch", "raw", ax, "inputs 0 to 255", 1)
            ax.axhline(100 / classes, **DASHED, zorder=1, label="guessing")
            ax.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 103))
            ax.set_title(f"{name}, {row} {value}", fontsize=10)
            ax.label_outer()
    fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def errors_beside_reported(runs: pd.DataFrame, twins: Mapping[str, Sequence[float]], reported: pd.DataFrame) -> Figure:
    """Draw the error (percent, logarithmic) of each activation and setting, on the right and on the wrong scale.

    runs: activation, setting, test, raw, one row per seed. twins: accuracies in percent, by activation.
    reported: activation, setting, "reported test".
    """
    fig, ax = plt.subplots(figsize=(6.4, 4.2))
    names: list[str] = []
    for (activation, setting), rows in runs.groupby(["activation", "setting"], sort=False):
        _errors(ax, len(names), rows["test"], "o", "C0", "" if names else "ours, inputs 0 to 1")
        _errors(ax, len(names) + 0.28, rows["raw"], "s", "C1", "" if names else "ours, inputs 0 to 255")
        same = (reported["activation"] == activation) & (reported["setting"] == setting)
        label = "" if names else "reported (MNIST)"
        places = [len(names)] * int(same.sum())
        ax.plot(100 - reported.loc[same, "reported test"], places, "D", mfc="none", color="0.35", label=label)
        names.append(f"{activation}, {str(setting).replace('_', ' rate, ')} epochs")
    for activation, accuracies in twins.items():
        _errors(ax, len(names), pd.Series(accuracies), "^", "C2", "" if activation != next(iter(twins)) else "twins")
        names.append(f"{activation}, PyTorch, Adam")
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="error (%)", ylim=(len(names) - 0.4, -0.6))
    _round_ticks(ax, "x")
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=4, fontsize=9)
    return fig


def _errors(ax: Axes, place: float, accuracies: pd.Series, marker: str, colour: str, label: str) -> None:
    """Draw the errors of accuracies in percent at a height."""
    errors = 100 - accuracies.to_numpy(dtype=float)
    whisker_dots(errors, place, ax, 0.12, marker=marker, color=colour, label=label)


def _round_ticks(ax: Axes, axis: str = "y") -> None:
    """Label a logarithmic axis with round numbers at 1, 2 and 5 times each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    of = ax.yaxis if axis == "y" else ax.xaxis
    of.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    of.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    of.set_minor_formatter(NullFormatter())
