import numpy as np
import pandas as pd
import torch
from scipy import ndimage, signal
from torch import nn
from torch.nn import functional

from labkit.models.networks import LeNet5


def correlate(image, kernel):
    height, width = kernel.shape
    result = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            result[i, j] = (image[i : i + height, j : j + width] * kernel).sum()
    return result


def correlate_in_lists(image, kernel):
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    return [
        [sum(image[i + k, j + m] * kernel[k, m] for k in range(height) for m in range(width)) for j in range(columns)]
        for i in range(rows)
    ]


def correlate_by_windows(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return torch.from_numpy((windows * kernel).sum((-1, -2)))


def correlate_by_weights(image, kernel):
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    return sum(kernel[k, m] * image[k : k + rows, m : m + columns] for k in range(height) for m in range(width))


def correlate_unfolded(image, kernel):
    pieces = functional.unfold(torch.from_numpy(image)[None, None], kernel.shape)
    sizes = [side - length + 1 for side, length in zip(image.shape, kernel.shape, strict=True)]
    return (torch.from_numpy(kernel).flatten() @ pieces[0]).reshape(sizes)


def as_tensors(image, kernel):
    return torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]


def products(image, kernel):
    return np.lib.stride_tricks.sliding_window_view(image, kernel.shape) * kernel


def first_piece(image, kernel):
    result = correlate(image, kernel)
    result[:] = result[0, 0]
    return result


def one_too_few(image, kernel):
    return correlate(image, kernel)[:-1, :-1]


def to_the_end(image, kernel):
    result = np.zeros(image.shape)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            result[i, j] = (image[i : i + kernel.shape[0], j : j + kernel.shape[1]] * kernel).sum()
    return result


def padded(image, kernel):
    above, left = (len(kernel) - 1) // 2, (kernel.shape[1] - 1) // 2
    sides = ((above, len(kernel) - 1 - above), (left, kernel.shape[1] - 1 - left))
    return correlate(np.pad(image, sides), kernel)


class Own(nn.Module):
    """LeNet-5 as two chains, right as it stands; subclasses spoil it."""

    def __init__(self, activation, pooling):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), activation(), pooling(2), nn.Conv2d(6, 16, 5), activation(), pooling(2)
        )
        self.classifier = nn.Sequential(
            nn.Linear(400, 120), activation(), nn.Linear(120, 84), activation(), nn.Linear(84, 10)
        )

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))


class Written(nn.Module):
    """The same, with its layers one by one, and its padding written out."""

    def __init__(self, activation, pooling):
        super().__init__()
        self.activation, self.pooling = activation(), pooling(2)
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.c5, self.f6, self.out = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images):
        maps = self.pooling(self.activation(self.c1(functional.pad(images, (2, 2, 2, 2)))))
        maps = self.pooling(self.activation(self.c3(maps)))
        return self.out(self.activation(self.f6(self.activation(self.c5(maps.flatten(1))))))


class AsIn1998(Own):
    """C5 is a convolution of 5 x 5 on maps of 5 x 5, as in the paper."""

    def __init__(self, activation, pooling):
        super().__init__(activation, pooling)
        self.features.append(nn.Conv2d(16, 120, 5))
        self.features.append(activation())
        del self.classifier[:2]


class Lazy(Own):
    def __init__(self, activation, pooling):
        super().__init__(activation, pooling)
        self.classifier[0] = nn.LazyLinear(120)


def spoilt(**modules):
    """A class as Own, with other modules: `classifier_3=nn.Identity` takes the place of `self.classifier[3]`."""

    def __init__(self, activation, pooling):
        Own.__init__(self, activation, pooling)
        for name, build in modules.items():
            part, _, place = name.partition("_")
            getattr(self, part)[int(place)] = build()

    return type("Spoilt", (Own,), {"__init__": __init__})


class PoolsFirst(Own):
    def __init__(self, activation, pooling):
        super().__init__(activation, pooling)
        for place in (1, 4):
            self.features[place], self.features[place + 1] = pooling(2), activation()


class InAnotherOrder(Own):
    def __init__(self, activation, pooling):
        super().__init__(activation, pooling)
        features = self._modules.pop("features")
        self.features = features


class WithSoftmax(Own):
    def forward(self, images):
        return super().forward(images).softmax(1)


class WithLogSoftmax(Own):
    def forward(self, images):
        return super().forward(images).log_softmax(1)


class WithoutFlatten(Own):
    def forward(self, images):
        return self.classifier(self.features(images))


class Wrapped(LeNet5):
    def __init__(self, activation, pooling):
        super().__init__("modern" if activation is nn.ReLU else "historical")


def field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side


def field_backwards(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


def field_late(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


def shift(images, right, down, fill):
    height, width = images.shape[2:]
    padded = functional.pad(images, (9, 9, 9, 9), value=fill)
    return padded[:, :, 9 - down : 9 - down + height, 9 - right : 9 - right + width]


def shift_by_rolling(images, right, down, fill):
    moved = torch.roll(images, (down, right), (2, 3))
    if down:
        moved[:, :, slice(0, down) if down > 0 else slice(down, None)] = fill
    if right:
        moved[:, :, :, slice(0, right) if right > 0 else slice(right, None)] = fill
    return moved


def shift_pixel_by_pixel(images, right, down, fill):
    moved = np.full(images.shape, fill)
    height, width = images.shape[2:]
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                moved[:, :, row, column] = images[:, :, row - down, column - right]
    return moved


def alone(truth, ours, theirs):
    first, second = ours == truth, theirs == truth
    return (first & ~second).sum(), (second & ~first).sum()


def alone_in_a_loop(truth, ours, theirs):
    counts = [0, 0]
    for label, a, b in zip(truth, ours, theirs, strict=True):
        if a == label != b:
            counts[0] += 1
        elif b == label != a:
            counts[1] += 1
    return counts


def surest(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(1))][:count]


def surest_sorted(probabilities, truth, count):
    wrong = [index for index, row in enumerate(probabilities) if row.argmax() != truth[index]]
    return sorted(wrong, key=lambda index: probabilities[index].max(), reverse=True)[:count]


def surest_of_zeros(probabilities, truth, count):
    sure = np.where(probabilities.argmax(1) != truth, probabilities.max(1), 0)
    return np.argsort(-sure)[:count]


def places_among_wrong(probabilities, truth, count):
    wrong = probabilities[probabilities.argmax(1) != truth]
    return np.argsort(-wrong.max(1))[:count]


def least_probable_truth(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(probabilities[wrong, truth[wrong]])][:count]


def largest_lead(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    sorted_by_class = np.sort(probabilities[wrong], axis=1)
    return wrong[np.argsort(sorted_by_class[:, -2] - sorted_by_class[:, -1])][:count]


RIGHT = {
    "8.1": [correlate, correlate_in_lists, correlate_by_windows, correlate_by_weights, correlate_unfolded],
    "8.2": [Own, Written, AsIn1998, Lazy],
    "8.3": [
        field,
        field_backwards,
        lambda layers: 1 + sum((k - 1) * np.prod([s for _, s in layers[:i]]) for i, (k, _) in enumerate(layers)),
        lambda layers: torch.tensor(field(layers)),
    ],
    "8.4": [shift, shift_by_rolling, shift_pixel_by_pixel],
    "8.5": [
        alone,
        alone_in_a_loop,
        lambda *arguments: np.array(alone(*arguments)),
        lambda *arguments: torch.tensor([float(count) for count in alone(*arguments)]),
    ],
    "8.6": [
        surest,
        surest_sorted,
        lambda *arguments: torch.from_numpy(surest(*arguments)),
        lambda *arguments: pd.Series(surest(*arguments)),
    ],
}
WRONG = {
    "8.1": [
        (lambda image, kernel: correlate(image, kernel[::-1, ::-1]), "kernel is turned round"),
        (lambda image, kernel: correlate(image, kernel) / kernel.size, "mean of the products"),
        (lambda image, kernel: correlate(image, np.ones_like(kernel)), "weights are missing"),
        (lambda image, kernel: products(image, kernel).max((2, 3)), "largest of the products"),
        (lambda image, kernel: products(image, kernel)[:, :, 0, 0], "Only the first weight"),
        (
            lambda image, kernel: image[: 1 - len(kernel), : 1 - kernel.shape[1]] * kernel.sum(),
            "Each place sees one pixel",
        ),
        (first_piece, "the value of the first"),
        (lambda image, kernel: correlate(image, kernel).astype(int), "cut to whole numbers"),
        (one_too_few, "A row and a column are missing"),
        (to_the_end, "do not fit"),
        (padded, "as large as the image"),
        (lambda image, kernel: correlate(image, kernel).T, "rows and columns are swapped"),
        (lambda image, kernel: correlate(image, kernel).sum(), "This is one number"),
        (lambda image, kernel: image[: len(kernel), : kernel.shape[1]] * kernel, "as large as the kernel"),
        (lambda image, kernel: correlate(image, kernel)[::2, ::2], "but (5, 7) is wanted"),
        (lambda image, kernel: correlate(image, kernel) + 1, "At the place (0, 0) it gives"),
        (lambda *arguments: functional.conv2d(*as_tensors(*arguments))[0, 0], "write this yourself"),
        (lambda image, kernel: signal.correlate2d(image, kernel, "valid"), "write this yourself"),
        (lambda image, kernel: ndimage.correlate(image, kernel), "write this yourself"),
        (functional.conv2d, "write this yourself"),
    ],
    "8.2": [
        (lambda activation, pooling: Own(nn.ReLU, nn.MaxPool2d), "it still uses ReLU and MaxPool2d"),
        (lambda activation, pooling: Own(nn.Tanh, pooling), "its activation is still Tanh"),
        (lambda activation, pooling: Own(activation, nn.MaxPool2d), "it still pools by MaxPool2d"),
        (WithSoftmax, "The outputs are probabilities"),
        (WithLogSoftmax, "logarithms of probabilities"),
        (spoilt(classifier_4=lambda: nn.Sequential(nn.Linear(84, 10), nn.ReLU())), "an activation behind it"),
        (spoilt(features_1=nn.Identity, features_4=nn.Identity), "behind the convolutions are missing"),
        (spoilt(classifier_1=nn.Identity, classifier_3=nn.Identity), "between the linear layers are missing"),
        (spoilt(features_4=nn.Identity), "behind C3 is missing"),
        (spoilt(classifier_3=nn.Identity), "behind F6 is missing"),
        (PoolsFirst, "It pools first"),
        (
            spoilt(features_0=lambda: nn.Conv2d(1, 6, 5), classifier_0=lambda: nn.Linear(256, 120)),
            "44,426 parameters, but LeNet-5 has 61,706. C5 has 256 inputs",
        ),
        (spoilt(classifier_0=lambda: nn.Linear(400, 120, bias=False)), "61,586 parameters, but"),
        (spoilt(features_0=lambda: nn.Conv2d(1, 6, 5)), "another number of inputs than it was made for"),
        (spoilt(features_0=lambda: nn.Conv2d(1, 6, 5, padding=2, padding_mode="reflect")), "the form with ReLU"),
        (spoilt(classifier_3=lambda: nn.Dropout(0.5)), "behind F6 is missing"),
        (spoilt(classifier_1=lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.5))), "In training mode"),
        (InAnotherOrder, "in another order"),
        (WithoutFlatten, "another number of inputs than it was made for"),
        (Own(nn.ReLU, nn.MaxPool2d), "your class itself, without brackets"),
        (Wrapped, "write this yourself"),
        (lambda: Own(nn.ReLU, nn.MaxPool2d), "more or fewer arguments"),
    ],
    "8.3": [
        (field_late, "add first, then multiply"),
        (lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers), "The strides are left out"),
        (lambda layers: 1 + sum((kernel - 1) * stride for kernel, stride in layers), "all layers before it count"),
        (lambda layers: sum(kernel for kernel, _ in layers), "its places overlap"),
        (lambda layers: np.prod([kernel for kernel, _ in layers]), "The kernels' sides are multiplied"),
        (lambda layers: field(layers) - 1, "One pixel is missing"),
        (lambda layers: np.prod([stride for _, stride in layers]), "This is the step between"),
        (lambda layers: layers[-1][0], "the last layer's kernel"),
        (lambda layers: field(layers) ** 2, "the length of its side"),
        (lambda layers: 16, "For the layers [(3, 1), (3, 1), (3, 1)] it returns 16"),
        (lambda layers: [field(layers)], "one number is wanted"),
    ],
    "8.4": [
        (lambda images, right, down, fill: images, "stay where they are"),
        (lambda images, right, down, fill: shift(images, right, down, 0.0), "the freed pixels are 0"),
        (lambda images, right, down, fill: torch.roll(images, (down, right), (2, 3)), "comes in again on the other"),
        (lambda images, right, down, fill: shift(images, -right, -down, fill), "opposite side"),
        (lambda images, right, down, fill: shift(images, down, right, fill), "directions are swapped"),
        (lambda images, right, down, fill: shift(images, right, 0, fill), "do not move down"),
        (lambda images, right, down, fill: shift(images, 0, down, fill), "do not move to the right"),
        (lambda images, right, down, fill: shift(images, -right, down, fill), "left and right are confused"),
        (lambda images, right, down, fill: shift(images, right, -down, fill), "up and down are confused"),
        (lambda images, right, down, fill: shift(images, abs(right), abs(down), fill), "must move to the left, or up"),
        (lambda images, right, down, fill: functional.pad(images, (9, 9, 9, 9), value=fill), "is wanted"),
        (lambda images, right, down, fill: torch.full_like(images, fill), "nothing is left"),
        (lambda images, right, down, fill: shift(images, right, down, fill) / 2, "not those of the moved"),
    ],
    "8.5": [
        (lambda *arguments: alone(*arguments)[::-1], "The two are swapped"),
        (lambda truth, ours, theirs: ((ours != truth).sum(), (theirs != truth).sum()), "These are all errors"),
        (lambda truth, ours, theirs: ((theirs != truth).sum(), (ours != truth).sum()), "These are all errors"),
        (lambda truth, ours, theirs: ((ours == truth).sum(), (theirs == truth).sum()), "all that each gets right"),
        (lambda truth, ours, theirs: (ours != theirs).sum(), "two numbers are wanted"),
        (lambda truth, ours, theirs: [(ours != theirs).sum()] * 2, "may both be wrong"),
        (
            lambda truth, ours, theirs: (
                ((ours == truth) & (theirs == truth)).sum(),
                ((ours != truth) & (theirs != truth)).sum(),
            ),
            "both are right, or both are wrong",
        ),
        (lambda *arguments: [count / len(arguments[0]) for count in alone(*arguments)], "These are shares"),
        (lambda truth, ours, theirs: (ours == truth, theirs == truth), "the images themselves"),
        (
            lambda truth, ours, theirs: (np.flatnonzero(ours == truth), np.flatnonzero(theirs == truth)),
            "the images themselves",
        ),
        (lambda *arguments: sum(alone(*arguments)), "two numbers are wanted"),
        (lambda *arguments: (3, 4), "It returns 3 and 4"),
    ],
    "8.6": [
        (places_among_wrong, "places among the wrong images"),
        (lambda probabilities, truth, count: np.argsort(-probabilities.max(1))[:count], "surest of all images"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 99)[::-1][:count], "least sure"),
        (lambda probabilities, truth, count: surest(probabilities, truth, count)[::-1], "the surest is not first"),
        (least_probable_truth, "not that of the true class"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 99), "all wrong images; the 3 surest"),
        (lambda probabilities, *_: np.sort(probabilities.max(1))[-3:], "indices of the images are wanted"),
        (surest_of_zeros, "the network gets right"),
        (largest_lead, "not its lead over the second class"),
        (lambda probabilities, truth, count: np.flatnonzero(probabilities.argmax(1) != truth)[:count], "the first of"),
        (lambda probabilities, truth, count: probabilities.argmax(1) != truth, "truth values"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 3), "surest first"),
        (lambda *arguments: surest(*arguments)[:, None], "a list is wanted"),
    ],
}
