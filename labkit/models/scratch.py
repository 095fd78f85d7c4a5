"""A network written from scratch: forward pass, back-propagation, gradient check. A leaf: imports NumPy only.

Rows are images: a layer turns activations (N, fan_in) into pre-activations z = a W + b of shape (N, fan_out), with
W (fan_in, fan_out) and b (fan_out,). The cost is the mean cross-entropy over the images plus l2 / 2 times the sum of
all squared weights (biases are left out), so the L2 term adds l2 * W to the gradient of W.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
Gradients = list[tuple[Array, Array]]  # one pair (of the weights, of the biases) per layer


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)); the exponent is never positive, so that nothing overflows."""
    small = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1, small) / (1 + small))


def sigmoid_derivative(z: Array) -> Array:
    """Return the derivative of the sigmoid at the pre-activation z."""
    value = sigmoid(z)
    return value * (1 - value)


def tanh_derivative(z: Array) -> Array:
    """Return the derivative of tanh at the pre-activation z."""
    return np.asarray(1 - np.tanh(z) ** 2)


def relu(z: Array) -> Array:
    """Return z where it is positive, else 0."""
    return np.asarray(np.maximum(z, 0))


def relu_derivative(z: Array) -> Array:
    """Return 1 where the pre-activation z is positive, else 0."""
    return (z > 0).astype(z.dtype)


def softmax(logits: Array) -> Array:
    """Return the probabilities (N, classes); the largest logit of a row is subtracted first, so nothing overflows."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def cross_entropy(logits: Array, labels: Array) -> float:
    """Return the mean over the images of minus the logarithm of the true class's probability."""
    shifted = logits - logits.max(1, keepdims=True)
    true = shifted[np.arange(len(labels)), labels]
    return float((np.log(np.exp(shifted).sum(1)) - true).mean())


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (np.tanh, tanh_derivative),
    "relu": (relu, relu_derivative),
}
INITIALISATIONS = ("xavier", "random", "zero")


class Network:
    """Fully connected layers of `sizes`, e.g. (784, 500, 250, 100, 10), an activation after each but the last.

    activation: a key of ACTIVATIONS.
    initialisation: of the weights; biases start at 0. "xavier": uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and
        Bengio 2010, equation 16). "random": normal with standard deviation 0.01 whatever the layer's size, so signals
        shrink layer by layer (with 1, sums over 784 inputs would be so large that sigmoid and tanh go flat).
        "zero": a mistake, because all neurons of a layer then stay alike.
    dtype: float32 to train fast, float64 to check gradients.
    `forward` keeps what `backward` needs: `outputs` (the images, then each hidden layer's activations) and
    `pre_activations` (of each layer; the last are the logits).
    Raises ValueError for an unknown name or a size below 1.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        initialisation: str = "xavier",
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"A network needs two or more sizes, each 1 or more, but sizes is {tuple(sizes)}.")
        for kind, name, choices in (
            ("Activation", activation, tuple(ACTIVATIONS)),
            ("Initialisation", initialisation, INITIALISATIONS),
        ):
            if name not in choices:
                raise ValueError(f"{kind} {name!r} is not known: choose one of {', '.join(choices)}.")
        self.function, self.derivative = ACTIVATIONS[activation]
        rng = np.random.default_rng(seed)
        self.weights = [_draw(initialisation, rng, *pair).astype(dtype) for pair in pairwise(sizes)]
        self.biases = [np.zeros(size, dtype) for size in sizes[1:]]
        self.outputs: list[Array] = []
        self.pre_activations: list[Array] = []

    def forward(self, images: Array) -> Array:
        """Return the logits (N, classes) of `images` (N, inputs); ValueError when they are of another shape."""
        inputs = len(self.weights[0])
        if images.ndim != 2 or images.shape[1] != inputs:
            raise ValueError(f"The network takes images of shape (N, {inputs}), but they are {images.shape}.")
        self.outputs, self.pre_activations = [images], []
        for weights, biases in zip(self.weights, self.biases, strict=True):
            if self.pre_activations:
                self.outputs.append(self.function(self.pre_activations[-1]))
            self.pre_activations.append(self.outputs[-1] @ weights + biases)
        return self.pre_activations[-1]

    def cost(self, images: Array, labels: Array, l2: float = 0.0) -> float:
        """Return the mean cross-entropy plus the L2 term."""
        logits = self.forward(images)
        check_labels(labels, *logits.shape)
        return cross_entropy(logits, labels) + l2 / 2 * sum(float((weights**2).sum()) for weights in self.weights)

    def backward(self, labels: Array, l2: float = 0.0) -> Gradients:
        """Return the gradients of the cost for the images that `forward` saw last, from the first layer to the last."""
        if not self.pre_activations:
            raise ValueError("The network has seen no images yet: call forward before backward.")
        logits = self.pre_activations[-1]
        check_labels(labels, *logits.shape)
        delta = softmax(logits)
        delta[np.arange(len(labels)), labels] -= 1
        delta /= len(labels)
        gradients: Gradients = []
        for layer in reversed(range(len(self.weights))):
            weight_gradient = self.outputs[layer].T @ delta
            if l2:
                weight_gradient += l2 * self.weights[layer]
            gradients.append((weight_gradient, delta.sum(0)))
            if layer:
                delta = delta @ self.weights[layer].T * self.derivative(self.pre_activations[layer - 1])
        return gradients[::-1]

    def step(self, gradients: Gradients, lr: float) -> None:
        """Take one step of gradient descent, in place. `gradients` are used up."""
        for weights, biases, (weight_gradient, bias_gradient) in zip(self.weights, self.biases, gradients, strict=True):
            weight_gradient *= lr
            weights -= weight_gradient
            biases -= lr * bias_gradient

    def predict(self, images: Array) -> Array:
        """Return the most probable class of each image (N,)."""
        return np.asarray(self.forward(images).argmax(1))


def train(
    network: Network,
    images: Array,
    labels: Array,
    *,
    epochs: int,
    lr: float,
    batch_size: int = 64,
    l2: float = 0.0,
    seed: int = 0,
    watched: Mapping[str, tuple[Array, Array]] | None = None,
) -> list[dict[str, float]]:
    """Train `network` in place by gradient descent on the mean cost of a batch; return one row per epoch.

    The order of the images is drawn anew each epoch, from `seed` alone.
    A row: epoch, cost (mean over the training images without the L2 term, gathered while the weights change), seconds
    (of the training steps alone), and for each name in `watched` the accuracy in percent on its images and labels.
    """
    check_labels(labels, len(images), len(network.biases[-1]))
    images = images.astype(network.weights[0].dtype, copy=False)
    rng = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        order = rng.permutation(len(labels))
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            logits = network.forward(images[batch])
            total += len(batch) * cross_entropy(logits, labels[batch])
            network.step(network.backward(labels[batch], l2), lr)
        row = {"epoch": epoch, "cost": total / len(labels), "seconds": time.perf_counter() - start}
        for name, (seen, right) in (watched or {}).items():
            row[name] = 100 * float((network.predict(seen) == right).mean())
        rows.append(row)
    return rows


def check_gradient(
    network: Network,
    images: Array,
    labels: Array,
    gradients: Gradients,
    l2: float = 0.0,
    samples: int = 20,
    seed: int = 0,
    step: float = 1e-5,
) -> dict[str, float]:
    """Compare `gradients` with central differences of the cost, for `samples` entries of every weight and bias array.

    Returns the relative error of each array, "W1", "b1", "W2", ...: |given - numeric| / (|given| + |numeric|), lengths
    of the sampled entries as vectors; 0 where both are 0. In float64, below 1e-6 is right and above 1e-3 is a bug.
    The network is left as it was.
    """
    rng = np.random.default_rng(seed)
    errors = {}
    for number, (pair, given_pair) in enumerate(
        zip(zip(network.weights, network.biases, strict=True), gradients, strict=True), 1
    ):
        for letter, values, given in zip("Wb", pair, given_pair, strict=True):
            if values.shape != given.shape:
                raise ValueError(f"The gradient of {letter}{number} has shape {given.shape}, but needs {values.shape}.")
            sampled = rng.choice(values.size, min(samples, values.size), replace=False)
            numeric = np.array([_slope(network, images, labels, l2, values.reshape(-1), i, step) for i in sampled])
            analytic = given.reshape(-1)[sampled]
            scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
            errors[f"{letter}{number}"] = float(np.linalg.norm(analytic - numeric) / scale) if scale else 0.0
    return errors


def check_labels(labels: Array, images: int, classes: int) -> None:
    """Raise ValueError unless `labels` is one class from 0 to classes - 1 for each image."""
    if labels.shape != (images,):
        raise ValueError(f"{images} images need labels of shape ({images},), but they are {labels.shape}.")
    if images and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"Labels run from {labels.min()} to {labels.max()}, but must lie in 0 to {classes - 1}.")


def _slope(network: Network, images: Array, labels: Array, l2: float, values: Array, index: int, step: float) -> float:
    """Return the cost's central difference along one entry of `values`, a flat view of one of the network's arrays."""
    original = values[index]
    costs = []
    for moved in (original + step, original - step):
        values[index] = moved
        costs.append(network.cost(images, labels, l2))
    values[index] = original
    return (costs[0] - costs[1]) / (2 * step)


def _draw(initialisation: str, rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    if initialisation == "zero":
        return np.zeros((fan_in, fan_out))
    if initialisation == "random":
        return 0.01 * rng.standard_normal((fan_in, fan_out))
    bound = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out))
