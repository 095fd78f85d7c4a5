"""`labkit alike`: the pairs of a graded folder that share what few others have, on a page and as a short table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit import CHECKOUT
from labkit.basics.files import write_atomically
from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.grading.alike.background import Background
from labkit.grading.alike.pairs import compare
from labkit.grading.alike.side_by_side import evidence_of
from labkit.grading.alike.written import QUESTIONS, Group, read_folder
from labkit.grading.intake.reading.identity import handed_out
from labkit.grading.judging.batch_progress import tell
from labkit.grading.sandbox.bubblewrap import refuse_without_linux
from labkit.grading.texts import clean

PAGE = "alike.html"
MOST_PAIRS = 100  # that a page shows
MOST_TOLD = 20  # that the terminal shows
STORED = CHECKOUT / "tests" / "exercises" / "answers"  # usual answers, right and wrong; only a checkout has them
TEMPLATE = CHECKOUT / "report_template.md"


def find_alike(folder: Path, last_year: Path | None = None) -> Path:
    """Compare the groups of a folder that `labkit grade` wrote; write alike.html into it, and return its path.

    last_year: another such folder: its groups are compared with these, and not with one another.
    Nothing is executed, and no grade changes. LabkitError for a folder that `labkit grade` did not write.
    """
    books = {path.stem: read_notebook(path) for path in course(notebooks_folder())}
    given = {stem: handed_out(book) for stem, book in books.items()}
    groups = read_folder(folder, given, False, tell)
    if last_year is not None:
        groups += read_folder(last_year, given, True, tell)
    return write_alike(folder / PAGE, groups, background_of(books))


def write_alike(page: Path, groups: list[Group], background: Background) -> Path:
    """Write the page on the pairs among groups, tell them in short, and return its path."""
    refuse_without_linux()  # before what follows is imported: pages are drawn in a sandbox
    from labkit.grading.pages.site import render

    pairs = compare(groups, background)
    rows = [(pair, evidence_of(pair, background)) for pair in pairs[:MOST_PAIRS]]
    years = [sum(group.last == last for group in groups) for last in (False, True)]
    write_atomically(page, render("alike.html", rows=rows, more=len(pairs) - len(rows), years=years, named=_named))
    compared = f"{years[0]} groups{f', and {years[1]} of last year' if years[1] else ''}"
    tell(f"Compared: {compared}. Pairs to look at: {len(pairs)}.")
    for pair, evidence in rows[:MOST_TOLD]:
        names = f"{clean(pair.first.names[0], 30):30}  {clean(pair.second.names[0], 30):30}"
        tell(f"{names}  {pair.weight:6.0f}  {'last year; ' * pair.second.last}{evidence.short}")
    if len(pairs) > MOST_TOLD:
        tell(f"and {len(pairs) - MOST_TOLD} more on the page.")
    tell(f"What few share, for a person to decide; no proof of anything: {page}")
    return page


def background_of(books: dict[str, Any], stored: Path = STORED) -> Background:
    """Return what the course says: in its notebooks with solutions, in what it hands out, in its stored answers."""
    code: list[str] = []
    prose: list[str] = []
    for kind, text in _texts(books):
        (code if kind == "code" else prose).append(text)
    code += [path.read_text(encoding="utf-8") for path in sorted(stored.glob("*.py"))]
    if TEMPLATE.is_file():
        prose.append(TEMPLATE.read_text(encoding="utf-8"))
    return Background.of(code, prose)


def _texts(books: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for book in books.values():
        yield from ((cell.cell_type, cell.source) for cell in book.cells)
        yield from (("markdown" if name == QUESTIONS else "code", text) for name, text in handed_out(book).items())


def _named(group: Group) -> str:
    return f"{clean(group.shown, 100)}{', last year' if group.last else ''}"
