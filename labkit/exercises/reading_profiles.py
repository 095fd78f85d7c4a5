"""The exercise of notebook 9 that reads three facts in the profiler's table."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Inputs, Wrong, as_list, as_number

CALLED = "aten::conv2d"
ROWS = (  # operator; calls per convolution; time in all and its own; memory in all and its own, in shares
    ("aten::pad", 0.5, 0.05, 0.01, 0.05, 0.0),
    (CALLED, 1, 0.9, 0.03, 0.8, 0.0),  # calls all others: the most in all, little of its own
    ("aten::_convolution", 1, 0.8, 0.02, 0.8, 0.0),
    ("aten::mkldnn_convolution", 1, 0.7, 0.36, 0.78, 0.07),
    ("aten::empty", 5, 0.02, 0.02, 0.6, 0.6),
    ("aten::max_pool2d_with_indices", 1, 0.31, 0.31, 0.35, 0.35),
    ("aten::addmm", 0.5, 0.28, 0.28, 0.02, 0.02),  # few calls: the most time per call
    ("aten::clamp_min", 40, 0.26, 0.26, 0.3, 0.3),  # the most calls
    ("[memory]", 6, 0.0, 0.0, -1.5, -1.5),  # what is given back
)


def draw_operators(rng: np.random.Generator) -> Inputs:
    """Return tables of operators, in any order, in which every mistake reads something else."""
    import pandas as pd

    inputs: Inputs = []
    for swapped in (False, True):
        convolutions, microseconds, size = 2 * int(rng.integers(2, 7)), rng.uniform(2e3, 9e3), rng.uniform(1e5, 9e5)
        rows = [
            {
                "key": key,
                "count": max(1, round(calls * convolutions)),
                "cpu_time_total": round(microseconds * total, 1),
                "self_cpu_time_total": round(microseconds * own, 1),
                "cpu_memory_usage": round(size * memory),
                "self_cpu_memory_usage": round(size * own_memory),
            }
            for key, calls, total, own, memory, own_memory in ROWS
        ]
        if swapped:  # so that no name is right by habit
            _swap(rows[3], rows[5], ("self_cpu_time_total",))
            rows[5]["cpu_time_total"] = rows[5]["self_cpu_time_total"]
            _swap(rows[4], rows[7], ("cpu_memory_usage", "self_cpu_memory_usage"))
        order = rng.permutation(len(rows))
        while rows[order[0]]["key"] in {row["key"] for row in rows if _is_an_answer(row, rows)}:
            order = rng.permutation(len(rows))
        inputs.append((pd.DataFrame([rows[place] for place in order]),))
    return inputs


def _swap(row: dict[str, Any], other: dict[str, Any], columns: tuple[str, ...]) -> None:
    for column in columns:
        row[column], other[column] = other[column], row[column]


def _is_an_answer(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    return any(
        row[column] == max(other[column] for other in rows)
        for column in ("self_cpu_time_total", "self_cpu_memory_usage")
    )


def judge_facts(answers: list[Any], inputs: Inputs) -> None:
    """Raise Wrong unless each answer has the number of convolutions, the slowest operator and the hungriest one."""
    for answer, (operators,) in zip(answers, inputs, strict=True):
        facts = as_list(answer)
        if len(facts) != 3:
            raise Wrong(f"Three facts are wanted, and it returns {len(facts)}.")
        table = operators.set_index("key")
        _judge_calls(facts[0], table)
        for place, fact, own in ((2, facts[1], "self_cpu_time_total"), (3, facts[2], "self_cpu_memory_usage")):
            _judge_operator(place, fact, own, table)


def _judge_calls(fact: Any, table: Any) -> None:
    if isinstance(fact, str) or fact is None:
        raise Wrong("The first fact is a number: how often aten::conv2d was called.")
    number, counts = as_number(fact), table["count"]
    if number == counts[CALLED]:
        return
    for mistake, message in (
        (
            sum(count for key, count in counts.items() if "conv" in key),
            "aten::conv2d calls other operators with 'conv' in their names: each convolution is counted several times.",
        ),
        (1, "The table has one row per operator: its `count` says how often it was called."),
        (len(table), "This is the number of rows; the `count` of one of them is wanted."),
        (counts.sum(), "These are the calls of all operators; those of aten::conv2d are wanted."),
        (counts.max(), "This is the largest `count` of all; that of aten::conv2d is wanted."),
    ):
        if number == mistake:
            raise Wrong(message)
    raise Wrong(f"aten::conv2d was called {counts[CALLED]} times, but the first fact is {number:g}.")


def _judge_operator(place: int, fact: Any, own: str, table: Any) -> None:
    column = "own time" if place == 2 else "own memory"
    if not isinstance(fact, str):
        raise Wrong(f"Fact {place} is the name of an operator, the `key` of its row.")
    if fact not in table.index:
        raise Wrong(f"Fact {place}, {fact!r}, is no `key` in the table.")
    if fact == table[own].idxmax():
        return
    in_all, others = own.removeprefix("self_"), table.columns[table.columns.str.startswith("self_")]
    for mistake, message in (
        (
            table[in_all].idxmax(),
            f"{fact} leads in `{in_all}`, which counts the operators that it calls as well; `{own}` is its own.",
        ),
        (
            next(table[other].idxmax() for other in others if other != own),
            f"Fact {place} is about the {column}: facts 2 and 3 are mixed up.",
        ),
        (table[own].abs().idxmax(), "Negative memory was given back; the most that was taken is wanted."),
        (table["count"].idxmax(), f"{fact} is called most often; the most {column} is wanted."),
        ((table[own] / table["count"]).idxmax(), f"{fact} leads per call; the {column} of all its calls is wanted."),
        (table[own].idxmin(), f"{fact} has the least {column}; the most is wanted."),
        (table.index[0], f"{fact} stands in the first row; the rows are in no order."),
    ):
        if fact == mistake:
            raise Wrong(message)
    raise Wrong(f"{fact} does not have the most {column}.")
