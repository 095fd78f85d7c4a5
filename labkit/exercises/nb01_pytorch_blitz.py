"""Exercises of notebook 1: tensors, gradients, a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, close


def _draw_images(rng: np.random.Generator) -> Inputs:
    import torch

    scale = np.array([1.0, 5.0, 0.2]).reshape(1, 3, 1, 1)
    return [
        (torch.from_numpy((rng.normal(2, 1, (count, 3, size, size)) * scale + scale).astype(np.float32)),)
        for count, size in ((20, 32), (6, 8))
    ]


def _judge_standardise(answers: list[Any], inputs: Inputs) -> None:
    for answer, (images,) in zip(answers, inputs, strict=True):
        array, x = as_array(answer, tuple(images.shape)), images.double().numpy()
        channel, spread = x.mean((0, 2, 3), keepdims=True), x.std((0, 2, 3), keepdims=True)
        if close(array, (x - x.mean()) / x.std(), 1e-2):
            raise Wrong("All channels share one mean and one standard deviation; each wants its own.")
        if close(array, x - channel, 1e-2):
            raise Wrong("The means are 0, but the standard deviations are not 1.")
        if close(array, (x - channel) / spread**2, 1e-2):
            raise Wrong("It divides by the variance: the standard deviation is its root.")
        if np.abs(array.mean((0, 2, 3))).max() > 1e-2:
            raise Wrong("The means of the three channels are not 0.")
        if not close(array, (x - channel) / spread, 1e-2):
            raise Wrong("The values differ from (image - mean of its channel) / standard deviation of its channel.")


def _draw_functions(rng: np.random.Generator) -> Inputs:
    import torch

    points = [torch.from_numpy(rng.uniform(0.5, 2, size)) for size in (5, 1, 7)]
    return [(name, x, 0.1) for name, x in zip(("cube", "square", "inverse"), points, strict=True)]


def _judge_central_difference(answers: list[Any], inputs: Inputs) -> None:
    for answer, (name, x, h) in zip(answers, inputs, strict=True):
        x, f = x.numpy(), torch_trials.FUNCTIONS[name]
        array = as_array(answer, x.shape)
        if close(array, (f(x + h) - f(x)) / h, 1e-6):
            raise Wrong("This is the difference to one side; the central one looks at both sides of x.")
        if close(array, (f(x + h) - f(x - h)) / h, 1e-6):
            raise Wrong("The two points are 2h apart, not h.")
        if not close(array, (f(x + h) - f(x - h)) / (2 * h), 1e-6):
            raise Wrong(f"For the function {name} and h = {h} the values are not (f(x + h) - f(x - h)) / 2h.")


def _draw_batches(rng: np.random.Generator) -> Inputs:
    import torch

    return [(torch.from_numpy(rng.normal(0, 1, (count, 3, 32, 32)).astype(np.float32)), 7) for count in (4, 3)]


def _judge_network(answers: list[Any], inputs: Inputs) -> None:
    import torch

    from labkit.models.networks import CifarNet

    for answer, (images, seed) in zip(answers, inputs, strict=True):
        model = CifarNet().eval()
        torch_trials.set_weights(model, seed)
        shapes = [list(parameter.shape) for parameter in model.parameters()]
        if answer["shapes"] != shapes:
            count = sum(int(np.prod(shape)) for shape in answer["shapes"])
            if sorted(map(str, answer["shapes"])) == sorted(map(str, shapes)):
                raise Wrong("The layers are right, but `__init__` makes them in another order.")
            raise Wrong(f"The network has {count:,} parameters, but these layers have 62,006.")
        logits = as_array(answer["outputs"], (len(images), 10), "Your network")
        with torch.no_grad():
            expected = model(images).numpy()
        if close(logits.sum(1), 1, 1e-3) and logits.min() >= 0:
            raise Wrong("The outputs are probabilities: leave softmax away, cross-entropy applies it itself.")
        if not close(logits, expected, 1e-3):
            raise Wrong("The layers are right, but with given weights the logits are not: look at ReLU and pooling.")


def _draw_errors(rng: np.random.Generator) -> Inputs:
    import torch

    powers, error = rng.normal(size=(4, 50)), rng.normal(size=50)
    return [(powers, error), (torch.from_numpy(powers[:, :20]), torch.from_numpy(error[:20]))]


def _judge_gradient(answers: list[Any], inputs: Inputs) -> None:
    for answer, (powers, error) in zip(answers, inputs, strict=True):
        array = as_array(answer, (4,))
        powers, error = np.asarray(powers), np.asarray(error)
        expected = [2 * (row * error).mean() for row in powers]
        for factor, message in (
            (0.5, "The factor 2, from the square, is missing."),
            (-1, "The sign is turned round: the error is prediction minus target."),
            (len(error), "The loss is a mean over the points; this is the gradient of the sum."),
        ):
            if close(array, factor * np.array(expected), 1e-6):
                raise Wrong(message)
        if not close(array, expected, 1e-6):
            raise Wrong("The four derivatives are not right.")


EXERCISES = (
    Exercise(
        "1.1",
        "standardise a batch of images",
        2,
        trials.calls,
        _draw_images,
        _judge_standardise,
        (
            "One mean for each channel: average over images, rows and columns, the dimensions 0, 2 and 3.",
            "`keepdim=True` keeps the averaged dimensions as 1, so that the result can be broadcast over the images.",
        ),
    ),
    Exercise(
        "1.2",
        "check a gradient",
        1,
        torch_trials.on_functions,
        _draw_functions,
        _judge_central_difference,
        (
            "Call f twice: a step h to the right of x, and a step h to the left.",
            "Put brackets around the difference and around 2h; no loop is needed, f takes the whole tensor.",
        ),
    ),
    Exercise(
        "1.3",
        "write the network",
        3,
        torch_trials.network,
        _draw_batches,
        _judge_network,
        (
            "Count for each layer what goes in and what comes out: 3, 6 and 16 maps, then 16 x 5 x 5 = 400 numbers.",
            "In `forward`: twice (convolution, ReLU, pooling), flatten from dimension 1, twice (linear, ReLU), linear.",
        ),
    ),
    Exercise(
        "1.4",
        "the gradient by hand",
        2,
        trials.calls,
        _draw_errors,
        _judge_gradient,
        (
            "The derivative of an error with respect to a coefficient is the power of x that it is multiplied with.",
            "Each entry is the mean of 2 times the error times a row of `powers`: one matrix product gives all four.",
        ),
    ),
)
