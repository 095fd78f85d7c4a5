"""Batches as students, Canvas and attackers make them: each bad thing is told, and takes nobody else with it."""

import io
import json
import os
import random
import re
import stat
import struct
import time
import tracemalloc
import zipfile

import nbformat
import pytest

from labkit.basics.errors import UsageError
from labkit.course.notebooks import course, notebooks_folder
from labkit.grading import texts
from labkit.grading.intake import take_in as intake
from labkit.grading.intake.opening import members
from labkit.grading.intake.reading.claims import Claims, Number
from labkit.grading.intake.submissions import read_batch

COURSE = ("01_pytorch_blitz", "02_cifar_classifier", "05_mlp1_sweep")
PASSED_OVER = "its notebooks were looked for, and files deep in it passed over"
ALL_MISSING = "The submission holds no notebook of the course"


def notebook(text="x = 1", **changed):
    """Return a notebook as JSON; text tells one from another."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changed}).encode()


def with_cell(**changed):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [], **changed}
    return notebook(cells=[cell])


WHOLE = {f"{name}.ipynb": notebook() for name in COURSE}
RESULTS = {"format": 1, "notebooks": {"05_mlp1_sweep": {"numbers": {"accuracy": {"value": 98.0, "text": "98.0 %"}}}}}
CLAIMS = {"05_mlp1_sweep": Claims("", "", "", (), {"accuracy": Number("98.0 %", 98.0, None, "")})}


def zipped(files, method=zipfile.ZIP_DEFLATED):
    """Return a zip; files: name or ZipInfo -> content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content, None if isinstance(name, zipfile.ZipInfo) else method)
    return buffer.getvalue()


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def read(tmp_path):
    """Read a batch that is given as {entry: content of a file, or files of a folder}, beside one good submission."""

    def read_made(batch, good=True):
        folder = tmp_path / "batch"
        folder.mkdir(exist_ok=True)
        for entry, content in batch.items():
            if isinstance(content, dict):
                (folder / entry).mkdir(exist_ok=True)
                write(folder / entry, content)
            else:
                write(folder, {entry: content})
        if good:
            write(folder, {"good_99_1_ours.zip": zipped(WHOLE)})
        found = {one.name: one for one in read_batch(folder, COURSE).submissions}
        check_promises(found.values())
        if good:
            unharmed = found.pop("good-99")
            assert (readable(unharmed), told(unharmed)) == (list(COURSE), [])
        return found

    return read_made


@pytest.fixture
def read_one(read):
    def read_single(content, entry="bad_2_2_ours.zip"):
        (found,) = read({entry: content}).values()
        return found

    return read_single


def check_promises(submissions):
    """Check what every submission promises, whatever it was made from."""
    names = [one.name for one in submissions]
    assert names == sorted(set(names))
    for one in submissions:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.name)
        assert len(one.name) <= 60
        for text in (one.student, one.source, *told(one)):
            assert text.isprintable()
            assert len(text) <= 400
            text.encode()
        assert all(sentence.endswith((".", "…")) for sentence in told(one))
        assert len(one.problems) <= intake.PROBLEMS + 1
        assert set(one.notebooks) <= set(COURSE)
        for name, notebook in one.notebooks.items():
            assert notebook.remarks or not notebook.invalid
            if not notebook.invalid:
                nbformat.validate(document(one, name))
        assert set(one.claims) <= set(COURSE)


def readable(submission):
    """Return the names of the notebooks that can be executed."""
    return [name for name, notebook in submission.notebooks.items() if not notebook.invalid]


def told(submission):
    """Return what is told of the notebooks, then of the submission."""
    return [
        *(remark for notebook in submission.notebooks.values() for remark in notebook.remarks),
        *submission.problems,
    ]


def document(submission, name):
    return json.loads(submission.notebooks[name].content)


def sources(submission):
    return {name: document(submission, name)["cells"][0]["source"] for name in readable(submission)}


# What students hand in


def test_labkits_own_zip_gives_its_notebooks_and_its_results(read_one):
    root = "submission-su-co"
    files = {f"{root}/notebooks/{name}": content for name, content in WHOLE.items()}
    others = {f"{root}/report.pdf": b"%PDF", f"{root}/submission.json": b"{}"}
    found = read_one(zipped({**files, **others, f"{root}/results.json": json.dumps(RESULTS)}))
    assert sorted(found.notebooks) == list(COURSE)
    assert (found.claims, told(found)) == (CLAIMS, [])
    assert (found.name, found.student, found.user, found.late) == ("bad-2", "bad", "2", False)


def test_the_courses_own_notebooks_come_in_with_their_cells_as_they_are(tmp_path):
    paths = course(notebooks_folder())
    write(tmp_path / "ours", {path.name: path.read_bytes() for path in paths})
    (found,) = read_batch(tmp_path, [path.stem for path in paths]).submissions
    assert found.problems == ()
    for path in paths:
        kept, stored = nbformat.reads(found.notebooks[path.stem].content, 4), nbformat.read(path, 4)
        for cell in stored.cells:
            if marks := cell.metadata.get("nbgrader"):
                cell.metadata["nbgrader"] = {"grade_id": marks["grade_id"]}
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        assert kept.cells == stored.cells


def test_canvas_download_is_read_as_it_is_unpacked_and_packed_again_in_a_folder(tmp_path):
    entries = {
        "doejane_LATE_12345_67890_report-1.zip": zipped(WHOLE),
        "roejohn_222_67891_01_pytorch_blitz.ipynb": notebook("one"),
        "roejohn_222_67892_02_cifar_classifier.ipynb": notebook("two"),
        "roejohn_222_67893_my_results.json": b"{}",
        "typed_333_text.html": b"<p>Sorry</p>",
    }
    (tmp_path / "canvas.zip").write_bytes(zipped(entries))
    write(tmp_path / "folder", entries)
    (tmp_path / "again.zip").write_bytes(zipped({f"submissions/{name}": entry for name, entry in entries.items()}))
    write(tmp_path / "again" / "submissions", entries)
    found = read_batch(tmp_path / "canvas.zip", COURSE).submissions
    for place in ("folder", "again.zip", "again"):
        assert found == read_batch(tmp_path / place, COURSE).submissions
    jane, john, typed = found
    assert (jane.name, jane.student, jane.user, jane.late) == ("doejane-12345", "doejane", "12345", True)
    assert (len(jane.notebooks), jane.problems) == (3, ())
    assert sources(john) == {"01_pytorch_blitz": "one", "02_cifar_classifier": "two"}
    assert (john.late, john.problems) == (False, ("Notebook 05_mlp1_sweep is missing.",))
    assert (typed.name, typed.user) == ("typed-333", "333")
    assert typed.problems == (f"{ALL_MISSING}, only typed_333_text.html.",)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("a_1_100_report.zip", "a_LATE_1_100_report-1.zip"),
        ("a_1_100_report-1.zip", "a_LATE_1_100_report-2.zip"),
        ("a_1_100_report-2.zip", "a_LATE_1_100_report-10.zip"),
        ("a_1_100_report.zip", "a_LATE_1_101_report.zip"),
        ("a_1_99_report-3.zip", "a_LATE_1_100_report.zip"),
        ("a_1_100_submission-group-7.zip", "a_LATE_1_100_submission-group-7-1.zip"),
        ("a_1_100_01_pytorch_blitz.ipynb", "a_LATE_1_100_01_pytorch_blitz-1.ipynb"),
    ],
)
def test_the_newest_of_several_attempts_counts(read, older, newer):
    def attempt(entry, text):
        return notebook(text) if entry.endswith("ipynb") else zipped({"01_pytorch_blitz.ipynb": notebook(text)})

    (found,) = read({older: attempt(older, "old"), newer: attempt(newer, "new")}).values()
    assert sources(found) == {"01_pytorch_blitz": "new"}
    assert (found.late, found.source) == (True, newer)
    assert not any("second time" in problem for problem in found.problems)


def test_an_older_upload_of_another_name_fills_only_what_is_missing(read):
    old, new = {**WHOLE, "01_pytorch_blitz.ipynb": notebook("old")}, {"01_pytorch_blitz.ipynb": notebook("new")}
    (found,) = read({"a_1_100_first.zip": zipped(old), "a_1_200_last.zip": zipped(new)}).values()
    assert sources(found)["01_pytorch_blitz"] == "new"
    assert sorted(found.notebooks) == list(COURSE)
    (problem,) = found.problems
    assert "a_1_100_first.zip/01_pytorch_blitz.ipynb is 01_pytorch_blitz a second time" in problem


def test_a_folder_of_folders_takes_the_folders_name_for_the_students(read):
    deep = {f"lab/notebooks/{name}": content for name, content in WHOLE.items()}
    found = read({"Jane Doe": deep, "Group 7": {"ours.zip": zipped(WHOLE)}, "Loose.ipynb": notebook()}, good=False)
    assert list(found) == ["group-7", "jane-doe", "loose"]
    assert found["jane-doe"].student == "Jane Doe"
    assert found["jane-doe"].user == ""
    assert [len(one.notebooks) for one in found.values()] == [3, 3, 0]


def test_a_zip_of_folders_is_read_as_a_folder_of_folders(tmp_path):
    files = {f"Jane Doe/{name}": content for name, content in WHOLE.items()}
    (tmp_path / "all.zip").write_bytes(
        zipped({**files, "Nobody/": b"", "__MACOSX/Jane Doe/._01_pytorch_blitz.ipynb": b"x", ".DS_Store": b"x"})
    )
    jane, nobody = read_batch(tmp_path / "all.zip", COURSE).submissions
    assert (jane.name, len(jane.notebooks), jane.problems) == ("jane-doe", 3, ())
    assert (nobody.name, nobody.problems) == ("nobody", (f"{ALL_MISSING}.",))


@pytest.mark.parametrize(
    "name", ["01_PyTorch_Blitz.IPYNB", "1 my version.ipynb", "01.ipynb", "001-blitz (2).ipynb", "a/b/01_x.ipynb"]
)
def test_a_notebook_is_known_by_its_name_or_its_number(read_one, name):
    assert list(read_one(zipped({name: notebook()})).notebooks) == ["01_pytorch_blitz"]


@pytest.mark.parametrize("name", ["11_x.ipynb", "blitz.ipynb", "2024 notes.ipynb", "x01_a.ipynb", "\u0661_x.ipynb"])
def test_an_extra_notebook_is_told_and_left_out(read_one, name):
    found = read_one(zipped({**WHOLE, name: notebook()}))
    assert found.problems == (f"bad_2_2_ours.zip/{name} is no notebook of the course, and was left out.",)


def test_what_lies_highest_and_is_named_exactly_counts_and_the_rest_is_told(read_one):
    files = {
        "a/01_pytorch_blitz.ipynb": notebook("deep"),
        "01_pytorch_blitz.ipynb": notebook("exact"),
        "01_PYTORCH_BLITZ.ipynb": notebook("upper"),
        "01_again.ipynb": notebook("number"),
    }
    found = read_one(zipped(files))
    assert sources(found) == {"01_pytorch_blitz": "upper"}  # as good as the other, and first in the alphabet
    assert sum("second time" in problem for problem in found.problems) == 3


def test_one_that_cannot_be_read_gives_way_to_one_that_can(read_one):
    files = {"01_pytorch_blitz.ipynb": b"{", "old/01_pytorch_blitz.ipynb": notebook("old"), "old/01.ipynb": b"["}
    found = read_one(zipped(files))
    assert sources(found) == {"01_pytorch_blitz": "old"}
    assert found.problems[0].startswith("bad_2_2_ours.zip/01_pytorch_blitz.ipynb is not JSON")
    assert found.problems[1].endswith(
        "a second time, and was left out: bad_2_2_ours.zip/old/01_pytorch_blitz.ipynb counts."
    )


def test_hidden_files_are_passed_over_and_failed_runs_told(read_one):
    hidden = {
        ".ipynb_checkpoints/01_pytorch_blitz-checkpoint.ipynb": b"",
        "__MACOSX/._01_a.ipynb": b"",
        ".x.ipynb": b"",
    }
    found = read_one(zipped({**WHOLE, **hidden, "01_pytorch_blitz.failed.ipynb": notebook()}))
    assert len(found.notebooks) == 3
    (problem,) = found.problems
    assert "01_pytorch_blitz.failed.ipynb is a run that failed" in problem


def test_missing_notebooks_are_told_one_by_one(read_one):
    found = read_one(zipped({"1.ipynb": notebook()}))
    assert found.problems == ("Notebook 02_cifar_classifier is missing.", "Notebook 05_mlp1_sweep is missing.")


@pytest.mark.parametrize("content", [zipped({}), zipped({"a/": b""}), {}, {"a/.keep": b""}])
def test_an_empty_submission_is_told(read_one, content):
    found = read_one(content, "bad" if isinstance(content, dict) else "bad.zip")
    assert (found.notebooks, found.problems) == ({}, (f"{ALL_MISSING}.",))


def test_what_is_neither_zip_nor_notebook_is_told_by_its_name(read_one):
    found = read_one(b"Rar!", "bad_2_2_ours.rar")
    assert found.problems == (f"{ALL_MISSING}, only bad_2_2_ours.rar.",)


# Names


def test_one_user_id_with_two_students_is_told_on_both_and_mixes_nothing_up(read):
    batch = {"doejane_5_1_01_a.ipynb": notebook("jane"), "roejohn_5_2_01_a.ipynb": notebook("john")}
    found = read(batch)
    assert [sources(one)["01_pytorch_blitz"] for one in found.values()] == ["jane", "john"]
    assert list(found) == ["doejane-5", "roejohn-5"]
    assert "User id 5 stands with another student, too: roejohn." in found["doejane-5"].problems
    assert "User id 5 stands with another student, too: doejane." in found["roejohn-5"].problems


@pytest.mark.parametrize(
    ("entry", "student", "name"),
    [
        ("李小龍_7_1_ours.zip", "李小龍", r"student-7-x\w{15}"),
        ("süßmilch_7_1_ours.zip", "süßmilch", r"sumilch-7-x\w{15}|sussmilch-7-x\w{15}"),
        ("Doe, Jane.zip", "Doe, Jane", r"doe-jane-x\w{15}"),
        ("a" * 240 + ".zip", "a" * 199 + "…", r"a+-x\w{15}"),
        ("\x1b[31mred\x1b]0;title\x07\u202e\u200b.zip", "red", r"red-x\w{15}"),
        ("\x1b]swallows all.zip", "(no name)", r"student-x\w{15}"),
        ("<script>alert(1)<.zip", "<script>alert(1)<", r"script-alert-1-x\w{15}"),
        ("=cmd()\n.zip", "=cmd()", r"cmd-x\w{15}"),
    ],
)
def test_odd_names_are_kept_for_people_and_made_safe_for_files(read_one, entry, student, name):
    found = read_one(zipped(WHOLE), entry)
    assert found.student == student
    assert re.fullmatch(name, found.name)
    assert len(found.notebooks) == 3


def test_names_stay_the_same_and_apart(read):
    batch = {name: zipped({}) for name in ("a b.zip", "a_b.zip", "a-b.zip", "A B.zip", "é.zip", "e.zip", "li.zip")}
    batch |= {f"{'x' * 50}{end}.zip": zipped({}) for end in "yz"}
    names = {one.source: one.name for one in read(batch).values()}
    assert len(set(names.values())) == len(batch)
    assert (names["e.zip"], names["li.zip"]) == ("e", "li")
    # a name that is made to look like another's with its hash gets a hash of its own
    forged = f"{names['é.zip']}.zip"
    again = {one.source: one.name for one in read({forged: zipped({})}).values()}
    assert again.pop(forged) not in names.values()
    assert again == names


def test_a_name_that_no_encoding_knows_is_shown_without_it(tmp_path):
    folder = tmp_path / "batch"
    folder.mkdir()
    try:
        with open(os.fsencode(folder) + b"/caf\xe9.zip", "wb") as file:
            file.write(zipped(WHOLE))
    except OSError:
        pytest.skip("this file system keeps names in UTF-8")
    (found,) = read_batch(folder, COURSE).submissions
    check_promises([found])
    assert (found.student, len(found.notebooks)) == ("caf", 3)


# Zips that attack


def entry(name="01_pytorch_blitz.ipynb", mode=0, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type, info.create_system = mode << 16, method, 3
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../01_pytorch_blitz.ipynb",
        "a/../../01_pytorch_blitz.ipynb",
        "/etc/01_pytorch_blitz.ipynb",
        "C:/01_pytorch_blitz.ipynb",
        "c:01_pytorch_blitz.ipynb",
        "..\\01_pytorch_blitz.ipynb",
        "\\\\server\\01_pytorch_blitz.ipynb",
        "01_pytorch_blitz.ipynb\x1b[2J",
        "..",
        "/",
    ],
)
def test_paths_out_of_the_folder_are_refused(read, tmp_path, name):
    whole = {key: content for key, content in WHOLE.items() if key[:2] != "01"}
    packed = zipped({**whole, name: notebook()})
    (found,) = read({"bad_2_2_ours.zip": packed}).values()
    assert readable(found) == list(COURSE[1:])
    assert any("leads out of its folder" in sentence for sentence in told(found))
    (tmp_path / "all.zip").write_bytes(zipped({name: notebook(), "good_99_1_ours.zip": zipped(WHOLE)}))
    batch = {one.name: one for one in read_batch(tmp_path / "all.zip", COURSE).submissions}
    check_promises(batch.values())
    assert len(batch.pop("good-99").notebooks) == 3
    assert not any(map(readable, batch.values()))
    assert all("leads out of its folder" in told(one)[0] for one in batch.values())


def test_a_name_with_a_nul_is_refused(read_one):
    packed = zipped({"01_pytorch_blitz.ipynb_hidden": notebook()}).replace(b"ipynb_hidden", b"ipynb\0hidden")
    found = read_one(packed)
    assert readable(found) == []
    assert any("leads out of its folder" in sentence for sentence in told(found))


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (stat.S_IFLNK | 0o777, "is a link, and links are not followed"),
        (stat.S_IFIFO | 0o644, "is neither file nor folder"),
        (stat.S_IFCHR | 0o644, "is neither file nor folder"),
    ],
)
def test_links_and_devices_in_a_zip_are_refused(read_one, mode, message):
    found = read_one(zipped({entry(mode=mode): "/etc/passwd"}))
    assert readable(found) == []
    assert told(found)[0] == f"bad_2_2_ours.zip/01_pytorch_blitz.ipynb {message}" + (
        "." if "link" in message else ", and was not opened."
    )


def bomb(size):
    """Return a zip of a file that holds `size` zeros, written piece by piece."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("01_a.ipynb", "w") as file:
        for _ in range(size // 1_000_000):
            file.write(bytes(1_000_000))
    return buffer.getvalue()


def with_sizes(packed, size):
    """Return a zip of one file whose headers say that it unpacks to `size` bytes."""
    content, central = bytearray(packed), packed.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, 22, size)
    struct.pack_into("<I", content, central + 24, size)
    return bytes(content)


def many(count):
    return zipped(((f"{number}.txt", b"") for number in range(count)), zipfile.ZIP_STORED)


def overlapping():
    """Return a zip whose 50 entries share one packed file."""
    packed = zipped({"01_a.ipynb": notebook("x" * 2_000)}, zipfile.ZIP_STORED)
    start, end = packed.rindex(b"PK\x01\x02"), packed.rindex(b"PK\x05\x06")
    central = packed[start:end] * 50
    return packed[:start] + central + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 50, 50, len(central), start, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: bomb(300_000_000), "has 300.0 MB, and at most 20.0 MB are read"),
        (lambda: with_sizes(bomb(100_000_000), 900_000), "cannot be unpacked"),
        (lambda: with_sizes(zipped({"01_a.ipynb": notebook()}), 5), "cannot be unpacked"),
        (lambda: many(members.MOST + 1), "holds more than 2,000 files"),
        (lambda: many(200_000), "holds more than 100,000 files"),
        (overlapping, "holds files that overlap"),
        (lambda: zipped({"inner.zip": bomb(100_000_000)}), "inner.zip/01_a.ipynb has 100.0 MB"),
        (lambda: zipped({"01_a.ipynb": bytes(30_000_000)}, zipfile.ZIP_STORED), "has 30.0 MB, and at most 20.0 MB"),
        (lambda: zipped({"01_a.ipynb": bytes(30_000_000)}, zipfile.ZIP_BZIP2), "is packed in an unusual way"),
        (lambda: zipped({"01_a.ipynb": bytes(30_000_000)}, zipfile.ZIP_LZMA), "is packed in an unusual way"),
    ],
    ids=["ratio", "liar", "liar by little", "count", "huge count", "overlap", "nested", "stored", "bz2", "lzma"],
)
def test_zip_bombs_are_told_and_cost_neither_time_nor_memory(read, content, message):
    content, start = content(), time.perf_counter()
    tracemalloc.start()
    (found,) = read({"bad_2_2_ours.zip": content}).values()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert readable(found) == []
    assert message in told(found)[0]
    assert peak < 4 * len(content) + 30_000_000
    assert time.perf_counter() - start < 5


def test_a_submission_may_read_so_much_in_all(read, monkeypatch):
    monkeypatch.setattr(intake, "SUBMISSION_BYTES", 2_000_000)
    noise = random.Random(0)
    files = {name: notebook(noise.randbytes(400_000).hex()) for name in WHOLE}
    (found,) = read({"bad": files}).values()
    assert readable(found) == ["01_pytorch_blitz", "02_cifar_classifier"]
    assert told(found) == ["bad/05_mlp1_sweep.ipynb was left out: of one submission, 2.0 MB are read."]


def test_files_are_counted_over_all_zips_of_a_submission(read):
    (found,) = read({"bad": {f"{number}.zip": many(900) for number in range(5)}}).values()
    assert sum("holds more than" in problem for problem in found.problems) == 3


def encrypted():
    packed = bytearray(zipped({"01_a.ipynb": notebook()}))
    packed[6] |= 1
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def other_name_inside():
    packed = zipped({"01_a.ipynb": notebook()})
    return packed.replace(b"01_a", b"02_b", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be opened as a zip"),
        (b"PK\x03\x04 and no more", "cannot be opened as a zip"),
        (b"<html>Sign in</html>", "cannot be opened as a zip"),
        (zipped(WHOLE)[:-200], "cannot be opened as a zip"),
        (encrypted(), "01_a.ipynb is encrypted"),
        (other_name_inside(), "cannot be unpacked"),
        (zipped({"01_a.ipynb": notebook()}).replace(b"\x0a\xc2", b"\xff\xff"), None),
    ],
)
def test_a_broken_zip_is_told(read_one, content, message):
    found = read_one(content)
    assert message is None or any(message in sentence for sentence in told(found))


# Notebooks that are none

DEEP = b"[" * 100_000 + b"]" * 100_000
QUITE_DEEP = b"[" * 400 + b"]" * 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"import torch", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (zipped(WHOLE), "is not JSON"),
        (b"[]", "is not a notebook"),
        (b"{}", "is not a notebook"),
        (b'{"nbformat": "4"}', "is not a notebook"),
        (b'{"nbformat": true}', "is not a notebook"),
        (notebook(nbformat=3, worksheets=[]), "has the notebook format 3, but 4 is wanted"),
        (notebook(nbformat=5), "has the notebook format 5"),
        (notebook(cells=None), "it has no list of cells"),
        (notebook(cells=[]), "has no cell that can be read"),
        (notebook(cells=[1]), "has no cell that can be read"),
        (with_cell(cell_type="evil"), "has no cell that can be read"),
        (with_cell(source=5), "has no cell that can be read"),
        (with_cell(source=["a", 1]), "has no cell that can be read"),
        (notebook(cells=[{"cell_type": "raw", "source": ""}] * 2_001), "has 2,001 cells"),
        (notebook(cells=[{"cell_type": "raw", "source": "x" * 900_000}] * 12), "has 10.8 MB without its outputs"),
        (b'{"nbformat": 4, "cells": [{}], "x": [' + b"[]," * 400_000 + b"1]}", "more than 400,000 lists and objects"),
        (DEEP, "nested too deeply"),
        (b'{"nbformat": 4, "cells": ' + DEEP + b"}", "nested too deeply"),
        (b'{"nbformat": ' + b"9" * 5_000 + b"}", "is not JSON"),
    ],
)
def test_what_is_not_a_notebook_is_told(read_one, content, message):
    found = read_one({**WHOLE, "01_pytorch_blitz.ipynb": content}, "bad")
    assert readable(found) == list(COURSE[1:])
    assert list(found.notebooks) == list(COURSE)  # it is there, and cannot be read
    (sentence,) = told(found)
    assert sentence.startswith("bad/01_pytorch_blitz.ipynb ")
    assert message in sentence


@pytest.mark.parametrize("name", ["01_pytorch_blitz.ipynb", "results.json"])
@pytest.mark.parametrize("part", [b"[],", b'{"":0},'])
def test_many_small_parts_take_little_memory(read_one, name, part):
    """Python takes sixty times what an empty list takes in JSON, so they are counted before any is made."""
    content = b'{"nbformat": 4, "cells": [' + part * (5_000_000 // len(part) - 20) + b"0]}"
    tracemalloc.start()
    found = read_one({**WHOLE, name: content}, "bad")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert any("more than 400,000 lists and objects" in sentence for sentence in told(found))
    assert peak < 30_000_000


def test_a_notebook_of_200_megabytes_is_told_and_not_read(read, tmp_path, monkeypatch):
    (tmp_path / "batch" / "bad").mkdir(parents=True)
    with open(tmp_path / "batch" / "bad" / "01_pytorch_blitz.ipynb", "wb") as file:
        file.truncate(200_000_000)
    monkeypatch.setattr(members, "_read_file", _read_small(members._read_file))
    assert told(read({})["bad"])[0] == "bad/01_pytorch_blitz.ipynb has 200.0 MB, and at most 20.0 MB are read."


def _read_small(real):
    def read_file(path, limit):
        assert os.path.getsize(path) < 1_000_000
        return real(path, limit)

    return read_file


def test_a_notebook_is_kept_without_outputs_and_without_what_could_steer_its_run(read_one):
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}
    plotted = {"output_type": "display_data", "metadata": {}, "data": {"application/json": float("nan")}}
    marks = {"grade_id": "check-1-2", "locked": True, "points": 2, "deep": [[[]]]}
    metadata = {"tags": ["parameters", 5, "a,b"], "nbgrader": marks, "execution": {"timeout": 1e9}}
    pictures = {"p.png": {"image/png": "x", "text/html": "y"}}
    cells = [
        {"cell_type": "code", "source": ["a\n", "b"], "metadata": metadata, "outputs": [output, plotted]},
        {"cell_type": "markdown", "source": "c", "metadata": None, "id": "same", "attachments": pictures},
        {"cell_type": "raw", "source": "d", "metadata": {"tags": 5, "nbgrader": []}, "id": "same"},
        {"cell_type": "raw", "source": "e", "metadata": {}, "id": "taken-in-3", "attachments": {"x": 5}},
        {"cell_type": "raw", "source": "f", "metadata": {}, "id": ["/"]},
    ]  # fmt: skip
    hostile = {"kernelspec": {"name": "evil", "argv": ["rm"]}, "execution": {"timeout": -1, "allow_errors": True}}
    found = read_one({"01_a.ipynb": notebook(cells=cells, metadata=hostile)}, "bad")
    kept = document(found, "01_pytorch_blitz")
    assert kept["metadata"] == {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    assert [cell["source"] for cell in kept["cells"]] == ["a\nb", "c", "d", "e", "f"]
    assert [cell["id"] for cell in kept["cells"]] == ["taken-in-1", "same", "taken-in-2", "taken-in-3", "taken-in-4"]
    assert kept["cells"][0]["metadata"] == {"tags": ["parameters"], "nbgrader": {"grade_id": "check-1-2"}}
    assert kept["cells"][0]["outputs"] == []
    assert kept["cells"][1]["attachments"] == {"p.png": {"image/png": "x"}}
    assert kept["cells"][2]["metadata"] == {}


# Results


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"[1]", "does not hold what `labkit run` writes"),
        (b"[" + b"{}," * 400_000 + b"1]", "more than 400,000 lists and objects"),
        (b'{"a": ' + DEEP + b"}", "nested too deeply"),
        (b'{"a": ' + QUITE_DEEP + b"}", "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "is not JSON"),
        (b" " * 6_000_000, "at most 5.0 MB are read"),
    ],
)
def test_bad_results_are_told_and_cost_no_notebook(read_one, content, message):
    found = read_one({**WHOLE, "results.json": content}, "bad")
    assert (len(readable(found)), found.claims) == (3, {})
    (problem,) = found.problems
    assert message in problem


def test_the_highest_results_count(read_one):
    found = read_one(zipped({**WHOLE, "a/b/results.json": b"{}", "a/results.json": json.dumps(RESULTS)}))
    assert found.claims == CLAIMS


# Folders that attack


def test_links_in_folders_are_not_followed(read, tmp_path):
    secret = tmp_path / "secret"
    write(secret, WHOLE)
    folder = tmp_path / "batch"
    (folder / "bad").mkdir(parents=True)
    (folder / "bad" / "01_pytorch_blitz.ipynb").symlink_to(secret / "01_pytorch_blitz.ipynb")
    (folder / "bad" / "deep").symlink_to(secret)
    (folder / "bad" / "loop").symlink_to(folder)
    (folder / "linked").symlink_to(secret)
    (folder / "linked.zip").symlink_to("/dev/zero")
    found = read({})
    assert not any(map(readable, found.values()))
    assert sum("is a link, and links are not followed." in sentence for sentence in told(found["bad"])) == 3
    assert len(found) == 3
    assert all(told(one)[0].endswith("is a link, and links are not followed.") for one in found.values())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_in_folders_hang_nothing(read, tmp_path):
    (tmp_path / "batch" / "bad").mkdir(parents=True)
    os.mkfifo(tmp_path / "batch" / "bad" / "01_pytorch_blitz.ipynb")
    os.mkfifo(tmp_path / "batch" / "pipe.zip")
    found = read({})
    assert "is neither file nor folder" in told(found["bad"])[0]
    assert "is neither file nor folder" in found["pipe"].problems[0]
    with pytest.raises(texts.Refused, match="is neither file nor folder"):  # it was a file when it was listed
        members._read_file(str(tmp_path / "batch" / "pipe.zip"), 10)
    with pytest.raises(UsageError, match="is neither a zip nor a folder"):
        read_batch(tmp_path / "batch" / "pipe.zip", COURSE)


def test_unreadable_files_and_folders_are_told(read, tmp_path, monkeypatch):
    real_open, real_scandir = os.open, os.scandir

    def refuse(real):
        def call(path, *arguments, **named):
            if "locked" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **named)

        return call

    monkeypatch.setattr(members.os, "open", refuse(real_open))
    monkeypatch.setattr(members.os, "scandir", refuse(real_scandir))
    batch = {"locked": WHOLE, "bad": {"locked/x": b"", **WHOLE}, "worse": {"01_locked.ipynb": b""}}
    found = read(batch)
    assert found["locked"].problems[0] == "locked cannot be read (Permission denied)."
    assert found["bad"].problems == ("bad/locked cannot be read (Permission denied).",)
    assert len(found["bad"].notebooks) == 3
    assert told(found["worse"])[0] == "worse/01_locked.ipynb cannot be read (Permission denied)."


def test_a_folder_of_too_many_files_is_told(read):
    found = read({"bad": {f"{number}.txt": b"" for number in range(members.MOST + 1)}})
    assert found["bad"].problems[0] == f"bad holds more than 2,000 files: {PASSED_OVER}."


def test_a_very_deep_folder_is_read_to_its_end(read, tmp_path):
    deep = tmp_path / "batch" / "bad"
    deep.joinpath(*["d"] * 500).mkdir(parents=True)
    deep.joinpath(*["d"] * 500, "01_a.ipynb").write_bytes(notebook())
    assert len(read({})["bad"].notebooks) == 1


def test_a_folder_in_a_zip_with_too_many_files_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MOST", 20)
    (tmp_path / "all.zip").write_bytes(
        zipped({**{f"bad/{number}.txt": b"" for number in range(21)}, "good_99_1_ours.zip": zipped(WHOLE)})
    )
    bad, good = read_batch(tmp_path / "all.zip", COURSE).submissions
    assert bad.problems[0] == f"bad holds more than 20 files: {PASSED_OVER}."
    assert len(good.notebooks) == 3


def test_a_ta_is_not_flooded_with_problems(read_one):
    found = read_one(zipped({f"../{number}": b"" for number in range(1_000)}))
    assert len(found.problems) == intake.PROBLEMS + 1
    assert found.problems[-1] == "There are 961 more problems of this kind."


# Misuse


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "is neither a zip nor a folder"),
        (lambda path: path.write_bytes(b"no zip"), "cannot be opened as a zip"),
        (lambda path: path.write_bytes(zipped({})), "holds no submission"),
        (lambda path: path.write_bytes(zipped({"readme.txt": b""})), "holds no submission"),
        (lambda path: path.mkdir(), "holds no submission"),
        (lambda path: write(path, {"readme.txt": b"", ".hidden/a": b""}), "holds no submission"),
    ],
)
def test_a_source_without_submissions_is_refused(tmp_path, make, message):
    make(tmp_path / "source")
    with pytest.raises(UsageError, match=message):
        read_batch(tmp_path / "source", COURSE)


# Anything at all


@pytest.mark.parametrize("seed", range(8))
def test_damaged_and_random_bytes_raise_nothing(read, seed):
    chance = random.Random(seed)
    results = json.dumps(RESULTS).encode()
    seeds = [
        zipped({**WHOLE, "results.json": results, entry("l", stat.S_IFLNK): "x"}),
        zipped({f"a/{name}": content for name, content in WHOLE.items()}, zipfile.ZIP_STORED),
        notebook("y"),
        b"",
    ]
    batch = {}
    for number in range(60):
        content = bytearray(chance.choice(seeds) or chance.randbytes(500))
        for _ in range(chance.randint(0, 8)):
            if content:
                place = chance.randrange(len(content))
                content[place : place + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 4))
        name = "".join(chance.choice("ab_-. é\x1b\n'\"<LATE_1_2_01_.zipynb") for _ in range(chance.randint(1, 30)))
        end = chance.choice([".zip", ".ipynb", "", "_3_4_01_pytorch_blitz-1.ipynb", "_3_4_x.zip"])
        batch[f"{number}{name}{end}"] = bytes(content)
    assert len(read(batch)) <= 60


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_batch_is_read_or_refused(tmp_path, seed):
    chance, path = random.Random(seed), tmp_path / "all.zip"
    whole = zipped({"a_1_1_x.zip": zipped(WHOLE), "b/01_a.ipynb": notebook(), "c_LATE_2_2_01_x.ipynb": notebook()})
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            check_promises(read_batch(path, COURSE).submissions)
        except UsageError:
            continue


def test_files_beside_a_notebook_come_along_and_no_others(read):
    helper, table = b"x = 1", b"1,2"
    group = {
        **{f"g/notebooks/{name}": content for name, content in WHOLE.items()},
        "g/notebooks/helpers.py": helper,
        "g/notebooks/own/a.csv": table,
        "g/notebooks/torch.py": b"",
        "g/figures/a.png": b"",
        "g/setup.py": b"",
    }
    loose = {
        "ada_7_11_05_mlp1_sweep.ipynb": notebook(),
        "ada_7_12_helpers.py": helper,
        "ada_7_13_more.zip": zipped({"a.py": b""}),
    }
    found = read({"g_5_1_g.zip": zipped(group), **loose})
    assert {one.files for one in found["g-5"].notebooks.values()} == {(("helpers.py", helper), ("own/a.csv", table))}
    assert [text for text in found["g-5"].problems if "Left out" in text] == [
        "Left out beside the notebooks: torch.py (the name of a module of Python or of the course's libraries)."
    ]
    assert found["ada-7"].notebooks["05_mlp1_sweep"].files == (("helpers.py", helper),)
