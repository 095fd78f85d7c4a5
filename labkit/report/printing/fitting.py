"""Pages without holes: evidence that does not fit below the text is made smaller, or goes to the next page's top.

Typst sets a figure where it stands, and leaves the rest of the page empty where it does not fit. Each such hole is
mended in turn, from the first page on, since what is mended moves all that follows. Evidence and the boxes behind it
keep their order, and a box that would open a page is drawn back to its evidence where that can give it room.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

LARGEST_HOLE = 0.12  # of the text's height
SMALLEST = 0.8  # of a figure's own size
LARGEST_FLOAT = 0.2  # of the text's height, for a box: a longer one has to go on from page to page
ROUNDS = 32
PPI = 24
SPACING = 16  # points around a piece of evidence, roughly
CAPTION = 45  # points of a figure that stay as they are when it is made smaller, roughly
BEGINNING = 60  # points of a box that has to stand with its evidence: two lines and the space around them
INCH, PAGE_HEIGHT = 72, 841.89  # points; A4
TOP, BOTTOM = 65.2, 62.4  # margins of report.typ in points
HEIGHT = PAGE_HEIGHT - TOP - BOTTOM


@dataclass(frozen=True)
class Fix:
    """How a piece of evidence is mended: made smaller, or let go to the top of the next page."""

    scale: float = 1
    float: bool = False


@dataclass(frozen=True)
class Piece:
    """Where a figure, table, pair or box begins and ends: pages from 1, and points from a page's top."""

    key: str
    page: int
    y: float
    last_page: int
    end: float
    box: bool
    scalable: bool
    floats: bool

    @property
    def height(self) -> float:
        """Points on the page on which it begins."""
        return self.end - self.y if self.page == self.last_page else PAGE_HEIGHT - BOTTOM - self.y


Fixes = dict[str, Fix]


def fixes_for(compiler: Any) -> dict[str, str]:
    """Return the inputs with which a document has no page that is left empty at its end, as far as they help."""
    fixes: Fixes = {}
    tried: set[tuple[str, int]] = set()
    for _ in range(ROUNDS):
        pages = compiler.compile(format="png", ppi=PPI, sys_inputs=_inputs(fixes))
        rests = [_rest(png) for png in ([pages] if isinstance(pages, bytes) else pages)]
        pieces = _pieces(json.loads(compiler.query("<evidence>", field="value")))
        if not any(_mend(fault, rests, pieces, fixes, tried) for fault in _faults(rests, pieces)):
            break
    return _inputs(fixes)


def _inputs(fixes: Mapping[str, Fix]) -> dict[str, str]:
    return {"fixes": json.dumps({key: asdict(fix) for key, fix in fixes.items()})}


def _rest(png: bytes) -> float:
    """Return the share of a page's text height that is empty below the text."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        rows = np.asarray(image.convert("L")).min(axis=1) < 250
    top, bottom = (round(points * PPI / INCH) for points in (TOP, PAGE_HEIGHT - BOTTOM))
    inked = np.flatnonzero(rows[top:bottom])
    return 1 - int(inked[-1] + 1) / (bottom - top) if len(inked) else 1


def _pieces(marks: Iterable[Mapping[str, Any]]) -> list[Piece]:
    """Return what the marks of a document tell, in the order of its text."""
    starts, ends = ({mark["key"]: mark for mark in marks if mark["end"] is end} for end in (False, True))
    return [
        Piece(
            str(key),
            start["page"],
            start["y"],
            ends[key]["page"],
            ends[key]["y"],
            start["box"],
            start["scalable"],
            start["float"],
        )
        for key, start in sorted(starts.items())
    ]


def _faults(rests: list[float], pieces: list[Piece]) -> Iterator[tuple[str, int]]:
    """Yield what is to be mended: the place in `pieces` of one above its forerunner, and pages with a poor end."""
    evidence: list[Piece] = []  # of the section, for a box; of all that came, for evidence
    behind_box = 0
    for index, piece in enumerate(pieces):
        before = evidence[behind_box:] if piece.box else evidence
        overtaken = any(one.floats and (one.page, one.y) > (piece.page, piece.y) for one in before)
        if overtaken and not piece.floats and (not piece.box or piece.height < LARGEST_FLOAT * HEIGHT):
            yield "order", index
            return
        if piece.floats and any(not one.floats and (one.page, one.y) > (piece.page, piece.y) for one in pieces[:index]):
            yield "early", index
        if piece.box:
            behind_box = len(evidence)
        else:
            evidence.append(piece)
    for page, rest in enumerate(rests[:-1], 1):
        first = _first(page + 1, pieces)
        if rest > LARGEST_HOLE and first and not first.box:
            yield "hole", page
        elif first and first.box:
            yield "box", page


def _first(page: int, pieces: list[Piece]) -> Piece | None:
    """Return the piece with which a page begins, but for what floats above it."""
    here = [piece for piece in pieces if piece.page == page]
    floats = sum(piece.height + SPACING for piece in here if piece.floats)
    flowing = [piece for piece in here if not piece.floats]
    return flowing[0] if flowing and flowing[0].y <= TOP + floats + (20 if flowing[0].box else HEIGHT / 10) else None


def _mend(
    fault: tuple[str, int], rests: list[float], pieces: list[Piece], fixes: Fixes, tried: set[tuple[str, int]]
) -> bool:
    """Change the fixes so that a fault may go; return whether they have changed."""
    kind, place = fault
    if kind == "order":
        key = pieces[place].key
        fixes[key] = replace(fixes.get(key, Fix()), float=True)
        return True
    if fault in tried:
        return False
    if kind == "early":  # what floated has found room where it belongs, and stands above what comes before it
        tried.add(fault)
        key = pieces[place].key
        fixes[key] = replace(fixes[key], float=False)
        return True
    if not (first := _first(place + 1, pieces)):
        return False
    room = rests[place - 1] * HEIGHT
    here = [piece for piece in pieces if piece.page == place and piece.scalable]
    if kind == "box":
        if _shrink(here, min(first.height + SPACING, BEGINNING) - room, fixes):
            return True
        tried.add(fault)
        return False
    needed = first.height + SPACING - room
    together = [*here, first] if first.scalable else here
    behind = pieces[pieces.index(first) + 1 :][:1]
    followed = sum(
        min(one.height + SPACING, BEGINNING) for one in behind if one.box and one.y < first.end + 2 * SPACING
    )
    if _shrink(together, needed + followed, fixes) or _shrink(together, needed, fixes):
        return True
    fixes[first.key] = replace(fixes.get(first.key, Fix()), float=True)
    return True


def _shrink(pieces: Iterable[Piece], needed: float, fixes: Fixes) -> bool:
    """Make pieces smaller by `needed` points in all; return whether they could be."""
    scales = {piece: fixes.get(piece.key, Fix()).scale for piece in pieces}
    drawn = {piece: max(piece.height - CAPTION, piece.height / 2) for piece in scales}
    room = {piece: drawn[piece] * (1 - SMALLEST / scale) for piece, scale in scales.items()}
    share = (max(needed, 0) + 4) / max(sum(room.values()), 1)
    if share > 1:
        return False
    for piece, scale in scales.items():
        smaller = round(scale * (1 - share * room[piece] / drawn[piece]), 3)
        fixes[piece.key] = replace(fixes.get(piece.key, Fix()), scale=max(smaller, SMALLEST))
    return True
