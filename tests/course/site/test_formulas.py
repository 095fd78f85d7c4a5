"""Formulas as MathML, and code in colours."""

import re

import pytest

from labkit.course.site.colouring import coloured
from labkit.course.site.formulas import mathml


def test_formulas_are_set_in_a_line_and_by_themselves():
    found = mathml(["$x_1 < 2$", r"$$\sum_{k=0}^{K-1} \frac{w_k}{2}$$"])
    assert found["$x_1 < 2$"].startswith('<math display="inline">')
    assert "<mo" in found["$x_1 < 2$"]
    assert "&lt;" in found["$x_1 < 2$"]
    assert found[r"$$\sum_{k=0}^{K-1} \frac{w_k}{2}$$"].startswith('<math display="block">')


@pytest.mark.parametrize(
    "formula", [r"$\frac{$", r"$\unknown x$", "$</math><script>alert(1)</script>$", r"$\text{<b onclick=x>}$"]
)
def test_of_what_cannot_be_set_nothing_gets_out(formula):
    written = mathml([formula]).get(formula, "")
    assert not re.search(r"<(?!/?(?:m\w+|semantics|annotation)\b)", written)
    assert "onclick=x>" not in written


def test_nothing_to_set():
    assert mathml([]) == {}


def test_code_keeps_its_text_and_gets_its_colours():
    source = '@cache\ndef f(x):  # why\n    return len("a<b") + 1.5 if x is None else True\n'
    html = coloured(source)
    assert re.sub("<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"') == source
    for piece in (
        '<span class="k">def</span>',
        '<span class="f">f</span>',
        '<span class="c"># why</span>',
        '<span class="n">1.5</span>',
        '<span class="b">len</span>',
    ):
        assert piece in html


def test_what_is_no_python_comes_through():
    assert "&lt;script&gt;" in coloured("%%html\n<script>\x00'''")
