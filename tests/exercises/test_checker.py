import json
from types import SimpleNamespace

import pytest

from labkit.exercises.catalogue import exercises
from labkit.exercises.checker import Checker, progress, statuses


@pytest.fixture
def run(tmp_path):
    return SimpleNamespace(name="01_pytorch_blitz", out=tmp_path)


def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def stub(f, x, h):
    raise NotImplementedError()


def test_feedback_says_what_is_wrong_and_hints_more_strongly_the_second_time(run, capsys):
    check = Checker(run)
    hints = exercises()["1.2"].hints
    check("1.2", stub)
    assert "not attempted yet" in capsys.readouterr().out
    for hint in (hints[0], hints[1], hints[1]):
        check("1.2", forward)
        printed = capsys.readouterr().out
        assert "not right yet. This is the difference to one side" in printed
        assert hint in printed
    assert not check.passed("1.2")
    check("1.2", central)
    assert capsys.readouterr().out == "✓ Exercise 1.2 is passed.\n"
    assert check.passed("1.2")


def test_an_unknown_exercise_is_told(run, capsys):
    Checker(run)("1.99", central)
    assert "There is no exercise 1.99: 1.1, 1.2" in capsys.readouterr().out
    assert statuses(run.out) == {}


def test_verdicts_are_kept_for_the_next_kernel(run, capsys):
    check = Checker(run)
    check("1.1", None)
    check("1.2", central)
    check("1.4", lambda powers, error: 1 / 0)
    again = Checker(run)
    assert again.passed("1.2")
    assert not again.passed("1.3")
    assert statuses(run.out) == {"1.1": "failed", "1.2": "passed", "1.4": "failed"}
    capsys.readouterr()
    again.progress()
    printed = capsys.readouterr().out
    assert printed.startswith("notebook  1  ✗ 1.1  ✓ 1.2  ○ 1.3  ✗ 1.4  ○ 1.5\n")
    assert f"1 passed, 2 failed, {len(exercises()) - 3} open" in printed


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": 1, "exercises": [1]}', '{"format": 1, "exercises": {"1.1": {"status": "great"}}}'],
)
def test_a_damaged_file_counts_as_nothing_done(run, content):
    folder = run.out / "exercises"
    folder.mkdir()
    (folder / "01_pytorch_blitz.json").write_text(content)
    assert statuses(run.out) == {}
    assert "0 passed" in progress(run.out)
    assert not Checker(run).passed("1.1")


def test_what_is_kept_is_plain_json(run, capsys):
    Checker(run)("1.2", central)
    kept = json.loads((run.out / "exercises" / "01_pytorch_blitz.json").read_text())
    assert kept == {"format": 1, "exercises": {"1.2": {"status": "passed", "message": "passed", "failures": 0}}}


def test_what_an_answer_prints_is_shown_bounded_while_it_is_tried(run, capsys):
    def chatty(f, x, h):
        print("x is", x.shape)
        return central(f, x, h)

    def endless(f, x, h):
        for number in range(100_000):
            print(number)
        return x

    check = Checker(run)
    check("1.2", chatty)
    printed = capsys.readouterr().out
    assert printed.startswith("Your code printed while it was tried:\n  x is torch.Size([5])\n  x is torch.Size([1])\n")
    assert printed.endswith("✓ Exercise 1.2 is passed.\n")
    check("1.2", endless)
    assert "lines more" in (printed := capsys.readouterr().out)
    assert len(printed) < 1_000
