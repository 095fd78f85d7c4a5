from itertools import pairwise

import pytest
import torch
from torch import nn

from labkit.models import ACTIVATIONS, MLP, LeNet5, count_parameters, make_activation


@pytest.mark.parametrize("variant", ["historical", "modern"])
def test_lenet5(variant):
    model = LeNet5(variant)
    assert count_parameters(model) == 61_706
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    kinds = {type(module) for module in model.modules()}
    assert ({nn.Tanh, nn.AvgPool2d} if variant == "historical" else {nn.ReLU, nn.MaxPool2d}) <= kinds


@pytest.mark.parametrize("hidden_sizes", [(), (1,), (300,), (300, 100), [7, 6, 5]])
@pytest.mark.parametrize(("image_shape", "num_classes"), [((1, 28, 28), 10), ((3, 32, 32), 4)])
def test_mlp_has_as_many_parameters_as_the_formula_says(hidden_sizes, image_shape, num_classes):
    inputs = image_shape[0] * image_shape[1] * image_shape[2]
    sizes = [inputs, *hidden_sizes, num_classes]
    model = MLP(hidden_sizes, image_shape=image_shape, num_classes=num_classes)
    assert count_parameters(model) == sum((a + 1) * b for a, b in pairwise(sizes))
    assert model(torch.zeros(2, *image_shape)).shape == (2, num_classes)


def test_mlp_agrees_with_its_formula():
    model = MLP((5,), activation="tanh")
    images = torch.rand(4, 1, 28, 28)
    w1, b1, w2, b2 = model.parameters()
    expected = torch.tanh(images.flatten(1) @ w1.T + b1) @ w2.T + b2
    assert torch.allclose(model(images), expected, atol=1e-6)


def test_frozen_parameters_are_not_counted():
    model = MLP((4,))
    model[1].requires_grad_(False)
    assert count_parameters(model) == 5 * 10


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    values = torch.linspace(-3, 3, 7)
    assert torch.equal(make_activation(name)(values), getattr(torch, name)(values))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MLP((0,)), "one neuron or more"),
        (lambda: MLP((30, -1)), "one neuron or more"),
        (lambda: MLP((30,), activation="gelu"), "relu, tanh, sigmoid"),
        (lambda: LeNet5("future"), "'historical' or 'modern'"),
    ],
)
def test_misuse_is_told(build, message):
    with pytest.raises(ValueError, match=message):
        build()
