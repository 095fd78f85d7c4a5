"""Tables as bytes: read as the csv module reads them, whatever stands in them, and changed in the named cells alone."""

import csv
import io
import random

import pytest

from labkit.grading.returning.sheet import decimal_sign, number, points_text, read_sheet
from labkit.grading.texts import clean

PIECES = ["", "7", "7,5", "a", "é", "王", '"', '""', ";", ",", "\t", "\n", "\r\n", " ", "=1+1", "'", "Points Possible"]


def random_table(seed):
    """Return a table of texts with as many cells in each line; none of its lines is empty."""
    draw = random.Random(seed)
    width = draw.randint(2, 6)
    texts = [
        ["".join(draw.choices(PIECES, k=draw.randint(0, 4))) for _ in range(width)] for _ in range(draw.randint(1, 9))
    ]
    return [["Head", *(f"H{place}" for place in range(width - 1))], *texts]


def written(table, separator, end, quoting):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting).writerows(table)
    return text.getvalue().encode()


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["some", "all"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_are_read_and_edited_cell_by_cell(tmp_path, separator, quoting):
    path = tmp_path / "table.csv"
    for seed in range(150):
        table, draw = random_table(seed), random.Random(seed)
        path.write_bytes(written(table, separator, draw.choice(["\n", "\r\n"]), quoting))
        sheet = read_sheet(path, "table")
        lines = [line for line in sheet.lines if line != sheet.lines[-1] or len(line) > 1]
        assert [[cell.text for cell in line] for line in lines] == [[clean(text) for text in row] for row in table]
        row, column = draw.randrange(len(table)), draw.randrange(len(table[0]))
        new = "".join(draw.choices(PIECES, k=3))
        edited = sheet.edited([(lines[row][column], new)])
        table[row][column] = new
        again = csv.reader(io.StringIO(edited.decode(), newline=""), delimiter=separator)
        assert [line for line in again if line] == table
        cell = lines[row][column]
        assert edited.startswith(sheet.content[: cell.start])
        assert edited.endswith(sheet.content[cell.end :])
        assert sheet.edited([]) == sheet.content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("7.50", 7.5),
        ("7,50", 7.5),
        ("1,234.50", 1234.5),
        ("1.234,5", 1234.5),
        ("-1", -1),
        (".5", 0.5),
        ("0", 0),
        ("", None),
        ("EX", None),
        ("85%", None),
        ("1e9", None),
        ("7 of 9", None),
        ("-", None),
        ("inf", None),
    ],
)
def test_numbers(text, value):
    assert number(text) == value


def test_points():
    assert [points_text(value) for value in (7, 7.0, 7.5, 7.256, 0, 10, 100)] == [
        "7",
        "7",
        "7.5",
        "7.26",
        "0",
        "10",
        "100",
    ]
    assert points_text(7.25, ",") == "7,25"


@pytest.mark.parametrize(
    ("samples", "separator", "sign"),
    [
        (["", "12,00", "3.5"], ",", ","),
        (["EX", "3.5"], ";", "."),
        (["7"], ";", ","),
        ([], ",", "."),
        (["1,234.50"], ",", "."),
    ],
)
def test_the_decimal_sign_is_seen(tmp_path, samples, separator, sign):
    path = tmp_path / "table.csv"
    path.write_text(f"A{separator}B\n")
    assert decimal_sign(read_sheet(path, "table"), samples) == sign
