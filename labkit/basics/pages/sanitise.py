"""Tables, prose and traces that others wrote, made harmless and bounded for a page.

Texts stay texts: the templates escape them. Only what is returned as Markup is not escaped again: tables and prose,
from libraries that let a few elements without any address or style through.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

from labkit import CHECKOUT
from labkit.basics.files import data_folder, home_folder
from labkit.basics.pages.plain_text import shown

LARGEST_TABLE, MOST_TAGS = 200_000, 4_000  # characters; a parser's time grows with the square of the elements
LARGEST_PROSE, MOST_FIELDS = 20_000, 2_000  # characters; fields that a table of Markdown may be filled up to
TABLE = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea", "select"}
SPANS = {"th": {"colspan", "rowspan"}, "td": {"colspan", "rowspan"}}
FORMULA = re.compile(r"\$\$?(?=\S)[^$]{1,500}(?<=\S)\$\$?(?!\d)")  # within a paragraph, which has no empty line


def _formula(state: StateInline, silent: bool) -> bool:
    """Keep a formula as it was typed: Markdown would take its backslashes and underscores for its own."""
    match = FORMULA.match(state.src, state.pos, state.posMax)
    if match and not silent:
        token = state.push("code_inline", "code", 0)
        token.content, token.markup = match[0], "$"
    state.pos += len(match[0]) if match else 0
    return bool(match)


def markdown() -> MarkdownIt:
    """Return a parser of Markdown with tables and formulas, whose HTML stays text; it knows no pictures.

    A formula becomes a token `code_inline` whose markup is "$".
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.inline.ruler.before("escape", "formula", _formula)
    return parser


PROSE = markdown().disable(["link", "autolink", "reference"])


def table(html: str) -> Markup | None:
    """Return the tables in HTML and the text around them, nothing else; None without a table, or for a large one.

    nh3 (ammonia) parses as browsers do, and writes anew what it let through.
    """
    tags = html.count("<")
    if "<table" not in html or len(html) > LARGEST_TABLE or tags > MOST_TAGS:
        return None
    return Markup(
        nh3.clean(
            shown(html, LARGEST_TABLE),
            tags=TABLE,
            clean_content_tags=DROPPED,
            attributes=SPANS,
            attribute_filter=lambda tag, name, value: value if re.fullmatch(r"[1-9]\d?", value) else None,
            generic_attribute_prefixes=set(),
            link_rel=None,
        )
    )


def prose(text: str) -> Markup | None:
    """Return Markdown as HTML; None for what is better shown as it was written, because it is long or odd.

    HTML in it stays text, and so do links and pictures. Headings begin at the third level.
    """
    tokens = parsed(PROSE, text)
    for token in tokens or ():
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
    return None if tokens is None else Markup(PROSE.renderer.render(tokens, PROSE.options, {}))


def parsed(parser: MarkdownIt, text: str) -> list[Token] | None:
    """Return the tokens of Markdown; None for what is long or odd: a table that fills itself, thousands of brackets."""
    text = shown(text, LARGEST_PROSE)
    lines = text.split("\n")
    if len(lines) * max(line.count("|") for line in lines) > MOST_FIELDS:
        return None
    try:
        return parser.parse(text)
    except RecursionError:
        return None


def inline_hash(text: str) -> str:
    """Return how a content security policy names an inline style or script of ours."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def without_paths(text: str) -> str:
    """Return a text with names in place of this machine's folders: what students get back tells no paths."""
    return PATHS.sub(lambda match: NAMES[match.group()], text)


def _names() -> dict[str, str]:
    """Return the folders of this machine that a traceback or a warning may tell, and what stands in their place."""
    python = {Path(sys.base_prefix): "(Python)", Path(sys.prefix): "(Python)"}
    folders = {home_folder() or Path("/"): "~", data_folder(): "(data)", CHECKOUT: "(course)", **python}
    forms = {form: name for folder, name in folders.items() for form in (folder, folder.resolve())}
    return {str(form): name for form, name in forms.items() if len(form.parts) > 1}


NAMES = _names()
PATHS = re.compile("|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True)))
