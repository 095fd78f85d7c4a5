"""What a file's name says: that it is a notebook, and which of the course's; browsers and people change names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from labkit.grading.texts import joined

# What browsers call a download that is not there yet.
PARTIAL = (".part", ".partial", ".crdownload", ".opdownload", ".download", ".filepart", ".aria2", ".!ut")
NOTEBOOK = re.compile(r"(?P<stem>.*?)(\.nbconvert)?(\.ipynb)+")
# Under what else a notebook may hide: what browsers and backups put behind ".ipynb", or in place of it.
HIDING = re.compile(r"\.ipynb|\.(json|txt|html?|gz)$|^[^.]+$")
# How a notebook's JSON begins, as Jupyter, Colab and nbformat write it, and how a web page does.
JSON = re.compile(rb"(\xef\xbb\xbf)?\s*\{\s*\"(cells|nbformat|nbformat_minor|metadata)\"\s*:")
PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)", re.IGNORECASE)
DATE = re.compile(
    r"(?<!\d)(\d{4}[-._ ]?[01]\d[-._ ]?[0-3]\d|\d{1,2}[-._]\d{1,2}[-._](\d{4}|\d\d(?![\d]*_*[a-z])))(?!\d)", re.ASCII
)
NUMBER = re.compile(r"0*(\d{1,4})(?=[ _-]|\.(?!\d)|\(|$)", re.ASCII)
BEHIND_A_GROUPS = re.compile(r"\d{1,4}[ _.-]+(?P<number>0\d|[1-9]\d)(?=[ _-]|$)", re.ASCII)


def plain(file: str) -> str:
    """Return a file's name in small letters, in one form of Unicode, without blanks and dots behind it."""
    return unicodedata.normalize("NFKC", file).casefold().rstrip(" .\u00a0").strip()


def is_partial(name: str) -> bool:
    """Whether a name, as `plain` returns it, is that of a download that broke off."""
    return name.endswith(PARTIAL)


def stem_of(name: str) -> str:
    """Return a notebook's name, as `plain` returns it, without its ending and what stands behind that."""
    match = NOTEBOOK.match(name)
    return match["stem"] if match else name.partition(".")[0]


def course_name(stem: str, course: Collection[str]) -> str:
    """Return which notebook of the course a file is by its stem; "" where it says none, or several.

    It is the one whose whole name stands in it, whatever else does, as in "Copy of 05_mlp1_sweep (1)"; else the one
    whose number it begins with. A date is no number, nor is a group's before it: "12_05.ipynb" is 05.
    """
    whole = joined(stem)
    held = [name for name in course if joined(name) in whole]
    longest = max(map(len, held), default=0)
    if found := {name for name in held if len(name) == longest}:
        return found.pop() if len(found) == 1 else ""
    by_number = {str(int(match[1])): name for name in reversed([*course]) if (match := NUMBER.match(name))}
    rest = DATE.sub(" ", stem).strip(" _-.,")
    first = NUMBER.match(rest)
    second = BEHIND_A_GROUPS.match(rest)
    if second and str(int(second["number"])) in by_number:
        both = first and first[0] == first[1].zfill(2) and first[0].startswith("0") and first[1] in by_number
        return "" if both else by_number[str(int(second["number"]))]
    return by_number.get(first[1], "") if first else ""
