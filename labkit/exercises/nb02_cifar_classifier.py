"""Exercises of notebook 2: honest accuracies; training is judged in training_steps, an interval in intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import intervals, training_trials, trials
from labkit.exercises import training_steps as training
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_number, close, recognise


def _draw_answers(rng: np.random.Generator) -> Inputs:
    """Return images whose pixels are logits: 12 to 17 of the first 20 are right, and one or two of the last three."""
    import torch

    inputs: Inputs = []
    for last in (1, 2):
        correct = np.concatenate(
            [rng.permutation(np.arange(20) < rng.integers(12, 18)), rng.permutation(np.arange(3) < last)]
        )
        labels, logits = rng.integers(0, 5, 23), rng.uniform(-1, 1, (23, 5))
        logits[np.arange(23), (labels + np.where(correct, 0, rng.integers(1, 5, 23))) % 5] += 3
        images = torch.from_numpy(logits.astype(np.float32).reshape(23, 1, 1, 5))
        inputs.append((images, torch.from_numpy(labels), 10))
    return inputs


def _judge_accuracy(answers: list[Any], inputs: Inputs) -> None:
    for answer, (images, labels, size) in zip(answers, inputs, strict=True):
        share, logits = as_number(answer["returned"]), images.flatten(1).numpy()
        correct, training = logits.argmax(1) == labels.numpy(), logits.argmin(1) == labels.numpy()
        means = [correct[start : start + size].mean() for start in range(0, len(correct), size)]
        mistakes = [
            (training.mean(), "The network is still in training mode: model.eval() is missing."),
            (
                np.mean(means),
                "It averages the batches, so an image of the last, smaller batch counts more than others.",
            ),
            (means[-1], "This is the accuracy of the last batch alone."),
            (correct.sum(), "It returns how many are right: divide by the number of images."),
            (correct.sum() / len(means), "It divides by the number of batches, not by the number of images."),
            (correct.sum() / len(means) / size, "It counts the last batch as full: divide by the number of images."),
            (1 - correct.mean(), "This is the share of images that are wrong."),
            (100 * correct.mean(), "This is in percent: a share between 0 and 1 is wanted."),
        ]
        if not close(share, correct.mean(), 1e-5):
            recognise(share, mistakes, 1e-5)
            raise Wrong("It is not the share of the images whose largest logit is that of the true class.")
        if answer["recorded"]:
            raise Wrong(
                "The share is right, but the network records a graph: torch.no_grad() or inference_mode() is missing."
            )


def _draw_matrices(rng: np.random.Generator) -> Inputs:
    matrices = [rng.integers(1, 9, (size, size)) + np.diag(rng.integers(5, 60, size)) for size in (10, 4)]
    for matrix in matrices:
        matrix[0, 1:] += 20  # so rows and columns never have the same sums
    return [(matrix,) for matrix in matrices]


def _judge_class_accuracy(answers: list[Any], inputs: Inputs) -> None:
    for answer, (matrix,) in zip(answers, inputs, strict=True):
        shares, correct = as_array(answer, (len(matrix),)), matrix.diagonal()
        mistakes = [
            (
                correct / matrix.sum(0),
                "It divides by the sums of the columns, what was taken for a class: rows hold what belongs to it.",
            ),
            (correct, "These are numbers of images: a share of each class is wanted."),
            (correct / matrix.sum(), "It divides by all images: each class wants the number of its own."),
            (
                correct / correct.sum(),
                "It divides by all images that are right: each class wants the number of its own.",
            ),
            (1 - correct / matrix.sum(1), "These are the shares that are wrong."),
            (100 * correct / matrix.sum(1), "This is in percent: shares between 0 and 1 are wanted."),
        ]
        if not close(shares, correct / matrix.sum(1), 1e-5):
            recognise(shares, mistakes, 1e-5)
            raise Wrong("It is not, for each row, the number on the diagonal divided by the row's sum.")


def _draw_correct(rng: np.random.Generator) -> Inputs:
    """Return answers that depend on each other, so that theory is off: many are right at first, few later."""
    inputs: Inputs = []
    for seeds, batches, size in ((3, 8, 6), (2, 12, 5)):
        chance = np.linspace(0.9, 0.2, batches * size + size - 2)
        level = np.linspace(1, 0.6, seeds)[:, None]
        inputs.append((rng.random((seeds, len(chance))) < level * chance, size))
    return inputs


def _judge_batch_spread(answers: list[Any], inputs: Inputs) -> None:
    for answer, (correct, size) in zip(answers, inputs, strict=True):
        spread, full = as_number(answer), correct.shape[1] // size * size
        batches = 100 * correct[:, :full].reshape(len(correct), -1, size).mean(2)
        ends = 100 * correct[:, full:].mean(1, keepdims=True)
        run_on = 100 * correct.ravel()[: correct.size // size * size].reshape(-1, size).mean(1)
        theory = 100 * (correct.mean() * (1 - correct.mean()) / size) ** 0.5
        mistakes = [
            (theory, "This is what theory gives for independent images: measure the batches."),
            (batches.mean(), "This is the mean of the batches: how far do they lie from it?"),
            (100 * correct.std(), "This is the spread of single images, not of batches."),
            (100 * correct.mean(1).std(), "This is the spread between seeds, not between batches."),
            *[
                case
                for ddof in (0, 1)
                for case in (
                    (batches.std(ddof=ddof) / 100, "It is in shares: percentage points are 100 times as many."),
                    (batches.var(ddof=ddof), "This is the variance: the standard deviation is its root."),
                    (batches.var(ddof=ddof) / 1e4, "This is the variance: the standard deviation is its root."),
                    (
                        batches.std(1, ddof=ddof).mean(),
                        "It averages one spread per seed: take the batches of all seeds together.",
                    ),
                    (
                        run_on.std(ddof=ddof),
                        "Some batches hold images of two seeds: leave out each seed's last few images.",
                    ),
                    (np.hstack([batches, ends]).std(ddof=ddof), "It counts the last batches, which are not full."),
                )
            ],
        ]
        if not any(close(spread, batches.std(ddof=ddof), 1e-6) for ddof in (0, 1)):
            recognise(spread, mistakes, 1e-6)
            raise Wrong("It is not the standard deviation of the batches' accuracies in percentage points.")


EXERCISES = (
    Exercise(
        "2.1",
        "one step of training",
        3,
        training_trials.training_steps,
        training.draw_steps,
        training.judge_train_step,
        (
            "Forget the old gradients, compute the loss, compute its gradients, move the weights: in this order.",
            "Two calls on `optimizer`, one on the loss; the function ends by returning the loss as a plain number.",
        ),
    ),
    Exercise(
        "2.2",
        "accuracy over all images",
        2,
        training_trials.on_loaders,
        _draw_answers,
        _judge_accuracy,
        (
            "Keep two totals over the batches, how many are right and how many there were, and divide once at the end.",
            "Switch to evaluation first, loop inside `torch.no_grad()`, and compare `argmax` over classes with labels.",
        ),
    ),
    Exercise(
        "2.3",
        "accuracy class by class",
        1,
        trials.calls,
        _draw_matrices,
        _judge_class_accuracy,
        (
            "A row holds all images of one true class; those that are classified correctly lie on the diagonal.",
            "Divide the diagonal by the sum of each row: `sum` takes the dimension that it adds up.",
        ),
    ),
    Exercise(
        "2.4",
        "how far does a batch jump?",
        2,
        trials.calls,
        _draw_correct,
        _judge_batch_spread,
        (
            "Three steps: cut every row into whole batches, take the mean of each, then the spread of all these means.",
            "Keep the first (images // batch_size) * batch_size columns; then `reshape` makes a row of every batch.",
        ),
    ),
    Exercise(
        "2.5",
        "is A better than B?",
        3,
        trials.without_intervals,
        intervals.draw_pairs,
        intervals.judge_interval,
        (
            "Three steps: the differences seed by seed, their mean, and the standard error of that mean.",
            "Half the width is t · s / √n; s divides by n - 1, and t comes from the table above or from `scipy.stats`.",
        ),
    ),
    Exercise(
        "2.6",
        "a classifier for images without labels",
        3,
        training_trials.trainings,
        training.draw_dataset,
        training.judge_classifier,
        (
            "Three parts: an optimiser for the network's parameters, a loop over epochs, a loop over shuffled batches.",
            "Only `dataset.train` is needed. One random order per epoch picks images and labels alike; return the "
            "network after both loops.",
        ),
    ),
)
