"""Exercises of notebook 4: softmax, back-propagation, a gradient check, neurons that stay alike."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from labkit.exercises import different_columns, torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_list, close, kind_of
from labkit.models.scratch import ACTIVATIONS, check_gradient, softmax

SIZES = (6, 5, 4, 3)
LIMIT = 1e-3


def _draw_logits(rng: np.random.Generator) -> Inputs:
    small = rng.normal(0, 1, (6, 4))
    large = rng.uniform(900, 1000, (6, 1))
    apart = large * np.array([1, -1, 1, -1, 0, 0])[:, None]
    first = np.array([1, 0, 0, 0])
    return [(logits,) for logits in (small, small + large, small + apart, small + 850 * first, small + 4000 * first)]


def _powers(logits: np.ndarray, taken_off: Any, axis: int = 1) -> np.ndarray:
    powers = np.exp(logits - taken_off)
    return np.asarray(powers / powers.sum(axis, keepdims=True))


def _judge_softmax(answers: list[Any], inputs: Inputs) -> None:
    for answer, (logits,) in zip(answers, inputs, strict=True):
        if not isinstance(answer, np.ndarray | list):
            raise Wrong(f"Your function returns {kind_of(answer)}, but an array of probabilities is wanted.")
        array = np.nan_to_num(answer, nan=-1) if isinstance(answer, np.ndarray) else answer
        array, expected = as_array(array, logits.shape), softmax(logits)
        if close(array, expected, 1e-3):
            continue
        shifted = logits - logits.max(1, keepdims=True)
        for mistake, message in (
            (_powers(logits, logits.max(0), 0), "The columns add up to 1, but each row should, which is one image."),
            (np.exp(shifted), "The powers are not divided by their sum, so that a row does not add up to 1."),
            (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), "These are logarithms of probabilities."),
            (
                _powers(logits, logits.max()),
                "One maximum is taken off all rows: in a row far below it all powers become 0, and 0 / 0 is NaN.",
            ),
            (_powers(logits, logits.max(0)), "The maximum of a column is taken off, not that of a row."),
            (_powers(logits, logits.mean(1, keepdims=True)), "With the mean taken off, large logits still overflow."),
            (
                _powers(logits, logits.min(1, keepdims=True)),
                "With the smallest taken off, large logits still overflow.",
            ),
            (_powers(logits, 0), "It overflows for large logits, and infinity divided by infinity is NaN."),
        ):
            if close(array, np.nan_to_num(mistake, nan=-1), 1e-3):
                raise Wrong(message)
        if array.min() < 0:
            raise Wrong("Some probabilities are negative or NaN.")
        if not close(array.sum(1), 1, 1e-3):
            raise Wrong("The probabilities of a row do not add up to 1.")
        raise Wrong(f"For logits between {logits.min():.0f} and {logits.max():.0f} the probabilities are not right.")


def _draw_layer(rng: np.random.Generator) -> Inputs:
    # All sizes are equal, so that a forgotten transposition does not fail in NumPy's words but is told in ours.
    return [
        (*(rng.normal(0, 1, (size, size)) for _ in range(3)), rng.normal(1, 1, (size, size)), name)
        for size, name in ((4, "sigmoid"), (6, "tanh"))
    ]


def _judge_layer(answers: list[Any], inputs: Inputs) -> None:
    for answer, (delta, weights, a, z, name) in zip(answers, inputs, strict=True):
        slope, count = ACTIVATIONS[name][1], len(delta)
        expected_arrays = [a.T @ delta, delta.sum(0), delta @ weights.T * slope(z)]
        entries = as_list(answer, 3)
        for order in permutations(range(3)):
            if order != (0, 1, 2) and all(
                _like(entries[position], expected_arrays[index]) for position, index in enumerate(order)
            ):
                raise Wrong("All three are right, but in another order: weights, biases, delta of the layer before.")
        mistakes = (
            (
                (a @ delta, "is made of a as it stands, but equation 3 has its transpose."),
                (delta.T @ a, "has rows and columns exchanged."),
                (z.T @ delta, "is made of the pre-activations z, but equation 3 has the activations a."),
                (expected_arrays[0] / count, "is divided by the number of images, but delta already is."),
            ),
            (
                (delta.mean(0), "is a mean, but equation 4 has the sum: delta is already divided by N."),
                (delta.sum(1), "is summed over the neurons, but the sum runs over the images."),
            ),
            (
                (delta @ weights.T, "lacks the derivative."),
                (delta @ weights.T * slope(a), "has the derivative at the activation a, but equation 2 has it at z."),
                (delta @ weights * slope(z), "is made of W as it stands, but equation 2 has its transpose."),
                (
                    (delta * slope(z)) @ weights.T,
                    "is multiplied by the derivative too early: the matrix product comes first.",
                ),
                (delta @ weights.T * z, "is multiplied by z itself: call `derivative`."),
            ),
        )
        labels = ("The gradient of the weights", "The gradient of the biases", "The delta of the layer before")
        for label, entry, expected, entry_mistakes in zip(labels, entries, expected_arrays, mistakes, strict=True):
            array = as_array(entry, expected.shape, f"{label}: your function")
            for mistake, message in entry_mistakes:
                if close(array, mistake, 1e-4):
                    raise Wrong(f"{label} {message}")
            if not close(array, expected, 1e-4):
                raise Wrong(f"{label} is not right.")


def _like(entry: Any, expected: np.ndarray) -> bool:
    try:
        return close(as_array(entry, expected.shape), expected, 1e-4)
    except Wrong:
        return False


def _draw_gradients(rng: np.random.Generator) -> Inputs:
    inputs: Inputs = []
    for bug in ("derivative", "biases", "weights", "one layer", "scale", "none"):
        network = torch_trials.scratch_network(SIZES, "sigmoid")
        images, labels = rng.normal(0, 1, (12, SIZES[0])), rng.integers(0, SIZES[-1], 12)
        network.forward(images)
        if bug == "derivative":  # taken at the activation
            network.pre_activations[:-1] = network.outputs[1:]
        gradients, layer = network.backward(labels), int(rng.integers(3))
        for number, (weights, biases) in enumerate(gradients):
            if bug == "biases":  # averaged
                biases /= len(images)
            elif bug == "weights":  # with an L2 term that nobody asked for
                weights += 0.1 * network.weights[number]
            elif number == layer and bug == "one layer":  # the wrong sign
                weights *= -1
                biases *= -1
            elif number == layer and bug == "scale":  # one error above the limit, one below it
                weights *= 1.02
                biases *= 1 + 2e-5
            elif bug == "scale":
                biases *= -1
        inputs.append((SIZES, "sigmoid", images, labels, gradients))
    return inputs


def _judge_wrong_arrays(answers: list[Any], inputs: Inputs) -> None:
    for answer, (sizes, activation, *arguments) in zip(answers, inputs, strict=True):
        errors = check_gradient(torch_trials.scratch_network(sizes, activation), *arguments)
        expected = {name for name, error in errors.items() if error > LIMIT}
        if isinstance(answer, dict):
            raise Wrong("Your function returns a dictionary, but a list of names alone is wanted.")
        listed = as_list(answer)
        if strange := [entry for entry in listed if not isinstance(entry, str) or entry not in errors]:
            stranger = f"'{strange[0][:20]}'" if isinstance(strange[0], str) else kind_of(strange[0])
            raise Wrong(f"The list holds {stranger}, but the arrays have the names {', '.join(errors)}.")
        names = set(listed)
        if names != expected and names == set(errors) - expected:
            raise Wrong("It is turned round: the arrays that are right are named, and the wrong ones are not.")
        if names != expected and names == set(errors):
            raise Wrong("All arrays are named, but some of these gradients are right.")
        if expected and not names:
            raise Wrong(f"No array is named, but these are wrong: {', '.join(sorted(expected))}.")
        for name, error in errors.items():
            if name in expected - names:
                raise Wrong(f"{name} is not named, but its relative error of {error:.0e} is above 1e-3.")
            if name in names - expected:
                raise Wrong(f"{name} is named, but its relative error of {error:.0e} is not above 1e-3.")


EXERCISES = (
    Exercise(
        "4.1",
        "write a softmax that cannot overflow",
        2,
        trials.without_softmax,
        _draw_logits,
        _judge_softmax,
        (
            "Each row has its own largest logit. Once it is taken off, the largest exponent of the row is 0.",
            "Maximum and sum run along axis 1; `keepdims=True` keeps them as columns, one number a row.",
        ),
    ),
    Exercise(
        "4.2",
        "the backward step of one layer",
        3,
        torch_trials.on_derivatives,
        _draw_layer,
        _judge_layer,
        (
            "One line an equation. `@` is the matrix product, `*` multiplies entry by entry, `.T` transposes.",
            "Write the shapes beside each line: images N, neurons before n, neurons m; W is (n, m) and delta (N, m).",
        ),
    ),
    Exercise(
        "4.3",
        "find the planted bug",
        2,
        torch_trials.on_scratch_networks,
        _draw_gradients,
        _judge_wrong_arrays,
        (
            "`check_gradient` returns a dictionary: the name of each array, and its relative error.",
            "Go through `.items()` of that dictionary, and keep each name whose error is large enough.",
        ),
    ),
    Exercise(
        "4.4",
        "count the neurons that differ",
        1,
        trials.calls,
        different_columns.draw_columns,
        different_columns.judge_columns,
        (
            "Round first. Then each column, taken as a whole, is either new or the same as one before.",
            "`np.unique` has an argument `axis`: with it, whole rows or columns are compared. What shape comes back?",
        ),
    ),
)
