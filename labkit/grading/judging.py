"""Judging in a process of its own, which never ran student code: bounded in time and memory. Imports exercises.

What is judged was written by code that nobody trusts; a judge that takes it for numbers may need any time for them.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from labkit.exercises import Verdict, exercises, judge
from labkit.grading.untrusted import clean

SECONDS = 30
MEMORY = 2_000_000_000  # bytes beyond what is loaded
LONGEST = 500  # characters of a message


class Judge:
    """A process that judges, started when it is first needed; one judgement at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, name: str, notes: str, seed: int) -> Verdict:
        """Return the verdict on the notes about an answer to an exercise; see `exercises.judge`."""
        request = json.dumps([name, notes, seed]).encode() + b"\n"
        with self.lock:
            for _ in range(2):  # it may have been ended for no fault of the answer
                if self.process is None or self.process.poll() is not None:
                    self._start()
                if answer := self._ask(request):
                    return Verdict(answer[0], clean(answer[1], LONGEST))
                self._end()
        return Verdict("failed", "The answer is of a size or form that cannot be judged in bounded time.")

    def end(self) -> None:
        """End the process; the next judgement starts another."""
        with self.lock:
            self._end()

    def _start(self) -> None:
        self._end()
        program = "from labkit.grading.judging import serve; serve()"
        package = str(Path(__file__).resolve().parents[2])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for the client
            env=os.environ | {"PYTHONPATH": package, "OMP_NUM_THREADS": "1"},
        )
        self._read(60)  # it says that it has imported everything

    def _ask(self, request: bytes) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            return json.loads(self._read(self.seconds))
        except (OSError, ValueError):
            return None

    def _read(self, seconds: float) -> bytes:
        """Return the next line, or nothing when it does not come in time."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        return self.process.stdout.readline() if ready else b""

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            with contextlib.suppress(OSError), self.process:  # closes the pipes and waits
                pass
            self.process = None


JUDGE = Judge()  # of this process
atexit.register(JUDGE.end)


def serve() -> None:
    """Judge what is asked for on the standard input, a line each, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write between them
    exercises()
    import torch  # noqa: F401 - its size counts as loaded

    loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (loaded + MEMORY, loaded + MEMORY))
    print("ready", file=answers, flush=True)
    for line in sys.stdin.buffer:
        name, notes, seed = json.loads(line)
        verdict = judge(exercises()[name], notes, seed)
        print(json.dumps([verdict.status, verdict.message[: 10 * LONGEST]]), file=answers, flush=True)
