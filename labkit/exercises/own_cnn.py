"""The exercise of notebook 3 on a CNN of one's own, under a budget of parameters and arithmetic."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, as_number
from labkit.exercises.given_weights import SOFTMAX

PARAMETERS, FLOPS = 100_000, 3_000_000  # the budget


def draw_images(rng: np.random.Generator) -> Inputs:
    """Return two batches of images, for `network_trials.budgeted`."""
    import torch

    return [(torch.from_numpy(rng.normal(0, 1, (count, 3, 32, 32)).astype(np.float32)),) for count in (4, 6)]


def judge_own(answers: list[Any], inputs: Inputs) -> str:
    """Count, and return what was counted: a class board reads it."""
    for answer, (images,) in zip(answers, inputs, strict=True):
        if not isinstance(answer, dict) or "returned" in answer:
            raise Wrong("Your function must return a network: an `nn.Module`, such as nn.Sequential(...).")
        if answer.get("lazy"):
            raise Wrong("A lazy layer has no size before the first batch, so it cannot be counted: give it its size.")
        outputs = as_array(answer["outputs"], (len(images), 10), "Your network")
        as_array(answer["in training"], (len(images), 10), "In training mode your network")
        if outputs.min() >= 0 and np.allclose(outputs.sum(1), 1, atol=1e-3):
            raise Wrong(SOFTMAX)
        counts = [prod(as_list(shape)) for shape in as_list(answer["shapes"])]
        parameters, flops = sum(counts), int(as_number(answer["flops"]))
        if parameters > PARAMETERS:
            raise Wrong(
                f"It has {parameters:,} parameters, and {PARAMETERS:,} are allowed. Its largest layer has "
                f"{max(counts):,}: which numbers decide its size?"
            )
        if flops > FLOPS:
            raise Wrong(
                f"One image costs {flops:,} FLOPs, and {FLOPS:,} are allowed. Most arise where maps are large: pool "
                "earlier, or begin with fewer maps."
            )
        if flops <= 2 * parameters:
            raise Wrong(
                "It uses each weight only once per image, as an MLP does: a CNN has a convolution, whose weights work "
                "at every place of the image."
            )
    return f"passed, with {parameters:,} parameters and {flops:,} FLOPs"
