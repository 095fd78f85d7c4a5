"""Where data lie in a folder, under the names that people's files have. It looks at names, and reads no file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder, expanded

NAMES = ("mnist", "cifar10")  # the data sets of the course; others stand in their places
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
IDX_FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
# train-images-idx3-ubyte is train-images.idx3-ubyte on Kaggle, or "... (1).gz" after a second download.
IDX_NAME = re.compile(r"(train|t10k|test)[-._ ]?(images|labels)[-._ ]?idx[13][-._ ]?ubyte( ?\(\d+\))?(\.gz)?", re.I)
# What Macs, Windows, disk stations and Jupyter leave in folders, beside all that begins with a dot.
LITTER = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__"}


def settle(data: str) -> str:
    """Return what `--data` was given, so that it means the same in whatever folder notebooks run; so LABKIT_DATA, too.

    Raises UsageError for what is neither "auto" nor "embedded" nor a folder.
    """
    if data not in ("auto", "embedded"):
        if not expanded(data).is_dir():
            raise UsageError(f"{data} is not a folder: --data takes auto, embedded or a folder that holds the images.")
        data = str(expanded(data).resolve())
    if os.environ.get("LABKIT_DATA"):
        os.environ["LABKIT_DATA"] = str(data_folder().resolve())
    return data


def find(name: str, folder: Path) -> Path | None:
    """Return the folder inside `folder` that holds the data set "mnist" or "cifar10", or one's own images; else None.

    Raises LabkitError for a link on the way that leads nowhere, and for a folder that may not be read.
    """
    bases = [folder, *inside(folder, "data")]
    for base in bases:
        if name == "mnist":
            native = [path for place in ("MNIST/raw", "MNIST", "raw", "") for path in inside(base, place)]
            native = [path for path in native if holds_idx_files(path)]
        else:
            native = inside(base, CIFAR_FOLDER) or ([base] if _holds_batches(base) else [])
        if native:
            return native[0]
    for base in bases:
        for candidate in [*inside(base, name), base]:
            if inside(candidate, "train") and inside(candidate, "test"):
                return candidate
    return None


def idx_files(folder: Path) -> dict[str, Path]:
    """Return the file of each part that is there ("train images"), by whatever name; unpacked ones come first."""
    found: dict[str, Path] = {}
    for path in sorted(_idx_entries(folder), key=lambda path: (path.suffix.lower() == ".gz", path.name)):
        match = IDX_NAME.fullmatch(path.name)
        if match is None:
            continue
        if path.is_dir():  # Kaggle's archive, unpacked: a folder of the name of the file in it
            path = next((file for file in sorted(_idx_entries(path)) if file.is_file()), path)
        part = f"{'train' if match[1].lower() == 'train' else 'test'} {match[2].lower()}"
        if path.is_dir():
            raise LabkitError(f"{path} is a folder without such a file in it: copy the file itself there.")
        found.setdefault(part, path)
    return found


def holds_idx_files(folder: Path) -> bool:
    """Whether a file of MNIST's format is there."""
    return any(True for _ in _idx_entries(folder))


def inside(folder: Path, place: str) -> list[Path]:
    """Return the folder at that place, in capitals or not, in a list; [] where there is none."""
    found = folder
    for name in filter(None, place.split("/")):
        fitting = [path for path in entries(found) if path.name.casefold() == name.casefold()]
        fitting.sort(key=lambda path: path.name != name)
        folders = [path for path in fitting if existing(path).is_dir()]
        if not folders:
            return []
        found = folders[0]
    return [found]


def parts_to_read(name: str, folder: Path) -> list[Path]:
    """Return the files, and the folders of images, that are read where `folder` holds the data set; [] for none.

    Each is named as it is found from `folder`, through whatever links. Raises LabkitError for an image that is a link
    out of the folder of its class.
    """
    location = find(name, folder)
    if location is None:
        return []
    if name == "mnist" and holds_idx_files(location):
        return [existing(path) for path in idx_files(location).values()]
    if name == "cifar10" and not inside(location, "train"):
        return [existing(path) for path in entries(location) if path.name in (*CIFAR_FILES, "batches.meta")]
    parts = [path for part in ("train", "test") for path in inside(location, part)]
    classes = [path for part in parts for path in class_folders(part)]
    for path in (image for kind in classes for image in entries(kind)):
        if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            raise LabkitError(
                f"{path} is a link to {path.readlink()}, and the sandbox follows no link out of a class's folder: "
                f"copy the images (cp -rL {location} COPY), and name the copy."
            )
    return classes


def class_folders(part: Path) -> list[Path]:
    """Return the folders of classes in the folder of the training or the test images."""
    return [path for path in entries(part) if existing(path).is_dir()]


def existing(path: Path) -> Path:
    """Return the path; LabkitError where it is a link that leads nowhere."""
    if path.is_symlink() and not path.exists():
        raise LabkitError(
            f"{path} is a link to {path.readlink()}, where nothing is: correct it, or give what it leads to."
        )
    return path


def listing(folder: Path, most: int = 6) -> str:
    """Return what a folder holds, for a message: "a, b and 3 more"."""
    names = sorted(path.name for path in entries(folder))
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest if names else "nothing"


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, without what systems leave there; LabkitError where it cannot be read."""
    try:
        return [
            path for path in folder.iterdir() if not path.name.startswith(".") and path.name.casefold() not in LITTER
        ]
    except OSError as error:
        raise LabkitError(f"{folder} cannot be read ({error.strerror}): correct its permissions.") from error


def _idx_entries(folder: Path) -> Iterator[Path]:
    return (path for path in entries(folder) if IDX_NAME.fullmatch(path.name))


def _holds_batches(folder: Path) -> bool:
    return any(path.name in CIFAR_FILES for path in entries(folder))
