"""Exercises of notebook 8: the layers of LeNet-5, pairs of runs, errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import shared_errors, trials
from labkit.exercises.exercise import (
    Exercise,
    Inputs,
    Wrong,
    as_array,
    as_list,
    as_number,
    close,
    counted,
    recognise,
    refuse_gaps,
)

LAYERS = ("C1", "C3", "C5", "F6", "the output")
PADDED = {
    (30, 30): "One row of zeros on each side gives 30 x 30; 32 x 32 wants two on each side.",
    (36, 36): "Four rows of zeros on each side give 36 x 36; 32 x 32 wants two on each side.",
    (28, 32): "There are zeros to the left and right only; above and below are missing.",
    (32, 28): "There are zeros above and below only; left and right are missing.",
}


def _draw_images(rng: np.random.Generator) -> Inputs:
    import torch

    return [(torch.from_numpy(rng.uniform(0.2, 1, (count, 1, 28, 28)).astype(np.float32)),) for count in (3, 2)]


def _judge_pad(answers: list[Any], inputs: Inputs) -> None:
    from torch.nn.functional import interpolate

    for answer, (images,) in zip(answers, inputs, strict=True):
        x, shape = images.numpy(), as_array(answer).shape
        if shape[:2] == (len(x), 1) and shape[2:] in PADDED:
            raise Wrong(PADDED[shape[2:]])
        array = as_array(answer, (len(x), 1, 32, 32))
        border = array.copy()
        border[:, :, 2:30, 2:30] = 0
        if close(array[:, :, 2:30, 2:30], x, 1e-6):
            if np.abs(border).max() > 0:
                raise Wrong("The image is in its place, but the border around it is not 0.")
            continue
        if close(array[:, :, :28, :28], x, 1e-6):
            raise Wrong("All zeros are to the right and below; half of them belong to the left and above.")
        if close(array[:, :, 4:, 4:], x, 1e-6):
            raise Wrong("All zeros are to the left and above; half of them belong to the right and below.")
        if any(close(array, interpolate(images, (32, 32), mode=mode), 1e-3) for mode in ("nearest", "bilinear")):
            raise Wrong("The image is stretched to 32 x 32; padding leaves its pixels as they are.")
        raise Wrong("The 28 x 28 pixels in the middle are not those of the image.")


def _draw_sizes(rng: np.random.Generator) -> Inputs:
    return [(1, 10), *((int(rng.integers(3, 8)), int(rng.integers(20, 90))) for _ in range(2))]


def _judge_parameters(answers: list[Any], inputs: Inputs) -> None:
    for answer, (channels, classes) in zip(answers, inputs, strict=True):
        layers = [(25, channels, 6), (25, 6, 16), (25, 16, 120), (1, 120, 84), (1, 84, classes)]
        expected = [(places * maps_in + 1) * maps_out for places, maps_in, maps_out in layers]
        where = f"For {counted(channels, 'channel')} and {classes} classes"
        if not isinstance(answer, (list, dict)) and np.size(answer) == 1 and as_number(answer) == sum(expected):
            raise Wrong("This is the sum; a list with the number of each of the five layers is wanted.")
        counts = as_array(as_list(answer, 5), (5,))
        for layer, count, expected_count, sizes in zip(LAYERS, counts, expected, layers, strict=True):
            if count != expected_count:
                mistakes = _mistakes(layer, *sizes)
                raise Wrong(f"{where}, {layer} has not {count:,.0f} parameters{mistakes.get(int(count), '.')}")


def _mistakes(layer: str, places: int, maps_in: int, maps_out: int) -> dict[int, str]:
    """Return what plausible mistakes give for a layer, and the end of the sentence that names each."""
    weights = places * maps_in * maps_out
    mistakes = {
        places * maps_in + 1: ": this is a single filter or neuron.",
        (5 * maps_in + 1) * maps_out: ": a filter of 5 x 5 has 25 weights a map.",
        places * maps_out: ": each filter covers every map that goes in, and has a bias.",
        (places + 1) * maps_out: ": each filter covers every map that goes in.",
        weights + 1: ": one bias is for each filter or neuron, not for the whole layer.",
        places * maps_in * (maps_out + 1): ": a bias is for each filter or neuron, not for each number that goes in.",
        (places + 1) * maps_in * maps_out: ": a filter has one bias, not one for each map that goes in.",
        weights: ": the biases are missing, one for each filter or neuron.",
    }
    if layer == "C5":
        mistakes[(16 * 16 + 1) * 120] = ": its maps have 5 x 5 places, since the image was padded."
    if layer == "the output":
        mistakes[850] = ": it has one neuron a class, and there are not always ten."
    return mistakes


def _draw_runs(rng: np.random.Generator) -> Inputs:
    import pandas as pd

    inputs: Inputs = []
    for count in (5, 7):
        seeds = np.roll(np.sort(rng.choice(90, count, replace=False)), int(rng.integers(1, count)))  # not in order
        historical = rng.uniform(96, 98, count)
        modern = historical + rng.choice([-1, 1], count) * rng.uniform(0.1, 1, count)
        rows = {
            "historical": iter(zip(seeds, historical, strict=True)),
            "modern": iter(zip(np.roll(seeds, 1), np.roll(modern, 1), strict=True)),  # another order than the other's
        }
        turns = rng.permutation(count * list(rows))
        table = [(int(seed), str(variant), float(test)) for variant in turns for seed, test in [next(rows[variant])]]
        inputs.append((pd.DataFrame(table, columns=["seed", "variant", "test"]),))
    return inputs


def _judge_difference(answers: list[Any], inputs: Inputs) -> None:
    for answer, (runs,) in zip(answers, inputs, strict=True):
        refuse_gaps(answer)
        if isinstance(answer, dict):
            raise Wrong("Your function returns a table or dictionary, but one column of numbers is wanted, or a list.")
        if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and np.isnan(answer).any():
            raise Wrong(
                "It holds NaN, as `diff` leaves it in the first row of each seed; and `diff` subtracts in the order of "
                "the rows, whichever form comes first."
            )
        historical, modern = (runs[runs["variant"] == variant] for variant in ("historical", "modern"))
        standing = modern["test"].to_numpy() - historical["test"].to_numpy()
        pairs = modern.set_index("seed")["test"] - historical.set_index("seed")["test"]  # by seed, and sorted
        expected = pairs.sort_index().to_numpy()
        array = as_array(answer)
        if array.size == 1:
            what = "the mean" if close(array, expected.mean(), 1e-6) else "one number"
            raise Wrong(f"This is {what}; one difference for each seed is wanted.")
        array = as_array(answer, expected.shape)
        if close(array, expected, 1e-6):
            continue
        mistakes = (
            (-expected, "These are the differences historical - modern: the sign is turned round."),
            (standing, "The rows are taken as they stand; the two runs of a difference must have the same seed."),
            (-standing, "The rows are taken as they stand; the two runs of a difference must have the same seed."),
            (
                np.sort(modern["test"]) - np.sort(historical["test"]),
                "Sorting the accuracies breaks the pairs; the two runs of a difference must have the same seed.",
            ),
            (expected / 100, "The accuracies are in percent already, so their differences are percentage points."),
        )
        recognise(array, mistakes, 1e-6)
        if close(np.abs(array), np.abs(expected), 1e-6):
            raise Wrong("The sizes are right, but not every sign: always take modern - historical.")
        if close(np.sort(array), np.sort(expected), 1e-6):
            raise Wrong("The differences are right, but not in the order of the seeds, the smallest seed first.")
        if close(np.sort(np.abs(array)), np.sort(np.abs(expected)), 1e-6):
            raise Wrong(
                "The sizes are right, but neither every sign nor the order: take modern - historical, the smallest "
                "seed first."
            )
        raise Wrong("The differences are not those of modern and historical runs with the same seed.")


def _draw_probabilities(rng: np.random.Generator) -> Inputs:
    inputs: Inputs = []
    for classes, images, errors, count in ((10, 40, 10, 3), (7, 30, 8, 5), (4, 20, 2, 3), (3, 20, 0, 2)):
        truth = rng.integers(0, classes, images)
        others = np.array([rng.permutation(np.delete(np.arange(classes), label)) for label in truth]).T
        probabilities = np.zeros((images, classes))
        sure = rng.permutation(np.linspace(0.95, 0.99, images))  # the right ones are the surest
        probabilities[range(images), truth] = sure
        probabilities[range(images), others[0]] = 1 - sure
        wrong = rng.choice(np.arange(10, images), errors, replace=False)
        sure = np.linspace(0.8, 0.6, errors)
        of_truth = np.roll(np.linspace(0.001, 0.02, errors), errors // 2)  # the smallest are not the surest
        # Every other one has a close second, so that those with the largest lead are not the surest.
        second = (1 - sure - of_truth) * np.resize((1, 0.5), errors)
        probabilities[wrong] = 0
        probabilities[wrong, truth[wrong]] = of_truth
        for place, values in ((-1, 1 - sure - of_truth - second), (1, second), (0, sure)):
            probabilities[wrong, others[place][wrong]] = values
        inputs.append((probabilities, truth, count))
    return inputs


def _judge_surest(answers: list[Any], inputs: Inputs) -> None:
    for answer, (probabilities, truth, count) in zip(answers, inputs, strict=True):
        listed = as_list(answer)
        if listed and all(isinstance(entry, bool) for entry in listed):
            raise Wrong("These are truth values; the indices of the images are wanted.")
        indices = as_array(listed, (len(listed),)).tolist()
        sure, guess = probabilities.max(1), probabilities.argmax(1)
        wrong = np.flatnonzero(guess != truth)
        order = np.argsort(-sure[wrong])
        expected = wrong[order][:count].tolist()
        of_truth, second = probabilities[wrong, truth[wrong]], np.sort(probabilities[wrong], 1)[:, -2]
        if indices == expected:
            continue
        if any(index != int(index) for index in indices):
            raise Wrong("These are probabilities; the indices of the images are wanted.")
        for mistake, message in (
            (order[:count], "These are places among the wrong images; say which places those have among all images."),
            (np.argsort(-sure)[:count], "These are the surest of all images; only those that are wrong are wanted."),
            (wrong[order][::-1][:count], "These are the least sure of the wrong images."),
            (wrong[np.argsort(of_truth)][:count], "The probability of the answer counts, not that of the true class."),
            (
                wrong[np.argsort(second - sure[wrong])][:count],
                "The probability of the answer counts, not its lead over the second class.",
            ),
            (wrong[order], f"These are all wrong images; the {count} surest are wanted."),
            (wrong[:count], "These are the first of the wrong images; the surest are wanted."),
        ):
            if indices == mistake.tolist():
                raise Wrong(message)
        if sorted(indices) == sorted(expected):
            raise Wrong("These are the right images, but the surest is not first.")
        if set(indices) - set(wrong.tolist()):
            raise Wrong("Among these images are some that the network gets right.")
        raise Wrong(f"These are not the {len(expected)} wrong images with the highest probabilities, the surest first.")


EXERCISES = (
    Exercise(
        "8.1",
        "pad the images",
        1,
        trials.calls,
        _draw_images,
        _judge_pad,
        (
            "From 28 to 32 pixels, four are missing in each direction: how many on each side?",
            "`torch.nn.functional.pad` takes one number a side, from the last dimension on: left, right, top, bottom.",
        ),
    ),
    Exercise(
        "8.2",
        "where does 61,706 come from?",
        2,
        trials.calls,
        _draw_sizes,
        _judge_parameters,
        (
            "What one filter holds, times the number of filters; a neuron of F6 has one weight for each of 120 values.",
            "One filter of C3 covers 5 x 5 places in each of 6 maps, and has one bias. C5 covers all of S4's maps.",
        ),
    ),
    Exercise(
        "8.3",
        "is the modern form better?",
        2,
        trials.calls,
        _draw_runs,
        _judge_difference,
        (
            "First bring the rows into a form where the two runs of a seed stand beside each other.",
            "`pivot` makes a table with one row a seed and one column a variant; it sorts the seeds.",
        ),
    ),
    Exercise(
        "8.4",
        "sure, and wrong",
        2,
        trials.calls,
        _draw_probabilities,
        _judge_surest,
        (
            "The network's answer is the class with the highest probability; first find where it is not the truth.",
            "Keep the indices of the wrong images in an array; `argsort` of their probabilities says how to order it.",
        ),
    ),
    Exercise(
        "8.5",
        "are the errors the same?",
        1,
        trials.calls,
        shared_errors.draw_predictions,
        shared_errors.judge_shared,
        (
            "Compare all predictions with the truth at once: the result has one row a run, True where it is wrong.",
            "`.all(...)` and `.any(...)` take the axis along which they look; here it is that of the runs.",
        ),
    ),
)
