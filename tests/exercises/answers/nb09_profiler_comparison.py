import statistics
import time
import timeit
from time import perf_counter

import numpy as np
import torch


def flops(maps_in, maps_out, side, height, width):
    return 2 * maps_in * side**2 * maps_out * height * width


def flops_in_loops(maps_in, maps_out, side, height, width):
    return sum(2 * maps_in * side * side for _ in range(maps_out) for _ in range(height * width))


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


def memory(costs, network, batch):
    return costs[(costs["model"] == network) & (costs["batch_size"] == batch)]["peak_memory"]


def growth(costs, network, small, large):
    return memory(costs, network, large).item() / memory(costs, network, small).item()


def growth_by_pivot(costs, network, small, large):
    table = costs.pivot(index="batch_size", columns="model", values="peak_memory")[network]
    return torch.tensor(table[large] / table[small])


def growth_of_sums(costs, network, small, large):
    sums = costs.groupby("batch_size")["peak_memory"].sum()
    return sums[large] / sums[small]


def growth_of_first_rows(costs, network, small, large):
    first = costs.groupby("batch_size")["peak_memory"].first()
    return first[large] / first[small]


def growth_at_the_ends(costs, network, small, large):
    own = costs[costs["model"] == network]["peak_memory"]
    return own.max() / own.min()


def fitting(most):
    """Names of networks with fewer parameters than `most` allows for the kilobytes."""
    return lambda parameters, kilobytes: [name for name, count in parameters.items() if count < most(kilobytes)]


fit = fitting(lambda kilobytes: 1000 * kilobytes / 4)


def fit_by_bytes(parameters, kilobytes):
    return {name for name in parameters if 4 * parameters[name] / 1000 < kilobytes}


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


RIGHT = {
    "9.1": [flops, flops_in_loops, lambda *sizes: torch.tensor(float(flops(*sizes)))],
    "9.2": [
        lambda call, repeats: statistics.median(samples(call, repeats)),
        lambda call, repeats: torch.tensor(samples(call, repeats, time.monotonic)).median(),
        median_by_sorting,
        median_by_timeit,
    ],
    "9.3": [growth, growth_by_pivot],
    "9.4": [
        fit,
        fit_by_bytes,
        lambda *arguments: np.array(fit(*arguments)),
        lambda parameters, kilobytes: [name for name in parameters if 4 * parameters[name] // 1000 < kilobytes],
    ],
}
WRONG = {
    "9.1": [
        (lambda *sizes: flops(*sizes) / 2, "each is two operations"),
        (lambda maps_in, *sizes: flops(1, *sizes), "every map that goes in"),
        (lambda maps_in, maps_out, *sizes: flops(maps_in, 1, *sizes), "one filter"),
        (lambda maps_in, maps_out, side, *sizes: flops(maps_in, maps_out, side, *sizes) / side, "side x side"),
        (lambda maps_in, maps_out, side, *_: 2 * maps_in * maps_out * side**2, "each weight is used once"),
        (lambda *sizes: flops(*sizes) // sizes[-1], "height x width places"),
        (lambda *sizes: flops(*sizes) + sizes[1] * sizes[3] * sizes[4], "the bias as well"),
        (lambda *sizes: sum(sizes), "which is not right"),
        (
            lambda maps_in, maps_out, side, height, width: flops(
                maps_in, maps_out, side, height + side - 1, width + side - 1
            ),
            "not of those that go in",
        ),
        (lambda *sizes: flops(*sizes) - sizes[1] * sizes[3] * sizes[4], "the first of a sum as well"),
    ],
    "9.2": [
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
    "9.3": [
        (lambda costs, network, small, large: growth(costs, network, large, small), "turned round"),
        (
            lambda costs, network, small, large: (
                memory(costs, network, large).item() - memory(costs, network, small).item()
            ),
            "the difference",
        ),
        (lambda *arguments: growth(*arguments) - 1, "less 1"),
        (lambda costs, network, small, large: large / small, "ratio of the batch sizes"),
        (lambda costs, network, *sizes: growth(costs, costs["model"].iloc[-1], *sizes), "rows of another network"),
        (growth_of_first_rows, "rows of another network"),
        (growth_of_sums, "Rows of other networks"),
        (growth_at_the_ends, "not those that were asked for"),
        (
            lambda costs, network, small, large: memory(costs, network, large) / memory(costs, network, small),
            "rows of the same index",
        ),
        (
            lambda costs, network, small, large: memory(costs, network, large) / memory(costs, network, small).item(),
            "column with one entry",
        ),
        (lambda *arguments: round(growth(*arguments)), "is rounded"),
        (lambda *arguments: int(growth(*arguments)), "is rounded"),
        (lambda *arguments: 100 * growth(*arguments), "in percent"),
        (lambda *arguments: growth(*arguments) * arguments[2] / arguments[3], "the ratio an image"),
        (lambda costs, network, small, large: growth(costs, network, 1, 500), "not those that were asked for"),
        (lambda *arguments: np.array([[growth(*arguments)]]), "column with one entry"),
    ],
    "9.4": [
        (fitting(lambda kilobytes: 1024 * kilobytes / 4), "not 1024"),
        (fitting(lambda kilobytes: 1000 * kilobytes), "4 bytes, not 1"),
        (fitting(lambda kilobytes: 1000 * kilobytes / 32), "32 bits"),
        (fitting(lambda kilobytes: kilobytes / 4), "The limit is in kB"),
        (lambda parameters, kilobytes: ["medium"], "This is the largest that fits"),
        (lambda parameters, kilobytes: "medium", "a text, but a list is wanted"),
        (lambda parameters, kilobytes: list(set(parameters) - set(fit(parameters, kilobytes))), "do not fit"),
        (lambda parameters, kilobytes: list(parameters), "all networks"),
        (lambda parameters, kilobytes: [parameters[name] for name in fit(parameters, kilobytes)], "names of the"),
        (lambda parameters, kilobytes: ["small"], "'medium' ("),
        (lambda *arguments: [*fit(*arguments), "huge"], "'huge' does not belong there"),
        (fitting(lambda kilobytes: 1000 * kilobytes / 4 + 1), "does not need less"),
        (
            lambda parameters, kilobytes: [name for name in parameters if 4 * parameters[name] <= 1000 * kilobytes],
            "less",
        ),
        (fitting(lambda kilobytes: 1000 * kilobytes / 8), "4 bytes, not 8"),
        (fitting(lambda kilobytes: 1000 * kilobytes / 2), "4 bytes, not 2"),
        (fitting(lambda kilobytes: 300_000 / 4), "It always takes 300 kB"),
        (lambda parameters, _: [name for name in parameters if 4 * parameters[name] <= 300_000], "always takes 300 kB"),
        (
            lambda parameters, kilobytes: [name for name in parameters if round(parameters[name] / 250) < kilobytes],
            "It rounds to whole kB",
        ),
        (
            lambda parameters, kilobytes: [name for name in parameters if parameters[name] > 250 * kilobytes],
            "do not fit",
        ),
        (lambda *arguments: 2 * fit(*arguments), "each is wanted once"),
        (lambda *arguments: ["LeNet-5"], "is no name in `parameters`"),
        (lambda *arguments: [], "The limit is in kB"),
    ],
}
