"""Exercises of notebook 6: parameters of a network, a grid with its spread, a moving average, a fair comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import as_good_as_the_best, trials
from labkit.exercises.comparing import judge_verdicts, paired
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_list, as_number, as_pair, close


def _draw_widths(rng: np.random.Generator) -> Inputs:
    return [(int(first), int(first - less)) for first, less in rng.integers((30, 5), (400, 25), (3, 2))]


def _judge_parameters(answers: list[Any], inputs: Inputs) -> None:
    for answer, (first, second) in zip(answers, inputs, strict=True):
        expected = np.array([785 * first, (first + 1) * second, (second + 1) * 10])
        entries = as_array(answer)
        if entries.size == 1 and entries.reshape(()) == expected.sum():
            raise Wrong("This is the sum; one number for each of the three layers is wanted.")
        if np.array_equal(entries, expected[:2]):
            raise Wrong("The output is a layer, too: it has weights and biases.")
        entries = as_array(answer, (3,))
        for mistake, message in (
            ([784 * first, first * second, second * 10], "The biases are missing: each neuron has one."),
            ([784 * first + 1, first * second + 1, second * 10 + 1], "A layer has one bias for each neuron, not one."),
            ([784 * (first + 1), first * (second + 1), second * 11], "Each neuron has a bias, not each input."),
            ([29 * first, expected[1], expected[2]], "An image has 28 x 28 = 784 pixels, and each is an input."),
            (
                [first, expected[1], expected[2]],
                "The first layer has weights: one for each of the 784 pixels and neuron.",
            ),
            (
                [2 * first, expected[1], expected[2]],
                "The first layer has weights: one for each of the 784 pixels and neuron.",
            ),
            (expected[::-1], "The numbers are right, but in another order: first layer, second layer, output."),
        ):
            if np.array_equal(entries, mistake):
                raise Wrong(message)
        for name, entry, count in zip(("first layer", "second layer", "output"), entries, expected, strict=True):
            if entry != count:
                raise Wrong(f"For the widths {first} and {second}, the number for the {name} is not right.")


def _draw_series(rng: np.random.Generator) -> Inputs:
    return [(rng.uniform(1, 9, length), window) for length, window in ((12, 3), (9, 2), (15, 6), (5, 5))]


def _judge_moving_average(answers: list[Any], inputs: Inputs) -> None:
    for answer, (values, window) in zip(answers, inputs, strict=True):
        sums = np.array([values[i : i + window].sum() for i in range(len(values) - window + 1)])
        entries = np.array(as_list(answer), dtype=object)
        if any(isinstance(entry, float) and np.isnan(entry) for entry in entries):
            raise Wrong("It holds NaN where the window is not full: leave these entries out.")
        entries = as_array(answer)
        if entries.shape == (len(values),) and window > 1:
            raise Wrong(f"It has as many entries as `values`: the first window - 1 = {window - 1} have no full window.")
        if entries.shape == (len(sums) - 1,):
            raise Wrong(
                "One entry is missing: the last window ends with the last value, the first starts with the first."
            )
        if entries.shape == (len(sums) + 1,):
            raise Wrong("It has one entry too many: is each window full?")
        entries = as_array(answer, sums.shape)
        if close(entries, sums, 1e-6):
            raise Wrong("These are sums over each window, not means.")
        if not close(entries, sums / window, 1e-5):
            raise Wrong(f"For a window of {window} the entries are not the means of {window} neighbouring values.")


def _draw_pairs(rng: np.random.Generator) -> Inputs:
    cases = ((6, -0.3), (5, 3.2), (5, -4.0), (5, 1.9), (5, -1.4), (5, 0.95), (4, 2.5), (6, -2.2))
    between_rules = ((4, 1.3), (5, 1.12), (4, 2.2), (5, 1.98), (6, 2.1), (6, 0.12), (4, 0.8), (6, 0.43))
    pairs = [paired(rng, count, ratio) for count, ratio in cases + between_rules]
    return [(ours / 100, theirs / 100) for ours, theirs in pairs]


TWO = "a list is wanted that holds two things: the differences, one a seed, and whether they are clear"


def _judge_clearly_better(answers: list[Any], inputs: Inputs) -> None:
    verdicts, differences = [], []
    for answer, (ours, theirs) in zip(answers, inputs, strict=True):
        listed, clear = as_pair(answer, TWO)
        points = 100 * (ours - theirs)
        if as_array(listed).size == 1:
            raise Wrong("One difference for each seed is wanted first, not their mean.")
        listed = as_array(listed, points.shape)
        for mistake, message in (
            (points / 100, "The differences are shares; a percentage point is a hundredth."),
            (-points, "The differences have the wrong sign: a seed where ours is better counts as positive."),
            (abs(points), "The differences have lost their sign."),
            *((points.round(digits), "The differences are rounded; leave all their digits.") for digits in (1, 2, 3)),
            (
                100 * (np.sort(ours) - np.sort(theirs)),
                "Sorting breaks the pairs: compare the two runs of the same seed.",
            ),
        ):
            if close(listed, mistake, 1e-6) and not close(listed, points, 1e-6):
                raise Wrong(message)
        if not close(listed, points, 1e-4):
            raise Wrong("The differences are not those of the same seeds, in percentage points.")
        if as_number(clear) not in (0, 1):
            raise Wrong("The second thing that it returns is no truth value: True or False is wanted.")
        verdicts.append(bool(as_number(clear)))
        differences.append(points)
    judge_verdicts(verdicts, differences, lambda mean, limit: abs(mean) > limit, times=2)


EXERCISES = (
    Exercise(
        "6.1",
        "where do the parameters sit?",
        1,
        trials.calls,
        _draw_widths,
        _judge_parameters,
        (
            "Each neuron has one weight for each of its inputs, and one bias.",
            "A layer has (inputs + 1) times neurons; a layer's inputs are the neurons before it, at first 784 pixels.",
        ),
    ),
    Exercise(
        "6.2",
        "is the best cell really the best?",
        2,
        trials.calls,
        as_good_as_the_best.draw_grids,
        as_good_as_the_best.judge_as_good,
        (
            'Group the rows by "network"; you need each mean of "test", and one standard deviation.',
            "`idxmax()` names the best mean; a comparison with the limit picks rows, the `index` has their names.",
        ),
    ),
    Exercise(
        "6.3",
        "write the moving average",
        2,
        trials.calls,
        _draw_series,
        _judge_moving_average,
        (
            "There are len(values) - window + 1 full windows. A loop over where they start will do.",
            "Without a loop: a window's sum is the difference of two running sums (`np.cumsum`), `window` places on.",
        ),
    ),
    Exercise(
        "6.4",
        "pick the better of two, and defend it",
        2,
        trials.calls,
        _draw_pairs,
        _judge_clearly_better,
        (
            "Subtract first, seed by seed; everything else is computed from the differences.",
            "NumPy's `std` divides by n unless you say `ddof=1`; and a difference may be clear on either side of 0.",
        ),
    ),
)
