"""One notebook of a batch, executed and judged: what there is to do, with which settings, and what comes of it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
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
from labkit.grading.intake.claims import Claims, read_claims
from labkit.grading.intake.reader import Notebook, parse_notebook
from labkit.grading.intake.restore import checks, restore
from labkit.grading.intake.submissions import Submission
from labkit.grading.judging.batch_progress import Progress
from labkit.grading.judging.grader import AtEnd, Execution, execute
from labkit.grading.judging.numbers import compare_numbers, other_setting
from labkit.grading.judging.rehearsal import not_rehearsed, rehearse
from labkit.grading.records.attempts import Attempt
from labkit.grading.sandbox.provisioners import Provisioner, SandboxProvisioner, UnsafeProvisioner
from labkit.grading.settings import Settings
from labkit.grading.texts import clean

LIBRARIES = ("nbclient", "numpy", "papermill", "torch")


@dataclass(frozen=True)
class Task:
    """One notebook of one submission that is to be executed."""

    submission: Submission
    notebook: str  # the stem of its file
    notebook_hash: str

    @property
    def handed_in(self) -> Notebook:
        """What the submission holds under that name."""
        return self.submission.notebooks[self.notebook]

    @property
    def claims(self) -> Claims | None:
        """What the submission says that the notebook gives."""
        return self.submission.claims.get(self.notebook)


class Worker:
    """Executes and judges one task; whatever happens to it, an attempt comes out."""

    def __init__(self, staff: dict[str, Any], course_hash: str, settings: Settings, seed: int) -> None:
        self.staff, self.course_hash, self.settings, self.seed = staff, course_hash, settings, seed
        base = UnsafeProvisioner if settings.unsafe else SandboxProvisioner
        self.stopped = threading.Event()  # no kernel starts any more

        def server(provisioner: Any) -> Server:
            if self.stopped.is_set():
                raise LabkitError("The batch was interrupted.")
            server: Server = base.server(provisioner)
            return server

        self.provisioner: Provisioner = type(
            "LimitedProvisioner", (base,), {"limits": settings.limits, "server": server}
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another machine as what it was made of."""
        return Worker, (self.staff, self.course_hash, self.settings, self.seed)

    def __call__(self, task: Task, progress: Progress) -> tuple[Attempt, str]:
        """Return the attempt, and the executed notebook as text."""
        progress.started(f"{clean(task.submission.student)[:30]} {task.notebook}")
        start = monotonic()
        notebook, mended = restore(task.handed_in.content, self.staff[task.notebook])
        execution = self._execute(notebook, self._seed_of(task), files=task.handed_in.files)
        again = read_claims(execution.results, task.notebook)
        setting = filter(None, [other_setting(task.claims, again)])
        verdicts = _points(execution)
        status = execution.status
        if status == "passed" and any(verdict["status"] != "passed" for verdict in verdicts.values()):
            status = "failed"
        attempt = make_attempt(
            task.submission,
            task.notebook,
            status,
            task.notebook_hash,
            self.course_hash,
            self.settings,
            verdicts=verdicts,
            numbers=compare_numbers(task.claims, again, task.notebook),
            seconds=monotonic() - start,
            peak_memory=execution.peak_memory,
            remarks=(*task.handed_in.remarks, *mended, *execution.remarks, *setting),
        )
        return attempt, nbformat.writes(execution.notebook)

    def share_rehearsed(self, out: Path) -> None:
        """Let the kernels of this process, which start later, read what the rehearsal keeps; see `training.cache`."""
        if not self.settings.unsafe:  # there, a submission could put its own in
            self.rehearsed(out).mkdir(exist_ok=True)
            os.environ["LABKIT_REHEARSED"] = str(self.rehearsed(out).resolve())

    def rehearsed(self, out: Path) -> Path:
        """Return the folder of the trainings that the rehearsal keeps."""
        return out / "rehearsed"

    def to_rehearse(self, tasks: list[Task], out: Path) -> list[str]:
        """Return which of the course's notebooks are still to be rehearsed before the tasks: their stems."""
        if self.settings.unsafe:
            return []
        return not_rehearsed(sorted({task.notebook for task in tasks}), self._setting(), self.rehearsed(out))

    def rehearse(self, stems: list[str], out: Path, pool: Executor) -> None:
        """Rehearse some of the course's notebooks."""
        rehearse(stems, self._setting(), self.rehearsed(out), self._rehearse_one, pool)

    def _setting(self) -> dict[str, Any]:
        return {"course": self.course_hash, **self.settings.key()}

    def _rehearse_one(self, stem: str, at_end: AtEnd) -> Execution:
        """Execute one of the course's own notebooks."""
        own = parse_notebook(nbformat.writes(self.staff[stem]).encode())
        notebook, _ = restore(own.content, self.staff[stem])
        return self._execute(notebook, self.seed, at_end)

    def _seed_of(self, task: Task) -> int:
        """Return the seed of a task's hidden inputs: others for everybody, and for what is handed in anew."""
        facts = f"{self.seed} {task.submission.name} {task.notebook} {task.notebook_hash}"
        return int.from_bytes(sha256(facts.encode()).digest()[:6])

    def _execute(
        self, notebook: Any, seed: int, at_end: AtEnd | None = None, files: tuple[tuple[str, bytes], ...] = ()
    ) -> Execution:
        # Without a name, results go where LABKIT_OUT says.
        parameters = {"profile": self.settings.profile, "data": self.settings.data, "seed": 0, "out": ""}
        places = {index: (name, expression) for index, name, expression in checks(notebook)}
        provisioner = type("OneNotebook", (self.provisioner,), {"files": files})
        return execute(notebook, places, parameters, seed, self.settings.bounds, provisioner, at_end)


def keep_notebook(out: Path, attempt: Attempt, executed: str) -> None:
    """Write an executed notebook where the TA looks for it."""
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


def _points(execution: Execution) -> dict[str, dict[str, Any]]:
    """Return the verdicts with their points."""
    return {
        name: {
            "status": verdict.status,
            "message": verdict.message,
            "points": exercises()[name].points if verdict.status == "passed" else 0,
            **({"detail": execution.details[name]} if name in execution.details else {}),
        }
        for name, verdict in execution.verdicts.items()
    }
