"""temporary"""

from __future__ import annotations

import json
import re
from typing import Any

from labkit.grading.texts import MB, Refused, megabytes

KEPT_BYTES = 10 * MB  # of a notebook without its outputs
CELLS = 2_000  # of a notebook
DEPTH = 100  # of JSON; parsers further down recurse, and end at about 1,000
OWN_ID = "taken-in-"  # of cells that have no id, or one that is not valid or not their own
CELL_ID = re.compile(rf"(?!{OWN_ID})[A-Za-z0-9_-]{{1,64}}")


def parse_json(content: bytes) -> Any:
    """Return what JSON holds; Refused for what is none, for NaN and infinity, and for what is nested too deeply."""
    value = _load(content)
    _write(value)
    return value


def parse_notebook(content: bytes) -> bytes:
    """Return a notebook as valid JSON of nbformat 4.5, with its cells, without its outputs; Refused for what is none.

    It is written anew from what was checked, so that no later parser meets anything else. Of the metadata only tags and
    nbgrader's marks remain, as in `labkit submit`: the others could ask for a kernel or a time limit of their own.
    Outputs go because the notebook is run anew, and because hundreds of submissions stay in memory.
    """
    value = _load(content)
    version = value.get("nbformat") if isinstance(value, dict) else None
    if type(version) is not int:
        raise Refused("is not a notebook")
    if version != 4:
        raise Refused(f"has the notebook format {version}, but 4 is wanted: open it in JupyterLab and save it anew")
    if not isinstance(cells := value.get("cells"), list):
        raise Refused("is not a notebook: it has no list of cells")
    if len(cells) > CELLS:
        raise Refused(f"has {len(cells):,} cells, and at most {CELLS:,} are taken")
    rebuilt: dict[str, dict[str, Any]] = {}
    for number, cell in enumerate(cells, 1):
        new = _rebuilt(cell, number)
        if new["id"] in rebuilt:
            new["id"] = f"{OWN_ID}{number}"
        rebuilt[new["id"]] = new
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": list(rebuilt.values()), "metadata": {"kernelspec": kernel}}
    if len(written := _write({**notebook, "nbformat": 4, "nbformat_minor": 5})) > KEPT_BYTES:
        raise Refused(
            f"has {megabytes(len(written))} without its outputs, and at most {megabytes(KEPT_BYTES)} are taken"
        )
    return written


def _rebuilt(cell: Any, number: int) -> dict[str, Any]:
    """Return a cell with what is known of it, each part of the right type."""
    cell = cell if isinstance(cell, dict) else {}
    kind, source = cell.get("cell_type"), cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if kind not in ("code", "markdown", "raw") or not isinstance(source, str):
        raise Refused(f"is not a notebook: its cell {number} is broken")
    own, old = cell.get("id"), cell.get("metadata")
    valid = isinstance(own, str) and CELL_ID.fullmatch(own)
    old = old if isinstance(old, dict) else {}
    metadata: dict[str, Any] = {}
    if isinstance(tags := old.get("tags"), list):
        metadata["tags"] = list(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and "," not in tag and tag))
    if isinstance(marks := old.get("nbgrader"), dict):
        metadata["nbgrader"] = {key: mark for key, mark in marks.items() if isinstance(mark, (str, int, float))}
    new = {"cell_type": kind, "id": own if valid else f"{OWN_ID}{number}", "metadata": metadata, "source": source}
    if kind == "code":
        return {**new, "outputs": [], "execution_count": None}
    return {**new, "attachments": pictures} if (pictures := _pictures(cell.get("attachments"))) else new


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures that were pasted into a text cell: {file: {type: base64}}."""
    return {
        file: {kind: text for kind, text in forms.items() if isinstance(text, str) and kind.startswith("image/")}
        for file, forms in (attachments.items() if isinstance(attachments, dict) else ())
        if isinstance(forms, dict)
    }


def _load(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (RecursionError, MemoryError):
        raise Refused("is not usable JSON: it is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"is not JSON ({error})") from None


def _write(value: Any) -> bytes:
    """Return JSON text; Refused for what later readers and writers could stumble over."""
    rest = [(value, 0)]
    while rest:
        part, depth = rest.pop()
        if depth > DEPTH:
            raise Refused("is not usable JSON: it is nested too deeply")
        if isinstance(part, (dict, list)):
            rest += [(inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part)]
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # NaN and infinity, and halves of characters, which no file can hold
        raise Refused("is not usable JSON: it holds NaN, infinity, or half a character") from None
