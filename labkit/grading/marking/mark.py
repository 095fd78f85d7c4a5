"""`labkit mark`: the page, or a table of the marks out or in."""

from __future__ import annotations

import contextlib
import webbrowser
from pathlib import Path

from labkit.basics.errors import Interrupted
from labkit.basics.files import write_atomically
from labkit.grading.judging.batch_progress import tell
from labkit.grading.marking.bench import Bench
from labkit.grading.marking.mark_table import sheet_of, take_sheet
from labkit.grading.marks.mark_lines import own_name
from labkit.grading.marks.standing import told_progress
from labkit.grading.pages.pictures import PAINTER
from labkit.grading.recount import count


def mark(
    out: Path,
    grader: str = "",
    names: bool = False,
    double: int = 0,
    port: int = 0,
    browser: bool = True,
    export: Path | None = None,
    take: Path | None = None,
) -> None:
    """Let a grader mark what a night's folder holds; see `Bench`.

    grader: "" for the user of this machine. export: a CSV file to write in place of serving the page; take: one whose
    marks become lines of this grader's. UsageError for a table that says what cannot be; then nothing of it is written.
    """
    counted = count(out)
    bench = Bench(out, counted, grader or own_name(), double)
    if take:
        tell(take_sheet(bench, take))
    if export:
        write_atomically(export, sheet_of(bench, counted))
        tell(f"Marks: {export}")
    if take or export:
        return
    from labkit.grading.marking.server import serve  # tornado takes a while

    def ready(address: str) -> None:
        tell(told_progress(counted.marked.parts.values()))
        tell(f"You mark as {bench.grader}. The page is for this machine alone, and ends with Ctrl-C: {address}")
        if browser:
            webbrowser.open(address)

    try:
        with contextlib.suppress(KeyboardInterrupt, Interrupted):
            serve(bench, counted.attempts, names, port, ready)
    finally:
        PAINTER.end()
    tell(f"{told_progress(count(out).marked.parts.values())} `labkit grades {out}` counts them in.")
