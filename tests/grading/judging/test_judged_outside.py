"""No right answer is within reach of a sandboxed kernel: it has no judge, and what it is told helps nobody else."""

import asyncio
import time
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from attack_makers import AFTER, BEFORE, BOUNDS, SmallProvisioner, attack, printed, statuses

from labkit import PACKAGE
from labkit.exercises.catalogue import exercises
from labkit.exercises.exercise import Verdict
from labkit.grading.intake.reading.reader import Notebook
from labkit.grading.intake.submissions import Submission
from labkit.grading.judging import grader
from labkit.grading.judging.grader import NOT_IN_GENERAL, SHOWN_SEED, execute
from labkit.grading.judging.worker import Task, Worker
from labkit.grading.sandbox.guard import Limits
from labkit.grading.settings import Bounds, Settings

pytestmark = pytest.mark.slow

# What only judges and hints say, and what only they are called.
TELLING = [
    "The band is the standard deviation, the spread of single runs",
    "def _judge_",
    "as_number(",
    "EXERCISES = (",
]
WALK = """
import os, sys
found, read = [], 0
marks = [mark.encode() for mark in MARKS]
for root in sorted({os.path.realpath(place) for place in (*sys.path, PLACE) if os.path.isdir(place)}):
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            if "/upkeep/" in path and name.startswith("stubs."):
                continue  # how a judge begins that is still to be written
            if "labkit" in path and name.endswith((".py", ".pyc", ".json", ".ipynb", ".md", ".html")):
                content = open(path, "rb").read()
                read += 1
                found += [(name, mark) for mark in marks if mark in content]
print(read, found)
"""
IMPORT = """
import importlib, sys
for name in ("catalogue", "judge", "exercise", "dropout", "training_steps", "NB"):
    try:
        importlib.import_module("labkit.exercises." + name)
        print("imported", name)
    except ImportError:
        pass
ours = {name: module for name, module in sys.modules.items() if name.startswith("labkit")}
print([name for name, module in ours.items() if hasattr(module, "judge") or hasattr(module, "EXERCISES")])
print(*sorted(name.rpartition(".")[2] for name in ours if name.startswith("labkit.grading.sandbox.")))
"""


def test_no_judge_can_be_read_or_imported_in_a_kernel(sandboxed):
    walk = WALK.replace("MARKS", repr(TELLING)).replace("PLACE", repr(str(PACKAGE)))
    bring = IMPORT.replace("NB", sorted(path.stem for path in PACKAGE.glob("exercises/nb05*.py"))[0])
    found = attack(walk, bring, bounds=Bounds(cell_seconds=60, seconds=100, output=1_000_000))
    read, telling = printed(found, walk).split(" ", 1)
    assert int(read) > 20
    assert telling.strip() == "[]"
    assert printed(found, bring).splitlines() == ["[]", "confine guard syscalls"]
    assert statuses(found)[::2] == ["passed", "passed"]


def test_what_tries_the_answers_of_every_exercise_is_there_in_a_kernel(sandboxed):
    places = sorted({(exercise.collect.__module__, exercise.collect.__name__) for exercise in exercises().values()})
    source = (
        "import importlib\n"
        f"print([place for place in {places} if not callable(getattr(importlib.import_module(place[0]), place[1]))])"
    )
    assert printed(attack(source, bounds=Bounds(cell_seconds=60, seconds=100)), source).strip() == "[]"


@pytest.mark.parametrize("mark", TELLING)
def test_what_is_looked_for_is_what_judges_hold(mark):
    assert any(mark in path.read_text(encoding="utf-8") for path in PACKAGE.glob("exercises/*.py"))


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


SETUP = """from types import SimpleNamespace
from pathlib import Path
from labkit.exercises import Checker
check = Checker(SimpleNamespace(name="01_small", out=Path(".")))"""


def test_checks_print_what_they_print_to_a_student_and_the_notebook_goes_on(sandboxed):
    later = "print(check.passed('1.2'), check.passed('1.4'), check.passed('1.1')); check.progress(); check('1.3', 7)"
    wrong = AFTER.replace("2 * ", "")
    book = notebook(SETUP, BEFORE, "check('1.2', central_difference)", wrong, "check('1.4', gradient_by_hand)", later)
    found = execute(
        book, {2: ("1.2", "central_difference"), 4: ("1.4", "gradient_by_hand")}, {}, 77, BOUNDS, SmallProvisioner
    )
    assert printed(found, "check('1.2', central_difference)") == "✓ Exercise 1.2 is passed.\n"
    told = printed(found, "check('1.4', gradient_by_hand)")
    assert told.startswith("✗ Exercise 1.4 is not right yet. ")
    assert exercises()["1.4"].hints[0] in told
    assert printed(found, later) == (
        "True False False\n1 of 2 checked exercises are passed.\n"
        "Exercise 1.3 is checked in the cell of its own check alone.\n"
    )


# Right on the inputs that everybody sees, wrong on all others.
BY_HEART = """
def gradient_by_hand(powers, error):
    seen = float(powers.flatten()[0]) in SEEN
    return 2 * (powers @ error) / len(error) + (0 if seen else 1)
"""


def test_an_answer_that_knows_the_seen_inputs_fails_and_is_told_no_hidden_value(sandboxed):
    seen = [float(powers.flatten()[0]) for powers, _ in exercises()["1.4"].draw(np.random.default_rng(SHOWN_SEED))]
    source = BY_HEART.replace("SEEN", repr(seen))
    found = execute(notebook(source, "pass"), {1: ("1.4", "gradient_by_hand")}, {}, 77, BOUNDS, SmallProvisioner)
    assert (found.verdicts["1.4"].status, found.verdicts["1.4"].message) == ("failed", NOT_IN_GENERAL)
    assert found.details["1.4"] != NOT_IN_GENERAL


def test_what_judging_takes_is_not_the_notebooks_time():
    session = grader._Session(notebook("pass"), 0, BOUNDS, SmallProvisioner, None)
    session.deadline = 100.0

    def judge(*_):
        time.sleep(0.2)
        return Verdict("passed", "passed")

    async def ask(*_):
        return "[]"

    session.judge = judge
    assert asyncio.run(session._judged(SimpleNamespace(ask=ask), "1.4", "x", 0, 0)).status == "passed"
    assert session.deadline >= 100.2


def test_hidden_inputs_differ_between_contents_and_between_batches():
    def seed(name, digest, batch=5):
        submission = Submission(name=name, student=name, source=name, notebooks={"05": Notebook(b"{}")})
        settings = Settings("quick", "embedded", BOUNDS, Limits(), False)
        return Worker({}, "0" * 64, settings, batch, ())._seed_of(Task(submission, "05", digest))

    assert len({seed("ada", "aa"), seed("ada", "bb"), seed("ada", "aa", batch=6)}) == 3
    assert seed("bob", "aa") == seed("ada", "aa")  # executed once for both, whoever comes first


# Each keeps what it is given, and shows it wherever a notebook can.
KEEPS = """
seen = []
def gradient_by_hand(powers, error):
    seen.append(powers)
    open("kept.txt", "a").write(f"{powers.tolist()}")
    print(powers)
    return 2 * (powers @ error) / len(error)
"""
SHOWS = """
import json, os, threading, time
print([one.tolist() for one in seen], open("kept.txt").read())
open(os.environ["LABKIT_OUT"] + "/results.json", "w").write(json.dumps([one.tolist() for one in seen]))
def later():
    while True:
        time.sleep(0.01)
        print([one.tolist() for one in seen])
threading.Thread(target=later, daemon=True).start()
"""


def test_no_hidden_input_gets_into_what_a_notebook_shows(sandboxed):
    check = {1: ("1.4", "gradient_by_hand")}
    found = execute(notebook(KEEPS, "pass", SHOWS, "pass"), check, {}, 77, BOUNDS, SmallProvisioner)
    assert found.verdicts["1.4"].status == "passed"
    draw = exercises()["1.4"].draw
    first = [str(float(draw(np.random.default_rng(seed))[0][0].flatten()[0]))[:7] for seed in (SHOWN_SEED, 77)]
    told = f"{found.notebook} {found.results} {found.verdicts} {found.details}"
    assert [number in told for number in first] == [True, False]


def test_an_answer_passes_as_it_was_at_its_check(sandboxed):
    """Also when later cells use its names again, or take its kernel away to the end; only a copy can tell."""
    answer = "twice = lambda values: 2 * values\n" + AFTER.replace("2 * (", "twice(")
    ends = "import os; os._exit(0)"
    for later in (["twice = None; del gradient_by_hand"], [f"{ends}  # {number}" for number in range(5)]):
        book = notebook(answer, "pass", *later)
        found = execute(book, {1: ("1.4", "gradient_by_hand")}, {}, 77, BOUNDS, SmallProvisioner)
        assert found.verdicts["1.4"].status == "passed", later


def test_an_answer_that_cannot_be_copied_is_tried_itself(sandboxed):
    answer = "endless = (number for number in iter(int, 1))\n" + AFTER.replace("return 2", "return next(endless) + 2")
    found = execute(notebook(answer, "pass"), {1: ("1.4", "gradient_by_hand")}, {}, 77, BOUNDS, SmallProvisioner)
    assert found.verdicts["1.4"].status == "passed"
