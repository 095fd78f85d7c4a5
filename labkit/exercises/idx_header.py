"""The exercise of notebook 1 that reads the header of an IDX file."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_array, as_list, counted, kind_of

KINDS = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)  # what follows: one byte, signed byte, 2 bytes, 4 bytes, float, double


def draw_headers(rng: np.random.Generator) -> Inputs:
    """Return the first bytes of IDX files: headers of 1, 2, 3 and 4 dimensions, with some values behind them."""
    inputs = []
    for dimensions in (3, 1, 3, 4, 2):
        kind = int(rng.choice(KINDS))
        sizes = [int(rng.integers(300, 90_000)), *(int(size) for size in rng.integers(12, 250, dimensions - 1))]
        values = rng.integers(0, 256, 60).astype(np.uint8).tobytes()
        inputs.append((struct.pack(f">{dimensions + 1}i", kind * 256 + dimensions, *sizes) + values,))
    return inputs


def judge_headers(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer is the magic number with one size for each dimension."""
    for answer, (data,) in zip(answers, inputs, strict=True):
        if not isinstance(answer, list | np.ndarray):
            raise Wrong(
                f"Your function returns {kind_of(answer)}, but a list is wanted: the magic number and the sizes."
            )
        found = as_array(as_list(answer)).tolist()
        dimensions = data[3]
        right = _numbers(data, dimensions + 1)
        if found == right:
            continue
        for value, message in _mistakes(data, dimensions):
            if found == value:
                raise Wrong(message)
        dims = counted(dimensions, "dimension")
        if len(found) != len(right):
            raise Wrong(
                f"The header of a file with {dims} holds {len(right)} numbers, but your function returns {len(found)}: "
                "the last byte of the magic number says how many sizes follow it."
            )
        raise Wrong(
            f"For a file with {dims} your function returns {_shown(found)}, but its header says {_shown(right)}."
        )


def _numbers(data: bytes, count: int, order: str = ">", letter: str = "i", first: int = 0) -> list[Any]:
    """Return `count` whole numbers, one behind the other from byte `first`."""
    return list(struct.unpack_from(f"{order}{count}{letter}", data, first))


def _mistakes(data: bytes, dimensions: int) -> list[tuple[list[Any], str]]:
    """Return what usual mistakes give for these bytes, and the message of each."""
    right = _numbers(data, dimensions + 1)
    little = (
        "The bytes are taken from the wrong end: in an IDX file the first byte of a number counts most (big-endian)."
    )
    forgotten = "The magic number is missing: the first four bytes of the file, as one number, come before the sizes."
    return [
        (_numbers(data, dimensions + 1, "<"), little),
        (_numbers(data, dimensions + 1, "<", "I"), little),
        (right[1:], forgotten),
        (_numbers(data, dimensions, "<", first=4), f"{little} The magic number is missing, too."),
        (
            _numbers(data, 4),
            f"Four numbers are read, but this file has {counted(dimensions, 'dimension')}: the last byte of the magic "
            "number says how many sizes follow it.",
        ),
        (_numbers(data, dimensions), "The last size is missing: the magic number is not one of the sizes."),
        ([dimensions, *right[1:]], "The magic number is all four bytes as one number, not the last of them alone."),
        ([data[2], *right[1:]], "The magic number is all four bytes as one number, not the third of them alone."),
        (list(data[: dimensions + 1]), "Each number takes four bytes, and yours are single bytes."),
        (list(data[: 4 * dimensions + 4]), "Each number takes four bytes, and yours are single bytes."),
        (_numbers(data, dimensions + 1, letter="h"), "Each number takes four bytes, and yours take two."),
        (
            _numbers(data, dimensions + 1, first=4),
            "The reading begins at the fifth byte: the magic number is at the start, and what is read last is no size.",
        ),
        (right[::-1], "The order is turned round: the magic number comes first, then the sizes as they stand."),
        (_numbers(data, len(data) // 4), "The values behind the header are read as if they were sizes, too."),
    ]


def _shown(numbers: list[Any]) -> str:
    return "[" + ", ".join(f"{number:.10g}" for number in numbers[:6]) + (", ...]" if len(numbers) > 6 else "]")
