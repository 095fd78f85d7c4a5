"""A batch in chunks on a Slurm cluster: tasks hand their results over as files, and one writer merges them.

submitit pickles what a task is to do, into a folder of this user alone. Nothing comes back that way: a task writes no
pickle, and none is read, whatever lies there.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from itertools import groupby
from pathlib import Path
from typing import Any

from labkit.basics.errors import Interrupted, LabkitError
from labkit.grading.judging.batch_progress import Progress, tell
from labkit.grading.judging.judge_process import MEMORY as JUDGE_MEMORY
from labkit.grading.judging.rehearsal import failures, forget_failures
from labkit.grading.judging.worker import Task, Worker, keep_notebook
from labkit.grading.judging.workplace import workplace
from labkit.grading.records.attempts import Attempt
from labkit.grading.records.store import AttemptStore
from labkit.grading.sandbox.bubblewrap import refuse_without_sandbox
from labkit.grading.slurm import cluster
from labkit.grading.slurm.handover import hand_over, take_over

NOTEBOOKS = 36  # of a task: four submissions, which take several times as long as a task's start
START = 600  # seconds that a task may take for anything but notebooks
MEMORY = 2_000_000_000  # bytes for a task's warm server and itself
PAUSE = 1.0  # seconds between two looks at the results
QUEUE_PAUSE = 5.0  # seconds between two questions to Slurm, which answers all its users
GRACE = 1.0  # seconds; see run_chunk


def settle(out: Path, store: AttemptStore) -> None:
    """Take over what tasks of an earlier command finished; where some are still at work, wait for them.

    So no notebook is executed while a task that nobody waits for executes it as well.
    LabkitError when Slurm cannot say whether there are such tasks. Ctrl-C as in `run_on_slurm`.
    """
    folder = _folder(out)
    if not folder.is_dir():
        return
    reported = 0
    with _cancelled_by_ctrl_c(folder):
        while True:
            states = cluster.states(folder) if shutil.which("squeue") else []
            if taken := sum(1 for _ in take_over(folder / "finished", store)):
                tell(f"{taken} notebooks that tasks on Slurm had finished were taken over.")
            if states is None:
                raise LabkitError(
                    "Slurm does not say whether tasks of an earlier command still run: try again later, or remove "
                    f"{folder} when you know that none does."
                )
            if not states:
                if shutil.which("squeue"):
                    _tidy(folder)
                return
            if len(states) != reported:
                reported = len(states)
                tell(
                    f"{reported} tasks of an earlier command wait or run: this waits for them "
                    f"(`scancel --me --name {cluster.name_in_queue(folder)}` ends them)."
                )
            time.sleep(QUEUE_PAUSE)


def run_on_slurm(
    tasks: list[Task], worker: Worker, store: AttemptStore, out: Path, jobs: int, total: int, despite_rehearsal: bool
) -> str:
    """Submit tasks in chunks, wait, and keep each result as soon as it is handed over.

    jobs: notebooks side by side in each chunk, each with a processor of its own.
    Returns a sentence when not all were finished, else nothing. LabkitError when Slurm refuses, or the rehearsal fails
    unless despite_rehearsal. Interrupted when the user ends it, which cancels the chunks; when this command is killed,
    they go on, and `settle` finds them.
    """
    folder = _folder(out)
    parts = chunks(tasks)
    unfinished = {(task.submission.name, task.notebook) for task in tasks}
    with Progress(total, total - len(tasks)) as progress, _cancelled_by_ctrl_c(folder):
        progress.started("rehearsal")
        stems = worker.to_rehearse(tasks, out)
        if stems and (ended_early := _rehearse(stems, worker, tasks, out, jobs)):
            return ended_early
        if not despite_rehearsal:
            worker.refuse_failed_rehearsal(stems, out)
        arguments = [(worker, part, out.resolve(), jobs) for part in parts]
        logs = _submit(run_chunk, arguments, max(map(len, parts), default=0), worker, out, jobs)
        asked, ended = 0.0, not parts
        while not ended:
            if time.monotonic() > asked + QUEUE_PAUSE:
                states, asked = cluster.states(folder), time.monotonic()
                ended = states == []  # what lies there after this is all that comes
                progress.started(_described(states))
            for attempt in take_over(folder / "finished", store):
                unfinished.discard((attempt.submission, attempt.notebook))
                progress.done(attempt)
            ended = ended or not unfinished
            time.sleep(0 if ended else PAUSE)
    if not unfinished:
        _tidy(folder)
        return ""
    names = [{(task.submission.name, task.notebook) for task in part} for part in parts]
    lost = [log for log, task_names in zip(logs, names, strict=True) if task_names & unfinished]
    reasons = list(dict.fromkeys(cluster.words(log)[-1] for log in lost))[:3]
    return (
        f"{len(unfinished)} of {len(tasks)} notebooks were not finished: {len(lost)} of {len(parts)} tasks on Slurm "
        f"ended early ({'; '.join(reasons)}). What is finished is kept, and the same command goes on from there."
    )


def run_chunk(worker: Worker, tasks: list[Task], out: Path, jobs: int) -> None:
    """Execute notebooks as one task of the array, with one warm server; called by submitit on a node.

    For each it writes the executed notebook, then the attempt, both atomically. It never opens the database.
    It ends its process, so that submitit pickles no result; with 1, and a sentence at the end of the log, when the node
    cannot execute notebooks.
    """
    quiet = Progress(len(tasks), 0)

    def timed(task: Task) -> tuple[Attempt, str, float]:
        return *worker(task, quiet), time.monotonic()

    with _on_a_node(worker, out, jobs) as pool:
        for future in as_completed([pool.submit(timed, task) for task in tasks]):
            attempt, executed, done = future.result()
            # When Slurm ends this task, its signal may reach the kernels and the judge first. What is made of a
            # notebook then is nobody's result, and must not be handed over before the signal is here, too.
            time.sleep(max(0.0, done + GRACE - time.monotonic()))
            keep_notebook(out, attempt, executed)
            hand_over(attempt, _folder(out) / "finished")


def run_rehearsal(worker: Worker, stems: list[str], out: Path, jobs: int) -> None:
    """Rehearse the course's own notebooks as one task on a node, for all chunks; ends as `run_chunk` does."""
    with _on_a_node(worker, out, jobs) as pool:
        worker.rehearse(stems, out, pool)


@contextlib.contextmanager
def _on_a_node(worker: Worker, out: Path, jobs: int) -> Iterator[Executor]:
    def end(*_: Any) -> None:
        """End at once: what is written is whole, and Slurm says in the log why. It would leave the sockets' folder."""
        worker.end()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    try:
        if worker.settings.sandboxed:
            refuse_without_sandbox()
        with workplace(worker, out, jobs) as pool:
            yield pool
    except LabkitError as error:
        print(f"labkit: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from error
    raise SystemExit


def chunks(tasks: Sequence[Task]) -> list[list[Task]]:
    """Return the tasks in parts of at most NOTEBOOKS, or of one submission; no submission is in two parts."""
    parts: list[list[Task]] = []
    for _, group in groupby(tasks, key=lambda task: task.submission.name):
        submission_tasks = list(group)
        if not parts or len(parts[-1]) + len(submission_tasks) > NOTEBOOKS:
            parts.append([])
        parts[-1] += submission_tasks
    return parts


def _rehearse(stems: list[str], worker: Worker, tasks: list[Task], out: Path, jobs: int) -> str:
    """Rehearse the course in one task, and wait for it; return a sentence when it ended early, else nothing.

    So what every submission trains is trained once, and what is wrong with all nodes costs one task, and not all.
    """
    rehearsed = worker.rehearsed(out)
    rehearsed.mkdir(exist_ok=True)
    forget_failures(stems, rehearsed)
    [log] = _submit(run_rehearsal, [(worker, stems, out.resolve(), jobs)], len(stems), worker, out, jobs)
    while True:
        ended = cluster.states(_folder(out)) == []
        rehearsed.chmod(rehearsed.stat().st_mode)  # as in `take_over`
        left = set(worker.to_rehearse(tasks, out)) - failures(rehearsed).keys()
        if ended or not left:
            break
        time.sleep(QUEUE_PAUSE)
    words = cluster.words(log)
    if left:
        return f"The rehearsal on Slurm ended early ({words[-1]}). Fix that, and run the same command again."
    tell("\n".join(words))
    return ""


def _submit(
    function: Callable[..., None], arguments: list[tuple[Any, ...]], most: int, worker: Worker, out: Path, jobs: int
) -> list[Path]:
    """Submit a task for each tuple of arguments, and return their logs.

    most: notebooks of a task; it gets time and memory for the worst that they may do.
    """
    if not arguments:
        return []
    folder = _folder(out)
    for place in (folder, folder / "finished"):
        place.mkdir(mode=0o700, exist_ok=True)
    bounds, limits = worker.settings.bounds, worker.settings.limits
    seconds = START + math.ceil(most / jobs) * bounds.seconds
    # a scratch folder and /dev/shm, both in memory
    memory = MEMORY + jobs * (limits.memory + 2 * limits.disk + JUDGE_MEMORY)
    logs = cluster.submit(folder, function, arguments, jobs, memory, seconds)
    tell(f"Submitted to Slurm as {cluster.name_in_queue(folder)}, in {len(arguments)} tasks.")
    return logs


def _folder(out: Path) -> Path:
    return out / "slurm"


def _described(states: list[str] | None) -> str:
    if states is None:
        return "Slurm does not answer"
    counts = Counter("waiting" if state == "PENDING" else "running" for state in states)
    return ", ".join(f"{count} tasks {state}" for state, count in sorted(counts.items()))


@contextlib.contextmanager
def _cancelled_by_ctrl_c(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        cluster.cancel(folder)
        raise Interrupted(
            "Interrupted, and the tasks on Slurm were cancelled: every finished notebook is kept, and the same command "
            "goes on from there."
        ) from interrupt


def _tidy(folder: Path) -> None:
    """Remove what a finished batch needs no more: chunks and logs. Junk stays."""
    shutil.rmtree(folder / "jobs", ignore_errors=True)
    for place in (folder / "finished", folder):
        with contextlib.suppress(OSError):
            place.rmdir()
