"""A night of grading: every notebook of every submission, several side by side, each kept as soon as it is done.

Imports attempts, config, exercises, files, gradebook, grader, intake, notebooks, numbers, pages, rehearsal, restore,
results and sandbox.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat

from labkit import __version__
from labkit.config import Interrupted, LabkitError, UsageError, get_profile
from labkit.confine import Limits
from labkit.exercises import exercises
from labkit.files import ensure_writable, write_atomically
from labkit.grading.attempts import Attempt, plain_text
from labkit.grading.cells import Invalid
from labkit.grading.gradebook import write_gradebook
from labkit.grading.grader import AtEnd, Bounds, Execution, execute
from labkit.grading.intake import Submission, read_submissions
from labkit.grading.numbers import compare_numbers, other_setting
from labkit.grading.pages import write_pages
from labkit.grading.progress import Progress
from labkit.grading.rehearsal import rehearse
from labkit.grading.restore import checks, restore
from labkit.grading.results import Results
from labkit.grading.sandbox import (
    Provisioner,
    SandboxProvisioner,
    UnsafeProvisioner,
    end_sandbox,
    refuse_without_sandbox,
)
from labkit.headless import read_notebook, set_environment
from labkit.kernels import Server
from labkit.notebooks import course, notebooks_folder

LIBRARIES = ("nbclient", "numpy", "papermill", "torch")


@dataclass(frozen=True)
class Task:
    """One notebook of one submission that is to be executed."""

    submission: Submission
    notebook: str  # stem
    content: bytes
    notebook_hash: str


@dataclass(frozen=True)
class Settings:
    """What a batch is graded with; another value means that its notebooks are executed again."""

    profile: str
    data: str
    bounds: Bounds
    limits: Limits
    unsafe: bool

    def key(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            **asdict(self.bounds),
            **asdict(self.limits),
            "profile": self.profile,
            "data": self.data,
            "unsafe": self.unsafe,
        }


def grade(source: Path, out: Path, settings: Settings, jobs: int = 1, fresh: bool = False) -> bool:
    """Grade a batch into the folder `out`; return whether every notebook of every submission passed.

    out: gets results.sqlite, gradebook.csv and the executed notebooks. What is in it already, for the same content,
    course and settings, is not executed again unless `fresh`.
    Interrupted when the user ends it; finished notebooks are kept, and the same command goes on.
    """
    get_profile(settings.profile)
    if not settings.unsafe:
        refuse_without_sandbox()
    staff = {path.stem: read_notebook(path) for path in course(notebooks_folder())}
    if not staff:
        raise UsageError(f"{notebooks_folder()} holds no notebook of the course (NN_name.ipynb).")
    submissions = read_submissions(source, list(staff))
    ensure_writable(out)
    out.chmod(0o700)  # grades are nobody else's business
    course_hash = _hash(*(nbformat.writes(book).encode() for book in staff.values()), __version__.encode())
    with Results(out / "results.sqlite") as results:
        tasks = list(_open_tasks(submissions, staff, results, course_hash, settings, fresh))
        worker = _Worker(staff, course_hash, settings, _seed(out))
        total = sum(len(submission.notebooks) for submission in submissions)
        _run_all(tasks, worker, results, out, jobs, total)
        attempts = results.attempts()
        names = {submission.name for submission in submissions}
        attempts = [attempt for attempt in attempts if attempt.submission in names]
        print(f"Gradebook: {write_gradebook(attempts, out / 'gradebook.csv', submissions)}")
        print(f"Pages: {write_pages(attempts, out, submissions)}")
    return all(attempt.status == "passed" for attempt in attempts)


def _open_tasks(
    submissions: list[Submission],
    staff: dict[str, Any],
    results: Results,
    course_hash: str,
    settings: Settings,
    fresh: bool,
) -> Iterator[Task]:
    """Return what is still to be executed; keep what is missing as such."""
    for submission in submissions:
        claimed = json.dumps(submission.claimed, sort_keys=True).encode()
        for stem in staff:
            content = submission.notebooks.get(stem)
            own_hash = _hash(content, claimed) if content is not None else ""
            if not fresh and results.finished(submission.name, stem, own_hash, course_hash, settings.key()):
                continue
            if content is None:
                results.add(_attempt(submission, stem, "missing", own_hash, course_hash, settings))
            else:
                yield Task(submission, stem, content, own_hash)


def _run_all(tasks: list[Task], worker: _Worker, results: Results, out: Path, jobs: int, total: int) -> None:
    """Execute tasks side by side, and keep each as soon as it is done."""
    set_environment()
    if jobs > 1:
        os.environ["LABKIT_THREADS"] = "1"
    runs = out / "runs"
    if not worker.settings.unsafe:  # there, a submission could put its own in
        runs.mkdir(exist_ok=True)
        os.environ["LABKIT_RUNS"] = str(runs.resolve())
    with Progress(total, total - len(tasks)) as progress, ThreadPoolExecutor(jobs) as pool:
        try:
            if tasks and not worker.settings.unsafe:
                setting = {"course": worker.course_hash, "threads": jobs > 1, **worker.settings.key()}
                rehearse(sorted({task.notebook for task in tasks}), setting, runs, worker.rehearse, pool)
            pending: dict[Future[tuple[Attempt, str]], Task] = {}
            for task in tasks:
                pending[pool.submit(worker, task, progress)] = task
            for future in as_completed(pending):
                attempt, executed = future.result()
                if executed:
                    place = out / "notebooks" / attempt.submission / f"{attempt.notebook}.ipynb"
                    write_atomically(place, executed)
                results.add(attempt)  # last: from here on it is never executed again
                progress.done(attempt)
        except KeyboardInterrupt as interrupt:
            worker.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise Interrupted(
                "Interrupted: every finished notebook is kept, and the same command goes on from there."
            ) from interrupt
        finally:
            end_sandbox()
            os.environ.pop("LABKIT_RUNS", None)


class _Worker:
    """Executes and judges one task; whatever happens to it, an attempt comes out."""

    def __init__(self, staff: dict[str, Any], course_hash: str, settings: Settings, seed: int) -> None:
        self.staff, self.course_hash, self.settings, self.seed = staff, course_hash, settings, seed
        base = UnsafeProvisioner if settings.unsafe else SandboxProvisioner
        self.stopped = threading.Event()  # no kernel starts any more

        def server(provisioner: Any) -> Server:
            if self.stopped.is_set():
                raise LabkitError("The batch was interrupted.")
            found: Server = base.server(provisioner)
            return found

        self.provisioner: Provisioner = type(
            "LimitedProvisioner", (base,), {"limits": settings.limits, "server": server}
        )

    def __call__(self, task: Task, progress: Progress) -> tuple[Attempt, str]:
        progress.started(f"{plain_text(task.submission.student)[:30]} {task.notebook}")
        start = monotonic()
        kept: dict[str, Any] = {}
        executed = ""
        try:
            notebook, remarks = restore(task.content, self.staff[task.notebook])
        except Invalid as problem:
            status, remarks = "invalid", [str(problem)]
        else:
            found = self._execute(notebook)
            status, remarks = found.status, remarks + found.remarks
            claimed = task.submission.claimed
            numbers = compare_numbers(claimed, found.results, task.notebook)
            remarks += filter(None, [other_setting(claimed, found.results, task.notebook)])
            kept = {"verdicts": _points(found), "numbers": numbers, "peak_memory": found.peak_memory}
            if status == "passed" and any(one["status"] != "passed" for one in kept["verdicts"].values()):
                status = "failed"
            executed = nbformat.writes(found.notebook)
        attempt = _attempt(
            task.submission, task.notebook, status, task.notebook_hash, self.course_hash, self.settings,
            remarks=tuple(remarks), seconds=monotonic() - start, **kept,
        )  # fmt: skip
        return attempt, executed

    def rehearse(self, stem: str, at_end: AtEnd) -> Execution:
        """Execute one of the course's own notebooks."""
        notebook, _ = restore(nbformat.writes(self.staff[stem]).encode(), self.staff[stem])
        return self._execute(notebook, at_end)

    def _execute(self, notebook: Any, at_end: AtEnd | None = None) -> Execution:
        parameters = {
            "profile": self.settings.profile,
            "data": self.settings.data,
            "seed": 0,
            "out": "",
        }  # "": LABKIT_OUT
        places = {index: (name, expression) for index, name, expression in checks(notebook)}
        return execute(notebook, places, parameters, self.seed, self.settings.bounds, self.provisioner, at_end)


def _attempt(
    submission: Submission, stem: str, status: str, own_hash: str, course_hash: str, settings: Settings, **more: Any
) -> Attempt:
    base: dict[str, Any] = {"verdicts": {}, "numbers": {}, "seconds": 0.0, "peak_memory": 0, "remarks": ()}
    return Attempt(
        submission=submission.name,
        student=submission.student,
        user=submission.user,
        late=submission.late,
        notebook=stem,
        status=status,
        limits=settings.key(),
        versions={"labkit": __version__, **{name: metadata.version(name) for name in LIBRARIES}},
        notebook_hash=own_hash,
        course_hash=course_hash,
        unsafe=settings.unsafe,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        **{**base, **more},
    )


def _points(found: Execution) -> dict[str, dict[str, Any]]:
    """Return the verdicts with their points."""
    return {
        name: {
            "status": verdict.status,
            "message": verdict.message,
            "points": exercises()[name].points if verdict.status == "passed" else 0,
        }
        for name, verdict in found.verdicts.items()
    }


def _seed(out: Path) -> int:
    """Return the seed of the batch's inputs, drawn once, so that no student knows it and a resumed night repeats it."""
    path = out / "seed"
    if not path.is_file():
        write_atomically(path, f"{secrets.randbelow(2**31)}\n")
        path.chmod(0o600)
    try:
        return int(path.read_text())
    except (OSError, ValueError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): remove it, and grade with --fresh.") from error


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
