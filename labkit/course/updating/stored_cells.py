"""A notebook file taken apart into cells that keep the JSON they are stored as, and put together again.

Sources stay as they are, to the byte: line ends of Windows, spaces at the end of a line, a last line without an end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from labkit.basics.errors import LabkitError, first_line
from labkit.course.updating.known_cells import Cell

MOST_BYTES, MOST_CELLS = 100_000_000, 5_000  # far above what a student's notebook has, figures and all
KINDS = ("code", "markdown", "raw")
AGAIN = "open it in JupyterLab, look whether it is whole, and save it; or move it away, and it is laid there anew"


@dataclass(frozen=True, eq=False)
class StoredCell(Cell):
    """A cell with the JSON that it is stored as; its source is joined."""

    node: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """A notebook: its cells, and its metadata."""

    cells: list[StoredCell]
    metadata: dict[str, Any]


def read_book(content: bytes, name: str) -> Book:
    """Return a notebook of nbformat 4, as any editor saves it; LabkitError, which names it, for what is none."""
    if len(content) > MOST_BYTES:
        raise LabkitError(f"{name} has more than {MOST_BYTES // 1_000_000} MB: clear its outputs, and save it.")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise LabkitError(f"{name} is not a notebook any more ({first_line(error)[:80]}): {AGAIN}.") from error
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or document.get("nbformat") != 4:
        raise LabkitError(f"{name} is not a notebook of format 4: {AGAIN}.")
    if len(cells) > MOST_CELLS:
        raise LabkitError(f"{name} has {len(cells):,} cells, and at most {MOST_CELLS:,} are read.")
    taken = [_stored(node, f"Cell {number} of {name}") for number, node in enumerate(cells, 1)]
    return Book(taken, _as_dict(document.get("metadata")))


def to_bytes(nodes: list[dict[str, Any]], metadata: dict[str, Any], name: str) -> bytes:
    """Return the notebook as the JSON that Jupyter writes; LabkitError for a text that no file can hold."""
    written = [{**node, "source": node["source"].splitlines(keepends=True)} for node in nodes]
    document = {"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    try:
        return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    except UnicodeEncodeError as error:
        raise LabkitError(f"{name} holds half of a character, which no file can hold: {AGAIN}.") from error


def _stored(node: Any, where: str) -> StoredCell:
    """Return a cell; LabkitError, which says where it is, for what is none."""
    node = _as_dict(node)
    kind, source, metadata = node.get("cell_type"), node.get("source"), _as_dict(node.get("metadata"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if kind not in KINDS or not isinstance(source, str):
        raise LabkitError(f"{where} is no cell of a notebook: {AGAIN}.")
    names = (node.get("id"), metadata.get("id"))  # Colab keeps it in the metadata
    grade_id = _as_dict(metadata.get("nbgrader")).get("grade_id")
    tags = metadata.get("tags")
    kept: dict[str, Any] = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        kept["outputs"] = outputs if isinstance(outputs := node.get("outputs"), list) else []
        kept["execution_count"] = node.get("execution_count")
    elif attachments := _as_dict(node.get("attachments")):
        kept["attachments"] = attachments
    return StoredCell(
        kind,
        source,
        id=next((name for name in names if isinstance(name, str)), ""),
        grade_id=grade_id if isinstance(grade_id, str) else "",
        tags=frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset(),
        node=kept,
    )


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
