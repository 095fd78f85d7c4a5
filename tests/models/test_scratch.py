import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.nn import functional

from labkit.models.scratch import (
    ACTIVATIONS,
    INITIALISATIONS,
    Network,
    check_gradient,
    cross_entropy,
    sigmoid,
    softmax,
    train,
)

SIZES = (12, 9, 7, 5)
TORCH = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
EXTREME = np.array([-1e4, -1e3, -30.0, -1.0, 0.0, 1.0, 30.0, 1e3, 1e4])


def batch(images=32, seed=0):
    """Return random images and labels that fit SIZES."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((images, SIZES[0])), rng.integers(0, SIZES[-1], images)


def network(activation="relu", initialisation="xavier", seed=0):
    """Return a small network in double precision, with biases that are not 0."""
    made = Network(SIZES, activation, initialisation, seed, np.float64)
    if initialisation == "xavier":
        for biases in made.biases:
            biases += np.random.default_rng(1).standard_normal(biases.shape)
    return made


def parameters(made):
    """Return the parameters of a network as torch's, weights and biases of each layer in turn."""
    pairs = zip(made.weights, made.biases, strict=True)
    return [torch.tensor(values, requires_grad=True) for pair in pairs for values in pair]


def torch_cost(tensors, activation, images, labels, l2=0.0):
    values = torch.tensor(images)
    for layer, (weights, biases) in enumerate(zip(tensors[::2], tensors[1::2], strict=True)):
        values = (TORCH[activation](values) if layer else values) @ weights + biases
    penalty = l2 / 2 * sum((weights**2).sum() for weights in tensors[::2])
    return functional.cross_entropy(values, torch.tensor(labels)) + penalty


class WithBug(Network):
    """Applies the derivative to the activation in place of the pre-activation."""

    def backward(self, labels, l2=0.0):
        self.pre_activations = [*self.outputs[1:], self.pre_activations[-1]]
        return super().backward(labels, l2)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cost_and_every_gradient_are_those_of_autograd(activation, l2):
    made, (images, labels) = network(activation), batch()
    tensors = parameters(made)
    cost = torch_cost(tensors, activation, images, labels, l2)
    cost.backward()
    assert made.cost(images, labels, l2) == pytest.approx(cost.item(), rel=1e-12)
    gradients = [values for pair in made.backward(labels, l2) for values in pair]
    assert len(gradients) == len(tensors) == 6
    for gradient, tensor in zip(gradients, tensors, strict=True):
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_twenty_steps_are_those_of_sgd(activation, l2):
    made = network(activation)
    tensors = parameters(made)
    optimizer = torch.optim.SGD(tensors, lr=0.3)
    for seed in range(20):
        images, labels = batch(seed=seed)
        optimizer.zero_grad()
        torch_cost(tensors, activation, images, labels, l2).backward()
        optimizer.step()
        made.forward(images)
        made.step(made.backward(labels, l2), 0.3)
    for values, tensor in zip(
        [v for p in zip(made.weights, made.biases, strict=True) for v in p], tensors, strict=True
    ):
        np.testing.assert_allclose(values, tensor.detach().numpy(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_derivatives_are_those_of_torch_far_out_too(activation):
    function, derivative = ACTIVATIONS[activation]
    z = torch.tensor(EXTREME, requires_grad=True)
    value = TORCH[activation](z)
    value.sum().backward()
    np.testing.assert_allclose(function(EXTREME), value.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(derivative(EXTREME), z.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_softmax_and_cross_entropy_do_not_overflow(dtype):
    rows = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1], [0.1, 0.2, 0.3]], dtype)
    labels = np.array([1, 0, 2, 1])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        probabilities, values, loss = softmax(rows), sigmoid(rows), cross_entropy(rows, labels)
    np.testing.assert_allclose(values, expit(rows), rtol=1e-6)
    np.testing.assert_allclose(probabilities, torch.tensor(rows).softmax(1).numpy(), rtol=1e-6)
    assert loss == pytest.approx(functional.cross_entropy(torch.tensor(rows), torch.tensor(labels)).item(), rel=1e-6)
    assert values.dtype == probabilities.dtype == dtype


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision_stays_single(activation):
    made = Network(SIZES, activation)
    images, labels = batch()
    logits = made.forward(images.astype(np.float32))
    gradients = made.backward(labels, 0.1)
    assert {logits.dtype, *(values.dtype for pair in gradients for values in pair)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_check_passes_the_right_gradient_and_leaves_the_network_as_it_was(activation, l2):
    made, (images, labels) = network(activation), batch()
    before = [values.copy() for values in made.weights + made.biases]
    made.forward(images)
    errors = check_gradient(made, images, labels, made.backward(labels, l2), l2)
    assert list(errors) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert max(errors.values()) < 1e-6
    for values, kept in zip(made.weights + made.biases, before, strict=True):
        np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_check_finds_the_derivative_at_the_activation(activation):
    made, (images, labels) = WithBug(SIZES, activation, dtype=np.float64), batch()
    made.forward(images)
    errors = check_gradient(made, images, labels, made.backward(labels))
    assert max(errors["W3"], errors["b3"]) < 1e-6  # the output layer does not pass through an activation
    assert min(errors[name] for name in ("W1", "b1", "W2", "b2")) > 1e-3


def test_the_derivative_of_relu_is_the_same_at_the_activation():
    made, right, (images, labels) = WithBug(SIZES, dtype=np.float64), Network(SIZES, dtype=np.float64), batch()
    made.forward(images)
    right.forward(images)
    for (weights, biases), (good_weights, good_biases) in zip(
        made.backward(labels), right.backward(labels), strict=True
    ):
        np.testing.assert_array_equal(weights, good_weights)
        np.testing.assert_array_equal(biases, good_biases)


def test_the_check_finds_a_forgotten_l2_term_and_a_gradient_of_another_shape():
    made, (images, labels) = network(), batch()
    made.forward(images)
    gradients = made.backward(labels)
    errors = check_gradient(made, images, labels, gradients, l2=0.1)
    assert min(errors["W1"], errors["W2"], errors["W3"]) > 1e-3
    assert max(errors["b1"], errors["b2"], errors["b3"]) < 1e-6
    with pytest.raises(ValueError, match=r"gradient of W1 has shape \(9, 12\), but needs \(12, 9\)"):
        check_gradient(made, images, labels, [(gradients[0][0].T, gradients[0][1]), *gradients[1:]])
    with pytest.raises(ValueError, match="shorter"):
        check_gradient(made, images, labels, gradients[:2])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_from_zero_all_neurons_of_a_layer_stay_alike(activation):
    made, (images, labels) = network(activation, "zero"), batch()
    train(made, images, labels, epochs=20, lr=0.5, batch_size=8)
    for weights in made.weights[:-1]:
        np.testing.assert_allclose(weights, np.repeat(weights[:, :1], weights.shape[1], axis=1), rtol=1e-10)
    if activation != "sigmoid":  # their value at 0 is 0, so no weight has a gradient
        assert not any(weights.any() for weights in made.weights)
    assert made.biases[-1].any()


def test_initialisations_have_the_spread_that_they_promise():
    spreads = {name: Network((400, 200, 10), initialisation=name).weights[0].std() for name in INITIALISATIONS}
    assert spreads == pytest.approx({"xavier": np.sqrt(2 / 600), "random": 0.01, "zero": 0.0}, rel=0.02)
    assert np.abs(Network((400, 200, 10)).weights[0]).max() <= np.sqrt(6 / 600)


def test_the_seed_decides_over_weights_and_order():
    images, labels = batch(50)

    def run(weight_seed, order_seed):
        made = Network(SIZES, seed=weight_seed)
        rows = train(made, images, labels, epochs=2, lr=0.1, batch_size=8, seed=order_seed)
        return [row["cost"] for row in rows]

    assert run(0, 0) == run(0, 0)
    assert len({tuple(run(0, 0)), tuple(run(1, 0)), tuple(run(0, 1))}) == 3


def test_the_cost_of_an_epoch_is_a_mean_over_images_and_the_last_batch_may_be_smaller():
    made, (images, labels) = network(), batch(50)
    (row,) = train(made, images, labels, epochs=1, lr=0.0, batch_size=16, l2=0.1, watched={"seen": (images, labels)})
    assert row["cost"] == pytest.approx(made.cost(images, labels), rel=1e-12)
    assert row["seen"] == 100 * (made.predict(images) == labels).mean()
    assert row["seconds"] > 0


def test_l2_makes_the_weights_smaller():
    images, labels = batch(50)
    norms = []
    for l2 in (0.0, 0.05):
        made = Network(SIZES)
        train(made, images, labels, epochs=20, lr=0.3, batch_size=10, l2=l2)
        norms.append(sum((weights**2).sum() for weights in made.weights))
    assert norms[1] < 0.8 * norms[0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Network(SIZES, "swish"), r"Activation 'swish' is not known: choose one of sigmoid, tanh, relu\."),
        (
            lambda: Network(SIZES, initialisation="he"),
            r"Initialisation 'he' is not known: choose one of xavier, random",
        ),
        (lambda: Network((12,)), r"two or more sizes, each 1 or more, but sizes is \(12,\)"),
        (lambda: Network((12, 0, 5)), r"two or more sizes, each 1 or more, but sizes is \(12, 0, 5\)"),
        (lambda: network().forward(np.zeros((3, 13))), r"images of shape \(N, 12\), but they are \(3, 13\)"),
        (lambda: network().predict(np.zeros(12)), r"images of shape \(N, 12\), but they are \(12,\)"),
        (lambda: network().cost(np.zeros((2, 12)), np.array([0, 5])), "Labels run from 0 to 5, but must lie in 0 to 4"),
        (lambda: network().cost(np.zeros((2, 12)), np.array([-1, 0])), "Labels run from -1 to 0"),
        (lambda: network().cost(np.zeros((2, 12)), np.array([0])), r"labels of shape \(2,\), but they are \(1,\)"),
        (
            lambda: train(network(), np.zeros((2, 12)), np.array([0, 9]), epochs=1, lr=0.1),
            "Labels run from 0 to 9, but must lie in 0 to 4",
        ),
        (
            lambda: train(network(), np.zeros((2, 12)), np.zeros((2, 1), int), epochs=1, lr=0.1),
            r"labels of shape \(2,\), but they are \(2, 1\)",
        ),
        (lambda: network().backward(np.array([0])), "call forward before backward"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_it_learns_the_digits(digits):
    images, labels = digits.train.images.flatten(1).numpy(), digits.train.labels.numpy()
    watched = {"test": (digits.test.images.flatten(1).numpy(), digits.test.labels.numpy())}
    rows = train(Network((784, 50, 10)), images, labels, epochs=15, lr=0.05, watched=watched)
    assert rows[-1]["test"] > 90
    assert rows[-1]["cost"] < 0.2 * rows[0]["cost"]


def test_the_room_loads_no_torch():
    script = "import sys, labkit.models.scratch; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
