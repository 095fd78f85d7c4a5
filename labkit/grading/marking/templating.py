"""What becomes HTML: templates, which escape all that is not Markup, and the texts of the staff, whom we trust."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from labkit.grading.pages.overview import SIGNS
from labkit.grading.texts import plain
from labkit.report.writing import pandoc

TEMPLATES = Path(__file__).with_name("templates")
BETWEEN = "labkit-next-text"


@cache
def environment() -> jinja2.Environment:
    """Return the environment of all templates of the page."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"plain": plain, "signs": SIGNS}
    return made


def as_html(texts: Mapping[str, str]) -> dict[str, Markup]:
    """Return Markdown texts as HTML by the same names; formulas become MathML, which browsers draw by themselves."""
    if not texts:
        return {}
    joined = f"\n\n{BETWEEN}\n\n".join(texts.values())
    reader = "markdown-citations-raw_html-raw_tex+lists_without_preceding_blankline-yaml_metadata_block"
    html, _ = pandoc.run(joined, ["--from", reader, "--to=html", "--mathml", "--wrap=none"])
    return {name: Markup(part) for name, part in zip(texts, html.split(f"<p>{BETWEEN}</p>"), strict=True)}
