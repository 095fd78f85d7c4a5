import numpy as np
import pandas as pd
import torch
from scipy import special
from torch import nn
from torch.nn import functional

from labkit.models import scratch
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


def repaired(network, labels):
    delta = (scratch.softmax(network.pre_activations[-1]) - np.eye(len(network.biases[-1]))[labels]) / len(labels)
    gradients = []
    for layer in reversed(range(len(network.weights))):
        gradients.append((network.outputs[layer].T @ delta, delta.sum(0)))
        if layer:
            delta = delta @ network.weights[layer].T * network.derivative(network.pre_activations[layer - 1])
    return gradients[::-1]


def repaired_in_front(network, labels):
    """Puts the step back before the gradients, and goes on in lists."""
    z, layers = network.pre_activations, len(network.weights)
    delta = scratch.softmax(z[-1])
    delta[np.arange(len(labels)), labels] -= 1
    delta = delta / len(labels)
    found = {}
    for layer in range(layers - 1, -1, -1):
        if layer < layers - 1:
            delta = (delta @ network.weights[layer + 1].T) * network.derivative(z[layer])
        found[layer] = [network.outputs[layer].T.dot(delta), torch.tensor(delta).sum(0)]
    return tuple(found[layer] for layer in range(layers))


def repaired_with(place):
    """Return the suspect's backward pass with the derivative at `place(network, layer)`."""

    def backward(network, labels):
        delta = (scratch.softmax(network.pre_activations[-1]) - np.eye(len(network.biases[-1]))[labels]) / len(labels)
        gradients = []
        for layer in reversed(range(len(network.weights))):
            gradients.append((network.outputs[layer].T @ delta, delta.sum(0)))
            delta = delta @ network.weights[layer].T * place(network, layer)
        return gradients[::-1]

    return backward


def the_networks_own(network, labels):
    return network.backward(labels)


def cost_of(combine):
    """Return a cost made from the probabilities and the labels as rows of 0 and 1."""

    def cost(logits, labels):
        return combine(library_softmax(logits), np.eye(logits.shape[1])[labels])

    return cost


def cost_by_images(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        total += np.log(np.exp(row - row.max()).sum()) + row.max() - row[label]
    return total / len(labels)


def binary(p, y):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(1).mean()


def epoch(network, images, labels, lr, batch_size, rng):
    total, order = 0.0, rng.permutation(len(labels))
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        total += len(batch) * scratch.cross_entropy(network.forward(images[batch]), labels[batch])
        network.step(network.backward(labels[batch]), lr)
    return total / len(labels)


def epoch_by_splitting(network, images, labels, lr, batch_size, rng):
    order = np.arange(len(labels))
    rng.shuffle(order)
    costs = []
    for batch in np.split(order, range(batch_size, len(order), batch_size)):
        costs += [network.cost(images[batch], labels[batch])] * len(batch)
        for place, (weights, biases) in enumerate(network.backward(labels[batch])):
            network.weights[place] -= lr * weights
            network.biases[place] = network.biases[place] - lr * biases
    return np.mean(costs)


def epoch_of_shuffled_data(network, images, labels, lr, batch_size, rng):
    order = np.random.permutation(len(labels))  # noqa: NPY002 - as a student may write it
    images, labels, costs, sizes = images[order], labels[order], [], []
    while len(labels):
        costs.append(scratch.cross_entropy(network.forward(images[:batch_size]), labels[:batch_size]))
        sizes.append(len(labels[:batch_size]))
        network.step(network.backward(labels[:batch_size]), lr)
        images, labels = images[batch_size:], labels[batch_size:]
    return torch.tensor(np.average(costs, weights=sizes))


def spoilt_epoch(order=None, right=None, step=1.0, last=False, combine=None, early=False):
    """Return an epoch with one mistake."""

    def wrong(network, images, labels, lr, batch_size, rng):
        costs, sizes = [], []
        taken = order(rng, len(labels)) if order else rng.permutation(len(labels))
        for first in range(0, len(taken) - (batch_size if last else 0), batch_size):
            batch = taken[first : first + batch_size]
            own = labels[first : first + batch_size] if right else labels[batch]
            costs.append(scratch.cross_entropy(network.forward(images[batch]), own))
            sizes.append(len(batch))
            gradients = network.backward(own)
            if step:
                network.step(gradients, step * lr)
            if early:
                break
        if combine:
            return combine(np.array(costs), np.array(sizes))
        return np.average(costs, weights=sizes)

    return wrong


def epoch_without_backward(network, images, labels, lr, batch_size, rng):
    return network.cost(images, labels)


def epoch_cost_afterwards(*arguments):
    epoch(*arguments)
    return arguments[0].cost(arguments[1], arguments[2])


def epoch_of_the_library(network, images, labels, lr, batch_size, rng):
    return scratch.train(network, images, labels, epochs=1, lr=lr, batch_size=batch_size)[0]["cost"]


def accuracy(network, images, labels):
    return 100 * (network.predict(images) == labels).mean()


def lost_by_counting(network, images, labels, factor):
    right = [sum(network.forward(scale * images).argmax(axis=1) == labels) for scale in (1.0, factor)]
    return torch.tensor((right[0] - right[1]) / len(images) * 100.0)


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
    "4.3": [repaired, repaired_in_front],
    "4.4": [
        cost_of(lambda p, y: -(y * np.log(p)).sum(1).mean()),
        cost_by_images,
        lambda logits, labels: -np.log(library_softmax(logits)[np.arange(len(labels)), labels]).mean(),
        lambda logits, labels: torch.tensor(cost_by_images(logits, labels)),
    ],
    "4.5": [epoch, epoch_by_splitting, epoch_of_shuffled_data],
    "4.6": [
        lambda network, images, labels, factor: (
            accuracy(network, images, labels) - accuracy(network, factor * images, labels)
        ),
        lost_by_counting,
    ],
    "4.7": [
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
        (repaired_with(lambda network, layer: network.derivative(network.outputs[layer])), "The bug is still there"),
        (repaired_with(lambda network, layer: 1), "arrays wrong, with their relative errors: W1"),
        (lambda network, labels: repaired(network, labels)[::-1], "the first should come first"),
        (
            lambda network, labels: [(len(labels) * w, len(labels) * b) for w, b in repaired(network, labels)],
            "too large by the number of images",
        ),
        (lambda network, labels: [(w, b / 12) for w, b in repaired(network, labels)], "b1"),
        (
            lambda network, labels: [(w.T, b) for w, b in repaired(network, labels)],
            "W1: your function returns the shape",
        ),
        (lambda network, labels: [w for w, _ in repaired(network, labels)], "for layer 1 two arrays are wanted"),
        (lambda network, labels: repaired(network, labels)[:2], "returns 2 entries, but 3 are wanted"),
        (
            repaired_with(lambda network, layer: network.derivative(network.pre_activations[layer - 1])),
            "could not be broadcast",
        ),
        (the_networks_own, "the library's own does not count"),
        (scratch.Network.backward, "the library's own does not count"),
    ],
    "4.4": [
        (cost_of(binary), "one binary cross-entropy per class"),
        (cost_of(lambda p, y: -(y * np.log(p)).sum()), "sum over the images"),
        (cost_of(lambda p, y: -(y * np.log(p)).mean()), "runs over all entries"),
        (cost_of(lambda p, y: (y * np.log(p)).sum(1).mean()), "The sign is turned round"),
        (cost_of(lambda p, y: -(y * np.log10(p)).sum(1).mean()), "base 10"),
        (cost_of(lambda p, y: -(y * np.log2(p)).sum(1).mean()), "base 2"),
        (cost_of(lambda p, y: 1 - (y * p).sum(1).mean()), "mean of 1 - p"),
        (cost_of(lambda p, y: -((1 - y) * np.log(1 - p)).sum(1).mean()), "terms of the wrong classes"),
        (cost_of(lambda p, y: -(y * np.log(p)).sum(1)), "one number is wanted"),
        (cost_of(lambda p, y: -np.log(p.max(1)).mean()), "images of"),
        (scratch.cross_entropy, "the library's own does not count"),
        (lambda logits, labels: scratch.cross_entropy(logits, labels), "the library's own does not count"),
        (
            lambda logits, labels: functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)),
            "the library's own does not count",
        ),
    ],
    "4.5": [
        (epoch_without_backward, "never calls `network.backward`"),
        (epoch_of_the_library, "the library's own does not count"),
        (spoilt_epoch(order=lambda rng, count: np.arange(count)), "in the order of the data"),
        (spoilt_epoch(order=lambda rng, count: rng.integers(0, count, count)), "never seen or come twice"),
        (
            spoilt_epoch(order=lambda rng, count: rng.permutation(count)[: count - count % 8]),
            "The last batch is left out",
        ),
        (spoilt_epoch(right=True), "the labels are not"),
        (spoilt_epoch(step=0), "does the loop call `network.step`"),
        (spoilt_epoch(step=-1.0), "uphill"),
        (spoilt_epoch(step=0.5), "one step of length `lr`"),
        (spoilt_epoch(early=True), "There is one step only"),
        (spoilt_epoch(combine=lambda costs, sizes: costs.mean()), "mean over the batches"),
        (spoilt_epoch(combine=lambda costs, sizes: costs[-1]), "the last batch alone"),
        (spoilt_epoch(combine=lambda costs, sizes: costs.sum()), "sum of the batches' means"),
        (spoilt_epoch(combine=lambda costs, sizes: (costs * sizes).sum()), "sum over the images"),
        (spoilt_epoch(combine=lambda costs, sizes: costs), "one number is wanted"),
        (epoch_cost_afterwards, "cost after the epoch"),
        (lambda network, images, *rest: epoch(network, images + 1, *rest), "none of the images"),
        (
            lambda network, images, labels, lr, size, rng: epoch(network, images, labels, lr, 4, rng),
            "the batch size is 8",
        ),
    ],
    "4.6": [
        (lambda n, x, y, factor: accuracy(n, factor * x, y) - accuracy(n, x, y), "The sign is turned round"),
        (lambda n, x, y, factor: (accuracy(n, x, y) - accuracy(n, factor * x, y)) / 100, "This is a share"),
        (lambda n, x, y, factor: accuracy(n, factor * x, y), "on the wrong scale"),
        (lambda n, x, y, factor: accuracy(n, x, y), "on the right scale"),
        (lambda n, x, y, factor: 0.0, "Both accuracies are the same"),
        (lambda n, x, y, factor: 100 - 100 * accuracy(n, factor * x, y) / accuracy(n, x, y), "a part of the accuracy"),
        (lambda n, x, y, factor: accuracy(n, x, y) - accuracy(n, x / factor, y), "divided by the factor"),
    ],
    "4.7": [
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
