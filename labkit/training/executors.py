"""Training in other processes or on other machines; results come back through a folder.

An executor is whatever has submitit's and concurrent.futures' `submit(function, *arguments)`, which returns a job whose
`result()` waits for its end. `Workers` is the kit's own, for the cores of this machine.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.basics.machine import get_device, set_threads
from labkit.basics.progress import NOTES, Work
from labkit.data.datasets import Dataset, Provenance, Split

Train = Callable[..., object]  # takes the dataset, what a task has of its own, and the work to tell of

INTERVAL = 0.2  # seconds between two messages of a worker about the same training
PATIENCE = 0.5  # seconds; on Windows, whoever waits without end cannot be interrupted


class Executor(Protocol):
    """Starts tasks in processes of their own, e.g. submitit.AutoExecutor or concurrent.futures.ProcessPoolExecutor.

    Threads will not do: tasks seed the random numbers of their whole process. What was forked from a process that has
    computed with several threads hangs: give ProcessPoolExecutor `mp_context=multiprocessing.get_context("spawn")`.
    """

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Return a job; its `result()` waits until the function has returned, and raises what it raised."""


def submit(
    executor: Executor, train: Train, dataset: Dataset, folder: Path, tasks: Sequence[tuple[Any, ...]], threads: int
) -> list[Any]:
    """Submit one call of `train(dataset, *task)` for each task, and return the jobs; submitit makes them one array.

    It is called with so many threads, and on the same kind of device as here; UsageError in the job where there is
    none. The dataset is written once, into `folder`, which every task must see.
    """
    path = folder.resolve() / f"data-{dataset.provenance.fingerprint}.pt"
    if tasks and not path.is_file():
        buffer = io.BytesIO()
        torch.save(dataset, buffer)
        write_atomically(path, buffer.getvalue())
    device = get_device().type
    together: Callable[[], contextlib.AbstractContextManager[Any]] = getattr(executor, "batch", contextlib.nullcontext)
    with together() if tasks else contextlib.nullcontext():
        return [executor.submit(_task, train, path, threads, device, task) for task in tasks]


def wait(job: Any) -> None:
    """Wait for a job. LabkitError when it failed."""
    try:
        job.result()
    except LabkitError:
        raise
    except Exception as error:
        raise LabkitError(
            f"A task of the executor failed ({type(error).__name__}: {error}): what other tasks finished is kept; fix "
            "that, and run the same again."
        ) from error


def _task(train: Train, path: Path, threads: int, device: str, task: tuple[Any, ...], work: Work | None = None) -> None:
    os.environ["LABKIT_THREADS"], os.environ["LABKIT_DEVICE"] = str(threads), device
    set_threads()
    with torch.serialization.safe_globals([Dataset, Split, Provenance]):
        dataset = torch.load(path, weights_only=True, mmap=True)  # one copy in memory for all tasks of a machine
    train(dataset, *task, work)


@dataclass
class Job:
    """A call that a worker makes. work: what is told of it, in the units of the function's own."""

    workers: Workers
    call: bytes
    work: Work = field(default_factory=lambda: Work(1))
    outcome: dict[str, Any] = field(default_factory=dict)

    def result(self) -> None:
        """Wait for its end, and tell of all jobs meanwhile. LabkitError or RuntimeError when it failed."""
        while not self.outcome:
            self.workers.hear()
        if self.outcome["error"]:
            raise (LabkitError if self.outcome["told"] else RuntimeError)(self.outcome["error"])


class Workers:
    """An executor with up to `number` processes, which are started when they are needed, and end with its `with` block.

    However that ends: what they were training goes on from its checkpoint the next time. A job's function takes a Work
    after its arguments. What it is given and is must be picklable by name.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.folder = Path(tempfile.mkdtemp(prefix="labkit-workers-"))
        self.waiting: deque[Job] = deque()
        self.heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]] = queue.SimpleQueue()
        self.workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Job:
        """Return a job that calls the function as soon as a worker is free."""
        job = Job(self, pickle.dumps((function, arguments)))
        self.waiting.append(job)
        if idle := [worker for worker in self.workers if worker.idle]:
            idle[0].begin(self.waiting.popleft())
        elif len(self.workers) < self.number:
            self.workers.append(_Worker(self.folder, self.heard))
        return job

    def hear(self) -> None:
        """Wait a while for a message of a worker, and do what it asks for."""
        with contextlib.suppress(queue.Empty):
            worker, message = self.heard.get(timeout=PATIENCE)
            job = worker.job
            if message is None:
                self.workers.remove(worker)
                raise LabkitError(worker.end())
            if job and "advance" in message:
                job.work.doing = message["doing"]
                job.work.advance(message["advance"])
            elif job and "skip" in message:
                job.work.skip(message["skip"])
            else:  # it is ready for its first job, or done with one
                if job:
                    job.outcome = message
                worker.job, worker.idle = None, True
                if self.waiting:
                    worker.begin(self.waiting.popleft())


class _Worker:
    """One process, and the thread that reads what it says."""

    def __init__(self, folder: Path, heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        self.job: Job | None = None
        self.idle = False  # ready, without a job
        environment = {name: value for name, value in os.environ.items() if name != NOTES}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({str(folder)!r})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment | {"OMP_NUM_THREADS": "1", "LABKIT_THREADS": "1"},
            start_new_session=True,  # an interrupt at the terminal is its client's, who ends it
        )
        self.thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self.thread.start()

    def begin(self, job: Job) -> None:
        """Give it a job."""
        self.job, self.idle = job, False
        assert self.process.stdin
        with contextlib.suppress(OSError):  # it ended; the thread says so
            self.process.stdin.write(job.call)
            self.process.stdin.flush()

    def end(self) -> str:
        """End it, and return in a sentence how it ended, for the case that nobody asked it to."""
        self.process.kill()
        self.thread.join()
        with self.process, self.errors:
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").strip().splitlines()
        status = self.process.returncode
        how = lines[-1] if lines else f"status {status}" if status >= 0 else signal.Signals(-status).name
        return (
            f"A process that trained ended before its time ({how}): what others finished is kept. If the memory was "
            "full, close other programs, or set LABKIT_THREADS=1, which trains one network after the other."
        )

    def _listen(self, heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            heard.put((self, json.loads(line)))
        heard.put((self, None))


class _Told(Work):
    """Tells the client, not too often."""

    def __init__(self, answers: BinaryIO) -> None:
        super().__init__(1)
        self.answers = answers
        self.done = 0.0
        self.next = time.monotonic()

    def advance(self, amount: float) -> None:
        self.done += amount
        if (now := time.monotonic()) >= self.next:
            self.next = now + INTERVAL
            _say(self.answers, advance=self.done, doing=self.doing)
            self.done = 0.0

    def skip(self, amount: float) -> None:
        _say(self.answers, skip=amount)


def serve(folder: str) -> None:
    """Make each call that the client sends, until the client ends. folder: to be removed then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    import labkit.training.sweeps  # noqa: F401 - whoever says that it is ready can begin at once

    error, told = "", False
    while True:
        _say(answers, error=error, told=told)
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        error, told = "", False
        try:
            function(*arguments, _Told(answers))
        except LabkitError as failure:
            error, told = str(failure), True
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        gc.collect()  # optimisers and their schedules hold each other, and with them the images


def _say(answers: BinaryIO, **message: Any) -> None:
    try:
        answers.write(json.dumps(message).encode() + b"\n")
    except OSError as error:  # nobody listens any more
        raise SystemExit from error
