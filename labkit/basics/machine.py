"""The machine under a run: seeds, threads, device, and their description."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labkit.basics.errors import UsageError

if TYPE_CHECKING:
    import torch

# The profiler's C++ side prints its own start and stop to stderr, which would end up in notebooks.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

DEFAULT_THREADS = 2
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and torch (CPU and GPU), so that the same seed gives the same run."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - student code may draw from the global generator
    torch.manual_seed(seed)


def set_threads(at_most: int | None = None) -> int:
    """Pin torch and NumPy to a fixed number of threads and return it: LABKIT_THREADS, else half the cores, at most two.

    at_most: what to take in place of half the cores, where it is known that nothing else computes.

    The number of threads changes the order of sums, and so the last digits of every result. Two threads save a third of
    the time of this lab's networks, and more save little; but where another program uses one of their cores, they wait
    for each other, and take five to ten times as long as one (benchmarks/inner_loop.py).
    """
    import torch
    from threadpoolctl import threadpool_limits

    threads = _asked_threads() or min(DEFAULT_THREADS, at_most or max(1, usable_cores() // 2))
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
    return threads


def usable_cores() -> int:
    """Return how many cores this process may use: LABKIT_THREADS, else all that the system gives it."""
    if asked := _asked_threads():
        return asked
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _asked_threads() -> int:
    """Return LABKIT_THREADS, 0 where it is not set; UsageError when it is no number of threads."""
    asked = os.environ.get("LABKIT_THREADS", "")
    if asked and not (asked.isdigit() and int(asked) > 0):
        raise UsageError(f"LABKIT_THREADS must be a whole number above 0, but it is {asked!r}.")
    return int(asked or 0)


@functools.cache
def keep_memory() -> None:
    """Let this process keep the memory of large arrays that were freed, where it runs on Linux' usual C library.

    Else it hands each back to the system, and gets empty pages for the next one, which are cleared first: half the time
    of a step with 1,000 images (benchmarks/inner_loop.py).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # other systems have no such function
        library = ctypes.CDLL(None)
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            library.mallopt(parameter, value)


@contextlib.contextmanager
def tiny_as_zero() -> Iterator[None]:
    """Let this thread compute with 0 for decimals below 1.2e-38, which processors handle in many steps.

    Momentum of a weight that gets no gradient any more, behind a ReLU that stays 0, falls below that within 800 steps.
    Weights come out the same, as they are 1e30 times as large: 500-250-100 with Adam trains 1.5 times as fast
    (benchmarks/inner_loop.py).
    """
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def get_device() -> torch.device:
    """Return the device to compute on: LABKIT_DEVICE (`cpu` or `cuda`), else a CUDA GPU, else the CPU."""
    import torch

    asked = os.environ.get("LABKIT_DEVICE", "")
    if asked == "mps":
        raise UsageError(
            "LABKIT_DEVICE cannot be 'mps': what Apple's GPUs give was never compared with the reference results. "
            "Unset it: on a Mac, labkit computes on the CPU."
        )
    if asked not in ("", "cpu", "cuda"):
        raise UsageError(f"LABKIT_DEVICE must be 'cpu' or 'cuda', but it is {asked!r}.")
    if asked == "cuda" and not torch.cuda.is_available():
        raise UsageError("LABKIT_DEVICE is 'cuda', but torch finds no CUDA GPU here: unset it, or run `labkit doctor`.")
    return torch.device(asked or ("cuda" if torch.cuda.is_available() else "cpu"))


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished, so that a clock read after this covers the work before it."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe_machine() -> dict[str, Any]:
    """Return what a reader needs to judge a timing: processor, cores, threads, device and versions."""
    import torch

    device = get_device()
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def processor_name() -> str:
    """Return the processor's name as the system gives it, else its architecture."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
