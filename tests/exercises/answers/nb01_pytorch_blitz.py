import numpy as np
import torch
from torch import nn

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
    ],
    "1.2": [
        lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / (2 * h),
        lambda f, x, h=1e-5: torch.stack([(f(one + h) - f(one - h)) / h / 2 for one in x]),
    ],
    "1.3": [Plain, Written],
    "1.4": [
        lambda powers, error: 2 * powers @ error / len(error),
        lambda powers, error: [float(2 * (row * error).mean()) for row in powers],
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
        (lambda images: images - images.mean((0, 2, 3)), "must match the size of tensor b"),
    ],
    "1.2": [
        (lambda f, x, h: (f(x + h) - f(x)) / h, "difference to one side"),
        (lambda f, x, h: (f(x + h) - f(x - h)) / h, "2h apart"),
        (lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h), "the values are not"),
        (lambda f, x, h: ((f(x + h) - f(x - h)) / (2 * h)).mean(), "the shape (), but"),
    ],
    "1.3": [
        (WithSoftmax, "leave softmax away"),
        (WithoutFlatten, "a layer gets another number of inputs"),
        (Narrow, "parameters, but these layers have 62,006"),
        (WithAverages, "look at ReLU and pooling"),
        (InAnotherOrder, "in another order"),
        (CifarNet(), "without brackets"),
        (CifarNet, "the library's own does not count"),
        (Wrapped, "the library's own does not count"),
        (lambda: CifarNet(), "the library's own does not count"),
    ],
    "1.4": [
        (lambda powers, error: powers @ error / len(error), "factor 2"),
        (lambda powers, error: 2 * powers @ error, "gradient of the sum"),
        (lambda powers, error: -2 * powers @ error / len(error), "sign is turned round"),
        (lambda powers, error: np.zeros(4), "four derivatives are not right"),
    ],
}
