"""Where the notebooks of a night are executed: threads, what kernels are told, and an end that leaves nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from labkit.course.run_one import set_environment
from labkit.grading.judging.worker import Worker


@contextlib.contextmanager
def workplace(worker: Worker, out: Path, jobs: int) -> Iterator[Executor]:
    """Give threads for so many notebooks side by side; when it is left, however, nothing is at work any more.

    After an error, what is pending is not begun, and what runs is ended: nobody would keep what comes of it.
    """
    set_environment()
    os.environ["LABKIT_THREADS"] = "1"  # also for one job: on a busy machine, two threads wait for each other
    worker.share_rehearsed(out)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            worker.end()
            os.environ.pop("LABKIT_REHEARSED", None)
