"""What a run says while its notebooks work: renewed on a terminal, a line a minute elsewhere, nothing of short ones."""

import io
import os
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from labkit.basics import live as module
from labkit.basics.live import Live
from labkit.basics.progress import NOTES

HEAD = "[5/9] 05_mlp1_sweep ..."
NOTE = {"05_mlp1_sweep": "about 6 min left: epoch 4 of 10, network 3 of 5"}


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def screen(self):
        """Return the lines that somebody sees."""
        lines = []
        for line in self.getvalue().split("\n"):
            seen = ""
            for part in line.split("\r"):
                seen = part + seen[len(part) :]
            lines.append(seen.rstrip())
        return lines


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    return Terminal()


@pytest.fixture
def always(monkeypatch):
    """Let a minute be over at each look."""
    monkeypatch.setattr(module, "MINUTE", 0)


def test_a_terminal_has_one_line_that_is_renewed(tmp_path, terminal):
    with redirect_stdout(terminal):
        live = Live(tmp_path)
        live.begin(HEAD)
        live._say(NOTE)
        assert terminal.screen() == [f"{HEAD} about 6 min left: epoch 4 of 10, network 3 of"]  # cut at its width
        written = len(terminal.getvalue())
        live._say(NOTE)
        assert len(terminal.getvalue()) == written
        live._say({"05_mlp1_sweep": "about 10 s left"})
        assert terminal.screen() == [f"{HEAD} about 10 s left"]
        live._say({})
        assert terminal.screen() == [HEAD]
        live.end(HEAD, "passed in 1.0 s")
    assert terminal.screen() == [f"{HEAD} passed in 1.0 s", ""]


def test_side_by_side_all_stand_in_the_line(tmp_path, terminal):
    with redirect_stdout(terminal):
        live = Live(tmp_path)
        live._say({"02": "about 2 h left", "05": "about 10 s left"})
        assert terminal.screen() == ["02: about 2 h left | 05: about 10 s left"]
        live.end("[1/2] 02 ...", "passed in 1.0 s")
    assert terminal.screen() == ["[1/2] 02 ... passed in 1.0 s", ""]


def test_a_file_has_a_line_a_minute(tmp_path, capsys, monkeypatch):
    live = Live(tmp_path)
    live.begin(HEAD)
    live._say(NOTE)
    assert capsys.readouterr().out == f"{HEAD} "
    monkeypatch.setattr(module, "MINUTE", 0)
    live._say(NOTE)
    live._say(NOTE)
    live.end(HEAD, "passed in 1.0 s")
    said = f"    05_mlp1_sweep: {NOTE['05_mlp1_sweep']}\n"
    assert capsys.readouterr().out == f"\n{said}{said}{HEAD} passed in 1.0 s\n"


@pytest.mark.parametrize("talk", [{}, NOTE])
def test_what_is_short_is_as_quiet_as_ever(tmp_path, capsys, talk):
    live = Live(tmp_path)
    live.begin(HEAD)
    live._say(talk)
    live.end(HEAD, "passed in 1.0 s")
    assert capsys.readouterr().out == f"{HEAD} passed in 1.0 s\n"


def test_a_cell_that_trains_nothing_of_labkit_is_told_by_its_number(tmp_path, monkeypatch):
    live = Live(tmp_path)
    live.listener(Path("02_own.ipynb"))(cell=None, cell_index=11)
    assert live._texts() == {}
    monkeypatch.setattr(module, "MINUTE", 0)
    assert live._texts() == {"02_own": "in cell 12, for 10 s"}


def test_notes_are_read_as_long_as_they_are_renewed(tmp_path, monkeypatch):
    live = Live(tmp_path)
    for number, content in enumerate([b"05\nabout\x1b[2J 6 min\n", b"", b"half", b"\xff\xfe", b"06\n\xff\n"]):
        (tmp_path / f"{number}.txt").write_bytes(content)
    (tmp_path / "9.txt").mkdir()
    assert live._texts() == {"05": "about[2J 6 min"}
    assert live._texts() == {"05": "about[2J 6 min"}
    monkeypatch.setattr(module, "FORGOTTEN", 0)
    assert live._texts() == {}


def test_kernels_are_told_where_notes_go_and_nothing_is_left(tmp_path, capsys, always, monkeypatch):
    monkeypatch.setattr(module, "LOOK", 0.01)
    folder = tmp_path / "out" / ".progress"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("old\nof a run that was killed\n")
    with Live(folder):
        assert os.environ[NOTES] == str(folder)
        (folder / "2.txt").write_text("05\nnew\n")
        deadline = time.monotonic() + 30
        while "new" not in (said := capsys.readouterr().out) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "    05: new\n" in said
    assert "killed" not in said
    assert NOTES not in os.environ
    assert not folder.exists()
