import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from labkit.models.networks import CifarNet


def in_a_loop(images):
    ready = images.clone()
    for channel in range(3):
        ready[:, channel] = (images[:, channel] - images[:, channel].mean()) / images[:, channel].std(correction=0)
    return ready


class Plain(nn.Module):
    """Another way to write the network of exercise 1.3, right as it stands; subclasses spoil it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))


class Written(nn.Module):
    """The same, with its layers one by one."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.pool = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images):
        maps = self.pool(self.conv2(self.pool(self.conv1(images).relu())).relu())
        return self.fc3(self.fc2(self.fc1(maps.flatten(1)).relu()).relu())


class Wrapped(CifarNet):
    """The course's own network under a name of one's own."""


class WithSoftmax(Plain):
    def forward(self, images):
        return super().forward(images).softmax(1)


class WithoutFlatten(Plain):
    def forward(self, images):
        return self.classifier(self.features(images))


class Narrow(Plain):
    def __init__(self):
        super().__init__()
        self.classifier[2], self.classifier[4] = nn.Linear(120, 64), nn.Linear(64, 10)


class WithAverages(Plain):
    def __init__(self):
        super().__init__()
        self.features[2] = self.features[5] = nn.AvgPool2d(2)


class Lazy(Plain):
    """Its layers find out by themselves how many numbers they get."""

    def __init__(self):
        super().__init__()
        self.classifier[0] = nn.LazyLinear(120)
        self.features[0] = nn.LazyConv2d(6, 5)


class WithLogSoftmax(Plain):
    def forward(self, images):
        return super().forward(images).log_softmax(1)


class WithDropout(Plain):
    def __init__(self):
        super().__init__()
        self.classifier.insert(4, nn.Dropout(0.5))


class Printing(Plain):
    def forward(self, images):
        print(super().forward(images))


class WithoutSuper(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(3, 6, 5)


class WithBorder(Plain):
    def __init__(self):
        super().__init__()
        self.features[0] = nn.Conv2d(3, 6, 5, padding=2)


def with_layers(**changes):
    """Return the network with one of its parts replaced: feature2 is the second pooling, classifier1 a ReLU."""

    class Changed(Plain):
        def __init__(self):
            super().__init__()
            for name, layer in changes.items():
                getattr(self, name[:-1])[int(name[-1])] = layer

    return Changed


def by_autograd(powers, error):
    coefficients = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    ((coefficients @ torch.as_tensor(powers) + torch.as_tensor(error)) ** 2).mean().backward()
    return coefficients.grad if isinstance(powers, torch.Tensor) else coefficients.grad.numpy()


def number_by_number(data):
    return [int.from_bytes(data[4 * place : 4 * place + 4], "big") for place in range(data[3] + 1)]


def by_hand(data):
    numbers = []
    for place in range(0, 4 + 4 * data[3], 4):
        first, second, third, fourth = data[place : place + 4]
        numbers.append(((first * 256 + second) * 256 + third) * 256 + fourth)
    return tuple(numbers)


class InAnotherOrder(nn.Module):
    def __init__(self):
        super().__init__()
        plain = Plain()
        self.classifier, self.features = plain.classifier, plain.features

    forward = Plain.forward


RIGHT = {
    "1.1": [
        lambda images: (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True),
        in_a_loop,
        lambda images: (
            (images.numpy() - images.numpy().mean((0, 2, 3), keepdims=True))
            / np.std(images.numpy(), (0, 2, 3), keepdims=True)
        ),
        lambda images: (
            (x := images.transpose(0, 1)).sub(x.mean((1, 2, 3))[:, None, None, None])
            / (x.std((1, 2, 3))[:, None, None, None])
        ).transpose(0, 1),
    ],
    "1.2": [
        lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / (2 * h),
        lambda f, x, h=1e-5: torch.stack([(f(one + h) - f(one - h)) / h / 2 for one in x]),
        lambda f, x, h=1e-5: torch.tensor([(f(one + h) - f(one - h)) / (2 * h) for one in x.tolist()]),
    ],
    "1.3": [Plain, Written, Lazy],
    "1.4": [
        lambda powers, error: 2 * powers @ error / len(error),
        lambda powers, error: 2 * (powers * error).mean(1),
        lambda powers, error: (np if isinstance(error, np.ndarray) else torch).stack(
            [2 * (row * error).mean() for row in powers]
        ),
    ],
    "1.5": [
        number_by_number,
        by_hand,
        lambda data: struct.unpack(f">{data[3] + 1}I", data[: 4 * data[3] + 4]),
        lambda data: np.frombuffer(data, ">i4", data[3] + 1),
        lambda data: torch.tensor(list(data[: 4 * data[3] + 4])).reshape(-1, 4) @ torch.tensor([2**24, 2**16, 256, 1]),
        lambda data: [*struct.unpack_from(">i", data), *struct.unpack_from(f">{data[3]}i", data, 4)],
    ],
}

WRONG = {
    "1.1": [
        (lambda images: (images - images.mean()) / images.std(), "share one mean"),
        (lambda images: images - images.mean((0, 2, 3), keepdim=True), "standard deviations are not 1"),
        (
            lambda images: (images - images.mean((0, 2, 3), keepdim=True)) / images.var((0, 2, 3), keepdim=True),
            "divides by the variance",
        ),
        (lambda images: images.mean((0, 2, 3)), "the shape (3,), but (20, 3, 32, 32) is wanted"),
        (lambda images: images - images.mean((0, 2, 3)), "keepdim=True"),
        (
            lambda images: (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True),
            "Each image has a mean",
        ),
        (lambda images: images / images.std((0, 2, 3), keepdim=True), "the mean is not taken off"),
        (lambda images: (images - 0.5) / 0.5, "The means of the three channels"),
        (
            lambda images: (
                (images - images.amin((0, 2, 3), True)) / (images.amax((0, 2, 3), True) - images.amin((0, 2, 3), True))
            ),
            "between 0 and 1",
        ),
        (nn.BatchNorm2d(3, affine=False), "the library's own does not count"),
        (lambda images: nn.BatchNorm2d(3, affine=False)(images), "the library's own does not count"),
        (lambda images: functional.batch_norm(images, None, None, training=True), "the library's own does not count"),
    ],
    "1.2": [
        (lambda f, x, h: (f(x + h) - f(x)) / h, "to one side, to the right"),
        (lambda f, x, h: (f(x) - f(x - h)) / h, "to one side, to the left"),
        (lambda f, x, h: (f(x + h) - f(x - h)) / h, "2h apart"),
        (lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h), "sign is turned round"),
        (lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h, "multiplies by h"),
        (lambda f, x, h: f(x + h) - f(x - h) / (2 * h), "brackets around the difference"),
        (lambda f, x, h: f(x + h) - f(x - h), "not divided"),
        (lambda f, x, h: (f(x + h) + f(x - h)) / (2 * h), "are added"),
        (lambda f, x, h: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5, "use the h that is given"),
        (lambda f, x, h: torch.func.vmap(torch.func.grad(f))(x), "use the h that is given"),
        (lambda f, x, h: (f(x + h) - f(x - h)) / (3 * h), "not those of the central difference"),
        (lambda f, x, h: ((f(x + h) - f(x - h)) / (2 * h)).mean(), "the shape (), but"),
        (lambda f, x, h: [float((f(one + h) - f(one - h)) / (2 * h)) for one in x], "a tensor for tensors"),
        (lambda f, x, h: ((f(x + h) - f(x - h)) / (2 * h)).numpy(), "a tensor for tensors"),
    ],
    "1.3": [
        (WithSoftmax, "leave softmax away"),
        (WithLogSoftmax, "leave log_softmax away"),
        (WithoutFlatten, "a layer gets another number of inputs"),
        (Narrow, "parameters, but these layers have 62,006"),
        (WithAverages, "It pools the mean"),
        (with_layers(features1=nn.Identity(), features4=nn.Identity()), "ReLU is missing behind the convolutions"),
        (with_layers(classifier1=nn.Identity(), classifier3=nn.Identity()), "between the linear layers"),
        (with_layers(classifier3=nn.Identity()), "behind layer 4"),
        (with_layers(classifier4=nn.Sequential(nn.Linear(84, 10), nn.ReLU())), "The last layer has a ReLU"),
        (with_layers(classifier1=nn.Tanh()), "look at ReLU and pooling"),
        (WithBorder, "a layer gets another number of inputs"),
        (WithDropout, "In training mode"),
        (Printing, "returns None: does its last line say `return`?"),
        (WithoutSuper, "super().__init__()"),
        (InAnotherOrder, "in another order"),
        (CifarNet(), "without brackets"),
        (CifarNet, "the library's own does not count"),
        (Wrapped, "the library's own does not count"),
        (lambda: CifarNet(), "the library's own does not count"),
    ],
    "1.4": [
        (lambda powers, error: powers @ error / len(error), "factor 2"),
        (lambda powers, error: 2 * powers @ error, "gradient of the sum"),
        (lambda powers, error: powers @ error, "a mean over the points, and the factor 2"),
        (lambda powers, error: -2 * powers @ error / len(error), "sign is turned round"),
        (lambda powers, error: 2 * (powers @ error) / len(powers), "not by that of points"),
        (lambda powers, error: 2 * powers @ error**2 / len(error), "The error is squared"),
        (lambda powers, error: (2 * powers).mean(1), "The error is missing"),
        (lambda powers, error: np.flip(np.asarray(2 * powers @ error / len(error))), "in the wrong order"),
        (lambda powers, error: np.zeros(4), "four derivatives are not right"),
        (lambda powers, error: [float(2 * (row * error).mean()) for row in powers], "and no list"),
        (lambda powers, error: np.asarray(2 * powers @ error) / len(error), "a tensor for tensors"),
        (lambda powers, error: torch.as_tensor(2 * powers @ error) / len(error), "an array for arrays"),
        (by_autograd, "the library's own does not count"),
        (lambda powers, error: error @ powers, "want .T?"),
    ],
    "1.5": [
        (lambda data: [int.from_bytes(data[i : i + 4], "little") for i in range(0, 4 * data[3] + 4, 4)], "big-endian"),
        (lambda data: np.frombuffer(data, np.int32, data[3] + 1), "big-endian"),
        (lambda data: number_by_number(data)[1:], "magic number is missing"),
        (lambda data: np.frombuffer(data, np.int32, data[3], 4), "is missing, too"),
        (lambda data: struct.unpack(">4i", data[:16]), "how many sizes follow it"),
        (lambda data: number_by_number(data)[:-1], "The last size is missing"),
        (lambda data: [data[3], *number_by_number(data)[1:]], "not the last of them alone"),
        (lambda data: [data[2], *number_by_number(data)[1:]], "not the third of them alone"),
        (lambda data: list(data[: data[3] + 1]), "single bytes"),
        (lambda data: list(data[: 4 * data[3] + 4]), "single bytes"),
        (lambda data: struct.unpack_from(f">{data[3] + 1}h", data), "yours take two"),
        (lambda data: struct.unpack_from(f">{data[3] + 1}i", data, 4), "begins at the fifth byte"),
        (lambda data: number_by_number(data)[::-1], "turned round"),
        (lambda data: np.frombuffer(data[: len(data) // 4 * 4], ">i4"), "behind the header"),
        (lambda data: [2051, 10_000, 28, 28], "but its header says"),
        (lambda data: [2051], "holds 4 numbers, but your function returns 1"),
        (lambda data: 2051, "a list is wanted"),
        (lambda data: struct.unpack(">4i", data), "4i"),
    ],
}
