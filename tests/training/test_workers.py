"""Sweeps that this machine's cores share: the numbers of one thread, all of the progress, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_sweeps import assert_same
from torch import nn

from labkit.basics import progress as progressbar
from labkit.basics.errors import LabkitError
from labkit.models.networks import MLP
from labkit.training import executors, sweeps
from labkit.training.config import TrainConfig
from labkit.training.executors import Workers
from labkit.training.sweeps import sweep

pytestmark = pytest.mark.slow
QUICK = TrainConfig(epochs=2)
GRID = {"hidden_sizes": [(4,), (8, 8)], "epochs": [1, 2]}  # four groups: epochs are shared within one
SEEDS = (0, 1)


def fail(_work):
    raise ValueError("no such thing")


def refuse(_work):
    raise LabkitError("Two channels are wanted, but there are three.")


def end(_work):
    os._exit(3)


def advance_for_ever(work):
    while True:
        work.advance(0.1)
        time.sleep(0.01)


def say(path, _work):
    Path(path).write_text(json.dumps([torch.get_num_threads(), os.environ["LABKIT_THREADS"]]))


@pytest.fixture
def two_threads(monkeypatch):
    """Let every sweep be worth processes, and end them with the test."""
    monkeypatch.setenv("LABKIT_THREADS", "2")
    monkeypatch.setattr(sweeps, "WORTH_PROCESSES", 0)
    torch.set_num_threads(2)


@pytest.fixture
def started(monkeypatch):
    """Count the processes that sweeps start."""
    found, start = [], executors._Worker.__init__

    def count(worker, *arguments):
        found.append(worker)
        start(worker, *arguments)

    monkeypatch.setattr(executors._Worker, "__init__", count)
    return found


@pytest.fixture
def found_here(monkeypatch):
    """Let other processes find the functions of this file."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}{os.pathsep}{here.parent}")


@pytest.fixture
def workers(found_here):
    with Workers(1) as workers:
        yield workers


def test_a_sweep_side_by_side_has_the_numbers_of_one_thread(tiny_digits, tmp_path, two_threads, started, monkeypatch):
    found = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path / "cache")
    assert found.computed == 8
    assert len(started) == 2
    monkeypatch.setenv("LABKIT_THREADS", "1")
    torch.set_num_threads(1)
    assert sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path / "cache").computed == 0
    assert_same(found, sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path / "other"))
    assert not list((tmp_path / "cache").glob("data-*"))


def test_what_is_cached_is_not_trained_and_starts_no_process(tiny_digits, tmp_path, two_threads, started):
    sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path)
    started.clear()
    assert sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path).computed == 0
    assert started == []
    sweep(MLP, {"hidden_sizes": GRID["hidden_sizes"], "epochs": [2, 3]}, tiny_digits, QUICK, SEEDS, tmp_path)
    assert len(started) == 2


def test_the_bar_counts_every_network_once(tiny_digits, tmp_path, two_threads, monkeypatch):
    told = []

    class Bar(progressbar.Work):
        def advance(self, amount):
            told.append(amount)

        skip = advance

    monkeypatch.setattr(sweeps, "progress", lambda total, unit, log: _Shown(Bar(total, log)))
    sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path)
    assert sum(told) == pytest.approx(8)


class _Shown:
    def __init__(self, work):
        self.work = work

    def __enter__(self):
        return self.work

    def __exit__(self, *_):
        pass


class Own(nn.Sequential):
    """A network of a notebook, which no other process knows."""

    def __init__(self, width):
        super().__init__(nn.Flatten(), nn.Linear(784, width), nn.Linear(width, 10))


def test_networks_of_a_notebook_stay_in_its_process(tiny_digits, tmp_path, two_threads, started):
    assert sweep(Own, {"width": [2, 3]}, tiny_digits, TrainConfig(epochs=1), [0], tmp_path).computed == 2
    assert started == []


@pytest.mark.parametrize("change", ["one core", "no cache", "little to do", "one network"])
def test_processes_are_started_only_where_they_help(tiny_digits, tmp_path, two_threads, started, monkeypatch, change):
    if change == "one core":
        monkeypatch.setenv("LABKIT_THREADS", "1")
    if change == "little to do":
        monkeypatch.setattr(sweeps, "WORTH_PROCESSES", 1e15)
    seeds, grid = ([0], {"hidden_sizes": [(4,)]}) if change == "one network" else (SEEDS, GRID)
    assert sweep(MLP, grid, tiny_digits, QUICK, seeds, None if change == "no cache" else tmp_path).computed
    assert started == []


def test_a_worker_has_one_thread_and_takes_job_after_job(workers, tmp_path):
    for number in range(3):
        workers.submit(say, str(tmp_path / f"{number}")).result()
    assert {path.read_text() for path in tmp_path.iterdir()} == {'[1, "1"]'}
    assert len(workers.workers) == 1


def test_what_goes_wrong_is_said_in_its_own_words(workers):
    with pytest.raises(RuntimeError, match=r"^ValueError: no such thing$"):
        workers.submit(fail).result()
    with pytest.raises(LabkitError, match=r"^Two channels are wanted, but there are three\.$"):
        executors.wait(workers.submit(refuse))
    with pytest.raises(LabkitError, match=r"ended before its time \(status 3\): what others finished is kept"):
        executors.wait(workers.submit(end))


def interrupted(seen):
    with Workers(1) as workers:
        workers.submit(advance_for_ever)
        workers.hear()  # it is ready
        seen += [workers.workers[0].process, workers.folder]
        raise KeyboardInterrupt


def test_an_interrupt_ends_them_and_leaves_nothing(found_here):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(seen)
    process, folder = seen
    assert process.poll() == -signal.SIGKILL
    assert not folder.exists()


def test_they_end_with_a_process_that_is_killed(found_here):
    code = """
import time
from test_workers import Workers, advance_for_ever
workers = Workers(1)
workers.submit(advance_for_ever)
workers.hear(); workers.hear()
print(workers.workers[0].process.pid, workers.folder, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    with process:
        pid, folder = process.stdout.readline().split()
        process.kill()
    while Path(folder).exists() or Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
