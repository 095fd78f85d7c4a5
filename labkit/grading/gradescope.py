"""Gradescope's autograder: one submission, graded in Gradescope's container, told in its results.json.

The form is that of Gradescope's specification of autograders. Only what a student may read is written: verdicts on the
inputs that students see, and remarks.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.notebooks import notebooks_folder
from labkit.exercises.catalogue import exercises
from labkit.grading.batch import grade
from labkit.grading.records.gradebook import Row
from labkit.grading.recount import count
from labkit.grading.sandbox.bubblewrap import refuse_without_sandbox
from labkit.grading.sandbox.guard import Limits
from labkit.grading.sandbox.second_user import refuse_without_second_user
from labkit.grading.settings import Bounds, Settings

ROOT = Path("/autograder")  # where Gradescope puts all of it
LONGEST = 50_000  # characters of the remarks
SECONDS = 600  # for a notebook; Gradescope ends an autograder after 10 to 40 minutes, as the teacher chose


def run(root: Path = ROOT) -> Path:
    """Grade root/submission and write root/results/results.json, whose path is returned.

    LabkitError, and no results, where kernels can be shut away neither in a sandbox nor by a second user: Gradescope
    then tells the student that the autograder failed, and the teacher why.
    """
    start = time.monotonic()
    results = root / "results"
    results.mkdir(mode=0o700, exist_ok=True)
    results.chmod(0o700)
    settings = _settings([results, notebooks_folder()])
    with tempfile.TemporaryDirectory(prefix="labkit-") as scratch:  # of mode 700
        batch, out = Path(scratch) / "batch", Path(scratch) / "graded"
        shutil.copytree(root / "submission", batch / "submission", symlinks=True)
        grade(batch, out, settings, jobs=os.cpu_count() or 1)
        counted = count(out)
    told = counted.rows
    verdicts = {name: verdict for attempt in counted.attempts for name, verdict in attempt.verdicts.items()}
    if len(told) != 1:
        raise LabkitError(f"{root / 'submission'} holds {len(told)} submissions, and one is graded at a time.")
    path = results / "results.json"
    content = _results(told[0], verdicts, time.monotonic() - start)
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def _settings(hidden: list[Path]) -> Settings:
    """Return settings with the sandbox where it can be had, else with a second user."""
    bounds = Bounds(cell_seconds=SECONDS / 2, seconds=SECONDS)
    settings = Settings("quick", "embedded", bounds, Limits(), unsafe=False)
    try:
        refuse_without_sandbox()
    except LabkitError:
        refuse_without_second_user(hidden)
        settings = Settings("quick", "embedded", bounds, Limits(), unsafe=False, second_user=True)
    return settings


def _results(row: Row, verdicts: dict[str, dict[str, Any]], seconds: float) -> dict[str, Any]:
    tests = []
    for name, exercise in exercises().items():
        verdict = verdicts.get(name, {"status": "open", "message": "Its check was not reached.", "points": 0})
        tests.append(
            {
                "number": name,
                "name": exercise.title,
                "score": verdict["points"],
                "max_score": exercise.points,
                "status": "passed" if verdict["status"] == "passed" else "failed",
                "output": verdict["message"],
                "output_format": "text",
                "visibility": "visible",
            }
        )
    return {
        "execution_time": round(seconds),
        "output": "\n".join(row.remarks)[:LONGEST],
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
