"""The pages that a TA reads, and those that students get back: HTML files that need no server and no network.

No script and no style of a submission gets into a page, and its content security policy lets none run but ours, which
are known by their hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from labkit import PACKAGE, __version__
from labkit.basics.files import write_atomically
from labkit.basics.pages import page_templates
from labkit.basics.pages.sanitise import inline_hash
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.intake.people import HandedIn
from labkit.grading.marks.standing import MarkedItem
from labkit.grading.pages.board import board
from labkit.grading.pages.overview import MOST_FAR, SIGNS, Line, facts, far_numbers, hardest, lines, possible, times
from labkit.grading.pages.pictures import PAINTER
from labkit.grading.pages.rendering import Shown, read_executed
from labkit.grading.records.attempts import NOT_EXECUTED, VERDICTS, Attempt
from labkit.grading.records.ledger import Entry
from labkit.grading.records.policy import Policy
from labkit.grading.records.store import stored_name
from labkit.grading.records.totals import NOTHING, Parts
from labkit.grading.texts import plain

TEMPLATES = Path(__file__).with_name("templates")
MOST_PLACES = 30  # designs on the class board
MOST_FAILED = 20  # cells that are listed above a notebook
KEY = "labkit-key"  # the name of the element in which a page keeps what it was made from


def write_pages(
    attempts: Iterable[Attempt],
    out: Path,
    submissions: Iterable[HandedIn] = (),
    unfinished: Mapping[str, Sequence[str]] | None = None,
    warnings: Iterable[str] = (),
    ledger: Sequence[Entry] = (),
    policy: Policy | None = None,
    parts: Parts = NOTHING,
) -> Path:
    """Write site/index.html, site/submissions/NAME.html and feedback/NAME.html into `out`; return the index's path.

    attempts: the newest at each notebook; their executed notebooks are read from `out`. unfinished: the notebooks that
    are not graded yet. warnings: sentences about the whole batch, which stand first on the index. ledger, policy and
    parts: what totals are made with. What goes back to the students of a submission says nothing that concerns one of
    several alone, for all of them read it.
    A submission's two pages are written anew only when its attempts, what was found when it was taken in, its executed
    notebooks (by size and time) or these templates changed: the page in site/ keeps a hash of all that. Pages of
    submissions that are gone are removed. LabkitError when a file cannot be written.
    """
    submissions = list(submissions)
    class_lines = lines(attempts, submissions, unfinished, ledger, policy, parts)
    problems = {stored_name(submission.name): tuple(submission.problems) for submission in submissions}
    site, feedback = out / "site" / "submissions", out / "feedback"
    page_names = {f"{line.page}.html" for line in class_lines}
    for folder in (site, feedback):
        for path in [*folder.glob("*.html"), *folder.glob(".*.html.*")]:  # the latter: a write that was killed
            if path.name not in page_names:
                path.unlink(missing_ok=True)
    for line in class_lines:
        line_problems = problems.get(line.row.submission, ())
        key = _key(line, line_problems, out)
        pages = site / f"{line.page}.html", feedback / f"{line.page}.html"
        if not (pages[1].is_file() and _key_of(pages[0]) == key):
            for page, html in zip(reversed(pages), _submission(line, line_problems, out, key), strict=True):
                write_atomically(page, html)  # the one with the key last: it stands for both
    PAINTER.end()
    index = out / "site" / "index.html"
    write_atomically(index, _index(class_lines, warnings))
    return index


def _index(class_lines: list[Line], warnings: Iterable[str]) -> str:
    far = far_numbers(class_lines)
    return render(
        "index.html",
        script=(TEMPLATES / "index.js").read_text(encoding="utf-8"),
        lines=class_lines,
        warnings=list(warnings),
        notebooks=sorted({notebook for line in class_lines for notebook in line.attempts}),
        exercises=exercises(),
        hardest=hardest(class_lines),
        times=times(class_lines),
        far=far[:MOST_FAR],
        more_far=len(far) - MOST_FAR,
        facts=facts(class_lines),
        board=board(class_lines)[:MOST_PLACES],
    )


def _submission(line: Line, problems: tuple[str, ...], out: Path, key: str) -> Iterator[str]:
    """Yield the page that the student gets, then the TA's."""
    books = []
    for notebook, attempt in sorted(line.attempts.items()):
        chapter_exercises = {
            name: exercise for name, exercise in exercises().items() if chapter_of(name) == chapter_of(notebook)
        }
        cells: list[Shown] = []
        sentence = ""
        if attempt.status not in NOT_EXECUTED:
            cells, sentence = read_executed(out / "notebooks" / line.row.submission / f"{notebook}.ipynb")
        cells_html = (
            environment(TEMPLATES)
            .get_template("cells.html")
            .render(cells=cells, attempt=attempt, notebook=notebook, exercises=chapter_exercises, signs=SIGNS)
        )
        cell_numbers = {cell.exercise: cell.number for cell in reversed(cells) if cell.exercise}
        failed = [(cell.number, output.title) for cell in cells for output in cell.outputs if output.kind == "error"]
        books.append((attempt, chapter_exercises, cell_numbers, failed[:MOST_FAILED], sentence, Markup(cells_html)))
    about: dict[str, Any] = {"line": line, "problems": problems, "books": books, "marked": _marked(line)}
    for ta in (False, True):
        yield render("submission.html", ta=ta, key=key if ta else "", **about)


def _marked(line: Line) -> dict[str, list[tuple[MarkedItem, str]]]:
    """Return what people marked, each with its title, by the notebook that asks it, or the part of the total."""
    stems = {notebook[:2]: notebook for notebook in line.attempts}
    found: dict[str, list[tuple[MarkedItem, str]]] = {}
    for part in line.total.parts.values():
        if not part.open or any(item.answered and item.points is not None for item in part.items):  # else nobody began
            for item in part.items:
                chapter, _, place = item.name.partition(".")
                title = f"{int(chapter)}, {place[1:]}" if part.name == "questions" else place.replace("-", " ")
                found.setdefault(stems.get(chapter, part.name), []).append((item, title))
    return found


def render(template: str, script: str = "", **values: Any) -> str:
    """Return a page as one file of HTML, with our style and, where there is one, our script; all values are escaped."""
    style = (TEMPLATES / "pages.css").read_text(encoding="utf-8")
    sources = ["default-src 'none'", "img-src data:", f"style-src {inline_hash(style)}"]
    sources += [f"script-src {inline_hash(script)}"] if script else []
    policy = "; ".join([*sources, "base-uri 'none'", "form-action 'none'"])
    return (
        environment(TEMPLATES)
        .get_template(template)
        .render(policy=Markup(policy), style=Markup(style), script=Markup(script), key_name=KEY, **values)
    )


@cache
def environment(folder: Path) -> jinja2.Environment:
    """Return what renders the templates in a folder, with what all pages of a class ask for."""
    made = page_templates.environment(folder)
    made.globals |= {"signs": SIGNS, "possible": possible, "plain": plain, "version": __version__, "verdicts": VERDICTS}
    return made


def _key(line: Line, problems: tuple[str, ...], out: Path) -> str:
    """Return a hash of everything that the pages of a submission are made from."""
    files = []
    for notebook in sorted(line.attempts):
        path = out / "notebooks" / line.row.submission / f"{notebook}.ipynb"
        state = path.stat() if path.is_file() else None
        files.append((state.st_size, state.st_mtime_ns) if state else None)
    attempts = [asdict(attempt) for _, attempt in sorted(line.attempts.items())]
    said = [asdict(line.row), *(asdict(total) for total in (line.total, *line.people))]
    text = json.dumps([_templates(), attempts, said, problems, files], sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()


@cache
def _templates() -> str:
    """Return a hash of the templates and of the code behind them."""
    files = [*TEMPLATES.iterdir(), *Path(__file__).parent.glob("*.py"), *(PACKAGE / "basics" / "pages").glob("*.py")]
    contents = [path.read_bytes() for path in sorted(files) if path.is_file()]
    return sha256(b"\0".join(contents)).hexdigest()


def _key_of(page: Path) -> str:
    """Return the hash that a page keeps; nothing where there is no such page."""
    try:
        with page.open(encoding="utf-8") as file:
            head = file.read(2_000)
    except (OSError, ValueError):
        return ""
    return head.partition(f'<meta name="{KEY}" content="')[2].partition('"')[0]
