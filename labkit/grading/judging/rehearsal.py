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
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path
from time import monotonic
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.grading.judging.batch_progress import tell
from labkit.grading.judging.grader import AfterCell, Execution
from labkit.grading.sandbox.untrusted_kernel import NOTES, Kernel
from labkit.grading.texts import clean

ENTRY = re.compile(r"[0-9a-f]{32}\.npz")
Execute = Callable[[str, AfterCell], Execution]
FAILED = ".failed.txt"
REHEARSED = "rehearsed"  # the folder of it in that of a night


def rehearse(stems: list[str], setting: dict[str, Any], rehearsed: Path, execute: Execute, pool: Executor) -> None:
    """Execute notebooks of the course, unless they passed with this setting before, and say which do not pass.

    rehearsed: the folder that gets what their sweeps trained, as `training.cache` keeps it, and what `failures`
    returns. execute: given a notebook's stem and what to do after each cell, executes it as it would a submission's.
    """
    open_stems = not_rehearsed(stems, setting, rehearsed)
    if not open_stems:
        return
    forget_failures(open_stems, rehearsed)
    start = monotonic()
    tell("Rehearsal: the course's own notebooks, within the same limits.")
    futures = {pool.submit(execute, stem, _keeper(rehearsed)): stem for stem in open_stems}
    for future in as_completed(futures):
        stem = futures[future]
        if fault := _fault(future):
            sentence = f"The course's own {stem} {fault} So it may be for everyone."
            tell(sentence)
            write_atomically(rehearsed / f"{stem}{FAILED}", sentence)
        else:
            write_atomically(_mark(stem, rehearsed), json.dumps(setting, sort_keys=True))
    tell(f"Rehearsed in {monotonic() - start:.0f} s.")


def failures(rehearsed: Path) -> dict[str, str]:
    """Return a sentence for each notebook of the course whose newest rehearsal failed, by its stem."""
    paths = sorted(rehearsed.glob(f"*{FAILED}"))
    return {path.name.removesuffix(FAILED): path.read_text("utf-8") for path in paths}


def forget_failures(stems: list[str], rehearsed: Path) -> None:
    """Forget what became of rehearsals that are to be done again."""
    for stem in stems:
        (rehearsed / f"{stem}{FAILED}").unlink(missing_ok=True)


def _fault(future: Future[Execution]) -> str:
    """Return why a rehearsal did not pass, as the end of a sentence and what else there is to say; "" when it did."""
    try:
        execution = future.result()
    except LabkitError:  # it would meet every notebook
        raise
    except Exception as error:
        return f"could not be graded ({type(error).__name__}: {clean(str(error), 200)})."
    wrong = [name for name, verdict in execution.verdicts.items() if verdict.status != "passed"]
    if execution.status == "passed" and not wrong:
        return ""
    checks = f", and these checks do not pass: {', '.join(wrong)}" if wrong else ""
    return f"is {execution.status}{checks}. {clean(' '.join(execution.remarks))}".rstrip()


def not_rehearsed(stems: list[str], setting: dict[str, Any], rehearsed: Path) -> list[str]:
    """Return those of the notebooks that have not passed with this setting."""
    text = json.dumps(setting, sort_keys=True)
    marks = {stem: _mark(stem, rehearsed) for stem in stems}
    return [stem for stem, mark in marks.items() if not mark.is_file() or mark.read_text("utf-8") != text]


def _mark(stem: str, rehearsed: Path) -> Path:
    return rehearsed / f"{stem}.json"


def _keeper(rehearsed: Path) -> AfterCell:
    """Return what takes new trainings out of a kernel, which is trusted here: it executed the course's own code.

    After each cell, for a later one may lose the kernel, and its time limit with it.
    """

    async def keep(kernel: Kernel, index: int) -> None:
        names = await kernel.ask(
            "import base64, os, pathlib, IPython.display\n"
            "_runs = pathlib.Path(os.environ['LABKIT_OUT'], 'cache')\n"
            "_names = ' '.join(sorted(path.name for path in _runs.glob('*.npz')))\n"
            f"IPython.display.display({{{NOTES!r}: _names}}, raw=True)",
            index,
        )
        new = [name for name in (names or "").split() if ENTRY.fullmatch(name) and not (rehearsed / name).exists()]
        for name in new:
            content = await kernel.ask(
                f"_content = base64.b64encode(_runs.joinpath({name!r}).read_bytes()).decode()\n"
                f"IPython.display.display({{{NOTES!r}: _content}}, raw=True)",
                index,
            )
            if content:
                write_atomically(rehearsed / name, base64.b64decode(content))

    return keep
