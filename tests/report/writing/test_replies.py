"""Answers that students wrote in a notebook, in the report: whole, and without reach into what stands around them."""

import json
import re

import pytest

from labkit.basics.errors import UsageError
from labkit.report.document import build_report
from labkit.report.writing.replies import Exchange, fit

NOTEBOOK = "05_mlp1_sweep"
UNRULY = """First `code << number("x") >>`, << number("05_mlp1_sweep.none") >> and <% if x %>, $785 \\cdot 300$.

# A heading

::: discussion
A box that is never closed, with **bold**[^1] and [a link](https://example.org/a_b){#name .banner}

- one
    - two

| width | accuracy |
|:------|---------:|
| 30    | 96.1     |

: What it costs.

```python
x = "::: banner" # <b>
```

---
title: Mine
---

[^1]: A note.
"""


@pytest.fixture
def built(folder):
    def build(*exchanges, around="Before\n\n{}\n\n# After\n\nLast.\n"):
        source = folder / "mine.md"
        source.write_text('---\ntitle: "T"\n---\n\n' + around.format('<< answers("05") >>'), encoding="utf-8")
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        markdown, html, *_ = build_report(folder, results, source, answers={NOTEBOOK: list(exchanges)})
        return markdown.read_text(encoding="utf-8"), html.read_text(encoding="utf-8")

    return build


def test_questions_stand_with_their_answers_and_open_ones_are_marked(built):
    markdown, html = built(Exchange("**1.** Why $x^2$?", "Because of 3 * 4 * 5."), Exchange("**2.** How?", ""))
    assert '<div class="question"> <p><strong>1.</strong> Why <math' in " ".join(html.split())
    assert "Because of 3 * 4 * 5." in html
    assert re.search(r'How\?</p>\s*</div>\s*<p><span class="open">not answered yet</span></p>', html)
    assert "Because of 3 \\* 4 \\* 5." in markdown


def test_what_a_student_writes_stays_within_its_answer(built):
    _, html = built(Exchange("1. What?", UNRULY), Exchange("2. And?", "Second."))
    body = html.split("<main>")[1]
    assert body.count('class="discussion"') == body.count('class="banner"') == 0
    assert re.findall(r"<h\d[^>]*>([^<]*)", body) == ["After"]
    assert "<p><strong>A heading</strong></p>" in body
    assert "<title>T</title>" in html
    for piece in ("code &lt;&lt; number(", "&lt;% if x %&gt;", "<math", "<li>one", "<li>two", "96.1</td>", "A note."):
        assert piece in body, piece
    assert '<a href="https://example.org/a_b">a link</a>' in body
    assert 'class="sourceCode python"' in body
    assert "Table 1." in body.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("a <b>c</b>", "05_mlp1_sweep, in an answer: raw HTML (<b>) is not carried into the PDF: write it in Markdown"),
        ("<script>alert(1)</script>", "raw HTML (<script>alert(1)</script>)"),
        ("\\textbf{a}", "raw LaTeX (\\textbf{a}) is carried into neither"),
        ("> ![a](attachment:a.png)", "the image attachment:a.png is not carried over"),
        ("[a](#b)", "a link to a place in the notebook leads nowhere"),
        ("See @fig:none.", "refers to @fig:none, but does not place it"),
        ("$x_$", "the formula `x_` cannot be set"),
    ],
)
def test_what_the_report_would_lose_is_told_with_its_notebook(built, answer, sentence):
    with pytest.raises(UsageError) as raised:
        built(Exchange("1. What?", answer))
    assert sentence in str(raised.value)


def test_comments_are_no_fault_and_marks_of_our_own_no_help(built):
    assert "ab" in built(Exchange("1. What?", "<!-- mine -->\n\na\U00100000b\n\n\U00100001\n"))[1]
    assert fit({}) == {}
    assert fit({NOTEBOOK: []}) == {NOTEBOOK: ""}


def test_a_source_that_places_no_answers_asks_for_none(built):
    assert "Last." in built(Exchange("1. What?", "<b>"), around="Only text.\n\nLast.")[1]
