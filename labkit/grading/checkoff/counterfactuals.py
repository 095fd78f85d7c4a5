"""What a right answer to an exercise returns on a small input, and what it would with one mistake in it.

The rules are the judges' own, or such as they accept and name: the tests let each judge look at both. Nothing of a
student's is executed: a function that passed returns what a right one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.exercises.convolving import correlation, fields_of
from labkit.exercises.different_columns import right_and_wrong_counts
from labkit.exercises.intervals import T, wilson
from labkit.exercises.nb04_mlp_from_scratch import shares_of
from labkit.exercises.nb06_mlp2_sweep import stop_by_the_epoch_before, stop_early, stop_without_new_patience
from labkit.exercises.one_standard_error import by_width, choices_by_rule, smallest_good
from labkit.exercises.what_fits import chosen
from labkit.grading.checkoff.small_inputs import (
    Arguments,
    draw_columns,
    draw_devices,
    draw_guesses,
    draw_kernel,
    draw_layers,
    draw_losses,
    draw_matrix,
    draw_pairs,
    draw_row,
    draw_seconds,
    draw_share,
    draw_side,
    draw_widths,
    rows,
    table_of_networks,
    table_of_widths,
)

TRIES = 200  # a mistake shows on one small input in ten at least
FIELDS = {"own-stride": 1, "no-strides": 2}  # places in what `fields_of` returns


@dataclass(frozen=True)
class Small:
    """An exercise on inputs that fit on a page.

    draw: the arguments of one call. right, wrong: what a right answer returns for them, and what one with each mistake.
    given: the arguments as a page shows them. said: a result as people say it.
    """

    draw: Callable[[np.random.Generator], Arguments]
    right: Callable[..., Any]
    wrong: Mapping[str, Callable[..., Any]]
    given: Callable[..., str]
    said: Callable[[Any], str]


@dataclass(frozen=True)
class Counterfactual:
    """A small input, and what comes out of it, as texts."""

    given: str
    right: str
    wrong: str


def counterfactual(exercise: str, mistake: str, rng: np.random.Generator) -> Counterfactual | None:
    """Return an input on which this mistake gives another result; None where none was drawn."""
    small = SMALL[exercise]
    for _ in range(TRIES):
        arguments = small.draw(rng)
        with np.errstate(all="ignore"):
            right, wrong = small.said(small.right(*arguments)), small.said(small.wrong[mistake](*arguments))
        if right != wrong:
            return Counterfactual(small.given(*arguments), right, wrong)
    return None


def _numbers(values: Any, digits: int) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in np.ravel(values))


def _bounds(bounds: Any) -> str:
    return f"{bounds[0]:.1f} to {bounds[1]:.1f}"


def _interval(factor: float = T[5], root: bool = True, paired: bool = True) -> Callable[..., Any]:
    """Return a rule for the interval of a mean difference of five seeds."""

    def rule(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
        difference = ours - theirs
        s = difference.std(ddof=1) if paired else math.sqrt(ours.var(ddof=1) + theirs.var(ddof=1))
        half = factor * s / (math.sqrt(5) if root else 1)
        return difference.mean() - half, difference.mean() + half

    return rule


def _rank(weights: np.ndarray) -> int:
    wrong = right_and_wrong_counts(weights)[1]
    return next(number for message, number in wrong.items() if message.startswith("This is the rank"))


def _by_rule(rule: str) -> Callable[[Any], int]:
    return lambda table: choices_by_rule(*by_width(table))[rule]


def _symmetric(right: int, n: int) -> tuple[float, float]:
    p = right / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return 100 * (p - half), 100 * (p + half)


def _normalised(ddof: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda row: np.asarray((row - row.mean()) / np.sqrt(row.var(ddof=ddof) + 1e-5))


def _alone(truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> list[int]:
    first, second = ours == truth, theirs == truth
    return [int((first & ~second).sum()), int((second & ~first).sum())]


def _by_need(need: Callable[..., Any]) -> Callable[..., str]:
    return lambda costs, kilobytes, batch: chosen([(costs, kilobytes, batch)], need)[0]


SMALL: dict[str, Small] = {
    "2.3": Small(
        draw_matrix,
        lambda matrix: matrix.diagonal() / matrix.sum(1),
        {"columns": lambda matrix: matrix.diagonal() / matrix.sum(0)},
        rows,
        lambda shares: _numbers(shares, 2),
    ),
    "2.5": Small(
        draw_pairs,
        _interval(),
        {"normal": _interval(1.96), "spread": _interval(root=False), "unpaired": _interval(paired=False)},
        lambda ours, theirs: f"ours   = {ours.tolist()}\ntheirs = {theirs.tolist()}",
        _bounds,
    ),
    "3.1": Small(
        draw_side,
        lambda side, width, border, stride: (side + 2 * border - width) // stride + 1,
        {"one-side": lambda side, width, border, stride: (side + border - width) // stride + 1},
        lambda side, width, border, stride: f"side {side}, filter_size {width}, padding {border}, stride {stride}",
        str,
    ),
    "4.1": Small(
        lambda rng: (rng.integers(800, 999) + rng.permutation([[0.0, 1.0, 2.0]], axis=1),),
        lambda logits: shares_of(logits, logits.max(1, keepdims=True)),
        {"plain": lambda logits: shares_of(logits, 0)},
        lambda logits: f"logits = {logits.tolist()}",
        lambda probabilities: _numbers(probabilities, 3),
    ),
    "4.7": Small(draw_columns, lambda weights: right_and_wrong_counts(weights)[0], {"rank": _rank}, rows, str),
    "5.2": Small(
        draw_widths,
        lambda table: smallest_good(*by_width(table)[:2]),
        {rule: _by_rule(rule) for rule in ("best", "population", "deviation")},
        table_of_widths,
        str,
    ),
    "5.4": Small(draw_share, wilson, {"symmetric": _symmetric}, lambda right, n: f"right = {right}, n = {n}", _bounds),
    "6.1": Small(
        draw_losses,
        stop_early,
        {"no-new-patience": stop_without_new_patience, "epoch-before": stop_by_the_epoch_before},
        lambda losses, patience: f"losses = {losses}\npatience = {patience}",
        lambda pair: f"best epoch {pair[0]}, end after epoch {pair[1]}",
    ),
    "7.2": Small(
        draw_row,
        _normalised(0),
        {"sample": _normalised(1)},
        lambda row: f"values = {row.tolist()}",
        lambda row: _numbers(row, 2),
    ),
    "7.3": Small(
        lambda rng: (int(rng.integers(3, 6)), float(rng.choice([0.1, 0.2, 0.3, 0.4]))),
        lambda neurons, p: (neurons * (1 - p), p**neurons),
        {"kept": lambda neurons, p: (neurons * p, (1 - p) ** neurons)},
        lambda neurons, p: f"neurons = {neurons}, p = {p}",
        lambda pair: f"{pair[0]:.2g} and {pair[1]:.2g}",
    ),
    "8.1": Small(
        draw_kernel,
        correlation,
        {"turned": lambda image, kernel: correlation(image, kernel[::-1, ::-1])},
        lambda image, kernel: f"image\n{rows(image)}\nkernel\n{rows(kernel)}",
        lambda result: " / ".join(" ".join(f"{one:g}" for one in row) for row in result),
    ),
    "8.3": Small(
        draw_layers,
        lambda layers: fields_of(layers)[0],
        {name: lambda layers, place=place: fields_of(layers)[place] for name, place in FIELDS.items()},
        lambda layers: f"layers = {layers}  # (kernel, stride)",
        str,
    ),
    "8.5": Small(
        draw_guesses,
        _alone,
        {"all-right": lambda truth, ours, theirs: [int((ours == truth).sum()), int((theirs == truth).sum())]},
        lambda *arrays: "\n".join(
            f"{name:6} = {array.tolist()}" for name, array in zip(("truth", "ours", "theirs"), arrays, strict=True)
        ),
        lambda pair: f"{pair[0]} and {pair[1]}",
    ),
    "9.1": Small(
        draw_seconds,
        lambda timed, repeats: float(np.median(timed[1:])),
        {
            "mean": lambda timed, repeats: float(np.mean(timed[1:])),
            "warm-up": lambda timed, repeats: float(np.mean(timed)),
        },
        lambda timed, repeats: f"the calls take {timed} ms; repeats = {repeats}",
        lambda time: f"{time:.1f} ms",
    ),
    "9.4": Small(
        draw_devices,
        _by_need(lambda weights, activations, batch: weights + activations * batch),
        {"one-image": _by_need(lambda weights, activations, batch: weights + activations)},
        table_of_networks,
        str,
    ),
}
