"""Moodle's worksheet is filled whatever its language, other bytes are kept, and what Moodle will skip is told."""

import io
import zipfile

import pytest

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.totals import Total
from labkit.grading.returning.moodle import SKIPS, fill_moodle
from labkit.grading.returning.moodle_sheet import owners_of, read_worksheet
from labkit.grading.returning.moodle_zip import moodle_zip

HEAD = "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
HEAD += "Last modified (submission),Last modified (grade),Feedback comments"
SENT = '"Submitted for grading - 1 day early",{grade},{max},{can},"Monday, 30 November 2026, 9:00 PM",-,{comment}'
SWEDISH = "Identifierare,Namn,E-post,Status,Grupp,Betyg,Högsta betyg,Betyg kan ändras,Ändrad,Betyg ändrat,Kommentar"


def line(number, name="Lee", grade="", max="12.00", can="Yes", comment="", email="", word="Participant "):
    return f"{word}{number},{name},{email}," + SENT.format(grade=grade, max=max, can=can, comment=comment)


def sheet(*lines, head=HEAD, end="\n"):
    return end.join([head, *lines, ""])


def total(number, points, submission="", group="", story="", **changed):
    person = Person(login=number) if "@" in number else Person(number, "Lee")
    story = story or f"{points:g} = {points:g}" if points is not None else story
    return Total(person, submission or f"s{number}", group, points, 12.0, story, **changed)


def team_in(name, user, group):
    return HandedIn(name=name, student=group, user=user)


@pytest.fixture
def fill(tmp_path):
    def run(content, totals, column="", submissions=()):
        path = tmp_path / "worksheet.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        report = fill_moodle(totals, read_worksheet(path, column), submissions)
        return report.content, report

    return run


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_grades_and_comments_are_filled_and_every_other_byte_kept(fill, end, bom):
    lines = [line(12, '"O""Neil, Zoë"'), line(7, "Roe", "3.00", comment="<p>labkit: 3 = 3</p>"), line(9, "=1+1")]
    text = sheet(*lines, end=end)
    found, report = fill(bom + text.encode(), [total("12", 7.5, story="7.5 = 9 - 1.5 <late>"), total("7", 8)])
    lines[0] = line(12, '"O""Neil, Zoë"', "7.5", comment="labkit: 7.5 = 9 - 1.5 &lt;late&gt;")
    lines[1] = line(7, "Roe", "8", comment="labkit: 8 = 8")
    assert found == bom + sheet(*lines, end=end).encode()
    assert (report.column, report.count, report.alarms) == ("Grade", 2, ())
    assert report.notes == (
        "Roe (participant 7): 3.00 became 8.",
        "One row has no submission: =1+1 (participant 9).",
        SKIPS,
    )


def test_a_worksheet_in_another_language_with_decimal_commas(fill):
    rest = '"Inlämnad","{}","12,00",Ja,"1 november 2026, 21:00",-,{}'.replace('"Inlämnad",', '"Inlämnad",Grupp 1,')
    lines = ["Deltagare12,Lee,a@x.org," + rest.format("", ""), "Deltagare13,Roe,b@x.org," + rest.format("3,50", "")]
    text = sheet(*lines, head=SWEDISH)
    found, report = fill(text, [total("12", 7.5), total("13", 3.5)])
    new = text.replace('Grupp 1,"",', 'Grupp 1,"7,5",', 1).replace("-,\n", "-,labkit: 7.5 = 7.5\n", 1)
    assert found.decode() == new.replace("-,\n", "-,labkit: 3.5 = 3.5\n")
    assert report.column == "Betyg"
    assert "1 have this grade already, and Moodle will not count them as changed." in report.notes


def test_what_a_person_wrote_is_kept(fill):
    text = sheet(line(12, comment="Well done, Mia"), line(13, comment='"two\nlines, labkit: no"'))
    found, report = fill(text, [total("12", 7), total("13", 8)])
    assert found == text.replace('early",,', 'early",7,', 1).replace('early",,', 'early",8,', 1).encode()
    assert "2 comments that a person wrote were left as they are." in report.notes


def test_what_moodle_would_skip_is_told(fill):
    text = sheet(line(1, can="No"), line(2), line(3), line(4), line(5), line(6))
    none = total("4", None, story="Not graded yet: 05_mlp1_sweep.")
    excused = total("5", None, excused=True)
    found, report = fill(text, [total("1", 7), total("2", 12.5), total("3", -1), none, excused, total("99", 3)])
    assert found == text.encode()
    assert report.alarms == (
        "s99 (participant 99): no row of the worksheet has this participant.",
        "Lee (participant 1): its grade is locked in Moodle, which would leave it out.",
        "Lee (participant 2): Moodle would leave out 12.5, for its maximum is 12.",
        "Lee (participant 3): Moodle would leave out -1, which is below 0.",
        "Lee (participant 4): s4 has no total. Not graded yet: 05_mlp1_sweep.",
        "Lee (participant 5): excused, which a worksheet cannot say: leave the grade empty, or grant it in Moodle.",
    )


def test_teams_are_found_by_their_name_and_never_by_their_number(fill):
    def member(number, team):
        return line(number).replace('early",', f'early",{team},')

    head = HEAD.replace("Status,", "Status,Group,")
    text = sheet(member(1, "Lab_2"), member(2, "Lab_2"), member(3, "lab-3"), member(4, "Lab 4"), head=head)
    team, other = total("3", 7, "a", "Lab 2"), total("77", 5, "b", "Nobody")  # the team's id is participant 3's as well
    found, report = fill(text, [team, other], submissions=[team_in("a", "3", "Lab 2"), team_in("b", "77", "Nobody")])
    assert found.decode() == (text.replace("Lab_2,,", "Lab_2,7,").replace("-,\n", "-,labkit: 7 = 7\n", 2))
    assert report.alarms == ("b (participant 77): no row of the worksheet has this team, nor this participant.",)


def test_members_are_found_by_email_and_two_submissions_of_one_are_told(fill):
    text = sheet(line(1, email="AB@x.org"), line(2, email="cd@x.org"))
    found, report = fill(text, [total("ab@x.org", 7, "a", "G"), total("cd@x.org", 5, "a", "G"), total("2", 6, "b")])
    assert found.decode() == text.replace('early",,', 'early",7,', 1).replace("-,\n", "-,labkit: 7 = 7\n", 1)
    assert report.alarms == ("Lee (participant 2): 2 submissions have this participant: a, b.",)


def test_who_uploaded_for_a_group_is_filled_and_members_by_login_alone(fill):
    text = sheet(line(1, "Lee"), line(2, email="ab2"), line(3, email="ab3"), line(4, "Doe"))
    group = [Total(Person(login=login), "a", "G", 7, 12.0, "7 = 7") for login in ("ab2", "nobody")]
    mine = HandedIn(name="a", student="Lee", user="1", group="G")
    found, report = fill(
        text, [*group, total("99", 5, "b")], submissions=[mine, HandedIn(name="b", student="Poe", user="99")]
    )
    lines = [line(1, "Lee", "7", comment="labkit: 7 = 7"), line(2, "Lee", "7", comment="labkit: 7 = 7", email="ab2")]
    assert found.decode() == sheet(*lines, line(3, email="ab3"), line(4, "Doe"))
    assert report.alarms == (
        "a (nobody): no row of the worksheet has this login.",
        "b (participant 99): no row of the worksheet has this participant.",
    )


def test_claims_take_no_row_that_moodle_packed_for_another_and_no_status_is_a_login(fill):
    text = sheet(line(1, "Lee", email="ab1"), line(2, "Roe", email="ab2"), line(3, "Doe", email="ab3"))
    status = "submitted for grading - 1 day early"
    evil = [Total(Person(login=login), "evil", status, 1, 12.0, "1 = 1") for login in ("ab1", status)]
    submissions = [
        HandedIn(name="evil", student="Roe", user="2", group=status),
        HandedIn(name="good", student="Lee", user="1"),
    ]
    found, report = fill(text, [*evil, total("1", 7, "good")], submissions=submissions)
    lines = [line(1, "Lee", "7", comment="labkit: 7 = 7", email="ab1")]
    lines += [line(2, "Roe", "1", comment="labkit: 1 = 1", email="ab2"), line(3, "Doe", email="ab3")]
    assert found.decode() == sheet(*lines)
    assert report.alarms == (
        "evil (ab1): its row is that of good, for whom Moodle packed it.",
        f"evil ({status}): no row of the worksheet has this login.",
    )


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("", "", "is not a grading worksheet from Moodle"),
        (sheet(), "", "is not a grading worksheet from Moodle"),
        ("Student,ID,Section,Lab (1)\nLee,101,A,\n", "", "is not a grading worksheet from Moodle"),
        (sheet(line(1), line(1)), "", "has a participant in two rows"),
        (sheet(line(1, max="-3.00")), "", r"grades in words \(a scale\)"),
        (sheet(line(1, max="100.00")), "", "Maximum grade 100, but labkit's totals are out of 12: write `scale = 100`"),
        (sheet(line(1), head=HEAD.replace("Grade,", "Betyg,", 1).replace("Maximum", "Max")), "", None),
        ("Id,Namn,Nr,År,Status,Betyg,Max\nDeltagare1,Lee,12,2026,x,,12\n", "", "does not tell which column has the gr"),
        (sheet(line(1), head="Id,A,B,C,D,E,F,G,H,I"), "X", "name its heading with --column, one of 'B', 'C'"),
        (sheet(line(1), head="Id,A,B,C,D,E,F,G,H,I"), "D", None),
        (sheet('Participant 1,"Lee'), "", "Row 2 of .* has a quote without its end"),
    ],
)
def test_what_is_no_worksheet_is_refused(fill, content, column, message):
    if message is None:
        assert fill(content, [total("1", 7)], column)[1].count == 1
        return
    with pytest.raises(UsageError, match=message):
        fill(content, [total("1", 7)], column)


def entries(filled):
    with zipfile.ZipFile(io.BytesIO(filled.content)) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def test_feedback_has_a_folder_a_participant():
    submissions = [
        HandedIn(name="a", student="Mia Lee_x/../y", user="12"),
        HandedIn(name="b", student=".", user="13"),
        HandedIn(name="c", student="Team 1", user="14"),
        HandedIn(name="d", student="Nobody"),
    ]
    found = {"a": ["12"], "b": ["13"], "c": ["31", "32"]}
    filled = moodle_zip(submissions, lambda submission: submission.name.encode(), found)
    assert entries(filled) == {
        "Mia Lee x .. y_12_assignsubmission_file/feedback.html": b"a",
        "student_13_assignsubmission_file/feedback.html": b"b",
        "Team 1_31_assignsubmission_file/feedback.html": b"c",
        "Team 1_32_assignsubmission_file/feedback.html": b"c",
    }
    assert filled.alarms == ("d: no row of the worksheet is its own, so its page cannot go back this way.",)


def test_a_worksheet_of_other_people_is_refused(fill):
    text = sheet(line(1, "Lee"), line(2, "Doe Jane"), line(3, "Poe"))
    others = [HandedIn(name=f"s{number}", student=f"Somebody {number}", user=str(number)) for number in (1, 2, 3)]
    with pytest.raises(UsageError, match="has other people under the numbers of this download, as 'Somebody 1'"):
        fill(text, [total("1", 5)], submissions=others)
    same = [others[0], HandedIn(name="s2", student="Jane Doe", user="2")]  # half of them, names in another order
    assert fill(text, [total("1", 5), total("2", 5)], submissions=same)[1].count == 2


def test_the_worksheet_tells_who_is_in_a_team(tmp_path):
    path = tmp_path / "worksheet.csv"
    head = HEAD.replace("Status,", "Status,Group,")
    path.write_text(sheet(*[line(number).replace('early",', 'early",Team 1,') for number in (3, 14)], head=head))
    worksheet = read_worksheet(path)
    submission = team_in("c", "14", "Team 1")
    owners = owners_of([total("14", None, "c", "Team 1")], worksheet, [submission])
    assert {key: (owner.total.submission, owner.by_team) for key, owner in owners.items()} == {
        "3": ("c", True),
        "14": ("c", False),
    }
    found = {"c": list(owners)}
    assert list(entries(moodle_zip([submission], lambda _: b"x", found))) == [
        "Team 1_3_assignsubmission_file/feedback.html",
        "Team 1_14_assignsubmission_file/feedback.html",
    ]
