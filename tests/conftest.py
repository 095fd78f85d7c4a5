"""Every test starts from the same seed, an empty data folder and a results folder of its own."""

import os
import shutil
from pathlib import Path

import matplotlib
import pytest

from labkit.basics.machine import set_seed, set_threads
from labkit.data.datasets import Dataset, load

matplotlib.use("Agg")
THREADS = os.environ.setdefault("LABKIT_THREADS", "1")  # also of fixtures that start before any test; see clean_start

# The files that take longest. `make test-all` deals files out in this order, and then all others, so that no long one
# starts when the other worker has nothing left to do.
LONGEST = (
    "grading/marking/test_page.py",
    "course/test_release.py",
    "grading/sandbox/test_attacks.py",
    "grading/slurm/test_chunks.py",
    "course/test_browser.py",
    "grading/test_batch.py",
    "course/test_kernels.py",
    "grading/judging/test_forgeries.py",
    "test_cli.py",
    "grading/sandbox/test_sandbox.py",
    "training/test_together.py",
    "test_benchmarks.py",
    "exercises/test_exercises.py",
    "grading/judging/test_rehearsal.py",
    "training/test_executors.py",
    "grading/pages/test_pages_browser.py",
)


def pytest_collection_modifyitems(items):
    """Put the files that take longest first, and leave the order within each as it is."""
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


@pytest.fixture(autouse=True)
def clean_start(tmp_path_factory, monkeypatch):
    """Reseed, pin threads, and keep the user's data and results out of the test.

    One thread, because networks this small, on two threads of a busy machine, wait for each other fifty times longer.

    Tests run on the CPU, whose numbers the oracles know; `LABKIT_DEVICE=cuda pytest` runs them on a GPU.
    """
    import matplotlib.pyplot as plt

    monkeypatch.setenv("LABKIT_DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("LABKIT_OUT", str(tmp_path_factory.mktemp("out")))
    monkeypatch.setenv("LABKIT_DEVICE", os.environ.get("LABKIT_DEVICE", "cpu"))
    monkeypatch.setenv("LABKIT_THREADS", THREADS)
    set_threads()
    set_seed(0)
    yield
    plt.close("all")


@pytest.fixture
def data_folder() -> Path:
    """Return the empty folder that LABKIT_DATA names in this test."""
    return Path(os.environ["LABKIT_DATA"])


@pytest.fixture(scope="session")
def take_trainings():
    """Give a function that lays into a results folder the trainings which the course's notebooks made before.

    `make test` runs the notebooks first and names their cache in LABKIT_TRAINED: sweeps find there what they would
    train again to the same numbers. Without it they train.
    """

    def take(out: Path) -> None:
        if trained := os.environ.get("LABKIT_TRAINED"):
            shutil.copytree(trained, out / "cache")

    return take


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load("mnist", "embedded")


@pytest.fixture(scope="session")
def tiny_digits() -> Dataset:
    return load("mnist", "embedded", train_limit=200)


@pytest.fixture(scope="session")
def shapes() -> Dataset:
    return load("cifar10", "embedded")
