"""A gradebook of Canvas is filled in one column, every other byte is kept, and who does not fit is told."""

import pytest

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.totals import Total
from labkit.grading.returning.canvas import fill_canvas

HEAD = "Student,ID,SIS User ID,SIS Login ID,Section"
COLUMN = "Lab, part 1 (4711)"


def total(user, points, submission="", group="", story="", possible=12.0, **changed):
    """Return a total; user: a person's id in Canvas, or a login with an @."""
    person = Person(login=user) if "@" in user else Person(user, "Lee")
    story = story or ("" if points is None else f"{points} = {points}")
    return Total(person, submission or f"s{user}", group, points, possible, story, **changed)


def export(lines, columns=f'"{COLUMN}",Final Score', end="\r\n", head=HEAD):
    return end.join([f"{head},{columns}", *lines, ""])


TWO = export(
    [
        ",,,,,Manual Posting,",
        "    Points Possible,,,,,12.00,(read only)",
        '"Lee, Mia",101,U1,ab12,A and B,,55.5',
        '"O""Neil, ""Zoë""\nsecond line",102,"U,2",cd34,"A,B",8.00,1',
        '"=""Evil""",103,U3,ef56@kth.se,A,"9,5",',
        '"Student, Test",104,,x,A,,',
    ]
)


@pytest.fixture
def fill(tmp_path):
    """Fill an export and return the bytes that came out and the report."""

    def run(content, totals, column="", gaps=None, submissions=()):
        source = tmp_path / "export.csv"
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        report = fill_canvas(totals, source, column, gaps, submissions)
        return report.content, report

    return run


def test_one_column_is_filled_and_every_other_byte_kept(fill):
    found, report = fill(TWO, [total("101", 7), total("102", 8), total("103", 0)])
    expected = TWO.replace("A and B,,55.5", "A and B,7,55.5").replace('A,"9,5",', "A,0,")
    assert found == expected.encode()
    assert (report.column, report.count, report.alarms) == (COLUMN, 3, ())
    assert report.notes == ('="Evil" (ID 103): 9,5 became 0.',)  # and nothing of Canvas' own Test Student


def test_points_without_all_notebooks_are_told_and_half_a_total_is_not_filled(fill):
    none = total("102", None, story="It holds no notebook that could be executed.")
    half = total("103", None, story="Not graded yet: 05_mlp1_sweep.")
    found, report = fill(TWO, [total("101", 7), none, half], gaps={"s101": "Missing: 06_mlp2_sweep."})
    assert found == TWO.replace("A and B,,55.5", "A and B,7,55.5").encode()
    assert report.notes == ("s101 (ID 101): 7 points, without all notebooks. Missing: 06_mlp2_sweep.",)
    assert report.alarms == (
        "s102 (ID 102): it has no total. It holds no notebook that could be executed.",
        "s103 (ID 103): it has no total. Not graded yet: 05_mlp1_sweep.",
    )


def test_who_has_no_id_is_matched_by_login(fill):
    found, report = fill(TWO, [total("AB12@kth.se", 7), total("ef56@kth.se", 5), total("ef57@kth.se", 5)])
    assert found == TWO.replace('A,"9,5",', "A,5,").encode()
    assert [alarm.split(":")[0] for alarm in report.alarms] == [
        "sAB12@kth.se (AB12@kth.se)",
        "sef57@kth.se (ef57@kth.se)",
    ]
    short = [Total(Person(login=login), login, "", 7, 12, "") for login in ("AB12", "ef56")]
    found, _ = fill(TWO, short)
    assert found == TWO.replace("A and B,,55.5", "A and B,7,55.5").replace('A,"9,5",', "A,7,").encode()


SPLIT = "LastName,FirstName,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_split_names_and_more_columns(fill, separator, bom):
    lines = [
        ",,,,,,,,Muted,",
        "    Points Possible,,,,,,,,12,00;(read only)",
        'Lee,Mia,101,U1,ab12,,kth.se,"A, B",,1',
        'Roe,"Jo\nAnn",102,U2,cd34,,kth.se,A,3,00;2',
        "Student,Test,103,,x,,,A,,",
    ]
    text = export(lines, "Lab 1 (4711),Final Score", "\n", SPLIT)
    text = text.replace('"A, B"', "A and B").replace("12,00;", "12@00,").replace("3,00;", "3@00,")
    text = text.replace(",", separator).replace("@", "." if separator == "," else ",")
    found, report = fill(bom + text.encode(), [total("101", 7.5), total("102", 3)])
    new = "7.5" if separator == "," else "7,5"
    mark = f"A and B{separator}"
    assert found == bom + text.replace(mark + separator, f"{mark}{new}{separator}").encode()
    assert (report.count, report.notes, report.alarms) == (2, (), ())


def test_a_decimal_comma_between_commas_is_quoted(fill):
    text = export(['Points Possible,,,,,"12,00",', "Lee,101,,,A,,", 'Roe,102,,,A,"7,50",'])
    found, report = fill(text, [total("101", 7.25), total("102", 7.5)])
    assert found == text.replace("101,,,A,,", '101,,,A,"7,25",').encode()
    assert report.notes == ()


def test_a_submission_without_an_id_is_told(fill):
    _, report = fill(TWO, [Total(Person(), "nobody", "", 5, 12, "")])
    assert report.alarms == ("nobody (ID none): there is no ID to match by.",)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("last", [True, False], ids=["end", "no end"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_line_ends_marks_and_encodings_are_kept(fill, end, bom, last, encoding):
    text = export(["    Points Possible,,,,,12,", "Zoë,101,,,é\u00a0x,,3"], end=end)
    text = text if last else text.removesuffix(end)
    found, report = fill(bom + text.encode(encoding), [total("101", 7)])
    assert found == bom + text.replace("x,,3", "x,7,3").encode(encoding)
    assert (report.count, report.alarms) == (1, ())


def test_bytes_of_no_encoding_at_all_are_kept(fill):
    content = export(["@,101,,,,,", "x,102,,,,1,"]).encode().replace(b"@", b"\xff\x00\xe2\x28")
    found, _ = fill(content, [total("101", 7), total("102", 5)])
    assert found == content.replace(b"101,,,,,", b"101,,,,7,").replace(b"102,,,,1,", b"102,,,,5,")


def test_nobody_is_dropped(fill):
    lines = [
        "    Points Possible,,,,,12,",
        "Twice,200,,,,1,",
        "Twice too,200,,,,2,",
        "Excused,201,,,,EX,",
        "Not assigned,202,,,,N/A,",
        "No id,,,,,,",
        "Unknown,203,,,,4,",
        "Short,204",
        "Sent two,205,,,,,",
        "Not graded,206,,,,,",
        "",
    ]
    text = export(lines)
    totals = [*(total(str(user), 5) for user in (200, 201, 202, 204)), total("205", 1, "b"), total("205", 2, "a")]
    found, report = fill(text, [*totals, total("206", None), total("999", 5), total("", 5, "nobody")])
    assert found == text.encode()
    assert report.count == 0
    assert report.notes == ("2 rows have no submission: No id (ID none); Unknown (ID 203).",)
    assert report.alarms == (
        "s200 (ID 200): 2 rows of the export have this ID.",
        "s201 (ID 201): the cell says EX.",
        "s202 (ID 202): the cell says N/A.",
        "s204 (ID 204): the row ends before the column.",
        "b (ID 205): 2 submissions have this ID: a, b.",
        "a (ID 205): 2 submissions have this ID: a, b.",
        "s206 (ID 206): it has no total.",
        "s999 (ID 999): no row of the export has this ID.",
        "nobody (Lee): there is no ID to match by.",
    )


def test_members_of_a_group_who_did_not_upload_are_no_alarm(fill):
    lines = [f"Member {user},{user},,,A,," for user in range(200, 240)]
    found, report = fill(export(lines), [total("203", 7, "lab-1", "lab_1"), total("999", 5, "lab-2", "lab_2")])
    assert found == export(lines).replace("203,,,A,,", "203,,,A,7,").encode()
    assert report.alarms == ("lab-2 (ID 999): no row of the export has this ID.",)
    [note] = report.notes
    assert note.startswith("39 rows have no submission of their own. Canvas gives members the grade of their group")


def test_members_who_are_known_are_all_filled_and_different_totals_told(fill):
    lines = [f"Member {user},{user},,,A,," for user in (201, 202, 203)]
    found, report = fill(export(lines), [total("201", 7, "g", "G"), total("202", 5.5, "g", "G")])
    assert found == export(lines).replace("201,,,A,,", "201,,,A,7,").replace("202,,,A,,", "202,,,A,5.5,").encode()
    assert report.notes == ("One row has no submission: Member 203 (ID 203).",)
    [alarm] = report.alarms
    assert alarm.startswith("g: its members get 5.5 and 7. Let the assignment assign grades to each student")


CLASS = [f"Member {user},{user},,ab{user}@x.org,A,," for user in (201, 202, 203, 301, 302)]


def claimed(points, submission, *logins):
    """Return the totals of members whom a submission names by their logins."""
    return [Total(Person(login=login), submission, "G", points, 12.0, "") for login in logins]


def packed(name, user):
    return HandedIn(name=name, student="g", user=user, group="G")


def test_members_whom_a_submission_names_are_filled_by_login(fill):
    totals = claimed(7, "g", "ab201", "AB202", "ab203@x.org")
    found, report = fill(export(CLASS), totals, submissions=[packed("g", "202")])
    assert found.decode().count("A,7,") == 3
    assert (report.count, report.alarms) == (3, ())


def test_the_member_who_uploaded_is_filled_though_nobody_names_that_login(fill):
    totals = [*claimed(7, "g", "mia", "jo", "ab203"), *claimed(5, "h", "al")]
    found, report = fill(export(CLASS), totals, submissions=[packed("g", "202"), packed("h", "999")])
    assert found.decode() == export(CLASS).replace("ab202@x.org,A,", "ab202@x.org,A,7").replace(
        "ab203@x.org,A,", "ab203@x.org,A,7"
    )
    assert report.notes[0] == "No row has these logins, so Canvas gives them their group's grade: mia, jo."
    assert report.alarms == ("h (al): no row of the export has this login.",)


@pytest.mark.parametrize("reverse", [False, True])
def test_no_claim_takes_a_row_from_the_member_whom_canvas_names(fill, reverse):
    totals = [*claimed(1, "evil", "ab301", "ab201"), total("201", 7, "g", "G")]
    submissions = [packed("evil", "302"), packed("g", "201")]
    found, report = fill(export(CLASS), totals[::-1] if reverse else totals, submissions=submissions)
    assert "201,,ab201@x.org,A,7," in found.decode()
    assert "301,,ab301@x.org,A,1," in found.decode()
    assert "302,,ab302@x.org,A,1," in found.decode()
    assert report.alarms == ("evil (ab201): its row is that of g, by Canvas' own ID.",)


def test_who_is_excused_is_marked_so(fill):
    lines = ["Lee,101,,,A,,", "Roe,102,,,A,ex,", "Doe,103,,,A,3,"]
    excused = [total(user, None, excused=True) for user in ("101", "102", "103")]
    found, report = fill(export(lines), excused)
    assert found == export(["Lee,101,,,A,EX,", "Roe,102,,,A,ex,", "Doe,103,,,A,EX,"]).encode()
    assert (report.count, report.notes, report.alarms) == (3, ("Doe (ID 103): 3 became EX.",), ())


def test_filling_twice_changes_nothing_more(fill):
    once, _ = fill(TWO, [total("101", 7), total("103", 0)])
    again, report = fill(once, [total("101", 7), total("103", 0)])
    assert again == once
    assert (report.count, report.notes) == (2, ('One row has no submission: O"Neil, "Zoë" second line (ID 102).',))


MANY = 'Lab (1),Lab (2),"Exam, 1 (3)",Exam (x),Final Score,Current Score (2026)'


@pytest.mark.parametrize(
    ("columns", "column", "place"),
    [
        (MANY, "Exam, 1", 2),
        (MANY, "Exam, 1 (3)", 2),
        (MANY, "Lab (2)", 1),
        ("Lab (1) (7),Lab (1)", "Lab (1)", 1),
        ("Notes,Lab (1)", "", 1),
        ("Notes,Lab (1),Final Score (2026)", "", 1),
    ],
)
def test_the_named_column_is_filled(fill, columns, column, place):
    empty = ["Lee", "101", "", "", "", *([""] * 5)]
    full = [*empty[: 5 + place], "7", *empty[6 + place :]]
    found, _ = fill(export([",".join(empty)], columns), [total("101", 7)], column)
    assert found == export([",".join(full)], columns).encode()


@pytest.mark.parametrize(
    ("columns", "column", "message"),
    [
        (MANY, "", r"3 columns that could be filled: name one of 'Lab \(1\)', 'Lab \(2\)', 'Exam, 1 \(3\)'\."),
        (MANY, "Lab", r"2 columns that could be filled: name one of 'Lab \(1\)', 'Lab \(2\)'\."),
        (MANY, "Quiz", r"no assignment 'Quiz': name one of 'Lab \(1\)', 'Lab"),
        (MANY, "Student", "no assignment 'Student'"),
        (MANY, "Final Score", "no assignment 'Final Score'"),
        ("Final Score", "", "no assignment's column: create the assignment"),
    ],
)
def test_a_column_that_is_not_clear_is_refused(fill, columns, column, message):
    with pytest.raises(UsageError, match=message):
        fill(export(["Lee,101,,,,,,"], columns), [total("101", 7)], column)


@pytest.mark.parametrize(
    ("above", "message"),
    [
        ("Points Possible,,,,,20,", r"Points Possible 20, but labkit's totals are out of 12: write `scale = 20` under"),
        ('Points Possible,,,,,"20,00",', "Points Possible 20, but"),
        ('Points Possible,,,,,"1,200.00",', "Points Possible 1200, but"),
        ("Points Possible,,,,,(read only),", "is read only, so Canvas takes nothing in for it"),
        (
            ",,,,,Manual Posting (scores hidden from instructors),",
            "Canvas takes no grades from a file for an anonymous",
        ),
        ("Roe,102,,,,N/A,\r\nDoe,103,,,,n/a,", None),
        ("Points Possible,,,,,0.00,", None),
        ("Points Possible,,,,,,", None),
    ],
)
def test_a_column_that_canvas_would_not_take_is_refused(fill, above, message):
    text = export([above, "Lee,101,,,,,"])
    if message is None:
        assert fill(text, [total("101", 7)])[1].count == 1
        return
    with pytest.raises(UsageError, match=message):
        fill(text, [total("101", 7)])


def test_an_export_that_says_na_for_everybody_is_refused(fill):
    with pytest.raises(UsageError, match="by anonymous id"):
        fill(export(["Lee,101,,,,N/A,", "Roe,102,,,,N/A,"]), [total("101", 7)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a gradebook exported from Canvas"),
        ("Name,ID\nLee,101\n", "is not a gradebook exported from Canvas"),
        ("LastName,ID\nLee,101\n", "is not a gradebook exported from Canvas"),
        ("Student,Number,Lab (1)\nLee,101,\n", "is not a gradebook exported from Canvas"),
        (export(["x"]).encode("utf-16"), "is UTF-16, as a spreadsheet saves it"),
        (export(["x"]).encode("utf-16-be"), "is UTF-16, as a spreadsheet saves it"),
        (export(['"Lee,101,,,,,']), "Row 2 of .* has a quote without its end"),
        (export(['"Lee"x,101,,,,,']), "Row 2 of .* has a quote without its end"),
        (export(['"' + '""' * 1_000_000]), "Row 2 of .* has a quote without its end"),
        (b"x" * (10 * 2**20 + 1), "is larger than 10 MB"),
    ],
    ids=["empty", "names", "one name", "no id", "utf-16", "no mark", "open", "inside", "many", "large"],
)
def test_what_is_no_export_is_refused(fill, content, message):
    with pytest.raises(UsageError, match=message):
        fill(content, [total("101", 7)])


def test_an_export_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read \(No such file"):
        fill_canvas([], tmp_path / "nowhere.csv")


def test_students_without_a_row_of_points_above_them_are_found(fill):
    text = f"{HEAD},{COLUMN.replace(',', '')}\nLee,101,,,,\n"
    found, _ = fill(text, [total("101", 7)])
    assert found == text.replace("101,,,,", "101,,,,7").encode()


def test_names_in_the_report_cannot_write_to_the_terminal(fill):
    _, report = fill(export(["\x1b[31mred\x1b[0m,101,,,,,"]), [])
    assert report.notes == ("One row has no submission: red (ID 101).",)
