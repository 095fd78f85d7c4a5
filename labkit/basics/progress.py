"""How far a long work is: a bar below the cell for whoever watches it, a note for a headless run, else nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tqdm.std import tqdm  # tqdm.auto would leave a widget in the notebook

Log = Callable[[str], None]
Advance = Callable[[float], object]  # takes the work that was just done, in units of the bar

WIDTH = 72  # characters
INTERVAL = 0.1  # seconds between two drawings
LINE = "{percentage:3.0f} %|{bar}| {n:.0f} of {total} {unit}, {remaining} left"
NOTES = "LABKIT_PROGRESS"  # the folder of the notes: set by a headless run for its kernels
QUIET = 10.0  # seconds of work before its first note: what is left is guessed from them
RENEWAL = 1.0  # seconds between two notes


class Work:
    """A piece of work of `total` units, as `progress` yields it; this one is shown nowhere, but for its lines.

    doing: which part of it is worked on, in words.
    """

    def __init__(self, total: float, log: Log | None = None) -> None:
        self.total = total
        self.log = log
        self.doing = ""

    def advance(self, amount: float) -> None:
        """Add work that was just done."""

    def skip(self, amount: float) -> None:
        """Add work that was found done, and so says nothing about how long the rest will take."""

    def tell(self, line: str) -> None:
        """Print a line that stays."""
        if self.log is not None:
            self.log(line)

    def close(self) -> None:
        """Take away what was shown."""


class Part(Work):
    """A part of a whole work, with units of its own: `total` of them are `size` of the whole's. label: in words."""

    def __init__(self, whole: Work, total: float, size: float, label: str) -> None:
        super().__init__(total)
        self.whole, self.size, self.label = whole, size, label
        self.done = 0.0

    def advance(self, amount: float) -> None:
        """Add work that was just done, and say in the whole what was."""
        self.done += amount
        self.whole.doing = f"{self.doing}, {self.label}"
        self.whole.advance(amount * self.size / self.total)

    def skip(self, amount: float) -> None:
        """Add work that was found done."""
        self.done += amount
        self.whole.skip(amount * self.size / self.total)

    def finish(self) -> None:
        """Add what of it was not yet told."""
        self.skip(self.total - self.done)


def watched() -> bool:
    """Whether someone watches this code run: in a cell that was started in JupyterLab, Notebook or VS Code.

    These name the cell in each request to run it (`cellId` in the request's metadata). Programs that run a notebook, as
    papermill, nbclient and nbval do, send the cell's code alone; and outside of a kernel there are no requests.
    """
    ipython = sys.modules.get("IPython")
    kernel: Any = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    if not hasattr(kernel, "get_parent"):  # of another make than ipykernel
        return False
    return "cellId" in kernel.get_parent().get("metadata", {})


@contextmanager
def progress(total: float, unit: str, log: Log | None) -> Iterator[Work]:
    """Yield the work, to be told what was done of it, and the lines for `log`.

    Where someone watches, a bar stands below the lines until the work ends. In a headless run a note in the folder
    NOTES says what is worked on and how long it will take, once the work has lasted for a while. Elsewhere there are
    only the lines, and without `log` nothing at all.
    """
    work: Work
    if os.environ.get(NOTES):
        work = _Noted(total, log)
    elif log is not None and watched():
        work = _Drawn(total, unit, log)
    else:
        work = Work(total, log)
    try:
        yield work
    finally:
        work.close()


def note_as(notebook: str) -> None:
    """Let the notes of this process say which notebook they come from."""
    _Noted.notebook = notebook


def duration(seconds: float) -> str:
    """Return a time as roughly as a guess of it is: "40 s", "6 min", "2 h 10 min"."""
    if seconds < 55:
        return f"{max(10, round(seconds, -1)):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes, -1), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


class _Noted(Work):
    """Writes a note, by this process' number: the notebook in its first line, the rest in its second."""

    notebook = ""

    def __init__(self, total: float, log: Log | None) -> None:
        super().__init__(total, log)
        self.path = Path(os.environ[NOTES], f"{os.getpid()}.txt")
        self.done = self.measured = 0.0
        self.start = time.monotonic()
        self.next = self.start + QUIET

    def advance(self, amount: float) -> None:
        self.done += amount
        self.measured += amount
        if (now := time.monotonic()) >= self.next:
            self.next = now + RENEWAL
            left = (now - self.start) / self.measured * max(0.0, self.total - self.done)
            self._write(f"about {duration(left)} left: {self.doing}")

    def skip(self, amount: float) -> None:
        self.done += amount

    def close(self) -> None:
        with suppress(OSError):
            self.path.unlink()

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a full disk is told by what must be written; here the next note may come through
            new = self.path.with_suffix(".new")
            new.write_text(f"{self.notebook}\n{text}\n", encoding="utf-8")
            new.replace(self.path)


class _Drawn(Work):
    """Draws a bar."""

    def __init__(self, total: float, unit: str, log: Log) -> None:
        super().__init__(total, log)
        shape = {"ncols": WIDTH, "bar_format": LINE, "leave": False}
        pace = {"mininterval": INTERVAL, "miniters": 0, "smoothing": 0.05}
        self.bar = _Bar(total=total, unit=unit, file=sys.stdout, **shape, **pace)

    def advance(self, amount: float) -> None:
        self.bar.update(min(amount, self.total - self.bar.n))  # tqdm warns where rounding leads beyond the total

    def skip(self, amount: float) -> None:
        self.bar.initial += amount  # tqdm's pace counts from here
        self.bar.last_print_n += amount
        self.bar.n += amount
        self.bar.refresh()

    def tell(self, line: str) -> None:
        self.bar.display("")  # `clear` would flush, which takes ten times as long as all else here
        super().tell(line)
        self.bar.refresh()

    def close(self) -> None:
        self.bar.close()


class _Bar(tqdm):
    """Tells nobody what it draws; `file` is a kernel's stdout."""

    monitor_interval = 0  # no thread that looks after it

    @staticmethod
    def status_printer(file: IO[str]) -> Log:
        """Return a function that replaces the line.

        It goes back by backspaces: after a carriage return, notebooks keep the blanks that wipe the old line.
        """
        shown = 0

        def replace(line: str) -> None:
            nonlocal shown
            file.write("\b" * shown + line)  # not flushed: the kernel sends what there is five times a second
            shown = len(line)

        return replace
