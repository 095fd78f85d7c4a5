"""Every network of the lab. A leaf: imports torch only. All of them return logits, never probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
INITIALISATIONS = ("default", "he")  # of CifarNet
FILTER_SIZES = (3, 5, 7, 9)  # of CifarNet


def make_activation(name: str) -> nn.Module:
    """Return the activation of that name; ValueError names the known ones."""
    if name not in ACTIVATIONS:
        raise ValueError(f"Activation {name!r} is not known: choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]()


class MLP(nn.Sequential):
    """Multi-layer perceptron: images of `image_shape`, flattened, through `hidden_sizes` to `num_classes` logits.

    Input (N, C, H, W) float32, output (N, num_classes). MLP((300, 100)) is the 300-100 network of LeCun et al. 1998.
    dropout: share of the last hidden layer's outputs that training sets to 0 (Srivastava et al. 2014).
    layer_norm: normalise each hidden layer before its activation (Ba et al. 2016).
    """

    def __init__(
        self,
        hidden_sizes: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        layer_norm: bool = False,
        image_shape: Sequence[int] = (1, 28, 28),
        num_classes: int = 10,
    ) -> None:
        if not isinstance(hidden_sizes, Iterable):
            raise ValueError(
                f"hidden_sizes holds a width for each hidden layer, ({hidden_sizes},) with a comma where it is one, "
                f"but it is {hidden_sizes}."
            )
        sizes = [math.prod(image_shape), *hidden_sizes]
        if min(sizes) < 1:
            raise ValueError(f"Every hidden layer needs one neuron or more, but hidden_sizes is {tuple(hidden_sizes)}.")
        layers: list[nn.Module] = [nn.Flatten()]
        for fan_in, fan_out in pairwise(sizes):
            layers.append(nn.Linear(fan_in, fan_out))
            if layer_norm:
                layers.append(nn.LayerNorm(fan_out))
            layers.append(make_activation(activation))
        if dropout:
            layers.append(nn.Dropout(dropout))
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


class CifarNet(nn.Module):
    """The lab's family of CNNs for colour images; `CifarNet()` is the network of PyTorch's 60-minute blitz.

    feature_maps: maps of C1 and of C3, both of 5 x 5 filters.
    depth: layers, counted as in LeNet-5: C1, S2, C3, S4, C5, F6 and the output are 7. Each step of 2 adds a
        convolution of 3 x 3 filters (padding 1, so the size of the maps stays) behind C1 and one behind C3.
    activation: after every layer with weights but the output.
    initialisation: "default" is PyTorch's, with variance 1 / (3 fan-in); "he" draws weights with variance 2 / fan-in,
        which keeps the size of signals behind ReLU, and sets biases to 0 (He et al. 2015).
    filter_size: side of the filters of C1 and C3, odd; C5 gets as many inputs as they leave.
    Input (N, 3, 32, 32) float32, output (N, num_classes). `CifarNet()` has 62,006 parameters for ten classes.
    """

    def __init__(
        self,
        feature_maps: Sequence[int] = (6, 16),
        depth: int = 7,
        activation: str = "relu",
        num_classes: int = 10,
        initialisation: str = "default",
        filter_size: int = 5,
    ) -> None:
        super().__init__()
        if depth < 7 or depth % 2 == 0:
            raise ValueError(f"CifarNet has 7, 9, 11, ... layers, but depth is {depth}.")
        if len(feature_maps) != 2 or min(feature_maps) < 1:
            raise ValueError(f"CifarNet needs two numbers of feature maps, 1 or more, but has {tuple(feature_maps)}.")
        if filter_size not in FILTER_SIZES:
            raise ValueError(f"CifarNet's filters have a side of 3, 5, 7 or 9, but filter_size is {filter_size}.")
        if initialisation not in INITIALISATIONS:
            raise ValueError(f"Initialisation {initialisation!r} is not known: choose 'default' or 'he'.")
        self.features = nn.Sequential()
        fan_in = 3
        for name, pool, maps in zip(("C1", "C3"), ("S2", "S4"), feature_maps, strict=True):
            self.features.add_module(name, nn.Conv2d(fan_in, maps, filter_size))
            self.features.add_module(f"{name}_act", make_activation(activation))
            for extra in range(2, 2 + (depth - 7) // 2):
                self.features.add_module(f"{name}_{extra}", nn.Conv2d(maps, maps, 3, padding=1))
                self.features.add_module(f"{name}_{extra}_act", make_activation(activation))
            self.features.add_module(pool, nn.MaxPool2d(2))
            fan_in = maps
        side = ((32 - filter_size + 1) // 2 - filter_size + 1) // 2
        self.classifier = nn.Sequential()
        self.classifier.add_module("flatten", nn.Flatten())
        self.classifier.add_module("C5", nn.Linear(feature_maps[1] * side * side, 120))
        self.classifier.add_module("C5_act", make_activation(activation))
        self.classifier.add_module("F6", nn.Linear(120, 84))
        self.classifier.add_module("F6_act", make_activation(activation))
        self.classifier.add_module("output", nn.Linear(84, num_classes))
        if initialisation == "he":
            initialise_he(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (N, num_classes) of `images` (N, 3, 32, 32)."""
        logits: torch.Tensor = self.classifier(self.features(images))
        return logits


class OneConvNet(nn.Sequential):
    """One convolution of 28 maps 3 x 3, max pooling, ReLU, and linear layers 4732-128-10 with dropout 0.2 between.

    Pooled first, ReLU gets a quarter of the values, and the result is the same to the last bit: ReLU never changes
    which of four values is the largest that counts. A training step takes 0.7 of the time (benchmarks/inner_loop.py).
    Input (N, 1, 28, 28) float32, output (N, num_classes).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 28, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(28 * 13 * 13, 128),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(128, num_classes),
        )


class ConvNet(nn.Sequential):
    """Two convolutions of 32 and 64 maps, each with max pooling and ReLU, then linear layers with 128 hidden neurons.

    Pooled first, as in OneConvNet.
    kernel_size: side of the filters, odd, without padding.
    dropout: share of the hidden neurons that training sets to 0.
    Input (N, 1, 28, 28) float32, output (N, num_classes).
    """

    def __init__(self, kernel_size: int = 3, dropout: float = 0.2, num_classes: int = 10) -> None:
        if kernel_size not in (1, 3, 5, 7):
            raise ValueError(f"ConvNet's filters have a side of 1, 3, 5 or 7, but kernel_size is {kernel_size}.")
        side = ((28 - kernel_size + 1) // 2 - kernel_size + 1) // 2
        super().__init__(
            nn.Conv2d(1, 32, kernel_size),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * side * side, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, num_classes),
        )


def initialise_he(model: nn.Module) -> None:
    """Draw all weights of convolutions and linear layers with variance 2 / fan-in; biases become 0 (He et al. 2015)."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
