"""Grids of images with a label above each."""

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
