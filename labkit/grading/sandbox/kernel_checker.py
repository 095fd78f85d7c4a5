"""The checker that a kernel in the sandbox has in the place of `labkit.exercises.checker`.

It knows no exercise, hint or right answer. Before the cell of a check runs, the grader lets the kernel note what the
answer gives on the inputs that students see, judges the notes outside, and leaves the verdict in VERDICTS.
"""

from __future__ import annotations

from typing import Any

VERDICTS: dict[str, tuple[bool, str]] = {}  # by exercise: whether it is passed, and what to print


class Checker:
    """The checks of one notebook, as a student's: call it with an exercise's id and the answer."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def __call__(self, name: str, value: Any) -> None:
        """Print the verdict on an exercise."""
        print(VERDICTS.get(name, (False, f"Exercise {name} is checked in the cell of its own check alone."))[1])

    def passed(self, name: str) -> bool:
        """Whether the exercise has been passed: what builds on it can go on."""
        return VERDICTS.get(name, (False, ""))[0]

    def progress(self) -> None:
        """Print how many exercises of this notebook are passed."""
        print(f"{sum(passed for passed, _ in VERDICTS.values())} of {len(VERDICTS)} checked exercises are passed.")
