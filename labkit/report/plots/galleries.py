"""Grids of images with a label above each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SIZE, SMALL = 9.0, 7.5  # points of a label; the second where one is too long
WIDTH = 0.52  # of a letter, in its size


def image_grid(images: np.ndarray, labels: Sequence[str], columns: int = 10, ax: Axes | None = None) -> Axes:
    """Show `images` (N, C, H, W), values between 0 and 1, as a grid with a label above each.

    A figure that shows nothing else grows where it is too low for all rows at its full width.
    """
    ax = ax or plt.gca()
    labels, size = _fitted(labels, 0.9 * 72 * ax.figure.bbox.width / ax.figure.dpi / columns)
    count, _, height, width = images.shape
    rows, gap, head = -(-count // columns), 3, 9 + 7 * max(label.count("\n") for label in labels)
    sheet = np.ones((rows * (height + head), columns * (width + gap), 3))
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        top, left = index // columns * (height + head) + head, index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = np.broadcast_to(image.transpose(1, 2, 0), (height, width, 3))
        colour = "C1" if label.startswith("✗") else "black"
        ax.text(left + width / 2, top - 1.5, label, ha="center", va="bottom", fontsize=size, color=colour)
    ax.imshow(sheet, interpolation="nearest")
    ax.axis("off")
    if isinstance(ax.figure, Figure) and len(ax.figure.axes) == 1:
        needed = ax.figure.get_figwidth() * sheet.shape[0] / sheet.shape[1]
        ax.figure.set_figheight(max(ax.figure.get_figheight(), needed))
    return ax


def _fitted(labels: Sequence[str], width: float) -> tuple[list[str], float]:
    """Return labels that fit above an image so many points wide, and their size: names as long as "Ankle boot" wrap."""
    if max(len(line) for label in labels for line in label.split("\n")) * WIDTH * SIZE <= width:
        return list(labels), SIZE
    most = max(6, int(width / (WIDTH * SMALL)))
    lines = [[textwrap.wrap(line.replace("→", " → "), most) for line in label.split("\n")] for label in labels]
    return ["\n".join(part for wrapped in one for part in wrapped) for one in lines], SMALL


def images_with_labels(images: np.ndarray, labels: Sequence[str], columns: int = 10, width: float = 6.4) -> Figure:
    """Return a figure of an `image_grid` alone, `width` inches wide and as high as the grid, without empty bands."""
    figure, ax = plt.subplots(figsize=(width, width))
    image_grid(images, labels, columns, ax)
    rows, pixels = (np.ptp(limits()) for limits in (ax.get_ylim, ax.get_xlim))
    figure.set_size_inches(width, width * rows / pixels)
    return figure
