"""What names say, and what they do not: people and browsers change them, and groups and dates stand before them."""

import json

import pytest
from submission_makers import HANDED_OUT, STEMS, book, read_one, taken, told, zipped

from labkit.course.notebooks import clean, course, notebooks_folder, read_notebook
from labkit.course.release import student_version
from labkit.grading.intake.reading.identity import handed_out
from labkit.grading.intake.reading.names import course_name, plain, stem_of

BROKEN = "is a download that broke off, and was left out: ask for the whole file."
PAGE = "is a web page, no notebook: ask for the .ipynb itself."


@pytest.mark.parametrize(
    "file",
    [
        "Copy of 05_mlp1_sweep.ipynb",
        "Copy of Copy of 05_mlp1_sweep.ipynb",
        "05_mlp1_sweep (1).ipynb",
        "05_mlp1_sweep(1).ipynb",
        "05_mlp1_sweep-Copy1.ipynb",
        "05_mlp1_sweep_old.ipynb",
        "Kopie von 05_mlp1_sweep.ipynb",
        "Kopia av 05_mlp1_sweep.ipynb",
        "Copie de 05_mlp1_sweep.ipynb",
        "Копия 05_mlp1_sweep.ipynb",
        "05_mlp1_sweepのコピー.ipynb",
        "05_mlp1_sweep 的副本.ipynb",
        "ab12_05_mlp1_sweep.ipynb",
        "7_05_mlp1_sweep.ipynb",
        "07_05_mlp1_sweep.ipynb",
        "12_05_mlp1_sweep.ipynb",
        "03-11-2025 05_mlp1_sweep.ipynb",
        "2025-06-01_05_mlp1_sweep.ipynb",
        "20250601 05_mlp1_sweep.ipynb",
        "05-MLP1-Sweep.IPYNB",
        "05 mlp1 sweep .ipynb",
        "05_mlp1_sweep.nbconvert.ipynb",
        "05_mlp1_sweep.ipynb.ipynb",
        "05_mlp1_sweep.ipynb. ",
        "\U0001f525 05_mlp1_sweep \U0001f389.ipynb",
        "\uff10\uff15_mlp1_sweep.ipynb",
        "05_final.ipynb",
        "5.ipynb",
        "5 mine.ipynb",
        "7_05.ipynb",
        "12_05 x.ipynb",
        "03-11-2025 05 x.ipynb",
        "2025.11.03_05.ipynb",
        "05_2nd_try.ipynb",
    ],
)
def test_a_name_means_the_notebook_whatever_stands_around_it(file):
    assert course_name(stem_of(plain(file)), STEMS) == "05_mlp1_sweep"


@pytest.mark.parametrize(
    "file",
    [
        "1min.ipynb",
        "3.4.2.1 demo0.ipynb",
        "5.1 exercise.ipynb",
        "5th try.ipynb",
        "03-11-2025.ipynb",
        "05-11-2025 notes.ipynb",
        "2024 notes.ipynb",
        "CON.ipynb",
        "Untitled.ipynb",
        "x05_a.ipynb",
        "05_06.ipynb",
        "01_pytorch_blitz 05_mlp1_sweep.ipynb",
        ".ipynb",
    ],
)
def test_a_name_that_says_nothing_or_two_things_means_none(file):
    assert (
        course_name(stem_of(plain(file)), ("03_cifar_exploration", *STEMS))
        in ("", "01_pytorch_blitz")[: 1 + file.startswith("01_")]
    )


@pytest.mark.parametrize("file", ["Untitled.ipynb", "CON.ipynb", "a/b/x.ipynb", "06_mlp2_sweep.ipynb", "report.IPYNB"])
@pytest.mark.parametrize("given", [HANDED_OUT, STEMS])
def test_the_marks_of_the_cells_come_before_the_name(tmp_path, file, given):
    found = read_one(tmp_path, zipped({file: book(5)}), course=given)
    assert list(found.notebooks) == ["05_mlp1_sweep"]
    named = "is named as 06_mlp2_sweep, but holds the exercises of 05_mlp1_sweep, and counts as it"
    assert told(found) == ([f"bad_2_2_lab.zip/{file} {named}."] if file.startswith("06") else [])


def test_a_cell_that_was_pasted_from_another_notebook_changes_nothing(tmp_path):
    five, six = json.loads(book(5)), json.loads(book(6))
    six["cells"].append(five["cells"][1])
    found = read_one(tmp_path, zipped({"work.ipynb": json.dumps(six).encode()}))
    assert list(found.notebooks) == ["06_mlp2_sweep"]


@pytest.mark.parametrize("given", [HANDED_OUT, STEMS])
@pytest.mark.parametrize(
    "other", ["old/05_mlp1_sweep.ipynb", "backup/05_mlp1_sweep.ipynb", "05_mlp1_sweep (1).ipynb", "Untitled.ipynb"]
)
def test_of_two_the_one_with_more_answers_counts_and_both_are_named(tmp_path, other, given):
    files = {"05_mlp1_sweep.ipynb": book(5, 1, "first"), other: book(5, 3, "second")}
    found = read_one(tmp_path, zipped(files), course=given)
    assert taken(found) == {"05": "second"}
    assert told(found) == [
        "bad_2_2_lab.zip/05_mlp1_sweep.ipynb is 05_mlp1_sweep a second time, and was left out: "
        f"bad_2_2_lab.zip/{other} counts (3 answers, and 1 here)."
    ]


def test_where_as_much_is_answered_the_name_counts_then_what_lies_highest(tmp_path):
    files = {"05_mlp1_sweep-Copy1.ipynb": book(5, 2, "copy"), "b/05_mlp1_sweep.ipynb": book(5, 2, "b")}
    files |= {"a/c/05_mlp1_sweep.ipynb": book(5, 2, "deep"), "Untitled.ipynb": book(5, 2, "untitled")}
    found = read_one(tmp_path, zipped(files))
    assert taken(found) == {"05": "b"}
    assert len(told(found)) == 3


def test_two_courses_copies_in_sibling_folders_are_one_submission_and_told(tmp_path):
    both = {f"{who}/{stem}.ipynb": book(int(stem[:2]), 3, who) for who in ("ada", "bob") for stem in STEMS}
    found = read_one(tmp_path, zipped(both))
    assert set(taken(found).values()) == {"ada"}
    assert len(told(found)) == len(STEMS)
    assert all(text.startswith("bad_2_2_lab.zip/bob/") for text in told(found))


@pytest.mark.parametrize(
    "file",
    [
        "05_mlp1_sweep.ipynb.json",
        "05_mlp1_sweep.ipynb.txt",
        "05_mlp1_sweep.json",
        "05_mlp1_sweep.ipynb.bak",
        "05_mlp1_sweep.ipynb (1)",
        "05_mlp1_sweep",
        "whatever.txt",
        "05_mlp1_sweep.ipynb.html",
    ],
)
def test_a_notebook_under_what_browsers_make_of_its_ending_is_one(tmp_path, file):
    assert list(read_one(tmp_path, zipped({file: book(5)})).notebooks) == ["05_mlp1_sweep"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("05_mlp1_sweep.ipynb.html", b"<!DOCTYPE html><html>", PAGE),
        ("05_mlp1_sweep.ipynb.txt", b"torch", "is no notebook: ask for the .ipynb itself."),
        ("05_mlp1_sweep.ipynb.crdownload", book(5)[:50], BROKEN),
        ("lab.zip.part", b"PK\3\4", BROKEN),
    ],
)
def test_what_is_none_is_told(tmp_path, file, content, message):
    found = read_one(tmp_path, zipped({file: content}))
    assert found.notebooks == {}
    assert told(found)[0] == f"bad_2_2_lab.zip/{file} {message}"


def test_json_of_other_kinds_stays_a_file_that_notebooks_bring_along(tmp_path):
    files = {"05_mlp1_sweep.ipynb": book(5), "table.json": b'{"a": 1}', "05_mlp1_sweep.json": b'{"format": 1}'}
    found = read_one(tmp_path, zipped(files))
    assert {name for name, _ in found.notebooks["05_mlp1_sweep"].files} == {"table.json", "05_mlp1_sweep.json"}


@pytest.mark.slow
def test_what_was_handed_out_is_what_the_release_hands_out():
    for path in course(notebooks_folder()):
        given = handed_out(read_notebook(path))
        released = student_version(clean(read_notebook(path)))
        assert given == {
            **given,
            **{
                cell.metadata.nbgrader.grade_id: cell.source
                for cell in released.cells
                if "nbgrader" in cell.metadata and not cell.metadata.nbgrader.grade_id.startswith("check-")
            },
        }
        assert handed_out(released).items() >= {key: text for key, text in given.items() if "check" not in key}.items()
