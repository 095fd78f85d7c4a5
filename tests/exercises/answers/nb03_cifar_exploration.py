import numpy as np
import torch
from torch import nn
from torch.nn import functional

from labkit.models.networks import CifarNet, initialise_he

WITH_WEIGHTS = (nn.Conv2d, nn.Linear)


def side_by_pytorch(side, filter_size, padding=0, stride=1):
    layer = nn.Conv2d(1, 1, filter_size, stride, padding)
    return layer(torch.zeros(1, 1, side, side)).shape[-1]


def side_by_counting(side, filter_size, padding=0, stride=1):
    return len([start for start in range(-padding, side + padding - filter_size + 1, stride)])  # noqa: C416


def signal(of=lambda output: output.std(0).mean().item(), kinds=WITH_WEIGHTS):
    """Return a function that gives `of` of each such layer's output."""

    def signal_by_layer(model, images):
        found = []
        layers = [module for module in model.modules() if isinstance(module, kinds)]
        hooks = [layer.register_forward_hook(lambda _, __, output: found.append(of(output))) for layer in layers]
        with torch.no_grad():
            model(images)
        for hook in hooks:
            hook.remove()
        return found

    return signal_by_layer


def signal_by_walking(model, images):
    """Without hooks, and without no_grad."""
    values, found = images, []
    for module in [*model.features, *model.classifier]:
        values = module(values)
        if hasattr(module, "weight"):
            found.append(values.flatten(1).std(0).mean())
    return torch.stack(found)


def signal_by_numpy(model, images):
    return np.array(signal(lambda output: float(output.numpy().std(0).mean()))(model, images))


def behind_activations(model, images):
    values, found = images, []
    leaves = [*model.features, *model.classifier]
    with torch.no_grad():
        for module, follower in zip(leaves, [*leaves[1:], nn.Identity()], strict=True):
            values = module(values)
            if isinstance(module, WITH_WEIGHTS):
                found.append(follower(values).std(0).mean().item())
    return found


def he(draw, kinds=WITH_WEIGHTS, biases=True, layers=lambda model: model.modules()):
    """Return an initialisation that draws the weights of each such layer by `draw`, given its weight."""

    def he_initialise(model):
        for module in layers(model):
            if isinstance(module, kinds):
                module.weight.data = draw(module.weight.data)
                if biases:
                    module.bias.data.zero_()
        return model

    return he_initialise


def scaled(factor):
    """Return a drawing of normal weights, given a function of fan-in, fan-out and number of inputs' maps."""
    return he(lambda w: torch.randn_like(w) * factor(w[0].numel(), w[:, 0].numel(), w.shape[1]))


def he_by_pytorch(model):
    for module in model.modules():
        if isinstance(module, WITH_WEIGHTS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return model


def he_uniform(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight"):
                limit = (6 / parameter[0].numel()) ** 0.5
                parameter.copy_(torch.rand_like(parameter) * 2 * limit - limit)
            else:
                parameter[:] = 0
    return model


def he_by_apply(model):
    @torch.no_grad()
    def draw(module):
        if isinstance(module, nn.Linear):
            fan_in = module.in_features
        elif isinstance(module, nn.Conv2d):
            fan_in = module.in_channels * module.kernel_size[0] * module.kernel_size[1]
        else:
            return
        module.weight.normal_(0, np.sqrt(2 / fan_in))
        module.bias.fill_(0)

    return model.apply(draw)


def without_the_last(model):
    return list(model.modules())[:-1]


def lost(model):
    """The new weights never come into the layers."""
    for module in model.modules():
        if isinstance(module, WITH_WEIGHTS):
            weight = module.weight
            weight = torch.randn_like(weight) * (2 / weight[0].numel()) ** 0.5
    return model


def sequential(num_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 8 * 8, num_classes),
    )


class Residual(nn.Module):
    """Strides, batch normalisation, a connection around a layer, a mean over all places."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.around = nn.Conv2d(16, 16, 3, padding=1)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(16, num_classes)

    def forward(self, images):
        values = functional.relu(self.norm(self.first(images)))
        values = functional.relu(self.second(values))
        values = values + functional.relu(self.around(values))
        return self.last(self.drop(values.mean((2, 3))))


class ByUnfolding(nn.Module):
    """A convolution written as a product of matrices."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 75) / 75**0.5)
        self.last = nn.Linear(8 * 7 * 7, 10)

    def forward(self, images):
        columns = functional.unfold(images, 5, stride=4)
        return self.last(functional.relu(self.weight @ columns).flatten(1))


def changed(**layers):
    """Return a function that builds the plain network with some layers replaced: layer0 is the first."""

    def my_network(num_classes=10):
        model = sequential(num_classes)
        for name, layer in layers.items():
            model[int(name.removeprefix("layer"))] = layer
        return model

    return my_network


class Softmax(Residual):
    def forward(self, images):
        return super().forward(images).softmax(1)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 30), nn.ReLU(), nn.Linear(30, 10))


RIGHT = {
    "3.1": [
        lambda side, filter_size, padding=0, stride=1: (side + 2 * padding - filter_size) // stride + 1,
        lambda side, filter_size, padding=0, stride=1: np.floor((side + 2 * padding - filter_size) / stride + 1),
        lambda side, filter_size, padding=0, stride=1: int((side + padding * 2 - (filter_size - 1) - 1) / stride + 1),
        side_by_pytorch,
        side_by_counting,
    ],
    "3.2": [
        signal(),
        signal(lambda output: output.flatten(1).std(0).mean()),
        signal(lambda output: torch.std(output, dim=0, unbiased=False).mean()),
        signal_by_walking,
        signal_by_numpy,
    ],
    "3.3": [
        scaled(lambda fan_in, *_: (2 / fan_in) ** 0.5),
        he_by_pytorch,
        he_uniform,
        he_by_apply,
        lambda model: (initialise_he(model), model)[1],
        he(lambda w: nn.init.kaiming_normal_(torch.empty_like(w))),
    ],
    "3.4": [
        sequential,
        Residual,
        lambda: sequential(),
        ByUnfolding,
        changed(layer1=nn.Tanh(), layer7=nn.Linear(1536, 10)),
    ],
}
WRONG = {
    "3.1": [
        (lambda s, k, p, t: (s + 2 * p - k) // t, "The last place is missing"),
        (lambda s, k, p, t: (s + p - k) // t + 1, "on one side only"),
        (lambda s, k, p, t: (s - k) // t + 1, "The border is not counted"),
        (lambda s, k, p, t: s + 2 * p - k + 1, "The stride is not counted"),
        (lambda s, k, p, t: (s + 2 * p - k + 1) // t, "too early"),
        (lambda s, k, p, t: (s + 2 * p - k) / t + 1, "Half places do not exist"),
        (lambda s, k, p, t: -(-(s + 2 * p - k) // t) + 1, "It rounds up"),
        (lambda s, k, p, t: round((s + 2 * p - k) / t) + 1, "round"),
        (lambda s, k, p, t: (s - 2 * p - k) // t + 1, "The border is taken off"),
        (lambda s, k, p, t: -(-s // t), "The filter is not counted"),
        (lambda s, k, p, t: s, "is not right"),
        (lambda s, k, p, t: (side_by_pytorch(s, k, p, t),) * 2, "one number is wanted"),
    ],
    "3.2": [
        (signal(lambda output: output.std().item()), "one standard deviation over all numbers"),
        (signal(lambda output: output.flatten(1).std(1).mean().item()), "within an image"),
        (signal(lambda output: output.var(0).mean().item()), "the mean variance"),
        (signal(lambda output: output.var(0).mean().sqrt().item()), "the root of the mean variance"),
        (signal(lambda output: output.std(0).max().item()), "the largest; the mean"),
        (signal(lambda output: output.abs().mean().item()), "no spread"),
        (signal(lambda output: output.mean().item()), "other numbers"),
        (behind_activations, "outputs of activations"),
        (lambda model, images: signal()(model, images)[::-1], "in the wrong order"),
        (lambda model, images: signal()(model, images)[:-1], "the output layer has a signal too"),
        (lambda model, images: [p.std().item() for p in list(model.parameters())[::2]], "deviations of weights"),
        (signal(kinds=nn.Conv2d), "it has convolutions only"),
        (signal(kinds=nn.Linear), "it has linear layers only"),
        (
            lambda model, images: signal(kinds=nn.Module)(model, images)[: len([*model.features, *model.classifier])],
            "for every module",
        ),
        (signal(kinds=nn.Module), "layers with weights"),
        (signal(lambda output: output.std(0)), "numbers are wanted"),
        (lambda model, images: signal()(model, images)[0], "a list is wanted"),
    ],
    "3.3": [
        (scaled(lambda fan_in, *_: 2 / fan_in), "take the root"),
        (scaled(lambda fan_in, *_: fan_in**-0.5), "The 2 is missing"),
        (he(lambda w: torch.randn_like(w) * (2 / len(w)) ** 0.5), "the number of outputs"),
        (he(lambda w: nn.init.kaiming_normal_(w, mode="fan_out")), "fan-out"),
        (he(nn.init.xavier_normal_), "Xavier's rule"),
        (he(nn.init.xavier_uniform_), "Xavier's rule"),
        (he(lambda w: torch.randn_like(w) * (2 / (w[0].numel() + len(w))) ** 0.5), "adds inputs and outputs"),
        (scaled(lambda fan_in, fan_out, maps: (2 / maps) ** 0.5), "more inputs than maps"),
        (scaled(lambda *_: 1), "have standard deviation 1"),
        (he(lambda w: (2 * torch.rand_like(w) - 1) * (2 / w[0].numel()) ** 0.5), "L must be sqrt(6 / fan-in)"),
        (he(lambda w: torch.rand_like(w) * (6 / w[0].numel()) ** 0.5), "half of them must be negative"),
        (he(lambda w: torch.full_like(w, 0.0)), "All weights of a layer are equal"),
        (he(lambda w: nn.init.kaiming_uniform_(w, a=5**0.5)), "These are PyTorch's own"),
        (he(nn.init.kaiming_normal_, kinds=nn.Conv2d), "The linear layers keep"),
        (he(nn.init.kaiming_normal_, kinds=nn.Linear), "The convolutions keep"),
        (he(nn.init.kaiming_normal_, layers=without_the_last), "The output layer keeps"),
        (he(nn.init.kaiming_normal_, layers=lambda model: list(model.modules())[:5]), "layers keep the weights"),
        (he(nn.init.kaiming_normal_, biases=False), "the biases are not 0"),
        (he(nn.init.kaiming_normal_, layers=lambda model: model.children()), "No weight has changed"),
        (lost, "No weight has changed"),
        (lambda model: [he_by_pytorch(model)], "must return the model itself"),
        (lambda model: he_by_pytorch(sequential()), "has other layers"),
        (he(lambda w: 0.05 * torch.randn_like(w)), "wants a standard deviation of"),
    ],
    "3.4": [
        (CifarNet, "the library's own does not count"),
        (lambda: CifarNet((8, 16)), "the library's own does not count"),
        (sequential(), "without brackets"),
        (changed(layer0=nn.Conv2d(3, 12, 9, padding=4)), "FLOPs, and 3,000,000 are allowed"),
        (changed(layer7=nn.Sequential(nn.Linear(1536, 80), nn.Linear(80, 10))), "parameters, and 100,000 are allowed"),
        (changed(layer7=nn.Linear(1536, 8)), "the shape (4, 8), but (4, 10) is wanted"),
        (changed(layer7=nn.Linear(1537, 10)), "a layer gets another number of inputs"),
        (changed(layer7=nn.LazyLinear(10)), "A lazy layer has no size"),
        (changed(layer3=nn.Conv2d(16, 24, 3, padding=1)), "as many channels as it was made for"),
        (changed(layer6=nn.Identity()), "a layer gets another number of inputs"),
        (Softmax, "leave softmax away"),
        (mlp, "uses each weight only once per image"),
        (
            lambda: nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 10)),
            "uses each weight only once per image",
        ),
        (lambda: [sequential()], "must return a network"),
        (lambda: {"feature_maps": (12, 28), "depth": 7}, "must return a network"),
        (lambda num_classes: sequential(num_classes), "more or fewer arguments"),
    ],
}
