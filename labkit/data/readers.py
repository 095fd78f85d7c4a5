"""Readers of image files and the embedded images: each returns raw uint8 arrays.

The readers are our own, and small, because torchvision's import alone takes longer than reading MNIST, and
because a damaged file must end in a sentence that names it.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from labkit.basics.errors import LabkitError

IDX_FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
CIFAR_FOLDER = "cifar-10-batches-py"
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg"}
REPAIR = "replace it by a fresh copy, or run `labkit fetch`"


class Raw(NamedTuple):
    """Images (N, C, H, W) uint8 and labels (N,) int64 of both parts, class names, and what they were read from."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str


def read_mnist(folder: Path) -> Raw:
    """Read the four IDX files (plain or .gz) of MNIST from `folder`. LabkitError for a damaged or missing file."""
    arrays = {}
    for content, name in IDX_FILES.items():
        path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        if path is None:
            raise LabkitError(
                f"{folder} lacks the file {name} (or {name}.gz): copy it there, or run `labkit fetch mnist`."
            )
        arrays[content] = _read_idx(path, dimensions=3 if content.endswith("images") else 1)
    for split in ("train", "test"):
        _check_pair(arrays[f"{split} images"], arrays[f"{split} labels"], f"the {split} files in {folder}")
    return Raw(
        arrays["train images"][:, None],
        arrays["train labels"].astype(np.int64),
        arrays["test images"][:, None],
        arrays["test labels"].astype(np.int64),
        tuple(str(digit) for digit in range(10)),
        "IDX files",
    )


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read one IDX file of unsigned bytes: magic number 0x0000 08 <dimensions>, sizes, then the values."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise LabkitError(f"{path} cannot be read ({error}): {REPAIR}.") from error
    header = 4 + 4 * dimensions
    expected = bytes((0, 0, 8, dimensions))
    if content[:4] != expected:
        raise LabkitError(
            f"{path} is not an IDX file of {'images' if dimensions == 3 else 'labels'}: it begins with "
            f"{content[:4].hex() or 'nothing'}, not {expected.hex()}; {REPAIR}."
        )
    if len(content) < header:
        raise LabkitError(f"{path} ends inside its header: {REPAIR}.")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    size = math.prod(shape)
    if len(content) - header != size:
        raise LabkitError(f"{path} announces {size:,} values but holds {len(content) - header:,}: {REPAIR}.")
    if dimensions == 3 and shape[1:] != (28, 28):
        raise LabkitError(f"{path} holds images of {shape[1]} x {shape[2]} pixels, not 28 x 28: {REPAIR}.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickle the plain containers and NumPy arrays of a CIFAR batch, and refuse every other name."""

    ALLOWED = frozenset(
        (module, name)
        for module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
        for name in ("ndarray", "dtype", "_reconstruct")
    ) | {("_codecs", "encode")}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR file needs")
        return super().find_class(module, name)


def read_cifar10(folder: Path) -> Raw:
    """Read CIFAR-10's python batches from `folder`. LabkitError for a damaged, foreign or missing file."""
    train = [_read_cifar_batch(folder / f"data_batch_{number}") for number in range(1, 6)]
    test_images, test_labels = _read_cifar_batch(folder / "test_batch")
    names = _unpickle(folder / "batches.meta").get("label_names")
    if not isinstance(names, list) or len(names) != 10:
        raise LabkitError(f"{folder / 'batches.meta'} holds no ten class names: {REPAIR}.")
    return Raw(
        np.concatenate([images for images, _ in train]),
        np.concatenate([labels for _, labels in train]),
        test_images,
        test_labels,
        tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names),
        "CIFAR-10 batches",
    )


def _read_cifar_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    batch = _unpickle(path)
    images, labels = batch.get("data"), batch.get("labels")
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise LabkitError(f"{path} holds no images of 3 x 32 x 32 bytes: {REPAIR}.")
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise LabkitError(f"{path} holds no whole numbers as labels: {REPAIR}.")
    images, labels = images.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)
    _check_pair(images, labels, str(path))
    return images, labels


def _unpickle(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise LabkitError(f"{path.parent} lacks the file {path.name}: copy it there, or run `labkit fetch cifar10`.")
    try:
        content = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises almost anything
        raise LabkitError(f"{path} is not a CIFAR-10 batch ({error}): {REPAIR}.") from error
    if not isinstance(content, dict):
        raise LabkitError(f"{path} is not a CIFAR-10 batch: {REPAIR}.")
    return {key.decode() if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def read_image_folder(folder: Path, channels: int, size: int) -> Raw:
    """Read `folder/train|test/<class>/*.png|jpg` as `channels` x `size` x `size`, resized where they differ."""
    class_names = tuple(
        sorted(
            entry.name for entry in (folder / "train").iterdir() if entry.is_dir() and not entry.name.startswith(".")
        )
    )
    if len(class_names) < 2:
        raise LabkitError(
            f"{folder / 'train'} holds fewer than two class folders: expected train/<class>/*.png or *.jpg."
        )
    splits: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    suffixes: set[str] = set()
    for split in ("train", "test"):
        images, labels = [], []
        for label, name in enumerate(class_names):
            paths = sorted(p for p in (folder / split / name).glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
            if not paths:
                where = folder / split / name
                raise LabkitError(f"{where} holds no .png or .jpg image: every class needs one or more.")
            suffixes |= {path.suffix.lower() for path in paths}
            images += [_read_image(path, channels, size) for path in paths]
            labels += [label] * len(paths)
        splits[split] = np.stack(images), np.array(labels, dtype=np.int64)
    lossy = suffixes & {".jpg", ".jpeg"}
    return Raw(*splits["train"], *splits["test"], class_names, "JPEG files, slightly lossy" if lossy else "PNG files")


def _read_image(path: Path, channels: int, size: int) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as file:
            image = file.convert("L" if channels == 1 else "RGB")
            if image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BILINEAR)
            array = np.asarray(image, dtype=np.uint8)
    except Exception as error:  # a damaged image raises almost anything
        raise LabkitError(f"{path} is not a readable image ({error}): replace or remove it.") from error
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _check_pair(images: np.ndarray, labels: np.ndarray, where: str) -> None:
    if len(images) != len(labels):
        raise LabkitError(f"{where}: {len(images):,} images do not match {len(labels):,} labels; {REPAIR}.")
    if not len(labels) or labels.min() < 0 or labels.max() > 9:  # MNIST and CIFAR-10 have ten classes
        raise LabkitError(f"{where}: labels must lie between 0 and 9; {REPAIR}.")
