"""A progress bar for whoever watches: a line of text below a cell, gone when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from tqdm.std import tqdm  # tqdm.auto would leave a widget in the notebook

Log = Callable[[str], None]
Advance = Callable[[float], object]  # takes the work that was just done, in units of the bar

WIDTH = 72  # characters
INTERVAL = 0.1  # seconds between two drawings
LINE = "{percentage:3.0f} %|{bar}| {n:.0f} of {total} {unit}, {remaining} left"


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
def progress(total: int, unit: str, log: Log | None) -> Iterator[tuple[Advance, Log]]:
    """Yield `advance`, to be called with the work just done, and `tell`, to be called with a line for `log`.

    Where someone watches, a bar stands below the lines until the work ends. Elsewhere there are only the lines, and
    without `log` nothing at all.
    """
    if log is None or not watched():
        yield _ignore, log or _ignore
        return
    shape = {"ncols": WIDTH, "bar_format": LINE, "leave": False}
    pace = {"mininterval": INTERVAL, "miniters": 0, "smoothing": 0.05}
    with _Bar(total=total, unit=unit, file=sys.stdout, **shape, **pace) as bar:

        def advance(amount: float) -> None:
            bar.update(min(amount, total - bar.n))  # tqdm warns where rounding leads beyond the total

        def tell(line: str) -> None:
            bar.display("")  # `clear` would flush, which takes ten times as long as all else here
            log(line)
            bar.refresh()

        yield advance, tell


def _ignore(_: object) -> None:
    """Stand in for the bar or the log that is not there."""


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
