"""Two exercises of notebook 4: the training loop, and inputs of another scale than in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials
from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, as_number, close, recognise
from labkit.models.scratch import Network

SIZES = (6, 5, 4, 3)


def draw_epochs(rng: np.random.Generator) -> Inputs:
    """Return what one epoch needs; the last batch is smaller than the others."""
    return [
        (SIZES, name, rng.normal(0, 1, (size, SIZES[0])), rng.integers(0, SIZES[-1], size), lr, 8, int(seed))
        for name, size, lr, seed in zip(
            ("tanh", "relu"), (46, 61), (0.5, 0.3), rng.integers(1_000_000, size=2), strict=True
        )
    ]


def judge_epoch(answers: list[Any], inputs: Inputs) -> None:
    """Look at the order, replay the steps on the same batches, then compare the cost."""
    for answer, (sizes, name, images, labels, lr, size, _) in zip(answers, inputs, strict=True):
        batches = [list(batch) for batch in as_list(answer["batches"])]
        _judge_order(batches, len(labels), size)
        weights = as_array(answer["weights"])
        start = _flat(torch_trials.scratch_network(sizes, name))
        if close(weights, start, 1e-9):
            raise Wrong("The weights are as before: does the loop call `network.step`?")
        costs, expected = _replay(sizes, name, images, labels, lr, batches)
        mixed = labels.copy()
        mixed[np.concatenate(batches)] = labels
        for other, message in (
            (_replay(sizes, name, images, mixed, lr, batches)[1], "The images are in a new order, the labels are not."),
            (_replay(sizes, name, images, labels, -lr, batches)[1], "The steps go uphill: take the gradient off."),
        ):
            if close(weights, other, 1e-6):
                raise Wrong(message)
        if not close(weights, expected, 1e-6):
            raise Wrong("The weights are not those of one step of length `lr` after each batch.")
        counts = np.array([len(batch) for batch in batches])
        cost, mean = as_number(answer["cost"]), float((counts * costs).sum() / counts.sum())
        after = torch_trials.scratch_network(sizes, name)
        _set_flat(after, expected)
        recognise(
            cost,
            [
                (costs.mean(), "This is the mean over the batches, but the last batch is smaller: weight it less."),
                (costs[-1], "This is the cost of the last batch alone."),
                (costs.sum(), "This is the sum of the batches' means: multiply each by its images, divide by all."),
                ((counts * costs).sum(), "This is the sum over the images: divide it by their number."),
                (after.cost(images, labels), "This is the cost after the epoch: gather it while the weights change."),
            ],
            1e-9,
        )
        if not close(cost, mean, 1e-6):
            raise Wrong("The weights are right, but what is returned is not the mean cost over the images.")


def _judge_order(batches: list[list[int]], count: int, size: int) -> None:
    """Raise Wrong unless every image is seen once, in batches of the right size and in a new order."""
    if not batches:
        raise Wrong("No gradient is computed: the loop never calls `network.backward`.")
    seen = [number for batch in batches for number in batch]
    if -1 in seen:
        raise Wrong("What goes through the network is none of the images: are they changed on their way?")
    if len(batches) == 1:
        raise Wrong("There is one step only: does `return` stand inside the loop, or are all images one batch?")
    if len(seen) == count - count % size:
        raise Wrong(f"The last batch is left out: {count} images are not a multiple of {size}.")
    if sorted(seen) != list(range(count)):
        raise Wrong("Some images are never seen or come twice: an epoch takes each of them once.")
    if other := [len(batch) for batch in batches[:-1] if len(batch) != size]:
        raise Wrong(f"A batch has {other[0]} images, but the batch size is {size}.")
    if seen == list(range(count)):
        raise Wrong("The images come in the order of the data: every epoch wants a new random order.")


def _replay(
    sizes: tuple[int, ...], name: str, images: Any, labels: Any, lr: float, batches: list[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cost of each batch before its step, and the weights in the end."""
    network, costs = torch_trials.scratch_network(sizes, name), []
    for batch in batches:
        costs.append(network.cost(images[batch], labels[batch]))
        network.step(network.backward(labels[batch]), lr)
    return np.array(costs), _flat(network)


def _flat(network: Network) -> np.ndarray:
    return np.concatenate([values.ravel() for values in network.weights + network.biases])


def _set_flat(network: Network, flat: np.ndarray) -> None:
    first = 0
    for values in network.weights + network.biases:
        values[...] = flat[first : first + values.size].reshape(values.shape)
        first += values.size


def draw_scales(rng: np.random.Generator) -> Inputs:
    """Return images and labels on which a network loses more than 5 points by a wrong scale, and not all."""
    inputs: Inputs = []
    for factor in (255, 100, 8):
        while True:
            images = rng.normal(0.2, 0.7, (60, SIZES[0]))
            network = torch_trials.scratch_network(SIZES, "tanh")
            labels = np.where(rng.random(60) < 0.9, network.predict(images), rng.integers(0, SIZES[-1], 60))
            right, wrong = _accuracies(network, images, labels, factor)
            divided = _accuracies(network, images, labels, 1 / factor)[1]
            if right - wrong > 5 and wrong > 5 and divided not in (right, wrong):
                break
        inputs.append((SIZES, "tanh", images, labels, factor))
    return inputs


def _accuracies(network: Network, images: Any, labels: Any, factor: float) -> tuple[float, float]:
    return tuple(100 * float((network.predict(scale * images) == labels).mean()) for scale in (1, factor))  # type: ignore[return-value]


def judge_lost(answers: list[Any], inputs: Inputs) -> None:
    """Compare with the difference of both accuracies in percent."""
    for answer, (sizes, name, images, labels, factor) in zip(answers, inputs, strict=True):
        network = torch_trials.scratch_network(sizes, name)
        right, wrong = _accuracies(network, images, labels, factor)
        lost, divided = as_number(answer), _accuracies(network, images, labels, 1 / factor)[1]
        if close(lost, right - wrong):
            continue
        recognise(
            lost,
            [
                (wrong - right, "The sign is turned round: a loss is what the wrong scale takes away."),
                ((right - wrong) / 100, "This is a share: points are percent."),
                (wrong, "This is the accuracy on the wrong scale, but the loss against the right one is wanted."),
                (right, "This is the accuracy on the right scale: does the factor reach the images?"),
                (100 * (right - wrong) / right, "This is a part of the accuracy: points are a plain difference."),
                (0.0, "Both accuracies are the same: does the factor reach the images?"),
                (right - divided, "The images are divided by the factor, not multiplied."),
                ((right - wrong) / 100 * len(labels), "This counts images, but points are percent."),
            ],
        )
        raise Wrong(f"With a factor of {factor} it gives {lost:.2f} points, but {right - wrong:.2f} are lost.")
