"""The Markdown of one page as HTML, with headings that can be linked to, formulas, and its texts for the search."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from markdown_it.token import Token
from markupsafe import Markup, escape

from labkit.basics.pages.plain_text import shown
from labkit.basics.pages.sanitise import markdown, parsed
from labkit.course.site.colouring import coloured

PARSER = markdown()
NOTEBOOK = re.compile(r"(?:\./)?(\d\d_\w+)\.ipynb")
LONGEST_ANCHOR = 60


@dataclass(frozen=True)
class Heading:
    """A heading of a page, and the name by which it is linked to."""

    level: int
    text: str
    anchor: str


@dataclass
class Section:
    """What stands below a heading, as plain text for the search."""

    heading: Heading
    texts: list[str] = field(default_factory=list)


def formulas_in(sources: Iterable[str]) -> list[str]:
    """Return the formulas of Markdown texts as they stand there, with their dollar signs."""
    return [
        child.content
        for source in sources
        for token in parsed(PARSER, source) or ()
        for child in token.children or ()
        if child.type == "code_inline" and child.markup == "$"
    ]


class ProseWriter:
    """Writes the texts of one page, one after the other, and gathers its headings and sections.

    formulas: what each formula is set as; others are shown as typed. names: where a name of the API is explained.
    pages: the stems of the course's notebooks, whose links lead to their pages. taken: names of places that the page
    has itself.
    """

    def __init__(
        self,
        formulas: Mapping[str, Markup],
        names: Mapping[str, str],
        pages: Collection[str],
        taken: Iterable[str] = (),
    ) -> None:
        self.formulas, self.names, self.pages = formulas, names, pages
        self.anchors = set(taken)
        self.headings: list[Heading] = []
        self.sections: list[Section] = []

    def write(self, source: str) -> Markup:
        """Return a text in Markdown as HTML; one that is too odd to be read stands there as it was written."""
        tokens = parsed(PARSER, source)
        return Markup("<pre>{}</pre>").format(shown(source)) if tokens is None else self.render(tokens)

    def render(self, tokens: list[Token]) -> Markup:
        """Return tokens as HTML."""
        in_heading = False
        for place, token in enumerate(tokens):
            if token.type in ("heading_open", "heading_close"):
                in_heading = token.nesting > 0
            if token.type == "heading_open":
                token.attrs["id"] = self._begin(int(token.tag[1:]), plain(tokens[place + 1]))
            elif token.type == "inline":
                if not in_heading:
                    self.note(plain(token))
                self._inline(token, linked=in_heading)
            elif token.type == "fence":
                _become(token, _code(token))
            elif token.type in ("th_open", "td_open") and "style" in token.attrs:
                token.attrs = {"class": str(token.attrs["style"]).rpartition(":")[2]}  # left, center or right
            elif token.type in ("table_open", "table_close"):
                _become(token, Markup('<div class="wide"><table>' if token.nesting > 0 else "</table></div>"))
        return Markup(PARSER.renderer.render(tokens, PARSER.options, {}))

    def note(self, text: str) -> None:
        """Take a text of the page into the section that it stands in."""
        if self.sections:
            self.sections[-1].texts.append(" ".join(text.split()))

    def _begin(self, level: int, text: str) -> str:
        """Begin a section, and return the name of its place."""
        stem = re.sub(r"[\W_]+", "-", text.casefold())[:LONGEST_ANCHOR].strip("-") or "section"
        anchor, count = stem, 1
        while anchor in self.anchors:
            count += 1
            anchor = f"{stem}-{count}"
        self.anchors.add(anchor)
        self.headings.append(Heading(level, text, anchor))
        self.sections.append(Section(self.headings[-1]))
        return anchor

    def _inline(self, token: Token, linked: bool) -> None:
        """Set formulas, lead links to where they may lead, and names of the API to what explains them."""
        for child in token.children or ():
            if child.type == "link_open":
                linked = True
                child.attrs = self._link(str(child.attrs.get("href", "")))
            elif child.type == "link_close":
                linked = False
            elif child.type == "code_inline" and child.markup == "$" and child.content in self.formulas:
                formula = self.formulas[child.content]
                display = child.content.startswith("$$")
                _become(child, Markup('<span class="display wide">{}</span>').format(formula) if display else formula)
            elif child.type == "code_inline" and child.content in self.names and not linked:
                address = self.names[child.content]
                _become(child, Markup('<a href="{}"><code>{}</code></a>').format(address, child.content))

    def _link(self, address: str) -> dict[str, str | int | float]:
        """Return the attributes of a link: to the web, or to a notebook's page; none for what leads elsewhere."""
        if address.startswith(("https://", "http://")):
            return {"href": address, "rel": "noreferrer"}
        notebook = NOTEBOOK.fullmatch(address)
        return {"href": f"{notebook[1]}.html"} if notebook and notebook[1] in self.pages else {}


def plain(token: Token) -> str:
    """Return the text of a token without its markup."""
    texts = (
        " " if child.type in ("softbreak", "hardbreak") else child.content.strip("$" if child.markup == "$" else "")
        for child in token.children or ()
    )
    return "".join(texts)


def _code(token: Token) -> Markup:
    language = token.info.split()[:1]
    text = coloured(token.content) if language == ["python"] else escape(token.content)
    return Markup('<pre class="code"><code>{}</code></pre>\n').format(text)


def _become(token: Token, html: Markup) -> None:
    """Let a token be HTML of ours; the parser itself makes none of this type."""
    token.type, token.content = ("html_block" if token.block else "html_inline"), str(html)
