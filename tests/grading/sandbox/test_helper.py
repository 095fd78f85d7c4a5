"""A process that answers requests, whatever becomes of it."""

import pytest

from labkit.grading.sandbox.helper import Helper

pytestmark = pytest.mark.slow

PROGRAM = """
import sys, time
from labkit.grading.sandbox.helper import serve
def answer(request):
    if request == "end": sys.exit()
    if request == "sleep": time.sleep(60)
    if request == "grow":
        try: return [len(bytes(10**9))]
        except MemoryError: return ["no memory"]
    if request == "print": print("between the lines")
    return [request]
serve(answer, 300_000_000)
"""


@pytest.fixture
def helper():
    class Small(Helper):
        program = PROGRAM

    small = Small(2)
    yield small
    small.end()
    assert small.process is None


def test_a_helper_answers_in_a_bounded_memory_and_time(helper):
    assert helper.ask("a") == ["a"]
    first = helper.process.pid
    assert helper.ask("print") == ["print"]
    assert helper.ask("grow") == ["no memory"]
    assert helper.process.pid == first
    assert helper.ask("sleep") is None
    assert helper.ask("end") is None
    assert helper.ask({"b": [1]}) == [{"b": [1]}]


def test_a_helper_that_was_killed_is_started_anew(helper):
    assert helper.ask("a") == ["a"]
    helper.process.kill()
    assert helper.ask("b") == ["b"]
