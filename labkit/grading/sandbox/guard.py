"""What the processes of one kernel may use, and the guard that ends them at more."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LOOK, PATIENCE = 0.5, 4  # seconds for a closer look, and how often it may take longer
POLL = 0.05  # seconds between two looks at what the processes use
REST = 20  # times as long as a closer look took, the next one waits
THREADS = 16  # a process, on average


@dataclass(frozen=True)
class Limits:
    """What one kernel may use; it is ended when it takes more."""

    memory: int = 4_000_000_000  # bytes of all its processes together, beyond what the warm server has loaded
    disk: int = 1_000_000_000  # bytes in its scratch folder
    processes: int = 64  # at a time, threads not counted
    cpu: int = 1_800  # seconds of processor time of a process


def watch(first: int, report: Path, limits: Limits) -> None:
    """Watch a namespace until it ends, and end it when its processes take too much, or when this one gets SIGTERM.

    first: its first process, a child of this one; both came from forks of one server, whose memory does not count.
    report: the file to write at the end; see `confine.enter`.
    """
    signal.signal(signal.SIGTERM, lambda *_: _kill(first))  # its client is done with it
    peak, reason, unknown = 0, "-", 0
    loaded = _facts("self").memory  # by the warm server, and shared with it
    usage: dict[str, _Facts] = {}
    look_again = 0.0  # when memory that processes share may next be told from their own, where only the peak asks
    while os.waitpid(first, os.WNOHANG) == (0, 0):
        before, usage = usage.keys(), _usage(first)
        threads = sum(facts.threads for facts in usage.values())
        used = sum(facts.memory for facts in usage.values()) - 2 * loaded  # of the first process and the kernel
        if len(usage) > limits.processes + 1 or threads > THREADS * limits.processes:
            reason = "processes"
            break
        too_much, start = used > limits.memory, time.monotonic()
        forked = len(usage) > 2  # then some of it may be counted twice, for forks share it
        if too_much or (forked and used > peak):
            guests = {process: facts for process, facts in usage.items() if process != str(first)}
            calm = usage.keys() == before and start > look_again
            exact = _without_shared(guests, loaded) if too_much or calm else None
            if too_much and exact is None and unknown < PATIENCE:
                unknown += 1
                continue  # perhaps there are too many by now
            if exact is not None:
                used, look_again = exact, time.monotonic() + REST * (time.monotonic() - start)
                too_much = used > limits.memory
            elif not too_much:
                used = max(facts.memory for facts in guests.values()) - loaded
        if too_much:
            # One that still forks after so long a look holds its guard up; how much memory it has, is not known.
            reason = "processes" if exact is None and usage.keys() != before else "memory"
            break
        peak, unknown = max(peak, used), 0
        time.sleep(POLL)
    if reason != "-":
        _kill(first)
        os.waitpid(first, 0)
    report.write_text(f"{reason} {peak}")


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


class _Facts(NamedTuple):
    parent: int
    threads: int
    memory: int


def _usage(first: int) -> dict[str, _Facts]:
    """Return the facts of a process and all that descend from it; orphans are the children of the first in a namespace.

    It reads what no process can hide: links such as ns/pid can be hidden (PR_SET_DUMPABLE).
    """
    all_processes = {process: _facts(process) for process in os.listdir("/proc") if process.isdigit()}
    children: dict[int, list[str]] = {}
    for process, facts in all_processes.items():
        children.setdefault(facts.parent, []).append(process)
    usage = {}
    pending = [str(first)]
    while pending:
        process = pending.pop()
        usage[process] = all_processes.get(process) or _facts(process)
        pending += children.get(int(process), [])
    return usage


def _facts(process: str) -> _Facts:
    """Return a process's parent, its threads, and its bytes of memory without files; zeros when it has ended."""
    lines: dict[str, str] = {}
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/status").read_text(errors="replace")
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    memory = sum(int(lines.get(name, "0").split()[0]) for name in ("RssAnon", "RssShmem", "VmSwap"))
    return _Facts(int(lines.get("PPid", 0)), int(lines.get("Threads", 0)), 1024 * memory)


def _without_shared(usage: dict[str, _Facts], loaded: int) -> int | None:
    """Return the bytes that processes have, what they share counted once; None when it takes too long to find out.

    Linux holds up who asks a process about its pages while it forks, so a fork bomb holds up its guard.
    """
    deadline = time.monotonic() + LOOK
    forks = sum(facts.memory >= loaded for facts in usage.values())  # other programs share nothing
    used = -loaded * forks // (forks + 3)  # their part of it, with the server, the guard and the first
    for process, facts in usage.items():
        if time.monotonic() > deadline:
            return None
        try:
            lines = [line.split() for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()]
        except PermissionError:  # it hides
            used += facts.memory
        except OSError:  # it has ended
            continue
        else:
            used += 1024 * sum(int(words[1]) for words in lines if words[0] in ("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))
    return used
