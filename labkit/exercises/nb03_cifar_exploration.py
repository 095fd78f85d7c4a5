"""Exercises of notebook 3: counting parameters, the size of an effect, an order that changes, a design of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_number, close, kind_of, recognise

BASELINE = {"feature_maps": [6, 16], "depth": 7, "activation": "relu"}
LARGEST = {"maps": 256, "layers": 31}  # beyond them a training takes hours


def _draw_convolutions(rng: np.random.Generator) -> Inputs:
    inputs: Inputs = []
    for side in (3, 5, 7):
        maps_in = int(rng.integers(2, 20))
        inputs.append((maps_in, maps_in + int(rng.integers(1, 30)), side))
    return inputs


def _judge_parameters(answers: list[Any], inputs: Inputs) -> None:
    counts = [as_number(answer) for answer in answers]
    ins, outs, side = np.array(inputs).T
    weights = ins * outs * side**2
    if np.array_equal(counts, weights + outs):
        return
    mistakes = [
        (weights, "The biases are missing: each output map has one."),
        (weights + ins, "It has a bias for each input map; a bias belongs to an output map."),
        (
            weights + ins * outs,
            "It has a bias for each pair of an input and an output map; an output map has one only.",
        ),
        (weights + 1, "It has one bias in all; each output map has its own."),
        (ins * outs * side + outs, "The filters are square: side times side weights for each input map."),
        (ins * outs * side, "The filters are square: side times side weights, and a bias for each output map."),
        (outs * side**2 + outs, "A filter reaches through all input maps: it has weights for each of them."),
        (outs * side**2, "A filter reaches through all input maps, and each output map has a bias."),
    ]
    recognise(counts, mistakes, 1e-12)
    for count, expected, (maps_in, maps_out, width) in zip(counts, weights + outs, inputs, strict=True):
        if count != expected:
            raise Wrong(
                f"From {maps_in} to {maps_out} maps, with filters of {width} x {width}, {count:,.0f} is not right."
            )


def _draw_samples(rng: np.random.Generator) -> Inputs:
    """Return pairs of samples whose spreads differ, so that no wrong way to combine them gives the right result."""
    inputs: Inputs = []
    for counts, sign in (((5, 5), 1), ((6, 4), -1)):
        ours, theirs = (rng.normal(0, 1, count) for count in counts)
        ours = 60 + sign * rng.uniform(2, 5) + rng.uniform(1.5, 2.5) * (ours - ours.mean()) / ours.std()
        theirs = 60 + rng.uniform(4, 6) * (theirs - theirs.mean()) / theirs.std()
        inputs.append((ours, theirs))
    return inputs


def _judge_effect(answers: list[Any], inputs: Inputs) -> None:
    for answer, (ours, theirs) in zip(answers, inputs, strict=True):
        effect, difference = as_number(answer), ours.mean() - theirs.mean()
        var_ours, var_theirs = ours.var(ddof=1), theirs.var(ddof=1)
        expected = difference / ((var_ours + var_theirs) / 2) ** 0.5
        if close(effect, expected, 1e-5):
            continue
        mistakes = [
            (-expected, "The sign is turned round: it is ours minus theirs."),
            (
                difference / ((ours.var() + theirs.var()) / 2) ** 0.5,
                "It divides by n: sample deviations need `ddof=1`.",
            ),
            (difference / ((var_ours + var_theirs) / 2), "It divides by the pooled variance: the root is missing."),
            (
                difference / (var_ours + var_theirs) ** 0.5,
                "The two variances are added; their mean, half of that, is wanted.",
            ),
            (
                difference / ((var_ours**0.5 + var_theirs**0.5) / 2),
                "It averages deviations: average the variances, then the root.",
            ),
            (difference / var_ours**0.5, "It divides by the deviation of ours alone; both count."),
            (difference / var_theirs**0.5, "It divides by the deviation of theirs alone; both count."),
            (
                difference / np.concatenate([ours, theirs]).std(ddof=1),
                "It takes the deviation of all values together, which their difference makes larger.",
            ),
            (
                difference / (var_ours / len(ours) + var_theirs / len(theirs)) ** 0.5,
                "This is the t of Welch's test: Cohen's d does not grow with the number of seeds.",
            ),
            (difference, "This is the difference of the means alone: divide it by the pooled standard deviation."),
            (abs(expected), "The sign is lost: a design that is worse has a negative effect."),
        ]
        if len(ours) == len(theirs):
            paired = (ours - theirs).std(ddof=1)
            mistakes.append(
                (difference / paired, "It divides by the deviation of the differences, not of the designs.")
            )
        recognise(effect, mistakes, 1e-5)
        raise Wrong("It is not the difference of the means divided by the root of the mean of both variances.")


def _draw_tables(rng: np.random.Generator) -> Inputs:
    """Return tables without ties: two whose order changes, so that every wrong count shows, and one that keeps it."""
    import pandas as pd

    inputs: Inputs = []
    for names, count in ((("early", "late"), 9), ((2, 10), 11)):
        first = np.arange(count)
        while True:
            last = rng.permutation(count)
            counts = {_changed(first, last), *_wrong_counts(first, last)}
            if len(counts) == 7 and min(counts) > 1:
                break
        values = np.sort(rng.uniform(20, 80, (2, count)) + 0.01 * np.arange(count), axis=1)
        order = rng.permutation(count)
        index = pd.Index([f"design {name}" for name in rng.permutation(count)], name="design")
        columns = {names[0]: values[0][first[order]], names[1]: values[1][last[order]]}
        inputs.append((pd.DataFrame(columns, index=index),))
    same = inputs[0][0]
    return [*inputs, (pd.DataFrame({"first": same["early"], "second": same["early"] + 5}),)]


def _changed(first: np.ndarray, last: np.ndarray) -> int:
    return int((first != last).sum())


def _wrong_counts(first: np.ndarray, last: np.ndarray) -> list[int]:
    """Return how many kept their place, all of them, the places moved, the pairs swapped, how many rose and fell."""
    pairs = np.triu((first[:, None] - first) * (last[:, None] - last) < 0)
    return [
        len(first) - _changed(first, last),
        len(first),
        int(np.abs(first - last).sum()),
        int(pairs.sum()),
        int((last < first).sum()),
        int((last > first).sum()),
    ]


def _judge_places(answers: list[Any], inputs: Inputs) -> None:
    messages = (
        "It counts the designs that kept their place; those that changed it are wanted.",
        "It compares accuracies, which always differ: give each design its place in each column first.",
        "It adds up by how many places the designs moved; each counts once, however far it moved.",
        "It counts the pairs that swapped; the designs whose place changed are wanted.",
        "It counts the designs that rose only; those that fell changed their place too.",
        "It counts the designs that fell only; those that rose changed their place too.",
    )
    for answer, (table,) in zip(answers, inputs, strict=True):
        count = as_number(answer)
        first, last = (np.argsort(np.argsort(-table[column].to_numpy())) for column in table)
        if count == _changed(first, last):
            continue
        recognise(count, zip(_wrong_counts(first, last), messages, strict=True), 1e-9)
        raise Wrong(
            f"In a table of {len(table)} designs, {_changed(first, last)} have another place, but it gives {count:g}."
        )


def _draw_nothing(_: np.random.Generator) -> Inputs:
    return [()]


def _judge_design(answers: list[Any], _: Inputs) -> None:
    from labkit.models.networks import ACTIVATIONS, CifarNet

    for design in answers:
        if not isinstance(design, dict):
            raise Wrong(f"Your function returns {kind_of(design)}, but a dictionary is wanted.")
        if missing := [key for key in BASELINE if key not in design]:
            raise Wrong(f"The dictionary has no {' and no '.join(missing)}.")
        if unknown := [key for key in design if key not in BASELINE]:
            raise Wrong(f"The key {unknown[0][:30]!r} is not known: only feature_maps, depth and activation are.")
        maps, depth, activation = (design[key] for key in BASELINE)
        if not isinstance(maps, list) or not all(type(count) is int for count in maps):
            raise Wrong("feature_maps must be a pair of whole numbers, the maps of C1 and of C3, such as (8, 16).")
        if type(depth) is not int:
            raise Wrong(f"depth must be a whole number, but it is {kind_of(depth)}.")
        if not isinstance(activation, str):
            raise Wrong(f"activation must be a name, one of {', '.join(ACTIVATIONS)}, but it is {kind_of(activation)}.")
        if max([*maps, 0]) > LARGEST["maps"] or depth > LARGEST["layers"]:
            raise Wrong("More than {maps} maps or {layers} layers would train for hours.".format(**LARGEST))
        try:
            CifarNet(maps, depth, activation[:30])
        except ValueError as error:
            raise Wrong(str(error)) from None
        changed = [own != theirs for own, theirs in zip(_values(design), _values(BASELINE), strict=True)]
        if not any(changed):
            raise Wrong("This is the baseline itself: change two or more of its values.")
        if sum(changed) < 2:
            raise Wrong(
                "Only one value differs from the baseline: combine two or more of the maps of C1, the maps of C3, the "
                "depth and the activation."
            )


def _values(design: dict[str, Any]) -> list[Any]:
    """Return the four values of a design."""
    return [*design["feature_maps"], design["depth"], design["activation"]]


EXERCISES = (
    Exercise(
        "3.1",
        "count the parameters of a convolution",
        1,
        trials.calls,
        _draw_convolutions,
        _judge_parameters,
        (
            "First one filter: it lies on all input maps at once. How many weights is that? What comes on top?",
            "Each output map has one filter, of maps_in layers with side x side weights, and a single bias.",
        ),
    ),
    Exercise(
        "3.2",
        "write Cohen's d",
        2,
        trials.calls,
        _draw_samples,
        _judge_effect,
        (
            "Work from the inside: both variances with `ddof=1`, then their mean, then the root, then divide.",
            "`np.var` and `np.std` divide by n unless you say `ddof=1`; ours comes first in the difference.",
        ),
    ),
    Exercise(
        "3.3",
        "does the order change?",
        2,
        trials.calls,
        _draw_tables,
        _judge_places,
        (
            "Turn each column into places, 1 for the best, and then compare the places row by row.",
            "`after.rank()` gives the places of both columns at once; `iloc[:, 0]` takes the first, whatever its name.",
        ),
    ),
    Exercise(
        "3.4",
        "your own design",
        1,
        trials.calls,
        _draw_nothing,
        _judge_design,
        (
            "Return a dictionary like `baseline` at the top of this notebook, with other values.",
            "Three keys: feature_maps with two whole numbers, depth with 7, 9, 11 or 13, activation with a known name.",
        ),
    ),
)
