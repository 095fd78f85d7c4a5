"""AttemptStore as files: whole ones are taken over once, and nothing else is."""

import json
import pickle
from dataclasses import asdict

import pytest
from attempt_makers import attempt

from labkit.grading.records.store import AttemptStore
from labkit.grading.slurm import handover
from labkit.grading.slurm.handover import hand_over, take_over

WHOLE = asdict(attempt())


class Trap:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


@pytest.fixture
def results(tmp_path):
    with AttemptStore(tmp_path / "results.sqlite") as opened:
        yield opened


def test_what_is_handed_over_is_taken_over_once(tmp_path, results):
    first = attempt(points={"5.1": 1}, remarks=("One.", "Zwei: ü"), seconds=1 / 3, student="李 \ud800")
    hand_over(first, tmp_path / "finished")
    hand_over(attempt("bo", status="failed"), tmp_path / "finished")
    assert [taken.submission for taken in take_over(tmp_path / "finished", results)] == ["bo", "lee_mia_101"]
    assert list((tmp_path / "finished").iterdir()) == []
    kept = results.attempts()[1]
    assert (kept.verdicts, kept.remarks, kept.seconds) == (first.verdicts, first.remarks, first.seconds)
    assert list(take_over(tmp_path / "finished", results)) == []
    assert list(take_over(tmp_path / "nowhere", results)) == []


def test_a_file_that_a_killed_command_left_is_not_added_again(tmp_path, results):
    hand_over(attempt(), tmp_path)
    results.add(attempt())
    assert list(take_over(tmp_path, results)) == []
    assert list(tmp_path.glob("*.json")) == []
    hand_over(attempt(seconds=1.75), tmp_path)  # the same once more, with --fresh
    assert len(list(take_over(tmp_path, results))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"submission": ' + b"9" * 10_000 + b"}",
        json.dumps({**WHOLE, "status": "excellent"}).encode(),
        json.dumps({**WHOLE, "seconds": float("nan")}).encode(),
        json.dumps({**WHOLE, "extra": 1}).encode(),
        json.dumps({**WHOLE, "remarks": 1}).encode(),
        json.dumps({key: value for key, value in WHOLE.items() if key != "remarks"}).encode(),
        b" " * 30_000 + json.dumps(WHOLE).encode(),
        pickle.dumps(Trap()),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_junk_is_left_aside_with_a_sentence(tmp_path, results, monkeypatch, capsys, content):
    monkeypatch.setattr(handover, "LARGEST", 20_000)
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "b.json").mkdir()
    (tmp_path / ".c.json.x1y2").write_bytes(b"half a file")
    hand_over(attempt(), tmp_path)
    assert len(list(take_over(tmp_path, results))) == 1
    assert capsys.readouterr().out.endswith("it is left aside as a.junk.\n")
    assert (tmp_path / "a.junk").read_bytes() == content
    assert list(take_over(tmp_path, results)) == []
    assert capsys.readouterr().out == ""
