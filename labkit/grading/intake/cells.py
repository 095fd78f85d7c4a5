"""The cells of a notebook that a student wrote, read without trust.

A notebook is read as plain JSON, and of each cell only what is known is kept, each part of the right type. No text of
the student's stands in an error or a remark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.course.kernels import KERNEL
from labkit.grading.texts import tidy

LARGEST_NOTEBOOK = 20_000_000  # bytes, as of a whole submission
LARGEST_SOURCE, LARGEST_PICTURES = 1_000_000, 5_000_000  # characters of one cell
MOST_CELLS = 2_000
MOST_BRACKETS = 1_000_000  # Python takes 60 times the memory of an empty list in JSON, and seconds for 20 MB of them
PICTURES = {"image/png", "image/jpeg", "image/gif"}  # SVG may hold scripts
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
AGAIN = "open it in JupyterLab, save it, and hand it in again"


class Invalid(LabkitError):
    """What was handed in as a notebook cannot be run as one."""


@dataclass(frozen=True, eq=False)  # a cell equals itself alone
class Cell:
    """What is known of a cell. Its id ("" for none), grade_id and tags are what it claims to be."""

    kind: str  # code, markdown or raw
    source: str
    id: str = ""
    grade_id: str = ""
    tags: frozenset[str] = frozenset()
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    def same_as(self, other: Cell) -> bool:
        """Whether both come from the same cell of the course: by their id, or by a source that nobody changed."""
        return self.kind == other.kind and (self.id == other.id != "" or self.source == other.source != "")


def read_cells(submitted: bytes) -> tuple[list[Cell], list[str]]:
    """Return the cells of a student's notebook, and a sentence for each thing that was left out and may matter.

    Raises Invalid for what is no notebook, or too large to be one.
    """
    if len(submitted) > LARGEST_NOTEBOOK or submitted.count(b"[") + submitted.count(b"{") > MOST_BRACKETS:
        raise Invalid(
            f"The notebook has more than {LARGEST_NOTEBOOK / 1e6:.0f} MB, or more than {MOST_BRACKETS:,} lists and "
            "objects: clear its outputs, and hand it in again."
        )
    try:
        document = json.loads(submitted)
    except (ValueError, RecursionError, MemoryError):
        raise Invalid(f"This is not a notebook, for it is no JSON that can be read: {AGAIN}.") from None
    raw = document.get("cells") if isinstance(document, dict) else None
    if isinstance(document, dict) and document.get("nbformat") in (1, 2, 3):
        raise Invalid(f"The notebook has an old format, and only nbformat 4 is read: {AGAIN}.")
    if not isinstance(raw, list) or document.get("nbformat") != 4:
        raise Invalid(f"This is not a notebook of nbformat 4: {AGAIN}.")
    if not 0 < len(raw) <= MOST_CELLS:
        raise Invalid(f"The notebook has {len(raw):,} cells, and 1 to {MOST_CELLS:,} are read: {AGAIN}.")
    remarks = list(_odd_metadata(document.get("metadata")))
    cells = [cell for cell in map(_cell, raw) if cell is not None]
    if not cells:
        raise Invalid(f"The notebook has no cell that can be read: {AGAIN}.")
    if lost := len(raw) - len(cells):
        remarks.append(f"{lost} of {len(raw)} cells were dropped: of no known type, without a text, or over 1 MB.")
    if lost := sum(isinstance(old, dict) and bool(old.get("attachments")) for old in raw) - sum(
        bool(cell.attachments) for cell in cells
    ):
        remarks.append(f"The attachments of {lost} cells were dropped: no PNG, JPEG or GIF, or over 5 MB.")
    return cells, remarks


def _cell(old: Any) -> Cell | None:
    """Return what is known of a cell, or None where there is nothing to keep."""
    if not isinstance(old, dict):
        return None
    kind, source = old.get("cell_type"), old.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if kind not in ("code", "markdown", "raw") or not isinstance(source, str) or len(source) > LARGEST_SOURCE:
        return None
    metadata, name = _as_dict(old.get("metadata")), old.get("id")
    grade_id, tags = _as_dict(metadata.get("nbgrader")).get("grade_id"), metadata.get("tags")
    return Cell(
        kind,
        tidy(source),
        name if isinstance(name, str) and CELL_ID.fullmatch(name) else "",
        grade_id if isinstance(grade_id, str) else "",
        frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset(),
        _pictures(old.get("attachments")) if kind != "code" else {},
    )


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures that were pasted into a text cell, {file: {type: base64}}; none when they are too large."""
    kept: dict[str, dict[str, str]] = {}
    for file, forms in _as_dict(attachments).items():
        pictures = {
            kind: tidy(text) for kind, text in _as_dict(forms).items() if kind in PICTURES and isinstance(text, str)
        }
        if pictures:
            kept[tidy(file)] = pictures
    size = sum(len(file) + sum(map(len, forms.values())) for file, forms in kept.items())
    return kept if size <= LARGEST_PICTURES else {}


def _odd_metadata(metadata: Any) -> Iterator[str]:
    """Say what the notebook's own metadata asks for and does not get."""
    metadata = _as_dict(metadata)
    spec, info = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    usual = {"display_name", "language", "name"}
    if (
        not isinstance(spec, dict)
        or not spec.keys() <= usual
        or spec.get("name", "python3") not in ("python3", KERNEL)
        or [spec.get("language", "python"), _as_dict(info).get("name", "python")] != ["python"] * 2
    ):
        yield "The notebook names another kernel than the course: it runs in the course's."
    if metadata.keys() & {"execution", "allow_errors", "timeout"}:
        yield "The notebook's metadata sets rules for its own execution: dropped."


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
