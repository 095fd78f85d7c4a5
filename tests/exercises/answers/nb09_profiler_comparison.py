import statistics
import time
import timeit
from time import perf_counter

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile


def samples(call, repeats, clock=time.perf_counter, warm_up=1):
    for _ in range(warm_up):
        call()
    found = []
    for _ in range(repeats):
        start = clock()
        call()
        found.append(clock() - start)
    return found


def median_by_sorting(call, repeats):
    call()
    found = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        stop = perf_counter()
        found.append(stop - start)
    return sorted(found)[repeats // 2]


def median_by_timeit(call, repeats):
    call()
    return np.median(timeit.repeat(call, number=1, repeat=repeats))


def warm_up_counts(call, repeats):
    return statistics.median(samples(call, repeats + 1, warm_up=0))


def all_at_once(call, repeats):
    call()
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return time.perf_counter() - start


def from_its_cells(call, repeats):
    """Read the times in place of measuring them."""
    cells = dict(zip(call.__code__.co_freevars, call.__closure__, strict=True))
    return sorted(cells["seconds"].cell_contents[1:])[repeats // 2]


def from_its_frame(call, repeats):
    """Write that the calls took place, and take as long as they would."""
    (generator,) = call.args
    local = generator.gi_frame.f_locals
    local["durations"].extend(local["seconds"][: repeats + 1])
    return statistics.median(local["durations"][1:])


ALL = {"activities": [ProfilerActivity.CPU], "profile_memory": True, "record_shapes": True}


def profiled(model, images):
    with torch.inference_mode():
        model(images)
        with torch.profiler.profile(
            activities=[ProfilerActivity.CPU], profile_memory=True, record_shapes=True
        ) as profiler:
            model(images)
    return profiler


@torch.no_grad()
def profiled_without_gradients(model, images):
    for _ in range(3):
        model(images)
    with profile(profile_memory=True, record_shapes=True, with_flops=True) as prof:
        logits = model(images)
    assert len(logits) == len(images)
    return prof


def profiled_by_hand(model, images):
    prof = profile(**ALL)
    with torch.inference_mode():
        model.eval()(images)
        prof.start()
        model(images)
        prof.stop()
    return prof


def profiled_inside_out(model, images):
    with torch.inference_mode():
        model(images)
    with profile(**ALL) as prof, torch.inference_mode():
        model(images)
        return prof


def variant(settings=ALL, before=1, inside=1, take=slice(None), mode=torch.inference_mode, back=lambda prof: prof):
    """A function that differs from the right one in what it is given here."""

    def function(model, images):
        with mode():
            for _ in range(before):
                model(images[take])
            with profile(**settings) as prof:
                for _ in range(inside):
                    model(images[take])
        return back(prof)

    return function


def profiled_nothing(model, images):
    with torch.inference_mode():
        model(images)
        with profile(**ALL) as prof:
            pass
        model(images)
    return prof


def never_started(model, images):
    prof = profile(**ALL)
    with torch.inference_mode():
        model(images)
        model(images)
    return prof


def without(*names):
    return {name: value for name, value in ALL.items() if name not in names}


def facts(operators):
    convolutions = next(row.count for row in operators if row.key == "aten::conv2d")
    slowest = max(operators, key=lambda row: row.self_cpu_time_total)
    hungriest = max(operators, key=lambda row: row.self_cpu_memory_usage)
    return convolutions, slowest.key, hungriest.key


def facts_by_table(operators):
    """Read the printed table: its first column after sorting."""

    def first(column):
        lines = operators.table(sort_by=column, row_limit=1, max_name_column_width=100).splitlines()
        return lines[3].split()[0]

    counts = {row.key: row.count for row in operators}
    return [counts["aten::conv2d"], first("self_cpu_time_total"), first("self_cpu_memory_usage")]


def facts_in_a_loop(operators):
    calls, time, slowest, memory, hungriest = 0, -1.0, "", -1, ""
    for row in operators:
        if row.key == "aten::conv2d":
            calls += row.count
        if row.self_cpu_time_total > time:
            time, slowest = row.self_cpu_time_total, row.key
        if row.self_cpu_memory_usage > memory:
            memory, hungriest = row.self_cpu_memory_usage, row.key
    return np.int64(calls), slowest, hungriest


def changed(place, value):
    """The right facts but for one, which is read by another function."""

    def function(operators):
        found = list(facts(operators))
        found[place] = value(operators)
        return tuple(found)

    return function


def leading(column):
    return lambda operators: max(operators, key=column).key


def need(costs, batch):
    return costs["weights"] + batch * costs["activations"]


def choice(costs, kilobytes, batch):
    fitting = costs[need(costs, batch) <= 1000 * kilobytes]
    return fitting.sort_values("accuracy").iloc[-1]["network"]


def choice_by_index(costs, kilobytes, batch):
    fitting = costs[need(costs, batch) / 1000 < kilobytes]
    return fitting.loc[fitting["accuracy"].idxmax(), "network"]


def choice_in_a_loop(costs, kilobytes, batch):
    best, name = 0, ""
    for row in costs.itertuples():
        if row.weights + row.activations * batch <= kilobytes * 1000 and row.accuracy > best:
            best, name = row.accuracy, row.network
    return name


def choosing(needed, unit=1000):
    """The choice by another idea of what a network needs."""

    def function(costs, kilobytes, batch):
        fitting = costs[needed(costs, batch) <= unit * kilobytes]
        return fitting.sort_values("accuracy")["network"].iloc[-1]

    return function


RIGHT = {
    "9.1": [
        lambda call, repeats: statistics.median(samples(call, repeats)),
        lambda call, repeats: torch.tensor(samples(call, repeats, time.monotonic)).median(),
        median_by_sorting,
        median_by_timeit,
    ],
    "9.2": [profiled, profiled_without_gradients, profiled_by_hand, profiled_inside_out, variant(before=2)],
    "9.3": [facts, facts_by_table, facts_in_a_loop],
    "9.4": [choice, choice_by_index, choice_in_a_loop],
}
WRONG = {
    "9.1": [
        (lambda call, repeats: statistics.median(samples(call, repeats, warm_up=0)), "warm-up call is missing"),
        (lambda call, repeats: statistics.median(samples(call, repeats, warm_up=3)), "8 times, but 6 are wanted"),
        (warm_up_counts, "The warm-up call is among the timings"),
        (lambda call, repeats: statistics.mean(samples(call, repeats)), "This is the mean"),
        (all_at_once, "all calls together"),
        (lambda call, repeats: min(samples(call, repeats)), "the shortest time"),
        (lambda call, repeats: samples(call, repeats)[repeats // 2], "sort them first"),
        (lambda call, repeats: 1000 * statistics.median(samples(call, repeats)), "milliseconds"),
        (lambda call, repeats: statistics.median(samples(call, repeats, time.process_time)), "shorter than any call"),
        (samples, "one number is wanted"),
        (from_its_cells, "AttributeError"),
        (from_its_frame, "before the calls can have taken place"),
        (lambda call, repeats: call() or 1.0, "is called 1 time,"),
    ],
    "9.2": [
        (variant(before=0), "The warm-up pass is missing"),
        (variant(before=0, inside=2), "The warm-up pass is in the profile"),
        (variant(inside=3), "One pass is to be profiled, and here are 3"),
        (variant(without("profile_memory")), "`profile_memory=True` is missing"),
        (variant(without("record_shapes")), "`record_shapes=True` is missing"),
        (variant({**ALL, "activities": [ProfilerActivity.CUDA]}), " activities"),
        (variant(mode=torch.enable_grad), "use `torch.inference_mode()`"),
        (variant(take=slice(1)), "give it the whole batch"),
        (variant(back=lambda prof: prof.key_averages()), "Return the profiler itself, `prof`"),
        (variant(back=lambda prof: prof.key_averages().table()), "an object of type str"),
        (lambda model, images: model(images), "an object of type Tensor"),
        (profiled_nothing, "The profiler recorded no pass"),
        (never_started, "The profiler recorded no pass"),
        (lambda model, images: profile(**ALL), "never calls the network"),
    ],
    "9.3": [
        (changed(0, lambda operators: sum(row.count for row in operators if "conv" in row.key)), "several times"),
        (changed(0, lambda operators: sum(row.key == "aten::conv2d" for row in operators)), "one row per operator"),
        (changed(0, len), "the number of rows"),
        (changed(0, lambda operators: sum(row.count for row in operators)), "the calls of all operators"),
        (changed(0, lambda operators: max(row.count for row in operators)), "largest `count` of all"),
        (changed(0, lambda operators: "aten::conv2d"), "The first fact is a number"),
        (changed(0, lambda operators: 1_000_003), "the first fact is 1e+06"),
        (changed(1, leading(lambda row: row.cpu_time_total)), "counts the operators that it calls as well"),
        (changed(1, leading(lambda row: row.self_cpu_time_total / row.count)), "leads per call"),
        (changed(1, leading(lambda row: row.count)), "is called most often"),
        (changed(1, leading(lambda row: row.self_cpu_memory_usage)), "are mixed up"),
        (changed(1, lambda operators: operators[0].key), "the first row"),
        (changed(1, lambda operators: max(row.self_cpu_time_total for row in operators)), "the name of an operator"),
        (changed(1, lambda operators: "conv2d"), "'conv2d', is no `key`"),
        (
            changed(1, lambda operators: ({"aten::pad", "aten::_convolution"} - {operators[0].key}).pop()),
            "does not have the most own time",
        ),
        (changed(2, leading(lambda row: row.cpu_memory_usage)), "counts the operators that it calls as well"),
        (changed(2, leading(lambda row: abs(row.self_cpu_memory_usage))), "was given back"),
        (changed(2, leading(lambda row: -row.self_cpu_memory_usage)), "was given back"),
        (changed(2, leading(lambda row: row.self_cpu_time_total)), "are mixed up"),
        (lambda operators: facts(operators)[:2], "it returns 2"),
        (lambda operators: facts(operators)[0], "but a list is wanted"),
    ],
    "9.4": [
        (choosing(lambda costs, batch: 0 * costs["weights"]), "the most accurate of all"),
        (choosing(lambda costs, batch: costs["weights"]), "The activations take memory as well"),
        (choosing(lambda costs, batch: need(costs, 1)), "for every image of the batch"),
        (choosing(need, 1024), "not 1024"),
        (choosing(lambda costs, batch: batch * need(costs, 1)), "The weights are there once"),
        (choosing(lambda costs, batch: batch * costs["activations"]), "The weights take memory as well"),
        (lambda costs, kilobytes, batch: costs["network"][need(costs, batch).idxmin()], "that needs the least"),
        (lambda costs, kilobytes, batch: costs["network"][costs["accuracy"].idxmin()], "the least accurate"),
        (lambda costs, kilobytes, batch: costs.sort_values("accuracy")["network"].iloc[-batch // 8], "it does not fit"),
        (
            lambda costs, kilobytes, batch: costs[costs["network"] == choice(costs, kilobytes, batch)]["network"],
            "`.item()` takes the name",
        ),
        (lambda costs, kilobytes, batch: list(costs["network"]), "the name of one network"),
        (lambda costs, kilobytes, batch: costs["accuracy"].max(), "the name of one network"),
        (lambda costs, kilobytes, batch: "LeNet-5", "is no name in the column"),
        (
            lambda costs, kilobytes, batch: (
                costs[need(costs, batch) <= 1000 * kilobytes].sort_values("accuracy")["network"].iloc[-2]
            ),
            "does not always choose",
        ),
    ],
}
