"""The questions at a notebook's end with the group's answers, as Markdown that is fit for the report.

What stands in a notebook's cell was written for a notebook: each text is read by itself, so that nothing in it reaches
into the report, and what HTML or PDF would lose is refused, as in the report's own source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.basics.errors import UsageError
from labkit.report.writing import pandoc
from labkit.report.writing.markup import RAW, SHOWN
from labkit.report.writing.source import short

OPEN = "[not answered yet]{.open}"


@dataclass(frozen=True)
class Exchange:
    """A question and its answer, as they stand in a notebook; an answer to several has several questions."""

    question: str
    answer: str


def fit(exchanges: Mapping[str, Sequence[Exchange]]) -> dict[str, str]:
    """Return the questions and answers of each notebook as Markdown; UsageError names what cannot be carried over."""
    texts = [
        (notebook, text)
        for notebook, pairs in exchanges.items()
        for pair in pairs
        for text in (pair.question, pair.answer)
    ]
    cleaned = iter(_cleaned(texts))
    fitting = {}
    for notebook, pairs in exchanges.items():
        parts = []
        for _ in pairs:
            question, answer = next(cleaned), next(cleaned)
            parts.append(f"::: question\n{question}\n\n:::\n\n{answer or OPEN}\n")
        fitting[notebook] = "\n".join(parts)
    return fitting


def _cleaned(texts: Sequence[tuple[str, str]]) -> list[str]:
    """Return texts, each given with its notebook, as Markdown of its own that pandoc writes from what it understood."""
    if not texts:
        return []
    tree, pieces = pandoc.read_apart([text for _, text in texts])
    faults = []
    for (notebook, _), blocks in zip(texts, pieces, strict=True):
        faults += [f"{notebook}, in an answer: {fault}" for fault in _faults(blocks)]
    if faults:
        head = "The report cannot hold what stands in the notebooks"
        raise UsageError("\n  ".join([f"{head}:", *dict.fromkeys(faults)]))
    return pandoc.write_apart(tree, [_plain(blocks) for blocks in pieces])


def _faults(blocks: list[Any]) -> list[str]:
    """Return a sentence for each piece that the report would lose."""
    faults = []
    for element in pandoc.elements(blocks):
        if element["t"] in ("RawInline", "RawBlock"):
            form, text = element["c"]
            if form == "html" and text.startswith("<!--"):
                continue
            name = {"html": "HTML", "tex": "LaTeX"}.get(form, form)
            faults.append(f"raw {name} ({short(text)}) {RAW.get(form, f'write it in Markdown, {SHOWN}')}")
        elif element["t"] == "Image":
            faults.append(
                f"the image {short(element['c'][2][0])} is not carried over: place it in the report's source."
            )
        elif element["t"] == "Link" and element["c"][2][0].startswith("#"):
            faults.append("a link to a place in the notebook leads nowhere in the report: name the place in words.")
    return faults


def _plain(blocks: list[Any]) -> list[Any]:
    """Return blocks without what would act on the report around them: headings, boxes, and names for links."""
    plain: list[Any] = []
    for block in blocks:
        if block["t"] == "Header":
            plain.append({"t": "Para", "c": [{"t": "Strong", "c": block["c"][2]}]})
        elif block["t"] == "Div":
            plain += _plain(block["c"][1])
        elif block["t"] in ("BlockQuote", "OrderedList", "BulletList", "DefinitionList"):
            plain.append({**block, "c": _deeply(block["c"])})
        else:
            plain.append(block)
    for element in pandoc.elements(plain):
        content = element.get("c")
        if isinstance(content, list) and content and _is_attributes(content[0]):
            classes = content[0][1] if element["t"] == "CodeBlock" else []  # its language
            content[0] = ["", classes[:1], []]
    return plain


def _deeply(node: Any) -> Any:
    """Return a node of a tree whose lists of blocks are all plain."""
    if not isinstance(node, list):
        return node
    if node and all(isinstance(item, dict) and "t" in item for item in node):
        return _plain(node)
    return [_deeply(item) for item in node]


def _is_attributes(node: Any) -> bool:
    return isinstance(node, list) and len(node) == 3 and isinstance(node[0], str) and isinstance(node[2], list)
