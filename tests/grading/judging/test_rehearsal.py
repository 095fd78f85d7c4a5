"""The course's own notebooks before a night: what they train is known afterwards, and what they fail is told."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from attack_makers import SmallProvisioner

from labkit.exercises.exercise import Verdict
from labkit.grading.judging.grader import Execution, execute
from labkit.grading.judging.rehearsal import rehearse
from labkit.grading.sandbox.confine import Limits
from labkit.grading.sandbox.provisioners import sandbox_server
from labkit.grading.settings import Bounds

pytestmark = pytest.mark.slow

BOUNDS = Bounds(60, 60, 1_000_000)
SWEEP = """
import os
from pathlib import Path
from labkit.training.config import TrainConfig
from labkit.data.datasets import load
from labkit.models.networks import MLP
from labkit.basics.machine import set_threads
from labkit.training.sweeps import sweep
set_threads()
digits = load("mnist", "embedded", train_limit=100)
cache = Path(os.environ["LABKIT_OUT"]) / "cache"
print(sweep(MLP, {"hidden_sizes": [(4,), (5,)]}, digits, TrainConfig(epochs=1), [0, 1], cache).computed)
"""
OWN = SWEEP.replace("print(", "class Own(MLP): pass\nprint(").replace("sweep(MLP", "sweep(Own")
POISON = """
import os
from pathlib import Path
runs = Path(os.environ["LABKIT_REHEARSED"])
for path in (*runs.iterdir(), runs / "new"):
    try: path.write_bytes(b"x")
    except OSError: print("refused")
"""


class Roomy(SmallProvisioner):
    limits = Limits(memory=1_000_000_000)


def run(source, at_end=None):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    return execute(notebook, {}, {}, 0, BOUNDS, Roomy, at_end)


def printed(found):
    return "".join(output.get("text", "") for output in found.notebook.cells[0].outputs)


@pytest.fixture
def runs(tmp_path, sandboxed, monkeypatch):
    """Return the folder of known runs, which a sandbox of this test's own shows."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("LABKIT_REHEARSED", str(folder))
    sandbox_server.end()
    yield folder
    sandbox_server.end()


def test_what_the_course_trains_is_given_to_submissions_that_train_the_same(runs, capsys):
    with ThreadPoolExecutor(1) as pool:
        rehearse(["05"], {}, runs, lambda stem, at_end: run(SWEEP, at_end), pool)
    assert len(list(runs.glob("*.npz"))) == 4
    assert printed(run(SWEEP)) == "0\n"
    assert printed(run(SWEEP.replace("(5,)", "(6,)"))) == "4\n"
    assert printed(run(OWN)) == "4\n"
    assert printed(run(POISON)) == "refused\n" * 6
    assert printed(run(SWEEP)) == "0\n"
    assert "Rehearsed in" in capsys.readouterr().out
    assert os.listdir(runs.parent) == ["runs"]


def test_it_is_done_once_for_a_setting_and_tells_what_does_not_pass(tmp_path, capsys):
    asked = []

    def stand_in(stem, at_end):
        asked.append(stem)
        verdicts = {"1.1": Verdict("passed", "passed"), "1.2": Verdict("failed", "no")}
        return Execution(None, statuses=["timeout"], verdicts=verdicts, remarks=["Cell 3 took too long."])

    with ThreadPoolExecutor(1) as pool:
        for setting in ({"seconds": 5}, {"seconds": 5}, {"seconds": 6}):
            rehearse(["01", "02"], setting, tmp_path, stand_in, pool)
        rehearse(["03"], {"seconds": 6}, tmp_path, stand_in, pool)
    assert asked == ["01", "02"] * 2 + ["03"]
    told = capsys.readouterr().out
    assert "The course's own 01 is timeout, and these checks do not pass: 1.2. Cell 3 took too long. So it may" in told
    assert json.loads((tmp_path / "01.json").read_text()) == {"seconds": 6}
