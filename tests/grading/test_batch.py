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

from labkit.basics.errors import LabkitError, UsageError
from labkit.exercises.exercise import Verdict
from labkit.grading import batch
from labkit.grading.batch import grade
from labkit.grading.intake.reading.run_marks import read_runs
from labkit.grading.judging import worker
from labkit.grading.judging.grader import Execution
from labkit.grading.records.batch_file import read_batch
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
    printed = capsys.readouterr().out
    assert "Notebooks that hold the same as another one: 1." in printed  # ada's
    assert "4 of 4 notebooks were graded before" in printed
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
import sys, time
from labkit.cli import main
from labkit.exercises.exercise import Verdict
from labkit.grading import batch
from labkit.grading.judging import worker
from labkit.grading.judging.grader import Execution

out, log, *options = sys.argv[1:]

def execute(notebook, *_):
    time.sleep(0.03)
    with open(log, "a") as file:
        file.write("x")
    return Execution(notebook, verdicts={"1.2": Verdict("passed", "passed"), "1.4": Verdict("open", "open")})

worker.execute = execute
worker.rehearse = lambda *a: None
batch.refuse_without_sandbox = lambda: None
sys.argv = ["labkit", "grade", "submissions", "--out", out, "--data", "embedded", "--jobs", "2", *options]
main()
"""


def stand_in(place, out, log, *options):
    (place / "stand_in.py").write_text(STAND_IN)
    return subprocess.Popen(
        [sys.executable, "stand_in.py", out, log, *options],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_to_end(place, out, log, *options):
    process = stand_in(place, out, log, *options)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def many(place):
    for number in range(30):
        own = shutil.copytree(place / "submissions" / "ada", place / "submissions" / f"s{number:02}")
        (own / "own.py").write_text(f"number = {number}")  # else all would be one content


@pytest.mark.slow
def test_what_four_members_handed_in_is_executed_once(place):
    for member in ("ada-2", "ada-3", "ada-4"):
        shutil.copytree(place / "submissions" / "ada", place / "submissions" / member)
    (place / "submissions" / "bob" / "submission.json").write_text('{"group": "7", "members": ["ab12", "cd34"]}')
    run_to_end(place, "graded", "log")
    assert len((place / "log").read_text()) == 5  # of eleven notebooks: two of ada's and of bob's, one of cy's
    run_to_end(place, "graded", "log")
    assert len((place / "log").read_text()) == 5
    shutil.copytree(place / "submissions" / "bob", place / "submissions" / "bob-2")  # comes a day later
    run_to_end(place, "graded", "log")
    assert len((place / "log").read_text()) == 5
    book = gradebook(place / "graded")
    for first, *others in (("ada", "ada-2", "ada-3", "ada-4"), ("bob", "bob-2")):
        for other in others:
            assert {**book[other], "submission": "", "student": ""} == {**book[first], "submission": "", "student": ""}
            executed = [place / "graded" / "notebooks" / name / "01_small.ipynb" for name in (first, other)]
            assert executed[0].read_bytes() == executed[1].read_bytes()
    shutil.rmtree(place / "graded" / "notebooks" / "ada-4")
    (place / "submissions" / "ada-4" / "01_small.ipynb").write_text(student_notebook("2 * h"))
    run_to_end(place, "graded", "log")
    assert len((place / "log").read_text()) == 5  # it is bob's now


@pytest.mark.slow
def test_who_is_in_which_group_is_kept_and_may_be_told_later(place):
    (place / "submissions" / "bob" / "submission.json").write_text('{"group": "7", "members": ["ab12", "cd34"]}')
    run_to_end(place, "graded", "log")

    def people():
        kept = read_batch(place / "graded").submissions
        return {one.name: (one.group, [person.login for person in one.people]) for one in kept if one.people}

    assert people() == {"bob": ("7", ["ab12", "cd34"])}
    (place / "groups.csv").write_text("group,login\nG,bob\nG,ab12\nH,ada\n")
    run_to_end(place, "graded", "log", "--groups", "groups.csv")
    assert len((place / "log").read_text()) == 5  # nothing is executed again
    assert people() == {"ada": ("H", ["ada"]), "bob": ("G", ["bob", "ab12"])}
    assert "members who are known to be none: cd34." in gradebook(place / "graded")["bob"]["remarks"]


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
    numbers = {"accuracy": {"value": 1, "text": "1", "unit": []}, "loss": 7, "time": {"unit": "s", "values": [1.23456]}}
    (own / "results.json").write_text(json.dumps({"notebooks": {"02_small": {"numbers": numbers}}}))
    run_to_end(place, "out", "log")
    statuses = {(name, notebook): status for name, notebook, status, *_ in content(place / "out")}
    assert (statuses["dan", "01_small"], statuses["ada", "01_small"]) == ("invalid", "failed")
    assert {name: run["02_small"].timings for name, run in read_runs(place / "out").items()} == {
        "dan": ("time 1.23456",)
    }
    row = gradebook(place / "out")["dan"]
    assert row["status"] == "invalid"
    assert "dan/01_small.ipynb holds the marks of a merge conflict (line 1" in row["remarks"]
    assert "missing" not in row["remarks"]
    assert "names another kernel than the course" in row["remarks"]
    assert "sets rules for its own execution" in row["remarks"]
    run_to_end(place, "out", "log-again")
    assert not (place / "log-again").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_says_how_to_go_on(place, number):
    many(place)
    process = stand_in(place, "out", "log")
    while not (place / "log").exists():
        time.sleep(0.05)
    process.send_signal(number)
    if number == signal.SIGHUP:
        process.send_signal(number)  # from the system and from the shell
    _, errors = process.communicate(timeout=60)
    assert errors == "labkit: Interrupted: every finished notebook is kept, and the same command goes on from there.\n"
    assert process.returncode == 128 + number
    assert content(place / "out")


@pytest.fixture
def stand_ins(place, monkeypatch):
    """Let a function stand in for all executions; given how many there were before, it returns one or raises."""
    monkeypatch.setattr(batch, "refuse_without_sandbox", lambda: None)

    def graded(execute, out="out", jobs=1, **options):
        calls = []

        def numbered(notebook, *_):
            calls.append(None)
            found = execute(len(calls) - 1)
            found.notebook = notebook
            return found

        monkeypatch.setattr(worker, "execute", numbered)
        if "rehearsal" not in options:
            monkeypatch.setattr(worker, "rehearse", lambda *_: None)
        options.pop("rehearsal", None)
        try:
            grade(place / "submissions", place / out, SETTINGS, jobs, **options)
        finally:
            graded.calls = len(calls)

    return graded


def passed(_=0, **fields):
    return Execution(None, verdicts={"1.2": Verdict("passed", "passed"), "1.4": Verdict("passed", "passed")}, **fields)


def statuses(place, out="out"):
    return [status for _, _, status, *_ in content(place / out)]


def test_an_error_that_nobody_thought_of_costs_one_notebook_and_is_tried_again(stand_ins, place, capsys):
    def execute(number):
        return passed() if number != 1 else {}["\x1b[31munhashable"]

    stand_ins(execute)
    assert statuses(place) == ["passed", "error", "passed", "passed", "passed", "missing"]
    row = gradebook(place / "out")["ada"]
    assert (row["status"], row["total"]) == ("error", "")
    assert "labkit could not grade it (KeyError; errors/ada/02_small.txt says where)" in row["remarks"]
    log = (place / "out" / "errors" / "ada" / "02_small.txt").read_text()
    assert "in execute" in log
    assert "\x1b" not in log
    assert "error" in (place / "out" / "site" / "submissions" / "ada.html").read_text(encoding="utf-8")
    assert "1 error" in capsys.readouterr().out
    stand_ins(passed)
    assert stand_ins.calls == 1
    assert statuses(place).count("passed") == 5
    assert not (place / "out" / "errors" / "ada" / "02_small.txt").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_would_meet_every_notebook_ends_the_night_at_once(stand_ins, place, jobs):
    many(place)

    def execute(number):
        if number > 2:
            raise LabkitError("No kernel could be started (No space left on device).")
        return passed()

    with pytest.raises(LabkitError, match="No space left"):
        stand_ins(execute, jobs=jobs)
    assert stand_ins.calls <= 3 + jobs  # and not 65
    assert len(statuses(place)) < 10


def test_what_the_machine_did_is_done_again_and_put_down_to_nobody(stand_ins, place):
    stand_ins(lambda number: passed(disturbed=number == 1))
    assert stand_ins.calls == 6
    assert statuses(place).count("passed") == 5
    stand_ins(lambda number: passed(disturbed=number in (1, 2)), "twice")
    assert statuses(place, "twice") == ["passed", "error", "passed", "passed", "passed", "missing"]
    assert "The machine ended its kernel twice" in gradebook(place / "twice")["ada"]["remarks"]


def test_a_failed_rehearsal_ends_the_night_unless_told_otherwise(stand_ins, place, capsys):
    def execute(number):
        return passed(statuses=["timeout"] if number == 0 else [])

    for _ in range(2):  # what failed is tried again, and nothing else
        with pytest.raises(LabkitError, match="own 01_small did not pass the rehearsal: see that limits"):
            stand_ins(execute, rehearsal=True)
        assert "The course's own 01_small is timeout." in capsys.readouterr().out
    assert stand_ins.calls == 1
    assert statuses(place) == ["missing"]
    stand_ins(execute, rehearsal=True, despite_rehearsal=True)
    assert stand_ins.calls == 6
    index = place / "out" / "site" / "index.html"
    assert "The course&#39;s own 01_small is timeout." in index.read_text(encoding="utf-8")
    (place / "submissions" / "bob" / "01_small.ipynb").write_text(student_notebook("f(x - h)"))
    stand_ins(passed, rehearsal=True)
    assert stand_ins.calls == 2
    assert "own 01_small" not in index.read_text(encoding="utf-8")


def test_misuse_is_refused_before_anything_is_written(place):
    with pytest.raises(UsageError, match="Profile 'slow'"):
        grade(place / "submissions", place / "out", Settings("slow", "auto", Bounds(), Limits(), True))
    with pytest.raises(UsageError):
        grade(place / "nowhere", place / "out", Settings("quick", "auto", Bounds(), Limits(), True))
    assert not (place / "out").exists()
