"""Networks themselves, one per seed, and what they make of images that have moved: what does convolution buy?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from labkit.basics.machine import get_device, set_seed
from labkit.data.datasets import Dataset
from labkit.training.config import TrainConfig
from labkit.training.loop import EVALUATION_BATCH, fit

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # down and right; negative: up and left


def train_each(
    build: Callable[..., nn.Module], dataset: Dataset, config: TrainConfig, seeds: Iterable[int]
) -> list[nn.Module]:
    """Return one trained network per seed, in evaluation mode, where a sweep keeps their results alone.

    build: a network's class or a function, which takes `num_classes`.
    """
    models = []
    for seed in seeds:
        set_seed(seed)
        model = build(num_classes=dataset.num_classes)
        fit(model, dataset, replace(config, seed=seed))
        models.append(model.eval())
    return models


def accuracy_when_moved(
    networks: Mapping[str, Sequence[nn.Module]], dataset: Dataset, distances: Iterable[int]
) -> pd.DataFrame:
    """Return the accuracy in percent on test images that moved by each distance in pixels, a mean over four directions.

    networks: by name, trained networks, one per seed. The table has the columns network, run, pixels, accuracy. Freed
    pixels are black; what leaves the image is lost.
    """
    import pandas as pd

    rows = [
        {"network": name, "run": run, "pixels": distance, "accuracy": _accuracy(model, dataset, distance)}
        for name, models in networks.items()
        for run, model in enumerate(models)
        for distance in distances
    ]
    return pd.DataFrame(rows)


def _accuracy(model: nn.Module, dataset: Dataset, distance: int) -> float:
    device = get_device()
    images, labels = dataset.test.images.to(device), dataset.test.labels.to(device)
    black = ((0 - dataset.mean) / dataset.std).to(device)
    was_training = model.training
    model.to(device).eval()
    directions = DIRECTIONS if distance else DIRECTIONS[:1]
    right = 0
    with torch.inference_mode():
        for down, across in directions:
            moved = _moved(images, down * distance, across * distance, black)
            guesses = torch.cat([model(batch).argmax(1) for batch in moved.split(EVALUATION_BATCH)])
            right += int((guesses == labels).sum())
    model.train(was_training)
    return 100 * right / len(labels) / len(directions)


def _moved(images: torch.Tensor, down: int, right: int, black: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) moved down and to the right; freed pixels have the value `black` (C, 1, 1)."""
    reach = max(abs(down), abs(right))
    height, width = images.shape[2:]
    padded = functional.pad(images - black, (reach, reach, reach, reach)) + black
    return padded[:, :, reach - down : reach - down + height, reach - right : reach - right + width]
