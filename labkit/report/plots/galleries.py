"""Pictures and what networks say about them: grids of images, errors, class probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def image_grid(images: np.ndarray, labels: Sequence[str], columns: int = 10, ax: Axes | None = None) -> Axes:
    """Show `images` (N, C, H, W), values between 0 and 1, as a grid with a label above each."""
    ax = ax or plt.gca()
    count, _, height, width = images.shape
    rows, gap, head = -(-count // columns), 3, 9 + 7 * max(label.count("\n") for label in labels)
    sheet = np.ones((rows * (height + head), columns * (width + gap), 3))
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        top, left = index // columns * (height + head) + head, index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = np.broadcast_to(image.transpose(1, 2, 0), (height, width, 3))
        colour = "C1" if label.startswith("✗") else "black"
        ax.text(left + width / 2, top - 1.5, label, ha="center", va="bottom", fontsize=9, color=colour)
    ax.imshow(sheet, interpolation="nearest")
    ax.axis("off")
    return ax


def images_with_labels(images: np.ndarray, labels: Sequence[str], columns: int = 10, width: float = 6.4) -> Figure:
    """Return a figure of an `image_grid` alone, `width` inches wide and as high as the grid, without empty bands."""
    figure, ax = plt.subplots(figsize=(width, width))
    image_grid(images, labels, columns, ax)
    rows, pixels = (np.ptp(limits()) for limits in (ax.get_ylim, ax.get_xlim))
    figure.set_size_inches(width, width * rows / pixels)
    return figure


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
