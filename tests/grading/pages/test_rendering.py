"""What a page shows of an executed notebook."""

import json

import nbformat
import pytest
from cells import code, display, png, printed
from page_makers import check, store

from labkit.basics.pages.sanitise import NAMES
from labkit.grading.pages import rendering
from labkit.grading.pages.pictures import MOST_PIXELS
from labkit.grading.pages.rendering import ALLOWANCE, MOST_OUTPUTS, read_executed


@pytest.fixture
def read(tmp_path):
    """Return a function that stores cells and reads them again."""

    def stored(*cells):
        cells, sentence = read_executed(store(tmp_path, "a", "01_x", *cells))
        assert sentence == ""
        return cells

    return stored


def test_cells_keep_their_order_and_number_and_know_their_exercise(read):
    parameters = code("seed = 0", tags=["injected-parameters"])
    cells = read(nbformat.v4.new_markdown_cell("# Hi"), parameters, code("1", printed("2")), check("1.2"))
    assert [(cell.number, cell.source, cell.exercise) for cell in cells] == [
        (1, "# Hi", ""),
        (2, "1", ""),
        (3, 'check("1.2", answer)', "1.2"),
    ]
    assert cells[0].markup == "<h3>Hi</h3>\n"
    assert cells[1].outputs[0].text == "2"


def test_of_an_output_the_best_harmless_form_is_shown(read):
    table = "<table><tr><td>1</td></tr></table>"
    (cell,) = read(
        code(
            "x",
            display(image_png=png(), text_plain="figure"),
            display(text_html=table, text_plain="frame"),
            display(text_html="<b>no table</b>", text_plain="plain"),
            display(text_markdown="*a*", text_plain="object"),
            display(svg="<svg onload='alert(1)'/>", javascript="alert(1)"),
            display(image_png="bm8=", text_plain="x"),
            printed("warned", "stderr"),
        )
    )
    kinds = [(output.kind, output.markup or output.text) for output in cell.outputs]
    assert kinds[1:4] == [
        ("markup", "<table><tbody><tr><td>1</td></tr></tbody></table>"),
        ("result", "plain"),
        ("markup", "<p><em>a</em></p>\n"),
    ]
    assert [kind for kind, _ in kinds] == ["picture", "markup", "result", "markup", "note", "note", "stderr"]
    assert "image/svg+xml" in cell.outputs[4].text


def test_an_error_shows_its_traceback_without_colours_and_paths(read):
    path = next(iter(NAMES))
    error = nbformat.v4.new_output(
        "error", ename="ValueError", evalue="<b>bad</b>", traceback=["\x1b[31mTraceback\x1b[0m", f"File {path}/x.py"]
    )
    (cell,) = read(code("1/0", error))
    assert cell.outputs[0].title == "ValueError: <b>bad</b>"
    assert cell.outputs[0].text.startswith("Traceback\nFile ")
    assert path not in cell.outputs[0].text


def test_long_outputs_are_folded(read):
    (cell,) = read(code("x", printed("\n".join(map(str, range(100)))), printed("short", "stderr")))
    assert [output.folded for output in cell.outputs] == [100, 0]


def test_what_was_printed_in_pieces_is_one_output(read):
    (cell,) = read(code("x", printed("a\n"), printed("b\n"), printed("c", "stderr"), printed("d")))
    assert [output.text for output in cell.outputs] == ["a\nb", "c", "d"]


def test_pasted_pictures_are_shown_below_their_text(read):
    cell = nbformat.v4.new_markdown_cell("![x](attachment:x.png)")
    cell.attachments = {"x.png": {"image/png": png(), "image/svg+xml": "<svg/>"}}
    (found,) = read(cell)
    assert [(output.kind, output.picture.alt) for output in found.outputs] == [("picture", "Pasted picture x.png")]


def test_a_notebook_puts_a_bounded_amount_on_its_page(read):
    cells = read(*[code("x", *[display(text_plain="y" * 15_000)] * 200) for _ in range(10)])
    assert sum(len(output.text) for cell in cells for output in cell.outputs) < 1.2 * ALLOWANCE["text"]
    assert all(len(cell.outputs) == MOST_OUTPUTS + 1 for cell in cells)
    assert cells[0].outputs[-1].text == "140 more outputs are left out."


@pytest.mark.parametrize("allowance", [{"tried": 2}, {"pixels": MOST_PIXELS + 1_500}], ids=["tried", "pixels"])
def test_a_notebook_has_a_bounded_number_of_its_pictures_looked_at(read, monkeypatch, allowance):
    for what, amount in allowance.items():
        monkeypatch.setitem(ALLOWANCE, what, amount)
    (cell,) = read(code("x", *[display(image_png=png(colour)) for colour in ("red", "green", "blue")]))
    assert [output.kind for output in cell.outputs] == ["picture", "picture", "note"]
    assert "more of them than fit" in cell.outputs[2].text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"cells": 1}',
        b'{"cells": [1]}',
        b"[" * 100_000,
        b'{"cells": ' + b"[" * 2_000_000,
        b"\xff\xfe",
    ],
    ids=range(9),
)
def test_what_is_no_notebook_is_said_in_a_sentence(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    cells, sentence = read_executed(path)
    assert cells == []
    assert sentence.startswith("The executed notebook ")


def test_a_file_that_is_missing_or_too_large_is_said_in_a_sentence(tmp_path, monkeypatch):
    assert read_executed(tmp_path / "x.ipynb") == ([], "There is no executed notebook.")
    (tmp_path / "x.ipynb").write_bytes(b"x" * 100)
    monkeypatch.setattr(rendering, "EXECUTED_BYTES", 99)
    assert "too many to be shown" in read_executed(tmp_path / "x.ipynb")[1]


ODD = [None, 1, "x", [], {}, [1], {"x": 1}, ["a", 1], True]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_parts_of_the_wrong_type_are_passed_over(tmp_path, odd):
    path = tmp_path / "x.ipynb"
    good = {"cell_type": "code", "source": "good", "metadata": {}, "outputs": []}
    changed = [{**good, key: odd} for key in ("cell_type", "source", "metadata", "outputs", "attachments")]
    changed += [{**good, "metadata": {key: odd}} for key in ("tags", "nbgrader")]
    changed += [{**good, "metadata": {"nbgrader": {"grade_id": odd}}}, {"cell_type": "markdown", "attachments": odd}]
    outputs = [odd, {"output_type": odd}, {"output_type": "stream", "text": odd, "name": odd}]
    outputs += [{"output_type": "error", "ename": odd, "evalue": odd, "traceback": odd}]
    outputs += [{"output_type": "display_data", "data": odd, "metadata": odd}]
    outputs += [
        {"data": {kind: odd}, "metadata": {kind: odd}}
        for kind in ("image/png", "text/html", "text/markdown", "text/plain")
    ]
    path.write_text(json.dumps({"cells": [*changed, {**good, "outputs": outputs}, good]}))
    cells, sentence = read_executed(path)
    assert sentence == ""
    assert cells[-1].source == "good"
