"""One notebook of a batch, executed and judged: what there is to do, with which settings, and what comes of it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat

from labkit import __version__
from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.kernels import Server
from labkit.exercises.catalogue import exercises
from labkit.grading.intake.cells import Invalid
from labkit.grading.intake.restore import checks, restore
from labkit.grading.intake.submissions import Submission
from labkit.grading.judging.batch_progress import Progress
from labkit.grading.judging.grader import AtEnd, Execution, execute
from labkit.grading.judging.numbers import compare_numbers, other_setting
from labkit.grading.judging.rehearsal import not_rehearsed, rehearse
from labkit.grading.records.attempts import Attempt
from labkit.grading.sandbox.provisioners import Provisioner, SandboxProvisioner, UnsafeProvisioner
from labkit.grading.settings import Settings
from labkit.grading.texts import plain_text

LIBRARIES = ("nbclient", "numpy", "papermill", "torch")


@dataclass(frozen=True)
class Task:
    """One notebook of one submission that is to be executed."""

    submission: Submission
    notebook: str  # stem
    content: bytes
    notebook_hash: str


class Worker:
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another machine as what it was made of."""
        return Worker, (self.staff, self.course_hash, self.settings, self.seed)

    def __call__(self, task: Task, progress: Progress) -> tuple[Attempt, str]:
        """Return the attempt, and the executed notebook as text, empty where none could be executed."""
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
        attempt = make_attempt(
            task.submission, task.notebook, status, task.notebook_hash, self.course_hash, self.settings,
            remarks=tuple(remarks), seconds=monotonic() - start, **kept,
        )  # fmt: skip
        return attempt, executed

    def share_runs(self, out: Path) -> None:
        """Let the kernels of this process, which start later, read what the rehearsal keeps; see `training.cache`."""
        if not self.settings.unsafe:  # there, a submission could put its own in
            self.runs(out).mkdir(exist_ok=True)
            os.environ["LABKIT_REHEARSED"] = str(self.runs(out).resolve())

    def runs(self, out: Path) -> Path:
        """Return the folder of what the rehearsal keeps."""
        return out / "runs"

    def to_rehearse(self, tasks: list[Task], out: Path, one_thread: bool) -> list[str]:
        """Return which of the course's notebooks are still to be rehearsed before the tasks: their stems."""
        if self.settings.unsafe:
            return []
        return not_rehearsed(sorted({task.notebook for task in tasks}), self._setting(one_thread), self.runs(out))

    def rehearse(self, stems: list[str], out: Path, one_thread: bool, pool: Executor) -> None:
        """Rehearse some of the course's notebooks."""
        rehearse(stems, self._setting(one_thread), self.runs(out), self._rehearse_one, pool)

    def _setting(self, one_thread: bool) -> dict[str, Any]:
        return {"course": self.course_hash, "threads": one_thread, **self.settings.key()}

    def _rehearse_one(self, stem: str, at_end: AtEnd) -> Execution:
        """Execute one of the course's own notebooks."""
        notebook, _ = restore(nbformat.writes(self.staff[stem]).encode(), self.staff[stem])
        return self._execute(notebook, at_end)

    def _execute(self, notebook: Any, at_end: AtEnd | None = None) -> Execution:
        # Without a name, results go where LABKIT_OUT says.
        parameters = {"profile": self.settings.profile, "data": self.settings.data, "seed": 0, "out": ""}
        places = {index: (name, expression) for index, name, expression in checks(notebook)}
        return execute(notebook, places, parameters, self.seed, self.settings.bounds, self.provisioner, at_end)


def keep_notebook(out: Path, attempt: Attempt, executed: str) -> None:
    """Write the executed notebook, if there is one, where the TA looks for it."""
    if executed:
        write_atomically(out / "notebooks" / attempt.submission / f"{attempt.notebook}.ipynb", executed)


def make_attempt(
    submission: Submission, stem: str, status: str, own_hash: str, course_hash: str, settings: Settings, **more: Any
) -> Attempt:
    """Return an attempt that ended now; more: fields of it, without which it cost and earned nothing."""
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
