"""From the download to what each of 60 people sees: nobody gets another's grade or page, and nobody gets none."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from decimal import Decimal

import pytest
from course_makers import FILES, POSSIBLE, USERS, groups, page_of, people, write_night
from importers import Canvas, CanvasUpload, Moodle, Participant

from labkit.basics.errors import UsageError
from labkit.grading.give_back import give_back
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.ledger import append_entry, new_entry

FORMS = {
    "usual": {},
    "split": {"split": True, "sis": True},
    "semicolons": {"separator": ";", "comma": True, "bom": True},
    "decimal comma": {"comma": True},
    "all": {"split": True, "separator": ";", "comma": True, "sis": True},
}


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


def taken_in(canvas):
    """Return what the intake makes of the course's download."""
    late = set(list(canvas.uploads)[::4])
    entries = canvas.download(late, b"")
    taken = []
    for place, (user, upload) in enumerate(canvas.uploads.items()):
        own = [name for name in entries if any(f"_{number}_" in name for number in upload.attachments)]
        group = next((name for name, users in canvas.groups.items() if user in users), "")
        who = upload.anonymous_id if canvas.unposted_anonymous else str(user)
        who_in = {"user": who, "late": user in late, "entries": tuple(own)}
        group = "" if canvas.individually or canvas.unposted_anonymous else canvas.word(canvas.plain(group))
        taken.append(HandedIn(name=f"s-{place}", student=own[0].split("_")[0], group=group, **who_in))
    return taken


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def returned(folder, name):
    return (folder / "return" / name).read_bytes()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("individually", [False, True], ids=["as group", "individually"])
def test_canvas(tmp_path, form, individually):
    canvas = course(individually)
    submissions = taken_in(canvas)
    points = write_night(tmp_path, "canvas", submissions)
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export(**form))
    told = give_back(tmp_path, canvas=export)
    assert [sentence for sentence in told if sentence.startswith("!")] == []

    canvas.import_gradebook(returned(tmp_path, "canvas-grades.csv"))
    seen = canvas.upload_submissions(returned(tmp_path, "canvas-feedback.zip"))
    assert canvas.ignored == []
    assert canvas.points_possible == POSSIBLE  # Canvas would have taken another over
    owner = {}
    for submission in submissions:
        user = int(submission.user)
        for member in [user] if individually else next(users for users in groups().values() if user in users):
            owner[member] = submission.name
    assert set(owner) == set(USERS)
    assert {user: float(score) for user, score in canvas.scores.items()} == {
        user: points[name] for user, name in owner.items()
    }
    for user, name in owner.items():
        [(shown, content)] = seen[user]
        assert shown.casefold().endswith(".zip")
        assert unpacked(content) == {"feedback.html": page_of(name)}
    export.write_bytes(canvas.export(**form))  # with all that is known now, nothing is left to change
    give_back(tmp_path, canvas=export)
    assert returned(tmp_path, "canvas-grades.csv") == export.read_bytes()
    assert canvas.import_gradebook(export.read_bytes()) == {}


def test_canvas_anonymous(tmp_path):
    canvas = course(individually=True, anonymous=True)
    canvas.groups = {}  # the assignment is no group's
    submissions = taken_in(canvas)
    points = write_night(tmp_path, "canvas, anonymous", submissions)
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export())
    told = give_back(tmp_path, canvas=export)
    assert any("Canvas takes no grades from a file for an anonymous assignment" in sentence for sentence in told)
    assert not (tmp_path / "return" / "canvas-grades.csv").exists()
    table = csv.DictReader(io.StringIO(returned(tmp_path, "canvas-anonymous.csv").decode("utf-8-sig")))
    assert {row["Anonymous ID"]: float(row["Points"]) for row in table} == {
        submission.user: points[submission.name] for submission in submissions
    }
    seen = canvas.upload_submissions(returned(tmp_path, "canvas-feedback.zip"))
    by_id = {submission.user: submission.name for submission in submissions}
    assert canvas.ignored == []
    assert {user: unpacked(files[0][1])["feedback.html"] for user, files in seen.items()} == {
        user: page_of(by_id[canvas.uploads[user].anonymous_id]) for user in USERS
    }


def assignment(teams, language, comma, blind=False):
    """Return the assignment in Moodle: participants 1201 to 1260, in teams 1 to 15, whose ids are participants' too."""
    moodle = Moodle({}, POSSIBLE, language, comma, blind)
    team_of = {user: name for name, users in groups().items() for user in users}
    for place, (user, (last, first)) in enumerate(people().items()):
        team = team_of[user] if teams else ""
        one = Participant(1201 + place, f"{first} {last}".replace("\n", " "), f"u{user}@x.org", team)
        moodle.participants[one.number] = one
    return moodle


def teams_taken_in(moodle):
    """Return what the intake makes of a download by teams: Moodle gives the team's id, here somebody's number."""
    submissions = []
    for place, name in enumerate(groups()):
        shown = re.sub(r'[/\\:*?"<>|&]', "", name.replace("_", " "))
        entry = f"{shown}_{1205 + place}_assignsubmission_file"
        who = {"user": str(1205 + place), "group": shown, "entries": (entry,)}
        submissions.append(HandedIn(name=f"s-{place}", student=shown, **who))
    return submissions


@pytest.mark.parametrize(("language", "comma"), [("en", False), ("en", True), ("sv", True)])
@pytest.mark.parametrize("kind", ["alone", "teams", "blind"])
def test_moodle(tmp_path, kind, language, comma):
    moodle = assignment(kind == "teams", language, comma, kind == "blind")
    if kind == "teams":
        submissions = teams_taken_in(moodle)
    else:
        submissions = [
            HandedIn(
                name=f"s-{place}", student=f"Participant {number}" if kind == "blind" else one.name, user=str(number)
            )
            for place, (number, one) in enumerate(moodle.participants.items())
        ]
    points = write_night(tmp_path, "moodle, blind" if kind == "blind" else "moodle", submissions)
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_bytes(moodle.worksheet())
    told = give_back(tmp_path, moodle=worksheet)
    assert [sentence for sentence in told if sentence.startswith("!")] == []

    assert len(moodle.import_worksheet(returned(tmp_path, "moodle-grades.csv"))) == 60
    moodle.import_feedback(returned(tmp_path, "moodle-feedback.zip"))
    for place, one in enumerate(moodle.participants.values()):
        name = f"s-{place // 4}" if kind == "teams" else f"s-{place}"
        assert one.grade == points[name]
        assert one.comment == f"labkit: {points[name]} = {points[name]} (exercises)."
        assert one.files == {"feedback.html": page_of(name)}

    # And again, from a new worksheet: nothing changes, and what a person wrote stays.
    one.comment = "Well done!"
    worksheet.write_bytes(moodle.worksheet())
    told = give_back(tmp_path, moodle=worksheet)
    assert moodle.import_worksheet(returned(tmp_path, "moodle-grades.csv")) == set()
    assert one.comment == ("Well done!")
    assert any("60 have this grade already" in sentence for sentence in told)


def persons(platform):
    """Return 15 groups for Gradescope, and 60 persons elsewhere, with the ids that its download tells."""
    users = {
        user: Person(f"id{user}", " ".join(reversed(name)), "", f"u{user}@x.org") for user, name in people().items()
    }
    if platform == "gradescope":
        return [
            HandedIn(
                name=f"s-{place}",
                student=name,
                source=f"submission_{700 + place}",
                group=name,
                people=tuple(users[user] for user in members),
            )
            for place, (name, members) in enumerate(groups().items())
        ]
    return [
        HandedIn(name=f"s-{place}", student=person.name, user=person.id) for place, person in enumerate(users.values())
    ]


@pytest.mark.parametrize("platform", ["gradescope", "brightspace", "blackboard"])
def test_others(tmp_path, platform):
    submissions = persons(platform)
    points = write_night(tmp_path, platform, submissions)
    told = give_back(tmp_path, column="Lab 2")
    assert [sentence for sentence in told if sentence.startswith("!")] == []
    rows = list(csv.DictReader(io.StringIO(returned(tmp_path, f"{platform}-grades.csv").decode("utf-8-sig"))))
    place = (lambda row: int(row["Submission ID"]) - 700) if platform == "gradescope" else None
    seen = {}
    for row in rows:
        key, grade = {
            "gradescope": ("SID", "Lab 2"),
            "brightspace": ("OrgDefinedId", "Lab 2 Points Grade"),
            "blackboard": ("Username", "Lab 2"),
        }[platform]
        seen[row[key].removeprefix("#")] = float(row[grade])
        if place:
            assert float(row[grade]) == points[f"s-{place(row)}"]
        if platform == "brightspace":
            assert row["End-of-Line Indicator"] == "#"
    size = 4 if platform == "gradescope" else 1
    assert seen == {f"id{user}": points[f"s-{number // size}"] for number, user in enumerate(USERS)}
    assert "\n=" not in returned(tmp_path, f"{platform}-grades.csv").decode("utf-8-sig")


def test_totals_are_scaled_by_the_policy(tmp_path, monkeypatch):
    """Points Possible of 20 are met by `scale = 20`, half points and decisions on one member included."""
    canvas = course()
    canvas.individually = True  # so that members may differ
    submissions = [
        replace(
            one, people=tuple(Person(str(user)) for user in next(us for us in groups().values() if int(one.user) in us))
        )
        for one in taken_in(canvas)
    ]
    night = tmp_path / "graded"
    points = write_night(night, "canvas", submissions)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "course.toml").write_text('[grade]\nscale = 20\nround = "0.5"\n')
    monkeypatch.chdir(tmp_path)
    append_entry(night, new_entry("5103", "adjust", "no part in it", factor=Decimal(0)))
    append_entry(night, new_entry("5104", "excuse", "ill"))
    canvas.points_possible = 20
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export(separator=";", comma=True))
    give_back(night, canvas=export)
    canvas.import_gradebook(returned(night, "canvas-grades.csv"))
    owner = {user: f"s-{place}" for place, users in enumerate(groups().values()) for user in users}
    expected = {user: round(40 * points[name] / POSSIBLE + 1e-9) / 2 for user, name in owner.items()}
    assert {user: score if score == "EX" else float(score) for user, score in canvas.scores.items()} == {
        **expected,
        5103: 0,
        5104: "EX",
    }


def test_nothing_is_written_where_one_file_cannot_be_filled(tmp_path):
    canvas = course()
    write_night(tmp_path, "canvas", taken_in(canvas))
    canvas.points_possible = 20
    export = tmp_path / "export.csv"
    export.write_bytes(canvas.export())
    with pytest.raises(UsageError, match=r"Points Possible 20, but labkit's totals are out of .* write `scale = 20`"):
        give_back(tmp_path, canvas=export)
    assert not (tmp_path / "return").exists()
