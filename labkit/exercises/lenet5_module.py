"""The exercise of notebook 8 that writes LeNet-5 as a module."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labkit.exercises import torch_trials
from labkit.exercises.exercise import Inputs, Wrong
from labkit.exercises.given_weights import judge_outputs, probabilities, refuse_other_order
from labkit.exercises.network_trials import FORMS

PARAMETERS = 61_706
COUNTS = {
    61_706 - 144 * 120: "C5 has 256 inputs for each neuron: without padding, S4 gives 4 x 4 places in place of 5 x 5.",
    61_706 + (576 - 400) * 120: "C5 has 576 inputs for each neuron: is the padding at C3, or at both convolutions?",
    61_706 - 85 * 10: "The output layer is missing.",
    61_706 - 121 * 84 - 850 + 1210: "F6 is missing.",
    61_706 - 236: "The biases are missing: one for each filter and each neuron.",
    61_706 - 22: "The convolutions have no biases.",
}


def draw_batches(rng: np.random.Generator) -> Inputs:
    """Return a batch for each form of the network."""
    import torch

    batches = [torch.from_numpy(rng.normal(0, 1, (count, 1, 28, 28)).astype(np.float32)) for count in (4, 3)]
    return [(batch, 8, form) for batch, form in zip(batches, FORMS, strict=True)]


def judge_lenet5(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless the network is LeNet-5 in both forms, with C5 as a linear layer or as a convolution."""
    for answer, (images, seed, form) in zip(answers, inputs, strict=True):
        parameters = _parameters(seed)
        shapes = [_flat(list(parameter.shape)) for parameter in parameters]
        theirs = [_flat(shape) for shape in answer["shapes"]]
        if theirs != shapes:
            refuse_other_order(theirs, shapes)
            count = sum(int(np.prod(shape)) for shape in answer["shapes"])
            told = COUNTS.get(count, "Compare each layer with the table.")
            raise Wrong(f"The network has {count:,} parameters, but LeNet-5 has {PARAMETERS:,}. {told}")
        expected = _outputs(parameters, images, *FORMS[form])
        mistakes = functools.partial(_wrong_networks, parameters, images, form)
        told = f"of the form with {form} are not: look at padding, activations and pooling."
        judge_outputs(answer, expected, mistakes, told)


def _flat(shape: list[int]) -> list[int]:
    """Return neurons and weights per neuron: the same for C5 as a linear layer and as a convolution of 5 x 5."""
    return [shape[0], int(np.prod(shape[1:]))] if len(shape) > 1 else shape


def _parameters(seed: int) -> list[Any]:
    from labkit.models.networks import LeNet5

    model = LeNet5()
    torch_trials.set_weights(model, seed)
    return list(model.parameters())


def _outputs(
    parameters: list[Any], images: Any, activation: str, pooling: str, after: str = "1234", pool_first: bool = False
) -> Any:
    """Return the logits; after: the numbers of the layers that an activation follows."""
    import torch
    from torch import nn
    from torch.nn import functional

    act, pool, values = getattr(nn, activation)(), getattr(nn, pooling)(2), functional.pad(images, (2, 2, 2, 2))
    with torch.no_grad():
        for number, (weights, biases) in enumerate(zip(parameters[::2], parameters[1::2], strict=True), 1):
            convolution = number <= 2
            layer = functional.conv2d if convolution else functional.linear
            values = layer(values if convolution else values.flatten(1), weights, biases)
            steps = [act] if str(number) in after else []
            steps += [pool] if convolution else []
            for step in reversed(steps) if pool_first else steps:
                values = step(values)
    return values


def _wrong_networks(parameters: list[Any], images: Any, form: str) -> list[tuple[Any, str]]:
    """Return the outputs of networks with these layers and a usual mistake, and the mistake."""
    activation, pooling = FORMS[form]
    (other, other_pooling) = next(kinds for name, kinds in FORMS.items() if name != form)
    outputs = functools.partial(_outputs, parameters, images)
    logits = outputs(activation, pooling)
    asked = f"with `activation` {activation} and `pooling` {pooling}"
    return [
        *probabilities(logits),
        (outputs(other, other_pooling), f"Asked for {asked}, it still uses {other} and {other_pooling}."),
        (outputs(other, pooling), f"Asked for {asked}, its activation is still {other}."),
        (outputs(activation, other_pooling), f"Asked for {asked}, it still pools by {other_pooling}."),
        (outputs(activation, pooling, pool_first=True), "It pools first: the activation comes before the pooling."),
        (outputs(activation, pooling, "12345"), "The last layer has an activation behind it: logits have no bounds."),
        (outputs(activation, pooling, "34"), "The activations behind the convolutions are missing."),
        (outputs(activation, pooling, "12"), "The activations between the linear layers are missing."),
        (
            outputs(activation, pooling, ""),
            "There is no activation: layers without one between them are no more than one layer.",
        ),
        *[
            (outputs(activation, pooling, "1234".replace(str(number), "")), f"The activation behind {name} is missing.")
            for number, name in enumerate(("C1", "C3", "C5", "F6"), 1)
        ],
    ]
