"""The end of a command by a signal: by Ctrl-C, `kill`, a batch system's time limit, or a terminal that is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last: a console of Windows that is closed
PATIENCE = 1.0  # seconds; a second signal within them is part of the first: shells and services send several

_first: tuple[int, float] | None = None  # which signal came, and when
_instead: Callable[[], object] | None = None  # what the first one does in place of a KeyboardInterrupt


def end_on_signals() -> None:
    """From now on let each of NAMES raise one KeyboardInterrupt, and a later one end this process at once.

    What is ignored stays so, as SIGHUP under nohup.
    """
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


@contextlib.contextmanager
def calling(end: Callable[[], object]) -> Iterator[None]:
    """Within, let the first signal call `end` in place of raising: a server's library might catch what is raised."""
    global _instead
    _instead = end
    try:
        yield
    finally:
        _instead = None


def end_in_peace() -> None:
    """From now on ignore NAMES: what is left to do is short, and Python takes its handlers away before it is done."""
    for name in NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def exit_code() -> int:
    """Return the code that shells give a command that a signal ended; 0 when none came."""
    return 128 + _first[0] if _first else 0


def _end(number: int, _: FrameType | None) -> None:
    global _first
    if number == getattr(signal, "SIGHUP", None):
        _let_go_of_terminal()
    if _first is None:
        _first = number, time.monotonic()
        if _instead is not None:
            _instead()
            return
        raise KeyboardInterrupt
    if time.monotonic() - _first[1] > PATIENCE:
        os._exit(128 + number)  # kernels end with this process


def _let_go_of_terminal() -> None:
    """Write nowhere what would go to a terminal that is gone; a file still gets it."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):
            os.dup2(null, stream)
    os.close(null)
