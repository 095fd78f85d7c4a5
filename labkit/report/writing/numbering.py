"""Figures and tables, the run's and the student's own, numbered in the order in which they stand, and referred to."""

from __future__ import annotations

import re
from collections.abc import Collection

from labkit.report.writing import pandoc
from labkit.report.writing.source import Source, nearest

LABELS = {"fig": "Figure", "tbl": "Table"}
KINDS = {"Figure": "fig", "Table": "tbl"}
NAME = r"\w+(?:[.-]\w+)*"
# The place before a caption where its number goes, in an image or a table; and a reference.
PLACES = re.compile(
    rf"(?P<caption>!\[(?=[^\]\s])|^[> \t]*(?:[Tt]able)?:[ \t]+(?=\S))|@(?P<kind>fig|tbl):(?P<name>{NAME})", re.MULTILINE
)


# Where a blank line is missing: before a heading, a block or a table; before and behind an image alone on its line.
IMAGE = r"!\[[^\n]*\]\([^\n]*\)(?:\{[^\n]*\})?[ \t]*"
TABLE = r"\|[^\n]*\n\|?[ \t]*:?-[ \t:|-]*"
BLOCK = rf"\#{{1,6}}[ \t]+\S|:::+[ \t]*[\w{{]|{IMAGE}$|(?<!\|\n){TABLE}$"
MISSING_BLANK = rf"(?m)(?<=[^\n]\n)(?={BLOCK})|^{IMAGE}\n(?=[^\n])"


def set_apart(text: str) -> str:
    """Return a Markdown text with a blank line where one is missing for a heading, block, table or image to be one."""
    ends = [match.end() for match, kind in pandoc.places(text, MISSING_BLANK) if not kind]
    for end in reversed(ends):
        text = text[:end] + "\n" + text[end:]
    return text


def number(text: str, source: Source, missing: Collection[str]) -> str:
    """Return a Markdown text with "Figure 1." before each caption, and each `@fig:name` turned into "Figure 1".

    missing: figures and tables that an open exercise should have given, as fig:name and tbl:name.
    UsageError for a name that is given twice, or is referred to and nowhere.
    """
    numbers = {match.start(): index for index, match in enumerate(PLACES.finditer(text))}
    marked = PLACES.sub(lambda match: (match["caption"] or "") + pandoc.mark(numbers[match.start()]), text)
    tree, _ = pandoc.read(marked)
    captions, names, faults = _count(tree, source)
    verbatim = {number for string, kind in pandoc.strings(tree) if kind for number in pandoc.marks(string)}

    def settled(match: re.Match[str]) -> str:
        mark = numbers[match.start()]
        if match["caption"]:
            return match[0] + captions.get(mark, "")
        if mark in verbatim:
            return match[0]
        identifier = f"{match['kind']}:{match['name']}"
        if identifier in missing:
            return f"{LABELS[match['kind']]}\u00a0(missing)"
        if identifier not in names:
            sentence = f"the text refers to @{identifier}, but does not place it.{nearest(identifier, names)}"
            faults.append(source.at(source.line_of(f"@{identifier}"), sentence))
        return names.get(identifier, "")

    numbered = PLACES.sub(settled, text)
    source.refuse(faults)
    return numbered


def _count(tree: pandoc.Tree, source: Source) -> tuple[dict[int, str], dict[str, str], list[str]]:
    """Return what goes before each caption by its mark, the number of each identifier, and names given twice."""
    captions: dict[int, str] = {}
    names: dict[str, str] = {}
    faults: list[str] = []
    counts = dict.fromkeys(LABELS, 0)
    for element in pandoc.elements(tree["blocks"]):
        if (kind := KINDS.get(element["t"])) is None:
            continue
        (identifier, *_), caption, *_ = element["c"]
        first, _ = next(pandoc.strings(caption), ("", ""))
        if not (mark := pandoc.marks(first[:1])):
            continue  # it has no caption
        counts[kind] += 1
        captions[mark[0]] = f"**{LABELS[kind]} {counts[kind]}.** "
        if identifier in names:
            faults.append(source.at(source.line_of(f"#{identifier}"), f"#{identifier} is given twice: rename one."))
        if identifier:
            names[identifier] = f"{LABELS[kind]}\u00a0{counts[kind]}"
    return captions, names, faults
