"""course.toml: what each key means, and the sentence for each that cannot be meant."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from labkit import CHECKOUT
from labkit.basics.errors import UsageError
from labkit.exercises.catalogue import exercises
from labkit.grading.records.ledger import KINDS, read_ledger
from labkit.grading.records.policy import FILE, Policy, read_duration, read_moment, read_policy

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WHOLE = """
[grade]
scale = 20
round = "0.5"
weights = {exercises = 40, questions = 30, report = 30}

[late]
due = "2026-11-30T23:59 Europe/Stockholm"
grace = "15 min"
per = "day"
off = "10 %"
at_most = "40 %"
applied_by = "labkit"
"""
DUE = 'due = "2026-11-30T23:59 Europe/Stockholm"\noff = "10 %"\n'


@pytest.fixture
def read(tmp_path):
    def run(text):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        return read_policy(tmp_path)

    return run


def test_without_a_file_the_total_is_what_the_exercises_bring(tmp_path):
    policy = read_policy(tmp_path)
    assert policy == Policy()
    assert policy.possible == sum(exercise.points for exercise in exercises().values())
    assert list(policy.parts) == ["exercises"]


def test_every_key_is_read_as_a_decimal(read):
    policy = read(WHOLE)
    assert (policy.possible, policy.step) == (20, Decimal("0.5"))
    assert policy.parts == {"exercises": 40, "questions": 30, "report": 30}
    late = policy.late
    assert late.due == datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
    assert (late.grace, late.interval) == (timedelta(minutes=15), timedelta(days=1))
    assert (late.off, late.at_most, late.by_canvas) == (Decimal("0.1"), Decimal("0.4"), False)
    assert read("[grade]\nround = 0.1").step == Decimal("0.1")


def test_the_possible_points_are_those_of_the_weights_where_there_is_no_scale(read):
    assert read("[grade]\nweights = {exercises = 40, report = 30.5, questions = 0}").possible == Decimal("70.5")
    assert read("[late]\n" + DUE).possible == Policy().possible


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[grades]\nscale = 20", "'grades' is not known: did you mean 'grade'?"),
        ("[grade]\nscales = 20", "[grade] 'scales' is not known: did you mean 'scale'?"),
        ("[grade]\nweight = {report = 1}", "did you mean 'weights'?"),
        ("[grade]\nweights = {reports = 1}", "weights: 'reports' is not known: did you mean 'report'?"),
        ("[grade]\nxyz = 1", "[grade] 'xyz' is not known: there are scale, round, weights."),
        ("[grade]\nscale = 0", "scale must be a number above 0 and up to 100,000, and is '0'."),
        ("[grade]\nscale = true", "scale must be a number"),
        ("[grade]\nscale = nan", "scale must be a number"),
        ("[grade]\nscale = 1e999999", "scale must be a number"),
        ("[grade]\nscale = 1e-999999", "scale must be a number"),
        ('[grade]\nround = "half"', "round must be a number"),
        ("[grade]\nweights = {report = -1}", "weights: report must be a number from 0"),
        ("[grade]\nweights = {report = 0}", "weights are all 0"),
        ("[grade]\nweights = 3", "weights must be a table: write weights = {exercises = 40"),
        ("grade = 3", "grade must be a table: write [grade]."),
        ("[late]", "[late] lacks due."),
        (f"[late]\n{DUE}graze = '1 h'", "[late] 'graze' is not known: did you mean 'grace'?"),
        (f"[late]\n{DUE}grace = 15", "grace must be a text in quotes, and is 15."),
        (f"[late]\n{DUE}grace = '15 minutes'", "grace: '15 minutes' is no duration, such as '15 min'"),
        (f"[late]\n{DUE}per = 'week'", "per must be one of day, hour, and is 'week'."),
        (f"[late]\n{DUE}at_most = '140 %'", "at_most: '140 %' is no percentage"),
        (f"[late]\n{DUE}lowest = '50 %'", "lowest is Canvas' own"),
        (f"[late]\n{DUE}applied_by = 'moodle'", "applied_by must be one of labkit, canvas"),
        ("[late]\ndue = '2026-11-30T23:59'\noff = '10 %'", "lacks its time zone"),
        ("[late]\ndue = '2026-11-30T23:59+01:00'\noff = '10 %'", "due needs a time zone's name"),
        ("[late]\ndue = '2026-11-30T23:59 Europe/Stokholm'\noff = '10 %'", "did you mean 'Europe/Stockholm'?"),
        ("[late]\ndue = '2026-11-30 Europe/Stockholm'\noff = '10 %'", "is no moment"),
        ("[late]\ndue = '2026-11-31T23:59 Europe/Stockholm'\noff = '10 %'", "due: day"),
        ("[late]\ndue = 2026-11-30T23:59:00\noff = '10 %'", "due must be a text in quotes"),
        ("scale = ", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(read, tmp_path, text, sentence):
    with pytest.raises(UsageError) as raised:
        read(text)
    assert str(raised.value).startswith(str(tmp_path / FILE))
    assert sentence in str(raised.value)
    assert str(raised.value)[-1] in ".?"
    assert not str(raised.value).endswith("?.")


def test_a_time_that_comes_twice_or_never_is_read_for_the_student():
    """02:30 comes twice when the clocks go back, and never when they go forward."""
    for day, instants in (("2026-10-25", (0, 1)), ("2026-03-29", (0, 1))):
        first, last = (read_moment(f"{day}T02:30 Europe/Stockholm", last=last) for last in (False, True))
        assert last - first == timedelta(hours=1), instants
    assert read_moment("2026-07-01T12:00", STOCKHOLM) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert read_moment("2026-07-01T12:00Z", STOCKHOLM) == datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("15 min", 900), ("2 days", 172_800), ("1.5 h", 5_400), ("0 s", 0)])
def test_durations(text, seconds):
    assert read_duration(text) == timedelta(seconds=seconds)


def test_the_examples_of_the_docs_can_be_meant(read, tmp_path):
    text = (CHECKOUT / "docs" / "grading.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(\[grade\].*?)```", text, re.DOTALL)
    assert read(example) == read(WHOLE)
    (lines,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "ledger.jsonl").write_text(lines, encoding="utf-8")
    entries, told = read_ledger(tmp_path)
    assert ([entry.what for entry in entries], told) == (list(KINDS), [])
    keys = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert set(keys) >= {
        "weights",
        "scale",
        "round",
        *("due", "grace", "per", "off", "at_most", "applied_by", "lowest"),
    }
