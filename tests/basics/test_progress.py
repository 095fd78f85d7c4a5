"""A bar where someone watches, which leaves the same lines behind; elsewhere the lines alone."""

import re
import threading
import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from labkit.basics import progress as progressbar
from labkit.basics.progress import progress, watched
from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.loop import fit
from labkit.training.sweeps import sweep

QUICK = TrainConfig(epochs=2, batch_size=50)
GRID = {"hidden_sizes": [(4,), (8,)], "epochs": [1, 2]}


def left_of(text):
    """Return what stays on a notebook's page: a backspace takes a character back."""
    left = ""
    for letter in text.replace("\r", ""):
        left = left[:-1] if letter == "\b" else left + letter
    return left


def bars(text):
    """Return the bars that were drawn one after the other."""
    return [part for part in re.split(r"[\b\r\n]+", text) if part.endswith(" left")]


@pytest.fixture
def shown(capsys, monkeypatch):
    """Let someone watch; return a function that returns what was written."""
    monkeypatch.setattr(progressbar, "watched", lambda: True)
    return lambda: capsys.readouterr().out


@pytest.fixture
def every_step(monkeypatch):
    """Let bars be drawn at each step, however fast it was."""
    monkeypatch.setattr(progressbar, "INTERVAL", 0)


def test_nobody_watches_a_script():
    assert not watched()


def test_bar_stands_below_the_lines_and_goes(shown, every_step):
    with progress(4, "epochs", print) as work:
        for number in range(4):
            work.advance(1)
            work.tell(f"line {number}")
    text = shown()
    assert left_of(text) == "line 0\nline 1\nline 2\nline 3\n"
    assert bars(text)[0].startswith("  0 %|")
    assert any(bar.startswith(" 50 %|█") and "2 of 4 epochs" in bar for bar in bars(text))
    assert {len(bar) for bar in bars(text)} == {progressbar.WIDTH}


def test_bar_goes_when_the_work_fails(shown):
    with pytest.raises(KeyboardInterrupt), progress(4, "epochs", print):
        raise KeyboardInterrupt
    text = shown()
    assert bars(text)
    assert left_of(text) == ""


def test_parts_that_add_up_to_more_than_the_whole_are_no_warning(shown, every_step):
    with progress(1, "networks", print) as work:
        for _step in range(13):
            work.advance(0.1)
    assert bars(shown())[-1].startswith("100 %")


def test_drawing_is_rare_and_starts_no_thread(shown):
    before, start = threading.active_count(), time.monotonic()
    with progress(100_000, "steps", print) as work:
        for _step in range(100_000):
            work.advance(1)
        assert threading.active_count() == before
    assert len(bars(shown())) <= 3 + (time.monotonic() - start) / progressbar.INTERVAL


def test_without_a_log_nothing_is_shown(shown, tiny_digits):
    fit(MLP((4,)), tiny_digits, QUICK)
    sweep(MLP, GRID, tiny_digits, QUICK, [0])
    assert shown() == ""


def test_fit_shows_a_bar_over_its_epochs(shown, every_step, tiny_digits):
    lines = []
    fit(MLP((4,)), tiny_digits, QUICK, log=lines.append)
    text = shown()
    assert "2 of 2 epochs" in bars(text)[-1]
    assert len(bars(text)) > 8  # four steps an epoch
    assert len(lines) == 2
    assert left_of(text) == ""


@pytest.mark.parametrize("engine", ["auto", "loop"])
def test_sweep_shows_a_bar_over_its_networks(shown, every_step, tiny_digits, tmp_path, engine):
    for _ in ("trained", "found in the cache"):
        sweep(MLP, GRID, tiny_digits, QUICK, [0, 1], tmp_path, log=lambda line: None, engine=engine)
        text = shown()
        percents = [int(bar.split("%")[0]) for bar in bars(text)]
        assert percents == sorted(percents)
        assert (percents[0], percents[-1]) == (0, 100)
        assert "8 of 8 networks" in bars(text)[-1]
        assert left_of(text) == ""


CELL = """
from labkit.basics.progress import progress, watched
with progress(1, "epochs", print) as work:
    work.advance(1)
    work.tell("line")
print(watched())
"""


@pytest.mark.slow
def test_headless_runs_print_the_lines_alone():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    (output,) = NotebookClient(notebook, kernel_name="python3").execute().cells[0].outputs
    assert (output["name"], output["text"]) == ("stdout", "line\nFalse\n")


@pytest.mark.slow
def test_a_request_that_names_its_cell_is_watched():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        message = client.session.msg("execute_request", {"code": CELL, "silent": False}, metadata={"cellId": "1"})
        client.shell_channel.send(message)
        texts = []
        while (found := client.get_iopub_msg(timeout=120))["content"].get("execution_state") != "idle":
            if found["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                texts.append(found["content"].get("text", ""))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "1 of 1 epochs" in "".join(texts)
    assert left_of("".join(texts)) == "line\nTrue\n"
