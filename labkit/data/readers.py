"""Readers of MNIST's, CIFAR-10's and SVHN's files: each returns raw uint8 arrays.

The readers are our own, and small, because torchvision's import alone takes longer than reading MNIST, and
because a damaged file must end in a sentence that names it.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from labkit.basics.errors import LabkitError, first_line
from labkit.data.known import DIGITS, known_by_files
from labkit.data.places import CIFAR_FILES, CIFAR_FOLDER, IDX_FILES, SVHN_FILES, idx_files, listing

PACKED = b"\x1f\x8b"  # how a packed file begins
MOST_SVHN_IMAGES = 200_000  # twice as many as both files hold, and 614 MB
REPAIR = "replace it by a fresh copy, or run `labkit fetch`"


class Raw(NamedTuple):
    """Images (N, C, H, W) uint8 and labels (N,) int64 of both parts, class names, what they were read from, and title.

    The title is that of a published set only where the content is that set's.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str
    title: str


def read_mnist(folder: Path) -> Raw:
    """Read four files in MNIST's format (IDX, plain or packed) from `folder`: MNIST, or another set of such images.

    The classes are the labels that occur. LabkitError for a damaged or missing file.
    """
    files = idx_files(folder)
    contents, arrays = [], []
    for part, name in IDX_FILES.items():
        if part not in files:
            raise LabkitError(
                f"{folder} lacks the file {name} (or {name}.gz): copy it there, or run `labkit fetch mnist`. "
                f"There are: {listing(folder)}."
            )
        contents.append(_unpacked(files[part]))
        arrays.append(_idx_array(files[part], contents[-1], 3 if part.endswith("images") else 1))
    images, labels, test_images, test_labels = arrays
    _check_pair(images, labels, f"the train files in {folder}")
    _check_pair(test_images, test_labels, f"the test files in {folder}")
    known = known_by_files([files[part] for part in IDX_FILES], contents)
    values, labels = np.unique(labels, return_inverse=True)
    if strange := sorted(set(test_labels.tolist()) - set(values.tolist())):
        raise LabkitError(
            f"{files['test labels']} holds labels that {files['train labels'].name} lacks "
            f"({', '.join(map(str, strange[:5]))}): {REPAIR}."
        )
    return Raw(
        images[:, None],
        labels.astype(np.int64),
        test_images[:, None],
        np.searchsorted(values, test_labels).astype(np.int64),
        known.class_names if known else tuple(map(str, values.tolist())),
        "IDX files",
        known.title if known else _title("MNIST", folder),
    )


def _title(format_of: str, folder: Path) -> str:
    """Return the title of a set that is not known: "images in MNIST's format (folder letters)"."""
    parts = folder.absolute().parts  # not what links lead to: in a sandbox they lead nowhere
    named = [part for part in parts if part.lower() not in ("raw", "mnist", "data", CIFAR_FOLDER)]
    return f"images in {format_of}'s format (folder {named[-1]})"


def _unpacked(path: Path) -> bytes:
    """Return what a file holds. It is packed if it begins as packed files do, whatever it is called."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == PACKED else content
    except (OSError, EOFError, zlib.error) as error:
        raise LabkitError(f"{path} cannot be read ({error}): {REPAIR}.") from error


def _idx_array(path: Path, content: bytes, dimensions: int) -> np.ndarray:
    """Return the array of an IDX file of unsigned bytes: magic number 0x0000 08 <dimensions>, sizes, then values."""
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
        raise LabkitError(
            f"{path} holds images of {shape[1]} x {shape[2]} pixels, and in such files the course reads 28 x 28: save "
            "them as PNG in train/<class>/ and test/<class>/, where images of any size are taken."
        )
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
    paths = [folder / name for name in CIFAR_FILES]
    contents = [_content(path, "cifar10") for path in paths]
    *train, (test_images, test_labels) = (
        _cifar_batch(path, content) for path, content in zip(paths, contents, strict=True)
    )
    meta = folder / "batches.meta"
    names = _unpickle(meta, _content(meta, "cifar10")).get("label_names")
    if not isinstance(names, list) or len(names) != 10:
        raise LabkitError(f"{meta} holds no ten class names: {REPAIR}.")
    class_names = tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names)
    known = known_by_files(paths, contents)
    return Raw(
        np.concatenate([images for images, _ in train]),
        np.concatenate([labels for _, labels in train]),
        test_images,
        test_labels,
        known.class_names if known else class_names,
        "CIFAR-10 batches",
        known.title if known else _title("CIFAR-10", folder),
    )


def _content(path: Path, name: str) -> bytes:
    if not path.is_file():
        raise LabkitError(f"{path.parent} lacks the file {path.name}: copy it there, or run `labkit fetch {name}`.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise LabkitError(f"{path} cannot be read ({error.strerror}): {REPAIR}.") from error


def _cifar_batch(path: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    batch = _unpickle(path, content)
    images, labels = batch.get("data"), batch.get("labels")
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise LabkitError(f"{path} holds no images of 3 x 32 x 32 bytes: {REPAIR}.")
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise LabkitError(f"{path} holds no whole numbers as labels: {REPAIR}.")
    if not all(0 <= label < 10 for label in labels):
        raise LabkitError(f"{path}: labels must lie between 0 and 9; {REPAIR}.")
    images, labels = images.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)
    _check_pair(images, labels, str(path))
    return images, labels


def _unpickle(path: Path, content: bytes) -> dict[str, Any]:
    try:
        found = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises almost anything
        raise LabkitError(f"{path} is not a CIFAR-10 batch ({error}): {REPAIR}.") from error
    if not isinstance(found, dict):
        raise LabkitError(f"{path} is not a CIFAR-10 batch: {REPAIR}.")
    return {key.decode() if isinstance(key, bytes) else str(key): value for key, value in found.items()}


def read_svhn(folder: Path) -> Raw:
    """Read SVHN's digits, as cut out of the house numbers, from the two MATLAB files in `folder`.

    LabkitError for a damaged, foreign or missing file.
    """
    paths = [folder / name for name in SVHN_FILES]
    contents = [_content(path, "svhn") for path in paths]
    parts = [_svhn_part(path, content) for path, content in zip(paths, contents, strict=True)]
    known = known_by_files(paths, contents)
    title = known.title if known else _title("SVHN", folder)
    return Raw(*parts[0], *parts[1], known.class_names if known else DIGITS, "MATLAB files", title)


def _svhn_part(path: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of one file; its variable X has the shape (32, 32, 3, N), and y (N, 1) with 1 to 10.

    Sizes and types are looked at before any value is read.
    """
    from scipy import io as matlab

    try:
        told = {name: (shape, kind) for name, shape, kind in matlab.whosmat(io.BytesIO(content))}
        shape, kind = told["X"]
        if shape[:3] != (32, 32, 3) or len(shape) != 4 or kind != "uint8" or not 0 < shape[3] <= MOST_SVHN_IMAGES:
            raise ValueError(f"its X is {kind} of the shape {shape}")
        if told["y"][0] != (shape[3], 1) or told["y"][1] not in ("uint8", "double"):
            raise ValueError(f"its y is {told['y'][1]} of the shape {told['y'][0]} for {shape[3]:,} images")
        found = matlab.loadmat(io.BytesIO(content), variable_names=["X", "y"])
        images, labels = found["X"], found["y"][:, 0].astype(np.int64)
    except Exception as error:  # a damaged file raises almost anything
        raise LabkitError(f"{path} is not a file of SVHN ({first_line(error)}): {REPAIR}.") from error
    if labels.min() < 1 or labels.max() > 10:
        raise LabkitError(f"{path}: labels must lie between 1 and 10, which is a 0; {REPAIR}.")
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels % 10


def _check_pair(images: np.ndarray, labels: np.ndarray, where: str) -> None:
    if len(images) != len(labels):
        raise LabkitError(f"{where}: {len(images):,} images do not match {len(labels):,} labels; {REPAIR}.")
    if not len(labels):
        raise LabkitError(f"{where} hold no image: {REPAIR}.")
