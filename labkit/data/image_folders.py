"""One's own images: a folder a class, read as a viewer shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labkit.basics.errors import LabkitError
from labkit.data.known import known_by_images
from labkit.data.places import class_folders, entries, inside, listing
from labkit.data.readers import Raw

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg"}
OTHER_IMAGES = {".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".jp2"}
EXPECTED = "train/<class>/*.png or *.jpg, and test/<class>/ alike"


def read_image_folder(folder: Path, channels: int, size: int) -> Raw:
    """Read `folder/train|test/<class>/*.png|jpg` as `channels` x `size` x `size`, resized where they differ.

    What is transparent shows the ground behind it: white, or black where the ink of all such images is light.
    LabkitError names the file or folder that is at fault.
    """
    parts = {part: inside(folder, part)[0] for part in ("train", "test")}
    class_names = tuple(sorted((path.name for path in class_folders(parts["train"])), key=_in_natural_order))
    if len(class_names) < 2:
        raise LabkitError(
            f"{parts['train']} holds fewer than two class folders: expected {EXPECTED}. "
            f"There are: {listing(parts['train'])}."
        )
    if strange := sorted({path.name for path in class_folders(parts["test"])} - set(class_names)):
        raise LabkitError(
            f"{parts['test'] / strange[0]} is a class that {parts['train']} lacks: add training images of it, or "
            "remove it."
        )
    paths = {
        part: [(label, path) for label, name in enumerate(class_names) for path in _images_of(parts[part], name)]
        for part in ("train", "test")
    }
    read = [(path, *_read_image(path, channels, size)) for part in paths.values() for _, path in part]
    images = _on_one_ground(read)
    labels = np.array([label for part in paths.values() for label, _ in part], dtype=np.int64)
    count = len(paths["train"])
    arrays = (images[:count], labels[:count], images[count:], labels[count:])
    known = known_by_images(arrays)
    lossy = any(path.suffix.lower() != ".png" for part in paths.values() for _, path in part)
    return Raw(
        *arrays,
        known.class_names if known else class_names,
        "JPEG files, slightly lossy" if lossy else "PNG files",
        known.title if known else f"images in the folder {folder.absolute().name}",
    )


def _in_natural_order(name: str) -> list[tuple[int, str]]:
    """Return what sorts "digit 2" before "digit 10"."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"([0-9]+)", name)]


def _images_of(part: Path, name: str) -> list[Path]:
    where = part / name
    files = sorted(entries(where)) if where.is_dir() else []
    for path in files:
        if path.suffix.lower() in OTHER_IMAGES:
            raise LabkitError(f"{path} is neither PNG nor JPEG: convert it, or remove it.")
    if paths := [path for path in files if path.suffix.lower() in SUFFIXES]:
        return paths
    raise LabkitError(f"{where} holds no .png or .jpg image: every class needs one or more.")


def _read_image(path: Path, channels: int, size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an image's ink (channels, size, size) over black, and how much of the ground it lets through.

    Both uint8; None for an image that is opaque.
    """
    from PIL import Image, ImageOps

    mode = "L" if channels == 1 else "RGB"
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)  # cameras store a turned image, and note how it is to be shown
            if image.mode.startswith("I"):  # 16 bits, which convert() would clip
                image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
            if not image.has_transparency_data:
                return _channels_first(_resized(image.convert(mode), size)), None
            image = image.convert("RGBA")
            black, alpha = Image.new("RGBA", image.size, (0, 0, 0, 255)), image.getchannel("A")
            ink = _resized(Image.alpha_composite(black, image).convert(mode), size)
            through = 255 - np.asarray(_resized(alpha, size))
            return _channels_first(ink), None if not through.any() else through
    except Exception as error:  # a damaged image raises almost anything
        raise LabkitError(f"{path} is not a readable image ({error}): replace or remove it.") from error


def _resized(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BILINEAR)


def _channels_first(image: Image.Image) -> np.ndarray:
    array = np.asarray(image, dtype=np.uint8)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _on_one_ground(read: list[tuple[Path, np.ndarray, np.ndarray | None]]) -> np.ndarray:
    """Return all images, what is transparent over one ground for all of them: the one that their ink stands out from.

    LabkitError for an image whose ink is lost on that ground.
    """
    images = np.stack([ink for _, ink, _ in read])
    transparent = [(index, through) for index, (_, _, through) in enumerate(read) if through is not None]
    if transparent:
        brightness = sum(float(images[index].mean(0).sum()) for index, _ in transparent)
        light = 2 * brightness > sum(float((255 - through.astype(float)).sum()) for _, through in transparent)
        for index, through in transparent if not light else []:
            images[index] = np.minimum(images[index].astype(np.uint16) + through, 255)
        for index, through in transparent:
            if through.min() != through.max() and images[index].min() == images[index].max():
                raise LabkitError(
                    f"{read[index][0]} shows nothing on a {'black' if light else 'white'} ground, which the other "
                    "transparent images are read on: give them all a ground of their own."
                )
    return images
