"""The course's own notebooks before a night: what they train is known afterwards, and what they fail is told."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from attack_makers import SmallProvisioner

from labkit.exercises.exercise import Verdict
from labkit.grading.judging.grader import Execution, execute
from labkit.grading.judging.rehearsal import failures, rehearse
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


def run(*sources, after_cell=None):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return execute(notebook, {}, {}, 0, BOUNDS, Roomy, after_cell)


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
    """Also when a later cell is lost."""
    with ThreadPoolExecutor(1) as pool:
        rehearse(["05"], {}, runs, lambda stem, keep: run(SWEEP, "import os; os._exit(0)", after_cell=keep), pool)
    assert list(failures(runs)) == ["05"]
    assert len(list(runs.glob("*.npz"))) == 4
    assert printed(run(SWEEP)) == "0\n"
    assert printed(run(SWEEP.replace("(5,)", "(6,)"))) == "4\n"
    assert printed(run(OWN)) == "4\n"
    assert printed(run(POISON)) == "refused\n" * 6  # 4 trainings, the mark of the failure, a new file
    assert printed(run(SWEEP)) == "0\n"
    assert "Rehearsed in" in capsys.readouterr().out
    assert os.listdir(runs.parent) == ["runs"]


def test_what_passed_is_done_once_for_a_setting_and_what_did_not_is_told_and_tried_again(tmp_path, capsys):
    asked, wrong = [], {"02", "03"}

    def stand_in(stem, after_cell):
        asked.append(stem)
        if stem == "03":
            raise TypeError("unhashable\x1b[2J")
        if stem in wrong:
            verdicts = {"1.1": Verdict("passed", "passed"), "1.2": Verdict("failed", "no")}
            return Execution(None, statuses=["timeout"], verdicts=verdicts, remarks=["Cell 3 took too long."])
        return Execution(None)

    with ThreadPoolExecutor(1) as pool:
        for setting in ({"seconds": 5}, {"seconds": 5}, {"seconds": 6}):
            rehearse(["01", "02", "03"], setting, tmp_path, stand_in, pool)
        assert asked == ["01", "02", "03", "02", "03", "01", "02", "03"]
        told = capsys.readouterr().out
        sentence = "The course's own 02 is timeout, and these checks do not pass: 1.2. Cell 3 took too long. So it may"
        assert sentence in told
        assert "\x1b" not in told
        assert failures(tmp_path).keys() == wrong
        assert failures(tmp_path)["02"].startswith(sentence)
        assert failures(tmp_path)["03"].startswith("The course's own 03 could not be graded (TypeError: unhashable).")
        assert json.loads((tmp_path / "01.json").read_text()) == {"seconds": 6}
        wrong.clear()
        rehearse(["02"], {"seconds": 6}, tmp_path, stand_in, pool)
        rehearse(["02"], {"seconds": 6}, tmp_path, stand_in, pool)
    assert len(asked) == 9
    assert failures(tmp_path).keys() == {"03"}
