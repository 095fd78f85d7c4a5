"""Never fewer submissions than people, whatever their names, on any platform."""

import io
import json
import os
import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from platform_makers import START, Sent, as_zip, blackboard, brightspace, canvas, gradescope, moodle

from labkit.grading.intake.opening.zips import members_of_zip
from labkit.grading.intake.platforms.recognise import recognise
from labkit.grading.intake.uploads import by_student, names_for

BOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
PIECES = [
    *(
        "LATE",
        "anon",
        "_",
        "_",
        "1",
        "23",
        "5101",
        "_7_",
        " ",
        " - ",
        ".",
        "-",
        "(",
        "'",
        "é",
        "李",
        "Ö",
        "ж",
        "\u0301",
    ),
    *("Participant", "assignsubmission", "file", "submission_12", "attempt_2026-01-01-10-10-10", "<b>", "=cmd", "%s"),
    *("Sep 24, 2024 926 PM", "1-2 - x", "_text.html", "copy", "old", "..", "~$", "Thumbs.db", "x" * 60, "\u202e", "&"),
]
EXAMPLES = int(os.environ.get("LABKIT_EXAMPLES", 50))
SETTINGS = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
NAME = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), min_size=1, max_size=5).map("".join)
FILE = st.lists(st.sampled_from(PIECES), max_size=4).map(lambda parts: "".join(parts) or "lab")


def in_a_path(name):
    """Return a name as a folder or file may have it: of one part, printable, and not hidden."""
    return re.sub(r"[\x00-\x1f\x7f/\\:\ud800-\udfff]", "", name).strip(" .")


@st.composite
def people(draw, apart="number"):
    """Return 1 to 8 people whose names may be equal, but not what the platform tells them apart by."""
    names = draw(st.lists(NAME, min_size=1, max_size=8))
    numbers = draw(st.lists(st.integers(1, 99_999), min_size=len(names), max_size=len(names), unique=True))
    sent = []
    for name, number in zip(names, numbers, strict=True):
        file = in_a_path(draw(FILE)) or "lab"
        files = {f"01_{file}.ipynb": BOOK, f"{file}.zip": BOOK}
        login = re.sub(r"\W", "", in_a_path(name), flags=re.ASCII) + str(number)
        when = START + timedelta(minutes=draw(st.integers(0, 9_999)))
        shown = in_a_path(name) or "N"
        sent.append(Sent(shown, number, files, login=login, sid=str(number), late=draw(st.booleans()), when=when))
    return sent


def read(entries):
    """Return what becomes of a download: the students, under names that are told apart."""
    found = recognise(members_of_zip(io.BytesIO(as_zip(entries)), 100_000))
    students = by_student(found.uploads)
    names = names_for(students)
    assert len(set(names.values())) == len(students)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) <= 60 for name in names.values())
    assert all(line.isprintable() and line.endswith(".") for line in found.told)
    return found, students


def whose(students):
    """Return, of each student, the content's owners: what was put into the files."""
    return [
        {member.read(1_000) for upload in uploads for member in upload.members if not member.is_folder}
        for uploads in students.values()
    ]


def owned(sent):
    """Return the same people, with their number in all their files."""
    for one in sent:
        one.files.update({file: str(one.number).encode() for file in one.files})
    return sent


MAKERS = {
    "canvas": canvas,
    "canvas groups": lambda sent: canvas(sent, groups=True),
    "moodle": moodle,
    "moodle 3": lambda sent: moodle(sent, old=True),
    "moodle flat": lambda sent: moodle(sent, folders=False),
    "moodle blind": lambda sent: moodle(sent, blind=True),
    "gradescope": gradescope,
    "brightspace": brightspace,
    "blackboard": lambda sent: blackboard(sent, texts=False),
    "blackboard texts": blackboard,
    "folders": lambda sent: {f"{one.name}/{file}": content for one in sent for file, content in one.files.items()},
    "zips": lambda sent: {f"{one.name}.zip": str(one.number).encode() for one in sent},
}


@pytest.mark.parametrize("platform", MAKERS)
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(people())
@example([Sent("Team_1", 5101, {"lab.zip": b""}), Sent("Team_2", 5102, {"lab.zip": b""})])
@example([Sent("lab 2_1", 5101, {"2_3.zip": b""}), Sent("lab 2_1", 5102, {"2_3.zip": b""})])
def test_nobody_is_merged_with_anybody(platform, sent):
    sent = owned([one if one.login else Sent(one.name, one.number, dict(one.files), login="l") for one in sent])
    if platform in ("folders", "zips"):
        assume(len({one.name for one in sent}) == len(sent))
        sent = [one for one in sent if not one.name.startswith("__MACOSX")]
    if "blackboard" in platform:
        assume(len({one.login for one in sent}) == len(sent))
    _, students = read(MAKERS[platform](sent))
    told = {str(one.number).encode() for one in sent}
    mixed = [owners & told for owners in whose(students)]
    assert all(len(owners) <= 1 for owners in mixed)
    assert set().union(*mixed) == told
    assert len(students) >= len(sent)


@pytest.mark.parametrize("platform", ["moodle", "moodle 3", "moodle flat", "brightspace", "folders"])
def test_who_has_one_name_only_is_not_hidden(platform):
    """Lists of people show an only name as ". Kumar"."""
    sent = [Sent(name, number, {"01_x.ipynb": b""}) for number, name in ((1, ". Kumar"), (2, "Kumar ."), (3, "Jo Li"))]
    entries = MAKERS[platform](sent)
    _, students = read({**entries, "._Jo Li_3_assignsubmission_file_01_x.ipynb": b"", ".DS_Store": b""})
    assert len(students) == 3
