"""The exercise of notebook 4 that counts the different columns of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_number


def draw_columns(rng: np.random.Generator) -> Inputs:
    """Return matrices in which columns come again, not quite equal, and whose different columns have much in common.

    All numbers are multiples of 1/64: they have six digits, and sums of them are exact.
    """
    inputs: Inputs = []
    for rows, different, columns in ((9, 8, 19), (6, 8, 12), (8, 1, 5)):
        numbers = np.setdiff1d(np.arange(-36, 37), 0) / 64
        base = rng.permutation(numbers)[: rows * different].reshape(rows, different)
        if different > 1:
            base[1:, 1] = np.roll(base[1:, 0], 1)  # the same numbers in another order, one at the same place
            base[0, 1] = base[0, 0]
            base[:, 6] = np.roll(base[:, 0], 2)
            base[:, 2] = base[:, 3]
            base[0, 2] += 3e-6  # nearly the same
            if rows > different:  # different, though they can be had from others
                base[:, 4] = -base[:, 3]
                base[:, 5] = base[:, 0] + base[:, 3]
                base[:, 7] = 2 * base[:, 0]
                base[:-1, 6] = np.roll(base[:-1, 0], 1)  # the last number stays at its place
                base[-1, 6] = base[-1, 0]
        picked = rng.permutation([*range(different), *rng.integers(0, different, columns - different)])
        inputs.append((base[:, picked] + rng.uniform(-2e-7, 2e-7, (rows, columns)),))
    return inputs


def judge_columns(answers: list[Any], inputs: Inputs) -> None:
    """Compare the counts with those of whole columns, to six digits, and of the usual mistakes."""
    numbers = [as_number(answer) for answer in answers]
    by_input = [right_and_wrong_counts(weights) for (weights,) in inputs]
    expected = [right for right, _ in by_input]
    if numbers == expected:
        return
    for message in by_input[0][1]:
        if numbers == [wrong[message] for _, wrong in by_input]:
            raise Wrong(message)
    number, right, columns = next(
        (number, right, weights.shape[1])
        for number, right, (weights,) in zip(numbers, expected, inputs, strict=True)
        if number != right
    )
    raise Wrong(f"For {columns} columns of which {right} differ, your function returns {number:g}.")


def right_and_wrong_counts(weights: np.ndarray) -> tuple[int, dict[str, int]]:
    """Return how many columns differ, and what usual mistakes count, by the message that names the mistake."""
    rounded, count = weights.round(6), weights.shape[1]
    columns, repeats = np.unique(rounded, axis=1, return_counts=True)
    wrong = {
        "All columns count as different: round before you compare.": count,
        "These are the different rows; a neuron is a column.": len(np.unique(rounded, axis=0)),
        "These are the different numbers; count columns, each taken as a whole.": np.unique(rounded).size,
        "This is the rank of the matrix; a multiple or a sum of other columns is a different column all the same.": int(
            np.linalg.matrix_rank(rounded)
        ),
        "This is the rank of the matrix, taken roughly; different columns are wanted, not independent ones.": int(
            np.linalg.matrix_rank(weights, tol=1e-5)
        ),
        "Columns with the same sum, or the same numbers in another order, need not be the same.": len(
            np.unique(rounded.sum(0))
        ),
        "Columns with the same sum, rounded, need not be the same.": len(np.unique(weights.sum(0).round(5))),
        "Columns with the same mean need not be the same.": len(np.unique(rounded.mean(0).round(6))),
        "It compares the first number of each column only.": len(np.unique(rounded[0])),
        "It compares the last number of each column only.": len(np.unique(rounded[-1])),
        "These are the columns that come again, not the different ones.": count - columns.shape[1],
        "These are the columns that come only once; those that come again count once as well.": int(sum(repeats == 1)),
    }
    for digits in range(6):
        wrong[f"It rounds to {digits} digits, not to six."] = np.unique(weights.round(digits), axis=1).shape[1]
    return columns.shape[1], wrong
