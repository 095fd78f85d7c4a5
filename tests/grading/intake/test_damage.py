"""A damaged notebook loses what is damaged, and the rest is graded; what is refused names its place."""

import json

import pytest

from labkit.grading.intake.reading.reader import cells_of, parse_notebook
from labkit.grading.texts import Refused

SOURCES = ["# Title", "x = 1", "def standardise(images):\n    return images", "print('Größe')"]


def document(**changes):
    cells = [
        {"cell_type": "markdown", "id": "c0", "metadata": {}, "source": SOURCES[0]},
        *(
            {"cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {}, "outputs": []}
            | {"source": source.splitlines(keepends=True)}
            for number, source in enumerate(SOURCES[1:], 1)
        ),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | changes


WHOLE = json.dumps(document(), indent=1, ensure_ascii=False).encode()


def taken(content):
    """Return the sources of a notebook's cells as they were taken in, and the remarks."""
    notebook = parse_notebook(content)
    return [cell.source for cell in cells_of(notebook.content)], list(notebook.remarks)


def test_whole_notebook_is_taken_without_a_remark():
    assert taken(WHOLE) == (SOURCES, [])


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (WHOLE.replace(b"standardise", b"standar\0dise"), "held 1 NULs (cell 3, line 26 of the file): taken out."),
        (WHOLE + b"\0" * 4_096, "held 4,096 NULs (cell 4, line"),
        (WHOLE.rstrip()[:-1] + b",\n}", "held commas that nothing follows (cell 4, line"),
        (
            WHOLE.replace(b'"x = 1"\n   ]', b'"x = 1",\n   ]'),
            "commas that nothing follows (cell 2, line 16 of the file)",
        ),
        (WHOLE.decode().encode("cp1252"), "is not UTF-8 (cell 4, line 37 of the file): it was read as a Windows text"),
    ],
    ids=["NUL", "NULs at the end", "comma", "comma in a cell", "Windows' letters"],
)
def test_damage_with_one_reading_is_undone_and_told(content, remark):
    sources, remarks = taken(content)
    assert sources == SOURCES
    assert len(remarks) == 1
    assert remark in remarks[0]


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + WHOLE, WHOLE.decode().encode("utf-16"), WHOLE.decode().encode("utf-32-le")],
    ids=["mark", "UTF-16", "UTF-32"],
)
def test_other_forms_of_unicode_are_read(content):
    assert taken(content) == (SOURCES, [])


def test_commas_and_brackets_within_texts_are_left_alone():
    cells = [{"cell_type": "code", "metadata": {}, "source": 'a = [1, 2, ]  # ",}" \\" ,]'}]
    content = json.dumps(document(cells=cells)).encode()
    assert taken(content[:-1] + b",}")[0] == ['a = [1, 2, ]  # ",}" \\" ,]']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            WHOLE.replace(b'   "source": [\n    "x = 1"', b' <<<<<<< HEAD\n   "source": [\n    "x = 1"'),
            "cell 2, line 15",
        ),
        (
            WHOLE.replace(b'   "id": "c3"', b'<<<<<<< a\n   "id": "c3"\n=======\n   "id": "d"\n>>>>>>> b'),
            "cell 4, line",
        ),
    ],
)
def test_marks_of_a_merge_conflict_are_named_with_their_place(content, message):
    with pytest.raises(Refused, match=rf"holds the marks of a merge conflict \({message}.*choose one side"):
        parse_notebook(content)


def test_other_damage_is_named_with_its_place():
    with pytest.raises(Refused, match=r"is not JSON \(.*, cell 3, line 26 of the file\)"):
        parse_notebook(WHOLE.replace(b'"def standardise', b'"def "standardise'))
    with pytest.raises(Refused, match=r"is not JSON \(.*, line 1 of the file\)"):
        parse_notebook(b"import torch")


def test_conflict_within_a_cell_loses_that_cell_alone():
    cells = document()["cells"]
    cells[2]["source"] = "x = 0\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n"
    sources, remarks = taken(json.dumps(document(cells=cells)).encode())
    assert len(sources) == 4
    assert remarks == ["Cell 3 holds the marks of a merge conflict in its line 2."]
    cells[2]["source"] = "Title\n=======\ntext"  # a heading in Markdown
    assert taken(json.dumps(document(cells=cells)).encode())[1] == []


BROKEN_CELLS = [
    {"cell_type": "markdown", "metadata": {}},
    {"cell_type": "code", "metadata": {}, "source": None, "outputs": [], "execution_count": None},
    {"cell_type": "sql", "metadata": {}, "source": "select 1"},
    {"cell_type": "heading", "level": 1, "metadata": {}, "source": "Answers"},
    None,
    [],
]
ODD_CELLS = [
    {"cell_type": "code", "metadata": {}, "source": "y = 1"},
    {"cell_type": "code", "id": None, "metadata": {}, "source": "y = 1", "outputs": None},
    {"cell_type": "code", "id": "c1", "metadata": [], "source": "y = 1"},
    {"cell_type": "code", "metadata": {"n": float("nan")}, "source": "y = 1", "outputs": [{"data": float("inf")}]},
]


@pytest.mark.parametrize("place", [0, 2, 4])
def test_broken_cell_loses_itself(place):
    for broken in BROKEN_CELLS:
        cells = document()["cells"]
        cells.insert(place, broken)
        sources, remarks = taken(json.dumps(document(cells=cells)).encode())
        assert sources == SOURCES
        assert remarks == [f"1 of 5 cells were dropped ({place + 1}): of no known type, without a text, or over 1 MB."]
    for odd in ODD_CELLS:
        cells = document()["cells"]
        cells.insert(place, odd)
        sources, remarks = taken(json.dumps(document(cells=cells)).encode())
        assert sources == [*SOURCES[:place], "y = 1", *SOURCES[place:]]
        assert remarks == []


@pytest.mark.parametrize("text", ['"' + '\\"' * 1_000_000 + "\\", "," * 2_000_000, '"' * 1_999_999, ", " * 1_000_000])
def test_hostile_text_is_read_once(text):
    """A pattern that reads on from each quote would need hours."""
    with pytest.raises(Refused, match="is not JSON"):
        parse_notebook(text.encode())
