"""Every benchmark runs, on data too small to say anything: the numbers are for `make bench`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from makers import write_cifar10, write_mnist

SCRIPTS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_mnist(folder / "MNIST" / "raw", train=2_000)
    write_cifar10(folder / "cifar-10-batches-py")
    return folder


@pytest.mark.parametrize(
    ("script", "options", "sides"),
    [
        ("sweep", ["--repeats", "1", "--batches", "64"], ["hand-in loop, batch 4", "labkit, batched, batch 64"]),
        ("time_to_accuracy", ["--seeds", "1", "--epochs", "1", "--systems", "B1"], ["B1 (3 x 512)"]),
        ("peers", ["--repeats", "1"], ["labkit", "scikit-learn", "DataLoader loop"]),
        ("limit", ["--repeats", "1", "--images", "160"], ["LeNet-5, batch 128"]),
        ("grouped_convolutions", ["--repeats", "1", "--images", "160"], ["CifarNet, batch 4"]),
        ("inner_loop", ["--repeats", "1", "--images", "160"], ["LeNet-5", "CifarNet"]),
        ("pages", ["--repeats", "1", "--submissions", "2"], ["write 2 submissions", "index.html"]),
    ],
)
def test_a_benchmark_measures_its_sides(tiny, tmp_path, script, options, sides):
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), "--data", str(tiny), *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = json.loads((tmp_path / "out" / "bench" / f"{script}.json").read_text())
    assert set(sides) <= {row[0] for row in kept["rows"]}
    assert kept["machine"]["processor"] in done.stdout
    assert all(len(row) == len(kept["columns"]) for row in kept["rows"])


def test_a_benchmark_that_needs_mnist_says_so(tmp_path):
    command = [sys.executable, str(SCRIPTS / "sweep.py"), "--data", "embedded"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "give --data FOLDER, which holds MNIST/raw" in done.stderr
