import pytest
import torch
from torch import nn

from labkit.models.networks import CifarNet, LeNet5
from labkit.training import stacks
from labkit.training.stacks import ConvolutionStack


def padded():
    return nn.Sequential(
        nn.Conv2d(3, 4, 5), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), nn.Flatten(),
        nn.Linear(4 * 15 * 15, 10),
    )  # fmt: skip


def outcome(build, channels):
    """Return the logits of two networks and the gradients of all weights; and the kinds of the layers in order."""
    torch.manual_seed(0)
    stack = ConvolutionStack([build(), build()], 2, torch.device("cpu"))
    side = 28 if channels == 1 else 32
    logits = stack.logits(torch.randn(2, 8, channels, side, side))
    logits.square().sum().backward()
    return [logits, *(parameter.grad for parameter in [*stack.weights, *stack.small])], [*map(type, stack.layers)]


@pytest.mark.parametrize(("build", "channels", "swapped"), [(CifarNet, 3, 2), (LeNet5, 1, 2), (padded, 3, 1)])
def test_pooling_before_relu_changes_no_bit(build, channels, swapped, monkeypatch):
    pooled, order = outcome(build, channels)
    monkeypatch.setattr(stacks, "pooled_first", list)
    given, given_order = outcome(build, channels)
    assert sum(first != second for first, second in zip(order, given_order, strict=True)) == 2 * swapped
    assert all(torch.equal(first, second) for first, second in zip(pooled, given, strict=True))


def test_tanh_stays_before_pooling(monkeypatch):
    _, order = outcome(lambda: CifarNet(activation="tanh"), 3)
    monkeypatch.setattr(stacks, "pooled_first", list)
    assert outcome(lambda: CifarNet(activation="tanh"), 3)[1] == order
