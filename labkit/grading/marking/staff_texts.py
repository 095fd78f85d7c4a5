"""The course's own questions and answers as HTML, with their formulas: the staff wrote them, so they are trusted."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from labkit.report.writing import pandoc

BETWEEN = "labkit-next-text"


def as_html(texts: Mapping[str, str]) -> dict[str, Markup]:
    """Return Markdown texts as HTML by the same names; formulas become MathML, which browsers draw by themselves."""
    if not texts:
        return {}
    joined = f"\n\n{BETWEEN}\n\n".join(texts.values())
    reader = "markdown-citations-raw_html-raw_tex+lists_without_preceding_blankline-yaml_metadata_block"
    html, _ = pandoc.run(joined, ["--from", reader, "--to=html", "--mathml", "--wrap=none"])
    return {name: Markup(part) for name, part in zip(texts, html.split(f"<p>{BETWEEN}</p>"), strict=True)}
