"""The exercise of notebook 8 that counts the images that every run gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_number, counted, name_mistake

# What one might count in exercise 8.5, of which run is wrong on which image and where all agree; the right one first.
COUNTS: tuple[tuple[Callable[[np.ndarray, np.ndarray], Any], str], ...] = (
    (lambda wrong, _: wrong.all(0).sum(), ""),
    (lambda wrong, _: wrong.any(0).sum(), "This counts the images that at least one run gets wrong; all runs must."),
    (lambda wrong, _: wrong[:2].all(0).sum(), "This looks at the first two runs alone; all runs count."),
    (lambda wrong, _: (wrong[0] & wrong[-1]).sum(), "This looks at the first and the last run alone; all runs count."),
    (lambda wrong, _: wrong[0].sum(), "This looks at the first run alone; all runs count."),
    (lambda wrong, _: wrong[-1].sum(), "This looks at the last run alone; all runs count."),
    (lambda wrong, _: (wrong.mean(0) > 0.5).sum(), "This counts the images that most runs get wrong; all runs must."),
    (lambda wrong, _: wrong.sum(1).min(), "These are the errors of the best run; do all others make the same ones?"),
    (lambda wrong, _: wrong.sum(1).mean(), "This is how many errors a run makes on average."),
    (
        lambda wrong, agreed: (wrong.all(0) & agreed).sum(),
        "Runs that get an image wrong need not agree on the wrong answer.",
    ),
    (lambda _, agreed: agreed.sum(), "This counts images on which all runs agree; most of those are right."),
    (lambda wrong, _: (~wrong).all(0).sum(), "This counts the images that every run gets right."),
    (
        lambda wrong, _: wrong.sum(),
        "This counts each error of each run; an image counts once, if all runs get it wrong.",
    ),
    (lambda wrong, _: wrong.all(0).mean(), "This is the share of the images; their number is wanted."),
)


def _counts(predictions: np.ndarray, truth: np.ndarray) -> list[float]:
    """Return what each of COUNTS counts."""
    wrong, agreed = predictions != truth, (predictions == predictions[0]).all(0)
    return [round(float(count(wrong, agreed)), 9) for count, _ in COUNTS]


def draw_predictions(rng: np.random.Generator) -> Inputs:
    """Return predictions for which each of COUNTS counts another number."""
    inputs: Inputs = []
    for runs, classes in ((3, 10), (6, 4)):
        predictions = truth = np.zeros((1, 1), int)
        while len(set(_counts(predictions, truth))) < len(COUNTS):
            errors = rng.permutation(np.repeat(np.arange(runs + 1), rng.integers(15, 40, runs + 1)))  # runs, by image
            wrong = rng.permuted(np.arange(runs) < errors[:, None], axis=1).T
            slips = np.where(rng.random(len(errors)) < 0.5, 1, rng.integers(1, classes, wrong.shape))
            truth = rng.integers(0, classes, len(errors))
            predictions = np.where(wrong, truth + slips, truth) % classes
        inputs.append((predictions, truth))
    return inputs


def judge_shared(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer counts the images that all runs get wrong."""
    counts = [_counts(predictions, truth) for predictions, truth in inputs]
    expected = [first for first, *_ in counts]
    for answer, count, (_, truth) in zip(answers, expected, inputs, strict=True):
        if as_array(answer).shape in ((int(count),), truth.shape):
            raise Wrong("These are the images themselves; their number is wanted.")
    numbers = [round(as_number(answer), 9) for answer in answers]
    if numbers == expected:
        return
    name_mistake(numbers, zip(map(list, zip(*counts, strict=True)), [message for _, message in COUNTS], strict=True))
    number, count = next(pair for pair in zip(numbers, expected, strict=True) if pair[0] != pair[1])
    images = counted(int(count), "image")
    raise Wrong(f"It returns {number:g}, but with these predictions every run is wrong on {images}.")
