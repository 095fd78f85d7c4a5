"""The pages of a graded class: how long they take to write, how large they are, how soon Chromium has the index open.

python benchmarks/pages.py [--submissions 500]

Every submission holds the course's notebooks as they are stored, with their figures; names and verdicts vary. So
figures are drawn anew once: the first submission shows what one costs whose figures nobody else has.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from measure import arguments, median, publish

from labkit.course.notebooks import course, notebooks_folder
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.pages.site import write_pages
from labkit.grading.records.attempts import Attempt

FINISHED = "2026-01-31T23:59:59+00:00"
chosen = arguments(__doc__.splitlines()[0], {"submissions": 20, "repeats": 2}, submissions=500, repeats=5)
out = Path(tempfile.mkdtemp(prefix="labkit-bench-"))
paths = course(notebooks_folder())


def attempts_of(place: int) -> list[Attempt]:
    """Return the attempts of one student, and lay the executed notebooks where the pages look for them."""
    name = f"student-{place:03}"
    folder = out / "notebooks" / name
    folder.mkdir(parents=True)
    found = []
    for number, path in enumerate(paths):
        (folder / path.name).hardlink_to(shared / path.name)
        own = {id_: one for id_, one in exercises().items() if chapter_of(id_) == chapter_of(path.stem)}
        verdicts = {
            id_: {"status": "failed", "message": "It gives 2, but 3 is wanted.", "points": 0}
            if (place + order) % 5 == 0
            else {"status": "passed", "message": "passed", "points": one.points}
            for order, (id_, one) in enumerate(own.items())
        }
        found.append(
            Attempt(
                submission=name, student=f"Student {place:03}", user=str(place), late=place % 9 == 0,
                notebook=path.stem, status=("passed", "failed", "timeout")[(place + number) % 3], verdicts=verdicts,
                numbers={}, seconds=10.0 + place % 7, peak_memory=10**8, versions={"labkit": "0"},
                limits={"profile": "quick", "data": "embedded"}, notebook_hash="", course_hash="0" * 64, remarks=(),
                unsafe=False, finished=FINISHED,
            )
        )  # fmt: skip
    return found


def seconds(attempts: list[Attempt]) -> float:
    """Return how long writing the pages takes."""
    start = time.perf_counter()
    write_pages(attempts, out)
    return time.perf_counter() - start


def size(folder: Path) -> float:
    """Return MB of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*.html")) / 1e6


def opened(index: Path) -> dict[str, list[float]]:
    """Return seconds until Chromium has the index loaded and drawn, and for sorting and searching it."""
    from playwright.sync_api import sync_playwright

    frame = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    found: dict[str, list[float]] = {"open the index": [], "sort it": [], "search it": []}
    executable = shutil.which("chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable) as browser:
        for _ in range(chosen.repeats):
            tab = browser.new_page()
            for name, act in {
                "open the index": lambda tab=tab: tab.goto(index.as_uri()),
                "sort it": lambda tab=tab: tab.locator("#class thead button").nth(1).click(),
                "search it": lambda tab=tab: tab.locator("#search").fill("42"),
            }.items():
                start = time.perf_counter()
                act()
                tab.evaluate(frame)
                found[name].append(time.perf_counter() - start)
            tab.close()
    return found


shared = out / "shared"
shared.mkdir()
for path in paths:
    shutil.copy(path, shared)
first = attempts_of(0)
rows = [["write the first submission, all its figures new", f"{seconds(first):.2f} s"]]
attempts = first + [one for place in range(1, chosen.submissions) for one in attempts_of(place)]
whole = seconds(attempts)
rows.append(
    [f"write {chosen.submissions} submissions", f"{whole:.1f} s, {1000 * whole / chosen.submissions:.0f} ms each"]
)
rows.append(["write them again, nothing changed", f"{seconds(attempts):.2f} s"])
changed = [replace(attempts[0], remarks=("Check 1.1 was edited: restored.",)), *attempts[1:]]
rows.append(["write them again, one changed", f"{seconds(changed):.2f} s"])
for name in ("site", "feedback"):
    rows.append([f"{name}/", f"{size(out / name):.0f} MB, {size(out / name) / chosen.submissions:.2f} MB each"])
rows.append(["index.html", f"{(out / 'site' / 'index.html').stat().st_size / 1e6:.2f} MB"])
values: dict[str, list[float]] = {}
if shutil.which("chromium"):
    values = opened(out / "site" / "index.html")
    rows += [[f"Chromium: {name}", f"{median(one):.2f} s"] for name, one in values.items()]
publish("pages", f"Pages of {chosen.submissions} submissions x {len(paths)} notebooks", ["what", "cost"], rows, values)
shutil.rmtree(out)
