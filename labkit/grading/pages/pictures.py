"""Pictures that untrusted code made, drawn anew for a page: small, and written by nobody but us.

A page is handed on and holds its pictures, so they are the most of it. A figure with 256 colours looks the same and
takes a third. Pillow reads them in a process of its own, after the size that they claim was looked at here.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from labkit.grading.sandbox.helper import Helper, serve

LARGEST, MOST_PIXELS, LONGEST_SIDE = 2_000_000, 8_000_000, 6_000  # bytes; the course's have 50 kB
SECONDS, MEMORY = 20, 600_000_000  # for one picture
COLOURS, QUALITY = 256, 85  # of a PNG; of a JPEG
KINDS = {"image/png": "PNG", "image/jpeg": "JPEG"}
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers in front of width and height


@dataclass(frozen=True)
class Claimed:
    """What claims to be a picture: its bytes, a type of KINDS, and the size that stands in it, in pixels."""

    content: bytes
    kind: str
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds all of it; width and height in pixels."""

    address: str
    width: int
    height: int
    alt: str


def read_picture(text: str, kind: str) -> Claimed | None:
    """Return what base64 holds; None unless it begins as `kind` (one of KINDS) does, and is of bounded size."""
    if len(text) > 1.4 * LARGEST:
        return None
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        width, height = {"image/png": _png_size, "image/jpeg": _jpeg_size}[kind](content)
    except (binascii.Error, ValueError, struct.error, IndexError, KeyError):
        return None
    return Claimed(content, kind, width, height) if len(content) <= LARGEST and _fits(width, height) else None


@lru_cache(maxsize=100)  # right answers draw the same figures, about forty a submission
def drawn_anew(claimed: Claimed, alt: str = "") -> Picture | None:
    """Return a picture drawn anew; None for one that cannot be read after all."""
    answer = PAINTER.ask([claimed.kind, base64.b64encode(claimed.content).decode()])
    if not answer or not answer[0]:
        return None
    address, width, height = answer
    return Picture(f"data:{claimed.kind};base64,{address}", width, height, " ".join(alt.split()))


def _fits(width: int, height: int) -> bool:
    return 0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS


class _Painter(Helper):
    program = f"from {__name__} import main; main()"


PAINTER = _Painter(SECONDS)  # of this process
atexit.register(PAINTER.end)


def main() -> None:
    """In the process: draw anew what is asked for."""
    import PIL.Image
    import PIL.JpegImagePlugin
    import PIL.PngImagePlugin  # noqa: F401 - their size counts as loaded

    serve(_drawn, MEMORY)


def _drawn(request: Any) -> list[Any]:
    """Return a picture in base64 with its width and height; an empty text for one that cannot be read."""
    from PIL import Image

    kind, text = request
    try:
        old = Image.open(io.BytesIO(base64.b64decode(text)), formats=[KINDS[kind]])
        if not _fits(*old.size):  # a file may claim two sizes
            return ["", 0, 0]
        whole = old.convert("RGBA")
        plain = Image.new("RGB", whole.size, "white")
        plain.paste(whole, mask=whole.getchannel("A"))
        file = io.BytesIO()
        if kind == "image/png":
            plain.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(file, "PNG", optimize=True)
        else:
            plain.save(file, "JPEG", quality=QUALITY)
    except Exception:  # whatever is wrong with it, there is no picture
        return ["", 0, 0]
    content = file.getvalue()
    return [base64.b64encode(content).decode() if len(content) <= LARGEST else "", *plain.size]


def _png_size(content: bytes) -> tuple[int, int]:
    if not content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or not content.endswith(b"IEND\xaeB`\x82"):
        raise ValueError
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int]:
    if not content.startswith(b"\xff\xd8\xff"):
        raise ValueError
    place = 2
    while content[place] == 0xFF:
        if content[place + 1] in FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + max(2, struct.unpack(">H", content[place + 2 : place + 4])[0])
    raise ValueError
