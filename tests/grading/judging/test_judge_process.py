"""The judge's process: same verdicts, bounded, replaced when it dies."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import wait_until

from labkit.exercises.catalogue import exercises
from labkit.exercises.notes import encode
from labkit.grading.judging.judge_process import LONGEST, Judge, own_judge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def judge():
    judge = Judge(5)
    yield judge
    judge.end()


def notes(function, seed=3, name="1.4"):
    import numpy as np

    exercise = exercises()[name]
    return encode(exercise.collect(function, exercise.draw(np.random.default_rng(seed))))


def right(powers, error):
    return 2 * (powers @ error) / len(error)


def test_verdicts_are_those_of_the_exercise(judge):
    assert judge("1.4", notes(right), 3).status == "passed"
    assert judge("1.4", notes(right), 4).status == "failed"  # inputs of another seed
    assert judge("1.4", notes(lambda powers, error: 0), 3).status == "failed"


@pytest.mark.parametrize("text", ["", "[", "{}", "null", "[" * 100_000, '"\\ud800"', "[1e999]", '[{"value": NaN}]'])
def test_notes_of_any_form_fail(judge, text):
    assert judge("1.4", text, 3).status == "failed"


def test_messages_are_short_and_hold_no_escapes(judge):
    verdict = judge("1.4", encode([{"refused": "\x1b[2J\x1b]0;x\x07" + "a" * 10_000}]), 3)
    assert verdict.status == "failed"
    assert len(verdict.message) <= LONGEST
    assert verdict.message.startswith("aaa")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory need Linux")
def test_memory_is_bounded(judge):
    shape = [10**5, 10**5]
    assert judge("1.4", encode([{"value": {"__array__": ["<f8", shape, ""]}}]), 3).status == "failed"


def test_a_judge_that_dies_or_stops_is_replaced(judge):
    judge("1.4", "[]", 3)
    judge.process.kill()
    judge.process.wait()
    assert judge("1.4", notes(right), 3).status == "passed"
    os.kill(judge.process.pid, signal.SIGSTOP)
    judge.seconds = 1
    assert judge("1.4", notes(right), 3).status == "passed"


def test_a_judgement_that_takes_too_long_fails(judge, monkeypatch):
    monkeypatch.setattr(judge, "_read", lambda seconds: b"")
    verdict = judge("1.4", notes(right), 3)
    assert verdict.status == "failed"
    assert "bounded time" in verdict.message


def test_an_ended_judge_leaves_no_process(judge):
    judge("1.4", "[]", 3)
    process = judge.process
    judge.end()
    assert process.returncode is not None


def test_each_thread_has_a_judge_of_its_own(judge):
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        judges = [pool.submit(own_judge).result() for pool in (first, second, first)]
    assert judges[0] is judges[2]
    assert judges[0] is not judges[1]


def test_a_judge_is_ended_at_once_while_it_works(judge, monkeypatch):
    judge("1.4", "[]", 3)
    monkeypatch.setattr(judge, "seconds", 600)
    os.kill(judge.process.pid, signal.SIGSTOP)  # it will never answer
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(judge, "1.4", notes(right), 3)
        wait_until(judge.lock.locked)
        judge.end()
        assert asked.result().status == "failed"
    assert judge.process is None
    assert judge("1.4", notes(right), 3).status == "passed"
