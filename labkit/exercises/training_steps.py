"""Exercises of notebook 2 that train a network: one step, and a whole classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, as_number, close, kind_of, recognise
from labkit.exercises.torch_trials import linear_network
from labkit.exercises.training_trials import SMOOTHING


def draw_steps(rng: np.random.Generator) -> Inputs:
    """Return three batches of small images with labels, for `training_trials.training_steps`."""
    import torch

    def batch(count: int) -> tuple[Any, Any]:
        images = torch.from_numpy(rng.normal(0, 1, (count, 1, 3, 3)).astype(np.float32))
        return images, torch.from_numpy(rng.integers(0, 4, count))

    return [([batch(count) for count in (6, 6, 4)], 4, int(rng.integers(1_000_000)), 0.5)]


def _descend(
    batches: Any,
    classes: int,
    seed: int,
    lr: float,
    softmax: bool = False,
    adding: bool = False,
    smoothing: float = SMOOTHING,
) -> tuple[np.ndarray, list[float], list[float]]:
    """Return the weights before and after each step (steps + 1, weights), and each step's loss before and after it."""
    import torch

    loss_fn = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)
    model = linear_network(batches[0][0][0], classes, seed)
    flat = torch.nn.utils.parameters_to_vector
    weights, before, after = [flat(model.parameters()).detach().numpy()], [], []
    for images, labels in batches:
        if not adding:
            model.zero_grad()
        loss = loss_fn(model(images).softmax(1) if softmax else model(images), labels)
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= lr * parameter.grad
        weights.append(flat(model.parameters()).detach().numpy())
        before.append(loss.item())
        after.append(loss_fn(model(images), labels).item())
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
            (
                _descend(batches, classes, seed, lr, smoothing=0)[0],
                "It computes a loss of its own, but `loss_fn` is the loss that it is given.",
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
    if "Tensor" in answer["types"]:
        raise Wrong("The loss is returned as a tensor: .item() makes a plain number of it.")
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
    """Compare what the returned weights predict with what the images show, and with the traps; then how they came."""
    for answer, (splits, classes, seed, epochs, size, lr) in zip(answers, inputs, strict=True):
        if "returned" in answer:
            raise Wrong(f"Your function returns {kind_of(answer['returned'])}, but the trained network is wanted.")
        labels = splits["train"][1].numpy()
        steps = as_list(answer["steps"])
        batches = [step["batch"] for step in steps] or as_list(answer["batches"])
        _judge_length([len(batch) for batch in batches], len(labels), epochs)
        predictions, before = _predictions(answer["weights"], splits, classes, seed)
        if close(predictions, before, 0.1):
            raise Wrong("The network that is returned answers as it did before the training.")
        shown_classes = _nearest(splits["train"][0].numpy(), labels, splits["test"][0].numpy())
        if (predictions == splits["test"][1].numpy()).mean() > 0.6:
            raise Wrong("Test data in training: the network has learnt the labels of the test split.")
        if (predictions == (shown_classes + 2) % classes).mean() > 0.6:
            raise Wrong("Validation data in training: the network has learnt the labels of the validation split.")
        _judge_batches(batches, len(labels), epochs, size)
        _judge_optimiser(steps, lr)
        if (share := (predictions == shown_classes).mean()) < 0.9:
            raise Wrong(
                f"The network is trained, but only {share:.0%} of new images are right. Does every image keep its "
                "own label when the order is shuffled?"
            )


def _judge_length(sizes: list[int], count: int, epochs: int) -> None:
    """Raise Wrong when fewer images were trained on than the epochs have."""
    images = sum(sizes)
    if not images:
        raise Wrong("The network is not trained: no image went through it with gradients recorded.")
    if len(sizes) == 1 and images < count:
        raise Wrong("The network is trained on one batch only: does `return` stand inside the loop?")
    if len(sizes) == epochs and images < epochs * count:
        raise Wrong("Every epoch has one batch only: the loop over the batches ends too early.")
    if images == count and epochs > 1:
        raise Wrong(f"The network is trained for one epoch only, but {epochs} are wanted.")
    if images < epochs * count:
        raise Wrong(f"{epochs} epochs of {count} images are {epochs * count}, but the network is trained on {images}.")


def _judge_batches(batches: list[list[int]], count: int, epochs: int, size: int) -> None:
    """Raise Wrong unless each epoch has every image once, in batches of the right size and in an order of its own."""
    sizes = [len(batch) for batch in batches]
    if sum(sizes) > epochs * count:
        raise Wrong(
            f"{epochs} epochs of {count} images are {epochs * count}, but the network is trained on {sum(sizes)}."
        )
    if other := [found for found in sizes if found != size]:  # all batches are full: size divides count
        raise Wrong(f"Some batches have {other[0]} images, but the batch size is {size}.")
    order = np.array(batches).reshape(epochs, -1, size)
    if order.min() < 0:  # changed before they went into the network, e.g. shifted
        return
    rows = order.reshape(epochs, count)
    if (np.sort(rows) != np.arange(count)).any():
        raise Wrong("In an epoch some images come twice and others never: every epoch takes each image once.")
    if (rows == np.arange(count)).all():
        raise Wrong("The images come in the order of the split, and are not shuffled.")
    if (rows == rows[0]).all():
        raise Wrong("The images are shuffled once, but every epoch wants a new random order.")
    together = [{frozenset(batch) for batch in epoch.tolist()} for epoch in order]
    if all(groups == together[0] for groups in together):
        raise Wrong("The same images are together in a batch in every epoch: shuffle images, not batches.")


def _judge_optimiser(steps: list[dict[str, Any]], lr: float) -> None:
    """Raise Wrong unless one optimiser made all steps, with the learning rate that was given and fresh gradients."""
    if not steps:  # the weights were moved by hand
        return
    optimisers, rates = {step["optimizer"] for step in steps}, [step["lr"] for step in steps]
    if len(optimisers) > 1:
        where = "for each step" if len(optimisers) == len(steps) else "again and again"
        raise Wrong(
            f"A new optimiser is made {where}, which forgets the momentum: make one, before the loop over the epochs."
        )
    if not 0.9 < max(rates) / lr < 1.1:
        raise Wrong(f"The learning rate of the optimiser is {max(rates):g}, but the function is given lr = {lr:g}.")
    if np.mean([step["fresh"] for step in steps]) < 0.9:
        raise Wrong("Gradients add up from step to step: zero_grad() is missing.")


def _nearest(train_images: np.ndarray, labels: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return for each image the class whose mean training image is nearest."""
    means = np.stack([train_images[labels == label].mean(0) for label in np.unique(labels)])
    return np.asarray(((images[:, None] - means) ** 2).sum((2, 3, 4)).argmin(1))


def _predictions(weights: Any, splits: Any, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a linear layer of these weights makes of the test images, and what it made of them at first."""
    import torch

    images = splits["test"][0]
    model = linear_network(images[0], classes, seed)
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    if np.shape(weights) != before.shape:
        raise Wrong("The network that is returned is another one than the function was given.")

    def predicted(flat: np.ndarray) -> np.ndarray:
        split = flat.size - classes
        logits = images.flatten(1).numpy() @ flat[:split].reshape(classes, -1).T + flat[split:]
        return np.asarray(logits.argmax(1))

    return predicted(as_array(weights)), predicted(before)
