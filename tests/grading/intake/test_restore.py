import copy
import json
import random
import re

import nbformat
import pytest

from labkit.course.build import mark
from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.course.release import student_version
from labkit.grading.intake.reading.reader import parse_notebook
from labkit.grading.intake.restore import checks, restore
from labkit.grading.texts import Refused

PATHS = course(notebooks_folder())
STORED = read_notebook(PATHS[0])
QUESTIONS = [
    nbformat.v4.new_markdown_cell("## Questions from your TA\n\n1. Why?", id="cell-98"),
    nbformat.v4.new_markdown_cell("1. Because.", id="cell-99"),
]


def text(cell):
    return "".join(cell["source"])


def mark_of(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


MARKED = [path for path in PATHS if any(map(mark_of, read_notebook(path).cells))]
# The first notebook, with questions of our own at its end.
OTHERS = [cell for cell in STORED.cells if not cell.source.startswith("## Questions") and mark_of(cell) != "questions"]
COURSE = mark(nbformat.v4.new_notebook(metadata=STORED.metadata, cells=[*OTHERS, *QUESTIONS]))
STUDENT = json.loads(nbformat.writes(student_version(copy.deepcopy(COURSE))))
EXERCISES = ["1.1", "1.2", "1.3", "1.4", "1.5"]
GRADED = [*(f"{kind}-{name.replace('.', '-')}" for name in EXERCISES for kind in ("answer", "check")), "questions"]


def place(document, grade_id):
    """Where the cell with that mark stands."""
    (index,) = [index for index, cell in enumerate(document["cells"]) if mark_of(cell) == grade_id]
    return index


def own(source="x = 1", **keys):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": 3, **keys}


def take_and_restore(submitted, course=COURSE):
    """Take a notebook in and restore it, as a batch does; return it, and the remarks of both."""
    taken = parse_notebook(submitted)
    notebook, remarks = restore(taken.content, course)
    return notebook, [*taken.remarks, *remarks]


def run(document):
    return take_and_restore(json.dumps(document).encode())


def assert_sound(notebook):
    """It is valid, and holds each check once, as the course wrote it, behind its answer."""
    nbformat.validate(notebook)
    json.dumps(notebook, allow_nan=False, ensure_ascii=False).encode()
    marks = [mark_of(cell) for cell in notebook.cells]
    for exercise in EXERCISES:
        check, answer = (f"{kind}-{exercise.replace('.', '-')}" for kind in ("check", "answer"))
        assert marks.count(check) == 1
        assert marks.count(answer) <= 1
        cell, original = (book.cells[place(book, check)] for book in (notebook, COURSE))
        assert (cell.cell_type, cell.source) == ("code", original.source.split("\n###")[0])
        assert cell.metadata.nbgrader == original.metadata.nbgrader
        if answer in marks:
            assert marks.index(answer) < marks.index(check)
    assert sorted(exercise for _, exercise, _ in checks(notebook)) == EXERCISES
    for cell in notebook.cells:
        assert cell.metadata.keys() <= {"nbgrader", "tags"}
        assert cell.metadata.get("tags", ["parameters"]) == ["parameters"]
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert sum("tags" in cell.metadata for cell in notebook.cells) == 1
    assert notebook.metadata == {key: STORED.metadata[key] for key in ("kernelspec", "language_info")}


@pytest.fixture
def student():
    """The notebook as a student gets it, as JSON."""
    return copy.deepcopy(STUDENT)


def test_the_released_notebook_needs_no_mending(student):
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in COURSE.cells]
    assert [cell.source for cell in notebook.cells] == [text(cell) for cell in student["cells"]]
    assert [mark_of(cell) for cell in notebook.cells] == [mark_of(cell) for cell in COURSE.cells]


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_every_notebook_with_exercises_comes_through_as_it_was_released(path):
    stored = read_notebook(path)
    released = student_version(copy.deepcopy(stored))
    notebook, remarks = take_and_restore(nbformat.writes(released).encode(), stored)
    assert remarks == []
    assert [(cell.id, cell.source) for cell in notebook.cells] == [(cell.id, cell.source) for cell in released.cells]
    assert [mark_of(cell) for cell in notebook.cells] == [mark_of(cell) for cell in stored.cells]


def test_the_staffs_own_notebook_loses_its_hidden_tests():
    notebook, remarks = run(COURSE)
    assert remarks == []
    assert_sound(notebook)
    assert "HIDDEN" not in nbformat.writes(notebook)


def test_the_course_is_not_changed(student):
    before = copy.deepcopy(COURSE)
    notebook, _ = run(student)
    notebook.metadata.kernelspec.name = "x"
    notebook.cells[place(notebook, "check-1-1")].metadata.nbgrader.points = 100
    assert before == COURSE


def test_checks_are_told_with_the_expression_that_they_check(student):
    expected = ["standardise", "central_difference", "BlitzNet", "gradient_by_hand", "read_idx_header"]
    for notebook in (COURSE, run(student)[0]):
        assert checks(notebook) == [
            (place(notebook, f"check-{name.replace('.', '-')}"), name, expression)
            for name, expression in zip(EXERCISES, expected, strict=True)
        ]


def test_the_expression_of_a_check_may_be_any():
    cell = nbformat.v4.new_code_cell('check("7.1", net.layers[0])', metadata={"nbgrader": {"grade_id": "check-7-1"}})
    assert checks(nbformat.v4.new_notebook(cells=[cell])) == [(0, "7.1", "net.layers[0]")]


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.update(source='check("1.2", lambda f, x: 12)'),
        lambda cell: cell.update(source=""),
        lambda cell: cell.update(source=[text(cell), "\nimport os"]),
        lambda cell: cell.update(source='check.verdicts["1.2"] = 1\n' + text(cell)),
        lambda cell: cell.update(cell_type="markdown"),
        lambda cell: cell.update(cell_type="raw"),
    ],
)
def test_an_edited_check_gets_the_courses_text(student, change):
    change(student["cells"][place(student, "check-1-2")])
    notebook, remarks = run(student)
    assert remarks == ["Check 1.2 was edited: restored."]
    assert notebook == run(STUDENT)[0]


@pytest.mark.parametrize("change", ["{}\n\n", "{}  ", "{}\r\n", "\n{}", "{}\n### BEGIN HIDDEN TESTS\nassert 0"])
def test_what_makes_no_difference_to_a_check_is_no_edit(student, change):
    cell = student["cells"][place(student, "check-1-2")]
    cell["source"] = change.format(text(cell))
    assert run(student) == run(STUDENT)


def test_a_deleted_check_is_put_back_behind_its_answer(student):
    del student["cells"][place(student, "check-1-3")]
    student["cells"].insert(place(student, "answer-1-3") + 1, own(id="mine"))
    notebook, remarks = run(student)
    assert remarks == ["Check 1.3 was deleted: put back."]
    assert_sound(notebook)
    assert place(notebook, "check-1-3") == place(notebook, "answer-1-3") + 1
    assert len(notebook.cells) == len(COURSE.cells) + 1


def test_a_check_deleted_with_its_answer_is_put_back_behind_what_came_before(student):
    at = place(student, "answer-1-3")
    del student["cells"][at : at + 2]
    notebook, remarks = run(student)
    assert remarks == ["Answer 1.3 is missing.", "Check 1.3 was deleted: put back."]
    assert_sound(notebook)
    assert place(notebook, "check-1-3") == at
    assert notebook.cells[at - 1].id == COURSE.cells[at - 1].id


def test_all_of_the_course_deleted_gives_its_checks_in_order(student):
    notebook, remarks = run({**student, "cells": [own()]})
    assert_sound(notebook)
    assert len(remarks) == 2 * len(EXERCISES) + 2
    assert [name for _, name, _ in checks(notebook)] == EXERCISES
    assert notebook.cells[0].metadata.tags == ["parameters"]
    assert notebook.cells[-1].source == "x = 1"


def test_of_a_duplicated_check_the_first_stays(student):
    at = place(student, "check-1-1")
    student["cells"][at + 3 : at + 3] = [student["cells"][at]] * 2
    notebook, remarks = run(student)
    assert remarks == ["Check 1.1 was there 3 times: the first one stayed."]
    assert notebook == run(STUDENT)[0]


@pytest.mark.parametrize("between", [0, 5])
def test_a_check_before_its_answer_is_moved_behind_it(student, between):
    cell = student["cells"].pop(place(student, "check-1-4"))
    student["cells"].insert(place(student, "answer-1-4") - between, cell)
    notebook, remarks = run(student)
    assert remarks == ["Check 1.4 stood before its answer: moved behind it."]
    assert notebook == run(STUDENT)[0]


def test_a_check_far_behind_its_answer_stays(student):
    cell = student["cells"].pop(place(student, "check-1-1"))
    student["cells"].append(cell)
    notebook, remarks = run(student)
    assert remarks == []
    assert mark_of(notebook.cells[-1]) == "check-1-1"


def test_experiments_with_a_check_are_left_alone(student):
    experiment = own('check("1.2", central_difference)', metadata={"nbgrader": {"grade_id": "check-9-9"}}, id="try")
    student["cells"].insert(3, experiment)
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert notebook.cells[3].source == experiment["source"]
    assert notebook.cells[3].metadata == {}


def test_a_check_without_its_mark_is_known_by_its_text(student):
    student["cells"][place(student, "check-1-2")]["metadata"] = {}
    notebook, remarks = run(student)
    assert remarks == ["Check 1.2 had lost its mark: restored."]
    assert notebook == run(STUDENT)[0]


def test_an_answer_without_its_mark_is_known_by_what_it_defines(student):
    for number, name in ((1, "standardise"), (3, "BlitzNet")):
        cell = student["cells"][place(student, f"answer-1-{number}")]
        assert name in text(cell)
        cell |= {"metadata": {}, "id": f"new{number}"}
    student["cells"].append(own("def standardise(images):\n    return images"))
    notebook, remarks = run(student)
    assert remarks == [f"Answer 1.{number} had lost its mark: found by its content." for number in (1, 3)]
    assert_sound(notebook)
    assert place(notebook, "answer-1-1") == place(COURSE, "answer-1-1")
    assert place(notebook, "answer-1-3") == place(COURSE, "answer-1-3")


def test_an_answer_written_anew_behind_its_check_takes_the_check_along(student):
    del student["cells"][place(student, "answer-1-2")]
    student["cells"].append(own("%matplotlib inline\ndef central_difference(f, x, h=1e-5):\n    return 0"))
    notebook, remarks = run(student)
    assert remarks == [
        "Answer 1.2 had lost its mark: found by its content.",
        "Check 1.2 stood before its answer: moved behind it.",
    ]
    assert_sound(notebook)
    assert place(notebook, "check-1-2") == len(notebook.cells) - 1


def test_of_two_answers_both_stay_and_the_last_counts(student):
    at = place(student, "answer-1-1")
    student["cells"].insert(at + 4, student["cells"][at] | {"id": "later"})
    notebook, remarks = run(student)
    assert remarks == [
        "Answer 1.1 is there 2 times: the last one counts.",
        "Check 1.1 stood before its answer: moved behind it.",
    ]
    assert_sound(notebook)
    assert notebook.cells[place(notebook, "answer-1-1")].id == "later"
    assert len(notebook.cells) == len(student["cells"])


def test_a_missing_answer_is_told_and_its_check_stays(student):
    del student["cells"][place(student, "answer-1-2")]
    notebook, remarks = run(student)
    assert remarks == ["Answer 1.2 is missing."]
    assert_sound(notebook)
    assert "answer-1-2" not in [mark_of(cell) for cell in notebook.cells]
    assert "return (f(x + h) - f(x - h)) / (2 * h)" not in nbformat.writes(notebook)


def test_answers_to_the_questions_without_their_mark_are_known_by_their_place(student):
    student["cells"][place(student, "questions")] |= {"metadata": {}, "id": "new", "source": "1. Because I say so."}
    notebook, remarks = run(student)
    assert remarks == ["The answer cell 'questions' had lost its mark: found by its content."]
    assert notebook.cells[place(notebook, "questions")].source == "1. Because I say so."


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_in_a_text_cell_is_told(student, kind):
    student["cells"][place(student, "answer-1-2")]["cell_type"] = kind
    notebook, remarks = run(student)
    assert remarks == ["Answer 1.2 stands in a cell of another type, where it is not read."]
    assert_sound(notebook)
    assert notebook.cells[place(COURSE, "answer-1-2")].cell_type == kind


def test_missing_answers_to_the_questions_are_told(student):
    del student["cells"][place(student, "questions")]
    assert run(student)[1] == ["The answer cell 'questions' is missing."]


def test_the_students_own_cells_and_changes_stay_in_their_order(student):
    student["cells"][2]["source"] = "import secrets"
    del student["cells"][5]
    student["cells"][8:8] = [own("own = 1"), {"cell_type": "markdown", "metadata": {}, "source": "My **note**"}]
    student["cells"][20], student["cells"][21] = student["cells"][21], student["cells"][20]
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert [cell.source for cell in notebook.cells] == [text(cell) for cell in student["cells"]]


def test_deleted_parameters_are_put_back_at_their_place(student):
    del student["cells"][1]
    notebook, remarks = run(student)
    assert remarks == ["The parameters cell was deleted: put back."]
    assert notebook == run(STUDENT)[0]


@pytest.mark.parametrize("tags", [[], None, "parameters", ["Parameters"], [["parameters"]]])
def test_parameters_without_their_tag_get_it_back(student, tags):
    student["cells"][1] |= {"metadata": {"tags": tags}, "source": 'profile = "full"'}
    notebook, remarks = run(student)
    assert remarks == ["The parameters cell had lost its tag: restored."]
    assert_sound(notebook)
    assert notebook.cells[1].source == 'profile = "full"'
    assert notebook.cells[1].metadata.tags == ["parameters"]


def test_the_courses_own_cell_goes_first_among_those_with_the_tag(student):
    """The run's parameters stand behind it; were they to stand before it, it would set them back."""
    student["cells"].insert(0, own("seed = 7", metadata={"tags": ["parameters"]}))
    student["cells"].insert(9, {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "x"})
    notebook, remarks = run(student)
    assert remarks == ["The tag 'parameters' was taken from 2 cells that may not carry it."]
    assert_sound(notebook)
    assert notebook.cells[2].metadata.tags == ["parameters"]


def test_parameters_of_an_earlier_run_are_taken_out(student):
    student["cells"].insert(2, own("seed = 7", metadata={"tags": ["injected-parameters"]}))
    notebook, remarks = run(student)
    assert remarks == ["The parameters of an earlier run, put in by papermill, were taken out."]
    assert notebook == run(STUDENT)[0]


KERNEL = "The notebook names another kernel than the course: it runs in the course's."
RULES = "The notebook's metadata sets rules for its own execution: dropped."


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"kernelspec": {"name": "python3", "display_name": "x", "argv": ["sh", "-c", "true"]}}, [KERNEL]),
        ({"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}, [KERNEL]),
        ({"kernelspec": {"name": ["python3"]}}, [KERNEL]),
        ({"kernelspec": ["python3"]}, [KERNEL]),
        ({"language_info": {"name": "R"}}, [KERNEL]),
        ({"execution": {"timeout": 1e9, "allow_errors": True}}, [RULES]),
        ({"allow_errors": True, "kernelspec": None}, [KERNEL, RULES]),
        ({"title": "<script>alert(1)</script>", "papermill": {"parameters": {}}, "widgets": {"x": 1}}, []),
        ({"jupytext": {"formats": "ipynb,py:percent", "text_representation": {"extension": ".py"}}}, []),
        ({"colab": {"provenance": []}, "accelerator": "GPU", "kernelspec": {"name": "python3"}}, []),
        ({"kernelspec": {"display_name": ".venv (3.12)", "language": "python", "name": "python3"}}, []),
        ([], []),
        (None, []),
    ],
)
def test_metadata_of_the_notebook_is_the_courses(student, metadata, expected):
    notebook, remarks = run({**student, "metadata": metadata})
    assert remarks == expected
    assert notebook == run(STUDENT)[0]


def test_metadata_of_cells_is_dropped(student):
    for cell in student["cells"]:
        cell["metadata"] |= {"execution": {"timeout": 9}, "slideshow": {"slide_type": "skip"}, "collapsed": True}
        tags = cell["metadata"].get("tags", [])
        cell["metadata"]["tags"] = [*tags, "raises-exception", "skip-execution", "remove-cell"]
    student["cells"][0]["metadata"]["nbgrader"] = {"grade_id": "mine", "points": 100, "solution": True}
    assert run(student) == run(STUDENT)


def test_points_and_locks_are_the_courses(student):
    student["cells"][place(student, "check-1-1")]["metadata"]["nbgrader"] |= {"points": 1000, "locked": False}
    assert run(student) == run(STUDENT)


def test_a_notebook_of_colab_is_found_again(student):
    """Colab keeps the id in the metadata, writes nbformat 4.0, and may lose the marks."""
    student |= {"nbformat_minor": 0, "metadata": {"colab": {"provenance": [], "toc_visible": True}}}
    for number, cell in enumerate(student["cells"]):
        cell["metadata"] = {"id": cell.pop("id"), "outputId": str(number)}
    student["cells"].pop()
    notebook, remarks = run(student)
    assert_sound(notebook)
    assert [cell.source for cell in notebook.cells] == [text(cell) for cell in student["cells"]]
    assert [mark_of(cell) for cell in notebook.cells] == [mark_of(cell) for cell in COURSE.cells[:-1]]
    assert len(remarks) == 2 * len(EXERCISES) + 2


def test_cells_without_ids_get_some(student):
    student["nbformat_minor"] = 4
    for cell in student["cells"]:
        del cell["id"]
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert [cell.source for cell in notebook.cells] == [text(cell) for cell in student["cells"]]


@pytest.mark.parametrize("name", ["cell-01", "", "ä", "a" * 65, "a b", "restored-02", None, 7, ["x"], "x\n"])
def test_ids_are_valid_and_unique(student, name):
    for cell in student["cells"][3:12]:
        cell["id"] = name
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
@pytest.mark.parametrize("as_list", [True, False])
def test_line_endings_of_other_systems_make_no_difference(student, ending, as_list):
    for cell in student["cells"]:
        source = text(cell).replace("\n", ending)
        cell["source"] = source.splitlines(keepends=True) if as_list else source
    written = json.dumps(student, indent=1).replace("\n", "\r\n")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert take_and_restore(written.encode(encoding)) == run(STUDENT)


def test_unicode_stays_and_halves_of_characters_become_question_marks(student):
    student["cells"][3]["source"] = "größe = '数字 🔢 \ud800 \x1b[31m \x00'"
    notebook, remarks = run(student)
    assert remarks == []
    assert_sound(notebook)
    assert notebook.cells[3].source == "größe = '数字 🔢 ? \x1b[31m \x00'"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999999", "0." + "1" * 100_000, "9" * 4000])
def test_odd_numbers_in_what_is_dropped_do_no_harm(student, number):
    student["metadata"] = {"score": "NUMBER"}
    student["cells"][1]["execution_count"] = "NUMBER"
    written = json.dumps(student).replace('"NUMBER"', number)
    assert take_and_restore(written.encode()) == run(STUDENT)


@pytest.mark.parametrize(
    ("submitted", "sentence"),
    [
        (b"", "JSON"),
        (b"\x89PNG\r\n", "JSON"),
        (b'{"cells": [', "JSON"),
        (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b', "nbformat": 4}', "JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "JSON"),
        (b'{"nbformat": ' + b"4" * 5000 + b"}", "JSON"),
        (b"[]", "is not a notebook"),
        (b"null", "is not a notebook"),
        (b"{}", "is not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "notebook format 3"),
        (b'{"nbformat": 5, "cells": [{}]}', "notebook format 5"),
        (b'{"nbformat": "4", "cells": [{}]}', "is not a notebook"),
        (b'{"nbformat": NaN, "cells": [{}]}', "is not a notebook"),
        (b'{"nbformat": 4}', "is not a notebook"),
        (b'{"nbformat": 4, "cells": {}}', "is not a notebook"),
        (b'{"nbformat": 4, "cells": []}', "no cell that can be read"),
        (b'{"nbformat": 4, "cells": [' + b"{}," * 2000 + b"{}]}", "2,001 cells"),
        (b'{"nbformat": 4, "cells": [{}, 1, null]}', "no cell that can be read"),
        (b'{"nbformat": 4, "cells": [{}], "x": [' + b"[]," * 400_000 + b"1]}", "400,000 lists"),
    ],
)
def test_what_is_no_notebook_is_refused_in_a_sentence(submitted, sentence):
    with pytest.raises(Refused) as told:
        take_and_restore(submitted)
    assert sentence in str(told.value)
    assert re.fullmatch(r"(is|has|holds) [^\n]*[^.]", str(told.value))  # the end of a sentence


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "x = 1",
        {},
        own(cell_type="heading"),
        own(cell_type=["code"]),
        own(source=None),
        own(source=["x", 1]),
        own(source={"x": 1}),
        own("#" * 1_000_001),
    ],
)
def test_a_cell_that_is_none_is_dropped_and_told(student, cell):
    student["cells"].insert(4, cell)
    count = len(student["cells"])
    notebook, remarks = run(student)
    assert remarks == [f"1 of {count} cells were dropped (5): of no known type, without a text, or over 1 MB."]
    assert notebook == run(STUDENT)[0]


@pytest.mark.parametrize(
    ("attachments", "kept"),
    [
        ({"a.png": {"image/png": "iVBORw0="}}, True),
        ({"a.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}, False),
        ({"a.html": {"text/html": "<script>"}, "b": ["image/png"], "c": {"image/png": 7}}, False),
        ({"a.png": {"image/png": "A" * 5_000_001}}, False),
        (["a.png"], False),
    ],
)
def test_only_pictures_stay_attached(student, attachments, kept):
    student["cells"][0]["attachments"] = attachments
    notebook, remarks = run(student)
    assert_sound(notebook)
    assert notebook.cells[0].get("attachments") == (attachments if kept else None)
    assert [remark.split(":")[0] for remark in remarks] == ["The attachments of 1 cells were dropped"] * (not kept)


def test_remarks_hold_nothing_of_the_students(student):
    evil = "<script>alert(1)</script>\x1b[31m"
    for cell in student["cells"]:
        cell["metadata"] |= {"tags": [evil], evil: evil}
        cell["source"] = evil
    student["cells"].append({"cell_type": evil, "source": evil})
    student["metadata"] = {"kernelspec": {"name": evil, "argv": [evil]}, "execution": {evil: evil}, "title": evil}
    notebook, remarks = run(student)
    assert_sound(notebook)
    assert len(remarks) == len(EXERCISES) + 4
    assert not [remark for remark in remarks if "script" in remark or "\x1b" in remark]


ODD = [
    None,
    True,
    -1,
    1e308,
    float("nan"),
    "",
    "parameters",
    "check-1-2",
    "answer-1-1",
    "\ud800",
    [],
    {},
    [[]],
    {"a": []},
]


def paths(value, here=()):
    """Every place in a JSON value."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from paths(child, (*here, key))


def mutate(document, chance):
    """Change one place of the notebook, or the order, number or marks of its cells."""
    cells = document.get("cells")
    if isinstance(cells, list) and cells and chance.random() < 0.7:
        here, there = chance.randrange(len(cells)), chance.randrange(len(cells))
        act = chance.randrange(5)
        if act == 0:
            cells.insert(there, copy.deepcopy(cells[here]))
        elif act == 1:
            cells.insert(there, cells.pop(here))
        elif act == 2:
            del cells[here]
        elif isinstance(cells[here], dict) and act == 3:
            grade_id = chance.choice(GRADED)
            tags = chance.choice([[], ["parameters"], ["injected-parameters"]])
            cells[here]["metadata"] = {"nbgrader": {"grade_id": grade_id}, "tags": tags}
        elif isinstance(cells[here], dict) and isinstance(cells[there], dict):
            key = chance.choice(["id", "source", "metadata", "cell_type"])
            cells[here][key] = copy.deepcopy(cells[there].get(key))
        return
    *way, last = chance.choice([path for path in paths(document) if path] or [("cells",)])
    target = document
    for key in way:
        target = target[key]
    if chance.random() < 0.3:
        target.pop(last, None) if isinstance(target, dict) else target.pop(last)
    else:
        target[last] = copy.deepcopy(chance.choice(ODD))


@pytest.mark.parametrize("seed", range(15))
def test_however_a_notebook_was_changed_it_is_refused_or_made_sound(seed):
    chance = random.Random(seed)
    sound = 0
    for _ in range(12):
        document = copy.deepcopy(STUDENT)
        for _ in range(chance.choice([1, 5, 40])):
            mutate(document, chance)
        try:
            notebook, remarks = run(document)
        except Refused:
            continue
        sound += 1
        assert_sound(notebook)
        assert all(remark.endswith(".") for remark in remarks)
        again, remarks = run(notebook)
        assert again == notebook  # nothing is left to mend
        assert not [remark for remark in remarks if "Check" in remark]
    assert sound > 5


@pytest.mark.parametrize("seed", range(5))
def test_bytes_that_were_damaged_are_refused_or_made_sound(seed):
    chance = random.Random(seed)
    whole = json.dumps(STUDENT).encode()
    for _ in range(10):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 3])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            notebook, _ = take_and_restore(bytes(damaged))
        except Refused:
            continue
        assert_sound(notebook)
