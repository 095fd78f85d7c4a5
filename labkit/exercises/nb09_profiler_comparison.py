"""Exercises of notebook 9: arithmetic, time, memory, and what fits where."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials, trials, what_fits
from labkit.exercises.exercise import (
    Exercise,
    Inputs,
    Wrong,
    as_array,
    as_number,
    close,
    counted,
    recognise,
    refuse_gaps,
)


def _draw_convolutions(rng: np.random.Generator) -> Inputs:
    return [
        (
            int(rng.choice([4, 6, 8])),
            int(rng.integers(10, 20)),
            int(rng.choice([3, 5, 7])),
            int(rng.integers(21, 30)),
            int(rng.integers(31, 40)),
        )
        for _ in range(3)
    ]


def _judge_flops(answers: list[Any], inputs: Inputs) -> None:
    for answer, (maps_in, maps_out, side, height, width) in zip(answers, inputs, strict=True):
        number, places = as_number(answer), height * width
        expected = 2 * maps_in * side**2 * maps_out * places
        mistakes = (
            (expected / 2, "This counts multiply-adds; each is two operations."),
            (expected / maps_in, "A filter looks at every map that goes in, not at one."),
            (expected / maps_out, "This is one filter; each map that comes out has a filter of its own."),
            (expected / side, "A filter has side x side weights a map."),
            (
                expected / places,
                "Here each weight is used once; a filter is applied at every place of the map it gives.",
            ),
            (expected / height, "A map has height x width places."),
            (expected / width, "A map has height x width places."),
            (expected + maps_out * places, "This counts the bias as well; it was to be left out."),
            (expected / 2 + maps_out * places, "This counts multiply-adds, and the bias."),
            (expected - maps_out * places, "A multiply-add counts as two operations, the first of a sum as well."),
            (
                expected / places * (height + side - 1) * (width + side - 1),
                "The places of the maps that come out count, not of those that go in.",
            ),
        )
        recognise(number, mistakes, 1e-9)
        if not close(number, expected, 1e-9):
            raise Wrong(
                f"For {maps_in} maps in, {maps_out} maps out, filters of {side} x {side} and an output of "
                f"{height} x {width} it returns {number:,.0f}, which is not right."
            )


def _draw_seconds(rng: np.random.Generator) -> Inputs:
    inputs: Inputs = []
    for first, centre, others in ((50, 16, (2, 3, 7, 60)), (40, 30, (2, 7))):  # milliseconds
        timed = rng.permutation(others).tolist()
        timed.insert(len(others) // 2, centre)  # so that the timing in the middle is the median only after sorting
        scale = rng.uniform(0.9, 1.1) / 1000
        inputs.append(([float(scale * value) for value in (first, *timed)], len(timed)))
    return inputs


def _judge_median(answers: list[Any], inputs: Inputs) -> None:
    for answer, (seconds, repeats) in zip(answers, inputs, strict=True):
        durations = (
            as_array(answer["durations"]) if isinstance(answer, dict) and "durations" in answer else np.zeros(())
        )
        if durations.ndim != 1 or "returned" not in answer:
            raise Wrong("The notes of this answer do not belong to this exercise.")
        number = as_number(answer["returned"])
        if len(durations) == repeats:
            raise Wrong(f"For repeats = {repeats}, `call` is called {repeats} times: the warm-up call is missing.")
        if len(durations) != repeats + 1:
            times = counted(len(durations), "time")
            raise Wrong(f"For repeats = {repeats}, `call` is called {times}, but {repeats + 1} are wanted.")
        if as_number(answer.get("elapsed", 0)) < 0.9 * durations.sum():
            raise Wrong("It returns before the calls can have taken place.")
        if (durations < 0.9 * np.array(seconds)).any():
            raise Wrong("The notes of this answer do not belong to this exercise.")
        warm = durations[1:]
        median = float(np.median(warm))
        if _near(number, median):
            continue
        mistakes = (
            (1000 * median, "These are milliseconds; seconds are wanted."),
            (warm.mean(), "This is the mean, which one slow call pulls up; the median is wanted."),
            (warm.sum(), "This is the time of all calls together; the median of single calls is wanted."),
            (warm.min(), "This is the shortest time; the median is wanted."),
            (warm.max(), "This is the longest time; the median is wanted."),
            (warm[repeats // 2], "This is the middle one of the timings as they came; sort them first."),
            (np.median(durations), "The warm-up call is among the timings; it does not count."),
            (durations.mean(), "The warm-up call is among the timings, and this is their mean."),
        )
        nearest, message = min(mistakes, key=lambda mistake: abs(number - mistake[0]))
        if _near(number, float(nearest)):
            raise Wrong(message)
        if number < 0.5 * warm.min():
            raise Wrong("This is shorter than any call: take `time.perf_counter()`, and stop after the call is over.")
        raise Wrong(f"It returns {number:.4f} s, but the median of the timed calls is {median:.4f} s.")


def _near(seconds: float, reference: float) -> bool:
    """Whether two times agree as far as can be said of times that two clocks measured."""
    return bool(abs(seconds - reference) <= 0.15 * reference + 0.0005)


def _draw_costs(rng: np.random.Generator) -> Inputs:
    import pandas as pd

    inputs: Inputs = []
    for small, large in ((8, 500), (1, 64)):
        names = [str(name) for name in rng.permutation(["deep", "wide", "two maps"])]
        powers, sizes = rng.permutation([0.65, 0.78, 0.91]), rng.uniform(3e4, 9e4, 3)
        rows = [
            (name, int(batch), round(size * batch**power))
            for name, power, size in zip(names, powers, sizes, strict=True)
            for batch in rng.permutation([1, 8, 64, 500])
        ]
        costs = pd.DataFrame(rows, columns=["model", "batch_size", "peak_memory"])
        inputs.append((costs, names[1], small, large))  # neither the first nor the last rows
    return inputs


def _judge_growth(answers: list[Any], inputs: Inputs) -> None:
    for answer, (costs, network, small, large) in zip(answers, inputs, strict=True):
        refuse_gaps(answer)
        if (array := as_array(answer)).ndim and array.size == 1:
            raise Wrong("This is a column with one entry; `.item()` takes the number out of it.")
        number = as_number(answer)
        memory = costs.pivot(index="model", columns="batch_size", values="peak_memory")
        of_network, first = (
            memory.loc[network],
            costs.drop_duplicates("batch_size").set_index("batch_size")["peak_memory"],
        )
        expected = of_network[large] / of_network[small]
        if close(number, expected, 1e-6):
            continue
        of_others = [memory.loc[name, large] / memory.loc[name, small] for name in memory.index if name != network]
        mixed = [(sums[large] / sums[small]) for sums in (memory.sum(), memory.max(), first)]
        for mistakes, message in (
            ([1 / expected], "The ratio is turned round: how many times more memory does the large batch need?"),
            ([of_network[large] - of_network[small]], "This is the difference; the ratio is wanted."),
            ([expected - 1], "This is the growth less 1; how many times as much is it?"),
            ([large / small], "This is the ratio of the batch sizes; that of the peak memory is wanted."),
            ([round(expected), expected // 1, expected // -1 * -1], "The ratio is rounded to a whole number."),
            ([100 * expected, 100 * (expected - 1)], "This is in percent; how many times as much is it?"),
            ([expected * small / large], "This is the ratio an image; that of the whole batches is wanted."),
            (
                [of_network.max() / of_network.min()],
                "These are the largest and smallest batch of all, not those that were asked for.",
            ),
            (of_others, "These are rows of another network."),
            (mixed, "Rows of other networks are among these; only those of `network` count."),
        ):
            if any(close(number, mistake, 1e-6) for mistake in mistakes):
                raise Wrong(message)
        raise Wrong(f"For batches of {small} and {large} it returns {number:g}, but the ratio is {expected:g}.")


EXERCISES = (
    Exercise(
        "9.1",
        "count the arithmetic",
        1,
        trials.calls,
        _draw_convolutions,
        _judge_flops,
        (
            "Begin with one value of one map that comes out: how many weights does it sum over?",
            "Each output value costs two operations for every weight of its filter. How many output values are there?",
        ),
    ),
    Exercise(
        "9.2",
        "time it",
        2,
        torch_trials.on_sleepers,
        _draw_seconds,
        _judge_median,
        (
            "Call once before any clock is read. Then read the clock just before and just after each single call.",
            "Collect one difference of two readings for each repeat in a list; only at the end take its median.",
        ),
    ),
    Exercise(
        "9.3",
        "how does memory grow?",
        1,
        trials.calls,
        _draw_costs,
        _judge_growth,
        (
            "First keep only the rows of the network, then find the one of each batch size among them.",
            "`set_index` makes the batch size the name of a row; then a batch size in brackets gives its memory.",
        ),
    ),
    Exercise(
        "9.4",
        "which network, and for whom?",
        1,
        trials.calls,
        what_fits.draw_networks,
        what_fits.judge_fit,
        (
            "Turn both sides into bytes: the parameters of each network, and the limit.",
            "`parameters.items()` gives pairs of name and number; keep a name if 4 bytes a parameter are few enough.",
        ),
    ),
)
