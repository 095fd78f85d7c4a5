from types import SimpleNamespace

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labkit.exercises.checker import Checker

ANSWER = "def central_difference(f, x, h):\n    return (f(x + h) - f(x - h)) / (2 * h)"
WRONG = ANSWER.replace(" - f(x - h)", " - f(x)")
CHECK = "check('1.2', central_difference)"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a cell and returns what it printed, in a notebook that has a check."""
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    shell.user_ns["check"] = Checker(SimpleNamespace(name="01_pytorch_blitz", out=tmp_path))

    def run(source):
        capsys.readouterr()
        shell.run_cell(source)
        return capsys.readouterr().out

    return run


def test_a_cell_that_did_not_run_is_told_and_the_former_function_is_not_judged(run):
    run(ANSWER)
    assert "is passed" in run(CHECK)
    for broken in (ANSWER.replace("2 * h)", "2 * h"), f"1 / 0\n{ANSWER}", f"x = [\n{ANSWER}"):
        assert "Error" in run(broken)
        told = run(CHECK)
        assert told.startswith(
            "✗ Exercise 1.2 is not checked. The cell that defines `central_difference` did not run ("
        )
        assert "still is what it was before" in told
    assert "True" in run("print(check.passed('1.2'))")  # the function that passed is the one that the name holds
    run(WRONG)
    assert "not right yet" in run(CHECK)
    run(f"{ANSWER}\n1 / 0")  # fails behind the function, which is the new one
    assert "is passed" in run(CHECK)


def test_a_name_that_no_cell_defined_is_told_with_what_to_do(run):
    told = run(CHECK)
    assert "name 'central_difference' is not defined" in told
    assert "Run the notebook from the top" in told
    run(ANSWER + " +")
    told = run(CHECK)
    assert "The cell that defines `central_difference` did not run (SyntaxError" in told
    run(ANSWER.replace("(f(x", "undefined * (f(x"))
    told = run(CHECK)
    assert "not right yet" in told
    assert "Run the notebook from the top" in told


def test_a_checker_that_is_made_again_watches_once(run):
    run("from types import SimpleNamespace; from labkit.exercises.checker import Checker\nfrom pathlib import Path")
    run("check = Checker(SimpleNamespace(name='01_pytorch_blitz', out=check.file.parent.parent))")
    told = run(CHECK)
    assert told.count("No cell that has run so far defines") == 1
