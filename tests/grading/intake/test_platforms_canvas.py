"""Canvas' downloads: people, groups, anonymous, late, texts, resubmissions, and names that can be read in two ways."""

import json

import pytest
from platform_makers import Sent, again, as_folder, canvas, canvas_export

from labkit.basics.errors import UsageError
from labkit.grading.intake.rosters import known_ids
from labkit.grading.intake.submissions import read_batch

COURSE = ("01_small", "02_small")


def book(text="x = 1"):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


LOOSE = {"01_small.ipynb": book(), "02_small.ipynb": book()}


def facts(batch):
    return {one.name: (one.student, one.user, one.late, len(one.notebooks)) for one in batch.submissions}


def test_people_with_texts_lateness_and_a_second_attempt(read_everywhere):
    jane = Sent("Jane van_der Doe", 5101, {"01_small.ipynb": book("old")})
    batch = read_everywhere(
        canvas(
            [jane, again(jane, files=LOOSE, late=True), Sent("Bo Li", 5102, LOOSE), Sent("Al Roe", 5103, text="Sorry")]
        )
    )
    assert (batch.platform, batch.told[0]) == ("canvas", "Canvas: 3 students, 1 late.")
    assert facts(batch) == {
        "doejanevan-der-5101": ("doejanevan_der", "5101", True, 2),
        "libo-5102": ("libo", "5102", False, 2),
        "roeal-5103": ("roeal", "5103", False, 0),
    }
    assert [one.problems for one in batch.submissions][:2] == [(), ()]


GROUPS = [
    Sent("Team_1", 5101, LOOSE),
    Sent("Team_2", 5102, {"lab.zip": b""}, late=True),
    Sent("lab 2_12", 5103, {"7_8_a.zip": b""}),
]
WANTED = {
    "team-1-5101": ("team_1", "5101", False, 2),
    "team-2-5102": ("team_2", "5102", True, 0),
    "lab2-12-5103": ("lab2_12", "5103", False, 0),
}


def test_the_usual_form_of_the_batch_settles_groups_with_numbers(read_everywhere):
    batch = read_everywhere(canvas([*GROUPS, Sent("Plain", 5104, LOOSE)], groups=True))
    assert facts(batch) == {**WANTED, "plain-5104": ("plain", "5104", False, 2)}
    assert batch.told[0] == "Canvas: 4 students, 1 late."


def test_without_a_plain_name_what_most_can_be_read_as_settles_it(read_everywhere):
    sent = [Sent(f"Team_{number}", 5100 + number, LOOSE) for number in range(1, 13)]
    batch = read_everywhere(canvas(sent, groups=True))
    assert {one.user for one in batch.submissions} == {str(one.number) for one in sent}


def test_an_export_settles_what_is_open_and_without_it_is_told(read_everywhere, tmp_path):
    sent = [Sent(f"Team_{number}", 5100 + number, {"9_a.zip": b""}) for number in (1, 2, 3)]
    entries = canvas(sent, groups=True)
    opened = read_everywhere(entries)
    assert [(one.student, one.user) for one in opened.submissions] == [(f"team_{number}", "") for number in (1, 2, 3)]
    assert "can be read in several ways" in opened.submissions[0].problems[0]
    assert any("--canvas export.csv" in line for line in opened.told)
    (tmp_path / "export.csv").write_bytes(canvas_export(sent))
    settled = read_everywhere(entries, known_ids(tmp_path / "export.csv", canvas=True))
    assert [(one.student, one.user) for one in settled.submissions] == [
        (f"team_{one.number % 10}", str(one.number)) for one in sent
    ]
    assert not any("several ways" in problem for one in settled.submissions for problem in one.problems)


def test_anonymous_ids_are_no_user_ids_and_keep_their_case(read_everywhere):
    ids = ["Ab3dE", "aB3De", "48213", "Qr7tU"]
    sent = [Sent("", number, LOOSE, anonymous=name, late=name == "Qr7tU") for number, name in enumerate(ids)]
    batch = read_everywhere(canvas([*sent, Sent("", 9, text="Hi", anonymous="zzzzz")], anonymous=True))
    assert (batch.platform, batch.told[0]) == ("canvas, anonymous", "Canvas, anonymous: 5 students, 1 late.")
    assert {(one.user, one.late, len(one.notebooks)) for one in batch.submissions} == {
        *((name, name == "Qr7tU", 2) for name in ids),
        ("zzzzz", False, 0),
    }
    assert {"anon-48213", "anon-qr7tu"} < {one.name for one in batch.submissions}


def test_a_person_called_anon_stays_one(read_everywhere):
    batch = read_everywhere(
        canvas([Sent("Anon", 12345, LOOSE), Sent("Jane Doe", 12346, LOOSE), Sent("Bo Li", 12347, LOOSE)])
    )
    assert batch.platform == "canvas"
    assert ("anon", "12345", False, 2) in facts(batch).values()


def test_folders_that_only_look_like_canvas_stay_apart(tmp_path):
    entries = {
        f"group_1_{number}_{name}/01_small.ipynb": book() for number, name in ((2, "ann"), (3, "bob"), (4, "cy"))
    }
    batch = read_batch(as_folder(entries, tmp_path / "batch"), COURSE)
    assert [one.student for one in batch.submissions] == ["group_1_2_ann", "group_1_3_bob", "group_1_4_cy"]


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"Student,ID,Lab 1 (1)\n    Points Possible,,20\nDoe,5101,7\n", {"5101"}),
        (b"\xef\xbb\xbfLastName;FirstName;ID;Lab 1 (1)\r\nDoe;J\xc3\xa4n;5101;7,5\r\n", {"5101"}),
        ("Student,ID\nDöe,5101\n".encode("latin-1"), {"5101"}),
    ],
)
def test_ids_come_from_any_kind_of_export(tmp_path, content, ids):
    (tmp_path / "export.csv").write_bytes(content)
    assert known_ids(tmp_path / "export.csv", canvas=True) == ids


def test_a_table_without_ids_is_refused(tmp_path):
    (tmp_path / "export.csv").write_text("Name,Points\nDoe,7\n")
    with pytest.raises(UsageError, match="has no column ID"):
        known_ids(tmp_path / "export.csv", canvas=True)
    with pytest.raises(UsageError, match="cannot be read"):
        known_ids(tmp_path / "none.csv")
