"""Networks of one kind stacked into one, which computes the logits of all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional

from labkit.models.networks import MLP

BEFORE_FLATTEN = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
ELEMENTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU)

T = TypeVar("T")
Place = tuple[nn.Parameter, tuple[int | slice, ...]]  # a stacked parameter, and where in it a network's part lies


class Stack:
    """The weights of `models`, MLPs that differ in their widths and dropout only, side by side and padded with zeros.

    models: seed by seed; the networks of each of the `seeds` seeds have the same widths, in the same order. First
    layers of one seed read the same images, so they stand side by side in one matrix product; later layers are
    batched products, padded to the widest network.
    """

    def __init__(self, models: Sequence[MLP], seeds: int, device: torch.device) -> None:
        self.models, self.seeds, self.device = models, seeds, device
        self.each = len(models) // seeds
        layers = list(models[0])
        self.activation = next(layer for layer in layers if type(layer).__module__ == "torch.nn.modules.activation")
        self.layer_norm = any(isinstance(layer, nn.LayerNorm) for layer in layers)
        self.drop = [next((layer.p for layer in layers_of(model, nn.Dropout)), 0.0) for model in models]
        widths = [hidden_sizes(model) for model in models]
        linears = layers_of(models[0], nn.Linear)
        widest = [max(column) for column in zip(*widths, strict=True)]
        dtype = linears[0].weight.dtype
        ends = list(accumulate((width[0] for width in widths[: self.each]), initial=0))

        def zeros(*shape: int) -> nn.Parameter:
            return _parameter(torch.zeros(shape, dtype=dtype, device=device))

        self.weights = [zeros(seeds, ends[-1], linears[0].in_features)]
        self.biases = [zeros(seeds, 1, ends[-1])]
        for fan_in, fan_out in pairwise([*widest, linears[-1].out_features]):
            self.weights.append(zeros(len(widths), fan_out, fan_in))
            self.biases.append(zeros(len(widths), 1, fan_out))
        self.scales = [zeros(len(widths), 1, width) for width in widest if self.layer_norm]
        self.shifts = [zeros(len(widths), 1, width) for width in widest if self.layer_norm]
        self.small = [*self.biases, *self.scales, *self.shifts]
        self.places = [self._places(index, ends) for index in range(len(widths))]
        _copy(models, self.places, back=False)
        ones = [[(torch.arange(wide) < width[depth]) for width in widths] for depth, wide in enumerate(widest)]
        self.masks = [torch.stack(rows).unsqueeze(1).to(self.device, dtype) for rows in ones]
        self.sizes = [mask.sum(2, keepdim=True) for mask in self.masks]
        # Padded columns must stay 0, or they would earn gradients; an activation may lift them: sigmoid(0) is 0.5.
        lifts = bool(self.activation(torch.zeros(())))
        self.masked = [lifts and bool((mask == 0).any()) for mask in self.masks]
        # Each padded column of the first hidden layer comes from one of `origins`; the column behind the last is the
        # padding. `columns` says where each came to lie.
        present = self.masks[0][: self.each, 0].flatten() > 0
        self.columns = present.nonzero().flatten()
        self.origins = torch.full((len(present),), ends[-1], device=device)
        self.origins[self.columns] = torch.arange(ends[-1], device=device)

    def _places(self, index: int, ends: list[int]) -> list[Place]:
        """Return where the parameters of a network lie, in the order of its own parameters."""
        group, member = divmod(index, self.each)
        first = slice(ends[member], ends[member + 1])
        places: list[Place] = []
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            places.append((weight, (group, first) if depth == 0 else (index,)))
            places.append((bias, (group, 0, first) if depth == 0 else (index, 0)))
            if depth < len(self.scales):
                places += [(self.scales[depth], (index, 0)), (self.shifts[depth], (index, 0))]
        return places

    def copy_back(self) -> None:
        """Give the networks their own weights back."""
        _copy(self.models, self.places, back=True)

    def logits(
        self, images: torch.Tensor, generators: Sequence[torch.Generator] = (), keep: float = 0.0
    ) -> torch.Tensor:
        """Return the logits (networks, N, classes) of `images` (seeds, N, C, H, W), or (1, N, C, H, W) for all seeds.

        generators: one a network, for dropout; none in evaluation. keep: see `_Affine`.
        """
        images = images.flatten(2).expand(self.seeds, -1, -1)
        values = _Affine.apply(images, self.weights[0], self.biases[0], keep)
        if len(self.origins) > len(self.columns):
            values = _Spread.apply(values, self.origins, self.columns)
        values = values.unflatten(2, (self.each, -1)).transpose(1, 2).flatten(0, 1)
        for depth, mask in enumerate(self.masks):
            if self.layer_norm:
                values = self._normalised(values, depth)
            values = self.activation(values)
            if self.masked[depth]:
                values = values * mask
            if generators and depth == len(self.masks) - 1 and any(self.drop):
                values = values * self._noise(values, generators)
            values = _Affine.apply(values, self.weights[depth + 1], self.biases[depth + 1], keep)
        return values

    def _normalised(self, values: torch.Tensor, depth: int) -> torch.Tensor:
        """Return layer normalisation (Ba et al. 2016) over each network's own columns; the others become 0."""
        mask, size = self.masks[depth], self.sizes[depth]
        centred = (values - (values * mask).sum(2, keepdim=True) / size) * mask
        variance = centred.square().sum(2, keepdim=True) / size
        return centred * (variance + 1e-5).rsqrt() * self.scales[depth] + self.shifts[depth]

    def _noise(self, values: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Return dropout's factors, drawn for each network as it would draw them alone."""
        noise = torch.ones_like(values)
        sizes = self.sizes[-1].flatten().long().tolist()
        for factors, p, size, generator in zip(noise, self.drop, sizes, generators, strict=True):
            if p:
                drawn = torch.empty((len(factors), size), dtype=values.dtype, device=values.device)
                factors[:, :size] = drawn.bernoulli_(1 - p, generator=generator).div_(1 - p)
        return noise


class ConvolutionStack:
    """The weights of `models`, CNNs of equal shape, side by side: convolutions become grouped convolutions.

    models: seed by seed, as for `Stack`; chains of layers without dropout (see `is_chain`).
    """

    def __init__(self, models: Sequence[nn.Module], seeds: int, device: torch.device) -> None:
        self.models, self.seeds, self.device = models, seeds, device
        self.each = len(models) // seeds
        chains = [pooled_first([layer for layer in model.modules() if not list(layer.children())]) for model in models]
        self.layers = chains[0]
        self.weights: list[nn.Parameter] = []  # of linear layers
        self.small: list[nn.Parameter] = []
        self.places: list[list[Place]] = [[] for _ in models]
        self.stacked: list[list[nn.Parameter]] = []  # of each layer: weight and bias, or nothing
        for layers in zip(*chains, strict=True):
            stacked = []
            for name in ("weight", "bias") if isinstance(layers[0], nn.Conv2d | nn.Linear) else ():
                values, indices = _stacked([getattr(layer, name).detach() for layer in layers], type(layers[0]))
                stacked.append(_parameter(values.to(device)))
                (self.weights if values.dim() == 3 and name == "weight" else self.small).append(stacked[-1])
                for places, index in zip(self.places, indices, strict=True):
                    places.append((stacked[-1], index))
            self.stacked.append(stacked)

    def copy_back(self) -> None:
        """Give the networks their own weights back."""
        _copy(self.models, self.places, back=True)

    def logits(
        self, images: torch.Tensor, generators: Sequence[torch.Generator] = (), keep: float = 0.0
    ) -> torch.Tensor:
        """Return the logits; see `Stack.logits`."""
        values = images.expand(self.seeds, -1, -1, -1, -1).repeat_interleave(self.each, 0)
        values = values.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        for layer, stacked in zip(self.layers, self.stacked, strict=True):
            if isinstance(layer, nn.Conv2d):
                steps = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
                values = functional.conv2d(values, *stacked, **steps, groups=len(self.models))
            elif isinstance(layer, nn.Linear):
                values = _Affine.apply(values, *stacked, keep)
            elif isinstance(layer, nn.Flatten):
                values = values.unflatten(1, (len(self.models), -1)).transpose(0, 1).flatten(2)
            else:  # activations, pooling and padding treat every map alike
                values = layer(values)
        return values


def pooled_first(layers: Sequence[nn.Module]) -> list[nn.Module]:
    """Return layers in the order in which to compute them: max pooling before the ReLU that it follows.

    ReLU then gets a quarter of the values. The result and its gradients are the same to the last bit (see
    `networks.OneConvNet`); a step of five seeds of CifarNet takes 0.9 of the time.
    """
    ordered = list(layers)
    for place, (first, second) in enumerate(pairwise(layers)):
        if isinstance(first, nn.ReLU) and isinstance(second, nn.MaxPool2d):
            ordered[place : place + 2] = second, first
    return ordered


def is_chain(model: nn.Module) -> bool:
    """Whether a network of somebody's own is one that `ConvolutionStack` can stack: an nn.Sequential of plain layers.

    They are convolutions and pooling, nn.Flatten(), then linear layers, with activations between them.
    """
    if type(model) is not nn.Sequential:
        return False
    layers = list(model)
    kinds = [type(layer) for layer in layers]
    if nn.Conv2d not in kinds or kinds.count(nn.Flatten) != 1 or len(set(map(id, layers))) < len(layers):
        return False
    place = kinds.index(nn.Flatten)
    before, behind = {*BEFORE_FLATTEN, *ELEMENTWISE}, {nn.Linear, *ELEMENTWISE}
    if not (before.issuperset(kinds[:place]) and behind.issuperset(kinds[place + 1 :])):
        return False
    usual = [(layers[place].start_dim, layers[place].end_dim) == (1, -1)]
    usual += [(layer.groups, layer.padding_mode) == (1, "zeros") for layer in layers_of(model, nn.Conv2d)]
    usual += [layer.bias is not None for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    return all(usual) and all(parameter.requires_grad for parameter in model.parameters())


def _stacked(tensors: list[torch.Tensor], kind: type[nn.Module]) -> tuple[torch.Tensor, list[tuple[int | slice, ...]]]:
    """Return weights or biases of one layer of all networks in one tensor, and where in it each network's lie."""
    if kind is nn.Conv2d:
        memory = torch.channels_last if tensors[0].dim() == 4 else torch.contiguous_format
        size = len(tensors[0])
        return torch.cat(tensors).contiguous(memory_format=memory), [
            (slice(start, start + size),) for start in range(0, size * len(tensors), size)
        ]
    if tensors[0].dim() == 1:
        return torch.stack(tensors).unsqueeze(1), [(index, 0) for index in range(len(tensors))]
    return torch.stack(tensors), [(index,) for index in range(len(tensors))]


def _parameter(values: torch.Tensor) -> nn.Parameter:
    """Return a parameter whose gradient is kept from step to step."""
    parameter = nn.Parameter(values)
    parameter.grad = torch.zeros_like(parameter)
    return parameter


def _copy(models: Sequence[nn.Module], all_places: Sequence[Sequence[Place]], back: bool) -> None:
    """Copy weights from the networks into the stack, or back."""
    with torch.no_grad():
        for model, places in zip(models, all_places, strict=True):
            for parameter, (stacked, index) in zip(model.parameters(), places, strict=True):
                view = stacked[index][tuple(slice(size) for size in parameter.shape)]
                parameter.copy_(view) if back else view.copy_(parameter)


def hidden_sizes(model: MLP) -> list[int]:
    """Return the widths of the hidden layers."""
    return [linear.out_features for linear in layers_of(model, nn.Linear)[:-1]]


def layers_of(model: nn.Sequential, kind: type[T]) -> list[T]:
    """Return the modules of one kind, in their order."""
    return [module for module in model if isinstance(module, kind)]


class _Affine(torch.autograd.Function):
    """Affine layers side by side: (layers, N, in) -> (layers, N, out).

    The product that makes the gradient of `weight` adds it, in place, to `keep` times weight.grad. With momentum as
    `keep` that is the momentum's running sum: nothing is allocated, and a step touches half the memory.
    """

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, keep: float) -> torch.Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.keep = keep
        return torch.baddbmm(bias, inputs, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        weight.grad.baddbmm_(gradient.transpose(1, 2), inputs, beta=ctx.keep)
        return gradient @ weight if ctx.needs_input_grad[0] else None, None, gradient.sum(1, keepdim=True), None


class _Spread(torch.autograd.Function):
    """Columns (..., in), padded with zeros to (..., out): `origins` says whence each comes, `columns` whither."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, origins: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(columns)
        return functional.pad(values, (0, 1)).index_select(-1, origins)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return gradient.index_select(-1, ctx.saved_tensors[0]), None, None
