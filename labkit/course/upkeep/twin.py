"""A notebook's text twin, taken apart: its exercises, questions, claims, figures, tables and numbers. Runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.course.build import CHECK
from labkit.course.notebooks import notebooks_folder
from labkit.course.review import exchanges
from labkit.report.writing.replies import Exchange

HEADING = re.compile(r"^### Exercise ([\d.]+) — (.+) \((\d) points?\)$", re.MULTILINE)
NOTICE = "**What to notice.**"  # opens what a notebook says of its own results


@dataclass(frozen=True)
class Heading:
    """An exercise as its heading tells it: id, title and points."""

    id: str
    title: str
    points: int


@dataclass(frozen=True)
class Twin:
    """What a twin holds.

    headings: the exercises. checks: the ids that are checked, in their order. asked: the questions at the end with
    their model answers. paragraphs: of its text, each on one line. code: the source of each code cell.
    """

    path: Path
    headings: tuple[Heading, ...]
    checks: tuple[str, ...]
    asked: tuple[Exchange, ...]
    paragraphs: tuple[str, ...]
    code: tuple[str, ...]


def twins() -> list[Path]:
    """Return the twins of the course; LabkitError where there are none, as in what students have."""
    folder = notebooks_folder() / "source"
    if found := sorted(folder.glob("[0-9][0-9]_*.py")):
        return found
    raise LabkitError(f"{folder} holds no text twins of notebooks: run the command in a checkout of labkit.")


def read_twin(path: Path) -> Twin:
    """Read a twin; LabkitError where it is no Python."""
    import jupytext

    notebook: Any = jupytext.read(path)
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    for source in code:
        try:
            ast.parse(source)
        except SyntaxError as error:
            first = (source.splitlines() or [""])[0]
            raise LabkitError(
                f"{path}: the cell that begins with {first!r} is not Python ({error.msg} in its line {error.lineno})."
            ) from error
    return Twin(
        path,
        tuple(Heading(name, title, int(points)) for cell in text for name, title, points in HEADING.findall(cell)),
        tuple(match[1] for source in code if (match := CHECK.match(source))),
        tuple(exchanges(notebook)),
        tuple(" ".join(part.split()) for cell in text for part in cell.split("\n\n")),
        tuple(code),
    )


def captioned_calls(code: Sequence[str]) -> dict[str, dict[str, ast.Call]]:
    """Return the calls that make "figures" and "tables", by the names that are written out in them."""
    found: dict[str, dict[str, ast.Call]] = {"figures": {}, "tables": {}}
    for node in (node for source in code for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("run.figure", "run.table") and node.args:
            name = node.args[0]
            if isinstance(node.func, ast.Attribute) and isinstance(name, ast.Constant):
                found[f"{node.func.attr}s"][str(name.value)] = node
    return found


def static_claims(paragraphs: Sequence[str]) -> list[str]:
    """Return the paragraphs that say what the results show: those to notice that are no question."""
    return [paragraph for paragraph in paragraphs if NOTICE in paragraph and not paragraph.endswith("?")]
