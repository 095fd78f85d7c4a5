"""A report's tree to HTML that stands alone, and to PDF."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.report.printing.fitting import fixes_for
from labkit.report.writing import pandoc
from labkit.report.writing.images import Image, Images
from labkit.report.writing.markup import formula_faults
from labkit.report.writing.source import Source
from labkit.report.writing.typesetting import ACCESSIBLE, compiler, quoted, unshown


def to_html(tree: pandoc.Tree, source: Source, images: Images, options: Sequence[str]) -> str:
    """Return a page that needs no other file; UsageError for formulas that cannot be set."""

    def inside(_: int, image: Image) -> str:
        return f"data:{image.mime};base64,{base64.b64encode(image.content).decode()}"

    outline = ["--toc", "--toc-depth=2", "--mathml"]
    page, remarks = pandoc.write(images.placed(tree, inside), "html", "report.html", [*options, *outline])
    source.refuse(formula_faults(remarks, source))
    return page


def to_pdf(tree: pandoc.Tree, source: Source, images: Images, options: Sequence[str]) -> bytes:
    """Return the PDF, which Typst sets with its own fonts, so that it looks the same on every machine.

    Only where those lack a character are the system's asked for it; UsageError names one that no font has.
    """
    import typst

    files: dict[str, bytes] = {}

    def beside(number: int, image: Image) -> str:
        name = f"image{number}.{image.kind}"
        files[name] = image.content
        return name

    placed = images.placed(tree, beside)
    names = [quoted(_plain(author)) for author in _authors(tree)]
    placed["meta"]["names"] = {"t": "MetaList", "c": [_typst(name) for name in names]}
    text, _ = pandoc.write(placed, "typst", "report.typ", options)
    words = {word for string in pandoc.shown(tree) for word in string.split() if not word.isascii()}
    system_fonts = bool(unshown(words, system_fonts=False))
    if system_fonts and (lacking := unshown(words, system_fonts=True)):
        source.refuse([_no_font(lacking, source)])
    try:
        with compiler(text, files, system_fonts) as setter:
            return bytes(setter.compile(sys_inputs=fixes_for(setter), pdf_standards=[ACCESSIBLE]))
    except typst.TypstError as error:
        raise LabkitError(f"The PDF could not be set: {error.message}") from error


def _no_font(characters: Sequence[str], source: Source) -> str:
    """Return the sentence about characters that no font has, with the line of the one that stands first."""
    positions = {source.printed.find(character): character for character in characters if character in source.printed}
    first = positions[min(positions)] if positions else characters[0]
    others = f", nor {len(characters) - 1} others," if len(characters) > 1 else ""
    return source.at(
        source.line_at(min(positions)) if positions else 0,
        f"no font here has the character {first} (U+{ord(first[0]):04X}){others} for the PDF: install a font that has "
        "it (on Debian and Ubuntu: fonts-noto-cjk, fonts-noto-core, fonts-noto-color-emoji), or write it otherwise.",
    )


def _authors(tree: pandoc.Tree) -> Iterable[Any]:
    author = tree["meta"].get("author", {"t": "MetaList", "c": []})
    return author["c"] if author["t"] == "MetaList" else [author]


def _plain(node: Any) -> str:
    """Return the text of a piece of a tree, without its markup."""
    if isinstance(node, dict):
        if node.get("t") in ("Space", "SoftBreak", "LineBreak"):
            return " "
        if node.get("t") == "Quoted":
            return f"“{_plain(node['c'][1])}”"
        return _plain(node.get("c", ""))
    return "".join(map(_plain, node)) if isinstance(node, list) else node if isinstance(node, str) else ""


def _typst(code: str) -> dict[str, Any]:
    return {"t": "MetaInlines", "c": [{"t": "RawInline", "c": ["typst", code]}]}
