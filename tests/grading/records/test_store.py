import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import adder
import pytest
from adder import numbered
from attempt_makers import attempt

from labkit.basics.errors import LabkitError
from labkit.grading.records.store import AttemptStore
from labkit.grading.texts import clean

ADDER = [sys.executable, adder.__file__]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "night" / "results.sqlite"


def change(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def key(one):
    return one.submission, one.notebook, one.notebook_hash, one.course_hash, one.limits


def test_an_attempt_comes_back_as_it_was_added(path):
    one = attempt(
        points={"5.1": 2, "5.2": 0},
        numbers={
            "widest_accuracy": {"claimed": "97.0 ± 0.2 %", "found": None, "same": False},
            "other": {"claimed": None, "found": "90.0 %", "same": False, "band": [90.0, 96.5, 98.0]},
        },
        status="timeout",
        late=True,
        unsafe=True,
        remarks=("A check was restored.", "Ünïcödé 数 'quoted' \"twice\"."),
    )
    with AttemptStore(path) as results:
        results.add(one)
        assert results.attempts() == [one]
    with AttemptStore(path) as results:
        assert results.attempts() == [one]
    assert one.points == 2
    assert not path.with_name("results.sqlite-wal").exists()


def test_what_is_expected_and_not_graded_is_unfinished(path):
    one, failed = attempt("a", "05_x"), attempt("b", "05_x", "error")
    wanted = {"a": {"05_x": one.notebook_hash, "06_x": ""}, "b": {"05_x": failed.notebook_hash}}
    with AttemptStore(path) as results:
        results.expect(wanted | {"gone": {"05_x": ""}}, one.course_hash, one.limits)
        results.expect(wanted, one.course_hash, one.limits)
        assert results.unfinished() == {"a": ["05_x", "06_x"], "b": ["05_x"], "gone": ["05_x"]}
        results.add(one)
        results.add(failed)
        assert results.finished(*key(one))
        assert not results.finished(*key(failed))  # so it is tried again
        assert results.unfinished() == {"a": ["06_x"], "b": ["05_x"], "gone": ["05_x"]}
        results.add(replace(failed, status="passed"))
        results.add(attempt("a", "06_x", "missing", notebook_hash=""))
        results.expect({"gone": {}}, one.course_hash, one.limits)
        assert results.unfinished() == {}
        results.expect(wanted, one.course_hash, {**one.limits, "timeout": 9})
    with AttemptStore(path, write=False) as results:
        assert results.unfinished() == {"a": ["05_x", "06_x"], "b": ["05_x"]}


def test_a_file_that_does_not_say_what_is_expected_is_told(path):
    AttemptStore(path).close()
    change(path, "DROP TABLE expected")
    with AttemptStore(path, write=False) as results, pytest.raises(LabkitError, match="same `labkit grade` again"):
        results.unfinished()
    with AttemptStore(path) as results:
        assert results.unfinished() == {}


def test_the_newest_attempt_counts_in_the_order_of_names(path):
    with AttemptStore(path) as results:
        for one in (
            attempt("b"),
            attempt("a", "06_b"),
            attempt("a", "05_a", seconds=1),
            attempt("a", "05_a", seconds=2),
        ):
            results.add(one)
        found = results.attempts()
    assert [(one.submission, one.notebook, one.seconds) for one in found] == [
        ("a", "05_a", 2),
        ("a", "06_b", 1.5),
        ("b", "05_mlp1_sweep", 1.5),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"submission": "other"},
        {"notebook": "06_other"},
        {"notebook_hash": "f" * 64},
        {"course_hash": "f" * 64},
        {"limits": {"timeout": 61, "memory": 4.0, "profile": "quick"}},
        {"limits": {}},
    ],
)
def test_what_changed_is_not_finished(path, changed):
    with AttemptStore(path) as results:
        results.add(attempt())
        assert results.finished(*key(attempt()))
        assert not results.finished(*key(attempt(**changed)))


def test_who_goes_back_to_an_older_notebook_is_graded_again(path):
    old, new = attempt(), attempt(notebook_hash="f" * 64)
    with AttemptStore(path) as results:
        results.add(old)
        results.add(new)
        assert results.finished(*key(new))
        assert not results.finished(*key(old))  # else the gradebook would go on with the new one


@pytest.mark.slow
def test_many_kills_lose_nothing_finished_and_repeat_nothing(path):
    moments = random.Random(0)
    printed = set()
    for _ in range(20):
        with subprocess.Popen([*ADDER, path, "1000000"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0, 0.25))  # from before the file is there to many rows later
            process.kill()
            said = process.stdout.read().split("\n")[:-1]  # a line without its end was not printed whole
        assert not printed & set(map(int, said))
        printed |= set(map(int, said))
    with AttemptStore(path) as results:
        kept = results.attempts()
    assert len(kept) > 20
    assert kept == [numbered(number) for number in range(len(kept))]
    assert printed <= set(range(len(kept)))
    # Undisturbed, the same command goes on to the end, and each was added once.
    total = len(kept) + 10
    done = subprocess.run([*ADDER, path, str(total)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ready", *map(str, range(len(kept), total))]
    with AttemptStore(path) as results:
        assert results.attempts() == [numbered(number) for number in range(total)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (total,)


def test_a_kill_while_the_file_is_made_leaves_nothing_in_the_way(path):
    path.parent.mkdir()
    for suffix in ("", "-wal", "-journal"):
        path.with_name(f".results.sqlite.new{suffix}").write_bytes(b"half")
    with AttemptStore(path) as results:
        results.add(attempt())
        assert results.attempts() == [attempt()]
    assert {file.name for file in path.parent.iterdir()} <= {".results.sqlite.lock", "results.sqlite"}


@pytest.mark.slow
def test_a_second_writer_is_refused_and_readers_are_not(path):
    with AttemptStore(path) as results:
        results.add(attempt())
        with pytest.raises(LabkitError, match=r"Another `labkit grade` writes to .*results\.sqlite: wait"):
            AttemptStore(path)
        done = subprocess.run([*ADDER, path, "1"], capture_output=True, text=True, check=False)
        assert "Another `labkit grade` writes" in done.stderr
        with AttemptStore(path, write=False) as reader:
            assert reader.attempts() == [attempt()]
            results.add(attempt("later"))
            assert len(reader.attempts()) == 2
    with AttemptStore(path) as results:
        assert len(results.attempts()) == 2


def test_a_reader_writes_nothing(path):
    with pytest.raises(LabkitError, match="does not exist: run `labkit grade` first"):
        AttemptStore(path, write=False)
    assert not path.parent.exists()
    with AttemptStore(path):
        pass
    with AttemptStore(path, write=False) as reader, pytest.raises(LabkitError, match="cannot be used"):
        reader.add(attempt())


def test_threads_may_add_at_the_same_time(path):
    with AttemptStore(path) as results:
        threads = [threading.Thread(target=results.add, args=[attempt(f"s{number}")]) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results.attempts()) == 20


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no database at all" * 100,
        lambda content: content[: len(content) // 2],
        lambda content: content[:4096] + b"\xff" * 4096 + content[8192:],
    ],
    ids=["empty", "other", "cut", "overwritten"],
)
def test_a_damaged_file_is_told_and_left_as_it_is(path, damage):
    with AttemptStore(path) as results:
        for number in range(50):
            results.add(numbered(number))
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    for write in (True, False):
        with pytest.raises(LabkitError, match=r"results\.sqlite (is damaged|was not written by this version)"):
            AttemptStore(path, write)
    assert path.read_bytes() == before


def test_a_file_that_went_away_without_its_log_is_not_made_anew(path):
    with AttemptStore(path) as results:
        results.add(attempt())
        log = path.with_name("results.sqlite-wal").read_bytes()
    path.unlink()
    path.with_name("results.sqlite-wal").write_bytes(log)
    with pytest.raises(LabkitError, match=r"is missing, but its newest rows are in results\.sqlite-wal"):
        AttemptStore(path)


def test_another_version_is_refused(path):
    with AttemptStore(path):
        pass
    change(path, "PRAGMA user_version = 7")
    with pytest.raises(LabkitError, match="its format is 7, not 1"):
        AttemptStore(path)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "excellent"),
        ("verdicts", "{"),
        ("verdicts", "[" * 100_000),
        ("verdicts", '{"5.1": {"status": "passed", "message": "", "points": 1e9}}'),
        ("verdicts", '{"5.1": {"status": "passed", "message": "", "points": true}}'),
        ("verdicts", '{"5.1": {"status": "failed", "message": "", "points": 2}}'),
        ("verdicts", '{"5.1": {"status": "passed", "points": 2}}'),
        ("numbers", '{"a": {"claimed": 1, "found": "1", "same": true}}'),
        ("numbers", '{"a": {"claimed": null, "found": "1", "same": false, "band": [1, 2]}}'),
        ("numbers", '{"a": {"claimed": null, "found": "1", "same": false, "band": [1, 2, NaN]}}'),
        ("numbers", '{"a": {"claimed": null, "found": "1", "same": false, "band": "abc"}}'),
        ("numbers", '{"a": {"claimed": null, "found": "1", "same": false, "other": 1}}'),
        ("numbers", "[]"),
        ("remarks", "[1]"),
        ("remarks", "7"),
        ("limits", "[]"),
        ("versions", '{"labkit": 1}'),
        ("seconds", "long"),
        ("seconds", -1),
        ("seconds", 9e999),
        ("peak_memory", "much"),
        ("notebook_hash", "../../etc"),
        ("course_hash", ""),
        ("finished", "yesterday"),
        ("finished", "2026-01-31T23:59:59"),
        ("student", b"\xff"),
        ("submission", ""),
    ],
)
def test_a_row_that_somebody_changed_into_nonsense_is_told(path, column, value):
    with AttemptStore(path) as results:
        results.add(attempt())
    change(path, f"UPDATE attempts SET {column} = ?", value)
    with AttemptStore(path) as results, pytest.raises(LabkitError, match="is damaged: row 1 is no attempt"):
        results.attempts()


def test_an_attempt_of_no_possible_value_cannot_be_made():
    with pytest.raises(ValueError, match="status cannot be 'excellent'"):
        replace(attempt(), status="excellent")
    with pytest.raises(ValueError, match="late cannot be 1"):
        replace(attempt(), late=1)


def test_texts_of_a_submission_are_kept_as_plain_lines(path):
    hostile = "\x1b[31mred\x1b[0m \x1b]0;title\x07a\nb\tc\x00d\ud800e\u202ef\u200b"
    with AttemptStore(path) as results:
        results.add(
            attempt(
                student=hostile,
                remarks=(hostile, "long " * 1_000),
                numbers={hostile: {"claimed": hostile, "found": None, "same": False}},
                verdicts={"5.1": {"status": "failed", "message": hostile, "points": 0}},
            )
        )
        found = results.attempts()[0]
    assert found.student == "red a b cdef"
    assert found.remarks[0] == found.verdicts["5.1"]["message"] == "red a b cdef"
    assert len(found.remarks[1]) == 2_000
    assert found.numbers == {"red a b cdef": {"claimed": "red a b cdef", "found": None, "same": False}}


def test_an_invisible_letter_does_not_make_one_submission_another(path):
    bob, other = attempt("bob"), attempt("bob\u200b", status="failed")
    with AttemptStore(path) as results:
        for one in (bob, other, attempt("bob\ud800")):
            results.add(one)
        assert results.finished(*key(other))
        assert [one.submission for one in results.attempts()] == ["bob", "bob\\u200b", "bob\\ud800"]
        assert results.attempts()[0] == bob


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoë  O'Neil-Müller", "Zoë O'Neil-Müller"),
        ("\x1b[1;31mA\x1b[0m\x9b2JB", "AB"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("file \x1b]0;never ended", "file"),
        ("a\r\nb\u2028c", "a b c"),
        ("\x1b", ""),
    ],
)
def test_texts_become_one_clean_line(text, expected):
    assert clean(text) == expected


def test_rows_can_be_read_without_labkit(path):
    with AttemptStore(path) as results:
        results.add(attempt(points={"5.1": 2}))
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT student, verdicts ->> '$.\"5.1\".points', limits FROM attempts").fetchone()
    assert row[:2] == ("Lee, Mia", 2)
    assert json.loads(row[2])["timeout"] == 60
