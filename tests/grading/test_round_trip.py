"""From the download to what each of 60 people sees: nobody gets another's grade or page, and nobody gets none."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from decimal import Decimal

import nbformat
import pytest
from course_makers import FILES, POSSIBLE, USERS, groups, page_of, people, write_night
from importers import Canvas, CanvasUpload, Moodle, Participant
from platform_makers import Sent, as_zip, blackboard, brightspace, gradescope, moodle

from labkit.basics.errors import UsageError
from labkit.grading.give_back import give_back
from labkit.grading.intake.groups import read_groups, settle_people
from labkit.grading.intake.people import Person
from labkit.grading.intake.submissions import read_batch
from labkit.grading.records.ledger import append_entry, new_entry

pytestmark = pytest.mark.slow

SENT = as_zip({"05_mlp1_sweep.ipynb": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'})
FORMS = {
    "usual": {},
    "split": {"split": True, "sis": True},
    "semicolons": {"separator": ";", "comma": True, "bom": True},
    "decimal comma": {"comma": True},
    "all": {"split": True, "separator": ";", "comma": True, "sis": True},
}


def taken_in(tmp_path, entries, platform, known=(), listed=None):
    """Return what the intake makes of a download."""
    source = tmp_path / "download.zip"
    source.write_bytes(as_zip(entries))
    batch = read_batch(source, ["05_mlp1_sweep"], known)
    assert batch.platform == platform
    return settle_people(batch.submissions, listed)


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def returned(folder, name):
    return (folder / "return" / name).read_bytes()


def alarms(told):
    return [sentence for sentence in told if sentence.startswith("!")]


def course(individually=False, anonymous=False):
    """Return the course in Canvas, where the third member of each group, or each person, uploaded something."""
    canvas = Canvas(people(), groups=groups(), points_possible=POSSIBLE, individually=individually)
    canvas.unposted_anonymous = anonymous
    uploaders = USERS if individually else [users[2] for users in canvas.groups.values()]
    for place, user in enumerate(uploaders):
        names = [FILES[place % len(FILES)], *(["01_pytorch_blitz.ipynb"] if place % 3 == 0 else [])]
        attachments = {20_000 + 10 * place + number: name for number, name in enumerate(names)}
        canvas.uploads[user] = CanvasUpload(user, f"a{place:02}bC", attachments)
    return canvas


def downloaded(canvas):
    return canvas.download(set(list(canvas.uploads)[::4]), SENT)


def owners(canvas, submissions):
    """Return user -> the name of the submission that is theirs."""
    found = {}
    for submission in submissions:
        user = int(submission.user)
        group = next(users for users in canvas.groups.values() if user in users)
        found |= dict.fromkeys([user] if canvas.individually else group, submission.name)
    assert set(found) == set(USERS)
    return found


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("kind", ["as group", "members known", "individually"])
def test_canvas(tmp_path, form, kind):
    canvas = course(kind == "individually")
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export(**form))
    listed = None
    if kind == "members known":
        table = [["group_name", "canvas_user_id", "login_id", "name"]]
        table += [[name, user, f"u{user}@x.org", "x"] for name, users in groups().items() for user in users]
        with (tmp_path / "groups.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)
        listed = read_groups(tmp_path / "groups.csv")
    submissions = taken_in(tmp_path, downloaded(canvas), "canvas", frozenset(map(str, USERS)), listed)
    night = tmp_path / "graded"
    points = write_night(night, "canvas", submissions)
    told = give_back(night, canvas=export)
    assert alarms(told) == []

    changed = canvas.import_gradebook(returned(night, "canvas-grades.csv"))
    assert len(changed) == (15 if kind == "as group" else 60)
    seen = canvas.upload_submissions(returned(night, "canvas-feedback.zip"))
    assert canvas.ignored == []
    assert canvas.points_possible == POSSIBLE  # Canvas would have taken another over
    owner = owners(canvas, submissions)
    assert {user: float(score) for user, score in canvas.scores.items()} == {
        user: points[name] for user, name in owner.items()
    }
    for user, name in owner.items():
        [(shown, content)] = seen[user]
        assert shown.casefold().endswith(".zip")
        assert unpacked(content) == {"feedback.html": page_of(night, name)}
    export.write_bytes(canvas.export(**form))  # with all that is known now, nothing is left to change
    give_back(night, canvas=export)
    assert returned(night, "canvas-grades.csv") == export.read_bytes()
    assert canvas.import_gradebook(export.read_bytes()) == {}


def test_canvas_anonymous(tmp_path):
    canvas = course(individually=True, anonymous=True)
    canvas.groups = {}  # the assignment is no group's
    submissions = taken_in(tmp_path, downloaded(canvas), "canvas, anonymous")
    night = tmp_path / "graded"
    points = write_night(night, "canvas, anonymous", submissions)
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export())
    told = give_back(night, canvas=export)
    assert any("Canvas takes no grades from a file for an anonymous assignment" in sentence for sentence in told)
    assert not (night / "return" / "canvas-grades.csv").exists()
    table = csv.DictReader(io.StringIO(returned(night, "canvas-anonymous.csv").decode("utf-8-sig")))
    by_id = {submission.user: submission.name for submission in submissions}
    assert set(by_id) == {upload.anonymous_id for upload in canvas.uploads.values()}
    assert {row["Anonymous ID"]: float(row["Points"]) for row in table} == {
        user: points[name] for user, name in by_id.items()
    }
    seen = canvas.upload_submissions(returned(night, "canvas-feedback.zip"))
    assert canvas.ignored == []
    assert {user: unpacked(files[0][1])["feedback.html"] for user, files in seen.items()} == {
        user: page_of(night, by_id[canvas.uploads[user].anonymous_id]) for user in USERS
    }


def assignment(kind, language, comma):
    """Return the assignment in Moodle, of participants 1201 to 1260, and its download.

    Teams have ids that are other people's numbers.
    """
    place = Moodle({}, POSSIBLE, language, comma, kind == "blind")
    team_of = {user: name for name, users in groups().items() for user in users}
    for number, (user, (last, first)) in enumerate(people().items(), 1201):
        team = team_of[user] if kind == "teams" else ""
        one = Participant(number, f"{first} {last}".replace("\n", " "), f"u{user}@x.org", team)
        place.participants[number] = one
    if kind == "teams":
        sent = [Sent(name, 1205 + number, {"ours.zip": SENT}) for number, name in enumerate(groups())]
    else:
        sent = [Sent(one.name, one.number, {"ours.zip": SENT}, text="hi") for one in place.participants.values()]
    return place, moodle(sent, blind=kind == "blind")


@pytest.mark.parametrize(("language", "comma"), [("en", False), ("en", True), ("sv", True)])
@pytest.mark.parametrize("kind", ["alone", "teams", "blind"])
def test_moodle(tmp_path, kind, language, comma):
    place, entries = assignment(kind, language, comma)
    platform = "moodle, blind" if kind == "blind" else "moodle"
    submissions = taken_in(tmp_path, entries, platform)
    by_number = {submission.user: submission.name for submission in submissions}
    assert len(by_number) == (15 if kind == "teams" else 60)
    night, worksheet = tmp_path / "graded", tmp_path / "worksheet.csv"
    points = write_night(night, platform, submissions)
    worksheet.write_bytes(place.worksheet())
    told = give_back(night, moodle=worksheet)
    assert alarms(told) == []

    assert len(place.import_worksheet(returned(night, "moodle-grades.csv"))) == 60
    place.import_feedback(returned(night, "moodle-feedback.zip"))
    for number, one in enumerate(place.participants.values()):
        name = by_number[str(1205 + number // 4 if kind == "teams" else one.number)]
        assert one.grade == points[name]
        assert one.comment == f"labkit: {points[name]} = {points[name]} (exercises)."
        assert one.files == {"feedback.html": page_of(night, name)}

    # And again, from a new worksheet: nothing changes, and what a person wrote stays.
    one.comment = "Well done!"
    worksheet.write_bytes(place.worksheet())
    told = give_back(night, moodle=worksheet)
    assert place.import_worksheet(returned(night, "moodle-grades.csv")) == set()
    assert one.comment == "Well done!"
    assert any("60 have this grade already" in sentence for sentence in told)


def sent_elsewhere(platform):
    """Return what a class sent to Gradescope, by groups, or elsewhere, each person alone."""
    names = {user: " ".join(reversed(name)).replace("\n", " ") for user, name in people().items()}
    if platform == "gradescope":
        return [
            Sent(
                group,
                700 + place,
                {"ours.zip": SENT},
                members=tuple((names[user], f"id{user}", f"u{user}@x.org") for user in users),
            )
            for place, (group, users) in enumerate(groups().items())
        ]
    return [Sent(name, 9_000 + user, {"ours.zip": SENT}, login=f"id{user}") for user, name in names.items()]


@pytest.mark.parametrize("platform", ["gradescope", "brightspace", "blackboard"])
def test_others(tmp_path, platform):
    sent = sent_elsewhere(platform)
    entries = {"gradescope": gradescope, "brightspace": brightspace, "blackboard": blackboard}[platform](sent)
    submissions = taken_in(tmp_path, entries, platform)
    if platform == "brightspace":  # whose download tells a folder's numbers alone; a list of groups tells the ids
        assert all(re.fullmatch(r"\d+-2557369", submission.user) for submission in submissions)
        submissions = [
            replace(one, people=(Person(f"id{int(one.user.partition('-')[0]) - 9_000}", one.student),))
            for one in submissions
        ]
    assert len(submissions) == (15 if platform == "gradescope" else 60)
    night = tmp_path / "graded"
    points = write_night(night, platform, submissions)
    told = give_back(night, column="Lab 2")
    assert alarms(told) == []
    text = returned(night, f"{platform}-grades.csv").decode("utf-8-sig")
    key, grade = {
        "gradescope": ("SID", "Lab 2"),
        "brightspace": ("OrgDefinedId", "Lab 2 Points Grade"),
        "blackboard": ("Username", "Lab 2"),
    }[platform]
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    seen = {row[key].removeprefix("#"): float(row[grade]) for row in rows}
    by_person = {person.id: points[one.name] for one in submissions for person in one.people}
    assert seen == by_person
    assert set(seen) == {f"id{user}" for user in USERS}
    if platform == "gradescope":
        numbers = {row["SID"]: int(row["Submission ID"]) for row in rows}
        assert numbers == {f"id{user}": 700 + place // 4 for place, user in enumerate(USERS)}
    assert not re.search(r"(^|,|\n)[=+@-]", text)  # nothing that a spreadsheet would compute


def test_brightspace_alone_tells_no_id(tmp_path):
    submissions = taken_in(tmp_path, brightspace(sent_elsewhere("brightspace")), "brightspace")
    night = tmp_path / "graded"
    write_night(night, "brightspace", submissions)
    [alarm] = alarms(give_back(night))
    assert alarm.startswith("! 60 have no OrgDefinedId, for Brightspace's download does not tell it")


def test_totals_are_scaled_by_the_policy(tmp_path, monkeypatch):
    """Points Possible of 20 are met by `scale = 20`, half points and decisions on one member included."""
    canvas = course()
    canvas.individually = True  # so that members may differ
    submissions = [
        replace(one, people=tuple(Person(str(user)) for user in users))
        for one in taken_in(tmp_path, downloaded(canvas), "canvas", frozenset(map(str, USERS)))
        for users in groups().values()
        if int(one.user) in users
    ]
    night = tmp_path / "graded"
    points = write_night(night, "canvas", submissions)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "course.toml").write_text('[grade]\nscale = 20\nround = "0.5"\n')
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks" / "05_mlp1_sweep.ipynb")
    monkeypatch.chdir(tmp_path)
    append_entry(night, new_entry("5103", "adjust", "no part in it", factor=Decimal(0)))
    append_entry(night, new_entry("5104", "excuse", "ill"))
    canvas.points_possible = 20
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export(separator=";", comma=True))
    [alarm] = alarms(give_back(night, canvas=export))
    assert "its members get" in alarm
    canvas.import_gradebook(returned(night, "canvas-grades.csv"))
    owner = {int(person.id): one.name for one in submissions for person in one.people}
    expected = {user: int(40 * Decimal(points[name]) / POSSIBLE + Decimal("0.5")) / 2 for user, name in owner.items()}
    assert {user: score if score == "EX" else float(score) for user, score in canvas.scores.items()} == {
        **expected,
        5103: 0,
        5104: "EX",
    }


def test_nothing_is_written_where_one_file_cannot_be_filled(tmp_path):
    canvas = course()
    night = tmp_path / "graded"
    write_night(night, "canvas", taken_in(tmp_path, downloaded(canvas), "canvas", frozenset(map(str, USERS))))
    canvas.points_possible = 20
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export())
    with pytest.raises(UsageError, match=r"Points Possible 20, but labkit's totals are out of .* write `scale = 20`"):
        give_back(night, canvas=export)
    assert not any((night / name).exists() for name in ("return", "feedback", "gradebook.csv"))
