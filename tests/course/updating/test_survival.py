"""Whatever happens to a notebook in any order, no word that a student wrote is lost, and the result is sound."""

import copy
import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from release_makers import EDITORS, SECOND, code, corrected, handed_out, mark_of, numbered, place, prose, solved, split

from labkit.course.updating.rebuilding import rebuild
from labkit.course.updating.stored_cells import read_book

ONE = "06_mlp2_sweep"
OLD, NEW = handed_out(ONE), corrected(handed_out(ONE))
AT = place(NEW, "answer-6-2")
del NEW["cells"][AT - 1 : AT + 2]  # an exercise is taken out as well
numbered(NEW)
ACTS = ("delete", "double", "move", "split", "lose", "type", "edit", "own", "editor", "marks")
STEPS = some.lists(
    some.tuples(some.sampled_from(ACTS), some.integers(0, 10_000), some.integers(0, 10_000)), min_size=1, max_size=12
)


def book_of(document):
    return read_book(json.dumps(document).encode(), "x.ipynb")


def squeezed(text):
    return "".join(text.split())


COURSE = [squeezed(cell["source"]) for book in (OLD, NEW) for cell in book["cells"]]


def change(book, act, here, there):
    """Let one thing happen to the notebook."""
    cells = book["cells"]
    at, to = here % len(cells), there % len(cells)
    cell = cells[at]
    if act == "delete" and len(cells) > 5:
        del cells[at]
    elif act == "double":
        cells.insert(to, copy.deepcopy(cell))
    elif act == "move":
        cells.insert(to, cells.pop(at))
    elif act == "split" and len(cell["source"]) > 2:
        split(book, at, 1 + there % (len(cell["source"]) - 1))
    elif act == "lose":
        cell["metadata"] = {}
    elif act == "type":
        make = prose if cell["cell_type"] == "code" else code
        cells[at] = make(cell["source"], metadata=cell["metadata"], **({"id": cell["id"]} if "id" in cell else {}))
    elif act == "edit":
        cell["source"] += f"\n# my word {there}\r\n"
    elif act == "own":
        cells.insert(at, code(f"own_{there} = 1", id=f"cell-{there % 50:02d}"))
    elif act == "editor" and all("id" in one for one in cells):
        return EDITORS[there % len(EDITORS)](book)
    elif act == "marks":
        cell["metadata"] = copy.deepcopy(cells[to]["metadata"])
    return book


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(some.booleans(), some.booleans(), STEPS)
def test_no_word_of_a_student_is_lost(recorded, newer, steps):
    mine = solved(ONE)
    for step in steps:
        mine = change(mine, *step)
    new = NEW if newer else OLD
    released = book_of(new)
    old = book_of(OLD) if recorded else None
    nodes, metadata, sentences = rebuild(book_of(mine), old, released, SECOND)
    texts = [node["source"] for node in nodes]
    for cell in mine["cells"]:
        if not any(squeezed(cell["source"]) in text for text in COURSE):
            assert any(cell["source"] in text for text in texts), cell["source"]
    done = {"cells": nodes, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(done)
    assert [mark for node in nodes if (mark := mark_of(node))] == [
        mark for cell in new["cells"] if (mark := mark_of(cell))
    ]
    assert all(sentence.endswith((".", "more.")) for sentence in sentences)
    again = rebuild(book_of(done), released, released, SECOND)
    assert again[0] == nodes
