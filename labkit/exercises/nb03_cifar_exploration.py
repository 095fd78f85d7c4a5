"""Exercises of notebook 3: the size of a map, the signal by layer, He's initialisation, a CNN of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import network_trials, trials
from labkit.exercises.exercise import (
    Exercise,
    Inputs,
    Wrong,
    as_array,
    as_list,
    as_number,
    close,
    name_mistake,
    recognise,
)
from labkit.exercises.he_initialisation import draw_settings, judge_he
from labkit.exercises.own_cnn import draw_images, judge_own


def _draw_sides(rng: np.random.Generator) -> Inputs:
    """Return side, filter, border and stride; every wrong formula is wrong on one of them at least."""
    side = int(rng.integers(10, 20))
    return [
        (2 * side, 5, 0, 1),
        (2 * side, 3, 1, 1),
        (2 * side, 3, 1, 2),
        (4 * side + 2, 7, 2, 4),
        (3 * side + 1, 3, 0, 3),
    ]


def _judge_sides(answers: list[Any], inputs: Inputs) -> None:
    sides = [as_number(answer) for answer in answers]
    expected = [(side + 2 * border - width) // stride + 1 for side, width, border, stride in inputs]
    if sides == expected:
        return
    formulas = (
        (lambda s, k, p, t: (s + 2 * p - k) // t, "The last place is missing: a filter as wide as the map has one."),
        (lambda s, k, p, t: (s + p - k) // t + 1, "The border is added on one side only; it lies on both."),
        (lambda s, k, p, t: (s - k) // t + 1, "The border is not counted: it makes the map wider on both sides."),
        (lambda s, k, p, t: s + 2 * p - k + 1, "The stride is not counted: with stride 2, every second place is left."),
        (lambda s, k, p, t: (s + 2 * p - k + 1) // t, "The 1 is added too early: divide first, and then add it."),
        (lambda s, k, p, t: (s + 2 * p - k) / t + 1, "Half places do not exist: round down, as `//` does."),
        (
            lambda s, k, p, t: round((s + 2 * p - k) / t) + 1,
            "It rounds to the nearest number: a filter that would stick out is left out, so round down.",
        ),
        (
            lambda s, k, p, t: -(-(s + 2 * p - k) // t) + 1,
            "It rounds up: a filter that would stick out is left out, so round down.",
        ),
        (lambda s, k, p, t: (s - 2 * p - k) // t + 1, "The border is taken off; it makes the map wider."),
        (lambda s, k, p, t: -(-s // t), "The filter is not counted: without a border it loses its side minus 1."),
    )
    name_mistake(sides, [([formula(*given) for given in inputs], message) for formula, message in formulas])
    for ours, theirs, (side, width, border, stride) in zip(sides, expected, inputs, strict=True):
        if ours != theirs:
            raise Wrong(
                f"A map of side {side}, a filter of side {width}, a border of {border} and stride {stride}: "
                f"{ours:g} is not right."
            )


def _draw_networks(rng: np.random.Generator) -> Inputs:
    import torch

    def images(count: int) -> Any:
        return torch.from_numpy(rng.normal(0, 1, (count, 3, 32, 32)).astype(np.float32))

    return [
        ({"feature_maps": (4, 6), "depth": depth, "activation": name}, int(rng.integers(1_000_000)), images(count))
        for depth, name, count in ((9, "relu", 5), (7, "tanh", 7))
    ]


def _judge_signal(answers: list[Any], inputs: Inputs) -> None:
    for answer, (settings, seed, images) in zip(answers, inputs, strict=True):
        outputs, weights, behind, modules = _passed_on(network_trials.weighted(settings, seed), images)
        entries = as_list(answer)
        if len(entries) != len(outputs):
            wrong = {
                modules: "It has an entry for every module; only layers with weights are wanted: convolutions and "
                "linear layers.",
                len(outputs) - 1: "One layer is missing: the output layer has a signal too.",
                sum(output.ndim == 4 for output in outputs): "Linear layers are missing; it has convolutions only.",
                sum(output.ndim == 2 for output in outputs): "Convolutions are missing; it has linear layers only.",
            }
            usual = f"It has {len(entries)} entries, but the network has {len(outputs)} layers with weights."
            raise Wrong(wrong.get(len(entries), usual))
        signal = as_array(entries, (len(outputs),))
        n = len(images)
        expected = np.array([output.std(0, ddof=1).mean() for output in outputs])
        if close(signal, expected, 1e-3) or close(signal, expected * ((n - 1) / n) ** 0.5, 1e-3):
            continue
        _name_other_signal(signal, outputs, weights, behind)
        raise Wrong(
            "For a network with known weights it gives other numbers: take each output's standard deviation over the "
            "images (dimension 0), and then the mean of them all."
        )


def _name_other_signal(
    signal: np.ndarray, outputs: list[np.ndarray], weights: list[np.ndarray], behind: list[np.ndarray]
) -> None:
    """Raise Wrong where another quantity of the same layers was taken; each with n or n - 1 in its deviation."""
    mistakes = []
    for ddof in (0, 1):
        flat = [output.reshape(len(output), -1) for output in outputs]
        mistakes += [
            (
                [output.std(ddof=ddof) for output in outputs],
                "It takes one standard deviation over all numbers of a layer. That is large as well where outputs "
                "differ from each other and never change: take it over the images (dimension 0), output by output.",
            ),
            (
                [rows.std(1, ddof=ddof).mean() for rows in flat],
                "It takes the deviation within an image; how an output changes from image to image is wanted.",
            ),
            (
                [output.var(0, ddof=ddof).mean() for output in outputs],
                "It is the mean variance: the standard deviation is its root.",
            ),
            (
                [output.var(0, ddof=ddof).mean() ** 0.5 for output in outputs],
                "It takes the root of the mean variance; the mean of the standard deviations is wanted.",
            ),
            (
                [output.std(0, ddof=ddof).mean() for output in behind],
                "These are the outputs of activations; those of the convolutions and linear layers are wanted.",
            ),
            ([weight.std(ddof=ddof) for weight in weights], "These are deviations of weights; outputs are wanted."),
            (
                [output.std(0, ddof=ddof).mean() for output in outputs][::-1],
                "The layers are in the wrong order: the first one comes first.",
            ),
            ([output.std(0, ddof=ddof).max() for output in outputs], "It takes the largest; the mean is wanted."),
        ]
    mistakes.append(([np.abs(output).mean() for output in outputs], "It is the mean size of the outputs, no spread."))
    recognise(signal, mistakes, 1e-3)


def _passed_on(model: Any, images: Any) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], int]:
    """Return each layer's outputs, its weights and what its activation makes of them; and the number of modules."""
    import torch

    outputs, weights, behind = [], [], []
    leaves = [module for module in model.modules() if not list(module.children())]
    values = images
    with torch.no_grad():
        for leaf, follower in zip(leaves, [*leaves[1:], torch.nn.Identity()], strict=True):
            values = leaf(values)
            if list(leaf.parameters()):
                outputs.append(values.double().numpy())
                weights.append(leaf.weight.double().numpy())
                behind.append(follower(values).double().numpy())
    return outputs, weights, behind, len(leaves)


EXERCISES = (
    Exercise(
        "3.1",
        "the size of a map",
        1,
        trials.calls,
        _draw_sides,
        _judge_sides,
        (
            "Draw it in one dimension, with 7 places and a filter of 3: at how many places can its left end lie?",
            "Side and both borders, minus the filter's side: this is how far it can move. Divide by the stride, add 1.",
        ),
    ),
    Exercise(
        "3.2",
        "the signal, layer by layer",
        2,
        network_trials.on_networks,
        _draw_networks,
        _judge_signal,
        (
            "A forward hook gets (module, inputs, output): let it append a number to a list, and return that list.",
            "`output.std(0)` has a standard deviation for each output of the layer; `.mean()` makes one number of it.",
        ),
    ),
    Exercise(
        "3.3",
        "He's initialisation",
        2,
        network_trials.initialised,
        draw_settings,
        judge_he,
        (
            "`model.modules()` gives every layer, however deep it lies; `isinstance` tells which have weights.",
            "Fan-in is the number of weights of one output: weight[0].numel(), for both kinds of layers.",
        ),
    ),
    Exercise(
        "3.4",
        "your own CNN",
        3,
        network_trials.budgeted,
        draw_images,
        judge_own,
        (
            "Begin with nn.Sequential: convolution, ReLU, pooling, once more, then nn.Flatten and a linear layer.",
            "Follow the side of the maps with 3.1. The linear layer gets maps x side x side inputs.",
        ),
    ),
)
