"""Which images are read where `data` names a source: the data folder, a published set, a folder, the embedded ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder, expanded
from labkit.data import embedded
from labkit.data.image_folders import read_image_folder
from labkit.data.known import KNOWN
from labkit.data.places import (
    CIFAR_FILES,
    CIFAR_FOLDER,
    IDX_FILES,
    NAMES,
    find,
    holds_idx_files,
    holds_svhn,
    inside,
    listing,
    place_of,
    taken_for,
)
from labkit.data.readers import Raw, read_cifar10, read_mnist, read_svhn

TITLES = {name: KNOWN[name].title for name in NAMES}  # of the data sets of the course
SHAPES = {"mnist": (1, 28), "cifar10": (3, 32)}  # channels, height and width


def read(name: str, source: str | Path) -> Raw:
    """Return the images of "mnist" or "cifar10" from a source; both arguments, and what is raised, as in `load`."""
    raw = _read(name, source)
    _refuse_unusable(raw)
    return raw


def _read(name: str, source: str | Path) -> Raw:
    if source in KNOWN and source == taken_for(name, str(source)):
        return _read_by_name(source)
    if str(source) == "auto" or source in KNOWN:  # the set that it names stands in the other place
        folder = data_folder()
        if folder.is_dir():
            if raw := _read_folder(name, folder):
                return raw
        elif os.environ.get("LABKIT_DATA"):
            raise UsageError(
                f"LABKIT_DATA names {folder}, which is not a folder: give its absolute path, "
                "fill it with `labkit fetch`, or unset LABKIT_DATA."
            )
    elif str(source) != "embedded":
        folder = expanded(source)
        if not folder.is_dir():
            raise UsageError(
                f"{source} is not a folder: data is 'auto', 'embedded', the name of a set ({', '.join(KNOWN)}) or a "
                "folder that holds the images."
            )
        if raw := _read_folder(name, folder):
            return raw
        others = [
            f" For {known.title}: --data {other}, with this folder in LABKIT_DATA."
            for other, known in KNOWN.items()
            if known.takes == name and find(other, folder)
        ]
        raise UsageError(
            f"{folder} holds no {TITLES[name]}: expected {_expected(name)} in it, or images of your own in "
            f"train/<class>/ and test/<class>/, or in {name}/ the same. There are: {listing(folder)}."
            f"{''.join(others)}"
        )
    return embedded.embedded_digits() if name == "mnist" else embedded.drawn_shapes()


def _read_by_name(name: str) -> Raw:
    """Return a published set from the data folder; LabkitError where what lies at its place is not that set."""
    place = place_of(name)
    raw = _read_folder(name, data_folder())
    if raw is None or raw.title != KNOWN[name].title:
        raise LabkitError(
            f"{place} does not hold {KNOWN[name].title} as it was published: delete what is there, and run "
            f"`labkit fetch {name}`, or take it for what it is with --data {place}."
        )
    return raw


def _expected(name: str) -> str:
    if name == "cifar10":
        return f"{CIFAR_FOLDER}/ with {CIFAR_FILES[0]} and the others"
    return f"{', '.join(IDX_FILES.values())} (plain or .gz, in MNIST/raw/, raw/ or the folder itself)"


def _read_folder(name: str, folder: Path) -> Raw | None:
    location = find(name, folder)
    if location is None:
        return None
    takes = KNOWN[name].takes
    if takes == "mnist" and holds_idx_files(location):
        return read_mnist(location)
    if takes == "cifar10" and not inside(location, "train"):
        return read_svhn(location) if holds_svhn(location) else read_cifar10(location)
    return read_image_folder(location, *SHAPES[takes])


def _refuse_unusable(raw: Raw) -> None:
    """Raise LabkitError for images from which nothing can be learned."""
    counts = np.bincount(raw.train_labels, minlength=len(raw.class_names))
    if len(counts) < 2:
        raise LabkitError(f"{raw.title}: there is one class only, and two or more are needed.")
    if counts.min() < 2:
        raise LabkitError(
            f"{raw.title}: class {raw.class_names[counts.argmin()]!r} has one training image only. Two or more are "
            "needed, one to train on and one to hold back: add images of it."
        )
    for part, images in (("training", raw.train_images), ("test", raw.test_images)):
        if not any(image.min() != image.max() for image in images):
            raise LabkitError(f"{raw.title}: no {part} image shows anything, for each is of one colour alone.")
