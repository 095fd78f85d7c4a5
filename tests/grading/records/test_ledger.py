"""ledger.jsonl: what was appended is read, by its time; what was cut short is told, and what cannot be is refused."""

import json
from decimal import Decimal

import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.grading.records import ledger
from labkit.grading.records.ledger import FILE, append_entry, new_entry, read_ledger

LINE = {"at": "2026-12-01T10:00:00+00:00", "by": "ta", "who": "lab-7", "what": "regrade", "reason": "It is right."}


def told_of(tmp_path, *lines):
    (tmp_path / FILE).write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    return read_ledger(tmp_path)


def test_without_a_ledger_nothing_was_decided(tmp_path):
    assert read_ledger(tmp_path) == ([], [])


def test_what_was_appended_is_read_to_the_last_digit(tmp_path):
    entries = [
        new_entry("lab-7", "regrade", "Looked at it again.", item="5.2", points=Decimal("0.1")),
        new_entry("ab12", "extension", "ill", until="2026-12-02T23:59"),
        new_entry("lab-7", "override", "the upload failed", item="late", late="0 min"),
        new_entry("Zoë 王", "excuse", "has passed it last year"),
        new_entry("ab12", "adjust", "did nothing", factor=Decimal("0.5")),
        new_entry("ab12", "adjust", "helped others", points=Decimal(-3)),
    ]
    for entry in entries:
        path = append_entry(tmp_path, entry)
    assert path.stat().st_mode & 0o777 == 0o600
    found, told = read_ledger(tmp_path)
    assert sorted(found, key=str) == sorted(entries, key=str)
    assert told == []
    assert path.read_text(encoding="utf-8").count("Zoë 王") == 1


def test_nothing_that_was_written_is_ever_changed(tmp_path):
    (tmp_path / FILE).write_bytes(b"by hand, and older\n")
    append_entry(tmp_path, new_entry("a", "excuse", "why"))
    assert (tmp_path / FILE).read_bytes().startswith(b"by hand, and older\n{")


@pytest.mark.parametrize("cut", [1, 20, 60, 100])
def test_a_line_cut_short_is_told_and_left_out_and_takes_no_other_along(tmp_path, cut):
    first, second = ({**LINE, "item": item, "points": 1} for item in ("5.1", "5.2"))
    whole = json.dumps(first).encode()
    entries, told = told_of(tmp_path, second, whole[:cut])
    assert [entry.item for entry in entries] == ["5.2"]
    assert len(told) == 1
    assert told[0].startswith(f"Line 2 of {tmp_path / FILE} was cut short or damaged, and is left out")
    append_entry(tmp_path, new_entry("lab-7", "regrade", "again", item="5.1", points=Decimal(1)))
    entries, told = read_ledger(tmp_path)
    assert {entry.item for entry in entries} == {"5.1", "5.2"}
    assert len(told) == 1


def test_a_whole_line_without_its_end_counts(tmp_path):
    entries, told = told_of(tmp_path, {**LINE, "item": "5.1", "points": 1})
    assert (len(entries), told) == (1, [])
    append_entry(tmp_path, new_entry("a", "excuse", "why"))
    assert len(read_ledger(tmp_path)[0]) == 2


@pytest.mark.parametrize("line", [b"\0" * 80, b"\xff\xfe", b"[" * 100_000, b"{} {}", b'{"at": NaN}'])
def test_what_a_disk_makes_of_a_line_is_told(tmp_path, line):
    entries, told = told_of(tmp_path, line, b"")
    assert (entries, len(told)) == ([], 1)


def test_lines_stand_in_the_order_of_their_times(tmp_path):
    later, earlier = ({**LINE, "item": "5.1", "points": points, "at": at} for points, at in (
        (1, "2026-12-01T10:30:00+01:00"), (2, "2026-12-01T09:00:00+00:00"),
    ))  # fmt: skip
    assert [entry.points for entry in told_of(tmp_path, later, earlier)[0]] == [2, 1]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ([1], "it must be a table of names and values."),
        ({**LINE, "item": "5.2", "point": 3}, "'point' is not known: did you mean 'points'? Mend this line by hand."),
        ({**LINE, "what": "regard"}, "'regard' is no kind of line: did you mean 'regrade'?"),
        ({name: value for name, value in LINE.items() if name != "by"}, "it lacks 'by'."),
        ({**LINE, "reason": " "}, "it lacks 'reason'."),
        ({**LINE, "at": "yesterday"}, "Invalid isoformat string"),
        ({**LINE, "at": "2026-12-01T10:00:00"}, "'at' lacks its offset from UTC."),
        (LINE, "regrade needs points, and has none."),
        ({**LINE, "points": 1}, "it needs an item"),
        ({**LINE, "item": "late", "points": 1}, "it needs an item"),
        ({**LINE, "item": "5.2", "points": "3"}, "'points' must be a number from 0 to 100,000."),
        ({**LINE, "item": "5.2", "points": -1}, "'points' must be a number from 0"),
        ({**LINE, "item": "5.2", "points": True}, "'points' must be a number from 0"),
        ({**LINE, "item": "5.2", "points": 1e-9}, "more than six decimals"),
        ({**LINE, "item": "5.2", "points": 1, "factor": 1}, "regrade needs points, and has points, factor."),
        ({**LINE, "what": "extension", "until": "soon"}, "'soon' is no moment"),
        ({**LINE, "what": "override", "item": "late", "late": "a bit"}, "'a bit' is no duration"),
        ({**LINE, "what": "excuse", "points": 1}, "excuse needs no value, and has points."),
        ({**LINE, "what": "excuse", "item": "5.2"}, "the item of an excuse"),
        ({**LINE, "what": "adjust", "factor": -1}, "'factor' must be a number from 0 to 10."),
        ({**LINE, "who": 7, "what": "excuse"}, "'who' must be a text."),
    ],
)
def test_a_whole_line_that_cannot_be_is_refused_by_its_number(tmp_path, line, sentence):
    with pytest.raises(LabkitError) as raised:
        told_of(tmp_path, {**LINE, "what": "excuse"}, line)
    assert str(raised.value).startswith(f"Line 2 of {tmp_path / FILE} cannot be: ")
    assert sentence in str(raised.value)


def test_a_new_entry_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match=r"^Nothing was written: it lacks 'reason'\.$"):
        new_entry("a", "excuse", "\u200b")


def test_a_user_id_without_a_name_is_a_name_as_well(monkeypatch):
    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(ledger.getpass, "getuser", nobody)
    assert new_entry("a", "excuse", "why").by.startswith("uid ")


def test_a_ledger_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(LabkitError, match="cannot be written"):
        append_entry(tmp_path, new_entry("a", "excuse", "why"))
    with pytest.raises(LabkitError, match="cannot be read"):
        read_ledger(tmp_path)
