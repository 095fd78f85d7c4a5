"""Exercises of notebook 8 on what a convolution does: by hand, its receptive field, and images that move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_number, close, name_mistake, recognise
from labkit.exercises.moving import shifted

LENET5 = [(5, 1), (2, 2), (5, 1), (2, 2)]


def draw_kernels(rng: np.random.Generator) -> Inputs:
    """Return images and kernels; sides differ, so that rows and columns cannot be confused."""
    sizes = (((7, 9), (3, 3)), ((8, 6), (2, 4)))
    return [(rng.uniform(0.1, 1, image), rng.normal(size=kernel).round(1) + 0.05) for image, kernel in sizes]


def correlation(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the sum of products at each place where the kernel lies within the image."""
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    result: np.ndarray = np.einsum("ijkl,kl->ij", windows, kernel)
    return result


def judge_correlate(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is the kernel's sum of products at every place."""
    for answer, (image, kernel) in zip(answers, inputs, strict=True):
        array, expected = as_array(answer), correlation(image, kernel)
        _refuse_size(array.shape, image.shape, kernel.shape, expected.shape)
        windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
        if close(array, expected, 1e-6):
            continue
        mistakes = [
            (
                correlation(image, kernel[::-1, ::-1]),
                "The kernel is turned round. That is the convolution of mathematics; deep learning leaves the kernel "
                "as it is.",
            ),
            (expected / kernel.size, "This is the mean of the products; their sum is wanted."),
            (windows.sum((2, 3)), "These are the sums of the pixels: the kernel's weights are missing."),
            ((windows * kernel).max((2, 3)), "This is the largest of the products; their sum is wanted."),
            (windows[:, :, 0, 0] * kernel[0, 0], "Only the first weight of the kernel counts; sum over all of them."),
            (windows[:, :, 0, 0] * kernel.sum(), "Each place sees one pixel only; take the piece below the kernel."),
            (
                np.broadcast_to(expected[0, 0], expected.shape),
                "All places have the value of the first: does the piece of the image move with i and j?",
            ),
            (np.trunc(expected), "The values are cut to whole numbers: fill an array of decimals."),
        ]
        if kernel.shape[0] == kernel.shape[1]:
            mistakes.append((correlation(image, kernel.T), "The kernel's rows and columns are swapped."))
        recognise(array, mistakes, 1e-6)
        place = tuple(int(number) for number in np.argwhere(~np.isclose(array, expected, 1e-5, 1e-7))[0])
        raise Wrong(f"At the place {place} it gives {array[place]:.3f}, but the sum of the products is another.")


def _refuse_size(shape: tuple[int, ...], image: tuple[int, ...], kernel: tuple[int, ...], wanted: Any) -> None:
    """Raise Wrong for a result that has not as many rows and columns as the kernel has places."""
    named = {
        image: "The result is as large as the image: the kernel must lie within it at every place, so no padding.",
        (image[0] - kernel[0], image[1] - kernel[1]): (
            "A row and a column are missing: a kernel of side k has n - k + 1 places along n pixels."
        ),
        wanted[::-1]: "The result's rows and columns are swapped.",
        (): "This is one number; one for every place of the kernel is wanted.",
        kernel: "The result is as large as the kernel; one number for every place of the kernel is wanted.",
    }
    if shape != wanted:
        told = named.get(shape, "")
        sizes = f"{image[0]} x {image[1]} pixels and a kernel of {kernel[0]} x {kernel[1]}"
        raise Wrong(f"For {sizes} it returns the shape {shape}, but {wanted} is wanted. {told}".strip())


def draw_layers(rng: np.random.Generator) -> Inputs:
    """Return lists of layers, each (side of its kernel, stride): LeNet-5's, three alike, and one that is drawn."""
    some = [(int(rng.integers(3, 8)), int(rng.integers(2, 4))) for _ in range(4)]
    return [(LENET5,), ([(3, 1)] * 3,), (some,)]


def fields_of(layers: Sequence[tuple[int, int]]) -> list[float]:
    """Return the side of the receptive field, and what usual mistakes take for it, in the order of FIELDS."""
    side, late, jump = 1, 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump *= stride
        late += (kernel - 1) * jump
    kernels, strides = [kernel for kernel, _ in layers], [stride for _, stride in layers]
    alone = 1 + sum((kernel - 1) * stride for kernel, stride in layers)
    whole = sum(kernel * int(np.prod(strides[:index])) for index, kernel in enumerate(kernels))
    return [
        *(side, late, 1 + sum(kernel - 1 for kernel in kernels), alone, sum(kernels), whole),
        *(int(np.prod(kernels)), side - 1, jump, kernels[-1], side**2),
    ]


FIELDS = (
    "",
    "A layer's own stride spreads the places of the layers *behind* it: add first, then multiply the step.",
    "The strides are left out: behind a layer with stride 2, neighbours are two pixels apart.",
    "The strides of all layers before it count, multiplied together, and not the layer's own.",
    "The kernels' sides are added; but a second kernel of 3 adds 2 pixels, since its places overlap.",
    "Each layer adds its kernel's side *less 1*, since one of its places is there already.",
    "The kernels' sides are multiplied; but the places of a kernel overlap.",
    "One pixel is missing: without any layer, the field is 1.",
    "This is the step between two neighbours in pixels, the product of the strides; the field is wider.",
    "This is the last layer's kernel; the layers before it widen the field.",
    "This is the number of pixels in the field; the length of its side is wanted.",
)


def judge_field(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is the side of the receptive field of its layers."""
    numbers = [as_number(answer) for answer in answers]
    fields = [fields_of(layers) for (layers,) in inputs]
    if numbers == [field[0] for field in fields]:
        return
    name_mistake(numbers, zip(map(list, zip(*fields, strict=True)), FIELDS, strict=True))
    number, (layers,) = next(
        (number, arguments)
        for number, field, arguments in zip(numbers, fields, inputs, strict=True)
        if number != field[0]
    )
    raise Wrong(f"For the layers {layers} it returns {number:g}, which is not the side of the field.")


def draw_moves(rng: np.random.Generator) -> Inputs:
    """Return images, how far they move to the right and down, and what fills the pixels that become free."""
    import torch

    moves = ((2, 1), (-1, 3), (0, -2), (3, 0))
    return [
        (torch.from_numpy(rng.uniform(1, 2, (2, 1, 7, 9)).astype(np.float32)), right, down, -round(rng.uniform(0.2), 2))
        for right, down in moves
    ]


def judge_shift(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer holds the moved images."""
    for answer, (images, right, down, fill) in zip(answers, inputs, strict=True):
        x, where = images.numpy(), f"With right = {right} and down = {down}, "
        array = as_array(answer, x.shape)
        if close(array, shifted(x, down, right, fill), 1e-5):
            continue
        mistakes = (
            (x, "the images stay where they are."),
            (shifted(x, down, right, 0), "the freed pixels are 0, but they must be `fill`."),
            (
                np.roll(x, (down, right), (2, 3)),
                "what leaves on one side comes in again on the other: put `fill` there.",
            ),
            (shifted(x, down, right, fill, edge=True), "the border is repeated in the freed pixels: put `fill` there."),
            (shifted(x, abs(down), abs(right), fill), "a negative number must move to the left, or up."),
            (shifted(x, -down, -right, fill), "the images move to the opposite side."),
            (shifted(x, right, down, fill), "the directions are swapped: down goes along dimension 2, right along 3."),
            (shifted(x, 0, right, fill), "the images do not move down (up, where it is negative)."),
            (shifted(x, down, 0, fill), "the images do not move to the right (left, where it is negative)."),
            (shifted(x, down, -right, fill), "left and right are confused."),
            (shifted(x, -down, right, fill), "up and down are confused."),
            (np.full_like(x, fill), "nothing is left of the images."),
        )
        recognise(array, ((value, where + message) for value, message in mistakes), 1e-5)
        raise Wrong(f"{where}the pixels are not those of the moved images.")
