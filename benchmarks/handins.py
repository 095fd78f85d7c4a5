"""The training loop that hand-ins of this lab use: torchvision's dataset, a DataLoader, `.item()` at every step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from labkit.basics.errors import UsageError


def mnist(folder: str, train: bool, scale: tuple[float, float]) -> torch.utils.data.Dataset:
    """Return MNIST as torchvision reads it: an image file's bytes are transformed each time one is asked for."""
    import torchvision
    from torchvision import transforms

    if not (Path(folder) / "MNIST" / "raw").is_dir():
        raise UsageError("This benchmark reads MNIST through torchvision: give --data FOLDER, which holds MNIST/raw.")
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize((scale[0],), (scale[1],))])
    return torchvision.datasets.MNIST(folder, train=train, transform=steps)


def relu_first(model: nn.Sequential) -> nn.Sequential:
    """Return the layers of `model` with ReLU before max pooling, as hand-ins have them."""
    layers = list(model)
    for place, layer in enumerate(layers[:-1]):
        if isinstance(layer, nn.MaxPool2d):
            layers[place : place + 2] = layers[place + 1], layer
    return nn.Sequential(*layers)


def train(
    model: nn.Module,
    images: torch.utils.data.Dataset,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    epochs: int,
    accuracy: Callable[[], float] = lambda: 0.0,
    target: float = 1.0,
    part: float = 1.0,
) -> tuple[float, float]:
    """Train in place until `accuracy`, asked after each epoch, is at `target`.

    part: of each epoch's batches that are trained on. Returns the seconds of the training loop alone, and the best
    accuracy.
    """
    loader = DataLoader(images, batch_size=batch_size, shuffle=True)
    seconds = best = 0.0
    for _ in range(epochs):
        start = time.perf_counter()
        running = 0.0
        model.train()
        for batch, labels in islice(loader, math.ceil(part * len(loader))):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
        seconds += time.perf_counter() - start
        best = max(best, accuracy())
        if best >= target:
            break
    return seconds, best
