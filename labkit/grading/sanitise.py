"""What a submission wrote, printed and drew, made harmless and bounded for a page. Imports cells and untrusted.

Texts stay texts: the templates escape them. Only what is returned as Markup is not escaped again: tables and prose,
from libraries that let a few elements without any address or style through.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from labkit.grading.cells import tidy
from labkit.grading.untrusted import ESCAPES

LONGEST = 20_000  # characters that are shown of one text
LARGEST_TABLE, MOST_TAGS = 200_000, 4_000  # characters; a parser's time grows with the square of the elements
LARGEST_PROSE, MOST_FIELDS = 20_000, 5_000  # characters; fields that a table of Markdown may be filled up to
LARGEST_PICTURE, MOST_PIXELS, LONGEST_SIDE = 2_000_000, 8_000_000, 6_000  # bytes; the course's have 50 kB
TABLE = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea", "select"}
SPANS = {"th": {"colspan", "rowspan"}, "td": {"colspan", "rowspan"}}
PROSE = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink", "reference"])
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers in front of width and height


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds all of it; width and height in pixels."""

    address: str
    width: int
    height: int
    alt: str


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text of any number of lines without terminal escapes and characters that cannot be seen.

    Of a text that is too long, the beginning and the end remain.
    """
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters are left out here …\n{text[-half:]}"
    text = ESCAPES.sub("", tidy_lines(text))
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    kept = "\n\t"
    return "".join(char for char in text if char in kept or unicodedata.category(char)[0] != "C")


def tidy_lines(text: str) -> str:
    """Return a text as a terminal would leave it: of what was written over in a line, only the last."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tidy("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def table(html: str) -> Markup | None:
    """Return the tables in HTML and the text around them, nothing else; None without a table, or for a large one.

    nh3 (ammonia) parses as browsers do, and writes anew what it let through.
    """
    tags = html.count("<")
    if "<table" not in html or len(html) > LARGEST_TABLE or tags > MOST_TAGS:
        return None
    return Markup(
        nh3.clean(
            shown(html, LARGEST_TABLE),
            tags=TABLE,
            clean_content_tags=DROPPED,
            attributes=SPANS,
            attribute_filter=lambda tag, name, value: value if re.fullmatch(r"[1-9]\d?", value) else None,
            generic_attribute_prefixes=set(),
            link_rel=None,
        )
    )


def prose(text: str) -> Markup | None:
    """Return Markdown as HTML; None for what is better shown as it was written, because it is long or odd.

    HTML in it stays text, and so do links and pictures. Headings begin at the third level.
    """
    text = shown(text, LARGEST_PROSE)
    lines = text.split("\n")
    if len(lines) * max(line.count("|") for line in lines) > MOST_FIELDS:
        return None
    try:
        tokens = PROSE.parse(text)
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
        return Markup(PROSE.renderer.render(tokens, PROSE.options, {}))
    except RecursionError:
        return None


def picture(text: str, kind: str, alt: str = "") -> Picture | None:
    """Return a picture in base64; None unless it is what `kind` (image/png or image/jpeg) says, and of bounded size."""
    if len(text) > 1.4 * LARGEST_PICTURE:
        return None
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        width, height = {"image/png": _png_size, "image/jpeg": _jpeg_size}[kind](content)
    except (binascii.Error, ValueError, struct.error, IndexError, KeyError):
        return None
    fits = 0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS
    if not fits or len(content) > LARGEST_PICTURE:
        return None
    return Picture(f"data:{kind};base64,{base64.b64encode(content).decode()}", width, height, " ".join(alt.split()))


def without_paths(text: str) -> str:
    """Return a text with names in place of this machine's folders: what students get back tells no paths."""
    return PATHS.sub(lambda found: NAMES[found.group()], text)


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


def _names() -> dict[str, str]:
    """Return the folders of this machine that a traceback or a warning may tell, and what stands in their place."""
    course = Path(__file__).resolve().parents[2]
    python = {Path(sys.base_prefix): "(Python)", Path(sys.prefix): "(Python)"}
    places = {Path.home(): "~", course: "(course)", **python}
    forms = {form: name for place, name in places.items() for form in (place, place.resolve())}
    return {str(form): name for form, name in forms.items() if len(form.parts) > 1}


NAMES = _names()
PATHS = re.compile("|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True)))
