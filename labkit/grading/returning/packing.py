"""Zips of feedback: the same bytes for the same feedback, and a notebook where a page would have the wrong ending."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from labkit.grading.records.attempts import Attempt

DAY = (2000, 1, 1, 0, 0, 0)  # of each entry, so that the same feedback gives the same bytes


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip of files, in their order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            # What is packed already gains nothing from being packed again.
            how = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, DAY), content, how)
    return buffer.getvalue()


def as_notebook(story: str, attempts: Sequence[Attempt]) -> bytes:
    """Return feedback as a notebook that holds text alone: where the total comes from, and what each check said."""
    lines = [story]
    for attempt in attempts:
        lines += ["", f"{attempt.notebook}: {attempt.status}"]
        for exercise, verdict in sorted(attempt.verdicts.items()):
            lines.append(f"  {exercise}  {verdict['status']}, {verdict['points']} points. {verdict['message']}")
    # As code, so that nothing in it is markup; a fence of its own cannot be closed by what a message quotes.
    text = "\n".join(lines).replace("```", "'''")
    notebook = new_notebook(cells=[new_markdown_cell(f"# Feedback\n\n```\n{text}\n```", id="feedback")])
    return str(nbformat.writes(notebook)).encode()
