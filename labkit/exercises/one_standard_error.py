"""The exercise of notebook 5 that chooses a width by the one-standard-error rule (Breiman et al. 1984)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_number

# Rules that one might take for that of exercise 5.2, and what tells each from it.
RULES = {
    "best": "It chooses the best mean, but the mean of a smaller width lies within one standard error of it.",
    "test": "It chooses by test accuracy, which would then be quoted too high: take the validation accuracy.",
    "widest": "It chooses the widest network, but the smallest that is good enough is wanted.",
    "largest": "It chooses the largest width within the band, but the smallest is wanted.",
    "single": "It chooses the width of the best single run, which may be luck: compare means over the seeds.",
    "runs": "It takes a width for which one run lies within the band, but the mean over the seeds must.",
    "population": "The standard deviation divides by n, not by n - 1: pandas does that, NumPy with `ddof=1`.",
    "deviation": "The band is the standard deviation, the spread of single runs: a mean's standard error is s / √n.",
    "overall": "The band comes from the runs of all widths, but the rule has the standard error of the best width's.",
    "own": "Each width has a band of its own, but the rule has that of the best width for all.",
    "first": "It takes the first width in the table that is good enough, but rows may come in any order.",
}


def smallest_good(widths: np.ndarray, accuracies: np.ndarray) -> int:
    """Return the width that the one-standard-error rule chooses, given one row of accuracies per width."""
    means, errors = accuracies.mean(1), _errors(accuracies)
    best = means.argmax()
    return int(widths[(means >= means[best] - errors[best]).argmax()])


def _errors(accuracies: np.ndarray, ddof: int = 1) -> np.ndarray:
    """Return the standard error of the mean of each row."""
    return np.asarray(accuracies.std(-1, ddof=ddof) / accuracies.shape[-1] ** 0.5)


def choices_by_rule(widths: np.ndarray, validation: np.ndarray, test: np.ndarray, rows: np.ndarray) -> dict[str, int]:
    """Return the width that each rule chooses, given one row of accuracies per width; rows: the table's order."""
    means, errors, highest = validation.mean(1), _errors(validation), validation.max(1)
    best = int(means.argmax())
    floor = means[best] - errors[best]
    good = means >= floor
    indices = {
        "best": best,
        "widest": -1,
        "largest": np.flatnonzero(good)[-1],
        "single": highest.argmax(),
        "runs": (highest >= floor).argmax(),
        "population": (means >= means[best] - _errors(validation, 0)[best]).argmax(),
        "deviation": (means >= means[best] - validation[best].std(ddof=1)).argmax(),
        "overall": (means >= means[best] - _errors(validation.ravel())).argmax(),
        "own": (means + errors >= means[best]).argmax(),
        "first": next(index for index in rows if good[index]),
    }
    return {"test": smallest_good(widths, test), **{rule: int(widths[index]) for rule, index in indices.items()}}


def draw_tables(rng: np.random.Generator) -> Inputs:
    """Return a table for each of RULES on which this rule, and no other, chooses what it does; rows in random order."""
    import pandas as pd

    inputs: Inputs = []
    while len(inputs) < len(RULES):
        count, seeds = 7, int(rng.integers(3, 6))
        widths = np.sort(rng.choice(np.arange(20, 400, 10), count, replace=False))
        order, means = rng.permutation(count * seeds), 0.94 - 0.02 * np.exp(-np.arange(count))
        noise = rng.normal(0, 1, (2, count, seeds)) * rng.uniform(0.001, 0.01, (2, count, 1))
        accuracies = (means + rng.normal(0, 0.003, count))[:, None] + noise
        choices = choices_by_rule(widths, accuracies[0], accuracies[1], order // seeds)
        width = choices[list(RULES)[len(inputs)]]
        if list(choices.values()).count(width) == 1 and width != smallest_good(widths, accuracies[0]):
            columns = {"width": widths.repeat(seeds), "seed": np.tile(np.arange(seeds), count)}
            columns |= {"validation_accuracy": accuracies[0].ravel(), "test_accuracy": accuracies[1].ravel()}
            inputs.append((pd.DataFrame(columns).iloc[order].reset_index(drop=True),))
    return inputs


def by_width(table: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a table's widths, one row of validation and of test accuracies per width, and each row's place in them."""
    widths, order = np.unique(table["width"], return_inverse=True)
    rows = table.sort_values(["width", "seed"])
    validation, test = (
        rows[name].to_numpy().reshape(len(widths), -1) for name in ("validation_accuracy", "test_accuracy")
    )
    return widths, validation, test, order


def _one(answer: Any) -> float:
    """Return the width that an answer is, also where it comes as a column or tensor with one entry."""
    if isinstance(answer, dict):
        raise Wrong("Your function returns a table or dictionary, but one number is wanted: the width.")
    return as_number(answer.item() if isinstance(answer, np.ndarray) and answer.size == 1 else answer)


def judge_width(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is the width that the rule chooses; name the rule that was taken for it."""
    numbers, expected, choices = [_one(answer) for answer in answers], [], []
    for number, (table,) in zip(numbers, inputs, strict=True):
        widths, validation, test, order = by_width(table)
        if number not in widths:
            raise Wrong(f"Your function returns {number:g}, which is no width of the table.")
        expected.append(smallest_good(widths, validation))
        choices.append(choices_by_rule(widths, validation, test, order))
    if numbers == expected:
        return
    for rule, message in RULES.items():
        if numbers == [choice[rule] for choice in choices]:
            raise Wrong(message)
    number, width = next(pair for pair in zip(numbers, expected, strict=True) if pair[0] != pair[1])
    raise Wrong(f"On one of {len(inputs)} tables it chooses {number:g}, but by the rule it is {width}.")
