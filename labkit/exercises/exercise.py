"""What an exercise is, and what its judge needs to say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Inputs = list[tuple[Any, ...]]
NOTHING = "returns None: does its last line say `return`?"
KINDS = {"tuple": "a tuple", "set": "a set", "DataFrame": "a table (DataFrame)"}  # beside lists and dictionaries


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    collect: tries the student's object on inputs and notes plain data; a function of one of the modules of trials.
    draw: the inputs, one tuple a call, from a random generator: the same in the student's kernel and for the judge.
    judge: takes what came back, one entry an input, and the inputs; raises Wrong unless every entry is right. It may
        return the message of a right answer, beginning with "passed", such as what it counted.
    hints: one for the first failed call, a stronger one from the second on.
    """

    id: str
    title: str
    points: int
    collect: Callable[[Any, Inputs], list[dict[str, Any]]]
    draw: Callable[[np.random.Generator], Inputs]
    judge: Callable[[list[Any], Inputs], str | None]
    hints: tuple[str, str]


@dataclass(frozen=True)
class Verdict:
    """What became of an exercise: status "passed", "failed" or "open" (not attempted yet), and why.

    printed: the first lines of what the answer printed while it was tried.
    """

    status: str
    message: str
    printed: str = ""


class Wrong(Exception):
    """An answer is not right; the message says what is wrong with it, in words for the student."""


def as_array(answer: Any, shape: tuple[int, ...] | None = None, what: str = "Your function") -> np.ndarray:
    """Return an answer as an array of decimals; Wrong unless it is numbers, of the right shape, none of them NaN."""
    if answer is None:
        raise Wrong(f"{what} {NOTHING}")
    if isinstance(answer, list) and any(entry is None for entry in answer):
        raise Wrong(f"{what} returns {kind_of(answer)} with None in it, but numbers are wanted.")
    try:
        array = np.asarray(answer)
        if array.dtype.kind in "US":
            raise ValueError("text")
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{what} returns {kind_of(answer)}, but numbers are wanted.") from None
    if shape is not None and array.shape != shape:
        raise Wrong(f"{what} returns the shape {array.shape}, but {shape} is wanted.")
    if not np.isfinite(array).all():
        raise Wrong(f"{what} returns NaN or infinity: somewhere it divides by 0 or takes a number that is too large.")
    return array


def as_number(answer: Any) -> float:
    """Return an answer that is one number; a tensor without dimensions counts, a list with one number does not."""
    if isinstance(answer, list) or np.ndim(answer):
        raise Wrong(f"Your function returns {kind_of(answer)}, but one number is wanted.")
    return float(as_array(answer))


def as_list(answer: Any, length: int | None = None) -> list[Any]:
    """Return an answer that is a list, tuple or one-dimensional array."""
    if answer is None:
        raise Wrong(f"Your function {NOTHING}")
    if isinstance(answer, np.ndarray) and answer.ndim == 1:
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise Wrong(f"Your function returns {kind_of(answer)}, but a list is wanted.")
    if length is not None and len(answer) != length:
        raise Wrong(f"Your function returns {counted(len(answer), 'entry', 'entries')}, but {length} are wanted.")
    return answer


def as_pair(answer: Any, wanted: str) -> list[Any]:
    """Return an answer that is two things; `wanted` says which ("two numbers are wanted: ...")."""
    try:
        pair = as_list(answer)
    except Wrong:
        raise Wrong(f"Your function returns {kind_of(answer)}, but {wanted}.") from None
    if len(pair) != 2:
        raise Wrong(f"Your function returns {counted(len(pair), 'entry', 'entries')}, but {wanted}.")
    return pair


def close(ours: Any, theirs: Any, tolerance: float = 1e-4) -> bool:
    """Whether two arrays agree, as far as `tolerance` times the size of their numbers."""
    scale = max(1e-12, float(np.abs(np.asarray(theirs, dtype=float)).max(initial=0)))
    return bool(
        np.abs(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)).max(initial=0) <= tolerance * scale
    )


def recognise(answer: Any, mistakes: Iterable[tuple[Any, str]], tolerance: float = 1e-4) -> None:
    """Raise Wrong with the message of the first mistake that gives this answer; mistakes: (what it gives, message)."""
    for value, message in mistakes:
        if np.shape(value) == np.shape(answer) and close(answer, value, tolerance):
            raise Wrong(message)


def name_mistake(answers: list[Any], mistakes: Iterable[tuple[list[Any], str]]) -> None:
    """Raise Wrong with the message of the first mistake that gives these very answers, one an input.

    On a single input many mistakes give the same; only over all of them can one be told from another.
    """
    for given, message in mistakes:
        if answers == given:
            raise Wrong(message)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 entry", "2 entries"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


class _List(list[Any]):
    words = ""


class _Dict(dict[str, Any]):
    words = ""


def with_kind(answer: Any, kind: Any) -> Any:
    """Return plain data that remembers what it was made from, so that `kind_of` does not call a table a dictionary."""
    remembering: dict[type, Any] = {list: _List, dict: _Dict}
    own = remembering.get(type(answer))
    if own is None or not isinstance(kind, str) or kind not in KINDS:
        return answer
    remembers = own(answer)
    remembers.words = KINDS[kind]
    return remembers


def kind_of(answer: Any) -> str:
    """Return what an answer is, in words."""
    if isinstance(answer, _List | _Dict):
        return answer.words
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    if isinstance(answer, dict) and "__object__" in answer:
        return f"an object of type {answer['__object__']}"
    names = {bool: "a truth value", int: "a whole number", float: "a decimal number", str: "a text", list: "a list"}
    return "None" if answer is None else names.get(type(answer), "a dictionary")
