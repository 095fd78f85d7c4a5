"""Texts that a student wrote, cleaned and bounded, and what sentences say of names and numbers."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

from labkit.basics.pages.plain_text import ESCAPES

MB = 1_000_000
LONGEST, LONGEST_NAME = 2_000, 200  # characters that are kept of a text, and of a name


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


def megabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / MB:,.1f} MB"


def joined(text: str) -> str:
    """Return letters and digits alone, in small letters: as two writings of a name are compared."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def some_of(names: Sequence[str], most: int) -> str:
    """Return names as a list that a person still reads: "a, b and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a question for the name that somebody may have meant, to be put behind a sentence; "" for none."""
    by_plain = {other.casefold(): other for other in names}
    begun = sorted(plain for plain in by_plain if name and plain.startswith(name.casefold()))
    close = begun or difflib.get_close_matches(name.casefold(), by_plain, n=1)
    return f": did you mean {by_plain[close[0]]!r}?" if close else ""


def plain(number: Fraction | Decimal | float) -> str:
    """Return a number as people write it: 42, and 14.5; a fraction without an end with two decimals, half up."""
    exact = Fraction(number)
    for places in range(2, 7):
        scaled = exact * 10**places
        if scaled.denominator == 1:
            break
    else:
        places = 2
    shifted = floor(abs(exact) * 10**places + Fraction(1, 2))
    text = f"{Decimal(shifted).scaleb(-places):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"-{text}" if exact < 0 and shifted else text
