"""Texts that a student wrote: cleaned and bounded."""

from __future__ import annotations

import re
import unicodedata

MB = 1_000_000
LONGEST, LONGEST_NAME = 2_000, 200  # characters that are kept of a text, and of a name
# Sequences that a terminal obeys: colours and cursor (CSI), titles and other strings (OSC, DCS, ...), the short ones.
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[]PX^_]|[\x90\x9d-\x9f])[^\x07\x1b\x9c]*|\x1b.?", re.DOTALL
)


class Refused(Exception):
    """Something is not taken in; the message is the end of a sentence that begins with its name."""


def clean(text: str, longest: int = LONGEST) -> str:
    """Return a text in one line of at most `longest` characters, without terminal escapes and invisible characters."""
    text = unicodedata.normalize("NFC", ESCAPES.sub("", text[: 10 * longest]))
    shown = "".join(
        " " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def tidy(text: str) -> str:
    """Return a text with line endings as on Linux, and '?' for halves of characters, which no file can hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def megabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / MB:,.1f} MB"
