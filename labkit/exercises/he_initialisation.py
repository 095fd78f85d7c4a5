"""The exercise of notebook 3 on He's initialisation."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array


def draw_settings(_: np.random.Generator) -> Inputs:
    """Return the settings of two networks with layers of many sizes, for `network_trials.initialised`."""
    return [({"feature_maps": (20, 30), "depth": 9},), ({"feature_maps": (16, 24), "depth": 7},)]


def judge_he(answers: list[Any], inputs: Inputs) -> None:
    """Compare mean and deviation of each layer's weights with those of He's rule, and of other rules."""
    for answer, (settings,) in zip(answers, inputs, strict=True):
        from labkit.models.networks import CifarNet

        if not isinstance(answer, dict) or "std" not in answer:
            raise Wrong("Your function must return the model itself, with its new weights.")
        shapes = [list(parameter.shape) for parameter in CifarNet(**settings).parameters()]
        if answer["shapes"] != shapes:
            raise Wrong("The network that comes back has other layers: give the weights of `model` new values.")
        weights = shapes[::2]
        std = as_array(answer["std"], (len(weights),), "Your initialisation")
        _refuse_untouched(answer["changed"], weights)
        if np.abs(as_array(answer["mean"]) / np.maximum(std, 1e-12)).max() > 0.2:
            raise Wrong("The mean of the weights is not 0: half of them must be negative.")
        if not _near(std, _he(weights)):
            _name_other_spread(std, weights)
            worst = int(np.argmax(np.abs(np.log(np.maximum(std, 1e-12) / _he(weights)))))
            raise Wrong(
                f"A layer whose weights have the shape {tuple(weights[worst])} wants a standard deviation of "
                f"{_he(weights)[worst]:.4f}, and has {std[worst]:.4f}."
            )
        if max(answer["largest"]) > 0:
            raise Wrong("The weights are right, but the biases are not 0.")


def _he(shapes: list[list[int]]) -> np.ndarray:
    return np.sqrt(2 / np.array([prod(shape[1:]) for shape in shapes]))


def _near(std: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether deviations agree as far as drawn numbers can: the smallest layer has 840 of them."""
    return bool(np.abs(std / wanted - 1).max() < 0.12)


def _refuse_untouched(changed: list[bool], shapes: list[list[int]]) -> None:
    if all(changed):
        return
    linear = [len(shape) == 2 for shape in shapes]
    if not any(changed):
        raise Wrong(
            "No weight has changed: write into the layer's own tensor, as `nn.init` and `weight.data[:] = ...` do."
        )
    if changed == linear:
        raise Wrong("The convolutions keep the weights that PyTorch drew; only linear layers have new ones.")
    if [not each for each in changed] == linear:
        raise Wrong("The linear layers keep the weights that PyTorch drew; only convolutions have new ones.")
    if not changed[-1] and all(changed[:-1]):
        raise Wrong("The output layer keeps the weights that PyTorch drew; every layer with weights is meant.")
    raise Wrong(
        f"{changed.count(False)} of {len(changed)} layers keep the weights that PyTorch drew: `modules()` finds all."
    )


def _name_other_spread(std: np.ndarray, shapes: list[list[int]]) -> None:
    """Raise Wrong where all layers have the deviation of another rule."""
    ins, outs = np.array([prod(shape[1:]) for shape in shapes]), np.array([shape[0] for shape in shapes])
    places, maps = np.array([prod(shape[2:]) for shape in shapes]), np.array([shape[1] for shape in shapes])
    for wanted, message in (
        (1 / np.sqrt(3 * ins), "These are PyTorch's own: a deviation of 1 / sqrt(3 fan-in), too small for ReLU."),
        (2 / ins, "It takes 2 / fan-in as the standard deviation; that is the variance: take the root."),
        (1 / np.sqrt(ins), "The 2 is missing: a ReLU lets half of the variance through, and the 2 makes up for it."),
        (np.sqrt(2 / (outs * places)), "It counts what leaves a layer (fan-out); the inputs of one output are wanted."),
        (np.sqrt(2 / outs), "It divides by the number of outputs; the inputs of one output are wanted."),
        (np.sqrt(2 / (ins + outs * places)), "This is Xavier's rule, for tanh; He's takes the inputs alone."),
        (np.sqrt(2 / (ins + outs)), "It adds inputs and outputs; He's rule takes the inputs alone."),
        (
            np.sqrt(2 / maps),
            "In a convolution an output has more inputs than maps: a filter reaches over side x side places of each.",
        ),
        (
            np.sqrt(2 / (3 * ins)),
            "Uniform numbers between -L and L have a deviation of L / sqrt(3): L must be sqrt(6 / fan-in).",
        ),
        (np.ones(len(ins)), "The numbers have standard deviation 1: multiply them with sqrt(2 / fan-in)."),
        (np.zeros(len(ins)), "All weights of a layer are equal: each must be drawn by itself."),
    ):
        if (np.abs(std - wanted) <= 0.12 * wanted).all():
            raise Wrong(message)
