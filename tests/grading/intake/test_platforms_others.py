"""The downloads of Moodle, Gradescope, Brightspace and Blackboard, in each of their forms."""

import json

import pytest
from platform_makers import Sent, again, blackboard, brightspace, gradescope, moodle


def book(text="x = 1"):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


LOOSE = {"01_small.ipynb": book(), "02_small.ipynb": book()}
PEOPLE = [
    Sent("Mia Lee", 1234, LOOSE, login="mlee", sid="a1", email="mia@x.se"),
    Sent("Jo_Ann O'Roe", 1235, LOOSE, text="<p>hi</p>", login="j_roe", sid="a2", email="jo@x.se"),
    Sent("李 小龍", 1236, text="only typed", login="li", sid="", email="li@x.se"),
]


def text_of(submission):
    return {name: json.loads(one.content)["cells"][0]["source"] for name, one in submission.notebooks.items()}


@pytest.mark.parametrize("form", [{}, {"old": True}, {"folders": False}])
def test_moodle_in_folders_and_flat(read_everywhere, form):
    batch = read_everywhere(moodle(PEOPLE, **form))
    assert (batch.platform, batch.told[0]) == ("moodle", "Moodle: 3 participants; it does not tell who was late.")
    found = {one.user: (one.student, len(one.notebooks)) for one in batch.submissions}
    assert found == {"1234": ("Mia Lee", 2), "1235": ("Jo Ann ORoe", 2), "1236": ("李 小龍", 0)}


def test_moodle_blind_and_teams(read_everywhere):
    batch = read_everywhere(moodle(PEOPLE, blind=True))
    assert batch.platform == "moodle, blind"
    assert [one.name for one in batch.submissions] == ["participant-1234", "participant-1235", "participant-1236"]


def test_moodle_teams_and_those_without_one(read_everywhere):
    teams = [Sent("Team_1", 77, LOOSE), Sent("Team_2", 78, LOOSE), Sent("Default group", 0, LOOSE, text="hm")]
    batch = read_everywhere(moodle(teams))
    assert {one.student: one.user for one in batch.submissions} == {"Team 1": "77", "Team 2": "78", "Default group": ""}
    assert [len(one.notebooks) for one in batch.submissions] == [2, 2, 2]


def test_gradescope_tells_names_times_and_groups(read_everywhere):
    group = Sent("", 9, LOOSE, members=(("Ann B", "s1", "a@x"), ('Bob "B" \\', "s2", "b@x")))
    batch = read_everywhere(gradescope([*PEOPLE[:2], Sent("Al Roe", 1237, LOOSE), group]))
    assert (batch.platform, batch.told[0]) == (
        "gradescope",
        "Gradescope: 4 submissions; it does not tell who was late.",
    )
    both, mia, jo, _ = sorted(batch.submissions, key=lambda one: int(one.entries[0].partition("_")[2]))
    assert (mia.student, mia.user, mia.submitted) == ("Mia Lee", "a1", "2026-11-24T21:26:03+00:00")
    assert (jo.people[0].id, jo.people[0].email, jo.group) == ("a2", "jo@x.se", "")
    assert [person.name for person in both.people] == ["Ann B", 'Bob "B" \\']
    assert both.group == both.student == 'Ann B, Bob "B" \\'
    assert all(len(one.notebooks) == 2 for one in batch.submissions)


@pytest.mark.parametrize(
    "content", [None, b"submission_1234: [", b"[]", b"submission_1234: 7\n", b"&a [*a, *a]", b"\xff"]
)
def test_gradescope_without_metadata_loses_nobody(read_everywhere, content):
    entries = gradescope(PEOPLE[:2])
    name = "assignment_4711_export/submission_metadata.yml"
    entries = {**entries, name: content} if content else {key: one for key, one in entries.items() if key != name}
    batch = read_everywhere(entries)
    assert [one.student for one in batch.submissions] == ["submission_1234", "submission_1235"]
    assert any("submission_metadata.yml" in line for line in batch.told)


def test_brightspaces_attempts_are_one_submission_the_latest_first(read_everywhere):
    mia = Sent("Mary-Ann Smith", 397063, {"01_small.ipynb": book("old"), "02_small.ipynb": book("old")})
    batch = read_everywhere(brightspace([mia, again(mia, files={"01_small.ipynb": book("new")}), PEOPLE[1]]))
    assert (batch.platform, batch.told[0]) == ("brightspace", "Brightspace: 2 people; it does not tell who was late.")
    (found,) = [one for one in batch.submissions if one.student == "Mary-Ann Smith"]
    assert (found.user, found.submitted, len(found.entries)) == ("397063-2557369", "2026-11-24T22:26:00", 2)
    assert text_of(found) == {"01_small": "new", "02_small": "old"}


def test_brightspace_in_another_language_and_flat(read_everywhere):
    entries = {
        "1-2 - Åsa Ek - 24 september 2026 2126/01_small.ipynb": book(),
        "3-2 - Bo - Li - Sep 24, 2026 926 PM - 01_small.ipynb": book(),
        "3-2 - Bo - Li - Sep 24, 2026 926 PM - 02_small.ipynb": book(),
    }
    batch = read_everywhere(entries)
    assert [(one.student, len(one.notebooks)) for one in batch.submissions] == [("Åsa Ek", 1), ("Bo - Li", 2)]
    assert any("times of 1 attempts cannot be read" in line for line in batch.told)


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("assignment", ["Lab 2", "Lab_2_b"])
def test_blackboards_texts_are_nobody_of_their_own(read_everywhere, assignment, texts):
    mia, jo, li = PEOPLE
    newer = again(mia, files={"01_small.ipynb": book("new")})
    sent = [mia, newer, jo, li] if texts else [mia, newer, jo]
    batch = read_everywhere(blackboard(sent, assignment, texts))
    assert batch.platform == "blackboard"
    found = {one.user: one for one in batch.submissions}
    assert found.keys() == ({"mlee", "j_roe", "li"} if texts else {"mlee", "j_roe"})
    assert found["mlee"].student == ("Mia Lee" if texts else "mlee")
    assert found["mlee"].submitted == "2026-11-24T22:26:03"
    assert text_of(found["mlee"]) == {"01_small": "new", "02_small": "x = 1"}
    assert found["j_roe"].people[0].login == "j_roe"
