"""A batch of small submissions: graded for real in the sandbox once, and interrupted in every way with a stand-in."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from batch_makers import ANSWERS, SETTINGS, content, gradebook, make_batch, student_notebook

from labkit.basics.errors import UsageError
from labkit.grading.batch import grade
from labkit.grading.sandbox.confine import Limits
from labkit.grading.settings import Bounds, Settings


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A course of two small notebooks and a copy of one, and submissions of three students."""
    make_batch(tmp_path)
    shutil.copy(tmp_path / "notebooks" / "01_small.ipynb", tmp_path / "notebooks" / "01_small-Copy1.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed")
def test_a_batch_is_graded_in_the_sandbox_and_not_twice(place, capsys):
    out = place / "graded"
    assert grade(place / "submissions", out, SETTINGS, jobs=2) is False
    printed = capsys.readouterr().out
    assert "Left out, as copies or no notebooks of the course: 01_small-Copy1.ipynb." in printed
    assert "5 notebooks in" in printed
    book = gradebook(out)
    assert {
        name: (row["exercise 1.2"], row["exercise 1.4"], row["total"], row["status"]) for name, row in book.items()
    } == {"ada": ("1", "2", "3", "passed"), "bob": ("0", "2", "2", "failed"), "cy": ("0", "0", "0", "missing")}
    executed = nbformat.read(out / "notebooks" / "bob" / "01_small.ipynb", as_version=4)
    assert "✗ Exercise 1.2 is not right yet" in json.dumps(executed, ensure_ascii=False)
    assert out.stat().st_mode & 0o777 == 0o700
    assert "Exercise 1.2: failed" in (out / "site" / "submissions" / "bob.html").read_text(encoding="utf-8")
    assert "<h1>ada</h1>" in (out / "feedback" / "ada.html").read_text(encoding="utf-8")
    before = (out / "gradebook.csv").read_bytes()
    grade(place / "submissions", out, SETTINGS)
    assert "5 of 5 notebooks were graded before" in capsys.readouterr().out
    assert (out / "gradebook.csv").read_bytes() == before
    (place / "submissions" / "bob" / "01_small.ipynb").write_text(student_notebook())
    grade(place / "submissions", out, SETTINGS)
    assert "4 of 5 notebooks were graded before" in capsys.readouterr().out
    assert gradebook(out)["bob"]["exercise 1.2"] == "1"
    slope = "import slopes\n    return slopes.of(f, x, h)"  # in a file that the submission brings along
    own = student_notebook().replace(json.dumps(f"return {ANSWERS['1.2'][1]}")[1:-1], json.dumps(slope)[1:-1])
    (place / "submissions" / "ada" / "01_small.ipynb").write_text(own)
    (place / "submissions" / "ada" / "slopes.py").write_text(f"def of(f, x, h): return {ANSWERS['1.2'][1]}")
    (place / "submissions" / "ada" / "json.py").write_text("1 / 0")
    grade(place / "submissions", out, SETTINGS)
    assert "3 of 5 notebooks were graded before" in capsys.readouterr().out  # both may read the file
    assert gradebook(out)["ada"]["total"] == "3"
    assert "json.py" in gradebook(out)["ada"]["remarks"]
    (place / "submissions" / "ada" / "slopes.py").write_text("def of(f, x, h): return 0")
    grade(place / "submissions", out, SETTINGS)
    assert gradebook(out)["ada"]["exercise 1.2"] == "0"


STAND_IN = """
import sys, time, random
from pathlib import Path
from labkit.grading.sandbox.confine import Limits
from labkit.exercises.exercise import Verdict
from labkit.grading import batch
from labkit.grading.judging import worker
from labkit.grading.judging.grader import Execution
from labkit.grading.settings import Bounds

def execute(notebook, checks, parameters, seed, bounds, provisioner, at_end):
    time.sleep(0.03)
    with open(sys.argv[2], "a") as log:
        log.write("x")
    return Execution(notebook, verdicts={"1.2": Verdict("passed", "passed"), "1.4": Verdict("open", "open")})

worker.execute = execute
worker.rehearse = lambda *a: None
batch.refuse_without_sandbox = lambda: None
settings = batch.Settings("quick", "embedded", Bounds(), Limits(), False)
batch.grade(Path("submissions"), Path(sys.argv[1]), settings, jobs=2)
"""


def stand_in(place, out, log):
    (place / "stand_in.py").write_text(STAND_IN)
    return subprocess.Popen(
        [sys.executable, "stand_in.py", out, log], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run_to_end(place, out, log):
    process = stand_in(place, out, log)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def many(place):
    for number in range(30):
        shutil.copytree(place / "submissions" / "ada", place / "submissions" / f"s{number:02}")


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_or_done_twice(place):
    many(place)
    run_to_end(place, "undisturbed", "log-undisturbed")
    out, chance = place / "killed", random.Random(0)
    kept = 0
    for _ in range(20):
        process = stand_in(place, "killed", "log-killed")
        moment = time.monotonic() + chance.uniform(0.2, 3)
        while process.poll() is None and time.monotonic() < moment:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (out / "results.sqlite").exists():
            now = len(content(out))
            assert now >= kept
            kept = now
    run_to_end(place, "killed", "log-killed")
    assert content(out) == content(place / "undisturbed")
    assert (out / "gradebook.csv").read_bytes() == (place / "undisturbed" / "gradebook.csv").read_bytes()
    runs = len((place / "log-killed").read_text())
    assert runs <= 65 + 2 * 20  # a kill costs at most what was running: two notebooks
    run_to_end(place, "killed", "log-again")
    assert not (place / "log-again").exists()


@pytest.mark.slow
def test_what_cannot_be_read_is_invalid_and_odd_results_end_nothing(place):
    own = place / "submissions" / "dan"
    own.mkdir()
    (own / "01_small.ipynb").write_text("<<<<<<< HEAD")
    foreign = json.loads(student_notebook())
    foreign["metadata"] = {"kernelspec": {"name": "evil", "argv": ["rm"]}, "execution": {"timeout": -1}}
    (own / "02_small.ipynb").write_text(json.dumps(foreign))
    numbers = {"accuracy": {"value": 1, "text": "1", "unit": []}, "loss": 7}
    (own / "results.json").write_text(json.dumps({"notebooks": {"02_small": {"numbers": numbers}}}))
    run_to_end(place, "out", "log")
    statuses = {(name, notebook): status for name, notebook, status, *_ in content(place / "out")}
    assert (statuses["dan", "01_small"], statuses["ada", "01_small"]) == ("invalid", "failed")
    row = gradebook(place / "out")["dan"]
    assert row["status"] == "invalid"
    assert "dan/01_small.ipynb holds the marks of a merge conflict (line 1" in row["remarks"]
    assert "missing" not in row["remarks"]
    assert "names another kernel than the course" in row["remarks"]
    assert "sets rules for its own execution" in row["remarks"]
    run_to_end(place, "out", "log-again")
    assert not (place / "log-again").exists()


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on(place):
    many(place)
    process = stand_in(place, "out", "log")
    while not (place / "log").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "the same command goes on from there" in errors
    assert content(place / "out")


def test_misuse_is_refused_before_anything_is_written(place):
    with pytest.raises(UsageError, match="Profile 'slow'"):
        grade(place / "submissions", place / "out", Settings("slow", "auto", Bounds(), Limits(), True))
    with pytest.raises(UsageError):
        grade(place / "nowhere", place / "out", Settings("quick", "auto", Bounds(), Limits(), True))
    assert not (place / "out").exists()
