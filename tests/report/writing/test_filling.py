import pytest

from labkit.basics.errors import UsageError
from labkit.report.writing.filling import fill
from labkit.report.writing.source import Source

# What stands in code, formulas and sentences, and is no placeholder.
KEPT = """---
title: "x << 2"
---

Shift `x << 2 >> 1`, ``a << number("n") `>> b``, `<% if x %>`, `<# note #>`; in a sentence x << 2 >> 1, 1<<8,
a <% 5 %> b, c %> d, e #> f, <#3, A << "b" >> c; formulas $a << b >> c$ and

$$ a << number(x) >> b $$

```python
y = x << 2 >> 1  # << number("n") >>
print("<% if %>", "<# no #>")
```

~~~
<% for x in y %>
~~~

    indented << 2 >> 1, << number("n") >>

- a list

        << number("code") >>

> ```
> x << number("n") >> y
> ```
"""


def number(name):
    return f"[{name}]"


def filled(tmp_path, text):
    path = tmp_path / "mine.md"
    path.write_text(text, encoding="utf-8")
    return fill(Source(path), {"number": number, "has_run": lambda name: name == "05"})


def test_code_formulas_and_what_is_no_placeholder_stay_to_the_letter(tmp_path):
    assert filled(tmp_path, KEPT) == KEPT
    assert filled(tmp_path, "<# never closed") == "<# never closed"


def test_placeholders_statements_and_comments_work_beside_code(tmp_path):
    text = """`<< number("a") >>` is << number("a") >>, <<number("b")>> and << number(
"c") >>.
<# a comment
that says << number("d") >> #>
<% if has_run("05") %>
yes
<% endif %>
<% if has_run("06") %>
no
<% endif %>
<% for name in ["e", "f"] %>
- << number(name) >>
<% endfor %>
    - << number("in a list") >>
"""
    assert filled(tmp_path, text) == (
        '`<< number("a") >>` is [a], [b] and [c].\nyes\n- [e]\n- [f]\n    - [in a list]\n'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x << n >> m", "line 3: 'n' is undefined. Write << or <% that is meant as text between backticks"),
        ("x << y", "line 3: unexpected end of template"),
        ("x <% y %> z", "line 3: Encountered unknown tag 'y'"),
        ("x <# y #> z", "line 3: a comment between <# and #> stands on lines of its own, and text"),
        ("<% if has_run('05') %>", "line 3: Unexpected end of template"),
        ("<< number >>", "line 3: << number >> gives nothing to print"),
        ("x << none >> y", "gives nothing to print"),
        ("<< range(3) >>", "'range' is undefined"),
        ("<< number(nothing.of) >>", "line 3: 'nothing' is undefined"),
        ("<< number('a') + 1 >>", "line 3: can only concatenate"),
    ],
)
def test_what_cannot_be_followed_is_told_with_its_line(tmp_path, text, message):
    with pytest.raises(UsageError) as raised:
        filled(tmp_path, f"first `<< x >>`\n\n{text}\n")
    assert message in str(raised.value)
    assert ".. " not in str(raised.value)
