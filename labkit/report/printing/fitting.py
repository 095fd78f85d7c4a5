"""Pages without holes: evidence that does not fit below the text is made smaller, or goes to the next page's top.

Typst sets a figure where it stands, and leaves the rest of the page empty where it does not fit. Each such hole is
mended in turn, from the first page on, since what is mended moves all that follows.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LARGEST_HOLE = 0.12  # of the text's height
SMALLEST = 0.8  # of a figure's own size
ROUNDS = 24
PPI = 24
SPACING = 18  # points around a piece of evidence, roughly
INCH, PAGE_HEIGHT = 72, 841.89  # points; A4
TOP, BOTTOM = 65.2, 62.4  # margins of report.typ in points


@dataclass(frozen=True)
class Fix:
    """How a piece of evidence is mended: made smaller, or let go to the top of the next page."""

    scale: float = 1
    float: bool = False


def fixes_for(compiler: Any) -> dict[str, str]:
    """Return the inputs with which a document has no page that is left empty at its end, as far as they help."""
    fixes: dict[str, Fix] = {}
    tried: set[int] = set()
    for _ in range(ROUNDS):
        pages = compiler.compile(format="png", ppi=PPI, sys_inputs=_inputs(fixes))
        pages = [pages] if isinstance(pages, bytes) else pages
        marks = json.loads(compiler.query("<evidence>", field="value"))
        holes = [page for page, png in enumerate(pages[:-1], 1) if _rest(png) > LARGEST_HOLE and page not in tried]
        if not holes:
            break
        if not _mend(holes[0], _rest(pages[holes[0] - 1]), marks, fixes):
            tried.add(holes[0])
    return _inputs(fixes)


def _inputs(fixes: dict[str, Fix]) -> dict[str, str]:
    return {"fixes": json.dumps({key: asdict(fix) for key, fix in fixes.items()})}


def _rest(png: bytes) -> float:
    """Return the share of a page's text height that is empty below the text."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        rows = np.asarray(image.convert("L")).min(axis=1) < 250
    top, bottom = (round(points * PPI / INCH) for points in (TOP, PAGE_HEIGHT - BOTTOM))
    inked = np.flatnonzero(rows[top:bottom])
    return 1 - (inked[-1] + 1) / (bottom - top) if len(inked) else 1


def _mend(page: int, rest: float, marks: list[dict[str, Any]], fixes: dict[str, Fix]) -> bool:
    """Fix the hole at a page's end by the evidence that begins the next page; return whether there is some."""
    height = PAGE_HEIGHT - TOP - BOTTOM
    starts = {mark["key"]: mark for mark in marks if not mark["end"]}
    heights = {mark["key"]: mark["y"] - starts[mark["key"]]["y"] for mark in marks if mark["end"]}
    here, following = ([key for key, start in starts.items() if start["page"] == number] for number in (page, page + 1))
    floats = sum(heights[key] + SPACING for key in following if starts[key]["float"])
    flowing = [key for key in following if not starts[key]["float"]]
    if not flowing or starts[flowing[0]]["y"] > TOP + floats + height / 10:
        return False
    first = flowing[0]
    together = [key for key in (first, *here) if starts[key]["scalable"] and key not in fixes]
    needed = heights[first] + SPACING - rest * height
    scale = 1 - needed / max(sum(heights[key] for key in together), 1)
    if scale >= SMALLEST:
        fixes.update({key: Fix(scale=round(scale - 0.01, 3)) for key in together})
    else:
        fixes[first] = Fix(fixes.get(first, Fix()).scale, float=True)
    return True
