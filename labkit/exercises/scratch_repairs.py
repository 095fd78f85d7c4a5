"""The two repairs of notebook 4: a backward pass, judged by a gradient check, and a cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials
from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, as_number, as_pair, close, recognise
from labkit.models.scratch import check_gradient, softmax

SIZES = (6, 5, 4, 3)
LIMIT = 1e-3


def draw_passes(rng: np.random.Generator) -> Inputs:
    """Return batches for a network with sigmoid and one with tanh, in which the suspect's bug shows."""
    return [
        (SIZES, name, rng.normal(0, 1, (12, SIZES[0])), rng.integers(0, SIZES[-1], 12)) for name in ("sigmoid", "tanh")
    ]


def judge_backward(answers: list[Any], inputs: Inputs) -> None:
    """Compare the gradients with the suspect's, then by a gradient check."""
    for answer, (sizes, activation, images, labels) in zip(answers, inputs, strict=True):
        network = torch_trials.scratch_network(sizes, activation)
        network.forward(images)
        right = network.backward(labels)
        network.pre_activations[:-1] = network.outputs[1:]
        suspect = network.backward(labels)
        pairs = [
            [as_array(entry, wanted.shape, f"{letter}{number}: your function") for entry, wanted, letter in parts]
            for number, parts in enumerate(_in_pairs(as_list(answer, len(right)), right), 1)
        ]
        given = [entry for pair in pairs for entry in pair]
        expected, buggy = ([entry for pair in of for entry in pair] for of in (right, suspect))
        if all(close(*both) for both in zip(given, buggy, strict=True)):
            raise Wrong("The bug is still there: the gradients are those of `suspect_backward`.")
        if all(close(ours, len(images) * theirs) for ours, theirs in zip(given, expected, strict=True)):
            raise Wrong("All gradients are too large by the number of images: equation 1 divides by N.")
        errors = check_gradient(network, images, labels, [(pair[0], pair[1]) for pair in pairs])
        if wrong := [name for name, error in errors.items() if error > LIMIT]:
            told = ", ".join(f"{name} ({errors[name]:.0e})" for name in wrong)
            raise Wrong(f"The gradient check finds these arrays wrong, with their relative errors: {told}.")


def _in_pairs(answer: list[Any], right: Any) -> list[Any]:
    """Return for each layer the entries of an answer with the arrays that they should be."""
    layers = []
    for number, (entry, wanted) in enumerate(zip(answer, right, strict=True), 1):
        pair = as_pair(entry, f"for layer {number} two arrays are wanted: the gradient of its weights, of its biases")
        if number == 1 and np.shape(pair[0]) == right[-1][0].shape:
            raise Wrong("The layers come from the last to the first, but the first should come first.")
        layers.append(list(zip(pair, wanted, "Wb", strict=True)))
    return layers


def draw_costs(rng: np.random.Generator) -> Inputs:
    """Return logits and labels; with all logits 0 the network guesses, as at the start of a training."""
    return [
        (scale * rng.normal(0, 1, (size, classes)), rng.integers(0, classes, size))
        for scale, size, classes in ((0.0, 8, 10), (1.0, 12, 10), (2.0, 9, 4))
    ]


def judge_cost(answers: list[Any], inputs: Inputs) -> None:
    """Compare a cost with the mean cross-entropy; the network that guesses comes last."""
    for answer, (logits, labels) in reversed(list(zip(answers, inputs, strict=True))):
        p, cost = softmax(logits), as_number(answer)
        y = np.eye(logits.shape[1])[labels]
        each, binary = -(y * np.log(p)).sum(1), -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(1)
        if close(cost, each.mean()):
            continue
        recognise(
            cost,
            [
                (binary.mean(), "This is still the cost of the suspect: one binary cross-entropy per class."),
                (each.sum(), "This is the sum over the images, but their mean is wanted."),
                (each.sum() / p.size, "The mean runs over all entries, but it should run over the images alone."),
                (-each.mean(), "The sign is turned round: a cost is minus the logarithm."),
                (each.mean() / np.log(10), "This is the logarithm to base 10, but the natural one is wanted."),
                (each.mean() / np.log(2), "This is the logarithm to base 2, but the natural one is wanted."),
                ((1 - (y * p).sum(1)).mean(), "This is the mean of 1 - p: take minus the logarithm of p."),
                ((binary - each).mean(), "These are the terms of the wrong classes: keep the other ones."),
            ],
        )
        raise Wrong(f"For {len(p)} images of {p.shape[1]} classes it gives {cost:.3f}, not {each.mean():.3f}.")
