"""Exercises of notebook 9: timing, the profiler, what it says, and which network fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import profiler_trials, reading_profiles, torch_trials, trials, what_fits
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_number, counted


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


def _draw_networks(rng: np.random.Generator) -> Inputs:
    return [(int(convolutions), int(rng.integers(3, 9)), int(rng.integers(1_000))) for convolutions in (2, 3)]


def _judge_profiler(answers: list[Any], inputs: Inputs) -> None:
    for answer, (convolutions, images, _) in zip(answers, inputs, strict=True):
        if not isinstance(answer, dict) or not isinstance(answer.get("passes"), list):
            raise Wrong("The notes of this answer do not belong to this exercise.")
        profiler, passes = answer.get("profiler"), answer["passes"]
        if not profiler:
            raise Wrong(f"Return the profiler itself, `prof`; this is an object of type {answer.get('kind')}.")
        if not passes:
            raise Wrong("It never calls the network.")
        calls = profiler["calls"]
        profiled = calls.get("aten::conv2d", 0) / convolutions
        if not profiled:
            raise Wrong(
                "The profiler recorded no pass: run the network inside of `with torch.profiler.profile(...)`, with "
                "`ProfilerActivity.CPU` among its activities."
            )
        if not profiler["memory"]:
            raise Wrong("`profile_memory=True` is missing: the table says nothing of memory.")
        if not profiler["shapes"]:
            raise Wrong("`record_shapes=True` is missing: the profiler does not note the shapes of the inputs.")
        if any(recorded for _, recorded in passes):
            raise Wrong("A pass was recorded for gradients, which costs time and memory: use `torch.inference_mode()`.")
        if any(size != images for size, _ in passes):
            raise Wrong(f"The network got {passes[-1][0]} of {images} images: give it the whole batch.")
        if len(passes) == 1:
            raise Wrong("The warm-up pass is missing: what happens only once would be in the profile.")
        if profiled == len(passes):
            raise Wrong("The warm-up pass is in the profile as well: run it before the `with` line.")
        if profiled != 1:
            raise Wrong(f"One pass is to be profiled, and here are {profiled:g}.")


EXERCISES = (
    Exercise(
        "9.1",
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
        "9.2",
        "profile a forward pass",
        2,
        profiler_trials.on_networks,
        _draw_networks,
        _judge_profiler,
        (
            "Three steps inside `with torch.inference_mode():` — a pass, the context of the profiler, a pass in it.",
            "`with torch.profiler.profile(...) as prof:` records what is indented below it. Return `prof` after it.",
        ),
    ),
    Exercise(
        "9.3",
        "three facts from the profiler's table",
        2,
        profiler_trials.on_operators,
        reading_profiles.draw_operators,
        reading_profiles.judge_facts,
        (
            "Go through the rows: `for row in operators`. A name stands in `row.key`, numbers in the other attributes.",
            "`max(operators, key=lambda row: row.count)` is the row with the most calls; other columns work alike.",
        ),
    ),
    Exercise(
        "9.4",
        "which network, and for which device?",
        1,
        trials.calls,
        what_fits.draw_devices,
        what_fits.judge_choice,
        (
            "Compute for every row what it needs: its weights once, its activations for every image of the batch.",
            "`costs[need <= limit]` keeps the rows that fit; sort them by accuracy, and take the name of the best.",
        ),
    ),
)
