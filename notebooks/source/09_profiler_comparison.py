# %% [markdown]
# # 9 What does accuracy cost?
#
# Accuracy is half of a comparison. The other half is what a network costs: time, memory, parameters, arithmetic. You
# will measure every MLP and CNN of this course the way a careful engineer does, each number with its spread.
#
# **You will learn**
#
# - how to time a network: warm-up, many repeats, median and quartiles;
# - to read the PyTorch profiler: memory at its peak, and which operators take the time;
# - how cost grows with the batch size, and why FLOPs alone do not predict seconds.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import statistics
import time
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import LogLocator

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import (
    MLP,
    ConvNet,
    LeNet5,
    OneConvNet,
    cost_table,
    count_flops,
    count_parameters,
    layer_table,
    measure_latency,
    operator_table,
)
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, set_seed, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit)
run = Run("09_profiler_comparison", profile, digits, seed, out)
check = Checker(run)
print(digits)

# %% [markdown]
# ## 9.1 The networks
#
# MLPs are named by their hidden layers: 300 is the widest MLP1 of notebook 5, 300-100 the MLP2 of LeCun et al. (1998), the
# others come from notebooks 4, 6 and 7. The CNNs are those of notebook 8. Four of them stand for all where a figure would
# become too full.

# %%
builders = {
    "30-5": partial(MLP, (30, 5)),
    "128-64": partial(MLP, (128, 64)),
    "300": partial(MLP, (300,)),
    "300-100": partial(MLP, (300, 100)),
    "500-250-100": partial(MLP, (500, 250, 100)),
    "512-512-512": partial(MLP, (512, 512, 512)),
    "LeNet-5, 1998": partial(LeNet5, "historical"),
    "LeNet-5": partial(LeNet5, "modern"),
    "one conv 3x3": OneConvNet,
    "two conv 3x3": partial(ConvNet, 3, 0.2),
    "two conv 5x5": partial(ConvNet, 5, 0.5),
}
names = list(builders)
main = ["300", "300-100", "LeNet-5", "two conv 5x5"]


def build(name):
    return builders[name](num_classes=digits.num_classes)


# %%
sizes = pd.DataFrame(
    {
        "network": names,
        "parameters": [count_parameters(build(name)) for name in names],
        "flops": [count_flops(build(name), digits.image_shape) for name in names],
    }
)
run.table(
    "sizes",
    sizes,
    "Parameters, and floating-point operations of one image's forward pass (two a multiply-add).",
    formats={"parameters": "{:,}", "flops": "{:,}"},
)

# %% [markdown]
# ### Exercise 9.1 — count the arithmetic
#
# How many floating-point operations does a convolution take for one image? `convolution_flops` gets the number of maps that
# go in and come out, the side of its square filters, and the height and width of the maps that **come out**. A multiply-add
# counts as two operations; leave the bias out.


# %%
def convolution_flops(maps_in, maps_out, side, height, width):
    ### BEGIN SOLUTION
    weights_of_a_filter = maps_in * side**2
    return 2 * weights_of_a_filter * maps_out * height * width
    ### END SOLUTION


# %%
check("9.1", convolution_flops)
### BEGIN HIDDEN TESTS
assert check.passed("9.1")
### END HIDDEN TESTS

# %%
if check.passed("9.1"):
    counted = layer_table(build("LeNet-5"), digits.image_shape).set_index("layer")["flops"]
    print("C1:", convolution_flops(1, 6, 5, 28, 28), "by hand,", counted["C1"], "counted by PyTorch")
    print("C3:", convolution_flops(6, 16, 5, 10, 10), "by hand,", counted["C3"], "counted by PyTorch")

# %% [markdown]
# In a linear layer every weight is used once an image: two operations. In a convolution it is used at every place of the map.
# So networks differ in how many operations they do with a parameter.

# %%
for name, value in zip(names, (sizes["flops"] / sizes["parameters"]).round(1), strict=True):
    print(f"{name}: {value}")

# %% [markdown]
# ## 9.2 Accuracy
#
# All are trained alike: same images, same epochs, same schedule, same seeds. (Notebooks 6 to 8 train each by its own recipe.)

# %%
config = TrainConfig(
    epochs=profile.choose(quick=2, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
seeds = run.seeds[:3]
runs = sweep(build, {"name": names}, digits, config, seeds, run.cache, log=print).runs
runs["test"] = 100 * runs["test_accuracy"]

# %% [markdown]
# ## 9.3 Run time: one cold call proves nothing
#
# The first call of a network pays for things that happen once: memory is taken, code is loaded, caches are empty. Look
# at what one cold call says, and at the median of many warm ones.

# %% tags=["nbval-ignore-output"]
set_seed(seed)
fresh = build("LeNet-5").eval()
with torch.inference_mode():
    start = time.perf_counter()
    fresh(digits.test.images[:32])
    cold = time.perf_counter() - start
warm = measure_latency(fresh, digits.test.images[:32], profile.repeats)
print(
    f"first call {1e3 * cold:.2f} ms; warm {1e3 * warm.median:.2f} ms, "
    f"half of the timings between {1e3 * warm.quantile(0.25):.2f} and {1e3 * warm.quantile(0.75):.2f} ms"
)

# %% [markdown]
# **What to notice.** The median says what to expect, the quartiles how far to trust it. A mean would be pulled up by
# the one moment when the machine did something else.

# %% [markdown]
# ### Exercise 9.2 — time it
#
# `median_seconds` measures how long `call()` takes. It calls it once to warm up, which does not count. Then it times
# `repeats` calls, each one alone, and returns the median in seconds. `time.perf_counter()` reads the clock.


# %%
def median_seconds(call, repeats):
    ### BEGIN SOLUTION
    call()
    timings = []
    for _ in range(repeats):
        before = time.perf_counter()
        call()
        timings.append(time.perf_counter() - before)
    return statistics.median(timings)
    ### END SOLUTION


# %%
check("9.2", median_seconds)
### BEGIN HIDDEN TESTS
assert check.passed("9.2")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("9.2"):
    with torch.inference_mode():
        yours = median_seconds(lambda: fresh(digits.test.images[:32]), profile.repeats)
    print(f"your median {1e3 * np.asarray(yours).item():.2f} ms, that of measure_latency {1e3 * warm.median:.2f} ms")

# %% [markdown]
# `measure_latency` goes on below in its place. It also waits for a GPU, which works on after a call has returned, and it
# repeats a very short call within one timing, because reading the clock takes time as well.

# %% [markdown]
# ## 9.4 Cost against batch size
#
# A **batch** of images goes through the network together. Larger batches use the processor better, up to a point, and
# need more memory. Batch 1 is an app that answers one user; batch 1000 is a night of work.

# %% tags=["nbval-ignore-output"]
set_seed(seed)
networks = {name: build(name) for name in names}
shown = {name: networks[name] for name in main}
rest = {name: network for name, network in networks.items() if name not in main}
costs = pd.concat(
    [
        cost_table(shown, digits.test.images, (1, 8, 32, 128, 1000), profile.repeats),
        cost_table(rest, digits.test.images, (1, 128), profile.repeats),
    ],
    ignore_index=True,
)
costs["peak_MB"] = costs["peak_memory"] / 1e6
costs["us_per_image"] = 1e3 * costs["ms_per_image"]
curves = costs[costs["model"].isin(main)]
print(f"Measured {len(names)} networks, {len(main)} of them at {curves['batch_size'].nunique()} batch sizes")

# %% tags=["nbval-ignore-output"]
headings = {
    "model": "network",
    "batch_size": "batch",
    "median_ms": "median (ms)",
    "q1_ms": "1st quartile",
    "q3_ms": "3rd quartile",
    "us_per_image": "an image (µs)",
    "peak_MB": "peak memory (MB)",
}
run.table(
    "costs",
    curves.loc[curves["batch_size"].isin([1, 32, 1000]), list(headings)].rename(columns=headings),
    "Cost of the forward pass: median and quartiles of the latency of one batch, time an image at the median, and peak "
    f"memory of the tensors made on the way. {profile.repeats} timings each.",
    formats={heading: "{:.3f}" for heading in headings.values() if heading not in ("network", "batch")},
)

# %%
fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.9))
panels = {"median_ms": "latency of a batch (ms)", "us_per_image": "time an image (µs)", "peak_MB": "peak memory (MB)"}
for ax, (column, label) in zip(axes, panels.items(), strict=True):
    plots.cost_lines(curves, column, ax).set(title=label, xlabel="batch size")
    ax.title.set_fontsize(9)
    ax.tick_params(labelsize=8.5)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
run.figure(
    "cost_by_batch_size",
    fig,
    caption="Forward pass: latency of a batch (median; band: quartiles), time an image, and peak memory, against the "
    "batch size. All axes are logarithmic.",
    alt="Three panels with one line a network over batch sizes from 1 to 1000. Latency and memory grow with the batch "
    "size, time an image falls at first; the CNNs lie above both MLPs.",
)

# %% [markdown]
# ### Exercise 9.3 — how does memory grow?
#
# Peak memory should grow in proportion to the batch size. Does it? `memory_growth` takes a table with the columns `model`,
# `batch_size` and `peak_memory`, its rows in any order, and the name of a network. It returns the peak memory of that network
# at batch size `large`, divided by that at batch size `small`.


# %%
def memory_growth(costs, network, small, large):
    ### BEGIN SOLUTION
    peak = costs[costs["model"] == network].set_index("batch_size")["peak_memory"]
    return peak[large] / peak[small]
    ### END SOLUTION


# %%
check("9.3", memory_growth)
### BEGIN HIDDEN TESTS
assert check.passed("9.3")
### END HIDDEN TESTS

# %%
if check.passed("9.3"):
    growth = float(memory_growth(costs[["model", "batch_size", "peak_memory"]], "LeNet-5", 1, 1000))
    print("From batch 1 to 1000, peak memory grows", round(growth / 100) * 100, "times")

# %% [markdown]
# ## 9.5 Where does the time go?
#
# The profiler lists the operators that ran. Names that begin with `aten::` are PyTorch's own.

# %% tags=["nbval-ignore-output"]
batch = digits.test.images[:32]
operators = pd.concat([operator_table(networks[name], batch, rows=5).assign(network=name) for name in main])
run.table(
    "operators",
    operators[["network", "operator", "calls", "share"]],
    "The five operators that take most of the forward pass at batch 32: calls a pass, and share of all operators' own "
    "time in percent.",
    formats={"share": "{:.1f}"},
)

# %% [markdown]
# **What to notice.** In the MLPs nearly all the time is one matrix product, `addmm`. In LeNet-5 convolution takes the
# largest share, but pooling and activations, which the FLOP count leaves out, take their part too.

# %% [markdown]
# ## 9.6 The comparison

# %% tags=["nbval-ignore-output"]
accuracy, latency = {}, {}
for name in names:
    key = name.replace(", ", "_").replace("-", "_").replace(" ", "_")
    tests = runs.loc[runs["name"] == name, "test"]
    accuracy[name] = run.number(f"{key}_accuracy", tests, "%", 2, split="test", seeds=seeds)
    timings = [
        1e3 * seconds for seconds in measure_latency(networks[name], digits.test.images[:1], profile.repeats).samples
    ]
    latency[name] = run.number(f"{key}_latency", timings, "ms", 3, statistic="median [quartiles]")
    print(f"{name}: {accuracy[name]}; {latency[name]}")

# %% tags=["nbval-ignore-output"]
at_one = costs[costs["batch_size"] == 1].set_index("model").loc[names]
at_many = costs[costs["batch_size"] == 128].set_index("model").loc[names]
comparison = sizes.assign(
    accuracy=[accuracy[name].split(" (")[0] for name in names],
    latency=[latency[name].split(" ms")[0] for name in names],
    many=at_many["us_per_image"].to_numpy(),
    memory=at_one["peak_memory"].to_numpy() / 1e3,
)
headings = {"accuracy": "test accuracy", "latency": "batch 1 (ms)", "many": "µs/image", "memory": "peak kB"}
run.table(
    "comparison",
    comparison.rename(columns=headings),
    "Every MLP and CNN of the course, trained alike: accuracy (mean and standard deviation over the seeds), latency of one image "
    "(median and quartiles), time an image in a batch of 128 (median), peak memory of the tensors made for one image.",
    formats={"parameters": "{:,}", "flops": "{:,}", "µs/image": "{:.1f}", "peak kB": "{:.1f}"},
    split="test",
    seeds=seeds,
)

# %%
errors = (100 - runs["test"]).groupby(runs["name"]).agg(["mean", "std"]).loc[names]
places, colours = range(len(names)), ["C0" if isinstance(network, MLP) else "C1" for network in networks.values()]
fig, axes = plt.subplots(1, 3, figsize=(6.4, 3.9), sharey=True)
for place, colour, name in zip(places, colours, names, strict=True):
    marker = plots.MARKERS[colours.index(colour) > 0]
    q1, middle, q3 = at_one.loc[name, ["q1_ms", "median_ms", "q3_ms"]]
    style = {"marker": marker, "color": colour, "capsize": 3}
    axes[0].errorbar(errors.loc[name, "mean"], place, xerr=errors.loc[name, "std"], **style)
    axes[1].errorbar(middle, place, xerr=[[middle - q1], [q3 - middle]], **style)
    axes[2].plot(count_parameters(networks[name]) / 1e3, place, marker=marker, color=colour)
for ax, label in zip(axes, ("test error (%)", "latency of\none image (ms)", "parameters\n(thousands)"), strict=True):
    ax.set(xlabel=label, xscale="log", yticks=places)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
axes[0].set_yticklabels(names)
axes[0].invert_yaxis()
run.figure(
    "comparison",
    fig,
    caption="Test error, latency of one image, and parameters of every network; all axes are logarithmic. Circles: MLPs, squares: CNNs. "
    "Error: mean and one standard deviation over the seeds; latency: median and quartiles.",
    alt="Three panels with one row a network. The CNNs, in the lower rows, have the smaller errors and the longer latencies; their "
    "numbers of parameters lie among those of the MLPs.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** LeNet-5 has a quarter of the parameters of 300 and does more arithmetic with them: weights that are
# used again and again. Parameters, FLOPs, memory and seconds are four different costs; say which one you mean.

# %% [markdown]
# ### Exercise 9.4 — which network, and for whom?
#
# A watch has 300 kB of memory for the weights. `networks_that_fit` takes `parameters`, a dictionary from the names of
# networks to their numbers of parameters, and a limit in kB (1 kB = 1000 bytes). It returns a list of the names of all networks
# whose weights need less than that. A parameter takes 4 bytes.


# %%
def networks_that_fit(parameters, kilobytes):
    ### BEGIN SOLUTION
    return [name for name, count in parameters.items() if 4 * count < 1000 * kilobytes]
    ### END SOLUTION


# %%
check("9.4", networks_that_fit)
### BEGIN HIDDEN TESTS
assert check.passed("9.4")
### END HIDDEN TESTS

# %%
if check.passed("9.4"):
    found = networks_that_fit(dict(zip(names, sizes["parameters"].tolist(), strict=True)), 300)
    print("fits into 300 kB:", sorted(found, key=names.index))

# %% [markdown]
# Which one would you ship in the watch? Defend it in two sentences, with numbers from the tables above.

# %% [markdown]
# ## Questions from your TA
#
# 1. Why is the first call slower? A group times every network once, one after the other: which of its timings is
#    spoiled most?
# 2. LeNet-5 does about 1.7 times the FLOPs of MLP 300 an image. Is it 1.7 times as slow at batch 1? At batch 1000?
#    Why?
# 3. At which batch size does the time an image stop falling, and what limits it from there?
# 4. The peak memory above leaves out the weights. When do the weights dominate, and when the activations?
# 5. Your latency quartiles are far apart. What would you do before you compare two networks?

# %% [markdown]
# 1. It pays for what happens once: memory is taken, code is loaded, caches are filled. Each network has a first call,
#    so all timings are too long, but the network that comes first suffers most: it also pays for what is loaded once
#    for all. The comparison then tells the order of the list. Warm up, repeat, and take the median.
# 2. On a CPU, expect more than 1.7 times at both. At batch 1 nearly every operator costs a fixed time before it
#    computes anything, and LeNet-5 calls many more of them. At batch 1000 its small convolutions use the processor
#    less well than one large matrix product, its padding, pooling and activations are not in the FLOPs, and it writes
#    and reads about 73 kB of tensors an image in place of 2.4 kB. A good answer gives both ratios from the table of
#    costs.
# 3. Read the middle panel: name the first batch size after which the line is level within the quartiles, for each
#    network (often 32 or 128; the time may even rise again at 1000). Before that, the fixed time of each call and the
#    reading of the weights are shared by more and more images. From there the arithmetic is the limit, or the memory:
#    the tensors of 1,000 images, 73 MB in LeNet-5, do not fit into the processor's cache.
# 4. Weights are there once, the tensors made on the way once an image. LeNet-5 has $4 \cdot 61{,}706 = 247$ kB of
#    weights and makes about 73 kB an image, so activations dominate from a batch of 4 on. MLP 300 has 954 kB of
#    weights and makes 2.4 kB an image, so its weights dominate up to nearly 400 images. In short: weights in wide
#    linear layers and small batches, activations in convolutions and large batches.
# 5. Find out what disturbs: close other programs, plug in the charger, fix the number of threads. Then warm up longer,
#    take more timings, and measure the two networks in turn, so that a disturbance hits both. Compare medians, and
#    claim a difference only if the quartiles do not overlap, in a second run as well.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
