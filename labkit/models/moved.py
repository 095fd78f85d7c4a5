"""What networks make of images that have moved. A leaf: imports the machine and torch only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from labkit.basics.machine import get_device

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # down and right; negative: up and left
BATCH = 1_000  # images at a time


def accuracy_when_moved(
    networks: Mapping[str, Sequence[nn.Module]],
    images: torch.Tensor,
    labels: torch.Tensor,
    fill: float,
    distances: Iterable[int],
) -> pd.DataFrame:
    """Return the accuracy in percent on images that moved by each distance in pixels, a mean over four directions.

    networks: by name, trained networks, one per seed. images: (N, C, H, W). fill: the value of pixels that become free;
    what leaves an image is lost. The table has the columns network, run, pixels, accuracy.
    """
    import pandas as pd

    distances = list(distances)
    rows = [
        {"network": name, "run": run, "pixels": distance, "accuracy": _accuracy(model, images, labels, fill, distance)}
        for name, models in networks.items()
        for run, model in enumerate(models)
        for distance in distances
    ]
    return pd.DataFrame(rows)


def _accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, fill: float, distance: int) -> float:
    device = get_device()
    images, labels = images.to(device), labels.to(device)
    was_training = model.training
    model.to(device).eval()
    directions = DIRECTIONS if distance else DIRECTIONS[:1]
    right = 0
    with torch.inference_mode():
        for down, across in directions:
            moved = _moved(images, down * distance, across * distance, fill)
            guesses = torch.cat([model(batch).argmax(1) for batch in moved.split(BATCH)])
            right += int((guesses == labels).sum())
    model.train(was_training)
    return 100 * right / len(labels) / len(directions)


def _moved(images: torch.Tensor, down: int, right: int, fill: float) -> torch.Tensor:
    """Return images (N, C, H, W) moved down and to the right; freed pixels have the value `fill`."""
    reach = max(abs(down), abs(right))
    height, width = images.shape[2:]
    padded = functional.pad(images, (reach, reach, reach, reach), value=fill)
    return padded[:, :, reach - down : reach - down + height, reach - right : reach - right + width]
