"""Folders of folders, clones, sections, and what lies about in them."""

import json

import pytest
from platform_makers import Sent, as_folder, as_zip, canvas, clones, roster

from labkit.basics.errors import UsageError
from labkit.grading.intake.platforms import listing
from labkit.grading.intake.rosters import known_ids
from labkit.grading.intake.submissions import read_batch

COURSE = ("01_small", "02_small")


def book(text="x = 1"):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


LOOSE = {"notebooks/01_small.ipynb": book(), "notebooks/02_small.ipynb": book()}
PEOPLE = [
    Sent("", 1, LOOSE, login="jdoe", email="j@x"),
    Sent("", 2, LOOSE, login="j-roe"),
    Sent("", 3, LOOSE, login="ann"),
]


def students(batch):
    return [one.student for one in batch.submissions]


@pytest.fixture
def read(tmp_path):
    def read_folder(entries, known=()):
        return read_batch(as_folder(entries, tmp_path / "batch"), COURSE, known)

    return read_folder


@pytest.mark.parametrize("around", ["lab2-submissions", ""])
def test_clones_stand_under_their_logins(read, around):
    batch = read(clones(PEOPLE, "lab-2", around))
    assert (batch.platform, sorted(students(batch))) == ("folders", ["ann", "j-roe", "jdoe"])
    assert all(len(one.notebooks) == 2 for one in batch.submissions)
    assert [one.entries for one in batch.submissions] == [("lab-2-ann",), ("lab-2-j-roe",), ("lab-2-jdoe",)]


def test_a_roster_tells_where_the_assignment_ends_and_who_it_is(read_everywhere, tmp_path):
    entries = {path: content for path, content in clones(PEOPLE[:2]).items() if ".git/" not in path}
    (tmp_path / "students.csv").write_bytes(roster(PEOPLE))
    known = known_ids(tmp_path / "students.csv")
    batch = read_everywhere(entries, known)
    assert [(one.student, one.people[0].login) for one in batch.submissions] == [("j-roe", "j-roe"), ("jdoe", "jdoe")]
    assert students(read_everywhere(entries)) == ["lab2-j-roe", "lab2-jdoe"]


def test_what_lies_about_is_told_once_and_is_nobody(read):
    strays = ["roster.csv", "Thumbs.db", "desktop.ini", "~$g.xlsx", "gradebook.xlsx", "README.md", "s.zip.part"]
    strays += ["jane.zip.crdownload", "s.zip.download/s.zip"]
    results = {f"graded/{name}": b"" for name in ("results.sqlite", "seed", "gradebook.csv")}
    executed = {f"graded/executed/{name}/01_small.ipynb": book() for name in ("ann", "bob", "cy", "di")}
    own = {"Ann B/01_small.ipynb": book(), "Ann B/roster.csv": b"", "bob.zip": as_zip(LOOSE), "Cy.pdf": b"%PDF"}
    batch = read({**dict.fromkeys(strays, b""), **results, **executed, **own})
    assert sorted(students(batch)) == ["Ann B", "Cy.pdf", "bob"]
    (line,) = [line for line in batch.told if line.startswith("Left out")]
    assert "results of labkit (graded)" in line
    assert "partial downloads (jane.zip.crdownload, s.zip.download, s.zip.part)" in line


def test_results_in_a_platforms_download_are_nobody(read):
    entries = canvas([Sent("Jane Doe", 5101, {"01_small.ipynb": book()})])
    batch = read({**entries, "graded/results.sqlite": b"", "graded/seed": b"", "gradebook.csv": b""})
    assert (batch.platform, students(batch)) == ("canvas", ["doejane"])


def test_a_download_among_folders_is_nobody_and_a_students_zip_of_that_name_is(read):
    sent = [Sent(f"Jane {name}", number, LOOSE) for number, name in ((5101, "Doe"), (5102, "Roe"), (5103, "Lee"))]
    packed = as_zip(canvas(sent))
    batch = read({"Ann/01_small.ipynb": book(), "submissions.zip": packed, "Bo_submissions.zip": as_zip(LOOSE)})
    assert students(batch) == ["Ann", "Bo_submissions"]
    assert any(
        "downloads of many submissions, to be graded by themselves (submissions.zip)" in line for line in batch.told
    )


def test_a_folder_with_nothing_but_a_download_is_refused_with_its_name(read):
    people = [{f"{name}/01_small.ipynb": book() for name in ("Ann", "Bo", "Cy")}]
    with pytest.raises(UsageError, match=r"to be graded by themselves \(lab2 submissions.zip\)"):
        read({"lab2 submissions.zip": as_zip(people[0])})


def test_nothing_but_strays_is_no_batch(read):
    with pytest.raises(UsageError, match="holds no submission"):
        read({"roster.csv": b"", "graded/results.sqlite": b"", "graded/seed": b""})


def test_sections_are_classes_whose_people_are_never_mixed_up(read_everywhere):
    entries = {
        f"Section {section}/{name}/01_small.ipynb": book(section)
        for section, names in (("A", ("ann", "bob")), ("B", ("ann", "cy")))
        for name in names
    }
    batch = read_everywhere(entries, packed=True)
    assert sorted(students(batch)) == ["ann", "ann", "bob", "cy"]
    assert "Section A holds many submissions." in batch.told[0]
    assert {one.entries[0] for one in batch.submissions} >= {"Section A/ann", "Section B/ann"}


def test_one_class_beside_single_people_is_told_apart(read):
    names = ("ann", "bob", "cy")
    batch = read({**{f"late/{name}/01_small.ipynb": book() for name in names}, "Di/01_small.ipynb": book()})
    assert sorted(students(batch)) == ["Di", *names]


def test_a_class_of_more_files_than_one_student_may_have(read, monkeypatch):
    monkeypatch.setattr(listing, "MOST", 20)
    monkeypatch.setattr(listing.members_of_folder, "__defaults__", ((), 20, True))
    files = {f"notebooks/{number}.txt": b"" for number in range(10)} | LOOSE
    names = ("ann", "bob", "cy")
    batch = read(
        {
            **{f"A/{name}/{file}": content for name in names for file, content in files.items()},
            "Di/01_small.ipynb": book(),
        }
    )
    assert sorted(students(batch)) == ["Di", *names]


@pytest.mark.parametrize(
    "files",
    [
        {"notebooks/01_small.ipynb": book(), "out/01_small.ipynb": book()},
        {"lab/01_small.ipynb": book(), "lab (1)/01_small.ipynb": book()},
        {"lab/01_small.ipynb": book(), "lab - old/01_small.ipynb": book(), "lab_backup/01_small.ipynb": book()},
        {"lab.zip": as_zip(LOOSE), "lab/01_small.ipynb": book()},
        {"a/01_small.ipynb": book(), "b/02_small.ipynb": book()},
        {"report_2026_11_24.pdf": b"", "01_small.ipynb": book()},
    ],
)
def test_a_students_own_folder_stays_whole(read, files):
    people = ("Ann", "Bob")
    batch = read({f"{name}/{file}": content for name in people for file, content in files.items()})
    assert students(batch) == list(people)
    assert all("01_small" in one.notebooks for one in batch.submissions)


@pytest.mark.parametrize(
    "names", [("harold", "oldenburg", "copper"), ("anna", "anna2", "bo"), ("li", "lisa"), ("v1k", "vi")]
)
def test_names_that_look_like_copies_are_people(read_everywhere, names):
    batch = read_everywhere({f"{name}/01_small.ipynb": book() for name in names})
    assert students(batch) == sorted(names)
