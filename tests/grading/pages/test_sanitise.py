"""What hostile texts, tables and prose become on a page."""

import re
from html.parser import HTMLParser

import pytest

from labkit import CHECKOUT, PACKAGE
from labkit.grading.pages.sanitise import NAMES, prose, shown, table, without_paths

ATTACKS = [
    "<script>alert(1)</script>",
    "<svg onload='alert(1)'/>",
    "<svg><script>alert(1)</script></svg>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/x.png'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<form action='http://evil.example'><input name=x></form>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href='http://evil.example/'>",
    "<link rel=stylesheet href='http://evil.example/x.css'>",
    "<style>@import 'http://evil.example/x.css'; * { display: none }</style>",
    "<math><mtext></p><style><img src onerror=alert(1)></style></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<table background='http://evil.example/x.png'><tr><td style='background:url(http://evil.example)'>y</table>",
    "</table></div></main><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<td id=class class=mark onclick=alert(1) colspan=9999999>z</td>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<http://evil.example>",
    "[x]: http://evil.example\n\n[x]",
    "# <img src=x onerror=alert(1)>",
    '```html"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
]
CELLS = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
WRITTEN = CELLS | {"p", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "br"}


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07\x1b[2Jx", "x"),
        ("\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "link"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("\u2066a\u2069\u200b\ufeff\x00\x08", "a"),
        (" 10%\r 50%\r100%\ndone", "100%\ndone"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "?"),
        ("Zoë 数 😀", "Zoë 数 😀"),
    ],
)
def test_texts_have_no_escapes_and_no_hidden_characters(text, expected):
    assert shown(text) == expected


def test_of_a_long_text_both_ends_remain():
    text = shown("a" * 50_000 + "b" * 50_000)
    assert len(text) < 21_000
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert "80,000 characters are left out" in text


def test_a_long_line_is_cleaned_in_time():
    assert shown("\r\x1b[" * 500_000 + "\ry", 2_000_000) == "y"
    assert shown("\x1b]" * 500_000 + "\x07y", 2_000_000) == "y"


def test_folders_of_this_machine_are_named_and_not_told():
    for path in NAMES:
        assert path not in without_paths(f'File "{path}/x.py", line 3, in {path}')


def test_the_course_is_named_by_its_checkout_and_by_no_folder_around_it():
    text = without_paths(f"{PACKAGE}/cli.py {CHECKOUT}/notebooks/x.ipynb {CHECKOUT.parent}/y")
    assert text.startswith("(course)/labkit/cli.py (course)/notebooks/x.ipynb ")
    assert text.count("(course)") == 2
