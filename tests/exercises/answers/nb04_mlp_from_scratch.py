import numpy as np
import pandas as pd
import torch
from scipy import special
from torch import nn
from torch.nn import functional

from labkit.models import scratch
from labkit.models.scratch import check_gradient
from labkit.models.scratch import softmax as library_softmax


def softmax_of(taken_off, axis=1):
    """Return a softmax that takes `taken_off(logits)` off the logits."""

    def softmax(logits):
        powers = np.exp(logits - taken_off(logits))
        return powers / powers.sum(axis, keepdims=True)

    return softmax


def softmax_by_rows(logits):
    rows = []
    for row in logits:
        powers = [np.exp(value - max(row)) for value in row]
        rows.append([power / sum(powers) for power in powers])
    return rows


def backward(delta, weights, a_before, z_before, derivative):
    return a_before.T @ delta, delta.sum(0), delta @ weights.T * derivative(z_before)


def backward_by_images(delta, weights, a_before, z_before, derivative):
    weight_gradient, bias_gradient, before = np.zeros(weights.shape), np.zeros(delta.shape[1]), []
    for own, a, z in zip(delta, a_before, z_before, strict=True):
        weight_gradient += np.outer(a, own)
        bias_gradient += own
        before.append(weights @ own * derivative(z))
    return [torch.tensor(weight_gradient), bias_gradient.tolist(), np.array(before, dtype=np.float32)]


def spoilt(place, make):
    """Return the backward step with one of its three results replaced."""

    def step(*arguments):
        results = list(backward(*arguments))
        results[place] = make(*arguments)
        return tuple(results)

    return step


def named(keep):
    """Return a function that names the arrays whose error `keep` wants."""

    def names(network, images, labels, gradients):
        return [name for name, error in check_gradient(network, images, labels, gradients).items() if keep(error)]

    return names


def names_in_a_loop(network, images, labels, gradients):
    wrong = set()
    for name, error in check_gradient(network, images, labels, gradients, samples=5, seed=3).items():
        if error >= 1e-3:
            wrong.add(name)
    return wrong


def only_weights(*arguments):
    return [name for name in named(lambda error: error > 1e-3)(*arguments) if name[0] == "W"]


def by_comparing(weights):
    found = []
    for column in weights.round(6).T:
        if not any((column == other).all() for other in found):
            found.append(column)
    return len(found)


RIGHT = {
    "4.1": [
        softmax_of(lambda logits: logits.max(1, keepdims=True)),
        softmax_by_rows,
        lambda logits: (powers := (z := torch.tensor(logits)).sub(z.amax(1, True)).exp()) / powers.sum(1, keepdim=True),
        lambda logits: np.exp(logits - special.logsumexp(logits, 1, keepdims=True)),
    ],
    "4.2": [backward, backward_by_images],
    "4.3": [named(lambda error: error > 1e-3), names_in_a_loop, lambda *a: np.array(sorted(names_in_a_loop(*a)))],
    "4.4": [
        lambda weights: np.unique(weights.round(6), axis=1).shape[1],
        lambda weights: len({tuple(column) for column in weights.T.round(6).tolist()}),
        lambda weights: torch.tensor(float(len(np.unique(np.round(weights.T, 6), axis=0)))),
        by_comparing,
        lambda weights: len(pd.DataFrame(weights).round(6).T.drop_duplicates()),
        lambda weights: torch.unique(torch.tensor(weights).round(decimals=6), dim=1).shape[1],
    ],
}
WRONG = {
    "4.1": [
        (scratch.softmax, "the library's own does not count"),
        (lambda logits: library_softmax(logits), "the library's own does not count"),
        (lambda logits: torch.tensor(logits).softmax(1), "the library's own does not count"),
        (lambda logits: functional.softmax(torch.tensor(logits), 1), "the library's own does not count"),
        (softmax_of(lambda logits: 0), "overflows for large logits"),
        (softmax_of(np.max), "One maximum is taken off all rows"),
        (softmax_of(lambda logits: logits.mean(1, keepdims=True)), "With the mean taken off"),
        (softmax_of(lambda logits: logits.min(1, keepdims=True)), "With the smallest taken off"),
        (softmax_of(lambda logits: logits.max(0)), "maximum of a column"),
        (softmax_of(lambda logits: logits.max(0), 0), "columns add up to 1"),
        (softmax_of(lambda logits: logits.max(1)), "keepdims=True"),
        (lambda logits: logits - special.logsumexp(logits, 1, keepdims=True), "logarithms"),
        (lambda logits: torch.tensor(logits).log_softmax(1).exp(), "the library's own does not count"),
        (lambda logits: special.softmax(logits, 1), "the library's own does not count"),
        (nn.Softmax(1), "the library's own does not count"),
        (lambda logits: nn.Softmax(1)(torch.tensor(logits)), "the library's own does not count"),
        (lambda logits: np.exp(logits - logits.max(1, keepdims=True)), "not divided by their sum"),
        (lambda logits: softmax_of(lambda cut: 0)(np.clip(logits, -700, 700)), "probabilities are not right"),
        (lambda logits: np.nan_to_num(softmax_of(lambda cut: 0)(logits)), "do not add up to 1"),
        (lambda logits: logits.argmax(1), "the shape (6,), but (6, 4) is wanted"),
    ],
    "4.2": [
        (spoilt(0, lambda delta, w, a, z, slope: a @ delta), "equation 3 has its transpose"),
        (spoilt(0, lambda delta, w, a, z, slope: delta.T @ a), "rows and columns exchanged"),
        (spoilt(0, lambda delta, w, a, z, slope: z.T @ delta), "made of the pre-activations"),
        (spoilt(0, lambda delta, w, a, z, slope: a.T @ delta / len(a)), "divided by the number of images"),
        (spoilt(1, lambda delta, w, a, z, slope: delta.mean(0)), "is a mean"),
        (spoilt(1, lambda delta, w, a, z, slope: delta.sum(1)), "over the neurons"),
        (spoilt(1, lambda delta, w, a, z, slope: delta), "biases: your function returns"),
        (spoilt(1, lambda delta, w, a, z, slope: delta.sum(0, keepdims=True)), "the shape (1, 4), but (4,) is wanted"),
        (spoilt(1, lambda delta, w, a, z, slope: None), "The gradient of the biases: your function returns None"),
        (spoilt(2, lambda delta, w, a, z, slope: delta @ w.T), "lacks the derivative"),
        (spoilt(2, lambda delta, w, a, z, slope: delta @ w.T * slope(a)), "at the activation a"),
        (spoilt(2, lambda delta, w, a, z, slope: delta @ w * slope(z)), "equation 2 has its transpose"),
        (spoilt(2, lambda delta, w, a, z, slope: (delta * slope(z)) @ w.T), "too early"),
        (spoilt(2, lambda delta, w, a, z, slope: delta @ w.T * z), "by z itself"),
        (lambda *arguments: backward(*arguments)[::-1], "in another order"),
        (lambda *arguments: backward(*arguments)[:2], "2 entries, but 3 are wanted"),
    ],
    "4.3": [
        (named(lambda error: error <= 1e-3), "turned round"),
        (named(lambda error: True), "All arrays are named"),
        (named(lambda error: False), "No array is named"),
        (named(lambda error: error > 1e-6), "is not above 1e-3"),
        (named(lambda error: error > 0.02), "above 1e-3"),
        (only_weights, "b1 is not named"),
        (check_gradient, "returns a dictionary, but a list of names"),
        (lambda *arguments: list(check_gradient(*arguments).values()), "holds a decimal number"),
        (lambda *arguments: ", ".join(named(lambda error: error > 1e-3)(*arguments)), "a text, but a list is wanted"),
        (lambda *arguments: ["layer 1"], "holds 'layer 1'"),
    ],
    "4.4": [
        (lambda weights: np.unique(weights.round(6), axis=0).shape[0], "different rows"),
        (lambda weights: np.unique(weights, axis=1).shape[1], "round before you compare"),
        (lambda weights: np.unique(weights.round(6)).size, "different numbers"),
        (lambda weights: len(set(weights.sum(0).round(5))), "the same sum"),
        (lambda weights: len(np.unique(weights.round(6).sum(0))), "the same sum"),
        (lambda weights: len({float(sum(column)) for column in weights.T.round(6)}), "the same sum"),
        (lambda weights: len(np.unique(weights.round(6).mean(0).round(6))), "the same"),
        (lambda weights: np.linalg.matrix_rank(weights.round(6)), "the rank of the matrix"),
        (lambda weights: np.linalg.matrix_rank(weights, tol=1e-5), "the rank of the matrix"),
        (lambda weights: len(np.unique(weights.round(6)[0])), "the first number"),
        (lambda weights: len(np.unique(weights.round(6)[-1])), "the last number"),
        (lambda weights: np.unique(weights.round(3), axis=1).shape[1], "digits, not to six"),
        (lambda weights: len({tuple(sorted(column)) for column in weights.T.round(6).tolist()}), "in another order"),
        (lambda weights: (np.unique(weights.round(6), axis=1, return_counts=True)[1] == 1).sum(), "come only once"),
        (lambda weights: np.unique(weights.round(4), axis=1).shape[1], "digits, not to six"),
        (lambda weights: np.unique(weights.round(6), axis=1), "but one number is wanted"),
        (lambda weights: weights.shape[1] - np.unique(weights.round(6), axis=1).shape[1], "come again"),
    ],
}
