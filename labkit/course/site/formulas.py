"""Formulas as MathML, which every browser sets by itself: made by pandoc, and written anew for a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from xml.etree import ElementTree

from markupsafe import Markup

from labkit.report.writing import pandoc

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
TAGS = {
    *("math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded"),
}
ATTRIBUTES = {
    *("display", "encoding", "mathvariant", "form", "stretchy", "fence", "separator", "accent", "width"),
    *("columnalign", "displaystyle", "scriptlevel"),
}
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)


def mathml(formulas: Iterable[str]) -> dict[str, Markup]:
    """Return each formula, as "$x$" or "$$x$$", with its MathML; a formula that cannot be set is left out."""
    wanted = sorted(set(formulas))
    blocks = [
        {"t": "Para", "c": [{"t": "Math", "c": [{"t": "DisplayMath" if each[:2] == "$$" else "InlineMath"}, tex]}]}
        for each in wanted
        for tex in (each.strip("$").replace("{,}", r"\text{,}"),)  # 1{,}516 is one number: no space behind its comma
    ]
    empty, _ = pandoc.read("")  # for the version of its format
    html, _ = pandoc.run(
        json.dumps({**empty, "blocks": blocks}), ["--from=json", "--to=html", "--mathml", "--wrap=none"]
    )
    found = zip(wanted, PARAGRAPH.findall(html), strict=True)
    return {formula: written for formula, xml in found if (written := _anew(xml))}


def _anew(xml: str) -> Markup | None:
    """Return MathML with known attributes alone; None for what is no MathML, or holds an element that is not known."""
    try:
        tree = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    for element in tree.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
        element.attrib = {name: value for name, value in element.attrib.items() if name in ATTRIBUTES}
        if element.tag not in TAGS:
            return None
    if tree.tag != "math":
        return None
    return Markup(ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False))
