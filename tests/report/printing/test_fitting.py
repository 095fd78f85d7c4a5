"""Pages of a report: filled, with evidence beside its text, and no heading alone at a page's end."""

import json
import random
import re

import pytest

from labkit import CHECKOUT
from labkit.report.document import build_report
from labkit.report.printing import fitting
from labkit.report.writing import pandoc
from labkit.report.writing.replies import Exchange
from labkit.report.writing.typesetting import compiler
from tests.report.made_up import make_results

TEMPLATE = (CHECKOUT / "report_template.md").read_text(encoding="utf-8")
WORDS = "the network learns what an image shows and its width matters less than its depth does".split()  # noqa: SIM905
ANSWER = "Nearly all of them, since $785 \\cdot 300 = 235{,}500$ of 238,510. " * 2
HOLE = 0.15  # of a page's text, which is more than `fitting` strives for


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    return folder, make_results(folder, TEMPLATE)


@pytest.fixture
def pages(when_set):
    """Look at each document that is set: how much of each page is empty, and where its headings and evidence stand."""
    seen = []

    def look(setter, inputs):
        pages = setter.compile(format="png", ppi=fitting.PPI, sys_inputs=inputs)
        headings = json.loads(setter.eval("query(heading).map(h => (h.body, h.location().position()))"))
        marks = json.loads(setter.query("<evidence>", field="value"))
        seen.append((list(map(fitting._rest, pages)), headings, fitting._pieces(marks), json.loads(inputs["fixes"])))

    when_set(look)
    return seen


def written(seed):
    """Return the template as a group may fill it: discussions of one line to half a page."""
    draw = random.Random(seed)
    text = re.sub(
        r"\*\*Write here\.\*\*", lambda _: " ".join(draw.choices(WORDS, k=draw.choice([15, 60, 150]))) + ".", TEMPLATE
    )
    return text if seed else TEMPLATE


def named(heading):
    return re.sub(r"[^\w ]", "", json.dumps(heading))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_report_has_eight_pages_without_holes_and_an_appendix(made, pages, seed):
    folder, results = made
    source = folder / "mine.md"
    source.write_text(written(seed), encoding="utf-8")
    answers = {name: [Exchange(f"**{n}.** Why is that?", ANSWER) for n in range(1, 6)] for name in results["notebooks"]}
    build_report(folder, results, source, answers=answers)
    ((rests, headings, pieces, fixes),) = pages
    assert max(rests[:-1]) < HOLE
    (references,) = (place["page"] for body, place in headings if "References" in named(body))
    assert references <= (8 if seed == 0 else 10)
    assert len(rests) <= references + 5
    last_line = fitting.PAGE_HEIGHT - fitting.BOTTOM - 30
    assert all(float(place["y"].removesuffix("pt")) < last_line for _, place in headings)
    assert sum(fix["float"] for fix in fixes.values()) <= 6
    assert all(fix["scale"] >= fitting.SMALLEST - 0.01 for fix in fixes.values())
    assert len(pieces) > 20
    assert [fault for fault in fitting._faults(rests, pieces) if fault[0] in ("order", "early") or seed == 0] == []


@pytest.mark.slow
@pytest.mark.parametrize("notebooks", [["05"], ["02", "03"], ["08"], ["09"], ["04", "06", "07"]])
def test_the_template_builds_from_some_notebooks_alone(made, tmp_path, notebooks):
    folder, results = made
    ran = {name: section for name, section in results["notebooks"].items() if name[:2] in notebooks}
    written = build_report(folder, {**results, "notebooks": ran}, CHECKOUT / "report_template.md")
    text = written[0].read_text(encoding="utf-8")
    assert all(f"Notebook {number}" in text for number in notebooks)
    assert text.count("\n## Notebook") == len(notebooks)


SIZE = 'width="300" height="260"'
PICTURE = f'<svg xmlns="http://www.w3.org/2000/svg" {SIZE}><rect {SIZE} fill="black"/></svg>'.encode()


def document(*parts):
    tree, _ = pandoc.read("x")
    tree["blocks"] = [{"t": "RawBlock", "c": ["typst", "\n\n".join(parts)]}]
    return pandoc.write(tree, "typst", "report.typ")[0]


def evidence(key, width=75, scalable="true"):
    drawn = f'image("a.svg", width: {width}% * scale-of("{key}"), alt: "a")'
    return f'#evidence("{key}", {scalable})[#figure({drawn}, caption: [A caption.])]'


def pages_of(setter, inputs):
    pages = setter.compile(format="png", ppi=fitting.PPI, sys_inputs=inputs)
    return [fitting._rest(page) for page in ([pages] if isinstance(pages, bytes) else pages)]


def rests(text, mended=True):
    with compiler(text, {"a.svg": PICTURE}, False) as setter:
        inputs = fitting.fixes_for(setter) if mended else {"fixes": "{}"}
        return pages_of(setter, inputs), json.loads(inputs["fixes"])


def test_a_figure_that_nearly_fits_is_made_smaller():
    text = document("#lorem(420)", evidence("a"), "#lorem(500)")
    assert rests(text, mended=False)[0][0] > HOLE
    filled, fixes = rests(text)
    assert max(filled[:-1]) < HOLE
    assert fixes["a"]["float"] is False
    assert fitting.SMALLEST - 0.01 <= fixes["a"]["scale"] < 1


def test_a_figure_that_does_not_fit_goes_to_the_top_of_the_next_page():
    text = document("#lorem(520)", evidence("a"), "#lorem(500)")
    filled, fixes = rests(text)
    assert max(filled[:-1]) < HOLE
    assert fixes == {"a": {"scale": 1, "float": True}}


def box(key, lines=2):
    return f'#discussion("{key}")[#lorem({lines * 13})]'


def placed(text):
    with compiler(text, {"a.svg": PICTURE}, False) as setter:
        inputs = fitting.fixes_for(setter)
        setter.compile(format="png", ppi=fitting.PPI, sys_inputs=inputs)
        return fitting._pieces(json.loads(setter.query("<evidence>", field="value"))), json.loads(inputs["fixes"])


@pytest.mark.parametrize("words", range(60, 240, 20))
def test_a_box_that_would_open_a_page_is_drawn_back_to_its_evidence(words):
    (figure, *_, behind), _ = placed(
        document(evidence("a"), f"#lorem({words})", evidence("b", 50), box("c"), "#lorem(600)")
    )
    assert figure.page == behind.page == 1 or behind.y > fitting.TOP + 30


def test_a_short_box_goes_with_its_evidence_to_the_next_page_and_later_evidence_does_not_overtake():
    text = document("#lorem(520)", evidence("a"), box("b"), "#lorem(60)", evidence("c", 20), "#lorem(500)")
    (one, behind, other), fixes = placed(text)
    assert (one.page, one.y) < (behind.page, behind.y) < (other.page, other.y)
    assert fixes["a"]["float"]
    assert fixes["b"]["float"]


def piece(key, y, floats=False, box=False, page=1):
    return fitting.Piece(key, page, y, page, y + 100, box, True, floats)


def test_what_floats_above_its_forerunner_goes_back_where_it_belongs():
    pieces = [piece("1", 300), piece("2", 80, floats=True), piece("3", 500, box=True)]
    (fault,) = fitting._faults([0.0, 0.0], pieces)
    assert fault == ("early", 1)
    fixes, tried = {"2": fitting.Fix(0.9, float=True)}, set()
    assert fitting._mend(fault, [0.0, 0.0], pieces, fixes, tried)
    assert fixes == {"2": fitting.Fix(0.9)}
    assert not fitting._mend(fault, [0.0, 0.0], pieces, fixes, tried)


def test_a_box_without_evidence_of_its_own_need_not_wait_for_what_floats():
    floated = [piece("1", 80, floats=True, page=2), piece("2", 200, floats=True, box=True, page=2)]
    assert not list(fitting._faults([0.0, 0.0], [*floated, piece("3", 500, box=True)]))
    assert list(fitting._faults([0.0, 0.0], [*floated, piece("3", 500)])) == [("order", 2)]


def test_a_long_box_is_not_moved():
    assert "b" not in placed(document("#lorem(520)", evidence("a"), box("b", 30), "#lorem(500)"))[1]


def test_what_cannot_be_mended_is_left():
    text = document(
        "#lorem(300)", "#pagebreak()", evidence("a", scalable="false"), "#block(height: 80%, breakable: false)[x]"
    )
    assert len(rests(text)[0]) == 3


def test_a_page_alone_needs_nothing():
    assert rests(document("#lorem(20)"))[1] == {}


@pytest.mark.parametrize(("content", "rest"), [("#v(1cm)", 1), ("#rect(width: 100%, height: 50%, fill: black)", 0.5)])
def test_how_much_of_a_page_is_empty(content, rest):
    assert rests(document(content), mended=False)[0] == [pytest.approx(rest, abs=0.02)]
