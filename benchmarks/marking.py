"""Keys, clicks and seconds to mark an answer: labkit mark and nbgrader's form grader, both driven in Chromium.

python benchmarks/marking.py [--notebooks 50 | --quick] [--reading 0.5] [--mathjax FOLDER]

Both sides get the same executed notebooks 05, each with a group's answers to five questions. Two things are done to all
of them: full marks, and part of the marks with a comment that was used before. Each side goes the way that takes it the
fewest keys by its own list of shortcuts:

labkit             answer by answer: f Enter; 1 q Enter
one cell           the five answers in one cell with one score, as the course's release has them for nbgrader:
                   5 Ctrl-.; 3 Tab Tab Ctrl-V Ctrl-.
a cell each        a course written for nbgrader gives each answer its own cell and score; question by question, as
                   labkit goes: 1 Ctrl-.; .5 Tab Tab Ctrl-V Ctrl-.
a cell each, down  the same course, notebook by notebook, down one and up the next: 1 Tab Tab Tab 1 ... Ctrl-.

A key is one press; Ctrl-. is one. The comment is typed where it comes first (labkit: once a question; form grader:
once, and copied, so that it is in the clipboard from then on); medians do not show that. Of "a cell each", one question
of all notebooks is marked: the other four cost the same. Clicks are those that lead to the first answer.

Seconds go from the first key until the next answer can be marked: it is there with its pictures, its marks are loaded,
and in form grader its score is focused. They are what a grader waits, not how long one marks. "ms to next" go from
the last key alone. Before the first key, the page is left alone for --reading seconds, which do not count: labkit gets
the next answer meanwhile, form grader does not. In the end, every mark and comment is looked for in what is stored.

Form grader cannot start without MathJax 2, which it loads from the web at every page. In its place is a stand-in that
does nothing and takes no time; or --mathjax FOLDER, the package that `npm pack mathjax@2.7.7` fetches, unpacked.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import arguments, median, publish
from playwright.sync_api import Error, Page, sync_playwright

from labkit.course.notebooks import notebooks_folder
from labkit.grading.marks.mark_lines import read_lines

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "grading"))
from night_makers import write_night

STEM = "05_mlp1_sweep"
QUESTIONS = 5
COMMENT = "Say how many seeds."
LONGEST = 60  # seconds until the next answer is there
NEXT = "Control+."
TYPED = [*COMMENT, "Control+a", "Control+c"]
CONFIG = """# The notebooks are executed already, and keep what they put out.
from nbgrader.converters import Autograde

c = get_config()
c.CourseDirectory.course_id = "lab"
for name in ("sanitize_preprocessors", "autograde_preprocessors"):
    kept = [one for one in getattr(Autograde, name).default() if one.__name__ not in ("ClearOutput", "Execute")]
    setattr(c.Autograde, name, kept)
"""
MATHJAX = (
    "var MathJax = {Hub: {Config() {}, Queue() {}, Startup: {signal: {Interest(on) { setTimeout(on, 0, 'End'); }}}}};"
)
LABKIT_CARD = "document.body.dataset.card"
LABKIT_READY = "[...document.images].every(image => image.complete)"
LABKIT_END = "document.getElementById('told').textContent === 'Nothing else is open.'"
FORM_CARD = "window.submission_id"
FORM_LOADED = "window.formgrader?.loaded && formgrader.grades.loaded && formgrader.comments.loaded && MathJax.loaded"
FORM_READY = f"{FORM_LOADED} && document.activeElement.matches('.score')"
FORM_END = "document.readyState === 'complete' && location.pathname.includes('/gradebook/')"


@dataclass
class Steps:
    """What it took to get from one page to the next, again and again."""

    keys: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    clicks: int = 0


@dataclass(frozen=True)
class Form:
    """Where a page stands, in JavaScript: which answer it shows, whether that can be marked, whether none is left."""

    card: str
    ready: str
    end: str


def value_of(page: Page, expression: str) -> Any:
    """Return what JavaScript gives; None while the page is on its way to another one."""
    try:
        return page.evaluate(expression)
    except Error:
        return None


def wait(page: Page, expression: str) -> None:
    """Wait until JavaScript gives something true."""
    end = time.monotonic() + LONGEST
    while not value_of(page, expression):
        if time.monotonic() > end:
            raise SystemExit(f"{page.url} does not come to {expression}")


def step(page: Page, form: Form, keys: Sequence[str], steps: Steps) -> None:
    """Press keys, the last of which leads on, and wait for the next answer; the last answer has no next one to time."""
    before = json.dumps(value_of(page, form.card))
    page.wait_for_timeout(1000 * chosen.reading)
    start = time.perf_counter()
    for key in keys[:-1]:
        page.keyboard.press(key)
    last = time.perf_counter()
    page.keyboard.press(keys[-1])
    wait(page, f"({form.end}) || {form.card} !== {before} && ({form.ready})")
    now = time.perf_counter()
    steps.keys.append(len(keys))
    if not value_of(page, form.end):
        steps.seconds.append(now - start)
        steps.waits.append(now - last)


@contextlib.contextmanager
def running(command: Sequence[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block ends."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with (scratch / "log.txt").open("a") as log:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT if "mark" in command else signal.SIGTERM)
        process.communicate(timeout=LONGEST)


def labkit(page: Page, task: str) -> Steps:
    """Mark a night with labkit mark."""
    out = scratch / f"night-{task}"
    shutil.copytree(scratch / "night", out)
    form, steps, typed = Form(LABKIT_CARD, LABKIT_READY, LABKIT_END), Steps(), set()
    command = [str(Path(sys.executable).with_name("labkit")), "mark", str(out), "--grader", "anna", "--no-browser"]
    with running(command, scratch) as process:
        page.goto(next(found[0] for line in process.stdout or () if (found := re.search(r"http://\S+", line))))
        wait(page, f"{LABKIT_CARD} && {LABKIT_READY}")
        while not value_of(page, LABKIT_END):
            item = str(value_of(page, LABKIT_CARD)).partition("/")[0]
            keys = ["f", "Enter"] if task == "full" else ["1", "q", "Enter"]
            if task == "part" and item not in typed:
                typed.add(item)
                keys = ["1", "c", *COMMENT, "Escape", "Enter"]
            step(page, form, keys, steps)
    newest = {(line.item, line.answer): line for line in read_lines(out)[0]}
    wanted = [line for line in newest.values() if line.items and line.comment == (COMMENT if task == "part" else "")]
    told(len(wanted), len(steps.keys), "labkit mark")
    return steps


def form_grader(page: Page, task: str, assignment: str, down: bool = False) -> Steps:
    """Mark the same notebooks with form grader; down: notebook by notebook, not question by question."""
    shutil.copy(courses / "fresh.db", courses / "gradebook.db")
    steps = Steps()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={courses}"]
    command += ["--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=True"]
    single = assignment == "one-cell"
    with running(command, courses):
        address = f"http://127.0.0.1:{port}"
        until_served(f"{address}/api?token={token}")
        page.goto(f"{address}/formgrader/?token={token}")
        for link in ("Manual Grading", assignment, STEM, "Submission #1"):
            page.get_by_role("link", name=link, exact=True).first.click()
            steps.clicks += 1
        mark_all(page, steps, task, single, down)
    points = {"full": QUESTIONS if single else 1, "part": 3 if single else 0.5}[task]
    count = chosen.notebooks * (QUESTIONS if down else 1)
    with contextlib.closing(sqlite3.connect(courses / "gradebook.db")) as connection:
        ask = connection.execute
        told(*ask("SELECT count(*) FROM grade WHERE manual_score = ?", [points]).fetchone(), count, "form grader")
        comments = ask("SELECT count(*) FROM comment WHERE manual_comment = ?", [COMMENT]).fetchone()
        told(*comments, count if task == "part" else 0, "form grader, comments")
    return steps


def mark_all(page: Page, steps: Steps, task: str, single: bool, down: bool) -> None:
    """Mark a cell of every notebook, until form grader comes back to its list; down: all cells."""
    form = Form(FORM_CARD, FORM_READY, FORM_END)
    wait(page, FORM_LOADED)
    page.locator("#questions" if single else "#questions1").click()
    steps.clicks += 1
    points = list({"full": "5" if single else "1", "part": "3" if single else ".5"}[task])
    for place in itertools.count():
        if down:
            tab = "Shift+Tab" if place % 2 else "Tab"
            keys = [*([*points, tab, tab, tab] * QUESTIONS)[:-3], NEXT]
        elif task == "full":
            keys = [*points, NEXT]
        else:
            keys = [*points, "Tab", "Tab", *(["Control+v"] if place else TYPED), NEXT]
        step(page, form, keys, steps)
        if value_of(page, FORM_END):
            return


def until_served(address: str) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(address):
            return
        time.sleep(0.1)
    raise SystemExit(f"{address} does not answer: see {scratch / 'log.txt'}")


def told(found: int, wanted: int, side: str) -> None:
    """Stop where marks are not stored as they were given."""
    if found != wanted:
        raise SystemExit(f"{side} stored {found} of {wanted} as they were given: see {scratch}")


def make_course() -> None:
    """Make nbgrader's course of the night's notebooks, with its own commands; they execute nothing."""
    courses.mkdir()
    (courses / "nbgrader_config.py").write_text(CONFIG)
    paths = {"source": notebooks_folder() / f"{STEM}.ipynb"}
    paths |= {f"submitted/{path.parent.name}": path for path in (scratch / "night" / "notebooks").glob("*/*.ipynb")}
    for assignment in ("one-cell", "cell-each"):
        for place, path in paths.items():
            book = json.loads(path.read_text(encoding="utf-8"))
            if assignment == "cell-each":
                book["cells"] = [part for cell in book["cells"] for part in parts_of(cell)]
            target = courses / place / assignment / path.name
            target.parent.mkdir(parents=True)
            target.write_text(json.dumps(book), encoding="utf-8")
        for command in ("generate_assignment", "autograde"):
            done = subprocess.run(
                [sys.executable, "-m", "nbgrader", command, assignment], cwd=courses, capture_output=True, text=True
            )
            if done.returncode:
                raise SystemExit(f"nbgrader {command}: {done.stderr[-3000:]}")
    (courses / "gradebook.db").rename(courses / "fresh.db")


def parts_of(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cell of the answers as one cell for each; any other one as it is."""
    marks = cell["metadata"].get("nbgrader", {})
    if marks.get("grade_id") != "questions":
        return [cell]
    texts = re.split(r"(?m)^(?=\d\. )", "".join(cell["source"]))[1:]
    return [
        cell | {"id": name, "source": text, "metadata": {"nbgrader": marks | {"grade_id": name, "points": 1}}}
        for place, text in enumerate(texts, 1)
        for name in [f"questions{place}"]
    ]


def serve_mathjax(route: Any) -> None:
    """Answer what form grader asks of the web: MathJax, or nothing."""
    name = re.search(r"/mathjax/[\d.]+/([^?]*)", route.request.url)
    if name is None:
        outside.add(route.request.url)
        route.abort()
    elif not chosen.mathjax:
        route.fulfill(body=MATHJAX, content_type="text/javascript")
    else:
        path = Path(chosen.mathjax) / name[1].replace("latest.js", "MathJax.js")
        route.fulfill(path=path, headers={"Cache-Control": "public, max-age=3600"})


def row(name: str, steps: Steps, answers: int) -> list[str]:
    """Return a row of the table; answers: how many a step marks."""
    keys, seconds = median(steps.keys) / answers, median(steps.seconds) / answers
    waits = statistics.quantiles(steps.waits, n=20, method="inclusive")
    return [
        name,
        f"{keys:.1f}",
        f"{QUESTIONS * keys:.0f}",
        str(steps.clicks),
        f"{seconds:.3f}",
        f"{QUESTIONS * seconds:.2f}",
        f"{1000 * median(steps.waits):.0f}",
        f"{1000 * waits[-1]:.0f}",
    ]


chosen = arguments(__doc__.splitlines()[0], {"notebooks": 5}, notebooks=50, reading=0.5, mathjax="")
scratch = Path(tempfile.mkdtemp(prefix="labkit-bench-"))
courses = scratch / "nbgrader"
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # nbgrader calls alembic
os.environ["JUPYTER_CONFIG_DIR"] = str(scratch / "config")
outside: set[str] = set()
write_night(scratch / "night", chosen.notebooks, [STEM], reports=False)
make_course()
print(f"{chosen.notebooks} notebooks in {scratch}")

sides = {
    "labkit mark": (labkit, {}, 1),
    "form grader, one cell": (form_grader, {"assignment": "one-cell"}, QUESTIONS),
    "form grader, a cell each": (form_grader, {"assignment": "cell-each"}, 1),
    "form grader, a cell each, down": (form_grader, {"assignment": "cell-each", "down": True}, QUESTIONS),
}
rows, facts = [], {}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    for task, (name, (mark, options, answers)) in itertools.product(("full", "part"), sides.items()):
        if task == "part" and "down" in options:
            continue  # more keys than question by question
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.route(lambda address: not address.startswith("http://127.0.0.1:"), serve_mathjax)
        steps = mark(context.new_page(), task, **options)
        context.close()
        rows.append(row(f"{task}: {name}", steps, answers))
        facts[rows[-1][0]] = vars(steps)
        print(*rows[-1], flush=True)
    browser.close()
columns = ["side", "keys/answer", "/notebook", "clicks", "s/answer", "/notebook", "ms to next", "95 %"]
facts |= {"mathjax": chosen.mathjax or "a stand-in", "refused": sorted(outside)}
publish("marking", f"Marking {chosen.notebooks} notebooks, {QUESTIONS} answers each", columns, rows, facts)
shutil.rmtree(scratch)
