"""A process beside the grader that works on what nobody trusts: bounded in time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit import PACKAGE
from labkit.basics.lifeline import tie, untie

# From the first line on: an import may take a minute, and the client may be killed meanwhile.
TIED = f"from {tie.__module__} import tie; tie(0)\n"


class Helper:
    """A process that answers requests, started when it is first needed; one request at a time.

    program: Python that ends in a call of `serve`. seconds: how long an answer may take.
    """

    program = ""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.ending = False

    def ask(self, request: Any) -> Any:
        """Return the answer to a request, both as JSON; None when twice there is none in time."""
        line = json.dumps(request).encode() + b"\n"
        with self.lock:
            for _ in range(2):  # it may have been ended for no fault of the request
                if self.ending:
                    break
                if self.process is None or self.process.poll() is not None:
                    self._start()
                if answer := self._ask(line):
                    return answer
                self._end()
        return None

    def end(self) -> None:
        """End the process at once, also while it works at an answer; the next request starts another."""
        self.ending = True
        if process := self.process:
            process.kill()
        with self.lock:
            self._end()
            self.ending = False

    def _start(self) -> None:
        self._end()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", TIED + self.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what libraries say at their end is for nobody's terminal
            start_new_session=True,  # Ctrl-C in the terminal is for the client
            env=os.environ | {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"},
        )
        self._read(60)  # it says that it has imported everything

    def _ask(self, line: bytes) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line)
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


def serve(answer: Callable[[Any], Any], memory: int) -> None:
    """In the process: answer what is asked for on the standard input, a line each, until it ends.

    memory: bytes that it may take beyond what is loaded by now.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write between them
    loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (loaded + memory, loaded + memory))
    untie(0)
    print("ready", file=answers, flush=True)
    for line in sys.stdin.buffer:
        tie(0)  # an answer may take longer than the client lives
        text = json.dumps(answer(json.loads(line)))
        untie(0)
        print(text, file=answers, flush=True)
    os._exit(0)
