"""A new exercise stands in its three places, passes nobody before it is written, and works once it is."""

import importlib.util
import subprocess
import sys

import jupytext
import pytest

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.course import build
from labkit.course.upkeep import new_exercise as command
from labkit.course.upkeep.completeness import examine_course
from labkit.course.upkeep.new_exercise import new_exercise
from labkit.exercises.catalogue import exercises
from labkit.exercises.judge import examine

TWIN = "notebooks/source/05_mlp1_sweep.py"
MODULE, ANSWERS = "labkit/exercises/nb05_mlp1_sweep.py", "tests/exercises/answers/nb05_mlp1_sweep.py"
PLACES = (TWIN, MODULE, ANSWERS)


def texts(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def trial(root, monkeypatch):
    """Return what nbgrader will know of the cells, and the verdicts on a right answer and two others."""
    spec = importlib.util.spec_from_file_location("copied", root / MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    exercise = module.EXERCISES[-1]
    monkeypatch.setattr(build, "exercises", lambda: exercises() | {"5.5": exercise})
    cells = build.mark(jupytext.read(root / TWIN)).cells
    marked = {cell.metadata["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell.metadata}
    return marked, [examine(exercise, answer) for answer in (lambda n: 2 * n, lambda n: n, lambda n: None)]


def gaps(root):
    return [gap for row in examine_course(root) for gap in row.gaps]


def test_it_is_written_in_three_places_and_works_once_it_is_filled(checkout, change, monkeypatch):
    before = texts(checkout)
    assert new_exercise("05") == [checkout / name for name in PLACES]
    changed = [path for path, content in texts(checkout).items() if before.get(path) != content]
    assert sorted(changed) == sorted(checkout / name for name in PLACES)
    for name in PLACES:
        lines = before[checkout / name].decode().splitlines()
        assert [line for line in lines if line not in (checkout / name).read_text(encoding="utf-8")] == []
    for step in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *step, "--no-cache", *PLACES]
        assert subprocess.run(ruff, capture_output=True).returncode == 0
    marked, verdicts = trial(checkout, monkeypatch)
    assert {"answer-5-5", "check-5-5"} <= marked
    assert [verdict.status for verdict in verdicts] == ["failed"] * 3
    assert verdicts[0].message.startswith("The judge of exercise 5.5 is still to be written")
    told = gaps(checkout)
    assert [gap for gap in told if "5.5 has 0 right answers" in gap]
    assert [gap for gap in told if "5.5 has 0 wrong answers" in gap]
    assert [gap for gap in told if MODULE in gap and "is to be written" in gap]
    fill(checkout, change)
    assert gaps(checkout) == []
    _, verdicts = trial(checkout, monkeypatch)
    assert [(verdict.status, verdict.message[:24]) for verdict in verdicts] == [
        ("passed", "passed"),
        ("failed", "Twice as many are wanted"),
        ("failed", "Your function returns No"),
    ]


def fill(checkout, change):
    """Write what the command left to be written."""
    change(
        MODULE,
        '    raise Wrong("The judge of exercise 5.5 is still to be written: no answer to it passes.")',
        "    for answer, (number,) in zip(answers, inputs, strict=True):\n"
        '        if answer != 2 * number:\n            raise Wrong("Twice as many are wanted.")',
    )
    change(MODULE, "for _ in range(3)]  # to be written", "for _ in range(3)]")
    change(MODULE, '"to be written",', '"twice as many",')
    change(MODULE, "To be written: a first hint, which", "Two times what? Look at the place that")
    change(MODULE, "To be written: a stronger hint, for who failed twice.", "Multiply what the function gets with 2.")
    change(TWIN, "Exercise 5.5 — to be written", "Exercise 5.5 — twice as many")
    change(TWIN, "# To be written: what the function gets, and what it returns.", "# Write `exercise_5_5`.")
    change(TWIN, '"""To be written: what it returns."""', '"""Return twice the number."""')
    change(TWIN, "return 2 * number  # to be written", "return 2 * number")
    change(ANSWERS, '"5.5": [],  # to be written: two or', '"5.5": [lambda n: 2 * n, lambda n: n + n],  # two or')
    wrong = ", ".join(f'(lambda n: {form}, "Twice as many")' for form in ("n", "3 * n", "n**2"))
    change(ANSWERS, '"5.5": [],  # to be written: three', f'"5.5": [{wrong}],  # three')


def test_the_next_number_is_behind_all_that_are_named_anywhere(checkout, change):
    change(ANSWERS, '"5.4": [', '"5.8": [], "5.4": [')
    new_exercise("05_mlp1_sweep")
    assert 'check("5.9", exercise_5_9)' in (checkout / TWIN).read_text(encoding="utf-8")
    new_exercise("05")
    assert 'check("5.10", exercise_5_10)' in (checkout / TWIN).read_text(encoding="utf-8")


def test_it_stands_before_the_questions_behind_the_text_that_goes_before_them(checkout):
    new_exercise("05")
    sources = [cell.source for cell in jupytext.read(checkout / TWIN).cells]
    place = next(number for number, source in enumerate(sources) if source.startswith('check("5.5"'))
    assert sources[place - 2].startswith("Neither gives exactly 95 %")
    assert "### Exercise 5.5 — to be written (2 points)" in sources[place - 2]
    assert "### BEGIN SOLUTION" in sources[place - 1]
    assert sources[place + 1].startswith("## Questions from your TA\n\n1. How many of the parameters")


def test_a_notebook_without_exercises_gets_its_two_modules(checkout):
    text = (checkout / TWIN).read_text(encoding="utf-8").split("# %% [markdown]")
    (checkout / "notebooks" / "source" / "10_attention.py").write_text(
        "# %% [markdown]\n# # 10 Attention\n\n# %% [markdown]" + text[-3], encoding="utf-8"
    )
    assert [path.name for path in new_exercise("10")] == ["10_attention.py", "nb10_attention.py", "nb10_attention.py"]
    assert '"10.1"' in (checkout / "labkit/exercises/nb10_attention.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (TWIN, "## Questions from your TA", "## Asked by your TA", "has no heading `## Questions from your TA`"),
        (MODULE, "EXERCISES = (", "EXERCISES = tuple(", "has no EXERCISES that is written out"),
        (MODULE, "from typing import Any\n", "from typing import Any\n" + "# a line more\n" * 160, "280 at most"),
        (ANSWERS, "WRONG = {", "WRONG = dict() or {", "has no WRONG that is written out"),
        (ANSWERS, "RIGHT = {", "RIGHT = {{", "cannot be read as Python"),
    ],
)
def test_nothing_is_written_where_something_is_in_the_way(checkout, change, name, old, new, message):
    change(name, old, new)
    before = texts(checkout)
    with pytest.raises(LabkitError, match=message):
        new_exercise("05")
    assert texts(checkout) == before


def test_notebooks_that_are_not_known_and_disks_that_are_full(checkout, monkeypatch):
    before = texts(checkout)
    with pytest.raises(UsageError, match="Notebook '77' is not known: choose among 01_pytorch_blitz"):
        new_exercise("77")
    write = command.write_atomically

    def full(path, content):
        if path == checkout / ANSWERS and isinstance(content, str):
            raise LabkitError("the disk is full")
        write(path, content)

    monkeypatch.setattr(command, "write_atomically", full)
    with pytest.raises(LabkitError, match="the disk is full"):
        new_exercise("05")
    assert texts(checkout) == before
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabkitError, match="needs ruff, which lays out code: `pip install ruff`"):
        new_exercise("05")


def test_the_limit_is_the_houses():
    assert f"if count > {command.LONGEST}" in (CHECKOUT / "tests" / "test_house.py").read_text(encoding="utf-8")
