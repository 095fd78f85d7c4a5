from dataclasses import replace

import pytest

from labkit.basics.errors import UsageError
from labkit.grading.records.canvas import fill_canvas
from labkit.grading.records.gradebook import Row

HEAD = "Student,ID,SIS User ID,SIS Login ID,Section"
COLUMN = "Lab, part 1 (4711)"


def row(user, total, submission=""):
    return Row(
        submission or f"s{user}",
        "Lee",
        user,
        False,
        {"5.1": total},
        "passed" if total is not None else "not graded",
        (),
        total=total,
    )


def export(lines, columns=f'"{COLUMN}",Final Score', end="\r\n"):
    return end.join([f"{HEAD},{columns}", *lines, ""])


TWO = export(
    [
        ",,,,,Manual Posting,",
        "    Points Possible,,,,,12.00,(read only)",
        '"Lee, Mia",101,U1,ab12,A and B,,55.5',
        '"O""Neil, ""Zoë""\nsecond line",102,"U,2",cd34,"A,B",8.00,1',
        '"=""Evil""",103,U3,ef56,A,"9,5",',
        '"Student, Test",104,,x,A,,',
    ]
)


@pytest.fixture
def fill(tmp_path):
    """Fill an export and return the bytes that came out and the report."""

    def run(content, rows, column=""):
        source, out = tmp_path / "export.csv", tmp_path / "filled.csv"
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        report = fill_canvas(rows, source, out, column)
        return out.read_bytes(), report

    return run


def test_points_without_all_notebooks_are_told_and_half_a_total_is_not_filled(fill):
    lacking = replace(row("101", 7), gaps="Missing: 06_mlp2_sweep.")
    scripts = replace(row("102", None), status="missing", gaps="It holds no notebook that could be executed.")
    half = replace(row("103", None), gaps="Not graded yet: 05_mlp1_sweep.")
    found, report = fill(TWO, [lacking, scripts, half])
    assert found == TWO.replace("A and B,,55.5", "A and B,7,55.5").encode()
    assert report.with_gaps == ("s101 (ID 101): 7 points, without all notebooks. Missing: 06_mlp2_sweep.",)
    assert report.unmatched_rows[:2] == (
        'O"Neil, "Zoë" second line (ID 102): it has no total. It holds no notebook that could be executed.',
        '="Evil" (ID 103): it has no total. Not graded yet: 05_mlp1_sweep.',
    )
    assert [sentence.split(":")[0] for sentence in report.unmatched_submissions] == ["s102 (ID 102)", "s103 (ID 103)"]


def test_one_column_is_filled_and_every_other_byte_kept(fill):
    found, report = fill(TWO, [row("101", 7), row("102", 8), row("103", 0)])
    expected = TWO.replace("A and B,,55.5", "A and B,7,55.5").replace('A,"9,5",', "A,0,")
    assert found == expected.encode()
    assert (report.column, report.cells) == (COLUMN, 3)
    assert report.replaced == ('="Evil" (ID 103): 9,5 became 0.',)
    assert report.unmatched_rows == ("Student, Test (ID 104): no submissions have this ID.",)
    assert report.unmatched_submissions == ()


def test_a_submission_without_an_id_is_told(fill):
    _, report = fill(TWO, [row("", 5, "nobody")])
    assert report.unmatched_submissions == ("nobody (ID none): there is no ID to match by.",)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("last", [True, False], ids=["end", "no end"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_line_ends_marks_and_encodings_are_kept(fill, end, bom, last, encoding):
    text = export(["    Points Possible,,,,,9,", "Zoë,101,,,é\u00a0x,,3"], end=end)
    text = text if last else text.removesuffix(end)
    found, report = fill(bom + text.encode(encoding), [row("101", 7)])
    assert found == bom + text.replace("x,,3", "x,7,3").encode(encoding)
    assert report.cells == 1
    assert "Zoë" not in str(report.unmatched_rows)


def test_bytes_of_no_encoding_at_all_are_kept(fill):
    content = (
        export(["    Points Possible,,,,,9,", "@,101,,,,,", "x,102,,,,1,"]).encode().replace(b"@", b"\xff\x00\xe2\x28")
    )
    found, _ = fill(content, [row("101", 7), row("102", 5)])
    assert found == content.replace(b"101,,,,,", b"101,,,,7,").replace(b"102,,,,1,", b"102,,,,5,")


def test_semicolons_separate_where_a_comma_is_the_decimal_sign(fill):
    text = f"{HEAD.replace(',', ';')};{COLUMN};Final Score\nPoints Possible;;;;;12,0;\nLee, Mia;101;;;;3,0;1,5\n"
    found, report = fill(text, [row("101", 7)])
    assert found == text.replace(";3,0;", ";7;").encode()
    assert report.replaced == ("Lee, Mia (ID 101): 3,0 became 7.",)


def test_nobody_is_dropped(fill):
    lines = [
        "    Points Possible,,,,,9,",
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
    rows = [*(row(str(user), 5) for user in (200, 201, 202, 204)), row("205", 1, "first"), row("205", 2, "second")]
    found, report = fill(text, [*rows, row("206", None), row("999", 5), row("", 5, "nobody")])
    assert found == text.encode()
    assert report.cells == 0
    assert report.unmatched_rows == (
        "Twice (ID 200): 2 rows of the export have this ID.",
        "Twice too (ID 200): 2 rows of the export have this ID.",
        "Excused (ID 201): the cell says EX.",
        "Not assigned (ID 202): the cell says N/A.",
        "No id (ID none): there is no ID to match by.",
        "Unknown (ID 203): no submissions have this ID.",
        "Short (ID 204): the row ends before the column.",
        "Sent two (ID 205): 2 submissions have this ID.",
        "Not graded (ID 206): it has no total.",
    )
    assert report.unmatched_submissions == (
        "s200 (ID 200): 2 rows of the export have this ID.",
        "s201 (ID 201): the cell says EX.",
        "s202 (ID 202): the cell says N/A.",
        "s204 (ID 204): the row ends before the column.",
        "first (ID 205): 2 submissions have this ID.",
        "second (ID 205): 2 submissions have this ID.",
        "s206 (ID 206): it has no total.",
        "s999 (ID 999): no row of the export has this ID.",
        "nobody (ID none): there is no ID to match by.",
    )


def test_filling_twice_changes_nothing_more(fill):
    once, _ = fill(TWO, [row("101", 7), row("103", 0)])
    again, report = fill(once, [row("101", 7), row("103", 0)])
    assert again == once
    assert (report.cells, report.replaced) == (2, ())


MANY = 'Lab (1),Lab (2),"Exam, 1 (3)",Exam (x),Final Score'


@pytest.mark.parametrize(
    ("columns", "column", "place"),
    [
        (MANY, "Exam, 1", 2),
        (MANY, "Exam, 1 (3)", 2),
        (MANY, "Lab (2)", 1),
        ("Lab (1) (7),Lab (1)", "Lab (1)", 1),
        ("Notes,Lab (1)", "", 1),
    ],
)
def test_the_named_column_is_filled(fill, columns, column, place):
    empty = ["Lee", "101", "", "", "", *([""] * 5)]
    full = [*empty[: 5 + place], "7", *empty[6 + place :]]
    found, _ = fill(export([",".join(empty)], columns), [row("101", 7)], column)
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
        fill(export(["Lee,101,,,,,,"], columns), [row("101", 7)], column)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a gradebook exported from Canvas"),
        ("Name,ID\nLee,101\n", "is not a gradebook exported from Canvas"),
        ("Student,Number,Lab (1)\nLee,101,\n", "is not a gradebook exported from Canvas"),
        (export(["x"]).encode("utf-16"), "is not a gradebook exported from Canvas"),
        (export(['"Lee,101,,,,,']), "Row 2 of .* has a quote without its end"),
        (export(['"Lee"x,101,,,,,']), "Row 2 of .* has a quote without its end"),
        (export(['"' + '""' * 1_000_000]), "Row 2 of .* has a quote without its end"),
        (b"x" * (10 * 2**20 + 1), "is larger than 10 MB"),
    ],
    ids=["empty", "names", "no id", "utf-16", "open quote", "quote inside", "many quotes", "large"],
)
def test_what_is_no_export_is_refused(fill, content, message):
    with pytest.raises(UsageError, match=message):
        fill(content, [row("101", 7)])


def test_an_export_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read \(No such file"):
        fill_canvas([], tmp_path / "nowhere.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_students_without_a_row_of_points_above_them_are_found(fill):
    text = f"{HEAD},{COLUMN.replace(',', '')}\nLee,101,,,,\n"
    found, _ = fill(text, [row("101", 7)])
    assert found == text.replace("101,,,,", "101,,,,7").encode()


def test_names_in_the_report_cannot_write_to_the_terminal(fill):
    _, report = fill(export(["\x1b[31mred\x1b[0m,101,,,,,"]), [])
    assert report.unmatched_rows == ("red (ID 101): no submissions have this ID.",)
