"""Images as tensors in memory, with their splits and where they came from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder
from labkit.data import embedded, readers

if TYPE_CHECKING:
    import torch

NAMES = ("mnist", "cifar10")
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
EMBEDDED_TITLES = {"mnist": "embedded digits", "cifar10": "embedded shapes"}
SHAPES = {"mnist": (1, 28), "cifar10": (3, 32)}  # channels, height and width
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
        used = f"{self.train:,} training, {self.validation:,} validation{available}"
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
        """Return the split of that name; UsageError names the known ones."""
        if name not in SPLIT_NAMES:
            raise UsageError(f"Split {name!r} is not known: choose one of {', '.join(SPLIT_NAMES)}.")
        split: Split = getattr(self, name)
        return split

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
        downloads; "embedded"; or a folder, which must then hold the data.
    normalisation: "standard" (mean 0, standard deviation 1 over the training images, a channel at a time),
        "symmetric" ([-1, 1]), "unit" ([0, 1]) or "raw" (0 to 255: a known mistake, to show what it costs).
    validation: share of the training images, stratified by class, that is held back for validation.
    train_limit: use so many of the remaining training images, stratified by class, and as large a part of the
        validation images; None is all.

    Raises UsageError for an unknown name or an empty folder, LabkitError for damaged files.
    """
    import torch

    if name not in NAMES:
        raise UsageError(f"Dataset {name!r} is not known: choose one of {', '.join(NAMES)}.")
    if normalisation not in NORMALISATIONS:
        raise UsageError(f"Normalisation {normalisation!r} is not known: choose one of {', '.join(NORMALISATIONS)}.")
    if not 0 < validation < 1:
        raise UsageError(f"validation must lie between 0 and 1, but it is {validation}.")
    raw, title = _read(name, source)
    train, held_back = _divide(raw.train_labels, validation, train_limit)
    arrays = {
        "train": (raw.train_images[train], raw.train_labels[train]),
        "validation": (raw.train_images[held_back], raw.train_labels[held_back]),
        "test": (raw.test_images, raw.test_labels),
    }
    mean, std = _scale(arrays["train"][0], normalisation)
    provenance = Provenance(
        name=title,
        origin=raw.origin,
        real=title not in EMBEDDED_TITLES.values(),
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


def _read(name: str, source: str | Path) -> tuple[readers.Raw, str]:
    """Return the raw images, and the title under which a report names them."""
    if str(source) == "auto":
        folder = data_folder()
        if folder.is_dir():
            if raw_and_title := _read_folder(name, folder):
                return raw_and_title
        elif os.environ.get("LABKIT_DATA"):
            raise UsageError(
                f"LABKIT_DATA names {folder}, which is not a folder: give its absolute path, "
                "fill it with `labkit fetch`, or unset LABKIT_DATA."
            )
    elif str(source) != "embedded":
        folder = Path(source).expanduser()
        if not folder.is_dir():
            raise UsageError(f"{source} is not a folder: data is 'auto', 'embedded' or a folder that holds the images.")
        if raw_and_title := _read_folder(name, folder):
            return raw_and_title
        raise UsageError(f"{folder} holds no {TITLES[name]}: expected {' or '.join(_expected(name))} in it.")
    return (embedded.embedded_digits() if name == "mnist" else embedded.drawn_shapes()), EMBEDDED_TITLES[name]


def _expected(name: str) -> list[str]:
    native_folder = f"{'MNIST/raw' if name == 'mnist' else readers.CIFAR_FOLDER}/"
    return [native_folder, f"{name}/train|test/<class>/*.png|jpg", "train|test/<class>/*.png|jpg"]


def find(name: str, folder: Path) -> Path | None:
    """Return the folder inside `folder` that holds the dataset, or None. Looks at names only, reads nothing."""
    if name == "mnist":
        for candidate in (folder / "MNIST" / "raw", folder / "raw", folder):
            files = [candidate / f"{file}{suffix}" for file in readers.IDX_FILES.values() for suffix in ("", ".gz")]
            if any(file.exists() for file in files):
                return candidate
    elif (candidate := folder / readers.CIFAR_FOLDER).is_dir():
        return candidate
    for candidate in (folder / name, folder):
        if (candidate / "train").is_dir() and (candidate / "test").is_dir():
            return candidate
    return None


def _read_folder(name: str, folder: Path) -> tuple[readers.Raw, str] | None:
    location = find(name, folder)
    if location is None:
        return None
    if (location / "train").is_dir():
        title = TITLES[name] if location.name == name else f"images in the folder {location.resolve().name}"
        return readers.read_image_folder(location, *SHAPES[name]), title
    return (readers.read_mnist(location) if name == "mnist" else readers.read_cifar10(location)), TITLES[name]


def _divide(labels: np.ndarray, validation: float, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and the validation images, both stratified by class."""
    from sklearn.model_selection import train_test_split

    try:
        train, held_back = train_test_split(
            np.arange(len(labels)), test_size=validation, stratify=labels, random_state=embedded.SEED
        )
        classes = len(np.unique(labels))
        if limit is not None and limit < classes:
            raise UsageError(f"train_limit must be at least the number of classes, {classes}, but it is {limit}.")
        if limit is not None:
            held_back = held_back[: max(1, round(len(held_back) * min(1, limit / len(train))))]
        if limit is not None and limit > len(train) - classes:
            train = train[:limit]  # already in a random order, and too few to leave out for one of each class
        elif limit is not None:
            train, _ = train_test_split(train, train_size=limit, stratify=labels[train], random_state=embedded.SEED)
    except ValueError as error:
        raise LabkitError(
            f"{len(labels)} training images are too few to hold back {validation:.0%} of each class: add images."
        ) from error
    return train, held_back


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
