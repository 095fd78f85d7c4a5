"""Batches on a Slurm cluster of one node: the same results as here, whatever ends a task or the command."""

import importlib.util
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import slurm_cluster
import submitit
from batch_makers import content, make_batch, student_notebook

from labkit.basics.errors import LabkitError
from labkit.grading.batch import grade
from labkit.grading.judging.worker import Task
from labkit.grading.records.store import AttemptStore
from labkit.grading.sandbox.confine import Limits
from labkit.grading.settings import Bounds, Settings
from labkit.grading.slurm import chunks, cluster
from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.sweeps import sweep

pytestmark = pytest.mark.slow

SLOW = "import time\ntime.sleep(5)"
SETTINGS = Settings("quick", "embedded", Bounds(cell_seconds=30.0, seconds=60.0), Limits(), unsafe=False)
COMMAND = """
import sys
from labkit.cli import main
from labkit.grading.slurm import chunks
chunks.NOTEBOOKS = 4
sys.argv = ["labkit", "grade", "submissions", "--out", "graded", "--slurm", "--data", "embedded", "--timeout", "60"]
main()
"""


@pytest.fixture(scope="session")
def configuration(sandbox_server):
    """Start the cluster, once, where that is possible."""
    if reason := slurm_cluster.missing():
        if os.environ.get("LABKIT_REQUIRE_SLURM"):
            raise RuntimeError(reason)
        pytest.skip(reason)
    with slurm_cluster.running() as path:
        yield path


@pytest.fixture
def on_cluster(configuration, monkeypatch):
    """Let Slurm's commands find the cluster, for a user with settings of their own."""
    monkeypatch.setenv("SLURM_CONF", configuration)
    for name, value in (("SBATCH_TIMELIMIT", "1:30:00"), ("SBATCH_JOB_NAME", "mine"), ("SQUEUE_STATES", "SUSPENDED")):
        monkeypatch.setenv(name, value)


def make(folder):
    """Make the batch of test_batch, a submission whose second notebook takes a while, and the seed of its inputs."""
    make_batch(folder)
    (folder / "graded").mkdir()
    (folder / "graded" / "seed").write_text("7")
    dan = folder / "submissions" / "dan"
    dan.mkdir()
    (dan / "own.py").write_text("")  # else the first notebook would be ada's, and executed once for both
    (dan / "01_small.ipynb").write_text(student_notebook())
    slow = nbformat.reads(student_notebook(), as_version=4)
    slow.cells.append(nbformat.v4.new_code_cell(SLOW, id="slow"))
    (dan / "02_small.ipynb").write_text(nbformat.writes(slow))


@pytest.fixture
def place(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def expected(tmp_path_factory, sandbox_server):
    """Return what the same batch gives without Slurm."""
    folder = tmp_path_factory.mktemp("local")
    make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        grade(folder / "submissions", folder / "graded", SETTINGS, jobs=2)
    return folder / "graded"


def outcome(out):
    return content(out), (out / "gradebook.csv").read_bytes(), outputs(out)


def outputs(out):
    return {
        str(path.relative_to(out)): [cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells]
        for path in sorted(out.glob("notebooks/*/*.ipynb"))
    }


def command():
    return subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(ready, process):
    while not ready():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def executions(out):
    """Return how often each notebook was executed and kept."""
    if not (out / "results.sqlite").exists():
        return {}
    rows = sqlite3.connect(out / "results.sqlite").execute(
        "SELECT submission, notebook, count(*) FROM attempts WHERE status != 'missing' GROUP BY submission, notebook"
    )
    return {(submission, notebook): count for submission, notebook, count in rows}


@pytest.mark.root
def test_the_cluster_gives_what_this_machine_gives(place, expected, on_cluster, monkeypatch, capfd):
    out = place / "graded"
    monkeypatch.setattr(chunks, "NOTEBOOKS", 4)
    assert grade(place / "submissions", out, SETTINGS, slurm=True) is False
    assert outcome(out) == outcome(expected)
    told = capfd.readouterr().out
    assert "Rehearsed in" in told
    assert "in 2 tasks" in told
    assert "[7/7] " in told
    assert not (out / "slurm").exists()
    grade(place / "submissions", out, SETTINGS)
    assert "7 of 7 notebooks were graded before" in capfd.readouterr().out


@pytest.mark.root
def test_whatever_ends_a_task_or_the_command_the_same_command_goes_on(place, expected, on_cluster):
    out = place / "graded"
    shutil.copytree(expected / "rehearsed", out / "rehearsed")
    process = command()
    wait_until(lambda: ("dan", "01_small") in executions(out), process)
    limits = subprocess.run(["squeue", "--noheader", "--states=R", "--format=%l"], capture_output=True, text=True)
    assert set(limits.stdout.split()) == {"1:30:00"}
    array = next((out / "slurm" / "jobs").glob("*_submission.sh")).name.removesuffix("_submission.sh")
    subprocess.run(["scancel", f"{array}_1"], check=True)
    told, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "1 of 7 notebooks were not finished: 1 of 2 tasks on Slurm ended early" in error
    assert "CANCELLED AT" in error
    assert "the same command goes on from there" in error
    assert "Gradebook: " in told

    interrupted = command()
    wait_until(lambda: cluster.states(out / "slurm") == ["RUNNING"], interrupted)
    interrupted.send_signal(signal.SIGINT)
    _, error = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130
    assert "the tasks on Slurm were cancelled" in error

    killed = command()
    wait_until(lambda: cluster.states(out / "slurm") == [], killed)
    wait_until(lambda: cluster.states(out / "slurm") == ["RUNNING"], killed)
    killed.kill()
    killed.communicate()
    again = command()
    told, error = again.communicate(timeout=120)
    assert again.returncode == 0, error
    assert "1 tasks of an earlier command wait or run: this waits for them" in told
    assert "1 notebooks that tasks on Slurm had finished were taken over" in told
    assert "7 of 7 notebooks were graded before" in told
    assert list(executions(out).values()) == [1] * 7
    assert outcome(out) == outcome(expected)


@pytest.mark.root
def test_a_node_without_a_sandbox_says_so(place, on_cluster, monkeypatch):
    folder = place / "bin"
    folder.mkdir()
    for program in ("sbatch", "srun", "squeue", "scancel"):
        (folder / program).symlink_to(shutil.which(program))
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(LabkitError, match=r"rehearsal on Slurm ended early \(The sandbox needs bubblewrap"):
        grade(place / "submissions", place / "graded", SETTINGS, slurm=True)


@pytest.mark.root
def test_what_slurm_refuses_is_told(place, on_cluster, monkeypatch):
    monkeypatch.setenv("SBATCH_PARTITION", "nowhere")
    with pytest.raises(LabkitError, match=r"Slurm refused the tasks \(.*partition.*SBATCH_ACCOUNT"):
        grade(place / "submissions", place / "graded", SETTINGS, slurm=True)


def test_what_is_missing_is_told_before_anything_is_written(place, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabkitError, match=r"needs Slurm's commands \(sbatch, srun, squeue, scancel\)"):
        grade(place / "submissions", place / "graded", SETTINGS, slurm=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabkitError, match=r"needs submitit: install it with `pip install \"labkit\[slurm\]\"`"):
        grade(place / "submissions", place / "graded", SETTINGS, slurm=True)
    assert [path.name for path in (place / "graded").iterdir()] == ["seed"]


def test_without_an_answer_from_slurm_nothing_is_done_twice(tmp_path, monkeypatch):
    (tmp_path / "slurm").mkdir()
    monkeypatch.setattr(shutil, "which", lambda program: program)
    monkeypatch.setattr(cluster, "states", lambda folder: None)
    with (
        AttemptStore(tmp_path / "results.sqlite") as results,
        pytest.raises(LabkitError, match="does not say whether tasks of an earlier command still run"),
    ):
        chunks.settle(tmp_path, results)


def test_chunks_keep_a_submission_together(monkeypatch):
    monkeypatch.setattr(chunks, "NOTEBOOKS", 4)
    tasks = [Task(SimpleNamespace(name=name), "", "") for name in "aaabbccdddddd"]
    parts = [[task.submission.name for task in part] for part in chunks.chunks(tasks)]
    assert list(map("".join, parts)) == ["aaa", "bbcc", "dddddd"]
    assert chunks.chunks([]) == []


@pytest.mark.root
def test_a_sweep_trains_on_the_cluster(tiny_digits, on_cluster, tmp_path):
    executor = submitit.SlurmExecutor(tmp_path / "jobs")
    executor.update_parameters(time=10, cpus_per_task=1, use_srun=False)
    arguments = (MLP, {"hidden_sizes": [(4,), (8, 8)]}, tiny_digits, TrainConfig(epochs=1), [0, 1], tmp_path / "cache")
    there = sweep(*arguments, executor=executor)
    here = sweep(*arguments[:-1])
    assert (there.computed, sweep(*arguments).computed) == (4, 0)
    assert np.array_equal(there.probabilities, here.probabilities)
    assert len(list((tmp_path / "jobs").glob("*_1_0_log.out"))) == 1  # of the second task of one array
