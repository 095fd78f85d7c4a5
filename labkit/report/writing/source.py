"""A report's source, and where in it something stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.report.writing.pandoc import CODE, places

COMMENT = re.compile(r"^[ \t]*<#-?\s.*?#>", re.MULTILINE | re.DOTALL)


class Source:
    """The text that a student wrote, with its folder; UsageError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        try:
            self.text = path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise UsageError(f"The template {path} cannot be read ({error}): name a Markdown file.") from error
        self.path = path
        self.folder = path.parent
        # without the comments between <# and #>, which are not printed; every line keeps its number
        self.printed = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), self.text)

    def line_of(self, needle: str, kind: str = "") -> int:
        """Return the line where a text stands first, outside of code, or else in `kind`; 0 when it stands nowhere."""
        whole = rf"(?<=\$){re.escape(needle)}(?=\$)"
        first = re.escape(next((line.strip() for line in needle.splitlines() if line.strip()), ""))
        for pattern in (whole, first) if kind == "Math" else (first,):
            found = places(self.printed, pattern) if pattern else []
            wanted = [match for match, where in found if where == kind]
            wanted = wanted or [match for match, where in found if where not in CODE]
            if wanted:
                return self.line_at(wanted[0].start())
        return 0

    def line_at(self, position: int) -> int:
        """Return the line of a position in the printed text."""
        return self.printed.count("\n", 0, position) + 1

    def at(self, line: int, sentence: str) -> str:
        """Return a sentence with its line before it; what stands nowhere in the source came with something placed."""
        return f"line {line}: {sentence}" if line else f"in what a placeholder or a macro gave: {sentence}"

    def refuse(self, faults: Sequence[str]) -> None:
        """Raise UsageError when there are faults, naming all of them at once."""
        if faults:
            head = f"The report cannot be built from {self.path.name}"
            raise UsageError(f"{head}, {faults[0]}" if len(faults) == 1 else "\n  ".join([f"{head}:", *faults]))


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the question whether the nearest of `names` was meant; nothing when none is near."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def short(text: str) -> str:
    """Return the first line of a text, cut where it is long."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= 60 else line[:57] + "..."
