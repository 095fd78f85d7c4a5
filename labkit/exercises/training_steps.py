"""Exercises of notebook 2 that train a network: one step, and a whole classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials
from labkit.exercises.exercise import Inputs, Wrong, as_array, as_number, close, kind_of, recognise


def draw_steps(rng: np.random.Generator) -> Inputs:
    """Return three batches of small images with labels, for `torch_trials.training_steps`."""
    import torch

    def batch(count: int) -> tuple[Any, Any]:
        images = torch.from_numpy(rng.normal(0, 1, (count, 1, 3, 3)).astype(np.float32))
        return images, torch.from_numpy(rng.integers(0, 4, count))

    return [([batch(count) for count in (6, 6, 4)], 4, int(rng.integers(1_000_000)), 0.5)]


def _descend(
    batches: Any, classes: int, seed: int, lr: float, softmax: bool = False, adding: bool = False
) -> tuple[np.ndarray, list[float], list[float]]:
    """Return the weights before and after each step (steps + 1, weights), and each step's loss before and after it."""
    import torch
    from torch.nn.functional import cross_entropy

    model = torch_trials.linear_network(batches[0][0][0], classes, seed)
    flat = torch.nn.utils.parameters_to_vector
    weights, before, after = [flat(model.parameters()).detach().numpy()], [], []
    for images, labels in batches:
        if not adding:
            model.zero_grad()
        loss = cross_entropy(model(images).softmax(1) if softmax else model(images), labels)
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= lr * parameter.grad
        weights.append(flat(model.parameters()).detach().numpy())
        before.append(loss.item())
        after.append(cross_entropy(model(images), labels).item())
    return np.stack(weights), before, after


def judge_train_step(answers: list[Any], inputs: Inputs) -> None:
    """Compare the weights after each step with those of gradient descent, and of the usual mistakes in it."""
    for answer, (batches, classes, seed, lr) in zip(answers, inputs, strict=True):
        weights, before, after = _descend(batches, classes, seed, lr)
        start, events = weights[0], [event for step_events in answer["events"] for event in step_events]
        moved = as_array(answer["weights"], weights[1:].shape, "Your training") - start
        if "backward" in events and events[0] == "step":
            raise Wrong("step() comes before backward(), so it does not have the gradients of this batch yet.")
        if not np.abs(moved).max() > 1e-7:
            if "backward" not in events:
                raise Wrong("No weight changes: backward() is missing, which computes the gradients.")
            if "step" not in events:
                raise Wrong("No weight changes: the gradients are computed, but optimizer.step() is missing.")
            raise Wrong("No weight changes: zero_grad() between backward() and step() forgets the gradients too early.")
        mistakes = [
            (
                _descend(batches, classes, seed, lr, adding=True)[0],
                "Gradients add up from step to step: zero_grad() is missing.",
            ),
            (
                _descend(batches, classes, seed, lr, softmax=True)[0],
                "Leave softmax away: cross-entropy applies it itself.",
            ),
        ]
        if not close(moved, weights[1:] - start, 1e-3):
            recognise(moved, [(wrong[1:] - start, message) for wrong, message in mistakes], 1e-3)
            if "step" not in events:
                raise Wrong("The weights change, but the optimiser that the function is given is not used.")
            raise Wrong(
                "The weights after the steps are not those of one step a batch against the gradient of its loss."
            )
        _judge_losses(answer, before, after, [len(labels) for _, labels in batches])


def _judge_losses(answer: dict[str, Any], before: list[float], after: list[float], counts: list[int]) -> None:
    if None in [entry if entry is None else 0 for entry in answer["returned"]]:
        raise Wrong("The weights are right, but the function returns None: it should return the loss.")
    losses = [as_number(loss) for loss in answer["returned"]]
    if any(answer["recorded"]):
        raise Wrong("The loss is returned with its whole graph, which fills the memory: .item() makes it a number.")
    mistakes = [
        (after, "It returns the loss after the step; the loss that the step was computed from is wanted."),
        (np.multiply(before, counts), "It returns the sum over the batch; the loss is the mean over its images."),
    ]
    if not close(losses, before, 1e-4):
        recognise(losses, mistakes, 1e-4)
        if any(close(loss, earlier, 1e-4) for loss, earlier in zip(losses[1:], before, strict=False)):
            raise Wrong("It returns the loss of the wrong step: that of an earlier batch.")
        raise Wrong("The weights are right, but what is returned is not the loss of the batch.")


def draw_dataset(rng: np.random.Generator) -> Inputs:
    """Return splits whose validation and test labels are traps: one class, or two, further than the images show.

    Both are larger than the training split, so a network that has been trained on them as well follows the traps.
    """
    import torch

    inputs: Inputs = []
    for epochs, size in ((12, 10), (9, 6)):
        prototypes = 4 * np.linalg.qr(rng.normal(0, 1, (16, 5)))[0].T.reshape(5, 1, 4, 4)  # equally far apart
        splits = {}
        for name, count, shift in (("train", 60, 0), ("validation", 180, 2), ("test", 720, 1)):
            shown_classes = rng.permutation(np.arange(count) % 5)
            images = prototypes[shown_classes] + rng.normal(0, 0.3, (count, 1, 4, 4))
            splits[name] = torch.from_numpy(images.astype(np.float32)), torch.from_numpy((shown_classes + shift) % 5)
        inputs.append((splits, 5, int(rng.integers(1_000_000)), epochs, size, 0.03))
    return inputs


def judge_classifier(answers: list[Any], inputs: Inputs) -> None:
    """Compare the predictions with what the images show, as the training images tell it, and with the traps."""
    for answer, (splits, classes, seed, epochs, size, _) in zip(answers, inputs, strict=True):
        if "returned" in answer:
            raise Wrong(f"Your function returns {kind_of(answer['returned'])}, but the trained network is wanted.")
        labels = splits["train"][1].numpy()
        shown_classes = _nearest(splits["train"][0].numpy(), labels, splits["test"][0].numpy())
        predictions = as_array(answer["predictions"], shown_classes.shape)
        share = (predictions == shown_classes).mean()
        _judge_batches(as_array(answer["batches"]), len(labels), epochs, size, share)
        if close(predictions, _untrained(splits, classes, seed), 0.1):
            raise Wrong("The network that is returned answers as it did before the training.")
        if (predictions == splits["test"][1].numpy()).mean() > 0.6:
            raise Wrong("Test data in training: the network has learnt the labels of the test split.")
        if (predictions == (shown_classes + 2) % classes).mean() > 0.6:
            raise Wrong("Validation data in training: the network has learnt the labels of the validation split.")
        if share < 0.9:
            raise Wrong(
                f"The network is trained, but only {share:.0%} of new images are right. Does every image keep its "
                "own label when the order is shuffled?"
            )


def _judge_batches(batches: np.ndarray, count: int, epochs: int, size: int, share: float) -> None:
    """Raise Wrong when fewer images went through the network than the epochs have, or in batches that are too large."""
    images = int(batches.sum())
    if not images:
        raise Wrong("The network is not trained: no image went through it with gradients recorded.")
    if len(batches) == 1 and images < count:
        raise Wrong("The network is trained on one batch only: does `return` stand inside the loop?")
    if len(batches) == epochs and images < epochs * count:
        raise Wrong("Every epoch has one batch only: the loop over the batches ends too early.")
    if images == count and epochs > 1:
        raise Wrong(f"The network is trained for one epoch only, but {epochs} are wanted.")
    if images < epochs * count:
        raise Wrong(f"{epochs} epochs of {count} images are {epochs * count}, but the network is trained on {images}.")
    if batches.max() > size and share < 0.9:
        raise Wrong(f"Batches have up to {batches.max():.0f} images, but the batch size is {size}.")


def _nearest(train_images: np.ndarray, labels: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return for each image the class whose mean training image is nearest."""
    means = np.stack([train_images[labels == label].mean(0) for label in np.unique(labels)])
    return np.asarray(((images[:, None] - means) ** 2).sum((2, 3, 4)).argmin(1))


def _untrained(splits: Any, classes: int, seed: int) -> np.ndarray:
    import torch

    images = splits["test"][0]
    with torch.no_grad():
        return np.asarray(torch_trials.linear_network(images[0], classes, seed)(images).argmax(1))
