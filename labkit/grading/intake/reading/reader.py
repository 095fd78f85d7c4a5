"""The one reader of what students wrote: notebooks and results.json, with every limit in front.

What comes out is written anew from what was checked, so that whatever follows may trust it. No text of a student's
stands in an error or a remark.
"""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.basics.pages.plain_text import tidy
from labkit.course.kernels import KERNEL
from labkit.course.notebooks import KERNELSPEC
from labkit.course.updating.known_cells import Cell
from labkit.grading.intake.reading.damage import conflict_line, mend
from labkit.grading.texts import MB, Refused, megabytes

MOST_BRACKETS = 400_000  # Python takes up to 230 bytes for each list or object in JSON, however little is in it
DEPTH = 100  # of JSON; parsers further down recurse, and end at about 1,000
KEPT_BYTES = 10 * MB  # of a notebook without its outputs
LARGEST_SOURCE, LARGEST_PICTURES = 1_000_000, 5_000_000  # characters of one cell
MOST_CELLS = 2_000
EXECUTED_BYTES = 40 * MB  # of an executed notebook; the course's have half a million
PICTURES = {"image/png", "image/jpeg", "image/gif"}  # SVG may hold scripts
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
AGAIN = "open it in JupyterLab, save it, and hand it in again"


@dataclass(frozen=True)
class Notebook:
    """A notebook as it was taken in.

    content: valid JSON of nbformat 4.5 without outputs, with the source, id, tags, grade_id and pasted pictures of each
        cell, and nothing else of the student's; empty for a file that cannot be read.
    remarks: a sentence for each thing that was left out and may matter, or why the file cannot be read.
    files: what the submission brings along for it, by the path from the notebook's folder.
    """

    content: bytes
    remarks: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def invalid(self) -> bool:
        """Whether the file could not be read."""
        return not self.content


def parse_json(content: bytes) -> Any:
    """Return what JSON holds; Refused for what is none, holds too many parts, or is nested too deeply."""
    refuse_many_parts(content)
    try:
        value = json.loads(content.removeprefix(codecs.BOM_UTF8))
    except (RecursionError, MemoryError):
        raise Refused("is not usable JSON: it is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"is not JSON ({error})") from None
    parts = [(value, 0)]
    while parts:
        part, depth = parts.pop()
        if depth > DEPTH:
            raise Refused("is not usable JSON: it is nested too deeply")
        if isinstance(part, (dict, list)):
            parts += [(inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part)]
    return value


def refuse_many_parts(content: bytes) -> None:
    """Raise Refused for JSON of so many lists and objects that parsing it would take all memory; it is not parsed."""
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise Refused(f"holds more than {MOST_BRACKETS:,} lists and objects: clear the outputs, and hand it in again")


def parse_notebook(content: bytes) -> Notebook:
    """Return a notebook as it is taken in; Refused for what is no notebook, or too large to be one.

    A cell that is broken is left out, and nothing else with it. Outputs go because the notebook is run anew, the
    metadata because it could ask for a kernel or a time limit of its own.
    """
    damage: list[str] = []
    refuse_many_parts(content)
    try:
        document = parse_json(content)
    except Refused:
        content, damage = mend(content)
        document = parse_json(content)
    version = document.get("nbformat") if isinstance(document, dict) else None
    if type(version) is not int:
        raise Refused(f"is not a notebook: {AGAIN}")
    if version != 4:
        raise Refused(f"has the notebook format {version}, but 4 is wanted: {AGAIN}")
    if not isinstance(raw := document.get("cells"), list):
        raise Refused(f"is not a notebook, for it has no list of cells: {AGAIN}")
    if len(raw) > MOST_CELLS:
        raise Refused(f"has {len(raw):,} cells, and at most {MOST_CELLS:,} are taken")
    cells = [cell for old in raw if (cell := _rebuilt(old))]
    if not cells:
        raise Refused(f"has no cell that can be read: {AGAIN}")
    _make_ids_unique(cells)
    rebuilt = {"cells": cells, "metadata": {"kernelspec": KERNELSPEC}, "nbformat": 4, "nbformat_minor": 5}
    written = json.dumps(rebuilt, ensure_ascii=False).encode()
    if len(written) > KEPT_BYTES:
        raise Refused(
            f"has {megabytes(len(written))} without its outputs, and at most {megabytes(KEPT_BYTES)} are taken"
        )
    return Notebook(written, (*damage, *_remarks(document, raw, cells)))


def executed_document(path: Path) -> dict[str, Any]:
    """Return an executed notebook as plain JSON, since untrusted code wrote its outputs; empty where it cannot be read.

    It has a list of cells, of which each is a table.
    """
    try:
        if path.stat().st_size > EXECUTED_BYTES:
            return {}
        content = path.read_bytes()
        refuse_many_parts(content)
        document = json.loads(content)
        cells = [as_dict(cell) for cell in document["cells"][:MOST_CELLS]]
    except (Refused, OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError):
        return {}
    return {**document, "cells": cells}


def cells_of(content: bytes) -> list[Cell]:
    """Return the cells of a notebook that was taken in, given its content."""
    return [
        Cell(
            cell["cell_type"],
            cell["source"],
            cell["id"],
            cell["metadata"].get("nbgrader", {}).get("grade_id", ""),
            frozenset(cell["metadata"].get("tags", ())),
            cell.get("attachments", {}),
        )
        for cell in json.loads(content)["cells"]
    ]


def _rebuilt(old: Any) -> dict[str, Any] | None:
    """Return a cell with what is known of it, each part of the right type; None where there is nothing to keep."""
    old = as_dict(old)
    kind, source = old.get("cell_type"), old.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if kind not in ("code", "markdown", "raw") or not isinstance(source, str) or len(source) > LARGEST_SOURCE:
        return None
    name, claimed = old.get("id"), as_dict(old.get("metadata"))
    metadata: dict[str, Any] = {}
    if isinstance(tags := claimed.get("tags"), list):
        metadata["tags"] = list(
            dict.fromkeys(tidy(tag) for tag in tags if isinstance(tag, str) and "," not in tag and tag)
        )
    if isinstance(grade_id := as_dict(claimed.get("nbgrader")).get("grade_id"), str):
        metadata["nbgrader"] = {"grade_id": tidy(grade_id)}
    valid = isinstance(name, str) and CELL_ID.fullmatch(name)
    cell = {"cell_type": kind, "id": name if valid else "", "metadata": metadata, "source": tidy(source)}
    if kind == "code":
        return {**cell, "outputs": [], "execution_count": None}
    return {**cell, "attachments": pictures} if (pictures := _pictures(old.get("attachments"))) else cell


def _make_ids_unique(cells: list[dict[str, Any]]) -> None:
    """Give an id to each cell that has none, or that of a cell before it."""
    taken = {cell["id"] for cell in cells}
    spare = (name for number in itertools.count(1) if (name := f"taken-in-{number}") not in taken)
    used = {""}
    for cell in cells:
        if cell["id"] in used:
            cell["id"] = next(spare)
        used.add(cell["id"])


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures that were pasted into a text cell, {file: {type: base64}}; none when they are too large."""
    by_file: dict[str, dict[str, str]] = {}
    for file, forms in as_dict(attachments).items():
        pictures = {
            kind: tidy(text) for kind, text in as_dict(forms).items() if kind in PICTURES and isinstance(text, str)
        }
        if pictures:
            by_file[tidy(file)] = pictures
    size = sum(len(file) + sum(map(len, forms.values())) for file, forms in by_file.items())
    return by_file if size <= LARGEST_PICTURES else {}


def _remarks(document: dict[str, Any], raw: list[Any], cells: list[dict[str, Any]]) -> Iterator[str]:
    """Say what was left out, and what the notebook's own metadata asks for and does not get."""
    metadata = as_dict(document.get("metadata"))
    spec, info = metadata.get("kernelspec", {}), as_dict(metadata.get("language_info"))
    usual = isinstance(spec, dict) and spec.keys() <= KERNELSPEC.keys()
    languages = [spec.get("language", "python"), info.get("name", "python")] if usual else []
    if not usual or spec.get("name", "python3") not in (KERNELSPEC["name"], KERNEL) or languages != ["python"] * 2:
        yield "The notebook names another kernel than the course: it runs in the course's."
    if metadata.keys() & {"execution", "allow_errors", "timeout"}:
        yield "The notebook's metadata sets rules for its own execution: dropped."
    if broken := [number for number, old in enumerate(raw, 1) if not _rebuilt(old)]:
        shown = f"{len(broken)} of {len(raw)} cells were dropped ({', '.join(map(str, broken[:5]))})"
        yield f"{shown}: of no known type, without a text, or over 1 MB."
    for number, cell in enumerate(cells, 1):
        if line := conflict_line(cell["source"]):
            yield f"Cell {number} holds the marks of a merge conflict in its line {line}."
    pasted = sum(bool(as_dict(old).get("attachments")) for old in raw)
    if lost := pasted - sum("attachments" in cell for cell in cells):
        yield f"The attachments of {lost} cells were dropped: no PNG, JPEG or GIF, or over 5 MB."


def as_dict(value: Any) -> dict[str, Any]:
    """Return a value that is a dictionary; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
