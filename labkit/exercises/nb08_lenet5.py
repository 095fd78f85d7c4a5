"""Exercises of notebook 8: convolution, LeNet-5, moved images, two networks on the same images, errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import convolving, lenet5_module, network_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_list, as_number, as_pair, name_mistake


def _draw_predictions(rng: np.random.Generator) -> Inputs:
    """Return truth and two networks' predictions; each kind of image occurs, and each another number of times."""
    inputs: Inputs = []
    for classes, sizes in ((10, (60, 9, 4, 3, 2)), (4, (30, 5, 11, 2, 7))):
        kind = rng.permutation(np.repeat(np.arange(5), sizes))  # both right, ours, theirs, both wrong alike, otherwise
        truth = rng.integers(0, classes, len(kind))
        slip = rng.integers(1, classes - 1, len(kind))
        ours = np.where(np.isin(kind, (2, 3, 4)), truth + slip, truth) % classes
        theirs = np.where(np.isin(kind, (1, 3, 4)), truth + slip + (kind == 4), truth) % classes
        inputs.append((truth, ours, theirs))
    return inputs


def _judge_only_one_right(answers: list[Any], inputs: Inputs) -> None:
    for answer, (truth, ours, theirs) in zip(answers, inputs, strict=True):
        wanted = "two numbers are wanted: of the images that only ours gets right, and that only theirs does"
        pair = as_pair(answer, wanted)
        first, second = ours == truth, theirs == truth
        lists = [as_list(entry) for entry in pair if isinstance(entry, list) or np.ndim(entry)]
        if lists:
            raise Wrong(f"These are the images themselves, or truth values; {wanted}.")
        counts = [as_number(entry) for entry in pair]
        only = [int((first & ~second).sum()), int((second & ~first).sum())]
        if counts == only:
            continue
        both_wrong = int((~first & ~second).sum())
        name_mistake(
            counts,
            (
                (only[::-1], "The two are swapped: what only `ours` gets right comes first."),
                *[
                    ([number + both_wrong for number in pair], "These are all errors; leave out what both get wrong.")
                    for pair in (only, only[::-1])
                ],
                (
                    [int(first.sum()), int(second.sum())],
                    "These are all that each gets right; leave out those that both do.",
                ),
                ([sum(only), both_wrong], "These are the images that one gets right, and those that none does."),
                ([int((first & second).sum()), both_wrong], "On these images both are right, or both are wrong."),
                ([int((ours != theirs).sum())] * 2, "Two different answers may both be wrong: compare with the truth."),
                ([number / len(truth) for number in only], "These are shares; numbers of images are wanted."),
            ),
        )
        raise Wrong(f"It returns {counts[0]:g} and {counts[1]:g}, but one alone is right on other numbers of images.")


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
        "write a convolution",
        3,
        trials.without_convolution,
        convolving.draw_kernels,
        convolving.judge_correlate,
        (
            "At how many places does a kernel of 3 x 3 lie within an image of 5 x 5? Each gives one number.",
            "`image[i : i + height, j : j + width]` is the piece below the kernel; multiply it by the kernel, and sum.",
        ),
    ),
    Exercise(
        "8.2",
        "write LeNet-5",
        3,
        network_trials.in_both_forms,
        lenet5_module.draw_batches,
        lenet5_module.judge_lenet5,
        (
            "`activation()` and `pooling(2)` make the layers; C1 pads its images: `nn.Conv2d(1, 6, 5, padding=2)`.",
            "In `forward`: twice (convolution, activation, pooling), flatten from dimension 1, twice (linear, "
            "activation), and a linear layer.",
        ),
    ),
    Exercise(
        "8.3",
        "how far does a neuron see?",
        2,
        trials.calls,
        convolving.draw_layers,
        convolving.judge_field,
        (
            "Go from the image to the last layer with two numbers: the side so far, and the step between neighbours.",
            "Each layer adds (kernel - 1) times the step; then the step is multiplied by the layer's stride.",
        ),
    ),
    Exercise(
        "8.4",
        "move the images",
        2,
        trials.calls,
        convolving.draw_moves,
        convolving.judge_shift,
        (
            "A border of `fill` around the images gives them room to move; then cut out a window of the old size.",
            "With a border of 9 pixels, the window begins in the row 9 - down and in the column 9 - right.",
        ),
    ),
    Exercise(
        "8.5",
        "who is right alone?",
        1,
        trials.calls,
        _draw_predictions,
        _judge_only_one_right,
        (
            "First make two arrays of truth values: where is ours right, and where is theirs?",
            "`ours_right & ~theirs_right` is True where ours alone is right; `.sum()` counts.",
        ),
    ),
    Exercise(
        "8.6",
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
)
