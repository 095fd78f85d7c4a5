"""The course's own notebooks, executed before the submissions, within the same limits.

It shows before a night that the limits are enough, and it keeps what the course's sweeps trained: a submission that
trains the same networks of labkit, from the same weights, on the same data, with the same settings, is given the
result (see `training.cache`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from pathlib import Path
from time import monotonic
from typing import Any

from labkit.basics.files import write_atomically
from labkit.grading.judging.grader import AtEnd, Execution
from labkit.grading.sandbox.untrusted_kernel import NOTES, Kernel
from labkit.grading.texts import clean

ENTRY = re.compile(r"[0-9a-f]{32}\.npz")
Execute = Callable[[str, AtEnd], Execution]


def rehearse(stems: list[str], setting: dict[str, Any], rehearsed: Path, execute: Execute, pool: Executor) -> None:
    """Execute notebooks of the course, unless that was done with this setting, and say which of them do not pass.

    rehearsed: the folder that gets what their sweeps trained, as `training.cache` keeps it. execute: given a notebook's
    stem and what to do at its end, executes it as it would a submission's.
    """
    open_stems = not_rehearsed(stems, setting, rehearsed)
    if not open_stems:
        return
    start = monotonic()
    print("Rehearsal: the course's own notebooks, within the same limits.", flush=True)
    futures = {pool.submit(execute, stem, _keeper(rehearsed)): stem for stem in open_stems}
    for future in as_completed(futures):
        execution, stem = future.result(), futures[future]
        wrong = [name for name, verdict in execution.verdicts.items() if verdict.status != "passed"]
        if execution.status != "passed" or wrong:
            checks = f", and these checks do not pass: {', '.join(wrong)}" if wrong else ""
            print(
                f"The course's own {stem} is {execution.status}{checks}. {clean(' '.join(execution.remarks))} So it "
                "may be for everyone: see that limits, data and solutions are as you want them.",
                flush=True,
            )
        write_atomically(_mark(stem, rehearsed), json.dumps(setting, sort_keys=True))
    print(f"Rehearsed in {monotonic() - start:.0f} s.", flush=True)


def not_rehearsed(stems: list[str], setting: dict[str, Any], rehearsed: Path) -> list[str]:
    """Return those of the notebooks that were not rehearsed with this setting."""
    text = json.dumps(setting, sort_keys=True)
    marks = {stem: _mark(stem, rehearsed) for stem in stems}
    return [stem for stem, mark in marks.items() if not mark.is_file() or mark.read_text("utf-8") != text]


def _mark(stem: str, rehearsed: Path) -> Path:
    return rehearsed / f"{stem}.json"


def _keeper(rehearsed: Path) -> AtEnd:
    """Return what takes trainings out of a kernel, which is trusted here: it executed the course's own code."""

    async def keep(kernel: Kernel, index: int) -> None:
        names = await kernel.ask(
            "import base64, os, pathlib, IPython.display\n"
            "_runs = pathlib.Path(os.environ['LABKIT_OUT'], 'cache')\n"
            "_names = ' '.join(sorted(path.name for path in _runs.glob('*.npz')))\n"
            f"IPython.display.display({{{NOTES!r}: _names}}, raw=True)",
            index,
        )
        for name in filter(ENTRY.fullmatch, (names or "").split()):
            content = await kernel.ask(
                f"_content = base64.b64encode(_runs.joinpath({name!r}).read_bytes()).decode()\n"
                f"IPython.display.display({{{NOTES!r}: _content}}, raw=True)",
                index,
            )
            if content:
                write_atomically(rehearsed / name, base64.b64decode(content))

    return keep
