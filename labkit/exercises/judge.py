"""The verdict on an answer to an exercise."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, Verdict, Wrong, describe_error, kind_of
from labkit.exercises.notes import decode, encode
from labkit.exercises.trials import same_random_numbers


def examine(exercise: Exercise, value: Any, seed: int = 0) -> Verdict:
    """Return the verdict on a student's object, tried on inputs drawn from `seed`."""
    with same_random_numbers():
        notes = exercise.collect(value, exercise.draw(np.random.default_rng(seed)))
    return judge(exercise, encode(notes), seed)


def judge(exercise: Exercise, notes: str, seed: int = 0) -> Verdict:
    """Return the verdict on what was noted about an answer: JSON text, from whoever wrote it. Never raises.

    It runs nothing of the student's, and draws the inputs anew from `seed`.
    """
    try:
        entries = decode(notes)
        _refuse_errors(entries)
        with same_random_numbers():
            inputs = exercise.draw(np.random.default_rng(seed))
            if not isinstance(entries, list) or len(entries) != len(inputs):
                raise Wrong("The notes of this answer do not belong to this exercise.")
            exercise.judge([entry["value"] for entry in entries], inputs)
    except _Open:
        return Verdict("open", "not attempted yet")
    except Wrong as wrong:
        return Verdict("failed", str(wrong))
    except Exception as error:  # an answer of a form that nobody thought of
        return Verdict("failed", f"The answer has a form that cannot be judged ({type(error).__name__}).")
    return Verdict("passed", "passed")


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
            raise Wrong("Your function returns None: does its last line say `return`?")
        if isinstance(entry["value"], dict) and "__object__" in entry["value"]:
            raise Wrong(f"Your function returns {kind_of(entry['value'])}, which the check cannot read.")
