"""What an exercise is, and what its judge needs to say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Inputs = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    collect: tries the student's object on inputs and notes plain data; a function of `trials` or `torch_trials`.
    draw: the inputs, one tuple a call, from a random generator: the same in the student's kernel and for the judge.
    judge: takes what came back, one entry an input, and the inputs; raises Wrong unless every entry is right.
    hints: one for the first failed call, a stronger one from the second on.
    """

    id: str
    title: str
    points: int
    collect: Callable[[Any, Inputs], list[dict[str, Any]]]
    draw: Callable[[np.random.Generator], Inputs]
    judge: Callable[[list[Any], Inputs], None]
    hints: tuple[str, str]


@dataclass(frozen=True)
class Verdict:
    """What became of an exercise: status "passed", "failed" or "open" (not attempted yet), and why."""

    status: str
    message: str


class Wrong(Exception):
    """An answer is not right; the message says what is wrong with it, in words for the student."""


def as_array(answer: Any, shape: tuple[int, ...] | None = None, what: str = "Your function") -> np.ndarray:
    """Return an answer as an array of decimals; Wrong unless it is numbers, of the right shape, none of them NaN."""
    try:
        array = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{what} returns {kind_of(answer)}, but numbers are wanted.") from None
    if shape is not None and array.shape != shape:
        raise Wrong(f"{what} returns the shape {array.shape}, but {shape} is wanted.")
    if not np.isfinite(array).all():
        raise Wrong(f"{what} returns NaN or infinity: somewhere it divides by 0 or takes a number that is too large.")
    return array


def as_number(answer: Any) -> float:
    """Return an answer that is one number; an array that holds one number counts."""
    array = as_array(answer)
    if array.size != 1 or isinstance(answer, str):
        raise Wrong(f"Your function returns {kind_of(answer)}, but one number is wanted.")
    return float(array.reshape(()))


def as_list(answer: Any, length: int | None = None) -> list[Any]:
    """Return an answer that is a list, tuple or one-dimensional array."""
    if isinstance(answer, np.ndarray) and answer.ndim == 1:
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise Wrong(f"Your function returns {kind_of(answer)}, but a list is wanted.")
    if length is not None and len(answer) != length:
        raise Wrong(f"Your function returns {len(answer)} entries, but {length} are wanted.")
    return answer


def close(ours: Any, theirs: Any, tolerance: float = 1e-4) -> bool:
    """Whether two arrays agree, as far as `tolerance` times the size of their numbers."""
    scale = max(1e-12, float(np.abs(np.asarray(theirs, dtype=float)).max(initial=0)))
    return bool(
        np.abs(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)).max(initial=0) <= tolerance * scale
    )


def refuse_gaps(answer: Any) -> None:
    """Raise Wrong for a column that is all NaN: so pandas subtracts or divides rows that do not belong together."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and answer.size and np.isnan(answer).all():
        raise Wrong("The result is NaN: pandas computes with rows of the same index, and these have different ones.")


def recognise(answer: Any, mistakes: Iterable[tuple[Any, str]], tolerance: float = 1e-4) -> None:
    """Raise Wrong with the message of the first mistake that gives this answer; mistakes: (what it gives, message)."""
    for value, message in mistakes:
        if np.shape(value) == np.shape(answer) and close(answer, value, tolerance):
            raise Wrong(message)


def kind_of(answer: Any) -> str:
    """Return what an answer is, in words."""
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    if isinstance(answer, dict) and "__object__" in answer:
        return f"an object of type {answer['__object__']}"
    names = {bool: "a truth value", int: "a whole number", float: "a decimal number", str: "a text", list: "a list"}
    return "None" if answer is None else names.get(type(answer), "a dictionary")


# What PyTorch says when students make the usual mistakes, and what the mistake is.
MISTAKES = (
    ("expected scalar type Long but found Float", "labels must stay whole numbers (int64): cross-entropy got decimals"),
    ("expected target dtype to be Long", "labels must stay whole numbers (int64): cross-entropy got decimals"),
    ("mat1 and mat2 shapes cannot be multiplied", "a layer gets another number of inputs than it was made for"),
    (
        "Expected 3D (unbatched) or 4D (batched) input",
        "a convolution wants images of shape (N, channels, height, width)",
    ),
    ("Can't call numpy() on Tensor that requires grad", "call .detach() before .numpy()"),
    ("does not require grad", "the loss does not hang on any parameter: nothing may be detached before backward()"),
    ("Only Tensors of floating point", "gradients need decimals: use .float()"),
    ("missing 1 required positional argument: 'self'", "give the class its own objects: Network() has brackets"),
)


def describe_error(error: dict[str, str]) -> str:
    """Return an error of student code as a sentence: the mistake by its name where it is a usual one."""
    usual = next((f" That means: {what}." for text, what in MISTAKES if text in error["message"]), "")
    line = f" in the line `{error['line']}`" if error["line"] else ""
    message = f": {error['message']}" if error["message"] else ""
    return f"Your code raised {error['type']}{line}{message}".rstrip(".") + "." + usual
