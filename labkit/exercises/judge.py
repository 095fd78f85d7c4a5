"""The verdict on an answer to an exercise."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import NOTHING, Exercise, Verdict, Wrong, kind_of, with_kind
from labkit.exercises.notes import decode, encode
from labkit.exercises.trials import MOST_PRINTED, same_random_numbers
from labkit.exercises.usual_errors import describe_error

MOST_LINES = 20  # of what was printed


def examine(exercise: Exercise, value: Any, seed: int = 0) -> Verdict:
    """Return the verdict on a student's object, tried on inputs drawn from `seed`."""
    with same_random_numbers():
        notes = exercise.collect(value, exercise.draw(np.random.default_rng(seed)))
    return judge(exercise, encode(notes), seed)


def judge(exercise: Exercise, notes: str, seed: int = 0) -> Verdict:
    """Return the verdict on what was noted about an answer: JSON text, from whoever wrote it. Never raises.

    It runs nothing of the student's, and draws the inputs anew from `seed`.
    """
    printed = ""
    try:
        entries = decode(notes)
        printed = _printed(entries)
        _refuse_errors(entries)
        with same_random_numbers():
            inputs = exercise.draw(np.random.default_rng(seed))
            if not isinstance(entries, list) or len(entries) != len(inputs):
                raise Wrong("The notes of this answer do not belong to this exercise.")
            said = exercise.judge([with_kind(entry["value"], entry.get("type")) for entry in entries], inputs)
    except _Open:
        return Verdict("open", "not attempted yet", printed)
    except Wrong as wrong:
        return Verdict("failed", str(wrong), printed)
    except Exception as error:  # an answer of a form that nobody thought of
        return Verdict("failed", f"The answer has a form that cannot be judged ({type(error).__name__}).", printed)
    return Verdict("passed", said or "passed", printed)


def _printed(entries: Any) -> str:
    """Return the first lines of what was printed in all calls."""
    lines = "".join(str(entry.get("printed", ""))[:MOST_PRINTED] for entry in entries).splitlines()
    more = [f"... and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return "\n".join(lines[:MOST_LINES] + more)


class _Open(Exception):
    """The exercise was not attempted."""


def _refuse_errors(entries: Any) -> None:
    """Raise Wrong for a call that failed or returned nothing, and _Open when none was attempted."""
    for entry in entries:
        if "open" in entry:
            raise _Open
        if "refused" in entry:
            raise Wrong(str(entry["refused"]))
        if "error" in entry:
            raise Wrong(describe_error(entry["error"]))
        if entry["value"] is None:
            raise Wrong(f"Your function {NOTHING}")
        if isinstance(entry["value"], dict) and "__object__" in entry["value"]:
            raise Wrong(f"Your function returns {kind_of(entry['value'])}, which the check cannot read.")
