"""Exercises of notebook 7: dropout, layer normalisation, neurons that survive, a measurement, moved images."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import dropout, moving, training_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_number, as_pair, close, recognise


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


def _draw_measured(rng: np.random.Generator) -> Inputs:
    import torch

    inputs: Inputs = []
    for training, count, right in ((True, 40, 29), (False, 30, 11), (True, 25, 8)):
        logits = rng.normal(0, 1, (count, 1, 2, 3)).astype(np.float32)
        labels = logits.reshape(count, 6).argmax(1)
        wrong = rng.permutation(count)[right:]
        labels[wrong] = (labels[wrong] + 1) % 6
        inputs.append((torch.from_numpy(logits), torch.from_numpy(labels), training))
    return inputs


def _judge_measured(answers: list[Any], inputs: Inputs) -> None:
    for answer, (images, labels, training) in zip(answers, inputs, strict=True):
        logits, truth = images.flatten(1).numpy(), labels.numpy()
        share = float((logits.argmax(1) == truth).mean())
        if not answer["modes"]:
            raise Wrong("The images never go through the network.")
        if any(answer["modes"]):
            raise Wrong("The network is in training mode while it is measured, so dropout takes neurons away: eval().")
        if answer["after"] != training:
            raise Wrong(
                "The network is left in evaluation mode, though it was in training mode before: switch it back."
                if training
                else "A network that was in evaluation mode is in training mode afterwards: remember the mode it had."
            )
        if any(answer["recorded"]):
            raise Wrong("Gradients are recorded while it measures: torch.no_grad() saves their time and memory.")
        if not answer["enabled"]:
            raise Wrong("No gradients are recorded afterwards either, so training would fail: use `with`.")
        value = as_number(answer["returned"])
        mistakes = (
            (100 * share, "It returns percent; the share of right images lies between 0 and 1."),
            (share * len(truth), "It returns the number of right images, not their share."),
            (1 - share, "It returns the share of wrong images."),
        )
        if abs(value - share) > 1e-4:
            recognise(value, mistakes)
            raise Wrong(f"Of {len(truth)} images a share of {share:.3f} is right, but it returns {value:.3f}.")


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
            "Averages of single neurons add up; probabilities of independent events are multiplied, once per neuron.",
        ),
    ),
    Exercise(
        "7.4",
        "measure, and leave no trace",
        2,
        training_trials.measurements,
        _draw_measured,
        _judge_measured,
        (
            "`model.training` says in which mode a network is; `model.train(mode)` sets it to True or False.",
            "Note the mode, then eval(), measure under `with torch.no_grad():`, set the mode again, return the share.",
        ),
    ),
    Exercise(
        "7.5",
        "move the training images",
        3,
        trials.twice,
        moving.draw_images,
        moving.judge_moved,
        (
            "Pad each image with `reach` zeros on all sides; then cut out a window of the old size, anywhere in it.",
            "`torch.randint(2 * reach + 1, (2, len(images)))` draws where each window begins, downwards and across.",
        ),
    ),
)
