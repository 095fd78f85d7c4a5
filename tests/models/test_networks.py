from itertools import pairwise

import pytest
import torch
from torch import nn

from labkit.models.networks import (
    ACTIVATIONS,
    MLP,
    CifarNet,
    ConvNet,
    LeNet5,
    OneConvNet,
    count_parameters,
    make_activation,
)


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


def test_layer_norm_stands_before_the_activation_and_dropout_after_the_last_hidden_layer():
    model = MLP((30, 5), dropout=0.5, layer_norm=True)
    block = [nn.Linear, nn.LayerNorm, nn.ReLU]
    assert [type(module) for module in model] == [nn.Flatten, *block, *block, nn.Dropout, nn.Linear]
    assert count_parameters(model) == count_parameters(MLP((30, 5))) + 2 * (30 + 5)
    assert model[-2].p == 0.5


def convolution(fan_in, maps, side):
    return (fan_in * side * side + 1) * maps


@pytest.mark.parametrize("feature_maps", [(6, 16), (8, 16), (12, 28)])
@pytest.mark.parametrize("depth", [7, 9, 13])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cifarnet(feature_maps, depth, activation):
    model = CifarNet(feature_maps, depth, activation)
    first, second = feature_maps
    added = (depth - 7) // 2 * (convolution(first, first, 3) + convolution(second, second, 3))
    dense = (second * 25 + 1) * 120 + 121 * 84 + 85 * 10
    assert count_parameters(model) == convolution(3, first, 5) + convolution(first, second, 5) + added + dense
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.Linear))]
    assert len(layers) == depth
    assert sum(isinstance(module, type(make_activation(activation))) for module in model.modules()) == depth - 3


def test_the_blitz_network_has_62_006_parameters():
    assert count_parameters(CifarNet()) == 62_006


def test_one_conv_net():
    model = OneConvNet()
    assert count_parameters(model) == convolution(1, 28, 3) + 4733 * 128 + 129 * 10
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("build", [OneConvNet, ConvNet])
def test_pooling_before_relu_changes_no_bit(build):
    torch.manual_seed(0)
    model, images, labels = build().eval(), torch.randn(16, 1, 28, 28), torch.randint(10, (16,))
    relu_first = list(model)
    for place in range(len(relu_first) - 1):
        if isinstance(relu_first[place], nn.MaxPool2d) and isinstance(relu_first[place + 1], nn.ReLU):
            relu_first[place : place + 2] = relu_first[place + 1], relu_first[place]
    assert [*map(type, relu_first)] != [*map(type, model)]
    weights, found = list(model.parameters()), []
    for network in (model, nn.Sequential(*relu_first)):
        loss = nn.functional.cross_entropy(network(images), labels)
        found.append([loss, *torch.autograd.grad(loss, weights)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize(("kernel_size", "inputs"), [(3, 1600), (5, 1024)])
def test_conv_net(kernel_size, inputs):
    model = ConvNet(kernel_size, dropout=0.5)
    convolutions = convolution(1, 32, kernel_size) + convolution(32, 64, kernel_size)
    assert count_parameters(model) == convolutions + (inputs + 1) * 128 + 129 * 10
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert [module.p for module in model if isinstance(module, nn.Dropout)] == [0.5]


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
        (lambda: CifarNet(depth=8), "7, 9, 11"),
        (lambda: CifarNet((6,)), "two numbers of feature maps"),
        (lambda: ConvNet(4), "1, 3, 5 or 7"),
        (lambda: LeNet5("future"), "'historical' or 'modern'"),
    ],
)
def test_misuse_is_told(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_he_keeps_the_signal_through_many_layers_and_pytorchs_own_loses_it():
    def output(initialisation):
        torch.manual_seed(0)
        model = CifarNet(depth=13, initialisation=initialisation)
        return model(torch.randn(20, 3, 32, 32)).std(0).mean().item()

    assert output("he") > 0.1
    assert output("default") < 1e-3


def test_he_draws_every_layer_with_variance_2_by_fan_in_and_no_bias():
    torch.manual_seed(0)
    for layer in CifarNet((20, 30), 9, initialisation="he").modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            fan_in = layer.weight[0].numel()
            assert layer.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.1)
            assert not layer.bias.any()


def test_another_initialisation_leaves_the_default_network_as_it_was():
    torch.manual_seed(0)
    first = CifarNet()
    torch.manual_seed(0)
    second = CifarNet(initialisation="default", filter_size=5)
    assert repr(first) == repr(second)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize(("filter_size", "side"), [(3, 6), (5, 5), (7, 3), (9, 2)])
def test_the_filters_of_cifarnet_decide_what_reaches_c5(filter_size, side):
    model = CifarNet(filter_size=filter_size)
    assert model.classifier.C5.in_features == 16 * side * side
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_cifarnet_says_which_initialisations_and_filters_it_knows():
    with pytest.raises(ValueError, match="choose 'default' or 'he'"):
        CifarNet(initialisation="xavier")
    with pytest.raises(ValueError, match="filter_size is 4"):
        CifarNet(filter_size=4)
