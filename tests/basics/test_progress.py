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


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """Let a headless run want notes, at each step; return their folder."""
    monkeypatch.setenv(progressbar.NOTES, str(tmp_path))
    monkeypatch.setattr(progressbar, "QUIET", 0)
    monkeypatch.setattr(progressbar, "RENEWAL", 0)
    return tmp_path


@pytest.fixture
def written(notes, monkeypatch):
    """Return the list that gets what the notes say."""
    texts, write = [], progressbar._Noted._write

    def keep(work, text):
        write(work, text)
        (file,) = notes.iterdir()
        texts.append(file.read_text("utf-8"))

    monkeypatch.setattr(progressbar._Noted, "_write", keep)
    return texts


@pytest.mark.parametrize(
    ("engine", "parts"),
    [
        ("auto", ["epoch 1 of 1, networks 1 to 4 of 8", "epoch 2 of 2, networks 5 to 8 of 8"]),
        (
            "loop",
            [
                "epoch 1 of 1, network 1 of 8 (hidden_sizes (4,), epochs 1, seed 3)",
                "epoch 1 of 2, network 3 of 8 (hidden_sizes (4,), epochs 2, seed 3)",
                "epoch 2 of 2, network 8 of 8 (hidden_sizes (8,), epochs 2, seed 5)",
            ],
        ),
    ],
)
def test_a_headless_run_is_told_what_is_trained(written, notes, tiny_digits, shown, engine, parts):
    progressbar.note_as("05_mlp1_sweep")
    sweep(MLP, GRID, tiny_digits, QUICK, [3, 5], engine=engine, log=lambda line: None)
    assert all(re.fullmatch(r"05_mlp1_sweep\nabout \d+ s left: .*\n", text) for text in written)
    for part in parts:
        assert any(text.endswith(f": {part}\n") for text in written)
    assert list(notes.iterdir()) == []
    assert shown() == ""


def test_a_training_of_its_own_is_told_as_well(written, notes, tiny_digits):
    fit(MLP((4,)), tiny_digits, QUICK)
    assert written[0].endswith("left: epoch 1 of 2\n")
    assert list(notes.iterdir()) == []


def test_short_trainings_write_no_note(notes, tiny_digits, monkeypatch):
    monkeypatch.setattr(progressbar, "QUIET", 1e9)
    monkeypatch.setattr(progressbar._Noted, "_write", None)
    fit(MLP((4,)), tiny_digits, QUICK)


def test_what_is_left_is_guessed_from_what_was_done_now(written, monkeypatch):
    """Of 100 networks 80 are found; each that is trained takes 30 s."""
    clock = 0.0
    monkeypatch.setattr(progressbar.time, "monotonic", lambda: clock)
    with progress(100, "networks", None) as work:
        work.skip(80)
        for _ in range(19):
            clock += 30
            work.advance(1)
        work.skip(1)
        work.advance(0)
    said = [text.split("about ")[1].split(" left")[0] for text in written]
    assert said[0] == "10 min"  # 19 times 30 s, in whole minutes
    assert said[9] == "5 min"
    assert said[-2:] == ["30 s", "10 s"]


def test_a_folder_of_notes_that_is_gone_stops_nothing(notes, tiny_digits):
    notes.rmdir()
    assert len(fit(MLP((4,)), tiny_digits, QUICK).epochs) == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "10 s"), (44, "40 s"), (54, "50 s"), (56, "1 min"), (3_540, "59 min"), (3_590, "1 h"), (7_900, "2 h 10 min")],
)
def test_times_are_as_rough_as_a_guess(seconds, text):
    assert progressbar.duration(seconds) == text


def test_what_was_found_says_nothing_about_the_pace_of_the_bar(shown, every_step):
    with progress(100, "networks", print) as work:
        work.skip(90)
        assert work.bar.n == 90
        time.sleep(0.01)
        work.advance(1)
        state = work.bar.format_dict
    assert (state["n"] - state["initial"], state["n"]) == (1, 91)
    assert " 90 %|" in shown()
