"""What became of a notebook's cells: a check sees what a name holds, not the cell that failed to change it."""

from __future__ import annotations

import re
import sys
from functools import cache
from types import TracebackType
from typing import Any

DEFINED = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)
FROM_THE_TOP = "Run the notebook from the top: Restart Kernel and Run All Cells."


def cells() -> Cells | None:
    """Return what is known of the cells of this kernel, from now on; None outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return _watched(shell) if shell else None


@cache
def _watched(shell: Any) -> Cells:
    return Cells(shell)


class Cells:
    """Remembers which names still hold what they held before a cell that should have changed them, and failed.

    A NameError gets a note on what to do.
    """

    def __init__(self, shell: Any) -> None:
        self.names = shell.user_ns
        self.before: dict[str, Any] = {}
        self.failed: dict[str, str] = {}  # by name: the error of its cell
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)
        if not shell.custom_exceptions:
            shell.set_custom_exc((NameError,), self.explain)

    def begin(self, info: Any) -> None:
        """Keep what the names that a cell defines hold before it runs."""
        self.before = {name: self.names.get(name, self) for name in _defined(info.raw_cell)}

    def end(self, result: Any) -> None:
        """Note which names a cell left as they were because it failed."""
        error = result and (result.error_before_exec or result.error_in_exec)
        for name, held in self.before.items():
            self.failed.pop(name, None)
            if error is not None and self.names.get(name, self) is held:
                self.failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        self.before = {}

    def outdated(self, value: Any) -> str:
        """Return why `value` is not what the notebook's cells now define, as a sentence; nothing where it is."""
        for name, error in self.failed.items():
            if self.names.get(name, self) is value:
                return (
                    f"The cell that defines `{name}` did not run ({error}), so `{name}` still is what it was before. "
                    "Repair that cell, run it, and then check again."
                )
        return ""

    def explain(
        self,
        shell: Any,
        kind: type[BaseException],
        error: NameError,
        trace: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        """Show a NameError with a note on what to do."""
        name = str(error.name)
        if name in self.failed:
            note = f"The cell that defines `{name}` did not run ({self.failed[name]}): repair it, and run it again."
        else:
            note = f"No cell that has run so far defines `{name}`: is it misspelt? If not: {FROM_THE_TOP}"
        error.add_note(note)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _defined(source: str) -> set[str]:
    return {first or second for first, second in DEFINED.findall(source)}
