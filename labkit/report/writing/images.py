"""The images of a report: the run's figures, and those that the student laid beside the report's source."""

from __future__ import annotations

import copy
import io
import re
import unicodedata
import urllib.parse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.report.results import files_of
from labkit.report.writing.pandoc import Tree, elements
from labkit.report.writing.source import Source, nearest, short
from labkit.report.writing.typesetting import compile_typst

KINDS = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"}
LARGEST_MB = 20  # of an image as it lies there
LARGEST_PIXELS = 100e6
SIDE = 2400  # pixels of the longer side that an image keeps: 300 a printed inch and more
TOGETHER_MB = 8  # the student's own images, as they go into the report
INK = re.compile(rb"<(?:\w+:)?svg[\s>]")


@dataclass(frozen=True)
class Image:
    """An image's bytes, fit for report and zip, and what they are: png, jpeg, gif, webp or svg."""

    content: bytes
    kind: str

    @property
    def mime(self) -> str:
        """Return the media type."""
        return "image/svg+xml" if self.kind == "svg" else f"image/{self.kind}"


class Images:
    """The images that a tree names, read and checked; `own` are the student's, by their path beside the source."""

    def __init__(self, source: Source, folder: Path, results: dict[str, Any]) -> None:
        self.source, self.folder = source, folder
        self.of_run = {file for section in results["notebooks"].values() for file in files_of(section)}
        self.all: dict[str, Image] = {}
        self.own: dict[str, str | bytes] = {}

    def take(self, tree: Tree) -> list[str]:
        """Read every image of the tree, and return a sentence for each that cannot be taken."""
        faults = []
        urls = [element["c"][2][0] for element in elements(tree["blocks"]) if element["t"] == "Image"]
        for url in dict.fromkeys(urls):
            try:
                self.all[url] = self._read(url)
            except (_Refused, OSError) as problem:
                name = urllib.parse.unquote(url)
                line = self.source.line_of(name) or self.source.line_of(url)
                why = f"cannot be read ({problem.strerror})." if isinstance(problem, OSError) else str(problem)
                faults.append(self.source.at(line, f"the image {short(name)} {why}"))
        size = sum(map(len, self.own.values())) / 1e6
        if size > TOGETHER_MB:
            largest = max(self.own, key=lambda name: len(self.own[name]))
            faults.append(
                f"your images have {size:.0f} MB together, and a report may hold {TOGETHER_MB} MB: make them smaller, "
                f"first of all {largest}."
            )
        return faults

    def placed(self, tree: Tree, name: Callable[[int, Image], str]) -> Tree:
        """Return a copy of the tree whose images have the addresses that `name` gives them."""
        addresses = {url: name(number, image) for number, (url, image) in enumerate(self.all.items(), 1)}
        tree = copy.deepcopy(tree)
        for element in elements(tree["blocks"]):
            if element["t"] == "Image":
                element["c"][2][0] = addresses[element["c"][2][0]]
        return tree

    def _read(self, url: str) -> Image:
        if url in self.of_run:
            return Image((self.folder / url).read_bytes(), "svg" if url.endswith(".svg") else "png")
        if re.match(r"(?:[a-z][a-z0-9+.-]+:|//)", url, re.IGNORECASE):
            raise _Refused(f"is not fetched: save it beside {self.source.path.name}, and write its name.")
        path = self._find(url)
        if path.stat().st_size > LARGEST_MB * 1e6:
            raise _Refused(f"has more than {LARGEST_MB} MB: make it smaller.")
        image = _fit(path.read_bytes())
        root = self.source.folder.resolve()
        self.own[unicodedata.normalize("NFC", path.relative_to(root).as_posix())] = image.content
        return image

    def _find(self, url: str) -> Path:
        """Return the file that an address means; it may be written with %20, backslashes, or other Unicode forms."""
        root = self.source.folder.resolve()
        beside = self.source.path.name
        for name in dict.fromkeys([url, urllib.parse.unquote(url), urllib.parse.unquote(url).replace("\\", "/")]):
            path = root / name
            if not path.is_file() and path.parent.is_dir():
                wanted = unicodedata.normalize("NFC", path.name)
                same = (file for file in path.parent.iterdir() if unicodedata.normalize("NFC", file.name) == wanted)
                path = next(same, path)
            if path.exists() or ".." in Path(name).parts or Path(name).is_absolute():
                if not path.resolve().is_relative_to(root):
                    raise _Refused(f"lies outside of the report's folder: copy it beside {beside}, and write its name.")
                if path.is_file():
                    return path.resolve()
                raise _Refused("is no file: name an image.")
        there = [file.name for file in root.iterdir() if file.suffix.lower() in SUFFIXES]
        raise _Refused(f"is not there: put it beside {beside}.{nearest(urllib.parse.unquote(url), there)}")


class _Refused(Exception):
    """Why an image is not taken, as the rest of a sentence."""


def _fit(content: bytes) -> Image:
    """Return an image as it goes into the report: upright, and no larger than print needs."""
    import typst
    from PIL import Image as pillow
    from PIL import ImageOps, UnidentifiedImageError

    image = Image(content, "svg")
    if not INK.search(content[:4096]):
        try:
            with warnings.catch_warnings(action="ignore"), pillow.open(io.BytesIO(content)) as opened:
                if (kind := KINDS.get(str(opened.format))) is None:
                    raise UnidentifiedImageError
                if opened.width * opened.height > LARGEST_PIXELS:
                    raise _Refused(f"has {opened.width:,} x {opened.height:,} pixels: make it smaller.")
                image = Image(content, kind)
                turned = opened.getexif().get(0x0112, 1) != 1
                if (turned or max(opened.size) > SIDE) and not getattr(opened, "is_animated", False):
                    upright = ImageOps.exif_transpose(opened)
                    upright.thumbnail((SIDE, SIDE))
                    buffer = io.BytesIO()
                    upright.save(buffer, opened.format, quality=88)
                    image = Image(buffer.getvalue(), kind)
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
            raise _Refused("is no PNG, JPEG, GIF, WebP or SVG that can be read: save it as one of them.") from error
    try:
        compile_typst(f'#image("image.{image.kind}")', {f"image.{image.kind}": image.content})
    except typst.TypstError as error:
        raise _Refused(f"cannot be read ({error.message}): save it anew.") from error
    return image
