import errno
import os
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError
from labkit.basics.files import ensure_writable, write_atomically


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
