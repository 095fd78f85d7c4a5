"""Slurm as one folder of results sees it: its tasks submitted as job arrays through submitit, asked after, cancelled.

The queue is asked by squeue: submitit would ask sacct, which says nothing on a cluster without an accounting database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.grading.texts import clean

LARGEST_ARRAY = 1_000  # tasks; a cluster that is not told otherwise allows 1,001
# Not for the user to say: they would hide tasks and logs, start tasks again, or change what tasks see.
OURS = tuple(f"SBATCH_{name}" for name in ("ARRAY_INX", "ERROR", "EXPORT", "JOB_NAME", "OUTPUT", "REQUEUE", "WAIT"))
LOG_END = 20_000  # bytes of a log that are read


def refuse_without_slurm() -> None:
    """Raise LabkitError, with the remedy, unless tasks can be submitted from here."""
    if importlib.util.find_spec("submitit") is None:
        raise LabkitError(
            '--slurm needs submitit: install it with `pip install "labkit[slurm]"`, or leave --slurm out.'
        )
    if not all(map(shutil.which, ("sbatch", "srun", "squeue", "scancel"))):
        raise LabkitError(
            "--slurm needs Slurm's commands (sbatch, srun, squeue, scancel), which are not here: run it where you "
            "submit jobs to the cluster, or leave --slurm out."
        )


def name_in_queue(folder: Path) -> str:
    """Return the name of a folder's tasks in the queue; it finds them again, whatever became of their command."""
    return f"labkit-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]}"


def submit(
    folder: Path,
    function: Callable[..., None],
    arguments: Sequence[tuple[Any, ...]],
    cpus: int,
    memory: int,
    seconds: float,
) -> list[Path]:
    """Submit one task for each tuple of arguments, and return where their logs will be.

    folder: gets submitit's files, in `jobs`; it must be this user's alone, since arguments are pickled there.
    cpus, memory (bytes) and seconds: of each task. What SBATCH_PARTITION and its like say goes before all of them.
    LabkitError when Slurm refuses; then none is submitted.
    """
    import submitit

    for name in OURS:
        os.environ.pop(name, None)
    executor = submitit.SlurmExecutor(folder / "jobs")
    executor.update_parameters(
        job_name=name_in_queue(folder),
        time=math.ceil(seconds / 60),
        cpus_per_task=cpus,
        mem=f"{math.ceil(memory / 2**20)}M",
        use_srun=False,  # with it, submitit's signal before the time limit would reach all processes of a task
        stderr_to_stdout=True,
        array_parallelism=LARGEST_ARRAY,  # as many at a time as the cluster allows
        additional_parameters={"no-requeue": True},  # a task that began again would do again what is done
    )
    jobs: list[Any] = []
    try:
        for first in range(0, len(arguments), LARGEST_ARRAY):
            jobs += executor.map_array(function, *zip(*arguments[first : first + LARGEST_ARRAY], strict=True))
    except RuntimeError as error:  # submitit's own
        cancel(folder)
        reason = clean(str(error)).removeprefix("sbatch: error: ")
        raise LabkitError(
            f"Slurm refused the tasks ({reason}): set what your cluster asks for, e.g. SBATCH_PARTITION, "
            "SBATCH_ACCOUNT or SBATCH_TIMELIMIT, and run the same command again."
        ) from error
    return [job.paths.stdout for job in jobs]


def states(folder: Path) -> list[str] | None:
    """Return the states of a folder's tasks that wait or run, e.g. PENDING; None when Slurm does not answer."""
    command = ["squeue", "--me", "--all", "--noheader", "--array", f"--name={name_in_queue(folder)}", "--format=%T"]
    done = _run(*command)
    return done.stdout.split() if done.returncode == 0 else None


def cancel(folder: Path) -> None:
    """Cancel a folder's tasks."""
    _run("scancel", "--me", f"--name={name_in_queue(folder)}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's commands without the user's variables, which would hide some tasks from it."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("SQUEUE_", "SCANCEL_"))}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def words(log: Path) -> list[str]:
    """Return the last lines of a task's log that are not submitit's, as plain text: one at least."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_END))
            lines = file.read(LOG_END).decode(errors="replace").splitlines()
    except OSError:
        return [f"without a log in {log.parent}: do the nodes see this folder?"]
    own_lines = [clean(line).removeprefix("labkit: ").rstrip(".") for line in lines if not line.startswith("submitit ")]
    return list(filter(None, own_lines)) or [f"without a word in {log}"]
