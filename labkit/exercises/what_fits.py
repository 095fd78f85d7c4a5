"""The exercise of notebook 9 that names the networks whose weights fit into a memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_list, name_mistake

FACTORS = {  # what a network's weights need, as a share of what there is: who takes it for fitting, or not fitting
    "tiny": 0.05,
    "small": 0.4,  # not, if 4 is taken for bytes and 8 bits come on top
    "narrow": 0.9,  # not, if a weight is taken for eight bytes
    "medium": 0.9996,  # not, if kB are rounded
    "whole": 1.0,  # fits, where it may need all that there is
    "close": 1.01,  # fits, where 1 kB is taken for 1024 bytes
    "double": 1.5,  # fits, where a weight is taken for two bytes
    "large": 3.0,  # fits, where a weight is taken for a byte
    "huge": 6.0,
}


def draw_networks(rng: np.random.Generator) -> Inputs:
    """Return numbers of parameters, of which every mistake takes another choice, and the kilobytes that there are."""
    inputs: Inputs = []
    for low, high in ((100, 190), (500, 900)):  # far from the 300 kB of the notebook, on either side
        kilobytes = int(rng.integers(low, high))
        names = [str(name) for name in rng.permutation(list(FACTORS))]
        inputs.append(({name: round(FACTORS[name] * kilobytes * 250) for name in names}, kilobytes))
    return inputs


# How many parameters a network may have, for kilobytes of memory, by which mistake.
LIMITS = (
    (lambda kilobytes: 1000 * kilobytes / 4 + 0.5, "A network that needs all that there is does not need less."),
    (lambda kilobytes: 1024 * kilobytes / 4, "Here 1 kB is 1000 bytes, not 1024."),
    (lambda kilobytes: 1024 * kilobytes / 4 + 0.5, "Here 1 kB is 1000 bytes, not 1024."),
    (lambda kilobytes: 1000 * kilobytes, "A parameter takes 4 bytes, not 1."),
    (lambda kilobytes: 1000 * kilobytes / 2, "A parameter takes 4 bytes, not 2."),
    (lambda kilobytes: 1000 * (kilobytes - 0.5) / 4, "It rounds to whole kB before it compares."),
    (lambda kilobytes: 1000 * kilobytes / 8, "A parameter takes 4 bytes, not 8."),
    (lambda kilobytes: 1000 * kilobytes / 32, "A parameter takes 32 bits: these are 4 bytes."),
    (lambda kilobytes: kilobytes / 4, "It finds none that fits. The limit is in kB: 1 kB is 1000 bytes."),
    (lambda kilobytes: 1e6 * kilobytes / 4, "These are all networks, also those that need too much."),
    (lambda _: 300_000 / 4, "It always takes 300 kB: use the limit that the function is given."),
    (lambda _: 300_000 / 4 + 0.5, "It always takes 300 kB: use the limit that the function is given."),
)


def judge_fit(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer names the networks that fit."""
    names, expected = [], [_fitting(parameters, 1000 * kilobytes / 4) for parameters, kilobytes in inputs]
    for answer, (parameters, _) in zip(answers, inputs, strict=True):
        listed = as_list(answer)
        if not all(isinstance(name, str) for name in listed):
            raise Wrong("The names of the networks are wanted, as a list.")
        if unknown := sorted(set(listed) - set(parameters)):
            raise Wrong(f"{unknown[0]!r} is no name in `parameters`.")
        if len(listed) > len(set(listed)):
            raise Wrong("A name is there more than once; each is wanted once.")
        names.append(set(listed))
    if names == expected:
        return
    name_mistake(
        names, [([_fitting(counts, limit(size)) for counts, size in inputs], message) for limit, message in LIMITS]
    )
    not_fitting = [set(parameters) - fitting for (parameters, _), fitting in zip(inputs, expected, strict=True)]
    largest = [{max(fitting, key=lambda name: FACTORS[name])} for fitting in expected]
    more = [fails - {"whole"} for fails in not_fitting]
    name_mistake(names, [(mistake, "These are the networks that do not fit.") for mistake in (not_fitting, more)])
    name_mistake(names, [(largest, "This is the largest that fits; all that fit are wanted.")])
    for found, fitting, (parameters, kilobytes) in zip(names, expected, inputs, strict=True):
        if missing := sorted(fitting - found):
            raise Wrong(f"With {kilobytes} kB, {missing[0]!r} ({parameters[missing[0]]:,} parameters) is missing.")
        if extra := sorted(found - fitting):
            raise Wrong(f"With {kilobytes} kB, {extra[0]!r} does not belong there.")


def _fitting(parameters: dict[str, int], limit: float) -> set[str]:
    return {name for name, count in parameters.items() if count < limit}
