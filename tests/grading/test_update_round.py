"""A whole round: handed out, worked on by twelve students in twelve ways, corrected, updated, submitted, graded."""

import copy
import json
import os
import re
import shutil

import nbformat
import pytest
from batch_makers import ANSWER as SOLVED
from batch_makers import ANSWERS, PARAMETERS, SETTINGS, gradebook
from release_makers import (
    MARKERS,
    SECOND,
    as_file,
    code,
    lay,
    mark_of,
    packed,
    place,
    read,
    release_files,
    saved_by_colab_without_marks,
    saved_by_jupyterlab,
    saved_by_kaggle,
    saved_by_vscode,
    split_in_half,
    with_windows_ends,
    without_metadata,
)

from labkit.course.build import mark
from labkit.course.notebooks import clean, to_text
from labkit.course.release import student_version
from labkit.course.run_all import run_course
from labkit.course.submit import submit
from labkit.course.updating.update import repair, update
from labkit.grading.batch import grade

pytestmark = pytest.mark.slow

NAME = "01_small"
SETUP = """from labkit.data.datasets import load
from labkit.exercises.checker import Checker
from labkit.report.profiles import get_profile
from labkit.report.run import Run
run = Run("01_small", get_profile(profile), load("mnist", data, train_limit=50), seed, out)
check = Checker(run)"""
END = """run.number("images", [50.0 for _ in run.seeds], "", split="train", seeds=run.seeds)
run.finish()"""
TEXT = {"1.2": "Write the central diference of `f`.", "1.4": "Write the gradient of the mean squared error."}


def staff_notebook(second=False):
    """Return the staff's notebook; the second has a typo corrected, a cell more, and says more of one exercise."""
    cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell(SETUP)]
    if second:
        cells.insert(0, nbformat.v4.new_markdown_cell("# Two exercises\n\nBoth are short."))
    for exercise, (name, result) in ANSWERS.items():
        text = TEXT[exercise]
        if second:
            text = text.replace("diference", "difference").replace("error.", "error. `powers` has one row per image.")
        solved = SOLVED.format(name=name, result=f"(\n        {result}\n    )")
        cells += [
            nbformat.v4.new_markdown_cell(f"### Exercise {exercise}\n\n{text}"),
            nbformat.v4.new_code_cell(solved),
            nbformat.v4.new_code_cell(f'check("{exercise}", {name.split("(")[0]})'),
        ]
    cells.append(nbformat.v4.new_code_cell(END))
    return clean(mark(nbformat.v4.new_notebook(cells=cells)))


def handed_out(second=False):
    return json.loads(nbformat.writes(student_version(staff_notebook(second))))


def as_document(book):
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
    return book


OLD, NEW = as_document(handed_out()), as_document(handed_out(second=True))


def answered(*exercises, wrong=()):
    """Return a student's notebook with these exercises solved."""
    book, staff = copy.deepcopy(OLD), staff_notebook()
    for model, cell in zip(staff.cells, book["cells"], strict=True):
        if mark_of(cell).removeprefix("answer-").replace("-", ".") in (*exercises, *wrong):
            cell["source"] = MARKERS.sub("", model.source)
    for exercise in wrong:
        cell = book["cells"][place(book, f"answer-{exercise.replace('.', '-')}")]
        cell["source"] = cell["source"].replace("2 *", "3 *")
    return book


BOTH = ("1.2", "1.4")


def with_own_cells(book):
    at = place(book, "answer-1-2")
    name, result = ANSWERS["1.2"]
    book["cells"][at]["source"] = f"def {name}:\n    return slope(f, x, h)"
    book["cells"].insert(at, code(f"def slope(f, x, h):\n    return {result}", id="cell-03"))
    book["cells"].append(code("print('my last cell')"))
    return book


def without_check(book):
    del book["cells"][place(book, "check-1-4")]
    return book


def with_edited_check(book):
    book["cells"][place(book, "check-1-2")]["source"] = "check('1.2', lambda f, x, h: 0)"
    return book


def with_split_answer(book):
    return split_in_half(book, place(book, "answer-1-4"))


STUDENTS = {  # what each leaves, and the points of both exercises
    "ada": (answered(), "0", "0"),
    "bob": (answered("1.2"), "1", "0"),
    "cy": (saved_by_jupyterlab(answered(*BOTH)), "1", "2"),
    "dee": (answered("1.4", wrong=["1.2"]), "0", "2"),
    "eve": (with_own_cells(answered(*BOTH)), "1", "2"),
    "fay": (without_metadata(answered(*BOTH)), "1", "2"),
    "gus": (without_check(answered(*BOTH)), "1", "2"),
    "hal": (with_edited_check(answered(*BOTH)), "1", "2"),
    "ida": (with_split_answer(answered(*BOTH)), "1", "2"),
    "jo": (saved_by_colab_without_marks(answered(*BOTH)), "1", "2"),
    "kim": (with_windows_ends(saved_by_kaggle(answered(*BOTH))), "1", "2"),
    "lea": (saved_by_vscode(without_check(answered("1.4"))), "0", "2"),
}
WITHOUT_SUBMIT = ("gus", "ida", "jo")  # who hand in their folder as it lies, with what repair and update left in it


@pytest.mark.skipif(shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed")
def test_what_students_had_done_before_the_correction_counts_after_it(tmp_path, monkeypatch):
    first = release_files({NAME: OLD})
    second = packed(release_files({NAME: NEW}, made=SECOND), tmp_path / "labkit-course.zip")
    (tmp_path / "submissions").mkdir()
    for student, (book, *_) in STUDENTS.items():
        home = lay(first, tmp_path / student)
        path = home / "notebooks" / f"{NAME}.ipynb"
        path.write_bytes(as_file(book, lines=True))
        monkeypatch.chdir(home)
        if student in ("gus", "hal"):  # who repair what they have before the correction comes
            assert repair([])[0] == "Repaired."
        assert update(second)[0] == f"Updated to the release of {SECOND}."
        texts = [cell["source"] for cell in read(path)["cells"]]
        assert not [cell["source"] for cell in NEW["cells"] if not mark_of(cell) and cell["source"] not in texts]
        if student != "ada":  # who had begun nothing, and gets the new notebook alone
            assert any("Exercise 1.4 has changed" in text for text in texts) == (student != "bob")
        if student in WITHOUT_SUBMIT:
            shutil.copytree(home, tmp_path / "submissions" / f"submission-{student}")
            continue
        run_course([], "quick", "embedded", 0, "out")
        packed_up = submit(student, student, "out", None, "embedded", agree=lambda findings: True)
        shutil.copy(packed_up, tmp_path / "submissions")
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    (tmp_path / "course" / "notebooks" / f"{NAME}.ipynb").write_text(to_text(staff_notebook(second=True)))
    monkeypatch.chdir(tmp_path / "course")
    out = tmp_path / "graded"
    grade(tmp_path / "submissions", out, SETTINGS, jobs=2)
    book = gradebook(out)
    assert {name: (row["exercise 1.2"], row["exercise 1.4"]) for name, row in book.items()} == {
        f"submission-{name}": tuple(points) for name, (_, *points) in STUDENTS.items()
    }
    assert not [row["remarks"] for row in book.values() if re.search(r"1\.[24]|second time|released", row["remarks"])]
