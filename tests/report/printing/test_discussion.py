"""What a student may write in a discussion appears right in HTML and in PDF, which passes the check for PDF/UA-1."""

import json
import re

import pytest
from PIL import Image

from labkit.report.printing import writers

pytestmark = pytest.mark.slow

PIECES = {
    "a formula in a line": ("so $x_i^2$ is", r"so <math.*?</math> is", "equation"),
    "a formula by itself": ("so\n\n$$\\frac{a}{b}$$\n", r"<math display=\"block\".*?<mfrac>", "equation"),
    "a list": ("We see:\n- one $a$\n- two\n    - three\n", r"<ul>\s*<li>one .*<li>two\s*<ul>\s*<li>three", "list"),
    "a numbered list": ("1. first\n2. second\n", r"<ol[^>]*>\s*<li>first</li>\s*<li>second", "enum"),
    "a table": ("| a | b |\n|---|--:|\n| 1 | 2 |\n\n: What.\n", r"Table 1\.</strong> What.*<td[^>]*>2</td>", "table"),
    "an own image": (
        "![Ours.](mine.png){#fig:mine width=40%}\n",
        r"<img[^>]* src=\"data:image/png;base64,[^>]*>",
        "image",
    ),
    "an image in a line": ("see ![ours](mine.png) here", r"see <img[^>]*alt=\"ours\"[^>]*> here", "image"),
    "a link": ("see [them](https://example.org/a_b#c)", r"<a href=\"https://example.org/a_b#c\">them</a>", "link"),
    "code in a line": ("`x = 1 << 2`", r"<code>x = 1 &lt;&lt; 2</code>", "raw"),
    "code by itself": ("```python\nx = 1  # *\n```\n", r"<pre[^>]*><code[^>]*>.*# \*", "raw"),
    "a quotation": ("> so they say\n", r"<blockquote>\s*<p>so they say", "quote"),
    "a footnote": ("so[^1]\n\n[^1]: Not quite.\n", r"role=\"doc-endnotes\".*Not quite", "footnote"),
    "emphasis": ("**so** and *so*", r"<strong>so</strong> and <em>so</em>", "strong"),
    "a number": ('it has << number("05_mlp1_sweep.accuracy") >>.', r"it has 98.0 ± 0.7 %\.", ""),
}


@pytest.fixture
def in_pdf(when_set):
    """Count what a document that is set holds of a kind of Typst's elements."""
    documents = []

    def look(setter, _):
        kinds = {kind for _, _, kind in PIECES.values() if kind}
        kinds = {kind: kind.replace("equation", "math.equation") for kind in kinds}
        documents.append({kind: len(json.loads(setter.query(selector))) for kind, selector in kinds.items()})

    when_set(look)
    return documents


@pytest.mark.parametrize("name", PIECES)
def test_each_piece_appears_in_both(build, folder, in_pdf, name):
    text, pattern, kind = PIECES[name]
    (folder / "mine").mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "mine" / "mine.png")
    _, html = build(f'---\ntitle: "T"\n---\n\nBefore.\n\n::: discussion\n{text}\n:::\n\nAfter.\n')
    (box,) = re.findall(r'<div class="discussion">(.*)', html, re.DOTALL)
    assert re.search(pattern, " ".join(box.split()))
    (counts,) = in_pdf
    _, plain = build("No such thing.\n"), in_pdf[1]
    assert not kind or counts[kind] > plain[kind]
    pdf = (folder / "report.pdf").read_bytes()
    assert b"pdfuaid:part" in pdf or b"pdfuaid" in pdf


def test_headings_may_skip_levels_and_formulas_stand_in_titles_captions_and_cells(build):
    _, html = build("""---
title: "Of $x^2$"
---

### Deep $x$

# First

#### Deeper

| $a$ | b |
|-----|---|
| $x$ | 2 |

: With $y$ in it.
""")
    assert html.count("<math") >= 5


@pytest.fixture
def set_in_typst(build, monkeypatch):
    """Build a report; return what Typst is given between the template's own lines, and the HTML."""
    seen = []
    original = writers.pandoc.write

    def kept(tree, to, *rest):
        seen.append(original(tree, to, *rest))
        return seen[-1]

    monkeypatch.setattr(writers.pandoc, "write", kept)

    def set_in_typst(text):
        _, html = build(text)
        return seen[-1][0].rpartition("#place(top + center")[2], html

    return set_in_typst


def test_paragraphs_in_hebrew_run_from_right_to_left(set_in_typst):
    typst, html = set_in_typst("Left: שלום.\n\n::: discussion\n1. שלום, LeNet-5.\n\n    שלום.\n:::\n\n2026.\n")
    assert [part.split("#]")[0].split("]")[0].strip() for part in typst.split("#[#set text(dir: rtl)")[1:]] == [
        "שלום, LeNet-5.",
        "שלום.",
    ]
    assert "unicode-bidi: plaintext" in html


def test_the_heads_of_a_wide_table_may_take_two_lines(set_in_typst):
    def table(columns):
        return "\n".join(["| time per image " * columns + "|", "|---" * columns + "|", "| 1 " * columns + "|", ""])

    assert set_in_typst(table(8))[0].count("#narrow[") == 8
    assert "#narrow[" not in set_in_typst(table(7))[0]


def test_two_figures_stand_side_by_side_where_they_can_be_read(set_in_typst, folder):
    (folder / "mine").mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "mine" / "mine.png")

    def typst_of(left, right):
        one, two = (f"![{width}.](mine.png){{width=60% drawn={width}%}}" for width in (left, right))
        typst, html = set_in_typst(f"::: pair\n{one}\n\n{two}\n:::\n\n::: pair\n{one}\n:::\n")
        assert html.count('<div class="pair">') == 2
        return typst

    assert re.search(r"#pair\(scale-of\(\d+\), 70, \[#figure\(", typst_of(70, 60))
    assert "#pair(" not in typst_of(90, 80)
