"""What anybody may see of a notebook: its cells without solutions, and the outputs that no answer took part in.

An executed notebook is looked at as if a stranger had written it: outputs are bounded, and only pictures, tables and
texts are taken from them. Nothing is executed.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from labkit.basics.pages.plain_text import shown
from labkit.basics.pages.sanitise import prose, table, without_paths
from labkit.course.release import student_version

MOST_OUTPUTS, LARGEST, LONGEST_SIDE = 60, 2_000_000, 6_000  # of a cell; bytes and pixels of a picture
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG"}
SUFFIXES = {"PNG": "png", "JPEG": "jpg"}
ASKED = re.compile(r"""\bcheck\.(?:passed\(["']([\d.]+)["']\)|progress\()""")
ROLE = re.compile(r"(answer|check|questions)(?:-(\d+)-(\d+))?")
CAPTION = re.compile(r"\*([^*].*[^*])\*", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """A picture as a file, its size in pixels, and what it shows in words."""

    content: bytes
    suffix: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Output:
    """One output of a cell: a text, a table or prose (markup), a figure, or a sentence of ours (note)."""

    text: str = ""
    markup: Markup | None = None
    figure: Figure | None = None
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell. kind: code or markdown; role: answer, check, questions or "", with the exercise that it belongs to."""

    kind: str
    source: str
    role: str = ""
    exercise: str = ""
    outputs: tuple[Output, ...] = ()


def public_cells(notebook: Any) -> list[Cell]:
    """Return the cells of an executed notebook of the course; LabkitError where nbgrader cannot take it apart.

    Left out are the outputs of answers and of their checks, and those of cells that ask `check.passed`: what they show,
    a student sees once the exercise is passed.
    """
    public = student_version(deepcopy(notebook)).cells
    cells = []
    for cell, executed in zip(public, notebook.cells, strict=True):
        role = ROLE.fullmatch(str(cell.metadata.get("nbgrader", {}).get("grade_id", "")))
        name = role[1] if role else ""
        exercise = f"{role[2]}.{role[3]}" if role and role[2] else ""
        outputs = tuple(_outputs(executed, name)) if cell.cell_type == "code" else ()
        if cell.cell_type in ("code", "markdown"):
            cells.append(Cell(cell.cell_type, shown(cell.source), name, exercise, outputs))
    return cells


def _outputs(cell: Any, role: str) -> Iterator[Output]:
    asked = [match[1] for match in ASKED.finditer(cell.source)]
    if role or asked:
        exercises = " and ".join(dict.fromkeys(filter(None, asked)))
        if exercises and cell.outputs and not role:
            yield Output(note=f"What this cell shows comes from your answer to {exercises}.")
        return
    waiting = list(cell.outputs[:MOST_OUTPUTS])
    while waiting:
        output = waiting.pop(0)
        caption = _caption(waiting[0]) if waiting else ""
        found = _output(output, caption)
        if found.figure and caption:
            waiting.pop(0)
        yield found
    if len(cell.outputs) > MOST_OUTPUTS:
        yield Output(note=f"{len(cell.outputs) - MOST_OUTPUTS:,} more outputs are left out.")


def _output(output: Any, caption: str) -> Output:
    if output.output_type == "stream":
        return Output(_clean(output.text))
    if output.output_type == "error":
        return Output(_clean(f"{output.ename}: {output.evalue}"))
    data = output.get("data", {})
    for kind, form in PICTURES.items():
        if kind in data:
            about = output.metadata.get(kind)
            alt = " ".join(_clean(about.get("alt") if isinstance(about, dict) else "").split())
            figure = _figure(data[kind], form, alt or caption or "A figure without a description", caption)
            return Output(figure=figure) if figure else Output(note="A picture is left out: it cannot be read.")
    html, written = _text(data.get("text/html")), _text(data.get("text/markdown"))
    if html and (markup := table(without_paths(html))):
        return Output(markup=Markup(str(markup).replace("<th></th>", "<td></td>")))  # above pandas' numbers of rows
    if written and (markup := prose(without_paths(written))):
        return Output(markup=markup)
    if plain := _clean(data.get("text/plain")):
        return Output(plain)
    return Output(note="An output of a kind that is not shown here.")


def _caption(output: Any) -> str:
    """Return the caption that an output consists of, as `Run.figure` shows it behind a figure; "" for any other."""
    found = CAPTION.fullmatch(_clean(output.get("data", {}).get("text/markdown")))
    return " ".join(found[1].split()) if found else ""


def _figure(encoded: Any, form: str, alt: str, caption: str) -> Figure | None:
    """Return a picture as it was stored; None for what is none of this form, or too large."""
    from PIL import Image

    text = "".join(_text(encoded).split())
    try:
        content = base64.b64decode(text, validate=True) if len(text) < 1.4 * LARGEST else b""
        with Image.open(io.BytesIO(content), formats=[form]) as picture:  # reads its head alone
            width, height = picture.size
    except (OSError, ValueError, binascii.Error, SyntaxError, Image.DecompressionBombError):
        return None
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        return None
    return Figure(content, SUFFIXES[form], width, height, alt, caption)


def _clean(text: Any) -> str:
    return without_paths(shown(_text(text))).strip("\n")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
