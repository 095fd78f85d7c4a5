"""Judging what a student's network answers with weights that were drawn from a seed; see `torch_trials.network`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.exercises.exercise import Wrong, as_array, close, recognise

Mistakes = list[tuple[Any, str]]


def judge_outputs(answer: Any, expected: Any, mistakes: Callable[[], Mistakes], told: str) -> None:
    """Raise Wrong unless the noted outputs are `expected` (images, classes), in evaluation and in training mode.

    mistakes: called where they are not, returns the outputs of networks with a usual mistake. told: where it is none.
    """
    import torch

    logits, in_training = (as_array(answer[mode], tuple(expected.shape), "Your network") for mode in MODES)
    if not close(logits, expected, 1e-3):
        with torch.no_grad():
            recognise(logits, mistakes(), 1e-3)
        raise Wrong(f"The layers are right, but with given weights the logits {told}")
    if not close(in_training, expected, 1e-3):
        raise Wrong("In training mode the logits are others: dropout and the like are not asked for.")


MODES = ("outputs", "in training")
SOFTMAX = "The outputs are probabilities: leave softmax away, cross-entropy applies it itself."
LOG_SOFTMAX = "The outputs are logarithms of probabilities: leave log_softmax away, cross-entropy applies it itself."


def probabilities(logits: Any) -> Mistakes:
    """Return the outputs of a network with a softmax behind its logits (a tensor), and of one with its logarithm."""
    return [(logits.softmax(1), SOFTMAX), (logits.log_softmax(1), LOG_SOFTMAX)]


def refuse_other_order(found: Sequence[Any], wanted: Sequence[Any], more: str = "") -> None:
    """Raise Wrong where the shapes of parameters are the right ones in another order; more: stands behind that."""
    if found != wanted and sorted(map(str, found)) == sorted(map(str, wanted)):
        raise Wrong(f"The layers are right, but `__init__` makes them in another order{more}.")
