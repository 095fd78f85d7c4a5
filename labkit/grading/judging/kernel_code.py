"""Code that the grader lets a kernel execute beside a notebook's cells. What comes back may be forged, and is data."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import answers, checker
from labkit.exercises.exercise import Exercise
from labkit.exercises.notes import encode
from labkit.grading.sandbox.untrusted_kernel import LARGEST_NOTES, NOTES

ANSWERS = f"importlib.import_module({answers.__name__!r})"
RESULTS = (
    "import os, IPython.display\n"
    "with open(os.path.join(os.environ['LABKIT_OUT'], 'results.json'), encoding='utf-8') as file:\n"
    f"    IPython.display.display({{{NOTES!r}: file.read({LARGEST_NOTES} + 1)}}, raw=True)"
)


def keep(name: str, expression: str) -> str:
    """Keep the answer to an exercise, and hand out a copy of it."""
    return _as_function(f"copy = {ANSWERS}.keep({name!r}, {expression})", _hand_out("copy"))


def kept(name: str, copy: str = "") -> str:
    """Return an expression for an answer that was kept, in this kernel or as a copy in another one."""
    own = f"{ANSWERS}.KEPT[{name!r}]"
    return f"({ANSWERS}.take({name!r}, {copy!r}) or {own})" if copy else own


def note(exercise: Exercise, answer: str, seed: int) -> str:
    """Try an answer, given as an expression, on inputs drawn from a seed, and hand out the notes of it."""
    inputs = encode(exercise.draw(np.random.default_rng(seed)))
    collector: Any = exercise.collect
    return _as_function(
        f"collector = getattr(importlib.import_module({collector.__module__!r}), {collector.__name__!r})",
        f"plain = importlib.import_module({encode.__module__!r})",
        f"notes = collector({answer}, [tuple(one) for one in plain.decode({inputs!r})])",
        _hand_out("plain.encode(notes)"),
    )


def tell(name: str, passed: bool, printed: str) -> str:
    """Let the kernel's own `check` print a verdict; see `kernel_checker`."""
    return _as_function(
        f"checker = importlib.import_module({checker.__name__!r})",
        f"getattr(checker, 'VERDICTS', {{}})[{name!r}] = {passed!r}, {printed!r}",
    )


def _as_function(*lines: str) -> str:
    """Return code with names of its own, but one, that sees the notebook's."""
    body = "".join(f"    {line}\n" for line in ("import importlib, IPython.display", *lines))
    return f"def _labkit():\n{body}_labkit()"


def _hand_out(expression: str) -> str:
    return f"IPython.display.display({{{NOTES!r}: {expression}}}, raw=True)"
