"""Folders and zips: what is brought in, kept, refused, and what an interruption leaves."""

import io
import json
import os
import zipfile

import pytest
from release_makers import (
    DAY,
    FIRST,
    OTHERS,
    SECOND,
    STUB,
    WHEEL,
    answers_of,
    as_file,
    code,
    corrected,
    handed_out,
    lay,
    packed,
    place,
    read,
    release_files,
    saved_by_colab,
    solved,
)

from labkit.basics.errors import LabkitError, UsageError
from labkit.course.release import to_zip
from labkit.course.updating import release_files as reading
from labkit.course.updating import update as module
from labkit.course.updating.release_files import COURSE, RELEASED, open_release, read_record, recorded
from labkit.course.updating.update import repair, update

PAIR = ("05_mlp1_sweep", "06_mlp2_sweep")
OLD = {name: handed_out(name) for name in PAIR}
NEW = {name: corrected(handed_out(name)) for name in PAIR}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of a student who has answered 05, and begun nothing of 06; it is the current one."""
    home = lay(release_files(OLD, wheel=b"wheel 1"), tmp_path / "Übung 1")
    (home / "notebooks" / "05_mlp1_sweep.ipynb").write_bytes(as_file(solved(PAIR[0])))
    (home / "my_report.md").write_text("mine")
    (home / "notebooks" / "slopes.py").write_text("mine")
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def newer(tmp_path):
    """The zip of a later release."""
    files = release_files(NEW, {**OTHERS, "README.md": b"# The lab, corrected\n"}, SECOND, b"wheel 1")
    return packed(files, tmp_path / "labkit-course.zip")


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(home):
    """What lies in the folder of old files, of which there is one."""
    (folder,) = home.glob("before-*")
    return everything(folder)


def test_answers_and_corrections_are_there_afterwards_and_old_files_are_kept(home, newer):
    before = everything(home)
    lines = update(newer)
    answered, open_ = (read(home / "notebooks" / f"{name}.ipynb") for name in PAIR)
    assert answers_of(answered) == answers_of(solved(PAIR[0]))
    assert [cell["source"] for cell in open_["cells"]] == [cell["source"] for cell in NEW[PAIR[1]]["cells"]]
    assert (home / "README.md").read_bytes() == b"# The lab, corrected\n"
    assert kept(home) == {
        name: before[name] for name in (*(f"notebooks/{name}.ipynb" for name in PAIR), "README.md", RELEASED)
    }
    for name in ("my_report.md", "notebooks/slopes.py", "report_template.md", WHEEL):
        assert (home / name).read_bytes() == before[name]
    assert lines[0] == f"Updated to the release of {SECOND}."
    assert "notebooks/05_mlp1_sweep.ipynb:" in lines
    assert any(line.startswith("  - Exercise 5.1 has changed (its text)") for line in lines)
    assert "README.md: renewed." in lines
    assert not any("pip install" in line for line in lines)


def test_a_second_time_there_is_nothing_to_do(home, newer):
    update(newer)
    before = everything(home)
    assert update(newer) == [f"Nothing to do: your folder has all of the release of {SECOND}."]
    assert everything(home) == before
    assert repair([]) == ["Nothing to repair."]
    assert everything(home) == before


@pytest.mark.parametrize("form", ["zip", "folder", "folder in a folder", "zip of another name"])
def test_a_release_may_be_packed_or_unpacked(home, newer, tmp_path, form):
    place = newer
    if form.startswith("folder"):
        with zipfile.ZipFile(newer) as archive:
            archive.extractall(tmp_path / "unpacked")
        place = tmp_path / "unpacked" / ("" if form.endswith("folder in a folder") else COURSE)
    elif form != "zip":
        place = newer.rename(tmp_path / "labkit-course (2).zip")
    assert update(place)[0] == f"Updated to the release of {SECOND}."


def test_it_works_from_the_folder_of_notebooks_as_well(home, newer, monkeypatch):
    monkeypatch.chdir(home / "notebooks")
    assert update(newer)[0] == f"Updated to the release of {SECOND}."
    assert kept(home)


def test_a_release_without_a_record_is_served_and_has_one_then(home, newer):
    (home / RELEASED).unlink()
    lines = update(newer)
    assert "holds no released.zip" in lines[1]
    assert answers_of(read(home / "notebooks" / "05_mlp1_sweep.ipynb")) == answers_of(solved(PAIR[0]))
    assert (home / "README.md").read_bytes() == OTHERS["README.md"]  # nobody knows whether the student changed it
    assert (home / "README.md.new").read_bytes() == b"# The lab, corrected\n"
    assert update(newer) == [f"Nothing to do: your folder has all of the release of {SECOND}."]


def test_a_file_that_the_student_changed_stays_and_the_newer_one_lies_beside(home, newer):
    (home / "README.md").write_text("my notes")
    lines = update(newer)
    assert "README.md: yours is not as it was handed out, and stays. The course's is README.md.new." in lines
    assert (home / "README.md").read_text() == "my notes"
    assert (home / "README.md.new").read_bytes() == b"# The lab, corrected\n"


def test_line_ends_of_windows_are_no_change(home, newer):
    (home / "README.md").write_bytes(OTHERS["README.md"].replace(b"\n", b"\r\n"))
    assert "README.md: renewed." in update(newer)


@pytest.mark.parametrize("thrown_away", [False, True])
def test_another_wheel_is_laid_there_and_its_command_told(home, tmp_path, thrown_away):
    if thrown_away:
        (home / WHEEL).unlink()
    lines = update(packed(release_files(NEW, OTHERS, SECOND, b"wheel 2"), tmp_path / "new.zip"))
    assert (home / WHEEL).read_bytes() == b"wheel 2"
    assert f"`python -m pip install --force-reinstall --no-deps ./{WHEEL}`" in lines[-1]


def test_notebooks_that_are_new_or_were_deleted_come_in_and_copies_stay(home, newer):
    (home / "notebooks" / "06_mlp2_sweep.ipynb").unlink()
    (home / "notebooks" / "05_mlp1_sweep-Copy1.ipynb").write_text("{}")
    lines = update(newer)
    assert "notebooks/06_mlp2_sweep.ipynb: was not there, and is now." in lines
    assert "Left out, as copies or no notebooks of the course: 05_mlp1_sweep-Copy1.ipynb." in lines
    assert (home / "notebooks" / "05_mlp1_sweep-Copy1.ipynb").read_text() == "{}"


class Stopped(BaseException):
    """Somebody pulled the plug."""


@pytest.mark.parametrize("after", range(9))
def test_an_interruption_leaves_each_file_old_or_new_and_the_same_command_goes_on(
    home, newer, tmp_path, monkeypatch, after
):
    old = everything(home)
    twin = lay(old, tmp_path / "twin")
    monkeypatch.chdir(twin)
    update(newer)
    monkeypatch.chdir(home)
    whole, left, write = everything(twin), [after], module.write_atomically

    def write_until(path, content):
        if not left[0]:
            raise Stopped
        left[0] -= 1
        write(path, content)

    monkeypatch.setattr(module, "write_atomically", write_until)
    with pytest.raises(Stopped) if after < 8 else io.StringIO():
        update(newer)
    for name, content in everything(home).items():
        if not name.startswith("before-"):
            assert content in (old.get(name), whole.get(name)), name
    monkeypatch.setattr(module, "write_atomically", write)
    update(newer)
    done = everything(home)
    own = {name: content for name, content in done.items() if not name.startswith("before-")}
    assert own == {name: content for name, content in whole.items() if not name.startswith("before-")}
    first = {name.partition("/")[2]: content for name, content in done.items() if name.startswith("before-")}
    assert all(old[name] in [one for key, one in done.items() if key.endswith(name)] for name in first)


def test_an_older_release_is_refused(home, newer, tmp_path):
    update(newer)
    older = packed(release_files(OLD, made=FIRST), tmp_path / "older.zip")
    before = everything(home)
    with pytest.raises(UsageError, match=f"is the release of {FIRST}, and yours is newer, of {SECOND}"):
        update(older)
    assert everything(home) == before


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (b"", "notebooks/05_mlp1_sweep.ipynb is not a notebook any more"),
        (b'{"cells": [', "is not a notebook any more"),
        (b"[" * 100_000, "is not a notebook any more"),
        (b"\xff\xfe", "is not a notebook any more"),
        (b'{"nbformat": 3, "worksheets": []}', "is not a notebook of format 4"),
        (b'{"nbformat": 4, "cells": {}}', "is not a notebook of format 4"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "Cell 1 of notebooks/05_mlp1_sweep.ipynb is no cell"),
        (b'{"nbformat": 4, "cells": [7]}', "Cell 1 of notebooks/05_mlp1_sweep.ipynb is no cell"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\\ud800 mine"}]}', "holds half of a character"),
        (b'{"nbformat": 4, "cells": [' + b"{}," * 5_000 + b"{}]}", "has 5,001 cells"),
    ],
)
def test_a_notebook_that_cannot_be_read_is_named_and_nothing_is_written(home, newer, damage, sentence):
    (home / "notebooks" / "05_mlp1_sweep.ipynb").write_bytes(damage)
    before = everything(home)
    for command in (lambda: update(newer), lambda: repair([])):
        with pytest.raises(LabkitError, match=sentence):
            command()
    assert everything(home) == before


def bad(files, change):
    """Return a release whose record is not what a release leaves."""
    inner = recorded({name: content for name, content in files.items() if name != RELEASED}, SECOND)
    change(inner)
    return {**files, RELEASED: to_zip(inner, DAY)}


def set_manifest(**keys):
    def change(inner):
        inner["manifest.json"] = json.dumps({**json.loads(inner["manifest.json"]), **keys}).encode()

    return change


FILES = release_files(NEW, made=SECOND)
RECORDS = {
    "no zip": ({**FILES, RELEASED: b"PK no zip"}, "its released.zip cannot be read"),
    "no manifest": (bad(FILES, lambda inner: inner.pop("manifest.json")), "cannot be read"),
    "no day": (bad(FILES, set_manifest(made="tomorrow")), "is not as a release left it"),
    "an odd day": (bad(FILES, set_manifest(made=7)), "cannot be read"),
    "an odd list": (bad(FILES, set_manifest(files=["a"])), "is not as a release left it"),
    "a list": (bad(FILES, lambda inner: inner.update({"manifest.json": b"[]"})), "cannot be read"),
    "deep": (bad(FILES, lambda inner: inner.update({"manifest.json": b"[" * 100_000})), "cannot be read"),
    "another text": (bad(FILES, lambda inner: inner.update({"README.md": b"x"})), "is not as a release left it"),
    "a file more": (bad(FILES, lambda inner: inner.update({"x.md": b"x"})), "is not as a release left it"),
}
for name in ("../x.md", "/x.md", "notebooks/../../x.md", "C:/x.md", "a\\b.md", ".ssh/x", "a/b/c/d.md"):
    RECORDS[name] = (release_files(NEW, {name: b"x"}, SECOND), "is not as a release left it")


@pytest.mark.parametrize("form", RECORDS)
def test_a_damaged_release_is_refused_and_nothing_is_written(home, tmp_path, form):
    files, sentence = RECORDS[form]
    before = everything(home)
    with pytest.raises(LabkitError, match=sentence):
        update(packed({RELEASED: files[RELEASED]}, tmp_path / "bad.zip"))
    assert everything(home) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip", home.name]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", to_zip({"notebooks/05_mlp1_sweep.ipynb": b"{}"}, DAY)])
def test_what_is_no_release_is_refused(home, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(LabkitError, match=r"cannot be read|is no release of the course"):
        update(tmp_path / "x.zip")
    with pytest.raises(UsageError, match="is not there: name the zip"):
        update(tmp_path / "y.zip")
    with pytest.raises(UsageError, match="is no release of the course"):
        update(tmp_path / "Übung 1" / "notebooks")


def test_a_zip_that_unpacks_to_too_much_is_refused(home, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 50_000)
    with pytest.raises(LabkitError, match="unpacks to more than"):
        update(packed({RELEASED: to_zip({"manifest.json": b"0" * 60_000}, DAY)}, tmp_path / "x.zip"))
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    with pytest.raises(LabkitError, match="holds more than 3 files"):
        read_record(FILES[RELEASED], "x")


def test_a_wheel_that_is_not_the_releases_is_refused(home, tmp_path):
    files = release_files(NEW, made=SECOND, wheel=b"wheel 2")
    with pytest.raises(LabkitError, match=f"is damaged: {WHEEL} is not as it was made"):
        update(packed({**files, WHEEL: b"wheel 3"}, tmp_path / "x.zip"))


def test_it_is_for_students_folders_alone(tmp_path, newer, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="No folder 'notebooks' here"):
        update(newer)
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    for command in (lambda: update(newer), lambda: repair([])):
        with pytest.raises(UsageError, match="is the course itself, not a student's copy"):
            command()


def test_repair_brings_marks_and_checks_back_by_the_release_that_is_there(home):
    path = home / "notebooks" / "05_mlp1_sweep.ipynb"
    broken = saved_by_colab(solved(PAIR[0]))
    del broken["cells"][place(broken, "check-5-2")]
    broken["cells"].insert(4, code("mine = 1"))
    path.write_bytes(as_file(broken, lines=True, ends="\r\n"))
    others = {name: content for name, content in everything(home).items() if "05" not in name}
    lines = repair(["05"])
    assert lines[:3] == ["Repaired.", "notebooks/05_mlp1_sweep.ipynb:", "  - Check 5.2 was deleted: put back."]
    done = read(path)
    assert answers_of(done) == answers_of(solved(PAIR[0]))
    assert [cell["source"] for cell in done["cells"] if cell["source"] != "mine = 1"] == [
        cell["source"] for cell in solved(PAIR[0])["cells"]
    ]
    assert {name: content for name, content in everything(home).items() if name in others} == others
    assert list(kept(home)) == ["notebooks/05_mlp1_sweep.ipynb"]


def test_repair_needs_a_release_and_known_names(home):
    with pytest.raises(UsageError, match="Notebook '77' is not known"):
        repair(["77"])
    (home / RELEASED).write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"released.zip in this folder.*cannot be read. Take the newest"):
        repair([])
    (home / RELEASED).unlink()
    with pytest.raises(UsageError, match="type `labkit update"):
        repair([])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(home, newer):
    home.chmod(0o500)
    try:
        with pytest.raises(LabkitError, match="cannot be written"):
            update(newer)
    finally:
        home.chmod(0o700)


def test_a_release_reads_back_as_it_was_made(newer):
    release = open_release(newer)
    assert release.made == SECOND
    assert release.wheel_name == WHEEL
    assert release.wheel == b"wheel 1"
    assert set(release.notebooks()) == {f"{name}.ipynb" for name in PAIR}
    assert STUB in answers_of(json.loads(release.files["notebooks/05_mlp1_sweep.ipynb"]))["answer-5-1"]
