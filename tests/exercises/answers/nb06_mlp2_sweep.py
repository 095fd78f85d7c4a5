import numpy as np
import pandas as pd
import torch
from torch import nn


def stop(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(losses)


def stop_by_argmin(losses, patience):
    for end in range(1, len(losses) + 1):
        best = int(np.argmin(losses[:end])) + 1
        if end - best >= patience:
            break
    return np.array([best, end])


def stop_by_counting(losses, patience):
    lowest, waited, best = float("inf"), 0, None
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            lowest, waited, best = loss, 0, epoch + 1
        else:
            waited += 1
        if waited >= patience:
            break
    return [best, epoch + 1]


def counting_all_bad_epochs(losses, patience):
    lowest, bad, best = losses[0], 0, 1
    for epoch, loss in enumerate(losses[1:], 2):
        if loss < lowest:
            lowest, best = loss, epoch
        else:
            bad += 1
        if bad == patience:
            return best, epoch
    return best, len(losses)


def by_the_epoch_before(losses, patience):
    rises = 0
    for epoch in range(1, len(losses)):
        rises = rises + 1 if losses[epoch] > losses[epoch - 1] else 0
        if rises == patience:
            return int(np.argmin(losses[: epoch + 1])) + 1, epoch + 1
    return int(np.argmin(losses)) + 1, len(losses)


def dead_neurons(model, images, dead=lambda values: (values == 0).all(0).sum().item(), kind=nn.ReLU):
    numbers, values = [], images
    with torch.no_grad():
        for layer in model:
            values = layer(values)
            if isinstance(layer, kind):
                numbers.append(dead(values))
    return numbers


def dead_by_hooks(model, images):
    outputs = []
    hooks = [
        layer.register_forward_hook(lambda layer, given, output: outputs.append(output))
        for layer in model.modules()
        if isinstance(layer, nn.ReLU)
    ]
    model(images)
    for hook in hooks:
        hook.remove()
    return torch.tensor([int((output.max(0).values <= 0).sum()) for output in outputs])


def dead_one_by_one(model, images):
    numbers, values = [], images
    for layer in model:
        values = layer(values)
        if type(layer).__name__ == "ReLU":
            columns = values.detach().numpy().T
            numbers.append(len([column for column in columns if not column.any()]))
    return tuple(numbers)


def cumulated(values, window):
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return (sums[window:] - sums[:-window]) / window


RIGHT = {
    "6.1": [stop, stop_by_argmin, stop_by_counting],
    "6.2": [dead_neurons, dead_by_hooks, dead_one_by_one, lambda model, images: np.array(dead_neurons(model, images))],
    "6.3": [
        cumulated,
        lambda values, window: [values[i : i + window].mean() for i in range(len(values) - window + 1)],
        lambda values, window: pd.Series(values).rolling(window).mean().dropna(),
        lambda values, window: np.convolve(values, np.ones(window) / window, mode="valid").astype(np.float32),
    ],
}
WRONG = {
    "6.1": [
        (lambda losses, patience: stop(losses, patience)[::-1], "in the other order"),
        (lambda losses, patience: [epoch - 1 for epoch in stop(losses, patience)], "Epochs count from 1"),
        (lambda losses, patience: (stop(losses, patience)[0] - 1, stop(losses, patience)[1]), "The best epoch counts"),
        (lambda losses, patience: (stop(losses, patience)[0], stop(losses, patience)[1] - 1), "The last epoch counts"),
        (lambda losses, patience: (stop(losses, patience)[1],) * 2, "name the best epoch"),
        (lambda losses, patience: (int(np.argmin(losses)) + 1, len(losses)), "It reads the whole list"),
        (lambda losses, patience: (int(np.argmin(losses)) + 1, stop(losses, patience)[1]), "was never reached"),
        (lambda losses, patience: stop(losses, patience + 1), "one epoch too long"),
        (lambda losses, patience: stop(losses, 1), "whatever `patience` says"),
        (counting_all_bad_epochs, "sets the waiting back to 0"),
        (by_the_epoch_before, "compares each loss with the one before"),
        (lambda losses, patience: stop([-loss for loss in losses], patience), "the best loss is the lowest"),
        (lambda losses, patience: stop(losses, patience)[1], "two numbers are wanted"),
        (lambda losses, patience: (3, 5), "is not right"),
        (lambda losses, patience: (min(losses), stop(losses, patience)[1]), "the best epoch is not right"),
        (lambda losses, patience: (stop(losses, patience)[0], len(losses)), "after which training ends is not right"),
    ],
    "6.2": [
        (lambda model, images: sum(dead_neurons(model, images)), "This is the sum"),
        (lambda model, images: dead_neurons(model, images, lambda values: (values == 0).any(0).sum()), "0 for all"),
        (lambda model, images: dead_neurons(model, images, lambda values: (values == 0).sum()), "It counts zeros"),
        (lambda model, images: dead_neurons(model, images[:1]), "the first image only"),
        (
            lambda model, images: dead_neurons(model, images, lambda values: (values == 0).all(1).sum()),
            "not at images (rows)",
        ),
        (lambda model, images: dead_neurons(model, images, lambda values: (values > 0).any(0).sum()), "are alive"),
        (
            lambda model, images: dead_neurons(model, images, lambda values: (values == 0).all(0).float().mean()),
            "are shares",
        ),
        (lambda model, images: dead_neurons(model, images, kind=nn.Linear)[:-1], "look behind the ReLU"),
        (lambda model, images: dead_neurons(model, images, kind=(nn.ReLU, nn.Linear)), "one per layer"),
        (lambda model, images: dead_neurons(model, images)[-1:], "in the last hidden layer only"),
        (lambda model, images: dead_neurons(model, images)[-1], "in the last hidden layer only"),
        (lambda model, images: dead_neurons(model, images)[0], "in the first hidden layer only"),
        (lambda model, images: dead_neurons(model, images)[::-1], "the first layer comes first"),
        (lambda model, images: [*dead_neurons(model, images), 0], "The output is no hidden layer"),
        (
            lambda model, images: dead_neurons(model, images, lambda values: (values.mean(0) < 0.05).sum()),
            "are not right",
        ),
        (
            lambda model, images: dead_neurons(model, images, lambda values: (values.mean(0) < values.mean()).sum()),
            "gives exactly 0",
        ),
    ],
    "6.3": [
        (lambda values, window: pd.Series(values).rolling(window).mean(), "It holds NaN"),
        (lambda values, window: pd.Series(values).rolling(window, min_periods=1).mean(), "as many entries"),
        (lambda values, window: window * cumulated(values, window), "sums over each window"),
        (
            lambda values, window: [values[i : i + window].mean() for i in range(len(values) - window)],
            "One entry is missing",
        ),
        (
            lambda values, window: [values[max(0, i - window) : i].mean() for i in range(window, len(values) + 2)],
            "too many",
        ),
        (lambda values, window: cumulated(values, window)[::-1], "not the means of"),
        (lambda values, window: np.convolve(values, np.ones(window) / window, "same"), "as many entries"),
        (lambda values, window: values[window - 1 :], "not the means of"),
        (lambda values, window: pd.Series(values).ewm(span=window).mean()[window - 1 :], "not the means of"),
        (
            lambda values, window: [np.median(values[i : i + window]) for i in range(len(values) - window + 1)],
            "not the",
        ),
        (lambda values, window: cumulated(values, window) * window / (window + 1), "not the means of"),
        (lambda values, window: cumulated(values, window)[:, None], "a list is wanted"),
        (lambda values, window: values.mean(), "a list is wanted"),
    ],
}
