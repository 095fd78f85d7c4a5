"""Every network of the lab. A leaf: imports torch only. All of them return logits, never probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def make_activation(name: str) -> nn.Module:
    """Return the activation of that name; ValueError names the known ones."""
    if name not in ACTIVATIONS:
        raise ValueError(f"Activation {name!r} is not known: choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]()


class MLP(nn.Sequential):
    """Multi-layer perceptron: images of `image_shape`, flattened, through `hidden_sizes` to `num_classes` logits.

    Input (N, C, H, W) float32, output (N, num_classes). MLP((300, 100)) is the 300-100 network of LeCun et al. 1998.
    """

    def __init__(
        self,
        hidden_sizes: Sequence[int],
        activation: str = "relu",
        image_shape: Sequence[int] = (1, 28, 28),
        num_classes: int = 10,
    ) -> None:
        sizes = [math.prod(image_shape), *hidden_sizes]
        if min(sizes) < 1:
            raise ValueError(f"Every hidden layer needs one neuron or more, but hidden_sizes is {tuple(hidden_sizes)}.")
        layers: list[nn.Module] = [nn.Flatten()]
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out), make_activation(activation)]
        super().__init__(*layers, nn.Linear(sizes[-1], num_classes))


class LeNet5(nn.Module):
    """LeNet-5 (LeCun et al. 1998, section II.B) for images of 1 x 28 x 28, padded to the 32 x 32 that it expects.

    C1 6@5x5, S2, C3 16@5x5, S4, C5 120, F6 84, output: 61,706 parameters for ten classes.
    variant: "historical" has tanh and average pooling, "modern" ReLU and max pooling. Both connect every map of S2 to
    every map of C3, pool without trainable weights, and end in a linear layer; the network of 1998 had a sparse
    C3, weights in its pooling and radial basis functions at its output.
    Input (N, 1, 28, 28) float32, output (N, num_classes).
    """

    def __init__(self, variant: str = "modern", num_classes: int = 10) -> None:
        super().__init__()
        if variant not in ("historical", "modern"):
            raise ValueError(f"LeNet-5 variant {variant!r} is not known: choose 'historical' or 'modern'.")
        modern = variant == "modern"

        def activation() -> nn.Module:
            return make_activation("relu" if modern else "tanh")

        def pool() -> nn.Module:
            return nn.MaxPool2d(2) if modern else nn.AvgPool2d(2)

        self.features = nn.Sequential()
        self.features.add_module("pad", nn.ZeroPad2d(2))
        self.features.add_module("C1", nn.Conv2d(1, 6, 5))
        self.features.add_module("C1_act", activation())
        self.features.add_module("S2", pool())
        self.features.add_module("C3", nn.Conv2d(6, 16, 5))
        self.features.add_module("C3_act", activation())
        self.features.add_module("S4", pool())
        self.classifier = nn.Sequential()
        self.classifier.add_module("flatten", nn.Flatten())
        self.classifier.add_module("C5", nn.Linear(400, 120))
        self.classifier.add_module("C5_act", activation())
        self.classifier.add_module("F6", nn.Linear(120, 84))
        self.classifier.add_module("F6_act", activation())
        self.classifier.add_module("output", nn.Linear(84, num_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (N, num_classes) of `images` (N, 1, 28, 28)."""
        logits: torch.Tensor = self.classifier(self.features(images))
        return logits


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
