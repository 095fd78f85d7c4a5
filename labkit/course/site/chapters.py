"""One notebook as a chapter of the site: what the index says of it, and its cells as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from labkit.basics.pages.sanitise import parsed
from labkit.course.site.colouring import coloured
from labkit.course.site.prose_writer import PARSER, Heading, ProseWriter, Section
from labkit.course.site.public_cells import Cell, Output

EXERCISE = re.compile(r"Exercise ([\d.]+) — (.+) \((\d+ points?)\)")
TIME = re.compile(r"^\*\*Time\*\*:?\s*(.+?)\.?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A cell as its page shows it. figures: the names of the files of its outputs' figures, in their order."""

    cell: Cell
    html: Markup
    outputs: tuple[tuple[Output, str], ...] = ()


@dataclass(frozen=True)
class About:
    """What the first cell of a notebook says of it; each part is empty where it is not there."""

    intro: Markup
    time: str
    goals: Markup


@dataclass(frozen=True)
class Chapter:
    """A notebook as a page. exercises: number, what to do, points, and the place on the page."""

    stem: str
    title: str
    about: About
    cells: tuple[Shown, ...]
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]

    @property
    def page(self) -> str:
        """The name of its file."""
        return f"{self.stem}.html"

    @property
    def number(self) -> int:
        """The notebook's number."""
        return int(self.stem[:2])

    @property
    def exercises(self) -> list[tuple[str, str, str, str]]:
        """Its exercises: number, what to do, points, and the place on the page."""
        found = [(EXERCISE.fullmatch(heading.text), heading.anchor) for heading in self.headings]
        return [(match[1], match[2], match[3], anchor) for match, anchor in found if match]


def chapter(stem: str, cells: Sequence[Cell], writer: ProseWriter, summary: ProseWriter) -> Chapter:
    """Return a notebook as a chapter; writer: for its page, summary: for what the index says."""
    shown, count = [], 0
    for cell in cells:
        html = writer.write(cell.source) if cell.kind == "markdown" else coloured(cell.source)
        outputs = []
        for output in cell.outputs:
            name = ""
            if output.figure:
                count += 1
                name = f"figures/{stem}-{count}.{output.figure.suffix}"
                writer.note(output.figure.caption or output.figure.alt)
            outputs.append((output, name))
        shown.append(Shown(cell, html, tuple(outputs)))
    title = next((heading.text for heading in writer.headings if heading.level == 1), stem)
    about = _about(next((cell.source for cell in cells if cell.kind == "markdown"), ""), summary)
    return Chapter(stem, title, about, tuple(shown), tuple(writer.headings), tuple(writer.sections))


def _about(source: str, writer: ProseWriter) -> About:
    tokens = parsed(PARSER, source) or []
    time = TIME.search(source)
    paragraph = next((place for place, token in enumerate(tokens) if token.type == "paragraph_open"), None)
    intro = [] if paragraph is None else tokens[paragraph : paragraph + 3]
    lists = [place for place, token in enumerate(tokens) if token.type.startswith("bullet_list_") and not token.level]
    goals = tokens[lists[0] : lists[1] + 1] if lists else []
    return About(writer.render(intro), time[1] if time else "", writer.render(goals))
