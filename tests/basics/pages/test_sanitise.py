"""What hostile texts, tables and prose become on a page."""

import re

import pytest
from attacks import ATTACKS, Elements

from labkit import CHECKOUT, PACKAGE
from labkit.basics.pages.sanitise import NAMES, prose, table, without_paths

CELLS = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
WRITTEN = CELLS | {"p", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "br"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_of_html_tables_and_texts_alone_remain(attack):
    html = f"<table><tr><th>a</th><td>{attack}</td></tr></table>{attack}"
    for tag, attributes in Elements(table(html)).found:
        assert tag in CELLS
        assert all(key in ("colspan", "rowspan") and re.fullmatch(r"\d{1,2}", attributes[key]) for key in attributes)


@pytest.mark.parametrize("attack", ATTACKS)
def test_of_markdown_no_element_has_an_address(attack):
    for tag, attributes in Elements(prose(f"{attack}\n\n- *{attack}*\n\n|a|\n|-|\n|{attack}|\n")).found:
        assert tag in WRITTEN | {f"h{level}" for level in range(3, 7)}
        assert attributes.keys() <= {"class", "start"}  # of code, and of a list
        assert attributes.get("class", "language-").startswith("language-")


def test_a_table_of_pandas_keeps_its_cells_and_loses_its_style():
    import pandas as pd

    frame = pd.DataFrame({"net": ["<b>MLP</b>"], "accuracy": [97.5]})
    clean = table(frame.to_html())
    assert "<td>97.5</td>" in clean
    assert "&lt;b&gt;MLP" in clean
    assert "class" not in clean
    assert "dataframe" not in table(f"<div><style scoped>.dataframe {{}}</style>{frame.to_html()}</div>")


def test_what_is_no_table_or_too_large_is_not_parsed():
    assert table("<p>text</p>") is None
    assert table("<table>" + "<b>" * 5_000) is None
    assert table("<table>" + "x" * 300_000) is None


def test_prose_begins_below_the_headings_of_the_page():
    assert prose("# a\n\n**b**") == "<h3>a</h3>\n<p><strong>b</strong></p>\n"


def test_a_table_that_would_fill_itself_stays_text():
    assert prose("|" + "a|" * 100 + "\n|" + "-|" * 100 + "\n" + "|a\n" * 200) is None


@pytest.mark.parametrize("nested", ["> " * 5_000, "- " * 5_000, "*a **b " * 2_000, "[" * 20_000, "`" * 20_000])
def test_nested_prose_ends(nested):
    assert len(prose(nested) or "") < 500_000


def test_folders_of_this_machine_are_named_and_not_told():
    for path in NAMES:
        assert path not in without_paths(f'File "{path}/x.py", line 3, in {path}')


def test_the_course_is_named_by_its_checkout_and_by_no_folder_around_it():
    text = without_paths(f"{PACKAGE}/cli.py {CHECKOUT}/notebooks/x.ipynb {CHECKOUT.parent}/y")
    assert text.startswith("(course)/labkit/cli.py (course)/notebooks/x.ipynb ")
    assert text.count("(course)") == 2
