"""Images as tensors in memory, with their splits and where they came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labkit.basics.errors import UsageError
from labkit.data.embedded import TITLES as EMBEDDED_TITLES
from labkit.data.places import NAMES
from labkit.data.shares import divide
from labkit.data.sources import read

if TYPE_CHECKING:
    import torch

NORMALISATIONS = ("standard", "symmetric", "unit", "raw")
SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """One part of a dataset: `images` (N, C, H, W) float32, `labels` (N,) int64, and its name."""

    name: str
    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Provenance:
    """What a number must say of its data: which, read from what, real or embedded, and how many images."""

    name: str
    origin: str
    real: bool
    train: int
    validation: int
    test: int
    train_available: int
    fingerprint: str  # of the images, the split and the normalisation

    def __str__(self) -> str:
        available = f" (of {self.train_available:,})" if self.train + self.validation < self.train_available else ""
        held_back = f"{self.validation:,}" if self.validation else "no"
        used = f"{self.train:,} training, {held_back} validation{available}"
        return f"{self.name} ({self.origin}): {used}, {self.test:,} test images"


@dataclass(frozen=True)
class Dataset:
    """Three splits that cannot be mixed up, class names, provenance, and the numbers that normalised the images."""

    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    provenance: Provenance
    mean: torch.Tensor  # (C, 1, 1), in units of a pixel's full brightness
    std: torch.Tensor  # (C, 1, 1)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.test.images.shape[1:]
        return channels, height, width

    def split(self, name: str) -> Split:
        """Return the split of that name; UsageError names the known ones, and says when nothing was held back."""
        if name not in SPLIT_NAMES:
            raise UsageError(f"Split {name!r} is not known: choose one of {', '.join(SPLIT_NAMES)}.")
        split: Split = getattr(self, name)
        if not len(split):
            raise UsageError(
                "There is no validation split: all training images are used for training. To hold some back, load "
                "the data with a share for validation, such as validation=0.1."
            )
        return split

    def with_training(self, images: torch.Tensor, labels: torch.Tensor) -> Dataset:
        """Return a dataset with other training images (N, C, H, W) and labels (N,), normalised as this one.

        Validation and test images stay as they are. Its fingerprint is its own, so trainings are kept apart.
        """
        if len(images) != len(labels) or not len(images) or tuple(images.shape[1:]) != self.image_shape:
            raise UsageError(
                f"Training images of shape {tuple(images.shape)} with {len(labels)} labels do not fit: one label for "
                f"each image of shape {self.image_shape} is needed."
            )
        digest = hashlib.blake2b(self.provenance.fingerprint.encode(), digest_size=8)
        for tensor in (images, labels):
            digest.update(tensor.contiguous().numpy().data)
        provenance = replace(self.provenance, train=len(labels), fingerprint=digest.hexdigest())
        return replace(self, train=Split("train", images, labels), provenance=provenance)

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        """Undo the normalisation: return `images` with values between 0 (black) and 1 (full brightness)."""
        return (images * self.std + self.mean).clamp(0, 1)

    def __str__(self) -> str:
        return str(self.provenance)


def load(
    name: str,
    source: str | Path = "auto",
    *,
    normalisation: str = "standard",
    validation: float = 0.1,
    train_limit: int | None = None,
) -> Dataset:
    """Load a dataset into memory.

    name: "mnist" (1 x 28 x 28) or "cifar10" (3 x 32 x 32).
    source: "auto" takes the real data where it lies in the data folder, else the embedded images, and never
        downloads; "embedded"; the name of a published set ("fashion-mnist"), which must then lie in the data folder,
        and stands in the place that it fits, while the other place is as for "auto"; or a folder, which must then hold
        the data, or other images to take in their place, with two classes or more. What they are is known by their
        content; see `known`.
    normalisation: "standard" (mean 0, standard deviation 1 over the training images, a channel at a time),
        "symmetric" ([-1, 1]), "unit" ([0, 1]) or "raw" (0 to 255: a known mistake, to show what it costs).
    validation: share of the training images, stratified by class, that is held back for validation; 0 is none.
    train_limit: use so many of the remaining training images, stratified by class, and as large a part of the
        validation images; None is all.

    Raises UsageError for an unknown name or an empty folder, LabkitError for damaged files.
    """
    import torch

    if name not in NAMES:
        raise UsageError(f"Dataset {name!r} is not known: choose one of {', '.join(NAMES)}.")
    if normalisation not in NORMALISATIONS:
        raise UsageError(f"Normalisation {normalisation!r} is not known: choose one of {', '.join(NORMALISATIONS)}.")
    if not 0 <= validation < 1:
        raise UsageError(f"validation must lie between 0 and 1 (0: none is held back), but it is {validation}.")
    raw = read(name, source)
    train, held_back = divide(raw.train_labels, validation, train_limit)
    arrays = {
        "train": (raw.train_images[train], raw.train_labels[train]),
        "validation": (raw.train_images[held_back], raw.train_labels[held_back]),
        "test": (raw.test_images, raw.test_labels),
    }
    mean, std = _scale(arrays["train"][0], normalisation)
    provenance = Provenance(
        name=raw.title,
        origin=raw.origin,
        real=raw.title not in EMBEDDED_TITLES.values(),
        train=len(train),
        validation=len(held_back),
        test=len(raw.test_labels),
        train_available=len(raw.train_labels),
        fingerprint=_fingerprint(arrays, normalisation),
    )
    scale, shift = torch.from_numpy(1 / (255 * std)), torch.from_numpy(mean / std)
    splits = {
        key: Split(key, torch.from_numpy(np.array(images)).float().mul_(scale).sub_(shift), torch.from_numpy(labels))
        for key, (images, labels) in arrays.items()
    }
    return Dataset(
        splits["train"],
        splits["validation"],
        splits["test"],
        raw.class_names,
        provenance,
        torch.from_numpy(mean),
        torch.from_numpy(std),
    )


def _scale(train_images: np.ndarray, normalisation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation (C, 1, 1) to subtract and to divide by, for pixels in [0, 1]."""
    channels = train_images.shape[1]
    if normalisation == "standard":
        mean = train_images.mean((0, 2, 3), dtype=np.float64) / 255
        std = np.maximum(train_images.std((0, 2, 3), dtype=np.float64) / 255, 1e-6)
    else:
        centre, width = {"symmetric": (0.5, 0.5), "unit": (0.0, 1.0), "raw": (0.0, 1 / 255)}[normalisation]
        mean, std = np.full(channels, centre), np.full(channels, width)
    return mean.astype(np.float32).reshape(-1, 1, 1), std.astype(np.float32).reshape(-1, 1, 1)


def _fingerprint(arrays: dict[str, tuple[np.ndarray, np.ndarray]], normalisation: str) -> str:
    digest = hashlib.blake2b(normalisation.encode(), digest_size=8)
    for images, labels in arrays.values():
        digest.update(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()
