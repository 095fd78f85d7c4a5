"""Tables by ids: each person once, nothing that a spreadsheet would compute, and who is left out is told."""

import csv
import io

import pytest

from labkit.grading.intake.people import Person
from labkit.grading.records.totals import Total
from labkit.grading.returning.others import anonymous_csv, blackboard_csv, brightspace_csv, gradescope_csv


def total(user, points=7.25, name="Lee, Mia", submission="s", story="7.25 = 7.25", **changed):
    return Total(Person(user, name, **changed), submission, "", points, 20, story)


def table(filled):
    return list(csv.reader(io.StringIO(filled.content.decode(), newline="")))


def test_brightspace():
    filled = brightspace_csv([total("4711"), total("12", login="ab12")], "Lab, 2")
    assert filled.content == (
        b'OrgDefinedId,"Lab, 2 Points Grade",End-of-Line Indicator\r\n#4711,7.25,#\r\n#ab12,7.25,#\r\n'
    )


def test_blackboard():
    assert blackboard_csv([total("jdoe", 7.0)], "").content == b'"Username","Lab"\r\n"jdoe","7"\r\n'


def test_gradescope():
    hostile = total("u1", name='=HYPERLINK("x")\nZoë', email="a@x.org")
    filled = gradescope_csv([hostile, total("", email="b@x.org")], "", lambda _: "700")
    assert table(filled) == [
        ["\ufeffName", "SID", "Email", "Total Score", "Max Points", "Submission ID"],
        ['\'=HYPERLINK("x") Zoë', "u1", "a@x.org", "7.25", "20", "700"],
        ["Lee, Mia", "", "b@x.org", "7.25", "20", "700"],
    ]


def test_anonymous():
    assert table(anonymous_csv([total("Ab3dE", story="7.25 = 9 - 1.75 (late 1 day)")]))[1:] == [
        ["Ab3dE", "7.25", "20", "7.25 = 9 - 1.75 (late 1 day)"]
    ]


@pytest.mark.parametrize("make", [brightspace_csv, blackboard_csv])
def test_who_is_left_out_is_told(make):
    excused = Total(Person("e"), "s", "", None, 20, "", excused=True)
    none = total("n", None, story="not marked yet: report")
    filled = make([total("a"), total("b", submission="t"), total("b", submission="u"), total(""), none, excused], "")
    assert filled.count == 1
    assert filled.alarms == (
        "t (ID b): 2 totals have this id.",
        "u (ID b): 2 totals have this id.",
        "s (Lee, Mia): there is no id to go by.",
        "s (ID n): it has no total. not marked yet: report.",
        "s (ID e): excused, which this table cannot say.",
    )
