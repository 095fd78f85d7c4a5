"""Pictures that untrusted code made, drawn anew for a page: small, and written by nobody but us.

A page is handed on and holds its pictures, so they are the most of it. A figure with 256 colours looks the same and
takes a third. Pillow reads them in a process of its own, which looks at the size before it reads the pixels.
"""

from __future__ import annotations

import atexit
import base64
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from labkit.grading.sandbox.helper import Helper, serve

LARGEST, MOST_PIXELS, LONGEST_SIDE = 2_000_000, 8_000_000, 6_000  # bytes; the course's have 50 kB
SECONDS, MEMORY = 20, 600_000_000  # for one picture
COLOURS, QUALITY = 256, 85  # of a PNG; of a JPEG
KINDS = {"image/png": "PNG", "image/jpeg": "JPEG"}


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds all of it; width and height in pixels."""

    address: str
    width: int
    height: int
    alt: str


def drawn_anew(text: str, kind: str, alt: str = "") -> tuple[Picture | None, int]:
    """Return what base64 holds as a picture drawn anew, and how many pixels were read for it.

    There is none where it holds no picture of `kind` (one of KINDS) and of bounded size.
    """
    if len(text) > 1.4 * LARGEST:
        return None, 0
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None, 0
    return _drawn_anew(content, kind, alt) if len(content) <= LARGEST else (None, 0)


@lru_cache(maxsize=100)  # right answers draw the same figures, about forty a submission
def _drawn_anew(content: bytes, kind: str, alt: str) -> tuple[Picture | None, int]:
    answer = PAINTER.ask([kind, base64.b64encode(content).decode()])
    if not answer:  # it took more than it may
        return None, MOST_PIXELS
    encoded, width, height = answer
    address = f"data:{kind};base64,{encoded}"
    return Picture(address, width, height, " ".join(alt.split())) if encoded else None, width * height


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
    """Return a picture in base64, an empty text if it cannot be drawn; and width and height of what was read of it."""
    from PIL import Image

    kind, text = request
    width = height = 0
    try:
        original = Image.open(io.BytesIO(base64.b64decode(text)), formats=[KINDS[kind]])  # looks at its head alone
        if not _fits(*original.size):
            return ["", 0, 0]
        width, height = original.size
        rgba = original.convert("RGBA")
        rgb = Image.new("RGB", rgba.size, "white")
        rgb.paste(rgba, mask=rgba.getchannel("A"))
        file = io.BytesIO()
        if kind == "image/png":
            rgb.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(file, "PNG", optimize=True)
        else:
            rgb.save(file, "JPEG", quality=QUALITY)
    except Exception:  # whatever is wrong with it, there is no picture
        return ["", width, height]
    content = file.getvalue()
    return [base64.b64encode(content).decode() if len(content) <= LARGEST else "", width, height]
