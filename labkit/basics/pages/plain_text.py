"""Texts as a page or a table can hold them: without what a terminal obeys, and without what nobody sees."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 20_000  # characters that are shown of one text
# Sequences that a terminal obeys: colours and cursor (CSI), titles and other strings (OSC, DCS, ...), the short ones.
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[]PX^_]|[\x90\x9d-\x9f])[^\x07\x1b\x9c]*|\x1b.?", re.DOTALL
)


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text of any number of lines without terminal escapes and characters that cannot be seen.

    Of a text that is too long, the beginning and the end remain.
    """
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters are left out here …\n{text[-half:]}"
    text = ESCAPES.sub("", tidy_lines(text))
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    spaces = "\n\t"
    return "".join(char for char in text if char in spaces or unicodedata.category(char)[0] != "C")


def tidy_lines(text: str) -> str:
    """Return a text as a terminal would leave it: of what was written over in a line, only the last."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tidy("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def tidy(text: str) -> str:
    """Return a text with line endings as on Linux, and '?' for halves of characters, which no file can hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
