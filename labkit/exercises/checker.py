"""Checks in a notebook: instant feedback on an exercise, and the progress over all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.basics.files import write_atomically
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.exercises.cells import cells
from labkit.exercises.exercise import Exercise, Verdict
from labkit.exercises.judge import examine

if TYPE_CHECKING:
    from labkit.report.run import Run

FORMAT = 1
SIGNS = {"passed": "✓", "failed": "✗", "open": "○"}


class Checker:
    """The checks of one notebook: call it with an exercise's id and the answer.

    Verdicts are kept in `exercises/<notebook>.json` of the run's folder, so that progress can be shown over all
    notebooks. Feedback is printed; no answer, however odd, raises an error.
    """

    def __init__(self, run: Run) -> None:
        self.file = run.out / "exercises" / f"{run.name}.json"
        self.verdicts = _read(self.file)
        self.cells = cells()

    def __call__(self, name: str, value: Any) -> None:
        """Examine the answer to an exercise, print the verdict, and a hint where it is not right."""
        exercise = exercises().get(name)
        if exercise is None:
            print(f"There is no exercise {name}: {', '.join(exercises())} exist.")
            return
        if self.cells and (why := self.cells.outdated(value)):
            print(f"{SIGNS['failed']} Exercise {name} is not checked. {why}")
            return
        verdict = examine(exercise, value)
        previous = self.verdicts.get(name, {})
        failures = previous.get("failures", 0) + (verdict.status == "failed")
        self.verdicts[name] = {"status": verdict.status, "message": verdict.message, "failures": failures}
        write_atomically(self.file, json.dumps({"format": FORMAT, "exercises": self.verdicts}, indent=1) + "\n")
        print(feedback(exercise, verdict, failures))

    def passed(self, name: str) -> bool:
        """Whether the exercise has been passed: what builds on it can go on."""
        return bool(self.verdicts.get(name, {}).get("status") == "passed")

    def progress(self) -> None:
        """Print which exercises are passed, failed and open, over all notebooks."""
        print(progress(self.file.parent.parent))


def feedback(exercise: Exercise, verdict: Verdict, failures: int) -> str:
    """Return what a student reads of a verdict; failures: how often the check failed, for a stronger hint."""
    printed = "".join(f"  {line}\n" for line in verdict.printed.splitlines())
    return (f"Your code printed while it was tried:\n{printed}" if printed else "") + _told(exercise, verdict, failures)


def _told(exercise: Exercise, verdict: Verdict, failures: int) -> str:
    sign = SIGNS[verdict.status]
    if verdict.status == "passed":
        return f"{sign} Exercise {exercise.id} is {verdict.message}."
    if verdict.status == "open":
        return f"{sign} Exercise {exercise.id} is not attempted yet: write your answer above, and run both cells again."
    hint = exercise.hints[min(failures, len(exercise.hints)) - 1]
    return f"{sign} Exercise {exercise.id} is not right yet. {verdict.message}\n  Hint: {hint}"


def statuses(out: Path) -> dict[str, str]:
    """Return the status of every exercise that has been checked, by id, as kept in the folder `out`."""
    entries: dict[str, Any] = {}
    for kept in _by_notebook(out).values():
        entries |= kept
    return {name: entries[name]["status"] for name in exercises() if name in entries}


def not_passed(out: Path) -> dict[str, list[str]]:
    """Return the ids of the exercises that were checked and not passed, by notebook, as kept in the folder `out`."""
    return {
        notebook: [name for name, entry in kept.items() if name in exercises() and entry["status"] != "passed"]
        for notebook, kept in _by_notebook(out).items()
    }


def _by_notebook(out: Path) -> dict[str, dict[str, Any]]:
    """Return the verdicts that are kept in the folder `out`, by notebook."""
    return {file.stem: _read(file) for file in sorted((out / "exercises").glob("*.json"))}


def progress(out: Path) -> str:
    """Return the progress over all notebooks as text: a line a notebook, a sign an exercise, and the points."""
    status_of, lines = dict.fromkeys(exercises(), "open") | statuses(out), []
    for chapter in dict.fromkeys(map(chapter_of, status_of)):
        names = [name for name in status_of if chapter_of(name) == chapter]
        lines.append(f"notebook {chapter:>2}  " + "  ".join(f"{SIGNS[status_of[name]]} {name}" for name in names))
    points = sum(exercise.points for name, exercise in exercises().items() if status_of[name] == "passed")
    total = sum(exercise.points for exercise in exercises().values())
    return "\n".join([*lines, f"{count(status_of)}; {points} of {total} points.  (✓ passed, ✗ failed, ○ open)"])


def count(status_of: dict[str, str]) -> str:
    """Return how many exercises are passed, failed and open, as text."""
    return ", ".join(f"{list(status_of.values()).count(status)} {status}" for status in SIGNS)


def _read(file: Path) -> dict[str, Any]:
    """Return the verdicts kept in a file; none when it is missing, damaged or of another format."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or not all(entry["status"] in SIGNS for entry in content["exercises"].values()):
            return {}
        return dict(content["exercises"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
