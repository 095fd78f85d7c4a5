"""What a report's Markdown says that HTML or PDF would lose without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labkit.report.writing import pandoc
from labkit.report.writing.source import Source, nearest, short

MACRO = re.compile(r"\\(?:(?:re)?newcommand|providecommand|def|DeclareMathOperator)\b")  # pandoc applies it in formulas
SHOWN = "or between backticks to show it as it is."
RAW = {
    "html": f"is not carried into the PDF: write it in Markdown, {SHOWN}",
    "tex": f"is carried into neither HTML nor PDF: write it in Markdown, a formula between $ and $, {SHOWN}",
}
EARLY = "it ends too early: look for a brace, an index or a power that is missing"
UNKNOWN = "unexpected control sequence "


def faults(tree: pandoc.Tree, remarks: list[pandoc.Remark], source: Source) -> list[str]:
    """Return a sentence with its line for each piece of raw HTML or LaTeX, open block, and link to nowhere."""
    return list(dict.fromkeys([*_open_blocks(remarks, source), *_raw(tree, source), *_lost_links(tree, source)]))


def formula_faults(remarks: list[pandoc.Remark], source: Source) -> list[str]:
    """Return a sentence with its line for each formula that pandoc could not set."""
    sentences = []
    for remark in remarks:
        if remark["type"] == "CouldNotConvertTeXMath":
            formula = remark["contents"]
            said = next((line for line in remark["message"].splitlines() if line.startswith("unexpected")), "")
            unknown = f"it does not know {said.removeprefix(UNKNOWN)}" if said.startswith(UNKNOWN) else said
            reason = EARLY if said == "unexpected eof" else unknown
            line = source.line_of(formula, "Math")
            sentences.append(source.at(line, f"the formula `{short(formula)}` cannot be set ({reason})."))
    return list(dict.fromkeys(sentences))


def _open_blocks(remarks: list[pandoc.Remark], source: Source) -> Iterator[str]:
    if any(remark["type"] == "UnclosedDiv" for remark in remarks):
        in_source = [remark for remark in pandoc.read(source.text)[1] if remark["type"] == "UnclosedDiv"]
        for line in [remark["openpos"]["line"] for remark in in_source] or [0]:
            yield source.at(line, "the block that `:::` opens is never closed: end it with `:::` on a line of its own.")


def _raw(tree: pandoc.Tree, source: Source) -> Iterator[str]:
    for element in pandoc.elements(tree):
        if element["t"] not in ("RawInline", "RawBlock"):
            continue
        form, text = element["c"]
        if (form == "html" and text.startswith(("<!--", "</"))) or MACRO.match(text):
            continue
        name = {"html": "HTML", "tex": "LaTeX"}.get(form, form)
        sentence = f"raw {name} ({short(text)}) {RAW.get(form, f'is not carried over: write it in Markdown, {SHOWN}')}"
        yield source.at(source.line_of(text, element["t"]), sentence)


def _lost_links(tree: pandoc.Tree, source: Source) -> Iterator[str]:
    """Name links into the report that lead nowhere; Typst refuses them."""
    names = {
        part[0]
        for element in pandoc.elements(tree["blocks"])
        if isinstance(element.get("c"), list)
        for part in element["c"]
        if isinstance(part, list) and len(part) == 3 and isinstance(part[0], str) and isinstance(part[1], list)
    }
    for element in pandoc.elements(tree):
        if element["t"] == "Link" and element["c"][2][0].startswith("#") and element["c"][2][0][1:] not in names:
            target = element["c"][2][0]
            yield source.at(
                source.line_of(target), f"the link to {target} leads nowhere.{nearest(target[1:], names - {''})}"
            )
