"""Training in other processes or on other machines, through an executor; results come back through a folder.

An executor is whatever has submitit's and concurrent.futures' `submit(function, *arguments)`, which returns a job whose
`result()` waits for its end.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.basics.machine import get_device, set_threads
from labkit.data.datasets import Dataset, Provenance, Split

Train = Callable[..., object]  # takes the dataset, then what a task has of its own


class Executor(Protocol):
    """Starts tasks in processes of their own, e.g. submitit.AutoExecutor or concurrent.futures.ProcessPoolExecutor.

    Threads will not do: tasks seed the random numbers of their whole process. What was forked from a process that has
    computed with several threads hangs: give ProcessPoolExecutor `mp_context=multiprocessing.get_context("spawn")`.
    """

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Return a job; its `result()` waits until the function has returned, and raises what it raised."""


def submit(
    executor: Executor, train: Train, dataset: Dataset, folder: Path, tasks: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """Submit one call of `train(dataset, *task)` for each task, and return the jobs; submitit makes them one array.

    It is called with as many threads as there are here, and on the same kind of device; UsageError in the job where
    there is none. The dataset is written once, into `folder`, which every task must see.
    """
    path = folder.resolve() / f"data-{dataset.provenance.fingerprint}.pt"
    if tasks and not path.is_file():
        buffer = io.BytesIO()
        torch.save(dataset, buffer)
        write_atomically(path, buffer.getvalue())
    threads, device = torch.get_num_threads(), get_device().type
    together: Callable[[], contextlib.AbstractContextManager[Any]] = getattr(executor, "batch", contextlib.nullcontext)
    with together() if tasks else contextlib.nullcontext():
        return [executor.submit(_task, train, path, threads, device, task) for task in tasks]


def wait(job: Any) -> None:
    """Wait for a job. LabkitError when it failed."""
    try:
        job.result()
    except Exception as error:
        raise LabkitError(
            f"A task of the executor failed ({type(error).__name__}: {error}): what other tasks finished is kept; fix "
            "that, and run the same again."
        ) from error


def _task(train: Train, path: Path, threads: int, device: str, task: tuple[Any, ...]) -> None:
    os.environ["LABKIT_THREADS"], os.environ["LABKIT_DEVICE"] = str(threads), device
    set_threads()
    with torch.serialization.safe_globals([Dataset, Split, Provenance]):
        dataset = torch.load(path, weights_only=True)
    train(dataset, *task)
