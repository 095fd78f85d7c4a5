"""Figures: Axes in, Axes out, never `show()`.

Colours are told apart by colour-blind readers and never carry meaning alone: lines differ in their markers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def use_style() -> None:
    """Use the lab's style sheet for every figure that follows."""
    plt.style.use(Path(__file__).with_name("labkit.mplstyle"))


def image_grid(images: np.ndarray, labels: Sequence[str], columns: int = 10, ax: Axes | None = None) -> Axes:
    """Show `images` (N, C, H, W), values between 0 and 1, as a grid with a label above each."""
    ax = ax or plt.gca()
    count, _, height, width = images.shape
    rows, gap, head = -(-count // columns), 3, 9 + 7 * max(label.count("\n") for label in labels)
    sheet = np.ones((rows * (height + head), columns * (width + gap), 3))
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        top, left = index // columns * (height + head) + head, index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = np.broadcast_to(image.transpose(1, 2, 0), (height, width, 3))
        ax.text(left + width / 2, top - 1.5, label, ha="center", va="bottom", fontsize=9)
    ax.imshow(sheet, interpolation="nearest")
    ax.axis("off")
    return ax


def spread_line(
    data: pd.DataFrame, x: str, y: str, ax: Axes | None = None, label: str | None = None, index: int = 0
) -> Axes:
    """Draw the mean of `y` against `x` as a line, one standard deviation as a band, and every run as a dot."""
    ax = ax or plt.gca()
    groups = data.groupby(x)[y]
    mean, spread = groups.mean(), groups.std(ddof=1).fillna(0)
    (line,) = ax.plot(mean.index, mean, marker=MARKERS[index % len(MARKERS)], label=label, zorder=3)
    ax.fill_between(mean.index, mean - spread, mean + spread, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.plot(data[x], data[y], ".", color=line.get_color(), alpha=0.45, markersize=4, zorder=2)
    return ax


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
            groups = rows.groupby("epoch")[f"{split}_{metric}"]
            mean, spread = groups.mean(), groups.std(ddof=1).fillna(0)
            ax.plot(
                mean.index,
                mean,
                style,
                color=f"C{index}",
                marker=MARKERS[index % len(MARKERS)] if split == "validation" else "",
                label=f"{value}, {split}",
            )
            ax.fill_between(mean.index, mean - spread, mean + spread, color=f"C{index}", alpha=0.18, linewidth=0)
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def step_losses(losses: np.ndarray, ax: Axes | None = None, window: int = 10) -> Axes:
    """Draw losses (seeds, steps): the first seed's raw values, and the moving average over `window` steps.

    The moving average is a mean over the seeds with one standard deviation; it starts at step `window`.
    """
    ax = ax or plt.gca()
    steps = np.arange(1, losses.shape[1] + 1)
    smooth = pd.DataFrame(losses.T, index=steps).rolling(window).mean().dropna()
    mean, spread = smooth.mean(axis=1), smooth.std(axis=1).fillna(0)
    ax.plot(steps, losses[0], color="0.7", linewidth=0.8, label="each step, first seed")
    ax.plot(mean.index, mean, color="C0", label=f"moving average over {window} steps, all seeds")
    ax.fill_between(mean.index, mean - spread, mean + spread, color="C0", alpha=0.25, linewidth=0)
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None))
    return ax


def reference_lines(accuracies: dict[str, float], ax: Axes | None = None) -> Axes:
    """Draw a thin horizontal line with its name for each accuracy that others have published."""
    ax = ax or plt.gca()
    for name, accuracy in accuracies.items():
        ax.axhline(accuracy, color="0.35", linestyle=(0, (6, 3)), linewidth=0.9, zorder=1)
        ax.annotate(
            name,
            (0.99, accuracy),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8.5,
            color="0.25",
        )
    return ax


def error_gallery(
    images: np.ndarray, truth: np.ndarray, predictions: np.ndarray, class_names: Sequence[str], ax: Axes | None = None
) -> Axes:
    """Show the twenty images (N, C, H, W) that most runs get wrong, the hardest first.

    truth: (N,) classes. predictions: (runs, N) classes.
    Above each image stand the true class, the usual wrong answer, and how many of the runs are wrong.
    """
    wrong = predictions != truth
    times = wrong.sum(0)
    order = np.argsort(-times, kind="stable")[:20]
    order = order[times[order] > 0]
    if not len(order):
        ax = ax or plt.gca()
        ax.text(0.5, 0.5, "no run gets any image wrong", ha="center")
        ax.axis("off")
        return ax
    usual = [int(np.bincount(predictions[wrong[:, i], i]).argmax()) for i in order]
    labels = [
        f"{class_names[truth[i]]}→{class_names[guess]}\n{times[i]}/{len(wrong)}"
        for i, guess in zip(order, usual, strict=True)
    ]
    return image_grid(images[order], labels, ax=ax)


def grid_map(data: pd.DataFrame, x: str, y: str, value: str, ax: Axes | None = None) -> Axes:
    """Draw the mean of `value` for each pair of `x` and `y` as a map; each cell holds mean and standard deviation.

    The colours span six standard deviations at least, so that noise alone does not look like a difference.
    """
    ax = ax or plt.gca()
    mean = data.pivot_table(index=y, columns=x, values=value, aggfunc="mean").sort_index(ascending=False)
    spread = data.pivot_table(index=y, columns=x, values=value, aggfunc="std").reindex_like(mean).fillna(0)
    text = [
        [f"{m:.2f}\n± {s:.2f}" for m, s in zip(*rows, strict=True)]
        for rows in zip(mean.to_numpy(), spread.to_numpy(), strict=True)
    ]
    middle = (mean.to_numpy().max() + mean.to_numpy().min()) / 2
    reach = max(np.ptp(mean.to_numpy()) / 2, 3 * spread.to_numpy().mean(), 1e-9)
    sns.heatmap(
        mean,
        annot=np.array(text),
        fmt="",
        cmap="Blues",
        vmin=middle - reach,
        vmax=middle + reach,
        cbar=False,
        linewidths=1,
        annot_kws={"size": 9},
        ax=ax,
    )
    ax.tick_params(length=0)
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0)
    ax.grid(False)
    return ax


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


def class_probabilities(
    probabilities: np.ndarray, class_names: Sequence[str], truth: int, ax: Axes | None = None
) -> Axes:
    """Draw the probability of each class for one image (seeds, classes): bars are means, dots the single networks."""
    ax = ax or plt.gca()
    mean = probabilities.mean(0)
    colours = ["C1" if index == truth else "C0" for index in range(len(mean))]
    ax.barh(np.arange(len(mean)), mean, color=colours, alpha=0.75)
    for row in probabilities:
        ax.plot(row, np.arange(len(mean)), ".", color="0.15", markersize=5)
    names = [f"{name} (true)" if index == truth else name for index, name in enumerate(class_names)]
    ax.set_yticks(np.arange(len(mean)), names)
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0, 1.02))
    ax.grid(axis="y", visible=False)
    return ax


def cost_lines(costs: pd.DataFrame, y: str, ax: Axes | None = None) -> Axes:
    """Draw column `y` of a cost table against the batch size, both logarithmic, a line a model.

    For `median_ms` the band runs from the first to the third quartile.
    """
    ax = ax or plt.gca()
    for index, (model, rows) in enumerate(costs.groupby("model", sort=False)):
        ax.plot(rows["batch_size"], rows[y], marker=MARKERS[index % len(MARKERS)], color=f"C{index}", label=str(model))
        if y == "median_ms":
            ax.fill_between(
                rows["batch_size"], rows["q1_ms"], rows["q3_ms"], color=f"C{index}", alpha=0.25, linewidth=0
            )
    ax.set(xscale="log", yscale="log", xlabel="batch size (images)")
    ticks = sorted(costs["batch_size"].unique())
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
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
