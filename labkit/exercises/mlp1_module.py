"""The exercise of notebook 5 that writes a network with one hidden layer as a module."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from labkit.exercises import torch_trials
from labkit.exercises.exercise import Inputs, Wrong
from labkit.exercises.given_weights import judge_outputs, probabilities, refuse_other_order


def draw_modules(rng: np.random.Generator) -> Inputs:
    """Return batches of digits, a seed of the weights, and the width and number of classes of the network."""
    import torch

    sizes = zip(rng.integers(20, 90, 2), rng.integers(11, 17, 2), strict=True)
    return [
        (torch.from_numpy(rng.normal(0, 1, (count, 1, 28, 28)).astype(np.float32)), 7, int(width), int(classes))
        for count, (width, classes) in zip((4, 3), sizes, strict=True)
    ]


def judge_module(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each network has the layers that are asked for, and answers as they do with given weights."""
    import torch

    from labkit.models.networks import MLP

    for answer, (images, seed, width, classes) in zip(answers, inputs, strict=True):
        model = MLP((width,), num_classes=classes).eval()
        torch_trials.set_weights(model, seed)
        parameters = list(model.parameters())
        _judge_shapes(answer["shapes"], [list(parameter.shape) for parameter in parameters], width, classes)
        with torch.no_grad():
            expected = model(images)
        mistakes = functools.partial(_wrong_networks, parameters, images)
        judge_outputs(answer, expected, mistakes, "are not: look at `forward`.")


def _judge_shapes(found: list[list[int]], wanted: list[list[int]], width: int, classes: int) -> None:
    if found == wanted:
        return
    refuse_other_order(found, wanted, ": the hidden layer comes first")
    matrices = [shape for shape in found if len(shape) == 2]
    total, right = (sum(math.prod(shape) for shape in shapes) for shapes in (found, wanted))
    sum_in_words = f"784 · {width} + {width} + {width} · {classes} + {classes} = {right:,}"
    counts = f"It has {total:,} parameters, but {sum_in_words} are wanted"
    if not found:
        raise Wrong("The network has no parameters: does `__init__` keep its layers as `self.hidden = nn.Linear(...)`?")
    for shapes, message in (
        ([shape for shape in wanted if len(shape) == 2], "The biases are missing."),
        (wanted[:2], "The output layer is missing."),
        ([*wanted[:2], [width, width], [width], *wanted[2:]], "There are two hidden layers: one is asked for."),
    ):
        if found == shapes:
            raise Wrong(f"{message} {counts} for {width} hidden neurons and {classes} classes.")
    if matrices and matrices[0][0] != width and matrices[0][1] == 784:
        raise Wrong(f"The hidden layer has {matrices[0][0]} neurons, but `width` is {width}: use the argument.")
    if matrices and matrices[-1][0] != classes:
        raise Wrong(f"The network has {matrices[-1][0]} outputs, but `num_classes` is {classes}: use the argument.")
    raise Wrong(f"{counts} for {width} hidden neurons and {classes} classes.")


def _wrong_networks(parameters: list[Any], images: Any) -> list[tuple[Any, str]]:
    """Return the outputs of networks with these layers and a usual mistake, and the mistake."""
    import torch
    from torch.nn import functional

    hidden_weights, hidden_biases, weights, biases = parameters
    sums = functional.linear(images.flatten(1), hidden_weights, hidden_biases)
    no_activation = functional.linear(sums, weights, biases)
    logits = functional.linear(sums.relu(), weights, biases)
    mirrored = functional.linear(images.transpose(2, 3).flatten(1), hidden_weights, hidden_biases)
    another = "The activation is {}, but ReLU is wanted."
    return [
        *probabilities(logits),
        (no_activation, "There is no ReLU: two layers without an activation between them are no more than one."),
        (logits.relu(), "The last layer has a ReLU behind it: logits may be below 0."),
        (no_activation.relu(), "ReLU stands behind the output layer, not behind the hidden one."),
        *[
            (functional.linear(act(sums), weights, biases), another.format(name))
            for act, name in (
                (torch.sigmoid, "a sigmoid"),
                (torch.tanh, "tanh"),
                (functional.leaky_relu, "a leaky ReLU"),
                (functional.gelu, "GELU"),
            )
        ],
        (functional.linear(mirrored.relu(), weights, biases), "Rows and columns of the images are exchanged."),
    ]
