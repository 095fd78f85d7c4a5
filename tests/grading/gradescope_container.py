"""What is tried as root in a container, by test_gradescope.py: one submission, graded with a second user's kernels."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from attack_makers import BOUNDS, LIMITS, attack, statuses
from batch_makers import make_batch

from labkit import PACKAGE
from labkit.basics.errors import LabkitError
from labkit.exercises.catalogue import exercises
from labkit.grading import gradescope
from labkit.grading.sandbox import second_user
from labkit.grading.sandbox.second_user import SecondUserProvisioner, second_user_server


class SmallProvisioner(SecondUserProvisioner):
    limits = LIMITS


@pytest.fixture
def hidden():
    """Hide the judges from all but root, as the image of the autograder does, and end the server afterwards."""
    folder = PACKAGE / "exercises"
    before = stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(0o700)
    yield
    folder.chmod(before)
    second_user_server.end()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder as /autograder: the course where only root reads it, and ada's submission."""
    make_batch(tmp_path)
    (tmp_path / "notebooks").chmod(0o700)
    shutil.copytree(tmp_path / "submissions" / "ada", tmp_path / "submission")
    (tmp_path / "submission_metadata.json").write_text('{"users": [{"email": "ada@example.org"}]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def no_sandbox():
    raise LabkitError("no namespaces here")


def is_gradescopes(results: dict) -> None:
    """Assert what Gradescope's specification asks of a results.json."""
    assert set(results) <= {
        *("score", "execution_time", "output", "output_format", "test_output_format", "test_name_format"),
        *("visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"),
    }
    kinds = {"hidden", "after_due_date", "after_published", "visible"}
    assert {results["visibility"], results["stdout_visibility"]} <= kinds
    assert "score" in results or results["tests"]
    for test in results["tests"]:
        assert 0 <= test["score"] <= test["max_score"]
        assert test["visibility"] in kinds
        assert test["status"] in ("passed", "failed")
        assert test["output_format"] in ("text", "html", "simple_format", "md", "ansi")
        assert all(isinstance(test[name], str) for name in ("name", "number", "output"))


def test_a_submission_is_graded_without_namespaces(root, hidden, monkeypatch, capsys):
    monkeypatch.setattr(gradescope, "refuse_without_sandbox", no_sandbox)
    path = gradescope.run(root)
    results = json.loads(path.read_text(encoding="utf-8"))
    is_gradescopes(results)
    scores = {test["number"]: (test["score"], test["max_score"]) for test in results["tests"]}
    assert scores["1.2"] == (1, 1)
    assert scores["1.4"] == (2, 2)
    assert sum(score for score, _ in scores.values()) == 3
    assert set(scores) == set(exercises())
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "results.json" in os.listdir(path.parent)


def test_where_a_secret_lies_open_nothing_is_graded(root, hidden, monkeypatch):
    monkeypatch.setattr(gradescope, "refuse_without_sandbox", no_sandbox)
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are root's alone
        Path(folder).chmod(0o755)
        monkeypatch.setattr(gradescope, "notebooks_folder", lambda: Path(folder))
        with pytest.raises(LabkitError, match=r"could read .*: let only root read its folder"):
            gradescope.run(root)
    assert not (root / "results" / "results.json").exists()


# Each ends with an answer that is wrong; what it tries, only root may do.
ATTACKS = {
    "reads the judges": f"standardise = open({str(PACKAGE / 'exercises' / 'nb01_pytorch_blitz.py')!r}).read",
    "imports the judges": "import labkit.exercises.nb01_pytorch_blitz as judges\nstandardise = judges",
    "becomes root": "import os\nos.setuid(0)",
    "ends everything": "import os\nos.kill(os.getppid(), 9)\nos.kill(-1, 9)",
    "traces its grader": "import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise OSError",
    "writes results": "open('RESULTS/results.json', 'w').write('{}')",
    "patches the check": "import labkit.exercises.checker as c\nc.Checker.passed = lambda *a: True",
    "forges notes": "import labkit.exercises.notes as p\np.encode = lambda *a: '[{\"value\": 1}]'\nstandardise = 0",
    "says yes to all": "class Yes:\n    __eq__ = __lt__ = lambda *a: True\nstandardise = lambda x: Yes()",
}


@pytest.mark.parametrize("what", ATTACKS)
def test_a_hostile_notebook_scores_nothing(what, hidden, tmp_path):
    results = tmp_path / "results"
    results.mkdir(mode=0o700)
    (results / "results.json").write_text("ours")
    found = attack(ATTACKS[what].replace("RESULTS", str(results)), bounds=BOUNDS, provisioner=SmallProvisioner)
    assert statuses(found)[1] in ("failed", "open", "lost")
    assert (results / "results.json").read_text() == "ours"


def test_the_second_user_is_nobody(hidden):
    told = "id -u; id -G; grep -h Cap /proc/self/status; cat /etc/shadow"
    result = subprocess.run(second_user.as_second_user(["sh", "-c", told]), capture_output=True, text=True)
    user, groups, *capabilities = result.stdout.split("\n")
    assert (user, groups) == (str(second_user.USER), str(second_user.USER))
    assert {line.split()[1].strip("0") for line in capabilities if line} == {""}
    assert "Permission denied" in result.stderr
