"""Judging in a process of its own, which never ran student code.

What is judged was written by code that nobody trusts; a judge that takes it for numbers may need any time for them.
"""

from __future__ import annotations

import atexit
import threading
from typing import Any

from labkit.exercises.catalogue import exercises
from labkit.exercises.exercise import Verdict
from labkit.exercises.judge import judge
from labkit.grading.sandbox.helper import Helper, serve
from labkit.grading.texts import clean

SECONDS = 30
MEMORY = 2_000_000_000  # bytes beyond what is loaded
LONGEST = 500  # characters of a message


class Judge(Helper):
    """A process that judges, started when it is first needed; one judgement at a time."""

    program = f"from {__name__} import main; main()"

    def __init__(self, seconds: float = SECONDS) -> None:
        super().__init__(seconds)

    def __call__(self, name: str, notes: str, seed: int) -> Verdict:
        """Return the verdict on the notes about an answer to an exercise; see `exercises.judge`."""
        if answer := self.ask([name, notes, seed]):
            printed = "\n".join(clean(line, LONGEST) for line in answer[2].splitlines())
            return Verdict(answer[0], clean(answer[1], LONGEST), printed)
        return Verdict("failed", "The answer is of a size or form that cannot be judged in bounded time.")


_of_thread = threading.local()
_all: list[Judge] = []


def own_judge() -> Judge:
    """Return the judge of the calling thread: no notebook waits for what another one gives its judge to do."""
    if not hasattr(_of_thread, "judge"):
        _of_thread.judge = Judge()
        _all.append(_of_thread.judge)
    own: Judge = _of_thread.judge
    return own


@atexit.register
def end_judges() -> None:
    """End the judges of all threads, at once."""
    for one in _all:
        one.end()


def main() -> None:
    """In the process: judge what is asked for."""
    exercises()
    import torch  # noqa: F401 - its size counts as loaded

    serve(_judged, MEMORY)


def _judged(request: Any) -> list[str]:
    name, notes, seed = request
    verdict = judge(exercises()[name], notes, seed)
    return [verdict.status, verdict.message[: 10 * LONGEST], verdict.printed[: 10 * LONGEST]]
