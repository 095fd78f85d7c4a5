"""What is shown of a notebook: nothing of answers, and of what a stranger wrote only what can do nothing."""

import pytest
from attacks import ATTACKS
from cells import code, display, png, printed
from nbformat.v4 import new_markdown_cell, new_output
from site_makers import MODEL_ANSWER, SECRET, STEM, Page, notebook

from labkit.course.site.compose import site_files
from labkit.course.site.public_cells import public_cells

pytestmark = pytest.mark.slow  # nbgrader takes a second to load

HARMLESS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "script",
        "body",
        "a",
        "header",
        "div",
        "input",
        "p",
        "button",
        "main",
        "nav",
    ),
    *(
        "article",
        "section",
        "h1",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "footer",
        "pre",
        "code",
        "span",
        "strong",
        "em",
        "hr",
        "kbd",
        "dl",
        "dt",
        "dd",
        "br",
    ),
    *(
        "figure",
        "img",
        "figcaption",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "small",
        "blockquote",
    ),
    *("math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "msub", "mtext"),
}


def outputs_of(*outputs):
    """Return what is shown of the outputs of one cell."""
    return public_cells(notebook(code("1", *outputs)))[-1].outputs


def test_answers_their_outputs_and_what_they_computed_are_left_out():
    cells = public_cells(notebook())
    assert [(cell.role, cell.exercise) for cell in cells if cell.role] == [
        ("answer", "1.1"),
        ("check", "1.1"),
        ("questions", ""),
    ]
    shown = repr(cells)
    for hidden in (SECRET, MODEL_ANSWER, "HIDDEN", "printed by the answer", "with 7", "1234567"):
        assert hidden not in shown
    assert cells[4].outputs[0].note == "What this cell shows comes from your answer to 1.1."


def test_the_notebook_itself_stays_as_it_was():
    executed = notebook()
    public_cells(executed)
    assert executed == notebook() | {"cells": executed.cells}
    assert SECRET in executed.cells[2].source
    assert executed.cells[4].outputs


def test_a_figure_comes_with_its_words_and_its_caption():
    figure, text = outputs_of(
        display({"image/png": {"alt": "A red\nrectangle."}}, image_png=png()),
        display(text_markdown="*A rectangle. (quick profile.)*"),
        printed("done\n"),
    )
    assert (figure.figure.width, figure.figure.height, figure.figure.suffix) == (40, 30, "png")
    assert (figure.figure.alt, figure.figure.caption) == ("A red rectangle.", "A rectangle. (quick profile.)")
    assert text.text == "done"


def test_a_figure_without_words_says_so():
    assert outputs_of(display(image_png=png()))[0].figure.alt == "A figure without a description"


def test_a_table_keeps_its_fields_and_has_no_heading_without_a_name():
    import pandas as pd

    frame = pd.DataFrame({"network": ["<b>MLP</b>"], "accuracy": [97.5]})
    (output,) = outputs_of(display(text_html=frame.to_html(), text_plain=frame.to_string()))
    tags = [tag for tag, _ in Page(output.markup).elements if tag in ("th", "td", "b")]
    assert tags == ["td", "th", "th", "th", "td", "td"]
    assert "&lt;b&gt;MLP" in output.markup


@pytest.mark.parametrize(
    "output",
    [
        display(image_png="no base64!"),
        display(image_png=png()[:40]),
        display(image_jpeg=png()),
        display(image_png=png(size=(7_000, 1))),
        display({"image/png": "no mapping"}, image_png=""),
        display(svg="<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        display(javascript="alert(1)"),
        display(text_html="<script>alert(1)</script>"),
    ],
    ids=range(8),
)
def test_what_is_no_picture_table_or_text_is_left_out_with_a_sentence(output):
    (shown,) = outputs_of(output)
    assert shown.note
    assert (shown.figure, shown.markup, shown.text) == (None, None, "")


def test_outputs_are_bounded():
    outputs = outputs_of(*[display(text_plain="x" * 50_000)] * 100)
    assert len(outputs) == 61
    assert outputs[-1].note == "40 more outputs are left out."
    assert max(len(output.text) for output in outputs) < 25_000


def test_a_hostile_notebook_is_inert():
    attacks = "\n\n".join(ATTACKS)
    files = site_files(
        {
            STEM: notebook(
                *(
                    new_markdown_cell(f"## {attack}\n\n{attack}\n\n- *{attack}*\n\n|a|\n|:-:|\n|{attack}|")
                    for attack in ATTACKS
                ),
                new_markdown_cell(
                    "[x](javascript:alert(1)) [y](file:///etc/passwd) [z](data:text/html,x) [w](../secret.html)"
                ),
                new_markdown_cell("|" + "a|" * 100 + "\n|" + "-|" * 100 + "\n" + "|a\n" * 200),
                new_markdown_cell(
                    r"$\href{javascript:alert(1)}{x}$ $\text{<script>}$ $</math><script>alert(1)</script>$ $\a{\a}\a$"
                ),
                code(attacks, printed(attacks), display(text_html=f"<table><tr><td>{attacks}</td></tr></table>")),
                code(
                    "1",
                    display(text_markdown=attacks),
                    display({"image/png": {"alt": f'">{attacks}'}}, image_png=png()),
                ),
                code(
                    "1",
                    display(text_markdown='*"><img src=x onerror=alert(1)>*'),
                    new_output("error", ename="E", evalue="<b>", traceback=[attacks]),
                ),
            )
        }
    )
    assert all(name.endswith((".html", ".css", ".js", ".png")) for name in files)
    for name in ("index.html", f"{STEM}.html"):
        page = Page(files[name].decode())
        for tag, attributes in page.elements:
            assert tag in HARMLESS, tag
            assert not [
                key for key in attributes if key.startswith("on") or key in ("style", "srcdoc", "srcset", "formaction")
            ]
        assert all(
            link.startswith(("https://", "http://", "#")) or link.partition("#")[0] in files for link in page.links
        )
        assert set(page.loads) <= {*files, "data:,"}
        assert sum(tag == "script" for tag, _ in page.elements) == 2


def test_other_notebooks_are_linked_by_their_pages_and_names_of_the_api_by_what_explains_them():
    link = new_markdown_cell(
        f"[here]({STEM}.ipynb), [gone](02_two.ipynb), [web](https://example.org), `sweep` and `sweeps`"
    )
    page = Page(site_files({STEM: notebook(link)})[f"{STEM}.html"].decode())
    assert {f"{STEM}.html", "https://example.org", "labkit.training.html#sweep"} <= set(page.links)
    assert not [address for address in page.links if "02_two" in address]
