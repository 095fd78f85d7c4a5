"""Feedback for Canvas: the entry that Canvas understands, of the kind that the student sent."""

import io
import json
import zipfile

import pytest

from labkit.grading.intake.people import HandedIn
from labkit.grading.returning.canvas_zip import canvas_zip

PAGE = b"<p>page</p>"


def handed_in(*entries, user="101", name="s"):
    return HandedIn(name=name, student="Lee", user=user, entries=entries)


def pack(*submissions, anonymous=False, page=PAGE):
    filled = canvas_zip(submissions, anonymous, lambda _: page, lambda _: b'{"cells": []}')
    with zipfile.ZipFile(io.BytesIO(filled.content)) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}, filled


@pytest.mark.parametrize(
    ("entry", "packed"),
    [
        ("leemia_101_9001_ours.zip", "leemia_101_9001_ours.zip"),
        ("leemia_LATE_101_9001_ours.zip", "leemia_LATE_101_9001_ours.zip"),
        ("van_der_bergana_101_9001_1_2_3.zip", "van_der_bergana_101_9001_1_2_3.zip"),
        ("王伟_101_9001_报告.ZIP", "王伟_101_9001_报告.ZIP"),
        # Numbers in a name, and the words that Canvas looks for, would lead it astray.
        ("team_1_101_9001_ours.zip", "feedback_101_9001_feedback.zip"),
        ("team_1_LATE_101_9001_ours.zip", "feedback_101_9001_feedback.zip"),
        ("anon_101_9001_ours.zip", "feedback_101_9001_feedback.zip"),
        ("101_101_9001_ours.zip", "feedback_101_9001_feedback.zip"),
        ("leemia_101_9001_my_links.zip", "feedback_101_9001_feedback.zip"),
    ],
)
def test_the_entry_is_named_as_canvas_understands_it(entry, packed):
    files, filled = pack(handed_in(entry))
    assert list(files) == [packed]
    with zipfile.ZipFile(io.BytesIO(files[packed])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"feedback.html": PAGE}
    assert (filled.count, filled.alarms) == (1, ())


@pytest.mark.parametrize(
    ("entry", "packed"),
    [
        ("anon_Ab3dE_9001_ours.zip", "anon_Ab3dE_9001_ours.zip"),
        ("LATE_anon_Ab3dE_9001_ours.zip", "LATE_anon_Ab3dE_9001_ours.zip"),
        ("anon_Ab3dE_9001_my_link.zip", "anon_Ab3dE_9001_feedback.zip"),
    ],
)
def test_anonymous_entries(entry, packed):
    files, _ = pack(handed_in(entry, user="Ab3dE"), anonymous=True)
    assert list(files) == [packed]


def test_a_zip_is_answered_before_other_files_and_each_submission_once():
    files, _ = pack(handed_in("lee_101_7_x.ipynb", "lee_101_8_x.html", "lee_101_9_x.zip"))
    assert list(files) == ["lee_101_9_x.zip"]
    files, _ = pack(handed_in("lee_101_7_x.ipynb", "lee_101_8_x.html"))
    assert files == {"lee_101_8_x.html": PAGE}


def test_a_notebook_is_answered_by_a_notebook():
    files, _ = pack(handed_in("lee_101_7_01_pytorch_blitz.ipynb", "lee_101_8_05_mlp1_sweep.ipynb"))
    assert {name: json.loads(content) for name, content in files.items()} == {
        "lee_101_7_01_pytorch_blitz.ipynb": {"cells": []}
    }


def test_what_cannot_go_back_is_told():
    files, filled = pack(
        handed_in("lee_101_7_x.7z", name="a"),
        handed_in("lee_101_text.html", name="b"),
        handed_in("x.zip", user="", name="c"),
        handed_in("lee_102_7_x.zip", name="d"),  # somebody else's
    )
    assert files == {}
    assert filled.alarms == (
        "a: it came as lee_101_7_x.7z, and Canvas gives a comment's file the ending of the student's own, so its page "
        "cannot go back this way.",
        "b: it was typed into Canvas, which answers uploads alone, so its page cannot go back this way.",
        "c: it has no user id, so its page cannot go back this way.",
        "d: it came as lee_102_7_x.zip, and Canvas gives a comment's file the ending of the student's own, so its page "
        "cannot go back this way.",
    )
    assert pack(handed_in("lee_101_7_x.zip"), page=None)[1].alarms == (
        "s: it has no page in feedback/. Run `labkit grade` to its end.",
    )


def test_the_same_feedback_gives_the_same_bytes():
    assert pack(handed_in("lee_101_9_x.zip"))[1].content == pack(handed_in("lee_101_9_x.zip"))[1].content
