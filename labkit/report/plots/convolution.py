"""What a convolution does and learns: a drawing of the idea, filters, feature maps, errors, images that move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from labkit.report.plots.curves import learning_curves, reference_line, spread_line
from labkit.report.plots.galleries import image_grid

FIRST, SECOND = "#0072B2", "#D55E00"  # of the style sheet's colours
SIGNED = "RdBu_r"  # white is 0; red above, blue below


def convolution_drawing(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw how a kernel of 3 x 3 moves over an image, with stride 1 and 2, and what two layers see of it.

    Below: an image (H, W), and the maps (H, W) that kernels make of it, by their titles.
    """
    fig = plt.figure(figsize=(6.4, 5.1))
    parts = fig.subfigures(2, 1, height_ratios=(2.9, 2.2), squeeze=False)[:, 0]
    axes = parts[0].subplots(1, 3, width_ratios=(1.15, 1.1, 1))
    _draw_places(axes[0], "one kernel, at all places", side=6, stride=1, places=((0, 0), (3, 3)))
    _draw_places(axes[1], "stride 2: two pixels further", side=7, stride=2, places=((0, 0), (0, 1)))
    _draw_field(axes[2])
    largest = max(float(np.abs(values).max()) for values in maps.values())
    pictures = parts[1].subplots(1, 1 + len(maps))
    pictures[0].imshow(image, cmap="gray")
    pictures[0].set_title("a digit", fontsize=9)
    for ax, (title, values) in zip(pictures[1:], maps.items(), strict=True):
        ax.imshow(values, cmap=SIGNED, vmin=-largest, vmax=largest)
        ax.set_title(title, fontsize=9)
    _bare(pictures, "")
    return fig


def _draw_places(ax: Axes, title: str, side: int, stride: int, places: Sequence[tuple[int, int]]) -> None:
    """Draw an image, the map that a kernel of 3 x 3 makes of it, and two places of the kernel with what they give."""
    size = (side - 3) // stride + 1
    left, top = (side - size) / 2, -1.2
    _grid(ax, 0, 0, side)
    _grid(ax, left, top - size, size)
    for (row, column), colour in zip(places, (FIRST, SECOND), strict=True):
        x, y = column * stride, side - 3 - row * stride
        ax.add_patch(Rectangle((x, y), 3, 3, facecolor=colour, alpha=0.28, edgecolor=colour, lw=2))
        cell = left + column, top - 1 - row
        ax.add_patch(Rectangle(cell, 1, 1, facecolor=colour, alpha=0.6, edgecolor=colour))
        ax.plot([x + 1.5, cell[0] + 0.5], [y, cell[1] + 1], color=colour, lw=1)
        for index, letter in enumerate("abcdefghi" if stride == 1 else ""):
            ax.text(x + index % 3 + 0.5, y + 2.5 - index // 3, letter, ha="center", va="center", fontsize=9)
    ax.text(-0.3, side / 2, "image", rotation=90, ha="right", va="center", fontsize=9)
    ax.text(left - 0.3, top - size / 2, "map", rotation=90, ha="right", va="center", fontsize=9)
    ax.set_title(title, fontsize=9)
    _frame(ax, side, size)


def _draw_field(ax: Axes) -> None:
    """Draw the 5 x 5 pixels that one neuron of a second layer of 3 x 3 filters depends on."""
    for side, bottom, name, colour in (
        (5, 0, "image", FIRST),
        (3, -3.8, "layer 1", SECOND),
        (1, -5.6, "layer 2", "0.2"),
    ):
        left = (7 - side) / 2
        if side == 5:
            _grid(ax, 0, 0, 7)
        else:
            _grid(ax, left, bottom, side)
        corner = 1 if side == 5 else bottom
        ax.add_patch(Rectangle((left, corner), side, side, facecolor=colour, alpha=0.3, edgecolor=colour, lw=2))
        ax.text(-0.3 if side == 5 else left - 0.3, corner + side / 2, name, ha="right", va="center", fontsize=9)
    for left, right, top, bottom in ((1, 2, 1, -0.8), (2, 3, -3.8, -4.6)):
        ax.plot([left, right], [top, bottom], color="0.4", lw=1)
        ax.plot([7 - left, 7 - right], [top, bottom], color="0.4", lw=1)
    ax.set_title("receptive field: 5 x 5", fontsize=9)
    _frame(ax, 7, 4.4, left=-2.6)


def _grid(ax: Axes, left: float, bottom: float, side: int) -> None:
    for row in range(side):
        for column in range(side):
            square = Rectangle((left + column, bottom + row), 1, 1, facecolor="white", edgecolor="0.7", lw=0.8)
            ax.add_patch(square)


def _frame(ax: Axes, side: float, below: float, left: float = -1.0) -> None:
    ax.set(xlim=(left, side + 0.2), ylim=(-below - 1.4, side + 0.2), aspect="equal")
    ax.axis("off")


def filter_rows(rows: Mapping[str, np.ndarray]) -> Figure:
    """Show filters (N, H, W) in rows with a name each; white is 0, red above and blue below, on one scale per row."""
    columns = max(len(filters) for filters in rows.values())
    fig, axes = plt.subplots(len(rows), columns, figsize=(4.8, (4.8 / columns + 0.05) * len(rows)), squeeze=False)
    for (name, filters), line in zip(rows.items(), axes, strict=True):
        largest = float(np.abs(filters).max())
        for ax, values in zip(line, filters, strict=False):
            ax.imshow(values, cmap=SIGNED, vmin=-largest, vmax=largest)
        _bare(line, name)
    return fig


def feature_maps(
    image: np.ndarray, stages: Mapping[str, np.ndarray], probabilities: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """Show what one image (H, W) becomes: a row per stage of maps (N, H, W), at most eight in a line.

    probabilities: what the network says in the end (classes,); it stands beside the image.
    """
    lines = [("image", image[None])]
    for name, maps in stages.items():
        lines += [(name if start == 0 else "", maps[start : start + 8]) for start in range(0, len(maps), 8)]
    fig, axes = plt.subplots(len(lines), 8, figsize=(4.8, 0.62 * len(lines)), squeeze=False)
    for (name, maps), line in zip(lines, axes, strict=True):
        low, high = min(0.0, float(maps.min())), max(float(maps.max()), 1e-9)
        for ax, values in zip(line, maps, strict=False):
            ax.imshow(values, cmap="gray", vmin=low, vmax=high)
        _bare(line, name)
    bars = axes[0, 3].inset_axes((0, 0.2, 5.5, 0.8))
    bars.set_in_layout(False)  # its labels leave the maps where they are
    bars.bar(range(len(probabilities)), probabilities, color=FIRST)
    bars.set_xticks(range(len(probabilities)), class_names, fontsize=8.5)
    bars.set(ylim=(0, 1.02), yticks=(0, 1))
    bars.text(-0.06, 0.5, "output:\nprobability", transform=bars.transAxes, ha="right", va="center", fontsize=9)
    bars.grid(axis="x", visible=False)
    return fig


def _bare(axes: np.ndarray, name: str) -> None:
    """Take ticks and frames away, and write the row's name at its left."""
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        if ax.images:
            ax.spines[:].set(visible=True, color="0.8", linewidth=0.6)
        else:
            ax.axis("off")
    axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


def error_rows(
    images: np.ndarray,
    truth: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    class_names: Sequence[str],
    names: tuple[str, str],
) -> Figure:
    """Show ten images (N, C, H, W) that theirs gets wrong more often than ours, and ten that ours gets wrong.

    ours, theirs: (runs, N) classes. names: of ours and of theirs. Above each image: true class → usual wrong
    answer, and how many runs of theirs and of ours are wrong.
    """
    wrong = [(predictions != truth).sum(0) for predictions in (theirs, ours)]
    fig, axes = plt.subplots(2, 1, figsize=(6.4, 2.9))
    rows = (
        (f"{names[1]} is wrong more often than {names[0]}", theirs, wrong[0] / len(theirs) - wrong[1] / len(ours)),
        (f"{names[0]} is wrong", ours, wrong[1]),
    )
    for ax, (title, predictions, weight) in zip(axes, rows, strict=True):
        order = [index for index in np.argsort(-weight, kind="stable")[:10] if weight[index] > 0]
        labels = []
        for index in order:
            slips = predictions[predictions[:, index] != truth[index], index]
            answer = class_names[int(np.bincount(slips).argmax())]
            counts = f"{wrong[0][index]}/{len(theirs)} {wrong[1][index]}/{len(ours)}"
            labels.append(f"{class_names[truth[index]]}→{answer}\n{counts}")
        ax.set_title(title, fontsize=9.5, loc="left")
        if order:
            image_grid(images[order], labels, ax=ax)
        else:
            ax.axis("off")
    return fig


def moved_accuracy(data: pd.DataFrame, reference: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw `accuracy` against `pixels`, a line per `network`, every run a dot; pale: the stored full run's means."""
    ax = ax or plt.gca()
    for index, (name, rows) in enumerate(data.groupby("network", sort=False)):
        spread_line(rows, "pixels", "accuracy", ax, str(name), index)
        if reference is not None:
            theirs = reference[reference["network"] == name]
            reference_line(ax, theirs, "pixels", "accuracy")
            ax.annotate(
                str(name),
                (theirs["pixels"].iloc[-1], theirs["accuracy"].iloc[-1]),
                (4, 0),
                textcoords="offset points",
                color="0.4",
                fontsize=8.5,
                va="center",
            )
    ax.set(xlabel="shift of the test images (pixels)", ylabel="test accuracy (%)", ylim=(0, 102))
    ax.set_xticks(sorted(data["pixels"].unique()))
    handles, labels = ax.get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    ax.legend(known.values(), known.keys())
    return ax


def loss_and_accuracy(epochs: pd.DataFrame, hue: str) -> Figure:
    """Draw the learning curves of loss, logarithmic, and accuracy side by side; see `learning_curves`."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.6))
    learning_curves(epochs, "loss", hue, left).set_yscale("log")
    learning_curves(epochs, "accuracy", hue, right)
    second = epochs[epochs["epoch"] > 1][["train_accuracy", "validation_accuracy"]]
    right.set_ylim(np.floor(20 * float(second.min().min())) / 20 if len(second) else 0, 1.005)
    fig.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig
