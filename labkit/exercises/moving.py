"""The exercise of notebook 7 that moves training images."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list


def draw_images(rng: np.random.Generator) -> Inputs:
    """Return images without a zero, of which no two are alike, with how far they may move."""
    import torch

    cases = ((300, (8, 8), 1), (800, (9, 7), 2))
    images = [rng.uniform(0.2, 1, (count, 1, *size)).astype(np.float32) for count, size, _ in cases]
    return [(torch.from_numpy(values), reach) for values, (*_, reach) in zip(images, cases, strict=True)]


def judge_moved(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each image is moved by its own random step, to any of the places within reach."""
    for answer, (tensor, reach) in zip(answers, inputs, strict=True):
        images = tensor.double().numpy()
        first, second = (as_array(result, images.shape) for result in as_list(answer, 2))
        steps = _steps(first, images, reach)
        if (steps == steps[0]).all():
            raise Wrong("All images are moved in the same way: each needs random numbers of its own.")
        if np.array_equal(first, second):
            raise Wrong("Two calls move the images in the same way: draw anew in every call, and set no seed inside.")
        _judge_steps(steps, reach)


def _steps(moved: np.ndarray, images: np.ndarray, reach: int) -> np.ndarray:
    """Return by how many pixels each image was moved, down and to the right (N, 2); Wrong where that is none."""
    found = np.full((len(images), 2), 99)
    for step in product(range(-reach - 1, reach + 2), repeat=2):
        found[_same(moved, shifted(images, *step))] = step
    if (lost := found[:, 0] == 99).any():
        _tell_lost(moved[lost], images[lost], images, reach)
    if np.abs(found).max() > reach:
        raise Wrong(f"With reach {reach}, some images are moved by {np.abs(found).max()} pixels.")
    return found


def _tell_lost(moved: np.ndarray, images: np.ndarray, others: np.ndarray, reach: int) -> None:
    """Raise Wrong for images that are no moved ones; others: all images."""
    steps = list(product(range(-reach, reach + 1), repeat=2))
    rolled = np.any([_same(moved, np.roll(images, step, (2, 3))) for step in steps], axis=0)
    if rolled.any():
        raise Wrong("What leaves an image on one side comes in again on the other: fill the edge with 0.")
    windows = [shifted(images, *step, edge=True) for step in steps]
    if np.any([_same(moved, window) for window in windows], axis=0).any():
        raise Wrong("The edge repeats the image's last pixels: fill it with 0, the background.")
    if any(_same(moved[:1], shifted(others, *step)).any() for step in steps):
        raise Wrong("The images come in another order, and no longer belong to their labels.")
    raise Wrong("Some images are not the old ones moved by whole pixels, with 0 where nothing is left of them.")


def _judge_steps(steps: np.ndarray, reach: int) -> None:
    """Raise Wrong unless every step within reach is about as frequent as every other."""
    down, across = steps.T
    places = 2 * reach + 1
    if not down.any() or not across.any():
        raise Wrong(f"The images are moved {'across' if across.any() else 'up and down'} only; both ways are wanted.")
    if (down == across).all() or (down == -across).all():
        raise Wrong("The images move along a diagonal only: down and across need random numbers of their own.")
    for name, values in (("down", down), ("to the right", across)):
        missing = sorted(set(range(-reach, reach + 1)) - set(values.tolist()))
        if missing == [reach]:
            raise Wrong(f"No image is moved {reach} pixels {name}: the upper bound of a random number is left out.")
        if missing:
            raise Wrong(f"No image is moved {missing[0]:+d} pixels {name}, which lies within reach {reach}.")
    counts = np.bincount((down + reach) * places + across + reach, minlength=places**2)
    expected = len(steps) / places**2
    if np.abs(counts - expected).max() > 7 * expected**0.5:
        raise Wrong("Some steps are much more frequent than others: each step within reach is equally likely.")


def _same(moved: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(moved - others) < 1e-5).all((1, 2, 3)))


def shifted(images: np.ndarray, down: int, right: int, fill: float = 0.0, *, edge: bool = False) -> np.ndarray:
    """Return images (N, C, H, W) moved by pixels down and to the right; freed pixels are `fill`, or repeat the edge."""
    room, (height, width) = max(abs(down), abs(right)), images.shape[2:]
    widths = ((0, 0), (0, 0), (room, room), (room, room))
    padded = np.pad(images, widths, "edge") if edge else np.pad(images, widths, constant_values=fill)
    return np.asarray(padded[:, :, room - down : room - down + height, room - right : room - right + width])
