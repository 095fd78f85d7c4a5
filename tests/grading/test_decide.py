"""Decisions about grades, from the command to tables and pages; nothing is executed for them."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from attempt_makers import HASH, attempt
from batch_makers import gradebook

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.exercises.catalogue import exercises
from labkit.grading.decide import decide
from labkit.grading.give_back import canvas_filled
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore
from labkit.grading.recount import count, recount

NOTEBOOK = "05_mlp1_sweep"
COURSE = """
[grade]
weights = {exercises = 40, report = 30}
[late]
due = "2026-11-30T23:59 Europe/Stockholm"
off = "10 %"
"""
MIA, BO = Person("201", "Mia Lee", "ab12"), Person("202", "Bo Ek", "cd34")
GROUP = HandedIn(
    name="lab-7", student="Lab 7", user="201", submitted="2026-12-01T12:00:00", group="Lab 7", people=(MIA, BO)
)
ADA = HandedIn(name="ada", student="Ada", user="101")
ALL = sum(exercise.points for exercise in exercises().values())


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A folder that `labkit grade` could have left, in a course of one notebook."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(CHECKOUT / "notebooks" / f"{NOTEBOOK}.ipynb", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "graded"
    out.mkdir()
    limits = {"timeout": 60}
    with AttemptStore(out / "results.sqlite") as store:
        store.expect({name: {NOTEBOOK: HASH} for name in ("ada", "lab-7", "gone")}, HASH[::-1], limits)
        for name, student in (("ada", "Ada"), ("lab-7", "Lab 7"), ("gone", "Gone")):
            store.add(attempt(name, NOTEBOOK, student=student, points={"5.1": 1, "5.2": 3}, limits=limits))
    write_batch(out, "canvas", [ADA, GROUP])
    return out


def course(text):
    with open("notebooks/course.toml", "w") as file:
        file.write(text)


def by_person(out):
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def text(path):
    return " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", path.read_text(), flags=re.S).split())


def files(out):
    return {
        path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*")) if path.suffix in (".csv", ".html")
    }


def test_a_folder_of_results_is_not_taken_for_the_course(night, monkeypatch):
    """A hurried user stands in graded/, where a night's own folder `notebooks` lies."""
    (night / "notebooks" / "ada").mkdir(parents=True)
    shutil.copy(night.parent / "notebooks" / f"{NOTEBOOK}.ipynb", night / "notebooks" / "ada")
    monkeypatch.chdir(night)
    with pytest.raises(UsageError, match=r"holds no notebook of the course.*: run the command in the course's folder"):
        recount(night)
    assert not (night / "gradebook.csv").exists()


def test_grades_are_made_of_what_is_stored(night, capsys):
    recount(night)
    people = by_person(night)
    assert list(people) == ["Ada", "Mia Lee", "Bo Ek"]
    assert {row["total"] for row in people.values()} == {"4"}
    assert (night / "submissions.csv").read_text("utf-8-sig").startswith("submission,student,user,late,")
    assert "4 = 4 (exercises)." in text(night / "feedback" / "ada.html")
    assert f"4 of {ALL} points" in text(night / "site" / "submissions" / "lab-7.html")
    assert "Gradebook: " in capsys.readouterr().out


def test_a_regrade_changes_the_total_of_all_its_people_and_says_so(night, capsys):
    decide(night, "lab-7", "It is right.", "5.2", points="1.5")
    said = capsys.readouterr().out
    assert "- lab-7, Mia Lee: 4 became 2.5. 2.5 = 2.5 (exercises). 5.2: 1.5 points in place of 3 (" in said
    assert "- lab-7, Bo Ek: 4 became 2.5." in said
    assert "ada" not in said
    people = by_person(night)
    assert [people[name]["total"] for name in people] == ["4", "2.5", "2.5"]
    line = json.loads((night / "ledger.jsonl").read_text())
    assert {name: line[name] for name in ("who", "what", "item", "points", "reason")} == {
        "who": "lab-7",
        "what": "regrade",
        "item": "5.2",
        "points": 1.5,
        "reason": "It is right.",
    }
    assert line["at"].endswith("+00:00")
    for page in (night / "feedback" / "lab-7.html", night / "site" / "submissions" / "lab-7.html"):
        assert "2.5 = 2.5 (exercises). 5.2: 1.5 points in place of 3 (" in text(page)
    index = (night / "site" / "index.html").read_text()
    assert 'data-sort="2.5"><strong>2.5</strong>' in index


def test_what_concerns_one_member_alone_is_on_no_page_that_others_read(night):
    decide(night, "cd34", "was ill, a secret", adjust="-1")
    decide(night, "ab12", "the other secret", adjust="50 %")
    people = by_person(night)
    assert (people["Mia Lee"]["total"], people["Bo Ek"]["total"]) == ("2", "3")
    assert "secret" in people["Bo Ek"]["where from"]
    assert "other secret" not in people["Bo Ek"]["where from"]
    feedback = text(night / "feedback" / "lab-7.html")
    assert f"4 of {ALL} points" in feedback
    assert "This is the total of the group." in feedback
    assert not re.search("secret|Adjusted|Factor|Bo Ek|Mia Lee", feedback)
    staff = text(night / "site" / "submissions" / "lab-7.html")
    assert "Bo Ek 3 of" in staff
    assert "was ill, a secret" in staff
    decide(night, "ada", "her own", adjust="1")
    assert "5 = 4 (exercises) + 1 (adjusted). Adjusted by 1 (" in text(night / "feedback" / "ada.html")


def test_policy_lateness_extension_and_excuse_reach_gradebook_and_pages(night, capsys):
    course(COURSE)
    recount(night)
    assert {row["total"] for row in by_person(night).values()} == {""}
    assert "not marked yet" in text(night / "feedback" / "ada.html")
    assert "Not marked yet: report." in by_person(night)["Ada"]["where from"]
    decide(night, "lab-7", "marked", "report", points="20")
    late = float(by_person(night)["Bo Ek"]["total"])
    assert "- 7 (late 1 day)" in by_person(night)["Bo Ek"]["where from"]
    decide(night, "cd34", "ill", until="2026-12-03T23:59")
    assert float(by_person(night)["Bo Ek"]["total"]) == pytest.approx(late + 7)
    assert float(by_person(night)["Mia Lee"]["total"]) == pytest.approx(late)
    assert json.loads((night / "ledger.jsonl").read_text().splitlines()[1])["until"] == "2026-12-03T23:59:00+01:00"
    decide(night, "lab-7", "Canvas was down", late="0 min")
    assert float(by_person(night)["Mia Lee"]["total"]) == pytest.approx(late + 7)
    decide(night, "ada", "has passed it", excuse=True)
    assert by_person(night)["Ada"]["total"] == "EX"
    assert "excused" in text(night / "feedback" / "ada.html")
    capsys.readouterr()
    decide(night, "ada", "has not", excuse=False)
    assert "- ada, Ada: excused became no total. Not marked yet: report." in capsys.readouterr().out


def test_what_is_late_by_an_unknown_time_is_told_until_a_person_says_how_late(night, capsys):
    course(COURSE)
    write_batch(night, "canvas", [replace(ADA, late=True), GROUP])
    decide(night, "ada", "marked", "report", points="20")
    assert "- A person's word is missing for ada: gradebook.csv says" in capsys.readouterr().out
    assert "A person&#39;s word is missing for ada" in text(night / "site" / "index.html")
    (asked,) = re.findall(r"labkit regrade ada --late .*", by_person(night)["Ada"]["where from"])
    assert asked in text(night / "site" / "submissions" / "ada.html").replace("&#34;", '"')
    assert "labkit regrade" not in text(night / "feedback" / "ada.html")
    decide(night, "ada", "Canvas says so", late="1 day")
    assert "A person's word" not in capsys.readouterr().out.partition("Ledger")[2]
    assert "(late 1 day)" in text(night / "feedback" / "ada.html")


def test_grades_made_again_are_those_of_the_decisions_whatever_was_there_before(night):
    course(COURSE)
    decide(night, "lab-7", "marked", "report", points="20")
    decide(night, "cd34", "ill", until="2026-12-03T23:59")
    decide(night, "ab12", "helped", adjust="+2")
    once = files(night)
    recount(night)
    assert files(night) == once
    for path in once:
        (night / path).unlink()
    recount(night)
    assert files(night) == once


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"who": "lab-77", "item": "5.2", "points": "1"}, "'lab-77' is neither a submission nor a person here: did"),
        ({"item": "5.22", "points": "1"}, "'5.22' is neither an exercise nor a part"),
        ({"item": "5.2", "points": "99"}, "5.2 brings 3 points at most, not 99."),
        ({"item": "5.2", "points": "-1"}, "'points' must be a number from 0"),
        ({"item": "5.2", "points": "three"}, "--points needs a number, as 3 or 2.5, and is 'three'."),
        ({"item": "report", "points": "1"}, "'report' is neither an exercise nor a part with a weight in course.toml"),
        ({"who": "ab12", "item": "5.2", "points": "1"}, "'ab12' is a person: name 'lab-7'"),
        ({"points": "1"}, "Name an exercise"),
        ({"item": "5.2", "adjust": "1"}, "Name an exercise"),
        ({"adjust": "1", "late": "1 day"}, "Give one of --points, --adjust, --late, --extension-until, --excuse, not "),
        ({}, "not none."),
        ({"excuse": True, "reason": " "}, "Give a reason with --reason"),
        ({"adjust": "much"}, "--adjust needs a number"),
        ({"until": "2026-12-24T12:00"}, "course.toml has no due date"),
        ({"late": "1 day"}, "course.toml has no [late]"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(night, arguments, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        decide(night, **{"who": "lab-7", "reason": "why", **arguments})
    assert not (night / "ledger.jsonl").exists()


@pytest.mark.parametrize("until", ["soon", "2026-11-01T12:00"])
def test_an_extension_that_extends_nothing_is_refused(night, until):
    course(COURSE)
    with pytest.raises(UsageError, match=r"is no moment|it ends before the due date"):
        decide(night, "lab-7", "why", until=until)


def test_lines_that_are_left_out_are_told_and_stand_first_on_the_index(night, capsys):
    decide(night, "lab-7", "why", excuse=True)
    with (night / "ledger.jsonl").open("a") as file:
        file.write(
            '{"at": "2026-12-01T10:00:00+00:00", "by": "ta", "who": "lab-8", "what": "excuse", "reason": "x"}\n{"at"'
        )
    recount(night)
    said, index = capsys.readouterr().out, text(night / "site" / "index.html")
    for sentence in ("was cut short or damaged, and is left out", "changes nothing: &#39;lab-8&#39; is neither"):
        assert sentence in index
        assert sentence.replace("&#39;", "'") in said


def test_a_folder_of_nobody_is_a_sentence(tmp_path):
    with pytest.raises(LabkitError, match="does not exist: run `labkit grade` first"):
        recount(tmp_path)


def filled(night, table):
    """Return a gradebook exported from Canvas as it goes back, and what is to be known of it."""
    (night.parent / "export.csv").write_text("Student,ID,Lab (1)\n" + table)
    done = canvas_filled(count(night), night.parent / "export.csv", "")
    return done.content.decode().partition("\n")[2], done.alarms


def test_canvas_gets_each_persons_own_total(night):
    decide(night, "cd34", "why", adjust="-0.5")
    decide(night, "ada", "why", excuse=True)
    content, _ = filled(night, "Ada,101,\nBo,202,\nMia,201,\n")
    assert content == "Ada,101,EX\nBo,202,3.5\nMia,201,4\n"


def test_a_group_whose_members_have_no_ids_is_filled_by_its_own(night):
    members = (Person(login="ab12"), Person(login="cd34"))
    write_batch(night, "canvas", [replace(GROUP, people=members)])
    assert filled(night, "Mia,201,\n") == ("Mia,201,4\n", ())
    decide(night, "cd34", "why", adjust="-1")
    content, alarms = filled(night, "Mia,201,\n")
    assert content == "Mia,201,\n"
    assert alarms


@pytest.mark.slow
def test_the_command_line_decides_and_recounts(night):
    def labkit(*arguments):
        command = [sys.executable, "-c", "from labkit.cli import main; main()", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})

    done = labkit("regrade", "lab-7", "5.2", "--points", "1", "--reason", "read it again")
    assert (done.returncode, done.stderr) == (0, "")
    assert "- lab-7, Bo Ek: 4 became 2. 2 = 2 (exercises). 5.2: 1 point in place of 3 (" in done.stdout
    done = labkit("regrade", "ab12", "--adjust", "-1", "--reason", "why")
    assert "- lab-7, Mia Lee: 2 became 1. 1 = 2 (exercises) - 1 (adjusted)." in done.stdout
    assert gradebook(night)["ada"]["total"] == "4"
    (night / "gradebook.csv").unlink()
    assert labkit("grades", "graded").returncode == 0
    assert by_person(night)["Mia Lee"]["total"] == "1"
    (night.parent / "notebooks" / "course.toml").write_text("[grade]\nscales = 20")
    done = labkit("grades", "graded")
    assert done.returncode == 2
    assert done.stderr.endswith("course.toml: [grade] 'scales' is not known: did you mean 'scale'?\n")
