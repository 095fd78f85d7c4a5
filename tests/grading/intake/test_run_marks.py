"""The marks of a run, out of results.json and the figures beside it, whatever they hold."""

import json

import pytest
from submission_makers import HANDED_OUT, book, zipped

from labkit.basics.errors import LabkitError
from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.reading.run_marks import MOST_TIMINGS, RunMarks, read_run_marks, read_runs, write_runs
from labkit.grading.intake.submissions import read_batch
from labkit.grading.texts import Refused

STEM = "05_mlp1_sweep"


def nothing(path):
    return None


def results(numbers, figures=None):
    return {"notebooks": {STEM: {"numbers": numbers, "figures": figures or {}}}}


def number(*values, unit="s"):
    return {"unit": unit, "values": list(values)}


def marks(numbers, figures=None, svg=nothing):
    return read_run_marks(results(numbers, figures), [STEM], svg).get(STEM, RunMarks())


def test_times_are_kept_to_all_digits_and_nothing_else_is():
    told = {
        "train_seconds": number(12.345678912, 12.345678912, 1.0345678e-05),
        "latency": number(0.43872, unit="ms"),
        "accuracy": number(97.91666666666667, unit="%"),
        "rounded": number(1.25, 100.0, 7, 0.0012),
    }
    assert marks(told).timings == ("train_seconds 12.345678912", "train_seconds 1.0345678e-05", "latency 0.43872")


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, "s", {"a": None}, {"a": []}, {"a": number()}, {"a": {"unit": "s", "values": {"x": 1}}},
     {"a": {"unit": [], "values": [1.23456]}},
     {"a": number(float("nan"), float("inf"), True, "1.23456", None, [1.5], 10**400)}],
)  # fmt: skip
def test_what_is_no_time_is_passed_over(odd):
    assert read_run_marks(results(odd), [STEM], nothing) == {}
    assert read_run_marks(odd, [STEM], nothing) == {}
    assert read_run_marks({"notebooks": odd}, [STEM], nothing) == {}


def test_what_is_kept_is_bounded():
    kept = marks({f"{'n' * 10_000}{n}": number(*(n + 0.12345 + k for k in range(500))) for n in range(9)})
    assert len(kept.timings) == MOST_TIMINGS
    assert max(map(len, kept.timings)) < 150


def test_figures_are_known_by_their_bytes():
    def refuse(limit):
        raise Refused("is damaged")

    files = {
        "a.svg": Member.of(("a.svg",), b"<svg>1</svg>"),
        "b.svg": Member.of(("b.svg",), b"<svg>2</svg>"),
        "large.svg": Member.of(("large.svg",), b" " * 2_000_000),
        "bad.svg": Member(("bad.svg",), 10, refuse),
        "link.svg": Member(("link.svg",), 10, fault="is a link"),
    }
    entries = {name: {"svg": name} for name in (*files, "gone.svg")} | {"odd": {"svg": 7}, "odder": []}
    kept = marks({"t": number(1.23456)}, entries, files.get).figures
    assert [text.split()[0] for text in kept] == ["a.svg", "b.svg"]
    assert len(set(kept)) == 2


def test_a_submission_tells_its_runs(tmp_path):
    told = results({"t": number(1.23456)}, {"curve": {"svg": "figures/curve.svg"}})
    files = {
        "lab-7/notebooks/05_mlp1_sweep.ipynb": book(5),
        "lab-7/results.json": json.dumps(told).encode(),
        "lab-7/figures/curve.svg": b"<svg/>",
    }
    (tmp_path / "lee_1_2_lab.zip").write_bytes(zipped(files))
    (submission,) = read_batch(tmp_path, HANDED_OUT).submissions
    assert submission.runs[STEM].timings == ("t 1.23456",)
    assert submission.runs[STEM].figures[0].startswith("curve ")


def test_runs_are_kept_beside_the_batch(tmp_path):
    runs = {"ada": {STEM: RunMarks(("t 1.23456",), ("curve 0f",))}}
    write_runs(tmp_path, {**runs, "bob": {}})
    assert read_runs(tmp_path) == runs


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 1}', '{"format": 1, "submissions": {"a": {"b": 7}}}'])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / "runs.json").write_text(content)
    with pytest.raises(LabkitError, match=r"runs\.json cannot be read .*: run the same `labkit grade` again"):
        read_runs(tmp_path)


def test_a_missing_file_and_one_of_another_version_are_told(tmp_path):
    with pytest.raises(LabkitError, match="an earlier version of labkit graded there"):
        read_runs(tmp_path)
    (tmp_path / "runs.json").write_text('{"format": 2}')
    with pytest.raises(LabkitError, match="not written by this version"):
        read_runs(tmp_path)
