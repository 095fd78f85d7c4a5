"""Counterfactuals: the judge of each exercise accepts what we call right, and names the mistake that we ask about."""

import numpy as np
import pytest

from labkit.exercises.catalogue import exercises
from labkit.exercises.exercise import Wrong
from labkit.grading.checkoff.counterfactuals import SMALL, counterfactual

NAMED = {
    ("2.3", "columns"): "sums of the columns",
    ("2.5", "normal"): "factor 1.96",
    ("2.5", "spread"): "spread of single runs",
    ("2.5", "unpaired"): "not paired",
    ("3.1", "one-side"): "one side only",
    ("4.1", "plain"): "overflows",
    ("4.7", "rank"): "rank",
    ("5.2", "best"): "best mean",
    ("5.2", "population"): "divides by n, not by n - 1",
    ("5.2", "deviation"): "spread of single runs",
    ("5.4", "symmetric"): "no good near 100 %",
    ("6.1", "no-new-patience"): "sets the waiting back",
    ("6.1", "epoch-before"): "with the one before it",
    ("7.2", "sample"): "divide by n, not n - 1",
    ("7.3", "kept"): "",
    ("8.1", "turned"): "turned round",
    ("8.3", "own-stride"): "own stride",
    ("8.3", "no-strides"): "strides are left out",
    ("8.5", "all-right"): "all that each gets right",
    ("9.1", "mean"): "This is the mean",
    ("9.1", "warm-up"): "warm-up call",
    ("9.4", "one-image"): "not for one",
}
CASES = [(name, mistake) for name, small in SMALL.items() for mistake in small.wrong]


def as_judged(exercise, value, arguments):
    """Return a result and arguments in the form in which the exercise's judge takes them."""
    if exercise == "7.2":
        import torch

        return value, (torch.from_numpy(arguments[0].astype(np.float32)),)
    if exercise == "9.1":
        seconds = [time / 10 for time in arguments[0]]  # the judge grants half a millisecond
        return {"returned": value / 10, "durations": seconds, "elapsed": sum(seconds)}, (seconds, arguments[1])
    return list(value) if isinstance(value, tuple) else value, arguments


@pytest.mark.parametrize("exercise", SMALL)
def test_the_judge_takes_the_right_results_for_right(exercise):
    small = SMALL[exercise]
    for seed in range(40):
        arguments = small.draw(np.random.default_rng(seed))
        answer, inputs = as_judged(exercise, small.right(*arguments), arguments)
        exercises()[exercise].judge([answer], [inputs])


@pytest.mark.parametrize(("exercise", "mistake"), CASES)
def test_the_judge_names_the_mistake(exercise, mistake):
    """Some judges tell mistakes apart on one input, others over all of them."""
    small = SMALL[exercise]
    rng = np.random.default_rng(0)
    answers, inputs = [], []
    while len(answers) < 30:
        arguments = small.draw(rng)
        with np.errstate(all="ignore"):
            right, wrong = small.right(*arguments), small.wrong[mistake](*arguments)
        if small.said(right) != small.said(wrong):
            answer, given = as_judged(exercise, wrong, arguments)
            answers.append(answer)
            inputs.append(given)
    told = {refused(exercise, answers, inputs)}
    told |= {refused(exercise, [answer], [given]) for answer, given in zip(answers, inputs, strict=True)}
    assert any(NAMED[exercise, mistake] in message for message in told), told


def refused(exercise, answers, inputs):
    with np.errstate(all="ignore"), pytest.raises(Wrong) as wrong:
        exercises()[exercise].judge(answers, inputs)
    return str(wrong.value)


def test_counterfactuals_differ_from_what_is_right_and_fit_on_a_page():
    for exercise, mistake in CASES:
        for seed in range(8):
            drawn = counterfactual(exercise, mistake, np.random.default_rng(seed))
            assert drawn == counterfactual(exercise, mistake, np.random.default_rng(seed))
            assert drawn.right != drawn.wrong
            lines = drawn.given.split("\n")
            assert len(lines) <= 8
            assert max(map(len, lines)) <= 66
            assert max(len(drawn.right), len(drawn.wrong)) <= 40
