"""Exercises of notebook 7: dropout, layer normalisation, neurons that survive, whether weight decay pays."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import dropout, trials
from labkit.exercises.comparing import judge_verdicts, paired
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_pair, close, recognise


def _draw_rows(rng: np.random.Generator) -> Inputs:
    import torch

    def rows(count: int, neurons: int, scale: float, shift: float) -> np.ndarray:
        unit = np.linspace(-1.5, 1.5, neurons) + rng.uniform(-0.2, 0.2, (count, neurons))
        scales = scale * np.linspace(1, 3, count)[:, None]
        return scales * rng.permuted(unit, axis=1) + shift * rng.uniform(-2, 2, (count, 1))

    equal = rows(4, 6, 1.0, 1.0)
    equal[rng.integers(4)] = 2.0
    tables = (rows(7, 5, 1.0, 2.0), rows(3, 8, 1.0, 2.0), rows(5, 4, 2e-3, 0.0), equal)
    return [(torch.from_numpy(table.astype(np.float32)),) for table in tables]


def _judge_layer_norm(answers: list[Any], inputs: Inputs) -> None:
    for answer, (tensor,) in zip(answers, inputs, strict=True):
        values = tensor.double().numpy()
        equal = values.var(1).min() == 0
        if equal and isinstance(answer, np.ndarray) and not np.isfinite(answer).all():
            raise Wrong("A row of equal numbers gives NaN: without 1e-5 it is divided by 0.")
        array = as_array(answer, values.shape)
        centred, variance = values - values.mean(1, keepdims=True), values.var(1, keepdims=True)
        if close(array, centred / np.sqrt(variance + 1e-5), 1e-3):
            continue
        neurons = values.shape[1]
        across = (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)
        mistakes = (
            (
                centred / np.sqrt(variance * neurons / (neurons - 1) + 1e-5),
                "The variance is a mean: divide by n, not n - 1.",
            ),
            (across, "It averages over the images; each image is normalised by itself, over its neurons."),
            (
                (values - values.mean()) / np.sqrt(values.var() + 1e-5),
                "One mean and one variance for the whole batch; each image wants its own.",
            ),
            (centred, "The means are 0, but the rows are not divided by their standard deviations."),
            (centred / (variance + 1e-5), "It divides by the variance: its root is missing."),
            (values / np.sqrt(variance + 1e-5), "The mean of each row is not subtracted."),
            (values / np.sqrt((values**2).mean(1, keepdims=True) + 1e-5), "The mean of each row is not subtracted."),
            (centred / np.sqrt(variance * neurons + 1e-5), "The variance is a mean: divide the sum of squares by n."),
            (centred / np.sqrt(values.var(0) + 1e-5), "The variance is one over the images; take each image's own."),
            (
                centred / (np.sqrt(variance) + 1e-5),
                "1e-5 is added to the root; add it to the variance, before the root.",
            ),
            (centred / np.sqrt(np.where(variance > 0, variance, 1)), "1e-5 is missing: it is added to the variance."),
        )
        recognise(array, mistakes, 1e-3)
        if values.var() < 1e-3:
            raise Wrong("Rows of very small numbers go wrong: is it 1e-5, and is it added to the variance?")
        raise Wrong("The values differ from (value - mean of its row) / root of (variance of its row + 1e-5).")


def _draw_layers(rng: np.random.Generator) -> Inputs:
    low, high = rng.uniform(0.2, 0.4, 2), rng.uniform(0.6, 0.8, 2)
    sizes = [*rng.permutation([2, 3, 4]), 6]  # of 6 neurons, one mistake looks like another
    return [(int(size), round(float(p), 2)) for size, p in zip(sizes, (*low, *high), strict=True)]


def _judge_survivors(answers: list[Any], inputs: Inputs) -> None:
    for answer, (neurons, p) in zip(answers, inputs, strict=True):
        pair = as_pair(answer, "two numbers are wanted: the average of survivors, and the probability of none")
        average, none = as_array(pair, (2,)).tolist()
        expected = np.array([neurons * (1 - p), p**neurons])

        def gives(first: float, second: float, entries: tuple[float, float] = (average, none)) -> bool:
            return abs(entries[0] - first) < 6e-4 and abs(entries[1] - second) < 6e-4  # three digits are enough

        if gives(*expected):
            continue
        for first, second, message in (
            (neurons * p, (1 - p) ** neurons, "p is the probability that a neuron is dropped, not that it survives."),
            (
                neurons * p,
                expected[1],
                "The first number counts the neurons that are dropped; those that survive are wanted.",
            ),
            (
                expected[0],
                (1 - p) ** neurons,
                "The second number is the probability that all survive, not that none does.",
            ),
            (
                expected[0],
                1 - expected[1],
                "The second number is the probability that at least one survives; none is wanted.",
            ),
            (expected[0], 1 - (1 - p) ** neurons, "The second number is the probability that one or more are dropped."),
            (expected[0], p * neurons, "Probabilities of independent events are multiplied, not added."),
            (neurons * (1 - p), p**5, "The second number is that of five neurons, whatever `neurons` says."),
            (5 * (1 - p), p**5, "These are the numbers for five neurons, whatever `neurons` says."),
            (expected[0], p ** (neurons - 1), "Each neuron has its factor p, also the last."),
            (expected[0], round(expected[1], 2), "The second number is rounded; leave all its digits."),
            (expected[0], p, "The second number is for one neuron; all of them must be dropped."),
            (expected[0], 100 * expected[1], "The second number is in percent; a probability lies between 0 and 1."),
            (1 - p, expected[1], "The first number is a share; how many neurons is that?"),
            (round(expected[0]), expected[1], "The first number is rounded; an average need not be a whole number."),
            (int(expected[0]), expected[1], "The first number is rounded; an average need not be a whole number."),
            (expected[1], expected[0], "The numbers are right, but in the other order: first the average."),
        ):
            if gives(first, second):
                raise Wrong(message)
        which = (
            "average number of survivors" if abs(average - expected[0]) >= 6e-4 else "probability that none survives"
        )
        raise Wrong(f"For {neurons} neurons and p = {p}, the {which} is not right.")


def _draw_runs(rng: np.random.Generator) -> Inputs:
    import pandas as pd

    inputs: Inputs = []
    cases = ((0.2, 4), (2.6, 5), (-1.5, 5), (0.95, 5), (-0.6, 5), (1.3, 6), (-3.5, 4), (1.6, 5))
    between_rules = ((1.3, 4), (1.12, 5), (-0.87, 6), (1.05, 6), (0.15, 6), (0.48, 4))
    for ratio, count in cases + between_rules:
        decay = float(rng.choice([1e-4, 1e-2, 1e-1]))
        seeds = rng.permutation(50)[:count]
        tests = dict(zip((decay, 0.0), paired(rng, count, ratio), strict=True))
        tests |= {unrelated: rng.uniform(80, 95, count) for unrelated in (1e-3, 3e-2)}
        rows = [
            {"seed": int(seed), "weight_decay": setting, "test": value}
            for setting, values in tests.items()
            for seed, value in zip(seeds, values, strict=True)
        ]
        inputs.append((pd.DataFrame([rows[index] for index in rng.permutation(len(rows))]), decay))
    return inputs


def _gains(runs: Any, decay: float) -> np.ndarray:
    table = runs.pivot(index="seed", columns="weight_decay", values="test")
    return np.asarray(table[decay] - table[0.0])


def _verdict(mean: float, limit: float) -> str:
    return "cannot tell" if abs(mean) <= limit else "better" if mean > 0 else "worse"


def _judge_weight_decay(answers: list[Any], inputs: Inputs) -> None:
    verdicts, gains = [], []
    for answer, (runs, decay) in zip(answers, inputs, strict=True):
        listed, verdict = as_pair(
            answer, "a list is wanted that holds two things: the gains, one a seed, and the verdict"
        )
        _judge_gains(listed, runs, decay)
        gains.append(_gains(runs, decay))
        verdicts.append(verdict.strip().lower() if isinstance(verdict, str) else None)
        if verdicts[-1] not in ("better", "worse", "cannot tell"):
            raise Wrong('The second thing that it returns is none of "better", "worse" and "cannot tell".')
    judge_verdicts(verdicts, gains, _verdict, times=1)


def _judge_gains(listed: Any, runs: Any, decay: float) -> None:
    expected, columns = _gains(runs, decay), [runs.loc[runs["weight_decay"] == setting] for setting in (decay, 0.0)]
    if isinstance(listed, np.ndarray) and listed.size > len(expected):
        raise Wrong("There are more gains than seeds: pandas subtracts rows of the same index, not of the same seed.")
    if as_array(listed).size == 1:
        raise Wrong("One gain for each seed is wanted first, not their mean.")
    array = as_array(listed, expected.shape)
    if close(array, expected, 1e-4):
        return
    rows = columns[0]["test"].to_numpy() - columns[1]["test"].to_numpy()
    mistakes = (
        (-expected, "The gains have the wrong sign: subtract the accuracy without weight decay from that with it."),
        (abs(expected), "The gains have lost their sign."),
        *((expected.round(digits), "The gains are rounded; leave all their digits.") for digits in (1, 2, 3)),
        (expected / 100, "The accuracies are in percent already, so their differences are percentage points."),
        (rows, "It pairs the rows as they stand, but they are in no order: pair runs of the same seed."),
        (_gains(runs, 1e-3), "It compares with a weight decay of 0.001 whatever `decay` says."),
    )
    recognise(array, mistakes, 1e-4)
    if close(np.sort(array), np.sort(expected), 1e-4):
        raise Wrong("The gains are right, but not in the order of the seeds.")
    if close(np.sort(abs(array)), np.sort(abs(expected)), 1e-4):
        raise Wrong("The sizes of the gains are right, but not every sign: does it hang on the order of the rows?")
    raise Wrong("The gains are not those of the same seeds: accuracy with weight decay minus accuracy without.")


EXERCISES = (
    Exercise(
        "7.1",
        "write dropout",
        2,
        trials.without_dropout,
        dropout.draw_dropout,
        dropout.judge_dropout,
        (
            "`torch.rand_like(values)` has values' shape, and each of its numbers is below p with probability p.",
            "Compare the random numbers with p: multiplied with `values`, False counts as 0 and True as 1. Then scale.",
        ),
    ),
    Exercise(
        "7.2",
        "write layer normalisation",
        2,
        trials.without_layer_norm,
        _draw_rows,
        _judge_layer_norm,
        (
            "One mean and one variance for each row, over dimension 1; `keepdim=True` keeps them as a column.",
            "The variance is the mean of the squared differences; add 1e-5 to it, take the root, and divide.",
        ),
    ),
    Exercise(
        "7.3",
        "how many neurons are left?",
        1,
        trials.calls,
        _draw_layers,
        _judge_survivors,
        (
            "What is the probability that one neuron survives? And that two neurons are both dropped?",
            "Averages of single neurons add up; probabilities of independent events are multiplied, once a neuron.",
        ),
    ),
    Exercise(
        "7.4",
        "does weight decay pay here?",
        3,
        trials.calls,
        _draw_runs,
        _judge_weight_decay,
        (
            "Bring the runs of the same seed together first: `pivot` or `set_index` and `sort_index` do it.",
            "With a row a seed and a column a setting, the gains are one subtraction; the rule needs `std(ddof=1)`.",
        ),
    ),
)
