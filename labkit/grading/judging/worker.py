"""One notebook of a batch, executed and judged: what there is to do, with which settings, and what comes of it."""

from __future__ import annotations

import os
import threading
import traceback
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
from labkit.basics.pages.plain_text import tidy
from labkit.course.kernels import Server, own_server
from labkit.exercises.catalogue import exercises
from labkit.grading.intake.reading.claims import Claims, read_claims
from labkit.grading.intake.reading.reader import Notebook, parse_notebook
from labkit.grading.intake.restore import checks, restore
from labkit.grading.intake.submissions import Submission
from labkit.grading.judging.batch_progress import Progress
from labkit.grading.judging.grader import AfterCell, Execution, execute
from labkit.grading.judging.judge_process import end_judges
from labkit.grading.judging.kept_results import keep_results
from labkit.grading.judging.numbers import compare_numbers, other_setting
from labkit.grading.judging.rehearsal import REHEARSED, failures, not_rehearsed, rehearse
from labkit.grading.records.attempts import Attempt
from labkit.grading.sandbox.provisioners import Provisioner, SandboxProvisioner, UnsafeProvisioner, sandbox_server
from labkit.grading.sandbox.second_user import SecondUserProvisioner, second_user_server
from labkit.grading.settings import Settings
from labkit.grading.texts import clean

LIBRARIES = ("nbclient", "numpy", "papermill", "torch")
DISTURBED = (
    "The machine ended its kernel twice, as it does when its memory is full: see that memory is free, and run the same "
    "command again."
)
UNEXPECTED = "labkit could not grade it ({error}; errors/{place} says where): it is tried again with the next command."
LONGEST_LOG = 100_000  # characters
Files = tuple[tuple[str, bytes], ...]


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

    def __init__(self, staff: dict[str, Any], course_hash: str, settings: Settings, seed: int, beside: Files) -> None:
        """Make a worker; beside: the course's own files that lie beside each notebook, by path."""
        self.staff, self.course_hash, self.settings, self.seed = staff, course_hash, settings, seed
        self.beside = beside
        base: Provisioner
        base, self.kernels = SandboxProvisioner, sandbox_server
        if settings.second_user:
            base, self.kernels = SecondUserProvisioner, second_user_server
        elif settings.unsafe:
            base, self.kernels = UnsafeProvisioner, own_server
        self.stopped = threading.Event()  # no kernel starts any more
        self.fault: LabkitError | None = None  # that would meet every notebook, so none is begun any more

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
        return Worker, (self.staff, self.course_hash, self.settings, self.seed, self.beside)

    def __call__(self, task: Task, progress: Progress) -> tuple[Attempt, str]:
        """Return the attempt, and the executed notebook as text; of an attempt with status error, its log.

        LabkitError for what is the night's own and would meet every notebook: no kernel can be started, a full disk.
        """
        progress.started(f"{clean(task.submission.student)[:30]} {task.notebook}")
        try:
            if self.fault:
                raise self.fault
            return self._graded(task)
        except LabkitError as error:
            self.fault = self.fault or error
            raise
        except Exception as error:  # a fault of labkit's, or a submission that found one
            place = f"{task.submission.name}/{task.notebook}.txt"
            remark = UNEXPECTED.format(error=type(error).__name__, place=place)
            return self._attempt(task, "error", remarks=(remark,)), _log(error)

    def end(self) -> None:
        """End all that works for it, at once; from now on no kernel starts any more."""
        self.stopped.set()
        self.kernels.end()
        end_judges()

    def _graded(self, task: Task) -> tuple[Attempt, str]:
        start = monotonic()
        notebook, mended = restore(task.handed_in.content, self.staff[task.notebook])
        execution = self._execute(notebook, self._seed_of(task), files=task.handed_in.files)
        if execution.disturbed:
            return self._attempt(task, "error", remarks=(DISTURBED,)), DISTURBED
        again = read_claims(execution.results, task.notebook)
        setting = filter(None, [other_setting(task.claims, again)])
        verdicts = _points(execution)
        status = execution.status
        if status == "passed" and any(verdict["status"] != "passed" for verdict in verdicts.values()):
            status = "failed"
        attempt = self._attempt(
            task,
            status,
            verdicts=verdicts,
            numbers=compare_numbers(task.claims, again, task.notebook),
            seconds=monotonic() - start,
            peak_memory=execution.peak_memory,
            remarks=(*task.handed_in.remarks, *mended, *execution.remarks, *setting),
        )
        keep_results(execution.notebook, execution.results, task.notebook)
        return attempt, tidy(nbformat.writes(execution.notebook))

    def _attempt(self, task: Task, status: str, **more: Any) -> Attempt:
        return make_attempt(
            task.submission, task.notebook, status, task.notebook_hash, self.course_hash, self.settings, **more
        )

    def share_rehearsed(self, out: Path) -> None:
        """Let the kernels of this process, which start later, read what the rehearsal keeps; see `training.cache`."""
        if self.settings.sandboxed:  # elsewhere, a submission could put its own in
            self.rehearsed(out).mkdir(exist_ok=True)
            os.environ["LABKIT_REHEARSED"] = str(self.rehearsed(out).resolve())

    def rehearsed(self, out: Path) -> Path:
        """Return the folder of the trainings that the rehearsal keeps."""
        return out / REHEARSED

    def to_rehearse(self, tasks: list[Task], out: Path) -> list[str]:
        """Return which of the course's notebooks are still to be rehearsed before the tasks: their stems."""
        if not self.settings.sandboxed:
            return []
        return not_rehearsed(sorted({task.notebook for task in tasks}), self._setting(), self.rehearsed(out))

    def rehearse(self, stems: list[str], out: Path, pool: Executor) -> None:
        """Rehearse some of the course's notebooks."""
        rehearse(stems, self._setting(), self.rehearsed(out), self._rehearse_one, pool)

    def refuse_failed_rehearsal(self, stems: list[str], out: Path) -> None:
        """Raise LabkitError when one of the course's notebooks, which were rehearsed just now, failed."""
        if failed := [stem for stem in failures(self.rehearsed(out)) if stem in stems]:
            raise LabkitError(
                f"No submission was executed, for the course's own {', '.join(failed)} did not pass the rehearsal: see "
                "that limits, data and solutions are as you want them, and run the same command again, or add "
                "--despite-rehearsal."
            )

    def _setting(self) -> dict[str, Any]:
        return {"course": self.course_hash, **self.settings.key()}

    def _rehearse_one(self, stem: str, after_cell: AfterCell) -> Execution:
        """Execute one of the course's own notebooks."""
        own = parse_notebook(nbformat.writes(self.staff[stem]).encode())
        notebook, _ = restore(own.content, self.staff[stem])
        return self._execute(notebook, self.seed, after_cell)

    def _seed_of(self, task: Task) -> int:
        """Return the seed of a task's hidden inputs: others for each content, so also for what is handed in anew."""
        facts = f"{self.seed} {task.notebook} {task.notebook_hash}"
        return int.from_bytes(sha256(facts.encode()).digest()[:6])

    def _execute(self, notebook: Any, seed: int, after_cell: AfterCell | None = None, files: Files = ()) -> Execution:
        """Execute a notebook, and once more when it was the machine that ended a kernel."""
        # Without a name, results go where LABKIT_OUT says.
        parameters = {"profile": self.settings.profile, "data": self.settings.data, "seed": 0, "out": ""}
        places = {index: (name, expression) for index, name, expression in checks(notebook)}
        provisioner = type("OneNotebook", (self.provisioner,), {"files": (*files, *self.beside)})
        bounds = self.settings.bounds
        execution = execute(notebook, places, parameters, seed, bounds, provisioner, after_cell)
        if execution.disturbed:
            execution = execute(notebook, places, parameters, seed, bounds, provisioner, after_cell)
        return execution


def keep_notebook(out: Path, attempt: Attempt, executed: str) -> None:
    """Write an executed notebook, or the log of an error, where the TA looks for it."""
    log = out / "errors" / attempt.submission / f"{attempt.notebook}.txt"
    if attempt.status == "error":
        write_atomically(log, executed)
    else:
        write_atomically(out / "notebooks" / attempt.submission / f"{attempt.notebook}.ipynb", executed)
        log.unlink(missing_ok=True)


def executed_notebook(out: Path, attempt: Attempt) -> str:
    """Return what `keep_notebook` wrote of an attempt that was executed."""
    path = out / "notebooks" / attempt.submission / f"{attempt.notebook}.ipynb"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): grade with --fresh, so that it is made again.") from error


def _log(error: Exception) -> str:
    """Return where an error was raised, as text that no terminal obeys."""
    text = "".join(traceback.format_exception(error))[-LONGEST_LOG:]
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)


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
