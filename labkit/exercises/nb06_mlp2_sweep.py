"""Exercises of notebook 6: when to stop a training, neurons that are dead, a moving average."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_list, as_pair, close, name_mistake

# Validation losses, with the patience: by each, another usual mistake gives a wrong answer.
CURVES = (
    ((9, 7, 5, 6, 8, 4, 3), 2),  # the lowest comes after the end
    ((9, 8, 6, 7, 5, 4.5, 4.8, 4), 3),  # goes on to the last epoch
    ((9, 5, 6, 5.5, 7, 6, 8), 2),  # falls from epoch to epoch, but not below the best
    ((9, 8, 8.5, 8.7, 7, 7.5, 7.2, 8, 6), 3),  # waits anew after each improvement
    ((9, 6, 7, 8, 5, 4), 1),
    ((9, 7, 4, 5, 6, 7, 5.5, 8, 9, 3), 4),
)
WHICH = "two numbers are wanted: the best epoch, and the epoch after which training ends"


def _draw_curves(rng: np.random.Generator) -> Inputs:
    """Return the curves in a random order, each as a list on a scale of its own."""
    chosen = [(CURVES[index], float(rng.uniform(0.05, 0.2))) for index in rng.permutation(len(CURVES))]
    return [([round(scale * loss, 4) for loss in losses], patience) for (losses, patience), scale in chosen]


def stop_early(losses: list[float], patience: int) -> tuple[int, int]:
    """Return the best epoch, and the one after which training ends, counted from 1."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            return best + 1, epoch + 1
    return best + 1, len(losses)


def stop_without_new_patience(losses: list[float], patience: int) -> tuple[int, int]:
    """As `stop_early`, by the mistake of counting on after a new best."""
    best = bad = 0
    for epoch, loss in enumerate(losses[1:], 1):
        best, bad = (epoch, bad) if loss < losses[best] else (best, bad + 1)
        if bad >= patience:
            return best + 1, epoch + 1
    return best + 1, len(losses)


def stop_by_the_epoch_before(losses: list[float], patience: int) -> tuple[int, int]:
    """As `stop_early`, by the mistake of comparing each loss with the one before it."""
    rises = 0
    for epoch in range(1, len(losses)):
        rises = rises + 1 if losses[epoch] > losses[epoch - 1] else 0
        if rises >= patience:
            return int(np.argmin(losses[: epoch + 1])) + 1, epoch + 1
    return int(np.argmin(losses)) + 1, len(losses)


def _judge_stopping(answers: list[Any], inputs: Inputs) -> None:
    pairs = [tuple(as_array(as_pair(answer, WHICH), (2,)).tolist()) for answer in answers]
    right = [stop_early(*arguments) for arguments in inputs]
    if pairs == right:
        return
    whole = [(int(np.argmin(losses)) + 1, len(losses)) for losses, _ in inputs]
    name_mistake(
        pairs,
        (
            ([(end, best) for best, end in right], "The numbers are right, but in the other order: first the best."),
            ([(best - 1, end - 1) for best, end in right], "Epochs count from 1: the first loss is that of epoch 1."),
            ([(best - 1, end) for best, end in right], "The best epoch counts from 1, as the last one does."),
            ([(best, end - 1) for best, end in right], "The last epoch counts from 1, as the best one does."),
            ([(end, end) for _, end in right], "The last network is no better than the others: name the best epoch."),
            (whole, "It reads the whole list, but training never sees the epochs that come after its end."),
            (
                [(best, end) for (best, _), (_, end) in zip(whole, right, strict=True)],
                "The best epoch lies after the end of training, so that it was never reached.",
            ),
            (
                [stop_early(losses, patience + 1) for losses, patience in inputs],
                "It waits one epoch too long: with patience 1, the first epoch without a new best is the last.",
            ),
            (
                [stop_early(losses, patience - 1) for losses, patience in inputs],
                "It stops one epoch too early: with patience 2, two epochs without a new best are needed.",
            ),
            ([stop_early(losses, 1) for losses, _ in inputs], "It stops at once, whatever `patience` says."),
            (
                [stop_without_new_patience(*arguments) for arguments in inputs],
                "A new best sets the waiting back to 0: only epochs since the best one count.",
            ),
            (
                [stop_by_the_epoch_before(*arguments) for arguments in inputs],
                "It compares each loss with the one before it; compare with the best so far.",
            ),
            (
                [stop_early([-loss for loss in losses], patience) for losses, patience in inputs],
                "It looks for the highest number, but the best loss is the lowest.",
            ),
        ),
    )
    for (losses, patience), wanted, given in zip(inputs, right, pairs, strict=True):
        if given != wanted:
            which = "best epoch" if given[0] != wanted[0] else "epoch after which training ends"
            raise Wrong(f"For the losses {losses} and patience {patience}, the {which} is not right.")


def _draw_networks(rng: np.random.Generator) -> Inputs:
    import torch

    def images(count: int) -> Any:
        return torch.from_numpy(rng.uniform(0, 1, (count, 1, 6, 6)).astype(np.float32))

    widths = (tuple(int(width) for width in rng.integers(12, 30, layers)) for layers in (2, 1, 3))
    return [(hidden_sizes, int(rng.integers(1_000_000)), images(40)) for hidden_sizes in widths]


def _judge_dead_neurons(answers: list[Any], inputs: Inputs) -> None:
    outputs = [_hidden_outputs(*arguments) for arguments in inputs]

    def of_each(count: Any) -> list[list[float]]:
        return [[round(float(count(layer)), 4) for layer in layers] for layers in outputs]

    right = of_each(lambda layer: (layer == 0).all(0).sum())
    listed = [as_array(answer).round(4).tolist() for answer in answers]
    if listed == right:
        return
    if listed == [sum(layers) for layers in right]:
        raise Wrong("This is the sum; one number per hidden layer is wanted.")
    name_mistake(
        [given if isinstance(given, list) else [given] for given in listed],
        (
            (
                of_each(lambda layer: (layer == 0).any(0).sum()),
                "It counts neurons that are 0 for one image or more; a dead one is 0 for all images.",
            ),
            (of_each(lambda layer: (layer == 0).sum()), "It counts zeros; a dead neuron has one for each image."),
            (of_each(lambda layer: (layer[0] == 0).sum()), "It looks at the first image only."),
            (
                of_each(lambda _: 0),
                "It finds none: look behind the ReLU, at neurons (columns) that are always 0, not at images (rows).",
            ),
            (of_each(lambda layer: (layer > 0).any(0).sum()), "It counts the neurons that are alive."),
            (of_each(lambda layer: (layer == 0).all(0).mean()), "These are shares; numbers of neurons are wanted."),
            (
                of_each(lambda layer: (layer.mean(0) < layer.mean()).sum()),
                "It counts neurons with small outputs; a dead one gives exactly 0 for every image.",
            ),
            ([layers[-1:] for layers in right], "It counts in the last hidden layer only; one number per layer."),
            ([layers[:1] for layers in right], "It counts in the first hidden layer only; one number per layer."),
            ([layers[::-1] for layers in right], "The numbers are right, but the first layer comes first."),
            ([[*layers, 0.0] for layers in right], "The output is no hidden layer: it has no ReLU."),
        ),
    )
    for (hidden_sizes, *_), given, layers in zip(inputs, listed, right, strict=True):
        if np.shape(given) != (len(layers),):
            raise Wrong(
                f"A network with the hidden layers {hidden_sizes} needs a list of {len(layers)}, one per layer."
            )
        if given != layers:
            raise Wrong(f"For the hidden layers {hidden_sizes}, the numbers of dead neurons are not right.")


def _hidden_outputs(hidden_sizes: tuple[int, ...], seed: int, images: Any) -> list[np.ndarray]:
    """Return what each hidden layer gives behind its ReLU, (images, neurons)."""
    import torch

    outputs, values = [], images
    with torch.no_grad():
        for layer in torch_trials.mlp(hidden_sizes, images, seed):
            values = layer(values)
            if isinstance(layer, torch.nn.ReLU):
                outputs.append(values.numpy())
    return outputs


def _draw_series(rng: np.random.Generator) -> Inputs:
    return [(rng.uniform(1, 9, length), window) for length, window in ((12, 3), (9, 2), (15, 6), (5, 5))]


def _judge_moving_average(answers: list[Any], inputs: Inputs) -> None:
    for answer, (values, window) in zip(answers, inputs, strict=True):
        sums = np.array([values[i : i + window].sum() for i in range(len(values) - window + 1)])
        entries = np.array(as_list(answer), dtype=object)
        if any(isinstance(entry, float) and np.isnan(entry) for entry in entries):
            raise Wrong("It holds NaN where the window is not full: leave these entries out.")
        entries = as_array(answer)
        if entries.shape == (len(values),) and window > 1:
            raise Wrong(f"It has as many entries as `values`: the first window - 1 = {window - 1} have no full window.")
        if entries.shape == (len(sums) - 1,):
            raise Wrong(
                "One entry is missing: the last window ends with the last value, the first starts with the first."
            )
        if entries.shape == (len(sums) + 1,):
            raise Wrong("It has one entry too many: is each window full?")
        entries = as_array(answer, sums.shape)
        if close(entries, sums, 1e-6):
            raise Wrong("These are sums over each window, not means.")
        if not close(entries, sums / window, 1e-5):
            raise Wrong(f"For a window of {window} the entries are not the means of {window} neighbouring values.")


EXERCISES = (
    Exercise(
        "6.1",
        "when would you stop?",
        2,
        trials.calls,
        _draw_curves,
        _judge_stopping,
        (
            "Go through the losses with a loop, and remember the epoch of the lowest loss so far.",
            "In each epoch: is its loss a new lowest? If not, how many epochs ago was the lowest one?",
        ),
    ),
    Exercise(
        "6.2",
        "which neurons are dead?",
        2,
        torch_trials.on_mlps,
        _draw_networks,
        _judge_dead_neurons,
        (
            "Send the images through the layers one by one (`for layer in model`), and look at what each ReLU gives.",
            "`(values == 0).all(0)` says for each neuron, one per column, whether it is 0 for all images.",
        ),
    ),
    Exercise(
        "6.3",
        "write the moving average",
        2,
        trials.calls,
        _draw_series,
        _judge_moving_average,
        (
            "There are len(values) - window + 1 full windows. A loop over where they start will do.",
            "Without a loop: a window's sum is the difference of two running sums (`np.cumsum`), `window` places on.",
        ),
    ),
)
