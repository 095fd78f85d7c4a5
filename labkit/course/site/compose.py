"""All files of the site in memory, pages, figures and what the search knows: the same course gives the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from labkit import __version__
from labkit.basics.pages.page_templates import environment
from labkit.course.site.chapters import Chapter, chapter
from labkit.course.site.colouring import coloured
from labkit.course.site.formulas import mathml
from labkit.course.site.interface import Face, Paragraph, faces
from labkit.course.site.prose_writer import ProseWriter, formulas_in
from labkit.course.site.public_cells import public_cells

TEMPLATES = Path(__file__).with_name("templates")
STATIC = ("site.css", "site.js", "theme.js")
OWN_PLACES = ("contents", "found", "main", "places", "results", "search", "theme")  # the ids of base.html
SEARCH = "search-data.js"
# `file:` beside 'self': Firefox takes no file for a page's own. A page from a server cannot load files anyway.
OWN = "'self' file:"
SOURCES = ("default-src 'none'", f"img-src {OWN} data:", f"style-src {OWN}", f"script-src {OWN}")
POLICY = "; ".join((*SOURCES, "base-uri 'none'", "form-action 'none'"))
CODE = re.compile(r"`([^`]+)`")
Place = tuple[str, str, str, str, str]  # page, place on it, chapter, heading, text


def site_files(notebooks: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of the site by their path in it; notebooks: the course's, executed, by their stems."""
    api = faces()
    names = {entry.name: f"{face.name}.html#{entry.name}" for face in api for entry in face.entries}
    cells = {stem: public_cells(notebook) for stem, notebook in notebooks.items()}
    texts = [cell.source for each in cells.values() for cell in each if cell.kind == "markdown"]
    writer = partial(ProseWriter, mathml(formulas_in(texts)), names, cells.keys(), OWN_PLACES)
    chapters = [chapter(stem, each, writer(), writer()) for stem, each in cells.items()]
    templates = environment(TEMPLATES)
    templates.filters |= {"prose": lambda text: _prose(text, names), "coloured": coloured}
    about = {"policy": Markup(POLICY), "version": __version__, "chapters": chapters, "faces": api}

    def page(template: str, **values: Any) -> bytes:
        return templates.get_template(template).render(**about, **values).encode()

    files = {"index.html": page("index.html", here="index.html")}
    for before, each, after in zip([None, *chapters], chapters, [*chapters[1:], None], strict=False):
        files[each.page] = page("chapter.html", here=each.page, chapter=each, before=before, after=after)
    for face in api:
        files[f"{face.name}.html"] = page("face.html", here=f"{face.name}.html", face=face)
    figures = [output for each in chapters for shown in each.cells for output in shown.outputs]
    files |= {name: output.figure.content for output, name in figures if output.figure}
    files |= {name: (TEMPLATES / name).read_bytes() for name in STATIC}
    places = json.dumps([*_places(chapters), *_api_places(api)], ensure_ascii=False, separators=(",", ":"))
    return files | {SEARCH: f"var labkitPlaces = {places};\n".encode()}


def _places(chapters: Sequence[Chapter]) -> Iterator[Place]:
    for each in chapters:
        for section in each.sections:
            yield each.page, section.heading.anchor, each.title, section.heading.text, " ".join(section.texts)


def _api_places(api: Sequence[Face]) -> Iterator[Place]:
    for face in api:
        page, title = f"{face.name}.html", f"API: {face.name}"
        yield page, "", title, face.name, _said(face.paragraphs)
        for entry in face.entries:
            for each in (entry, *entry.members):
                yield page, each.name, title, each.name, _said(each.paragraphs)


def _said(paragraphs: Sequence[Paragraph]) -> str:
    """Return the text of a docstring in one line."""
    parts = (f"{each.text} {' '.join(f'{term}: {said}' for term, said in each.terms)}" for each in paragraphs)
    return " ".join(" ".join(parts).replace("`", "").split())


def _prose(text: str, names: Mapping[str, str]) -> Markup:
    """Return a docstring's text with its code as code, and names of the API as links."""
    pieces = []
    for place, piece in enumerate(CODE.split(text)):
        if place % 2 == 0:
            pieces.append(Markup("{}").format(piece))
        elif piece in names:
            pieces.append(Markup('<a href="{}"><code>{}</code></a>').format(names[piece], piece))
        else:
            pieces.append(Markup("<code>{}</code>").format(piece))
    return Markup("").join(pieces)
