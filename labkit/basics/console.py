"""What is printed, on consoles and in pipes that lack some of its characters, as Windows' cp1252 lacks a check mark."""

# ruff: noqa: RUF001 - characters that look like others are what this is about

from __future__ import annotations

import codecs
import sys
import unicodedata

ERRORS = "labkit"  # the name of the rule below among Python's: strict, ignore, replace, ...
# What stands in where a character is missing; of others, their plain form ("é": "e", "²": "2").
PLAIN = {
    "✓": "+", "✗": "x", "○": "o", "•": "-", "→": "->", "±": "+-", "×": "x", "·": ".", "≤": "<=", "≥": ">=", "≈": "~",
    "−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "«": "<<", "»": ">>", "µ": "u",
    "←": "<-", "√": "sqrt ", "□": "?",
    "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i",
}  # fmt: skip


def print_on_any_console() -> None:
    """From now on, print what the console lacks in other characters, where it would end in a UnicodeEncodeError.

    What has no plain form, as a Chinese name, appears as Python writes it, \\u674e: two names never become the same.
    """
    codecs.register_error(ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # None under Windows' pythonw; tests put others in its place
            stream.reconfigure(errors=ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_stand_in(character, error.encoding) for character in missing), error.end


def _stand_in(character: str, encoding: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    letters = "".join(part for part in decomposed if not unicodedata.combining(part))
    for candidate in (PLAIN.get(character, ""), letters):
        try:
            candidate.encode(encoding)
        except UnicodeError:
            continue
        if candidate:
            return candidate
    return character.encode("ascii", "backslashreplace").decode()
