"""What networks make of test images that have moved."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from labkit.data.datasets import Dataset, Split
from labkit.training.loop import evaluate

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # down and right; negative: up and left


def accuracy_when_moved(
    networks: Mapping[str, Sequence[nn.Module]], dataset: Dataset, distances: Iterable[int]
) -> pd.DataFrame:
    """Return the accuracy in percent on test images that moved by each distance in pixels, a mean over four directions.

    networks: by name, trained networks, one per seed. Pixels that become free are black; what leaves an image is lost.
    The table has the columns network, run, pixels, accuracy.
    """
    import pandas as pd

    distances = list(distances)
    found = {}
    for distance in distances:
        steps = DIRECTIONS if distance else DIRECTIONS[:1]
        places = [_with_moved_test(dataset, down * distance, right * distance) for down, right in steps]
        for name, models in networks.items():
            for run, model in enumerate(models):
                found[name, run, distance] = 100 * statistics.fmean(evaluate(model, place).accuracy for place in places)
    rows = [
        {"network": name, "run": run, "pixels": distance, "accuracy": found[name, run, distance]}
        for name, models in networks.items()
        for run in range(len(models))
        for distance in distances
    ]
    return pd.DataFrame(rows)


def _with_moved_test(dataset: Dataset, down: int, right: int) -> Dataset:
    black = (0 - dataset.mean) / dataset.std
    test = dataset.test
    return replace(dataset, test=Split(test.name, _moved(test.images, down, right, black), test.labels))


def _moved(images: torch.Tensor, down: int, right: int, fill: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) moved down and to the right; freed pixels have the value `fill` (C, 1, 1)."""
    reach = max(abs(down), abs(right))
    height, width = images.shape[2:]
    padded = fill.expand(len(images), -1, height + 2 * reach, width + 2 * reach).clone()
    padded[:, :, reach : reach + height, reach : reach + width] = images
    return padded[:, :, reach - down : reach - down + height, reach - right : reach - right + width]
