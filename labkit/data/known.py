"""The published sets that are known by their content, whatever their files and folders are called.

A set of the same shape with other content (cut, changed, or another set altogether) is never told under their names.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Known:
    """A published set.

    takes: the data set of the course in whose place it can stand, "mnist" or "cifar10"; so its shape.
    torchvision: the class that downloads it, and the place in the data folder where its files then lie.
    files: for each file that holds it, in the reader's order, the MD5 of its content and, where that is published
        packed, of the packed file.
    images: `digest` of its images and labels, for when they lie in folders; empty where nobody has measured it.
    """

    title: str
    takes: str
    torchvision: tuple[str, str]
    class_names: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]
    images: str = ""


# By the name that `labkit fetch` and `--data` take. MD5 of packed files, CIFAR-10's and SVHN's: torchvision's source.
KNOWN = {
    "mnist": Known(
        "MNIST",
        "mnist",
        ("MNIST", "MNIST/raw"),
        DIGITS,
        (
            ("6bbc9ace898e44ae57da46a324031adb", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("a25bea736e30d166cdddb491f175f624", "d53e105ee54ea40749a09fcbcd1e9432"),
            ("2646ac647ad5339dbf082846283269ea", "9fb629c4189551a2d022fa330f9573f3"),
            ("27ae3e4e09519cfbb04c329615203637", "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
        "1d47eecfdc715ce6e452a6aee1ed22e3fe2b38ecfd9836081450890df36d81bf",
    ),
    "fashion-mnist": Known(
        "Fashion-MNIST",
        "mnist",
        ("FashionMNIST", "FashionMNIST/raw"),
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (
            ("f4a8712d7a061bf5bd6d2ca38dc4d50a", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("9018921c3c673c538a1fc5bad174d6f9", "25c81989df183df01b3e8a0aad5dffbe"),
            ("8181f5470baa50b63fa0f6fddb340f0a", "bef4ecab320f06d8554ea6380940ec79"),
            ("15d484375f8d13e6eb1aabb0c3f46965", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    ),
    "kmnist": Known(
        "KMNIST",
        "mnist",
        ("KMNIST", "KMNIST/raw"),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        (
            ("bdb82020997e1d708af4cf47b453dcf7",),
            ("e144d726b3acfaa3e44228e80efcd344",),
            ("5c965bf0a639b31b8f53240b1b52f4d7",),
            ("7320c461ea6c1c855c0b718fb2a4b134",),
        ),
    ),
    "cifar10": Known(
        "CIFAR-10",
        "cifar10",
        ("CIFAR10", "cifar-10-batches-py"),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        (
            ("c99cafc152244af753f735de768cd75f",),
            ("d4bba439e000b95fd0a9bffe97cbabec",),
            ("54ebc095f3ab1f0389bbae665268c751",),
            ("634d18415352ddfa80567beed471001a",),
            ("482c414d41f54cd18b22e5b47cb7c3cb",),
            ("40351d587109b95175f43aff81a1287e",),
        ),
        "ffbb48dbe49cab22a9277f1651f653c08afd9a61beecffd8cea96a16c837c77d",  # of the JPEG files behind our reference
    ),
    "svhn": Known(
        "SVHN",
        "cifar10",
        ("SVHN", "SVHN"),
        DIGITS,
        (("e26dedcc434d2e4c54c9b2d4a06d8373",), ("eb5a983be6a315427106f1b164d9cef3",)),
    ),
}


def known_by_files(paths: list[Path], contents: list[bytes]) -> Known | None:
    """Return the set whose files these are, given what each file holds unpacked; None for any other."""
    found = _of_files([_md5(content) for content in contents])
    return found or _of_files([_md5(_packed(*pair)) for pair in zip(paths, contents, strict=True)])


def known_by_images(arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> Known | None:
    """Return the set whose images and labels of both parts these are, in whatever order; None for any other."""
    found = digest(*arrays)
    return next((known for known in KNOWN.values() if known.images == found), None)


def digest(train_images: np.ndarray, train_labels: np.ndarray, test_images: np.ndarray, test_labels: np.ndarray) -> str:
    """Return a digest of images and labels that does not depend on their order within a part; MNIST takes 0.1 s."""
    sums = []
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        rows = np.ascontiguousarray(images).reshape(len(images), -1)
        each = (
            hashlib.blake2b(row.data, digest_size=16, salt=int(label).to_bytes(4, "little")).digest()
            for row, label in zip(rows, labels, strict=True)
        )
        sums.append(sum(int.from_bytes(one, "little") for one in each) % 2**128)
    return f"{sums[0]:032x}{sums[1]:032x}"


def _of_files(digests: list[str]) -> Known | None:
    for known in KNOWN.values():
        if len(known.files) == len(digests) and all(map(tuple.__contains__, known.files, digests)):
            return known
    return None


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _packed(path: Path, content: bytes) -> bytes:
    """Return the packed form of a file, where it or the one beside it is one of this content; else nothing."""
    for packed in (path, path.with_name(f"{path.name}.gz")):
        if packed.is_file():
            found = packed.read_bytes()
            # a packed file ends in the checksum and the length of what it holds
            if found[:2] == b"\x1f\x8b" and found[-8:] == struct.pack("<2I", zlib.crc32(content), len(content)):
                return found
    return b""
