"""Exercises of notebook 4: softmax, back-propagation, two repairs, the training loop, a wrong scale, equal neurons."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from labkit.exercises import different_columns, scratch_repairs, scratch_training, torch_trials, training_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_list, close, kind_of
from labkit.models.scratch import ACTIVATIONS, softmax


def _draw_logits(rng: np.random.Generator) -> Inputs:
    small = rng.normal(0, 1, (6, 4))
    large = rng.uniform(900, 1000, (6, 1))
    apart = large * np.array([1, -1, 1, -1, 0, 0])[:, None]
    first = np.array([1, 0, 0, 0])
    return [(logits,) for logits in (small, small + large, small + apart, small + 850 * first, small + 4000 * first)]


def shares_of(logits: np.ndarray, taken_off: Any, axis: int = 1) -> np.ndarray:
    """Return the powers of logits, less what is taken off, as shares of their sum."""
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
            (shares_of(logits, logits.max(0), 0), "The columns add up to 1, but each row should, which is one image."),
            (np.exp(shifted), "The powers are not divided by their sum, so that a row does not add up to 1."),
            (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), "These are logarithms of probabilities."),
            (
                shares_of(logits, logits.max()),
                "One maximum is taken off all rows: in a row far below it all powers become 0, and 0 / 0 is NaN.",
            ),
            (shares_of(logits, logits.max(0)), "The maximum of a column is taken off, not that of a row."),
            (shares_of(logits, logits.mean(1, keepdims=True)), "With the mean taken off, large logits still overflow."),
            (
                shares_of(logits, logits.min(1, keepdims=True)),
                "With the smallest taken off, large logits still overflow.",
            ),
            (shares_of(logits, 0), "It overflows for large logits, and infinity divided by infinity is NaN."),
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
            "Maximum and sum run along axis 1; `keepdims=True` keeps them as columns, one number per row.",
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
            "One line per equation. `@` is the matrix product, `*` multiplies entry by entry, `.T` transposes.",
            "Write the shapes beside each line: images N, neurons before n, neurons m; W is (n, m) and delta (N, m).",
        ),
    ),
    Exercise(
        "4.3",
        "repair the suspect",
        3,
        torch_trials.scratch_gradients,
        scratch_repairs.draw_passes,
        scratch_repairs.judge_backward,
        (
            "Which arrays does the check find wrong, and which line do they share, while the right ones do without it?",
            "Equation 2 has z, not a: `network.pre_activations[layer - 1]` of the layer before. The first layer has no "
            "layer before it: guard the line with an `if`.",
        ),
    ),
    Exercise(
        "4.4",
        "repair the second suspect",
        2,
        torch_trials.scratch_costs,
        scratch_repairs.draw_costs,
        scratch_repairs.judge_cost,
        (
            "A network that guesses gives every class 0.1. Work out what each of the two terms adds to the cost then.",
            "Cross-entropy has the logarithm of the true class's probability alone. Which of the two terms is that?",
        ),
    ),
    Exercise(
        "4.5",
        "write the training loop",
        3,
        training_trials.scratch_epochs,
        scratch_training.draw_epochs,
        scratch_training.judge_epoch,
        (
            "`rng.permutation(len(labels))` gives a new order; a batch is a slice of it. Forward, backward, step.",
            "Add up the cost of each batch times its number of images, and divide the sum by the number of all images.",
        ),
    ),
    Exercise(
        "4.6",
        "trained on 0 to 1, tested on 0 to 255",
        1,
        torch_trials.on_scratch_networks,
        scratch_training.draw_scales,
        scratch_training.judge_lost,
        (
            "`network.predict(images) == labels` says of each image whether it is right; its mean is a share.",
            "Compute the accuracy in percent twice, for `images` and for `factor * images`, and subtract.",
        ),
    ),
    Exercise(
        "4.7",
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
