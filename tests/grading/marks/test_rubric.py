"""rubric.toml: what each key means, the sentence for each that cannot be meant, and what the criteria add up to."""

from decimal import Decimal

import pytest

from labkit.basics.errors import UsageError
from labkit.grading.marks.rubric import FILE, NAMES, Criterion, Item, criterion, read_rubric

CHAPTERS = {"05": "05_mlp1_sweep", "06": "06_mlp2_sweep"}
ASKED = {"05_mlp1_sweep": 3, "06_mlp2_sweep": 1}
WHOLE = """
[05.q3]
points = 1.5
exercise = "5.2"
figures = ["accuracy_by_width", "06_mlp2_sweep.grid"]
tables = ["accuracy_by_width"]
numbers = ["chosen_accuracy"]
[[05.q3.item]]
key = "two-remedies"
points = 1.5
text = "names two remedies"
hint = "dropout, weight decay"
[[05.q3.item]]
key = "wider"
points = -0.25
text = "makes the network wider"

[report.summary]
heading = "Summary"
points = 2
numbers = ["06_mlp2_sweep.mlp2_test"]
"""
TWO = '[05.q3]\n[[05.q3.item]]\nkey = "a"\npoints = {}\ntext = "b"\n'


def item(name="05.q3", key="a", points="1", text="b"):
    return f'[[{name}.item]]\nkey = "{key}"\npoints = {points}\ntext = "{text}"\n'


@pytest.fixture
def read(tmp_path):
    def run(text):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        return read_rubric(tmp_path, ASKED, CHAPTERS)

    return run


def test_without_a_file_every_question_is_worth_a_point_and_the_report_has_no_parts(tmp_path):
    items = read_rubric(tmp_path, ASKED, CHAPTERS)
    assert list(items) == ["05.q1", "05.q2", "05.q3", "06.q1"]
    for name, one in items.items():
        assert one == Item(name)
        assert (one.points, one.criteria, one.part) == (1, (), "questions")
        assert one.evidence == dict.fromkeys(NAMES, ())


def test_every_key_is_read_and_points_are_decimals(read):
    items = read(WHOLE)
    assert list(items) == ["05.q1", "05.q2", "05.q3", "06.q1", "report.summary"]
    third = items["05.q3"]
    assert (third.points, third.exercise, third.heading, third.part) == (Decimal("1.5"), "5.2", "", "questions")
    assert third.criteria == (
        Criterion("two-remedies", Decimal("1.5"), "names two remedies", "dropout, weight decay"),
        Criterion("wider", Decimal("-0.25"), "makes the network wider"),
    )
    assert third.evidence == {
        "figures": ("05_mlp1_sweep.accuracy_by_width", "06_mlp2_sweep.grid"),
        "tables": ("05_mlp1_sweep.accuracy_by_width",),
        "numbers": ("05_mlp1_sweep.chosen_accuracy",),
    }
    summary = items["report.summary"]
    assert (summary.part, summary.heading, summary.points) == ("report", "Summary", 2)
    assert summary.evidence["numbers"] == ("06_mlp2_sweep.mlp2_test",)
    assert read("[05.q1]\npoints = 0.1")["05.q1"].points == Decimal("0.1")


def test_a_file_that_windows_wrote_is_read(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert read_rubric(tmp_path, ASKED, CHAPTERS)["05.q3"].exercise == "5.2"


def test_texts_are_one_line_without_what_a_terminal_obeys(read):
    made = read("[05.q3]\n" + item(text="a\\u001b[31m b\\nc"))["05.q3"]
    assert made.criteria[0].text == "a b c"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        # unknown keys and names, with the nearest one
        ("[05.q3]\npoint = 1", "[05.q3] 'point' is not known: did you mean 'points'?"),
        ("[05.q3]\nfigure = []", "[05.q3] 'figure' is not known: did you mean 'figures'?"),
        ("[05.q3]\nxyz = 1", "[05.q3] 'xyz' is not known: there are points, exercise, heading, item, figures"),
        ("[05.q3]\n" + item() + 'hints = "c"\n', "a criterion: 'hints' is not known: did you mean 'hint'?"),
        ("[05.q33]\npoints = 1", "[05.q33] is not asked: did you mean '05.q3'?"),
        ("[06.q2]\npoints = 1", "[06.q2] is not asked: did you mean '06.q1'?"),
        ("[05]\npoints = 1", "[05.points] is not asked."),
        ("[07.q1]\npoints = 1", "[07] is no notebook."),
        ("[reports.summary]\npoints = 1", "[reports] is no notebook: did you mean 'report'?"),
        ("report = 3", "report must be tables, as [report.name]"),
        ("[report.Summary]\npoints = 1", "[report.Summary] must have a name of small letters, digits and -."),
        ('[report."a b"]\npoints = 1', "[report.a b] must have a name"),
        ("[05]\nq3 = 1", "[05.q3] must be a table."),
        # what cannot be reached, or decides nothing
        (f"[05.q3]\npoints = 2\n{item()}", "[05.q3] its criteria bring 1 points together, so nobody could get all 2."),
        (f"[05.q3]\n{item(points='0.5')}{item(key='c', points='-0.5')}", "its criteria bring 0.5 points together"),
        (f"[05.q3]\n{item(points='1.5')}", "the criterion 'a' brings 1.5 points, and the item 1 at most."),
        (f"[05.q3]\n{item(points='0')}", "the criterion 'a' brings 0 points, so it decides nothing."),
        (f"[05.q3]\n{item(points='-0.0')}", "the criterion 'a' brings"),
        (f"[05.q3]\n{item()}{item()}", "[05.q3] the key 'a' is there twice."),
        (f"[05.q3]\n{''.join(item(key=f'k{place}') for place in range(10))}", "item must be up to 9 tables"),
        ('[05.q3]\n[05.q3.item]\nkey = "a"', "item must be up to 9 tables: write [[05.q3.item]] before each."),
        ("[05.q3]\nitem = [1]", "item must be up to 9 tables"),
        # a criterion's key and text
        (f"[05.q3]\n{item(key='A')}", "the key 'A' must be of small letters, digits and -, up to 40."),
        (f"[05.q3]\n{item(key='')}", "the key '' must be"),
        (f"[05.q3]\n{item(key='-a')}", "the key '-a' must be"),
        (f"[05.q3]\n{item(key='a' * 41)}", "must be of small letters, digits and -, up to 40."),
        (f"[05.q3]\n{item(text='')}", "the criterion 'a' lacks its text."),
        (f"[05.q3]\n{item(text='b' * 501)}", "text must be a text of up to 500 characters."),
        ('[05.q3]\n[[05.q3.item]]\nkey = "a"\ntext = "b"', "points must be a number"),
        ("[05.q3]\nexercise = 5.2", "exercise must be a text"),
        # figures, tables and numbers
        ('[05.q3]\nfigures = "a"', "figures must be a list of names in quotes."),
        ("[05.q3]\ntables = [1]", "tables must be a list of names in quotes."),
        ('[05.q3]\nnumbers = ["06_mlp_sweep.a"]', "must begin with a notebook: did you mean '06_mlp2_sweep'?"),
        ('[05.q3]\nnumbers = [""]', "numbers: '' must begin with a notebook"),
        ('[report.a]\nfigures = ["grid"]', "figures: 'grid' must begin with a notebook"),
        # what is no TOML
        ("[05.q3", "cannot be read ("),
        ("[05.q3]\npoints = 1\npoints = 1", "cannot be read ("),
        ("a = " + "[" * 5_000, "cannot be read ("),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(read, tmp_path, text, sentence):
    with pytest.raises(UsageError) as raised:
        read(text)
    told = str(raised.value)
    assert told.startswith(str(tmp_path / FILE))
    assert sentence in told
    assert told[-1] in ".?"
    assert not told.endswith(("?.", ".."))


@pytest.mark.parametrize(
    "points", ["true", "nan", "-nan", "inf", "-inf", "1e999999", "1e-999999", '"1"', "[]", "1.0005"]
)
@pytest.mark.parametrize("of", ["[05.q3]\npoints = {}\n", TWO], ids=["question", "criterion"])
def test_points_are_finite_numbers(read, points, of):
    with pytest.raises(
        UsageError, match=r"points must be a number from -?\d+ to 1000 with three decimals at most, not"
    ):
        read(of.format(points))


def test_an_item_brings_no_negative_points_and_a_criterion_deducts_no_more_than_the_item(read):
    with pytest.raises(UsageError, match="points must be a number from 0 to 1000"):
        read("[05.q3]\npoints = -1")
    with pytest.raises(UsageError, match="points must be a number from -1 to 1000"):
        read(TWO.format(-1.25))
    with pytest.raises(UsageError, match="points must be a number from 0 to 1000"):
        read("[05.q3]\npoints = 1001")


def test_bytes_that_are_no_text_and_a_folder_are_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe[05.q3]")
    with pytest.raises(UsageError, match="cannot be read"):
        read_rubric(tmp_path, ASKED, CHAPTERS)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        read_rubric(tmp_path, ASKED, CHAPTERS)


def made(points, *each):
    """Return an item with criteria a, b, c ... of these points."""
    criteria = tuple(Criterion(key, Decimal(one), "text") for key, one in zip("abcdef", each, strict=False))
    return Item("05.q3", Decimal(points), criteria)


@pytest.mark.parametrize(
    ("one", "keys", "points"),
    [
        (made(1, "0.5", "0.25", "0.25"), "", 0),
        (made(1, "0.5", "0.25", "0.25"), "ac", "0.75"),
        (made(1, "0.5", "0.25", "0.25"), "abc", 1),
        (made(1, "0.5", "0.5", "0.5"), "abc", 1),  # not above the points of the item
        (made(1, "0.5", "0.5", "-0.25"), "ac", "0.25"),
        (made(1, "0.5", "0.5", "-0.25"), "c", 0),  # and not below 0
        (made(1, "0.5", "0.5", "0.5", "-0.25"), "abcd", 1),  # deducted from the sum, not from the points
        (made(2, "-0.5", "-0.25"), "", 2),  # what only deducts begins at full points
        (made(2, "-0.5", "-0.25"), "a", "1.5"),
        (made(2, "-2", "-1"), "ab", 0),
        (made(1, "0.1", "0.2", "0.7"), "ab", "0.3"),  # exactly
        (made(1, "1"), "xyz", 0),  # keys that are not there any more
        (made(1), "", 1),
    ],
)
def test_points_are_what_holds_from_0_to_those_of_the_item(one, keys, points):
    assert one.points_for(set(keys)) == Decimal(points)
    assert one.points_for([*keys, *keys]) == Decimal(points)  # said twice, counted once


def test_a_criterion_is_added_or_takes_the_place_of_the_one_of_its_key():
    one = made(1, "0.5", "0.5")
    grown = one.with_criterion(Criterion("new", Decimal("-0.25"), "text"))
    assert [each.key for each in grown.criteria] == ["a", "b", "new"]
    assert grown.points_for({"a", "b", "new"}) == Decimal("0.75")
    changed = one.with_criterion(Criterion("a", Decimal("0.75"), "other"))
    assert [each.key for each in changed.criteria] == ["a", "b"]
    assert (changed.points_for("a"), one.points_for("a")) == (Decimal("0.75"), Decimal("0.5"))


def test_a_criterion_of_a_grader_is_read_by_the_same_rules():
    entry = {"key": "new", "points": Decimal("-0.25"), "text": " a  b "}
    assert criterion(entry, Decimal(1)) == Criterion("new", Decimal("-0.25"), "a b")
    with pytest.raises(UsageError, match="brings 2 points, and the item 1 at most"):
        criterion(entry | {"points": 2}, Decimal(1))
    with pytest.raises(UsageError, match="points must be a number"):
        criterion(entry | {"points": float("nan")}, Decimal(1))
