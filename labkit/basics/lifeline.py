"""A process that another one started for itself ends with it, also in the middle of an import. Imports nothing of ours.

Linux only, though Windows may import it.
"""

from __future__ import annotations

import os
import select
import signal


def tie(descriptor: int) -> None:
    """Let Linux end this process as soon as nobody holds the other end of a pipe or socket any more.

    That needs no thread, and no line of Python to be reached: it holds in the middle of an import or a computation, and
    whatever ended whoever held that end. Until `untie`, nothing may be sent, for that would end this process as well.
    """
    import fcntl

    signal.signal(signal.SIGIO, signal.SIG_DFL)  # which ends the process
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([descriptor], [], [], 0)[0]:  # too late for the signal
        os._exit(1)


def untie(descriptor: int) -> None:
    """Undo `tie`: something may be sent again, and whoever reads sees by the end of it that the other end is gone."""
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_ASYNC)
