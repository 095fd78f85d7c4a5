"""What a TA sees while a batch runs: in a terminal a table, elsewhere a line a notebook."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from time import monotonic
from types import TracebackType
from typing import Any

from labkit.grading.records.attempts import STATUSES, Attempt
from labkit.grading.texts import clean


def tell(line: str) -> None:
    """Print a line at once; when nobody can read it any more, as behind a pipe that broke, the night goes on."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """Counts notebooks: how many are done, running and not passed, and when the rest will be done."""

    def __init__(self, total: int, before: int) -> None:
        self.total, self.before = total, before
        self.counts: Counter[str] = Counter()
        self.running: dict[int, str] = {}  # by thread
        self.start = monotonic()
        self.live: Any = None

    def __enter__(self) -> Progress:
        if self.before:
            tell(f"{self.before} of {self.total} notebooks were graded before.")
        if sys.stdout.isatty() and self.before < self.total:
            from rich.live import Live

            self.live = Live(get_renderable=self.table, refresh_per_second=2, transient=True)
            self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.__exit__(kind, error, trace)
        counts = ", ".join(f"{self.counts[status]} {status}" for status in STATUSES if self.counts[status])
        if counts:
            tell(f"{self.counts.total()} notebooks in {monotonic() - self.start:.0f} s: {counts}.")

    def started(self, name: str) -> None:
        """Note what the calling thread works at."""
        self.running[threading.get_ident()] = name

    def done(self, attempt: Attempt) -> None:
        """Count an attempt that was kept."""
        self.counts[attempt.status] += 1
        if not self.live:
            place = f"[{self.before + self.counts.total()}/{self.total}]"
            earned = f"{attempt.points} points, {attempt.seconds:.0f} s"
            tell(f"{place} {clean(attempt.student)} {attempt.notebook} ... {attempt.status}, {earned}")

    def table(self) -> Any:
        """Return the table that is shown now."""
        from rich.table import Table
        from rich.text import Text

        done = self.counts.total()
        left = self.total - self.before - done
        each = (monotonic() - self.start) / done if done else 0.0
        table = Table("done", "left", "not passed", "minutes left", "running", title="Grading", title_justify="left")
        table.add_row(
            f"{self.before + done} of {self.total}",
            str(left),
            str(done - self.counts["passed"]),
            f"{left * each / 60:.1f}" if done else "?",
            Text("\n".join(self.running.values())),
        )
        return table
