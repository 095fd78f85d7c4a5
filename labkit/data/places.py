"""Where data lie in a folder, under the names that people's files have. It looks at names, and reads no file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder, expanded
from labkit.data.known import KNOWN

NAMES = ("mnist", "cifar10")  # the data sets of the course; others stand in their places
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
SVHN_FILES = ("train_32x32.mat", "test_32x32.mat")
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

    Raises UsageError for what is neither "auto" nor "embedded", nor a published set that is here, nor a folder.
    """
    if data in KNOWN:
        place_of(data)
    elif data not in ("auto", "embedded"):
        if not expanded(data).is_dir():
            raise UsageError(
                f"{data} is not a folder: --data takes auto, embedded, the name of a set ({', '.join(KNOWN)}) or a "
                "folder that holds the images."
            )
        data = str(expanded(data).resolve())
    if os.environ.get("LABKIT_DATA"):
        os.environ["LABKIT_DATA"] = str(data_folder().resolve())
    return data


def place_of(name: str) -> Path:
    """Return where in the data folder a published set ("fashion-mnist") lies; UsageError where it does not."""
    folder = data_folder()
    if location := find(name, folder) if folder.is_dir() else None:
        return location
    same_name = f" A folder of that name is written ./{name}." if Path(name).is_dir() else ""
    raise UsageError(
        f"{KNOWN[name].title} is not in {folder}: run `labkit fetch {name}`, or name the folder that holds it in "
        f"LABKIT_DATA.{same_name}"
    )


def folder_of(data: str) -> Path:
    """Return the folder in which images are looked for with such `--data`."""
    return data_folder() if data in ("auto", "embedded", *KNOWN) else Path(data)


def taken_for(name: str, data: str) -> str:
    """Return which set is read for "mnist" or "cifar10" with such `--data`: the one that it names in its place."""
    return data if data in KNOWN and KNOWN[data].takes == name else name


def find(name: str, folder: Path) -> Path | None:
    """Return the folder inside `folder` that holds a published set, or one's own images for the course's; else None.

    name: "mnist" or "cifar10", for which any set in files of that kind is taken where people put theirs; of the others,
    what lies at the place of that name. Raises LabkitError for a link on the way that leads nowhere, and for a folder
    that may not be read.
    """
    bases = [folder, *inside(folder, "data")]
    if name not in NAMES:
        return next((place for base in bases for place in _places_by_name(name, base)), None)
    for base in bases:
        if name == "mnist":
            native = [path for place in ("MNIST/raw", "MNIST", "raw", "") for path in inside(base, place)]
            native = [path for path in native if holds_idx_files(path)]
        else:
            native = inside(base, CIFAR_FOLDER) or ([base] if _holds(base, (*CIFAR_FILES, *SVHN_FILES)) else [])
        if native:
            return native[0]
    for base in bases:
        for candidate in [*inside(base, name), base]:
            if inside(candidate, "train") and inside(candidate, "test"):
                return candidate
    return None


def _places_by_name(name: str, base: Path) -> list[Path]:
    """Return the folders in `base` that hold files of a set, where torchvision or people put them."""
    place = KNOWN[name].torchvision[1]
    folders = [path for where in (place, place.partition("/")[0], name) for path in inside(base, where)]
    return [path for path in folders if (holds_idx_files(path) if KNOWN[name].takes == "mnist" else holds_svhn(path))]


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


def holds_svhn(folder: Path) -> bool:
    """Whether a file of SVHN is there, and none of CIFAR-10."""
    return _holds(folder, SVHN_FILES) and not _holds(folder, CIFAR_FILES)


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
    if KNOWN[name].takes == "mnist" and holds_idx_files(location):
        return [existing(path) for path in idx_files(location).values()]
    if KNOWN[name].takes == "cifar10" and not inside(location, "train"):
        names = SVHN_FILES if holds_svhn(location) else (*CIFAR_FILES, "batches.meta")
        return [existing(path) for path in entries(location) if path.name in names]
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


def _holds(folder: Path, names: tuple[str, ...]) -> bool:
    return any(path.name in names for path in entries(folder))
