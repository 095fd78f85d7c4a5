import importlib
import re

import numpy as np
import pytest
import torch

from labkit.course.notebooks import course, notebooks_folder
from labkit.course.upkeep.counterparts import LEAST_RIGHT, LEAST_WRONG
from labkit.exercises.catalogue import exercises, modules
from labkit.exercises.judge import examine, judge
from labkit.exercises.notes import decode, encode
from labkit.models.networks import make_activation

ANSWERS = [importlib.import_module(f"answers.{name}") for name in modules()]
RIGHT = {name: answers for module in ANSWERS for name, answers in module.RIGHT.items()}
WRONG = {name: answers for module in ANSWERS for name, answers in module.WRONG.items()}
EXERCISES = exercises()
TRAINS = {"2.6", "5.2", "9.1", "9.2"}  # or measures: a second or more for all answers
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in TRAINS else name for name in EXERCISES]


class Explodes(torch.nn.Module):
    def forward(self, *_):
        raise RuntimeError("kaboom")


def fails_to_say(*_):
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    raise Mute


def leaves(*_):
    raise SystemExit(3)


ODD = {
    "None": None,
    "a number": 3,
    "a text": "seven",
    "a tensor that needs grad": torch.ones(3, requires_grad=True),
    "a module that raises": Explodes(),
    "a class that raises": Explodes,
    "returns nothing": lambda *_: None,
    "returns a text": lambda *_: "seven",
    "returns NaN": lambda *_: float("nan"),
    "returns NaNs": lambda *_: torch.full((5,), float("nan"), requires_grad=True),
    "returns another device's tensor": lambda *_: torch.ones(5, device="meta"),
    "returns a function": lambda *_: print,
    "returns a dictionary": lambda *_: {"a": {"b": [1, None]}},
    "returns an empty list": lambda *_: [],
    "wants no argument": lambda: 1,
    "raises": lambda *_: 1 / 0,
    "raises what cannot be told": fails_to_say,
    "wants to leave": leaves,
}


def stub(*_):
    # YOUR CODE HERE
    raise NotImplementedError()


def test_every_exercise_has_right_and_plausible_wrong_answers():
    assert set(RIGHT) == set(WRONG) == set(EXERCISES)
    for name in EXERCISES:
        assert len(RIGHT[name]) >= LEAST_RIGHT, name
        assert len(WRONG[name]) >= LEAST_WRONG, name


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass_whatever_their_form(name):
    for number, answer in enumerate(RIGHT[name]):
        for seed in (0, 1, 2):
            verdict = examine(EXERCISES[name], answer, seed)
            assert verdict.status == "passed", f"right answer {number}, seed {seed}: {verdict.message}"


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass_on_inputs_that_travelled_to_a_kernel_as_text(name):
    exercise = EXERCISES[name]
    inputs = decode(encode(exercise.draw(np.random.default_rng(5))))
    notes = exercise.collect(RIGHT[name][0], [tuple(one) for one in inputs])
    verdict = judge(exercise, encode(notes), 5)
    assert verdict.status == "passed", verdict.message


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_told_what_is_wrong(name):
    """Each on the inputs of one seed; right answers, whose judgement must never hang on chance, meet all three."""
    for number, (answer, part) in enumerate(WRONG[name]):
        seed = number % 3
        verdict = examine(EXERCISES[name], answer, seed)
        assert verdict.status == "failed", f"wrong answer {number}, seed {seed}"
        assert part in verdict.message, f"wrong answer {number}, seed {seed}: {verdict.message}"


@pytest.mark.parametrize("name", NAMES)
def test_odd_values_are_told_in_a_sentence(name):
    for odd, value in ODD.items():
        verdict = examine(EXERCISES[name], value)
        assert verdict.status == "failed", odd
        assert verdict.message[-1] in ".?", odd
        assert "cannot be judged" not in verdict.message, odd


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_attempted_is_no_error(name):
    assert examine(EXERCISES[name], stub).status == "open"


@pytest.mark.parametrize("name", NAMES)
def test_random_numbers_go_on_as_if_nothing_had_been_checked(name):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    examine(EXERCISES[name], RIGHT[name][0])
    assert torch.equal(torch.get_rng_state(), state)


def test_notebooks_hold_the_exercises_in_order_under_their_titles():
    titles = []
    for path in course(notebooks_folder()):
        text = (path.parent / "source" / f"{path.stem}.py").read_text(encoding="utf-8")
        found = re.findall(r"^# ### Exercise ([\d.]+) — (.+?)(?: \(\d points?\))?$", text, re.MULTILINE)
        assert [name for name, _ in found] == re.findall(r'^check\("([\d.]+)", ', text, re.MULTILINE)
        titles += found
    assert titles == [(name, exercise.title) for name, exercise in EXERCISES.items()]


def test_every_exercise_has_points_and_two_hints():
    for exercise in EXERCISES.values():
        assert exercise.points in (1, 2, 3)
        assert all(len(hint) > 30 and hint[-1] in ".?" for hint in exercise.hints), exercise.id
        assert exercise.hints[0] != exercise.hints[1]


def test_the_line_that_is_told_is_the_students_and_never_one_of_labkit():
    """Also where labkit runs from a checkout, and the error is raised in another wing of it than the trial's."""

    def gradient(powers, error):
        return make_activation("gelu")  # the line to tell

    message = examine(EXERCISES["1.4"], gradient).message
    assert 'in the line `return make_activation("gelu")  # the line to tell`' in message
    assert "raise ValueError" not in message


class Begun(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        # YOUR CODE HERE
        raise NotImplementedError()


class Untouched(torch.nn.Module):
    def __init__(self):
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError()


def test_a_line_left_below_an_answer_is_told_and_an_untouched_function_is_open():
    def answered(powers, error):
        gradient = 2 * powers @ error / len(error)
        # YOUR CODE HERE
        raise NotImplementedError()
        return gradient

    def calls_another(powers, error):
        return stub(powers, error)

    for name, answer in (("1.4", answered), ("1.4", calls_another), ("1.3", Begun)):
        verdict = examine(EXERCISES[name], answer)
        assert verdict.status == "failed"
        assert "`raise NotImplementedError()`" in verdict.message
        assert "delete it" in verdict.message
    assert examine(EXERCISES["1.3"], Untouched).status == "open"


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_return_is_told_as_that(name):
    told = examine(EXERCISES[name], ODD["returns nothing"]).message
    expected = "backward() is missing" if name == "2.1" else "returns None: does its last line say `return`?"
    assert expected in told


def test_a_missing_return_of_a_network_is_told_as_that():
    silent = type("Silent", (RIGHT["1.3"][0],), {"forward": lambda self, images: None})
    assert "Your network returns None: does its last line say `return`?" in examine(EXERCISES["1.3"], silent).message
