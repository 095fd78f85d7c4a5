import numpy as np
import torch
from torch import dropout as imported_dropout
from torch import layer_norm as imported_layer_norm
from torch import nn
from torch.nn import functional
from torchvision import transforms


def dropout(values, p):
    return values * (torch.rand_like(values) >= p) / (1 - p)


def dropout_in_place(values, p):
    values[torch.rand(values.shape) < p] = 0
    values /= 1 - p
    return values


def always_as_many(values, p):
    order = torch.randperm(values.numel()).reshape(values.shape)
    return values * (order >= round(p * values.numel())) / (1 - p)


def with_a_seed(values, p):
    torch.manual_seed(3)
    return dropout(values, p)


def layer_norm(values, correction=0, dim=1, inside=1e-5, outside=0.0):
    centred = values - values.mean(dim, keepdim=True)
    return centred / ((values.var(dim, correction=correction, keepdim=True) + inside).sqrt() + outside)


def layer_norm_by_rows(values):
    rows = []
    for row in values.tolist():
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        rows.append([(value - mean) / (variance + 1e-5) ** 0.5 for value in row])
    return rows


def accuracy(model, images, labels):
    mode = model.training
    model.eval()
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    model.train(mode)
    return right.float().mean().item()


def accuracy_of_a_decorated(model, images, labels):
    @torch.inference_mode()
    def measured():
        return (model(images).argmax(dim=1) == labels).sum() / len(labels)

    before = model.training
    try:
        return measured() if not model.eval().training else None
    finally:
        if before:
            model.train()


def measured(model, images, labels, before=True, after=None, factor=1.0):
    mode = model.training
    if before:
        model.eval()
    with torch.no_grad():
        share = (model(images).argmax(1) == labels).float().mean().item()
    if after is not None:
        model.train(after)
    elif before:
        model.train(mode)
    return factor * share


def with_gradients(model, images, labels):
    mode = model.training
    share = (model.eval()(images).argmax(1) == labels).float().mean().item()
    model.train(mode)
    return share


def without_gradients_for_ever(model, images, labels):
    torch.set_grad_enabled(False)
    return measured(model, images, labels)


def moved(images, reach, padding="constant"):
    padded = functional.pad(images, [reach] * 4, mode=padding)
    height, width = images.shape[2:]
    starts = torch.randint(2 * reach + 1, (len(images), 2)).tolist()
    return torch.stack([image[:, y : y + height, x : x + width] for image, (y, x) in zip(padded, starts, strict=True)])


def shift(image, down, across):
    result = torch.roll(image, (down, across), (1, 2))
    if down:
        result[:, slice(0, down) if down > 0 else slice(down, None)] = 0
    if across:
        result[:, :, slice(0, across) if across > 0 else slice(across, None)] = 0
    return result


def moved_by(images, steps):
    return torch.stack([shift(image, int(y), int(x)) for image, (y, x) in zip(images, steps, strict=True)])


def moved_one_by_one(images, reach):
    return [shift(image, *np.random.randint(-reach, reach + 1, 2).tolist()) for image in images]  # noqa: NPY002


def moved_with_a_seed(images, reach):
    torch.manual_seed(3)
    return moved(images, reach)


def rolled(images, reach):
    steps = torch.randint(-reach, reach + 1, (len(images), 2)).tolist()
    return torch.stack([torch.roll(image, step, (1, 2)) for image, step in zip(images, steps, strict=True)])


def drawn(images, low, high):
    return torch.randint(low, high, (len(images), 2))


OWN = "the library's own does not count"


RIGHT = {
    "7.1": [
        dropout,
        dropout_in_place,
        lambda values, p: values * torch.bernoulli(torch.full_like(values, 1 - p)) / (1 - p),
        lambda values, p: np.where(np.random.rand(*values.shape) < p, 0, values / (1 - p)),  # noqa: NPY002
        lambda values, p: [dropout(row, p) for row in values],
    ],
    "7.2": [layer_norm, layer_norm_by_rows, lambda values: layer_norm(values.clone())],
    "7.3": [
        lambda neurons, p: (neurons * (1 - p), p**neurons),
        lambda neurons, p: [round(neurons - neurons * p, 3), round(float(np.prod(np.full(neurons, p))), 3)],
    ],
    "7.4": [accuracy, accuracy_of_a_decorated, measured],
    "7.5": [
        moved,
        moved_one_by_one,
        lambda images, reach: moved_by(images, drawn(images, -reach, reach + 1)),
        lambda images, reach: torch.stack(
            [transforms.RandomCrop(tuple(image.shape[1:]), padding=reach)(image) for image in images]
        ),
    ],
}
WRONG = {
    "7.1": [
        (lambda values, p: functional.dropout(values, p), "the library's own does not count"),
        (lambda values, p: nn.Dropout(p)(values), "the library's own does not count"),
        (lambda values, p: values * (torch.rand_like(values) >= p), "not scaled"),
        (lambda values, p: values * (torch.rand_like(values) < p) / (1 - p), "not to keep it"),
        (lambda values, p: values * (torch.rand_like(values) < p) / p, "not to keep it"),
        (lambda values, p: values * (torch.rand_like(values) >= p) * p, "are multiplied by p"),
        (lambda values, p: values * (torch.rand_like(values) >= p) * (1 - p), "are multiplied by 1 - p"),
        (lambda values, p: values * (torch.rand(len(values), 1) >= p) / (1 - p), "Whole rows or columns"),
        (lambda values, p: values * (torch.rand(values.shape[1]) >= p) / (1 - p), "Whole rows or columns"),
        (lambda values, p: values * (torch.randn_like(values) >= p) / (1 - p), "drops a share of"),
        (lambda values, p: dropout(values[0], p), "is wanted"),
        (with_a_seed, "Two calls drop the same entries"),
        (always_as_many, "always drops the same number"),
        (lambda values, p: torch.native_dropout(values, p, True)[0], "the library's own does not count"),
        (lambda values, p: torch.feature_dropout(values, p, True), "the library's own does not count"),
        (lambda values, p: torch.ops.aten.dropout(values, p, True), "the library's own does not count"),
        (lambda values, p: torch.ops.aten.native_dropout.default(values, p, True)[0], "the library's own does not"),
        (lambda values, p: imported_dropout(values, p, True), "the library's own does not count"),
        (functional.dropout, "the library's own does not count"),
        (lambda values, p: values * (values >= p) / (1 - p), "drops a share of"),
        (lambda values, p: values * (torch.rand(1) >= p) / (1 - p), "drops a share of"),
        (lambda values, p: values * (torch.rand_like(values) >= 0.5) / 0.5, "drops a share of"),
        (lambda values, p: dropout(values, p) * 1.01, "not 1 / (1 - p) times"),
    ],
    "7.2": [
        (lambda values: nn.LayerNorm(values.shape[1])(values), "the library's own does not count"),
        (lambda values: functional.layer_norm(values, values.shape[1:]), "the library's own does not count"),
        (lambda values: layer_norm(values, correction=1), "divide by n, not n - 1"),
        (lambda values: layer_norm(values, dim=0), "over the images"),
        (lambda values: layer_norm(values, inside=0), "1e-5 is missing"),
        (lambda values: layer_norm(values, inside=0, outside=1e-5), "before the root"),
        (lambda values: layer_norm(values, inside=1e-3), "very small numbers"),
        (lambda values: values - values.mean(1, keepdim=True), "not divided by"),
        (lambda values: (values - values.mean()) / values.std(correction=0), "for the whole batch"),
        (lambda values: values - values.mean(1), "must match the size"),
        (lambda values: torch.where(values.var(1, keepdim=True) > 0, layer_norm(values), torch.nan), "gives NaN"),
        (lambda values: torch.ops.aten.native_layer_norm.default(values, [values.shape[1]], None, None, 1e-5)[0], OWN),
        (lambda values: imported_layer_norm(values, values.shape[1:]), OWN),
        (lambda values: nn.GroupNorm(1, values.shape[1])(values), OWN),
        (lambda values: nn.InstanceNorm1d(1)(values[:, None])[:, 0], OWN),
        (lambda values: values / (values.square().mean(1, keepdim=True) + 1e-5).sqrt(), "is not subtracted"),
        (lambda values: functional.normalize(values - values.mean(1, keepdim=True)), "divide the sum of squares by n"),
        (lambda values: layer_norm(values, inside=1e-6), "very small numbers"),
        (lambda values: layer_norm(values, correction=0)[0], "is wanted"),
    ],
    "7.3": [
        (lambda neurons, p: (neurons * p, (1 - p) ** neurons), "not that it survives"),
        (lambda neurons, p: (neurons * (1 - p), 1 - p**neurons), "at least one survives"),
        (lambda neurons, p: (neurons * (1 - p), (1 - p) ** neurons), "that all survive"),
        (lambda neurons, p: (neurons * p, p**neurons), "neurons that are dropped"),
        (lambda neurons, p: (p**neurons, neurons * (1 - p)), "in the other order"),
        (lambda neurons, p: neurons * (1 - p), "two numbers are wanted"),
        (lambda neurons, p: (2.0, 0.078), "is not right"),
        (lambda neurons, p: (round(neurons * (1 - p)), p**neurons), "need not be a whole number"),
        (lambda neurons, p: (neurons * (1 - p), p**5), "five neurons, whatever"),
        (lambda neurons, p: (5 * (1 - p), p**5), "five neurons, whatever"),
        (lambda neurons, p: (neurons * (1 - p), p ** (neurons - 1)), "Each neuron has its factor p"),
        (lambda neurons, p: (neurons * (1 - p), p * neurons), "multiplied, not added"),
        (lambda neurons, p: (neurons * (1 - p), 100 * p**neurons), "in percent"),
        (lambda neurons, p: (neurons * (1 - p), round(p**neurons, 2)), "leave all its digits"),
        (lambda neurons, p: (torch.tensor([neurons * (1 - p)]), torch.tensor([p**neurons])), "is wanted"),
    ],
    "7.4": [
        (lambda model, images, labels: measured(model, images, labels, before=False), "in training mode while"),
        (lambda model, images, labels: measured(model, images, labels, after=False), "left in evaluation mode"),
        (lambda model, images, labels: measured(model, images, labels, after=True), "remember the mode it had"),
        (with_gradients, "Gradients are recorded"),
        (without_gradients_for_ever, "training would fail"),
        (lambda model, images, labels: measured(model, images, labels, factor=100), "It returns percent"),
        (lambda model, images, labels: measured(model, images, labels, factor=len(labels)), "the number of right"),
        (lambda model, images, labels: 1 - measured(model, images, labels), "the share of wrong images"),
        (lambda model, images, labels: 0.5, "never go through the network"),
        (lambda model, images, labels: measured(model, images, labels) / 2, "but it returns"),
    ],
    "7.5": [
        (lambda images, reach: images, "in the same way: each needs"),
        (lambda images, reach: moved_by(images, drawn(images, -reach, reach + 1)[:1].repeat(len(images), 1)), "each"),
        (moved_with_a_seed, "Two calls move the images"),
        (rolled, "comes in again on the other"),
        (lambda images, reach: moved(images, reach, "replicate"), "repeats the image's last pixels"),
        (lambda images, reach: moved(images, reach + 1), "some images are moved by"),
        (lambda images, reach: moved(images, reach).flip(0), "in another order"),
        (lambda images, reach: moved_by(images, drawn(images, -reach, reach)), "the upper bound"),
        (lambda images, reach: moved_by(images, drawn(images, 0, reach + 1)), "No image is moved -"),
        (
            lambda images, reach: moved_by(images, drawn(images, -reach, reach + 1) * torch.tensor([1, 0])),
            "up and down only",
        ),
        (
            lambda images, reach: moved_by(images, drawn(images, -reach, reach + 1)[:, :1].repeat(1, 2)),
            "along a diagonal",
        ),
        (
            lambda images, reach: moved_by(
                images, (torch.randn(len(images), 2) * reach / 2).round().clamp(-reach, reach)
            ),
            "much more frequent",
        ),
        (lambda images, reach: moved(images, reach) * 0.9, "not the old ones moved by whole pixels"),
        (lambda images, reach: functional.pad(images, [reach] * 4), "is wanted"),
    ],
}
