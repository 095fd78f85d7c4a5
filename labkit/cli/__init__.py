"""The command line: each command is one call into the package, and imports it only then."""

from __future__ import annotations

import os
import sys
import threading

from labkit.basics.console import print_on_any_console
from labkit.basics.errors import Interrupted, LabkitError
from labkit.basics.signals import end_in_peace, end_on_signals, exit_code
from labkit.cli import for_engineers, for_students, for_teachers
from labkit.cli.app import app

PATIENCE = 5  # seconds for the end of a command that a signal ended


def main() -> None:
    """Run the command line; a failure is one sentence on stderr and exit code 1, misuse is exit code 2.

    What a signal ends is told in one sentence as well; see `signals`.
    """
    print_on_any_console()
    end_on_signals()
    try:
        app()
    except LabkitError as error:
        _leave(str(error), exit_code() if isinstance(error, Interrupted) and exit_code() else error.exit_code)
    except SystemExit as end:
        if end.code != Interrupted.exit_code:  # typer's for Ctrl-C
            raise
        _leave("Interrupted.", exit_code() or Interrupted.exit_code)


def _leave(sentence: str, code: int) -> None:
    """Say why the command ends, and end it; after a signal soon, even where a thread still waits for a kernel."""
    print(f"labkit: {sentence}", file=sys.stderr, flush=True)
    if exit_code():
        end_in_peace()
        timer = threading.Timer(PATIENCE, os._exit, (code,))
        timer.daemon = True
        timer.start()
    sys.exit(code)
