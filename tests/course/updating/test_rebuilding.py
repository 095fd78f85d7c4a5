"""One notebook, three times: as it was handed out, as a student left it, and as a later release has it."""

import copy
import json

import nbformat
import pytest
from nbgrader.preprocessors import CheckCellMetadata
from nbgrader.utils import compute_checksum
from release_makers import (
    EDITORS,
    SECOND,
    STUB,
    answers_of,
    code,
    corrected,
    handed_out,
    mark_of,
    names,
    numbered,
    place,
    prose,
    solved,
    split_in_half,
    without_metadata,
)

from labkit.course.updating import wording
from labkit.course.updating.rebuilding import rebuild
from labkit.course.updating.stored_cells import read_book, to_bytes

NAMES = names()
ONE = "05_mlp1_sweep"


def book_of(document):
    return read_book(json.dumps(document).encode(), "x.ipynb")


def run(mine, old, new):
    """Return the notebook to come as a document, and what is said; a second time, nothing changes any more."""
    new = book_of(new)
    nodes, metadata, sentences = rebuild(book_of(mine), old and book_of(old), new, SECOND)
    done = json.loads(to_bytes(nodes, metadata, "x.ipynb"))
    for cell in done["cells"]:
        cell["source"] = "".join(cell["source"])
    again, metadata_again, _ = rebuild(book_of(done), new, new, SECOND)
    assert (again, metadata_again) == (nodes, metadata)
    return done, sentences


def assert_sound(done, new, by_nbgrader=True):
    """It is valid, has each graded cell of the new release once and in its order, and each check as it is there."""
    nbformat.validate(done)
    if by_nbgrader:  # which takes its time
        CheckCellMetadata().preprocess(nbformat.from_dict(done), {})
    graded = [cell for cell in new["cells"] if mark_of(cell)]
    assert [mark_of(cell) for cell in done["cells"] if mark_of(cell)] == [mark_of(cell) for cell in graded]
    for original in graded:
        cell = done["cells"][place(done, mark_of(original))]
        assert cell["metadata"]["nbgrader"] == original["metadata"]["nbgrader"]
        if mark_of(cell).startswith("check-"):
            assert cell["source"] == original["source"]
            assert compute_checksum(nbformat.from_dict(cell)) == cell["metadata"]["nbgrader"]["checksum"]
            answer = mark_of(cell).replace("check-", "answer-")
            assert place(done, answer) < place(done, mark_of(cell))
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in done["cells"]) == 1


def sources(book):
    return [cell["source"] for cell in book["cells"]]


def exercises_of(book):
    return [mark_of(cell).removeprefix("check-") for cell in book["cells"] if mark_of(cell).startswith("check-")]


def delete(*marks):
    def change(book, exercise):
        for kind in marks:
            del book["cells"][place(book, f"{kind}-{exercise}")]
        return book

    return change


def delete_text_before(book, exercise):
    del book["cells"][place(book, f"answer-{exercise}") - 1]
    return book


def edit_check(book, exercise):
    book["cells"][place(book, f"check-{exercise}")]["source"] += "\nprint('my own try')"
    return book


def split_answer(book, exercise):
    return split_in_half(book, place(book, f"answer-{exercise}"))


def split_text_before(book, exercise):
    return split_in_half(book, place(book, f"answer-{exercise}") - 1)


def double_answer(book, exercise):
    at = place(book, f"answer-{exercise}")
    book["cells"].insert(at, copy.deepcopy(book["cells"][at]))
    return book


def double_check(book, exercise):
    at = place(book, f"check-{exercise}")
    book["cells"].insert(at, copy.deepcopy(book["cells"][at]))
    return book


def lose_mark_of_answer(book, exercise):
    book["cells"][place(book, f"answer-{exercise}")]["metadata"] = {}
    return book


def lose_marks(book, exercise):
    for kind in ("answer", "check"):
        book["cells"][place(book, f"{kind}-{exercise}")] |= {"metadata": {}, "id": f"{kind}-lost"}
    return book


def turn_answer_into_text(book, exercise):
    cell = book["cells"][place(book, f"answer-{exercise}")]
    book["cells"][book["cells"].index(cell)] = prose(cell["source"], metadata=cell["metadata"], id=cell["id"])
    return book


def add_cells_around(book, exercise):
    at = place(book, f"check-{exercise}")
    book["cells"].insert(at + 1, prose("Checked.", id="mine-2"))
    book["cells"].insert(at, code("%timeit 1", id="mine-1"))
    return book


def move_check_up(book, exercise):
    cell = book["cells"].pop(place(book, f"check-{exercise}"))
    book["cells"].insert(place(book, f"answer-{exercise}"), cell)
    return book


ACCIDENTS = [
    delete("check"),
    delete_text_before,
    edit_check,
    split_answer,
    split_text_before,
    double_answer,
    double_check,
    lose_mark_of_answer,
    lose_marks,
    turn_answer_into_text,
    add_cells_around,
    move_check_up,
]


@pytest.mark.slow
@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda one: one.__name__)
def test_every_answer_of_the_course_survives_what_happens_to_its_exercise(accident):
    """Byte for byte, in the cell with its mark, whether the course is corrected or only repaired."""
    for name in NAMES:
        old = handed_out(name)
        answers = answers_of(solved(name))
        for turn, exercise in enumerate(exercises_of(old)):
            mine = accident(solved(name), exercise)
            new = corrected(handed_out(name)) if turn % 2 else old
            done, _ = run(mine, old, new)
            assert_sound(done, new, by_nbgrader=turn == 0)
            kept = answers_of(done)
            for grade_id, answer in answers.items():
                if accident is split_answer and grade_id == f"answer-{exercise}":
                    at = place(done, grade_id)
                    both = (kept[grade_id], "\n".join(sources(done)[at - 1 : at + 1]))
                    assert answer in both, (name, exercise)
                else:
                    assert kept[grade_id] == answer, (name, exercise, grade_id)


@pytest.mark.parametrize("form", EDITORS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_survives_every_editor_and_corrections_arrive(name, form):
    old, new = handed_out(name), corrected(handed_out(name))
    mine = form(solved(name))
    written = answers_of(form(solved(name))) if form.__name__ == "with_windows_ends" else answers_of(solved(name))
    done, _ = run(mine, old, new)
    assert_sound(done, new)
    assert answers_of(done) == written
    assert [one for one in sources(done) if not one.startswith("> **")] == [
        written.get(mark_of(cell), cell["source"]) for cell in new["cells"]
    ]
    assert [cell["id"] for cell in done["cells"] if "labkit-note" not in cell["metadata"].get("tags", [])] == [
        cell["id"] for cell in new["cells"]
    ]
    repaired, _ = run(form(solved(name)), old, old)
    assert answers_of(repaired) == written
    assert len(repaired["cells"]) == len(old["cells"])


@pytest.mark.parametrize("form", EDITORS, ids=lambda one: one.__name__)
def test_nothing_begun_gives_the_new_release_itself(form):
    for name in NAMES[:3]:
        new = corrected(handed_out(name))
        done, _ = run(form(handed_out(name)), handed_out(name), new)
        assert [(cell["id"], cell["source"]) for cell in done["cells"]] == [
            (cell["id"], cell["source"]) for cell in new["cells"]
        ]


@pytest.mark.parametrize("name", NAMES)
def test_a_release_that_kept_no_record_is_served_by_grade_id_and_text(name):
    new = corrected(handed_out(name))
    done, sentences = run(solved(name), None, new)
    assert_sound(done, new)
    assert answers_of(done) == answers_of(solved(name))
    assert {cell["source"] for cell in new["cells"] if not mark_of(cell)} <= set(sources(done))
    assert any(sentence.startswith("Other than the course's: ") for sentence in sentences)


def test_a_changed_exercise_is_marked_beside_its_answer():
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    new["cells"][place(new, "answer-5-1") - 1]["source"] += " And name its layers."
    new["cells"][place(new, "answer-5-2")]["source"] = "def smallest_width(runs):\n    # YOUR CODE HERE"
    new["cells"][place(new, "check-5-3")]["source"] = 'check("5.3", other_sweep)'
    new["cells"][place(new, "questions") - 1]["source"] += "\n6. And you?"
    done, sentences = run(mine, old, new)
    assert answers_of(done) == answers_of(mine)
    notes = {
        "answer-5-1": (-1, "Exercise 5.1 has changed** (its text;"),
        "answer-5-2": (-1, "Exercise 5.2 has changed** (what is given;"),
        "answer-5-3": (-1, "Exercise 5.3 has changed** (its check;"),
        "questions": (1, "What the answer cell 'questions' answers has changed** (its text;"),
    }
    for grade_id, (step, text) in notes.items():
        assert text in sources(done)[place(done, grade_id) + step]
    assert [sentence for sentence in sentences if "your answer is kept" in sentence] == [
        "Exercise 5.1 has changed (its text): your answer is kept, with a note beside it.",
        "Exercise 5.2 has changed (what is given): your answer is kept, with a note beside it.",
        "Exercise 5.3 has changed (its check): your answer is kept, with a note beside it.",
        "What the answer cell 'questions' answers has changed (its text): your answer is kept, with a note beside it.",
    ]
    assert done["cells"][place(done, "answer-5-4") - 1]["cell_type"] == "markdown"
    assert not sources(done)[place(done, "answer-5-4") - 1].startswith("> **")


def test_a_typo_far_above_an_exercise_marks_no_answer():
    old, new = handed_out(ONE), handed_out(ONE)
    at = place(new, "answer-5-1") - 1
    assert "### Exercise 5.1" in new["cells"][at]["source"]
    new["cells"][at]["source"] = new["cells"][at]["source"].replace("## 5.2 The network", "## 5.2 A network")
    done, sentences = run(solved(ONE), old, new)
    assert sentences == ["Corrected: “5.2 A network”."]
    assert len(done["cells"]) == len(new["cells"])


def test_an_exercise_that_was_not_begun_becomes_the_new_one():
    old, new = handed_out(ONE), handed_out(ONE)
    new["cells"][place(new, "answer-5-2")]["source"] = "def smallest_width(runs):\n    # YOUR CODE HERE"
    done, sentences = run(handed_out(ONE), old, new)
    assert sources(done) == sources(new)
    assert sentences == ["Corrected: Answer 5.2."]


def test_what_the_student_changed_stays_and_what_both_changed_is_there_twice():
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    config = next(index for index, text in enumerate(sources(old)) if text.startswith("config = "))
    mine["cells"][1]["source"] = 'profile = "full"\ndata = "auto"\nseed = 3\nout = ""'
    mine["cells"][config]["source"] = mine["cells"][config]["source"].replace("quick=8", "quick=20")
    done, sentences = run(mine, old, new)
    assert (sources(done), sentences) == (sources(mine), [])
    new["cells"][config]["source"] = new["cells"][config]["source"].replace("3e-3", "2e-3")
    done, sentences = run(mine, old, new)
    title = wording.title(book_of(new).cells[config])
    assert sentences == [f"Changed by you and by the course: {title}. Both are there, yours first, with a note."]
    note, yours, course = done["cells"][config : config + 3]
    assert note["metadata"]["tags"] == ["labkit-note"]
    assert (yours["source"], yours["metadata"]["tags"]) == (mine["cells"][config]["source"], ["labkit-kept"])
    assert course["source"] == new["cells"][config]["source"]
    assert sources(done)[1] == mine["cells"][1]["source"]
    assert done["cells"][1]["metadata"]["tags"] == ["parameters"]


def test_own_cells_stand_where_they_stood():
    old, new, mine = handed_out(ONE), corrected(handed_out(ONE)), solved(ONE)
    after = place(mine, "check-5-1") + 1
    mine["cells"].insert(after, code("mine = 3", id="mine-3", execution_count=7))
    mine["cells"].insert(place(mine, "answer-5-1"), code("mine = 2", id="mine-2"))
    mine["cells"].insert(0, prose("My name", id="mine-1"))
    mine["cells"].append(code("mine = 4", id="cell-03"))
    done, _ = run(mine, old, new)
    texts = sources(done)
    assert texts[0] == "My name"
    assert texts.index("mine = 2") < place(done, "answer-5-1")
    assert texts[place(done, "check-5-1") + 1] == "mine = 3"
    assert done["cells"][place(done, "check-5-1") + 1]["execution_count"] == 7
    assert texts[-1] == "mine = 4"
    assert done["cells"][-1]["id"].startswith("own-")


def test_what_a_student_deleted_of_the_course():
    """Code comes back, because cells below need it; a text stays out, unless the course has corrected it."""
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    texts = [index for index, cell in enumerate(old["cells"]) if cell["cell_type"] == "markdown"][1:3]
    setup = next(index for index, text in enumerate(sources(old)) if text.startswith("run = begin"))
    new["cells"][texts[1]]["source"] += " Corrected."
    gone = [mine["cells"][index] for index in (*texts, setup)]
    mine["cells"] = [cell for cell in mine["cells"] if cell not in gone]
    done, sentences = run(mine, old, new)
    assert sources(old)[texts[0]] not in sources(done)
    assert sources(new)[texts[1]] in sources(done)
    assert sources(done).index(sources(old)[setup]) < place(done, "answer-5-1")
    assert any(sentence.startswith("Deleted by you, and left out: “5.1 The digits”") for sentence in sentences)
    assert any(sentence.startswith("Put back: ") for sentence in sentences)


def test_an_answer_that_was_deleted_comes_back_empty_with_its_check():
    old, mine = handed_out(ONE), solved(ONE)
    delete("answer", "check")(mine, "5-2")
    done, sentences = run(mine, old, old)
    assert STUB in answers_of(done)["answer-5-2"]
    assert sentences == ["Answer 5.2 was deleted: put back.", "Check 5.2 was deleted: put back."]


def test_an_exercise_that_the_course_takes_out_leaves_the_answer_as_an_own_cell():
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    at = place(new, "answer-5-3")
    del new["cells"][at - 1 : at + 2]
    done, sentences = run(mine, old, numbered(new))
    kept = done["cells"][sources(done).index(answers_of(mine)["answer-5-3"])]
    assert kept["metadata"] == {"tags": ["labkit-kept"]}
    assert "No longer in the course, but kept as a cell of your own: Answer 5.3." in sentences
    assert_sound(done, new)


def test_an_exercise_that_is_new_comes_in():
    old, new = handed_out(ONE), handed_out(ONE)
    at = place(old, "answer-5-3")
    del old["cells"][at - 1 : at + 2]
    mine = solved(ONE)
    del mine["cells"][at - 1 : at + 2]
    done, sentences = run(mine, numbered(old), new)
    assert STUB in answers_of(done)["answer-5-3"]
    assert any(sentence.startswith("New: ") and "Check 5.3" in sentence for sentence in sentences)
    assert_sound(done, new)


def test_what_was_written_into_a_check_is_kept_before_it():
    old, mine = handed_out(ONE), solved(ONE)
    at = place(mine, "check-5-2")
    mine["cells"][at]["source"] = "def mine(): pass\ncheck('5.2', mine)"
    done, sentences = run(mine, old, old)
    assert sources(done)[at : at + 2] == ["def mine(): pass\ncheck('5.2', mine)", sources(old)[at]]
    assert sentences == ["Check 5.2 was edited: restored, and what you wrote stands in a cell before it."]


def test_of_several_answers_the_untouched_copies_go():
    old, mine = handed_out(ONE), solved(ONE)
    at = place(mine, "answer-5-4")
    mine["cells"].insert(at + 1, copy.deepcopy(old["cells"][place(old, "answer-5-4")]))
    mine["cells"].insert(at, {**copy.deepcopy(mine["cells"][at]), "source": "first = 1", "id": "first"})
    done, sentences = run(mine, old, old)
    assert answers_of(done)["answer-5-4"] == answers_of(solved(ONE))["answer-5-4"]
    assert sources(done)[place(done, "answer-5-4") - 1] == "first = 1"
    assert sentences == [
        "Answer 5.4 was there 3 times: what was no answer was taken out.",
        "Answer 5.4 is there 2 times: the last one counts.",
    ]


def test_parts_of_an_answer_stay_together_where_a_cell_comes_in():
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    at = place(mine, "answer-5-2")
    mine["cells"].insert(at, {**copy.deepcopy(mine["cells"][at]), "source": "helper = 1", "id": "part"})
    new["cells"].insert(at, code("new = 1"))
    done, _ = run(mine, old, numbered(new))
    assert sources(done)[at : at + 2] == ["new = 1", "helper = 1"]
    assert place(done, "answer-5-2") == at + 2


def test_outputs_stay_where_nothing_changed():
    old, new, mine = handed_out(ONE), handed_out(ONE), solved(ONE)
    config = next(index for index, text in enumerate(sources(old)) if text.startswith("config = "))
    new["cells"][config]["source"] += "\n# corrected"
    new["cells"][place(new, "answer-5-1") - 1]["source"] += " Corrected."
    for cell in mine["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}], "execution_count": 1}
    done, _ = run(mine, old, new)
    bare = [mark_of(cell) for cell in done["cells"] if cell["cell_type"] == "code" and not cell["outputs"]]
    assert bare == ["check-5-1", ""]  # what it said was of another exercise
    assert done["cells"][place(done, "answer-5-1")]["outputs"]


def test_pictures_that_were_pasted_into_an_answer_stay():
    old, mine = handed_out(ONE), solved(ONE)
    pasted = {"a.png": {"image/png": "iVBORw0KGgo="}}
    mine["cells"][place(mine, "questions")]["attachments"] = pasted
    done, _ = run(mine, old, corrected(handed_out(ONE)))
    assert done["cells"][place(done, "questions")]["attachments"] == pasted


def test_parameters_of_an_earlier_run_go():
    old, mine = handed_out(ONE), solved(ONE)
    mine["cells"].insert(2, code("seed = 7", metadata={"tags": ["injected-parameters"]}, id="x"))
    done, sentences = run(mine, old, old)
    assert sources(done) == sources(solved(ONE))
    assert sentences == ["The parameters of an earlier run, put in by papermill, were taken out."]


def test_cells_of_the_course_that_were_moved_stand_in_its_order():
    old, mine = handed_out(ONE), solved(ONE)
    mine["cells"].append(mine["cells"].pop(place(mine, "answer-5-2")))
    done, sentences = run(mine, old, old)
    assert sources(done) == sources(solved(ONE))
    assert sentences == ["Cells of the course that you had moved stand in the course's order again."]


def test_an_answer_to_the_questions_without_its_mark_is_found_by_its_place():
    old, mine = handed_out(ONE), without_metadata(solved(ONE))
    done, sentences = run(mine, old, old)
    assert answers_of(done)["questions"] == answers_of(solved(ONE))["questions"]
    assert "The answer cell 'questions' had lost its mark: found by its content." in sentences


def test_titles_are_short_and_can_be_printed():
    cells = book_of(
        {**handed_out(ONE), "cells": [prose("\x1b[31m# A\x00 " + "b" * 90), code(""), code("\n x = 1")]}
    ).cells
    assert [wording.title(cell) for cell in cells] == ["“[31m# A " + "b" * 51 + "…”", "“an empty cell”", "“x = 1”"]


def test_long_lists_are_shortened():
    lines = wording.gathered(
        [wording.listed(wording.CORRECTED, f"“{number}”") for number in range(8)] + ["Alone.", "Alone."]
    )
    assert lines == ["Alone.", "Corrected: “0”; “1”; “2”; “3”; “4” and 3 more."]
