"""Every benchmark runs, on data too small to say anything: the numbers are for `make bench`."""

import json
import logging
import runpy
import sys
import warnings
from pathlib import Path

import pytest
from makers import write_cifar10, write_mnist

from labkit.basics.errors import UsageError

SCRIPTS = Path(__file__).parent.parent / "benchmarks"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_mnist(folder / "MNIST" / "raw", train=1_000)  # the fewest of which 1 % have an image of each class
    write_cifar10(folder / "cifar-10-batches-py")
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Give a function that runs a script as `python SCRIPT` does, but in this process, which has imported torch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # peers.py sets it, and leaves it
    monkeypatch.delitem(sys.modules, "measure", raising=False)  # it remembers how busy the machine was

    def script(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        with warnings.catch_warnings(action="default"):
            runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")

    yield script
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("script", "options", "sides"),
    [
        ("sweep", ["--repeats", "1", "--batches", "64"], ["hand-in loop, batch 4", "labkit, batched, batch 64"]),
        ("time_to_accuracy", ["--seeds", "1", "--epochs", "1", "--systems", "B1"], ["B1 (3 x 512)"]),
        ("peers", ["--repeats", "1"], ["labkit", "scikit-learn", "DataLoader loop"]),
        ("limit", ["--repeats", "1", "--images", "160"], ["LeNet-5, batch 128"]),
        ("grouped_convolutions", ["--repeats", "1", "--images", "160"], ["CifarNet, batch 4"]),
        ("inner_loop", ["--repeats", "1", "--images", "160"], ["LeNet-5", "CifarNet"]),
        ("alike", ["--quick", "--no-peers"], ["labkit"]),
        ("full", ["--profile", "quick", "--notebooks", "05"], ["1"]),
        ("pages", ["--repeats", "1", "--submissions", "2"], ["write 2 submissions", "index.html"]),
        ("update", ["--count", "3", "--no-peers"], ["labkit update"]),
    ],
)
def test_a_benchmark_measures_its_sides(tiny, tmp_path, run, capsys, script, options, sides):
    run(script, "--data", str(tiny), *options)
    kept = json.loads((tmp_path / "out" / "bench" / f"{script}.json").read_text())
    assert set(sides) <= {row[0] for row in kept["rows"]}
    assert kept["machine"]["processor"] in capsys.readouterr().out
    assert all(len(row) == len(kept["columns"]) for row in kept["rows"])


def test_the_page_holds_what_was_measured_and_draws_how_it_grows(tiny, tmp_path, run):
    run("limit", "--data", str(tiny), "--images", "160", "--repeats", "2")
    run("page", "--page", "speed.md")
    text = (tmp_path / "speed.md").read_text()
    assert "## Rate of training" in text
    assert "| MLP sweep, ten widths, batch 64 | 2 |" in text
    assert (tmp_path / "speed-growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_busy_machine_is_told(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 65.0)
    run("pages", "--submissions", "1", "--repeats", "1")
    assert "others took up to 65% of its cores" in capsys.readouterr().out


def test_a_benchmark_that_needs_mnist_says_so(run):
    with pytest.raises(UsageError, match="give --data FOLDER, which holds MNIST/raw"):
        run("sweep", "--data", "embedded")
