"""Notebooks a minute, processor time and memory of grading: labkit grade, nbgrader autograde, papermill's command.

python benchmarks/grading.py [--submissions 40] [--jobs 2]

Each submission is one notebook, and the course's nine take turns, so that all weigh alike. They are made from the
release: the course's answers filled in, one answer in eight left open, and in one notebook in eight a cell that raises.
All sides execute the same files on the embedded data, with the same seconds for a cell.

What is not like for like: labkit grade alone has a sandbox and limits on memory and processes, tries answers on hidden
inputs, and is given the course's own training by its rehearsal, which comes once a batch: the first row includes it,
the second does not. papermill grades nothing. Kernels of labkit grade have one thread, as those of papermill side by
side; the others have all of the machine's.
Processor time and memory are those of the whole machine, so nothing else may run.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from measure import arguments, in_turn, median, publish, publish_growth

from labkit.course.notebooks import clean, course, notebooks_folder, read_notebook
from labkit.course.release import student_version

CELL_SECONDS = 300
TICKS = os.sysconf("SC_CLK_TCK")
scratch = Path(tempfile.mkdtemp(prefix="labkit-bench-"))


def make_submissions(paths: list[Path], count: int) -> Path:
    """Write `count` submissions: folders with a released notebook and answers, each wrong in its own way."""
    folder = Path(tempfile.mkdtemp(prefix="submissions-", dir=scratch))
    for number in range(count):
        chance = random.Random(number)
        place = folder / f"student-{number:03}"
        place.mkdir(parents=True)
        path = paths[number % len(paths)]
        answers = {cell.id: cell.source for cell in read_notebook(path).cells}
        notebook = student_version(clean(read_notebook(path)))
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            if marks.get("solution") and cell.cell_type == "code" and chance.random() > 1 / 8:
                cell.source = "\n".join(line for line in answers[cell.id].splitlines() if "###" not in line)
        if chance.random() < 1 / 8:
            notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('not finished')", id="own"))
        notebook.cells.append(nbformat.v4.new_code_cell(f"print('student {number}')", id="name"))
        nbformat.write(notebook, place / path.name)
    return folder


def run(command: list[str], cwd: Path) -> str:
    """Run a command and return what it says, which is shown when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def grade(submissions: Path, jobs: int, out: Path) -> str:
    """labkit grade; return what it says."""
    labkit = str(Path(sys.executable).with_name("labkit"))
    command = [labkit, "grade", str(submissions), "--out", str(out), "--data", "embedded"]
    return run([*command, "--jobs", str(jobs), "--timeout", str(2 * CELL_SECONDS)], Path.cwd())


def rehearse_and_grade() -> None:
    """labkit grade, into a new folder; it says how long its rehearsal took."""
    told = grade(submissions, chosen.jobs, scratch / "graded")
    rehearsals.append(float(told.partition("Rehearsed in ")[2].split()[0]))


def rehearsed_seconds(count: int, jobs: int) -> float:
    """Return the seconds of labkit grade for so many submissions after its rehearsal."""
    class_folder, out = make_submissions(paths, count), scratch / "growth"
    shutil.copytree(scratch / "graded" / "rehearsed", out / "rehearsed")
    start = time.perf_counter()
    grade(class_folder, jobs, out)
    seconds = time.perf_counter() - start
    for folder in (class_folder, out):
        shutil.rmtree(folder)
    return seconds


def autograde(submissions: Path) -> None:
    """nbgrader's command, in a course of its own; `generate_assignment` is not timed."""
    run(
        [sys.executable, "-m", "nbgrader", "autograde", "lab", f"--ExecutePreprocessor.timeout={CELL_SECONDS}"], courses
    )


def prepare_autograde(paths: list[Path], submissions: Path) -> None:
    """Make nbgrader's course, with all notebooks as one assignment."""
    (courses / "source" / "lab").mkdir(parents=True)
    for path in paths:
        shutil.copy(path, courses / "source" / "lab")
    run([sys.executable, "-m", "nbgrader", "generate_assignment", "lab"], courses)
    for folder in submissions.iterdir():
        shutil.copytree(folder, courses / "submitted" / folder.name / "lab")


def papermill(submissions: Path, side_by_side: int = 1) -> None:
    """papermill's command, once a notebook; `side_by_side` at a time, then each with one thread."""
    from concurrent.futures import ThreadPoolExecutor

    def one(path: Path) -> None:
        target = scratch / "papermill" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "papermill", str(path), str(target), "--no-progress-bar", "-k", "python3"]
        command += ["--execution-timeout", str(CELL_SECONDS), "-p", "data", "embedded"]
        run([*command, "-p", "out", str(target.parent / "out")], path.parent)

    if side_by_side > 1:
        os.environ["LABKIT_THREADS"] = "1"
    with ThreadPoolExecutor(side_by_side) as pool:
        list(pool.map(one, sorted(submissions.glob("*/*.ipynb"))))
    os.environ.pop("LABKIT_THREADS", None)


def measured(work: Callable[[], None]) -> tuple[float, float, float]:
    """Return seconds, processor seconds and the most bytes of memory that the machine used while `work` ran."""
    least = before = available()
    ended = threading.Event()

    def look() -> None:
        nonlocal least
        while not ended.wait(0.2):
            least = min(least, available())

    looking = threading.Thread(target=look)
    looking.start()
    start, busy = time.perf_counter(), busy_seconds()
    work()
    seconds, busy = time.perf_counter() - start, busy_seconds() - busy
    ended.set()
    looking.join()
    return seconds, busy, before - least


def available() -> int:
    """Return the bytes of memory that the machine has to give."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable")))


def busy_seconds() -> float:
    """Return the seconds that all processors of the machine have worked, from Linux."""
    user, nice, system, _idle, _waiting, interrupts, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + interrupts + soft) / TICKS


def attempts() -> list[tuple[str, float, int]]:
    """Return notebook, seconds and peak memory of each attempt that labkit grade kept."""
    with sqlite3.connect(scratch / "graded" / "results.sqlite") as connection:
        return connection.execute(
            "SELECT notebook, seconds, peak_memory FROM attempts WHERE status != 'missing'"
        ).fetchall()


chosen = arguments(__doc__.splitlines()[0], {"submissions": 1}, submissions=40, jobs=2)
courses = scratch / "nbgrader"
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # nbgrader calls alembic
os.environ["LABKIT_DATA"] = str(scratch / "no-data")
(scratch / "no-data").mkdir()
rehearsals: list[float] = []
paths = course(notebooks_folder())
submissions = make_submissions(paths, chosen.submissions)
prepare_autograde(paths, submissions)
notebooks = chosen.submissions
print(f"{notebooks} notebooks in {scratch}")

sides: dict[str, Callable[[], None]] = {
    f"labkit grade, {chosen.jobs} jobs": rehearse_and_grade,
    "papermill's command": lambda: papermill(submissions),
    f"papermill's, {chosen.jobs} side by side": lambda: papermill(submissions, chosen.jobs),
    "nbgrader autograde": lambda: autograde(submissions),
}
found = {}
for name, work in sides.items():
    shutil.rmtree(scratch / "papermill", ignore_errors=True)
    found[name] = measured(work)
    print(f"{name}: {found[name][0]:.0f} s", flush=True)
first, *_ = next(iter(found.values()))
after = first - rehearsals[0]
rows = [
    [name, f"{60 * notebooks / seconds:.1f}", f"{seconds / first:.1f}x", f"{busy:.0f}", f"{memory / 1e9:.2f}"]
    for name, (seconds, busy, memory) in found.items()
]
rows.insert(1, ["the same, after its rehearsal", f"{60 * notebooks / after:.1f}", f"{after / first:.1f}x", "", ""])
columns = ["side", "notebooks a minute", "time", "processor seconds", "peak memory, GB"]
publish("grading", f"{notebooks} notebooks", columns, rows, {"sides": found, "rehearsal": rehearsals})
peaks = [peak / 1e6 for _, _, peak in attempts()]
print(f"private memory of labkit's kernels: median {median(peaks):.0f} MB, most {max(peaks):.0f} MB")

steps = {
    "submissions": (
        sorted({max(1, notebooks // part) for part in (4, 2, 1)}),
        lambda n: rehearsed_seconds(n, chosen.jobs),
    ),
    "jobs": (sorted({1, chosen.jobs}), lambda n: rehearsed_seconds(notebooks, n)),
}
growth = {
    name: in_turn({str(n): lambda n=n, measure=measure: measure(n) for n in counts}, 1)
    for name, (counts, measure) in steps.items()
}
publish_growth("grading_growth", f"Seconds of labkit grade after its rehearsal ({notebooks} submissions)", growth)
