"""Sweeps that are trained in other processes: the same results, and the same cache."""

import multiprocessing
import os
import pickle
from concurrent.futures import Future, ProcessPoolExecutor

import pytest
import submitit
import torch
from distributed import Client
from test_sweeps import GRID, QUICK, SEEDS, assert_same

from labkit.basics.errors import LabkitError, UsageError
from labkit.models.networks import MLP
from labkit.training import sweeps
from labkit.training.sweeps import sweep


class Here:
    """Runs each task at once in this process, on what travels through a pickle."""

    def __init__(self):
        self.tasks = []

    def submit(self, function, *arguments):
        travelled = pickle.dumps((function, arguments))
        self.tasks.append(travelled)
        job = Future()
        try:
            function, arguments = pickle.loads(travelled)
            job.set_result(function(*arguments))
        except Exception as error:
            job.set_exception(error)
        return job


@pytest.fixture(scope="module")
def undisturbed(tiny_digits):
    return sweep(MLP, GRID, tiny_digits, QUICK, SEEDS)


def spawning():
    return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))


def dask_cluster():
    return Client(n_workers=2, threads_per_worker=1, dashboard_address=":0")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["another process", "submitit", "dask"])
def test_an_executor_gives_the_same_results(tiny_digits, undisturbed, tmp_path, kind):
    cache = tmp_path / "cache"
    if kind == "submitit":
        executor = submitit.LocalExecutor(tmp_path / "jobs")
        found = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, cache, executor=executor)
    else:
        with spawning() if kind == "another process" else dask_cluster() as executor:
            found = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, cache, executor=executor)
    assert_same(found, undisturbed)
    assert found.computed == 6
    again = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, cache)
    assert again.computed == 0
    assert_same(again, undisturbed)


def test_a_long_sweep_of_few_groups_is_cut_alike_with_an_executor_and_without(tiny_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "WORTH_PROCESSES", 0)
    monkeypatch.setenv("LABKIT_THREADS", "2")
    executor = Here()
    sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, executor=executor)
    assert len(executor.tasks) == 4  # of two groups
    monkeypatch.setenv("LABKIT_THREADS", "2")  # a task in this process has set it
    assert sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path).computed == 0


def test_only_what_is_not_in_the_cache_is_submitted_and_the_data_travel_once(tiny_digits, undisturbed, tmp_path):
    first = {**GRID, "hidden_sizes": GRID["hidden_sizes"][:1]}
    sweep(MLP, first, tiny_digits, QUICK, SEEDS, tmp_path)
    executor, lines = Here(), []
    found = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, log=lines.append, executor=executor)
    assert_same(found, undisturbed)
    assert (found.computed, len(executor.tasks)) == (3, 1)
    assert len(lines) == 4
    assert len(executor.tasks[0]) < tiny_digits.train.images.numpy().nbytes
    assert len(list(tmp_path.glob("data-*.pt"))) == 1
    assert sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, executor=executor).computed == 0
    assert len(executor.tasks) == 1


def test_tasks_have_the_threads_and_the_device_of_the_sweep(tiny_digits, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("labkit.training.executors.set_threads", lambda: seen.append(dict(os.environ)))
    torch.set_num_threads(2)
    sweep(MLP, GRID, tiny_digits, QUICK, [0], tmp_path, executor=Here())
    assert {(task["LABKIT_THREADS"], task["LABKIT_DEVICE"]) for task in seen} == {("2", os.environ["LABKIT_DEVICE"])}


def test_a_task_that_fails_is_told_and_what_is_finished_is_kept(tiny_digits, tmp_path, monkeypatch):
    def break_down(self):
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("labkit.training.cache.Ensemble", break_down)
        with pytest.raises(LabkitError, match=r"A task of the executor failed \(MemoryError: no room\)"):
            sweep(MLP, {**GRID, "hidden_sizes": [(4,)]}, tiny_digits, QUICK, SEEDS, tmp_path, executor=Here())
    assert sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, executor=Here()).computed == 6


def test_an_executor_needs_a_cache(tiny_digits):
    with pytest.raises(UsageError, match="With an executor, a sweep needs `cache`"):
        sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, executor=Here())
