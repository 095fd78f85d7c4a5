"""Executed notebooks and classes, made for tests of pages."""

import nbformat
from attempt_makers import attempt
from cells import code

from labkit.exercises.catalogue import chapter_of, exercises

NOTEBOOKS = ("01_pytorch_blitz", "05_mlp1_sweep")
FINISHED = "2026-01-31T23:59:59+00:00"


def check(exercise):
    """Return a check's cell, as `restore` leaves it."""
    return code(f'check("{exercise}", answer)', nbgrader={"grade_id": f"check-{exercise.replace('.', '-')}"})


def store(out, submission, notebook, *cells):
    """Write an executed notebook where `grade` does, and return its path."""
    path = out / "notebooks" / submission / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=list(cells))))
    return path


def verdicts(notebook, passed=True, **changed):
    """Return verdicts on all exercises of a notebook: passed, failed or as `changed` says ("e5_1")."""
    found = {}
    for name, exercise in exercises().items():
        if chapter_of(name) == chapter_of(notebook):
            status = changed.get(f"e{name.replace('.', '_')}", "passed" if passed else "failed")
            points = exercise.points if status == "passed" else 0
            found[name] = {"status": status, "message": f"It is {status}.", "points": points}
    return found


def class_of(number):
    """Return attempts of a class: every third failed exercise 5.2, every fifth was late, every seventh lacks 01."""
    found = []
    for place in range(number):
        who = {"student": f"Student {place:03}", "user": str(9_000 - place), "late": place % 5 == 0}
        name = f"student-{place:03}"
        if place % 7 == 6:
            found.append(attempt(name, NOTEBOOKS[0], "missing", **who))
        else:
            found.append(attempt(name, NOTEBOOKS[0], verdicts=verdicts(NOTEBOOKS[0]), seconds=1.0 + place, **who))
        wrong = place % 3 == 0
        own = verdicts(NOTEBOOKS[1], e5_2="failed" if wrong else "passed")
        remarks = ("Check 5.1 was edited: restored.",) if wrong else ()
        found.append(attempt(name, NOTEBOOKS[1], "failed" if wrong else "passed", verdicts=own, remarks=remarks, **who))
    return found
