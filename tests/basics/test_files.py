import errno
import os
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import (
    LEAST_SPACE,
    data_folder,
    ensure_writable,
    expanded,
    home_folder,
    out_folder,
    write_atomically,
)


@pytest.mark.parametrize(("content", "expected"), [("Zürich", "Zürich".encode()), (b"\x00\xff", b"\x00\xff")])
def test_writes_text_and_bytes_into_a_new_folder(tmp_path, content, expected):
    path = tmp_path / "a" / "b.txt"
    write_atomically(path, content)
    write_atomically(path, content)
    assert path.read_bytes() == expected
    assert [file.name for file in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def full_disk(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("owner", "name"), [(Path, "replace"), (os, "fsync"), (Path, "chmod")])
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, owner, name):
    path = tmp_path / "results.json"
    write_atomically(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full_disk)
        with pytest.raises(
            LabkitError, match=r"results\.json cannot be written \(No space left on device\): free some"
        ):
            write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupt_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    path = tmp_path / "results.json"
    write_atomically(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("function", [ensure_writable, lambda folder: write_atomically(folder / "x", "x")])
@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_folder_that_is_a_regular_file(tmp_path, function, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LabkitError, match=r"cannot be written .*--out"):
        function(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_ensure_writable_makes_the_folder_and_leaves_no_file(tmp_path):
    ensure_writable(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []


def test_ensure_writable_on_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda **_: full_disk())
    with pytest.raises(LabkitError, match="No space left"):
        ensure_writable(tmp_path)


@pytest.fixture
def no_home(monkeypatch):
    """Make the user one without HOME and without a name, as in some containers and on some clusters."""

    def nobody(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "LABKIT_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_a_user_without_a_home_has_data_beside_results(no_home):
    assert home_folder() is None
    assert data_folder() == out_folder() / "data"
    with pytest.raises(UsageError, match=r"~/x begins in a home folder, but there is none here: write"):
        expanded("~/x")


@pytest.mark.parametrize(("home", "found"), [("/", None), ("/nonexistent", Path("/nonexistent"))])
def test_the_root_is_nobodys_home(monkeypatch, home, found):
    monkeypatch.setenv("HOME", home)
    assert home_folder() == found


def test_a_file_that_another_program_has_open_is_told_as_that(tmp_path, monkeypatch):
    """As on Windows, where a viewer keeps others from replacing what it shows."""

    def in_use(*_):
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(LabkitError, match=r"report\.pdf cannot be written \(Access is denied\): .*close what"):
        write_atomically(tmp_path / "report.pdf", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_hardly_any_room_is_told_before_anything_is_trained(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        "tempfile._TemporaryFileWrapper.write", lambda file, content: written.append(len(content)), raising=False
    )
    ensure_writable(tmp_path)
    assert written == [LEAST_SPACE]
