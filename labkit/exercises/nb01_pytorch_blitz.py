"""Exercises of notebook 1: tensors, gradients, a network, a file of images."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labkit.exercises import torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, close, recognise
from labkit.exercises.given_weights import judge_outputs, probabilities, refuse_other_order
from labkit.exercises.idx_header import draw_headers, judge_headers

BOTH_SIDES = "; the central one looks at both sides of x."


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
        if close(array, (x - x.mean((2, 3), keepdims=True)) / x.std((2, 3), keepdims=True), 1e-2):
            raise Wrong("Each image has a mean and a standard deviation of its own; average over all images as well.")
        if close(array, x / spread, 1e-2):
            raise Wrong("The standard deviations are 1, but the mean is not taken off.")
        low, high = x.min((0, 2, 3), keepdims=True), x.max((0, 2, 3), keepdims=True)
        if close(array, (x - low) / (high - low), 1e-2):
            raise Wrong("The values lie between 0 and 1: take the mean off, and divide by the standard deviation.")
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
        right, left, middle = f(x + h), f(x - h), f(x)
        array, expected = as_array(answer["returned"], x.shape), (right - left) / (2 * h)
        if not close(array, expected, 1e-6):
            recognise(
                array,
                [
                    ((right - left) / 2 * h, "`/ 2 * h` divides by 2 and multiplies by h: it must be `/ (2 * h)`."),
                    (right - left / (2 * h), "Only f(x - h) is divided: put brackets around the difference."),
                    (-expected, "The sign is turned round: f(x + h) comes first, and f(x - h) is taken off."),
                    ((right - middle) / h, f"This is the difference to one side, to the right{BOTH_SIDES}"),
                    ((middle - left) / h, f"This is the difference to one side, to the left{BOTH_SIDES}"),
                    ((right - left) / h, "The two points are 2h apart, not h."),
                    (right - left, "The difference is not divided by the distance of the two points, 2h."),
                    ((right + left) / (2 * h), "The two values are added; their difference is wanted."),
                    (
                        (f(x + 1e-5) - f(x - 1e-5)) / 2e-5,
                        "This is the derivative itself, or computed with an h of your own: use the h that is given.",
                    ),
                ],
                1e-6,
            )
            raise Wrong(
                f"For the function {name} and h = {h} the values are not those of the central difference: at "
                f"x = {x[0]:.3f} it is {expected[0]:.4f}, and yours {array[0]:.4f}."
            )
        _refuse_another_type(answer, "x")


def _refuse_another_type(answer: dict[str, Any], argument: str) -> None:
    """Raise Wrong for numbers with which the next cells cannot compute."""
    if not answer["array"]:
        raise Wrong(
            f"The numbers are right, but an array or tensor like `{argument}` is wanted, with which the next cells "
            "compute: a tensor for tensors, an array for arrays, and no list."
        )


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
            refuse_other_order(answer["shapes"], shapes)
            count = sum(int(np.prod(shape)) for shape in answer["shapes"])
            raise Wrong(f"The network has {count:,} parameters, but these layers have 62,006.")
        with torch.no_grad():
            expected = model(images)
        mistakes = functools.partial(_wrong_networks, list(model.parameters()), images)
        judge_outputs(answer, expected, mistakes, "are not: look at ReLU and pooling.")


def _wrong_networks(parameters: list[Any], images: Any) -> list[tuple[Any, str]]:
    """Return the outputs of networks with these layers and a usual mistake, and the mistake."""
    import torch
    from torch.nn import functional

    def same(values: Any) -> Any:
        return values

    def outputs(after: str = "12345", act: Any = torch.relu, pool: Any = functional.max_pool2d) -> Any:
        """Apply the layers; after: the numbers of the layers that an activation follows."""
        values = images
        for number, (weights, biases) in enumerate(zip(parameters[::2], parameters[1::2], strict=True), 1):
            follow = act if str(number) in after else same
            if number <= 2:
                values = pool(follow(functional.conv2d(values, weights, biases)), 2)
            else:
                values = follow(functional.linear(values.flatten(1), weights, biases))
        return values

    logits = outputs("1234")
    return [
        *probabilities(logits),
        (outputs("12345"), "The last layer has a ReLU behind it: logits may be below 0."),
        (outputs("34"), "ReLU is missing behind the convolutions."),
        (outputs("12"), "ReLU is missing between the linear layers."),
        (outputs(""), "There is no ReLU: layers without an activation between them are no more than one."),
        *[(outputs("1234".replace(n, "")), f"ReLU is missing behind layer {n}, counted from 1.") for n in "1234"],
        (outputs("1234", pool=functional.avg_pool2d), "It pools the mean, but the largest of each 2 x 2 is wanted."),
        (outputs("1234", act=torch.sigmoid), "The activation is a sigmoid, but ReLU is wanted."),
        (outputs("1234", act=torch.tanh), "The activation is tanh, but ReLU is wanted."),
    ]


def _draw_errors(rng: np.random.Generator) -> Inputs:
    import torch

    powers, error = rng.normal(size=(4, 50)), rng.normal(size=50)
    return [(powers, error), (torch.from_numpy(powers[:, :20]), torch.from_numpy(error[:20]))]


def _judge_gradient(answers: list[Any], inputs: Inputs) -> None:
    for answer, (powers, error) in zip(answers, inputs, strict=True):
        array = as_array(answer["returned"], (4,))
        powers, error = np.asarray(powers), np.asarray(error)
        expected = np.array([2 * (row * error).mean() for row in powers])
        if not close(array, expected, 1e-6):
            recognise(
                array,
                [
                    (0.5 * expected, "The factor 2, from the square, is missing."),
                    (-expected, "The sign is turned round: the error is prediction minus target."),
                    (-0.5 * expected, "The factor 2 is missing, and the sign is turned round."),
                    (len(error) * expected, "The loss is a mean over the points; this is the gradient of the sum."),
                    (
                        len(error) / 2 * expected,
                        "The loss is a mean over the points, and the factor 2, from the square, is missing.",
                    ),
                    (len(error) / 4 * expected, "It divides by 4, the number of coefficients, not by that of points."),
                    (expected[::-1], "The four are in the wrong order: a, b, c, d are wanted, the constant first."),
                    (
                        2 * (powers * error**2).mean(1),
                        "The error is squared: the derivative of a square is 2 times what stands inside.",
                    ),
                    (
                        2 * powers.mean(1),
                        "The error is missing: the derivative of a square is 2 times what stands inside.",
                    ),
                    (np.full(4, 2 * error.mean()), "The powers are missing: what the coefficient is multiplied with."),
                ],
                1e-6,
            )
            raise Wrong("The four derivatives are not right.")
        _refuse_another_type(answer, "error")


EXERCISES = (
    Exercise(
        "1.1",
        "standardise a batch of images",
        2,
        trials.without_layer_norm,
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
        torch_trials.without_autograd,
        _draw_errors,
        _judge_gradient,
        (
            "The derivative of an error with respect to a coefficient is the power of x that it is multiplied with.",
            "Each entry is the mean of 2 times the error times a row of `powers`: one matrix product gives all four.",
        ),
    ),
    Exercise(
        "1.5",
        "read the header of an image file",
        2,
        trials.calls,
        draw_headers,
        judge_headers,
        (
            'Begin with one number: `int.from_bytes(data[:4], "big")` makes one of the first four bytes.',
            "`data[3]`, the last byte of the magic number, says how many sizes follow; the first is `data[4:8]`.",
        ),
    ),
)
