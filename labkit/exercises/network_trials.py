"""Trying functions that build a network, or look into one.

As `trials`, it runs where student code runs, and knows no right answer.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from labkit.exercises.torch_trials import has_lazy_layers, network, refuse_labkits, set_weights
from labkit.exercises.trials import each, name_of, note

# The two forms of LeNet-5, by the classes of torch.nn that they are made of.
FORMS = {"ReLU and max pooling": ("ReLU", "MaxPool2d"), "tanh and average pooling": ("Tanh", "AvgPool2d")}


def on_networks(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a function of a network and images. inputs: a CifarNet's settings, a seed, images (tensor)."""

    def trial(settings: dict[str, Any], seed: int, images: Any) -> Any:
        return function(weighted(settings, seed), images)

    return each(function, trial, inputs)


def initialised(function: Any, inputs: Sequence[tuple[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Let a function draw a network's weights anew, and note what they look like, layer by layer.

    inputs: a CifarNet's settings. The value of a note has a list for each of mean, std, largest (of the biases) and
    changed (whether the weights are others than before); {"returned": ...} where no network came back.
    """

    def trial(settings: dict[str, Any]) -> dict[str, Any] | None:
        import torch
        from torch import nn

        from labkit.models.networks import CifarNet

        model = CifarNet(**settings)
        before = [parameter.detach().clone() for parameter in model.parameters()]
        returned = function(model)
        if not isinstance(returned, nn.Module):
            return None if returned is None else {"returned": type(returned).__name__}
        parameters = [parameter.detach() for parameter in returned.parameters()]
        weights, biases = parameters[::2], parameters[1::2]
        return {
            "shapes": [list(parameter.shape) for parameter in parameters],
            "mean": [float(weight.mean()) for weight in weights],
            "std": [float(weight.std()) for weight in weights],
            "largest": [float(bias.abs().max()) for bias in biases],
            "changed": [not torch.equal(old, new) for old, new in zip(before[::2], weights, strict=False)],
        }

    return each(function, trial, inputs)


def budgeted(build: Any, inputs: Sequence[tuple[Any]]) -> list[dict[str, Any]]:
    """Build a network, count what it costs, and note its outputs.

    build: a function or class that needs no arguments, and uses no network of labkit's. inputs: a batch of images. The
    outputs are noted in evaluation and in training mode; flops are those of one image's forward pass.
    """
    import torch

    from labkit.models.layers import count_flops

    if not callable(build) or isinstance(build, torch.nn.Module):
        return [{"refused": f"The check wants your function itself, without brackets, but got {name_of(build)}."}]

    def trial(images: Any) -> dict[str, Any] | None:
        model = build()
        if not isinstance(model, torch.nn.Module):
            return None if model is None else {"returned": type(model).__name__}
        refuse_labkits(model)
        if has_lazy_layers(model):
            return {"lazy": True}
        with torch.no_grad():
            outputs = model.eval()(images.clone())
            flops = count_flops(model, images.shape[1:]) if list(model.parameters()) else 0
            in_training = model.train()(images.clone())
        learns = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return {
            "outputs": outputs,
            "in training": in_training,
            "shapes": [list(parameter.shape) for parameter in learns],
            "flops": flops,
        }

    return [note(trial, images) for (images,) in inputs]


def in_both_forms(build: Any, inputs: Sequence[tuple[Any, int, str]]) -> list[dict[str, Any]]:
    """As `torch_trials.network`, for a class that takes the classes of an activation and of a pooling layer.

    inputs: a batch, the seed of the weights, and a form in FORMS.
    """
    from torch import nn

    if refused := network(build, []):
        return refused
    notes = []
    for batch, seed, form in inputs:
        kinds = [getattr(nn, name) for name in FORMS[form]]
        notes += network(functools.partial(build, *kinds), [(batch, seed)])
    return notes


def weighted(settings: dict[str, Any], seed: int) -> Any:
    """Return a CifarNet whose weights and biases are drawn from `seed`."""
    from labkit.models.networks import CifarNet

    model = CifarNet(**settings)
    set_weights(model, seed)
    return model
