# %% [markdown]
# # 9 What does accuracy cost?
#
# Accuracy is half of a comparison. The other half is what a network costs: time, memory, parameters, arithmetic. Here you
# measure every MLP and CNN of this course, and you use PyTorch's own profiler.
#
# **Time**: about 75 minutes.
#
# **You will be able to**
#
# - time a network: warm-up, many repeats, median and quartiles;
# - profile a network with `torch.profiler`, and read its table;
# - say where the memory goes: weights, or activations;
# - choose a network for a device, and defend the choice with numbers.
#
# **You need**: notebook 5 (MLPs) and notebook 8 (CNNs).

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import time

import matplotlib.pyplot as plt
import pandas as pd
import torch

from labkit.exercises import Checker
from labkit.models import MLP, ConvNet, LeNet5, OneConvNet, cost_table, count_flops, count_parameters, operator_table
from labkit.report import begin, mcnemar, plots
from labkit.training import TrainConfig, get_device, sweep

# %%
run = begin("09_profiler_comparison", "mnist", data, profile, seed, out)
digits, profile, check = run.dataset, run.profile, Checker(run)
print(digits)

# %% [markdown]
# ## 9.1 The networks
#
# MLPs are named by their hidden layers: 300 is the widest MLP1 of notebook 5, 300-100 has two hidden layers, and so on. The
# CNNs are those of notebook 8: LeNet-5 with ReLU and max pooling, the same layers with tanh and average pooling, and three larger
# networks.

# %%
builders = {
    "30-5": (MLP, (30, 5)),
    "128-64": (MLP, (128, 64)),
    "300": (MLP, (300,)),
    "300-100": (MLP, (300, 100)),
    "500-250-100": (MLP, (500, 250, 100)),
    "512-512-512": (MLP, (512, 512, 512)),
    "LeNet-5": (LeNet5, "modern"),
    "tanh, average pooling": (LeNet5, "historical"),
    "one conv 3x3": (OneConvNet,),
    "two conv 3x3": (ConvNet, 3, 0.2),
    "two conv 5x5": (ConvNet, 5, 0.5),
}

# %% [markdown]
# A **FLOP** is one floating-point operation: one addition or one multiplication of decimal numbers. PyTorch can count those of a
# forward pass.


# %%
def build(name):
    kind, *arguments = builders[name]
    return kind(*arguments, num_classes=digits.num_classes)


networks = {name: build(name) for name in builders}
sizes = pd.DataFrame({"network": list(networks), "parameters": map(count_parameters, networks.values())})
sizes["FLOPs"] = [count_flops(network, digits.image_shape) for network in networks.values()]
sizes["FLOPs per parameter"] = sizes["FLOPs"] / sizes["parameters"]
run.table("sizes", sizes, formats={"FLOPs per parameter": "{:.1f}"})

# %% [markdown]
# **What to notice.** In a linear layer every weight is used once per image: one multiplication and one addition, so two FLOPs. Look
# at the last column: why do the CNNs compute more with each parameter?

# %% [markdown]
# ## 9.2 Accuracy
#
# All networks are trained alike: same images, same epochs, same learning rates. (Notebooks 6 to 8 train each by its own
# recipe.) The quick profile trains the five networks that take longest with two seeds, the others with five.

# %%
config = TrainConfig(
    epochs=profile.choose(quick=4, full=10),
    batch_size=profile.choose(quick=16, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
large = ["500-250-100", "512-512-512", "one conv 3x3", "two conv 3x3", "two conv 5x5"]
small = [name for name in builders if name not in large]
seeds = run.seeds[: profile.choose(quick=5, full=3)]
few = run.seeds[: profile.choose(quick=2, full=3)]
trained = sweep(build, {"name": small}, digits, config, seeds, run.cache, log=print)
larger = sweep(build, {"name": large}, digits, config, few, run.cache, log=print)
runs = pd.concat([trained.runs, larger.runs])
tests = {name: 100 * rows["test_accuracy"].to_numpy() for name, rows in runs.groupby("name", sort=False)}

# %% [markdown]
# In the quick profile, 30-5 is far from finished after four epochs (notebook 6 gives it thirty): do not read its accuracy as what
# the network can do.
#
# LeNet-5 and MLP 300 saw the same test images. So we can count the images that only one of them gets right (McNemar's count
# of notebook 8), once per seed. p says how often two equally good networks would differ at least so much.

# %% tags=["nbval-ignore-output"]
right = trained.predictions == digits.test.labels.numpy()
for this_seed in seeds:
    lenet = right[trained.select(name="LeNet-5", seed=this_seed)][0]
    mlp = right[trained.select(name="300", seed=this_seed)][0]
    print(f"seed {this_seed}, LeNet-5 against MLP 300:", mcnemar(lenet, mlp))

# %% [markdown]
# ## 9.3 Run time: one cold call proves nothing
#
# The first call of a network pays for things that happen only once: memory is taken, code is loaded, and the **cache**, a small fast memory beside the processor, is empty. Compare
# one cold call with warm ones. A **quartile** cuts off a quarter of the sorted timings: half of them lie between the first and the
# third quartile.

# %% tags=["nbval-ignore-output"]
device = get_device()
fresh = build("LeNet-5").to(device).eval()
batch = digits.test.images[:128].to(device)
with torch.inference_mode():
    start = time.perf_counter()
    fresh(batch)
    print(f"the first call takes {1e3 * (time.perf_counter() - start):.2f} ms")
warm = cost_table({"LeNet-5": fresh}, batch, [len(batch)], profile.repeats).iloc[0]
print(f"warm calls: median {warm.median_ms:.2f} ms, half between {warm.q1_ms:.2f} and {warm.q3_ms:.2f} ms")

# %% [markdown]
# The median says what to expect, the quartiles how far to trust it. A mean would be pulled up by the one moment when the
# machine did something else.
#
# ### Exercise 9.1 — time it (2 points)
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
    return pd.Series(timings).median()
    ### END SOLUTION


# %%
check("9.1", median_seconds)
### BEGIN HIDDEN TESTS
assert check.passed("9.1")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("9.1"):
    with torch.inference_mode():
        yours = median_seconds(lambda: fresh(batch), profile.repeats)
    print(f"your median {1e3 * float(yours):.2f} ms, that of cost_table {warm.median_ms:.2f} ms")

# %% [markdown]
# Below, `cost_table` measures in place of your function. It differs in three points:
#
# - It waits for a GPU, which goes on computing after a call has returned.
# - It repeats a very short call until 2 ms have passed, because reading the clock takes time as well. Each of its samples is then a
#   mean of several calls, so single calls vary more than its quartiles say.
# - It measures several networks **in turn**: one sample of each, then the next sample of each. So what disturbs the machine
#   for a moment disturbs all of them.

# %% [markdown]
# ## 9.4 Where does the time go? PyTorch's profiler
#
# A **profiler** watches a program and writes down what ran, how long, and with how much memory. PyTorch's profiler is a context:
#
#     with torch.profiler.profile(activities=[...], profile_memory=True, record_shapes=True) as prof:
#         ...  # what runs here is recorded
#     print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=6))
#
# - `activities`: what to watch, here `torch.profiler.ProfilerActivity.CPU` alone;
# - `profile_memory`: also note the memory that each operator takes and gives back;
# - `record_shapes`: also note the shapes of each operator's inputs.
#
# (In your own scripts you would import `profile` by its name. In these notebooks that name is taken.)
#
# ### Exercise 9.2 — profile a forward pass (2 points)
#
# `profile_pass` gets a network in evaluation mode and a batch. It runs the network on the batch once to warm up, and a second
# time inside of the profiler's context, with the three arguments from above. Both passes run under `torch.inference_mode()`, so
# nothing is kept for gradients. It returns the profiler `prof`.


# %%
def profile_pass(network, images):
    ### BEGIN SOLUTION
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with torch.inference_mode():
        network(images)
        with torch.profiler.profile(activities=cpu, profile_memory=True, record_shapes=True) as prof:
            network(images)
    return prof
    ### END SOLUTION


# %%
check("9.2", profile_pass)
### BEGIN HIDDEN TESTS
assert check.passed("9.2")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("9.2"):
    operators = profile_pass(fresh, batch).key_averages()
    print(operators.table(sort_by="self_cpu_time_total", row_limit=6, max_name_column_width=30))

# %% [markdown]
# An **operator** is one of PyTorch's building blocks; their names begin with `aten::`. One operator calls others: `aten::conv2d`
# calls `aten::convolution`, and this calls the one that computes. So there are two kinds of columns: "CPU total" counts an operator with
# all that it calls, "Self CPU" what it does **itself**. It is the same for memory: "CPU Mem" and "Self CPU Mem".
#
# ### Exercise 9.3 — three facts from the profiler's table (2 points)
#
# `three_facts` gets what `prof.key_averages()` returns: a list with one row per operator, in no order. A row has the attributes `key`
# (the operator's name), `count` (calls), `cpu_time_total`, `self_cpu_time_total`, `cpu_memory_usage` and
# `self_cpu_memory_usage`. It returns a tuple of three facts:
#
# 1. how often `aten::conv2d` was called;
# 2. the name of the operator with the largest `self_cpu_time_total`, which takes most time itself;
# 3. the name of the operator with the largest `self_cpu_memory_usage`, which takes most memory itself.


# %%
def three_facts(operators):
    ### BEGIN SOLUTION
    convolutions = sum(row.count for row in operators if row.key == "aten::conv2d")
    slowest = max(operators, key=lambda row: row.self_cpu_time_total)
    hungriest = max(operators, key=lambda row: row.self_cpu_memory_usage)
    return convolutions, slowest.key, hungriest.key
    ### END SOLUTION


# %%
check("9.3", three_facts)
### BEGIN HIDDEN TESTS
assert check.passed("9.3")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("9.2") and check.passed("9.3"):
    convolutions, slowest, hungriest = three_facts(operators)
    print(f"LeNet-5: {convolutions} convolutions; most time in {slowest}, most memory in {hungriest}")

# %% [markdown]
# The names depend on the machine and on PyTorch's version. `aten::empty` takes memory for others: an operator that computes a
# convolution may ask it for the place of its result.
#
# The profiler itself takes a little time for every operator that it notes, which makes short operators look longer than they are. So
# the table below comes from batches of 128 images, where most operators take much longer, and from twenty passes.

# %% tags=["nbval-ignore-output"]
main = ["300", "300-100", "LeNet-5", "two conv 5x5"]
tables = [operator_table(networks[name], batch, rows=5).assign(network=name) for name in main]
run.table("operators", pd.concat(tables)[["network", "operator", "calls", "share"]], formats={"share": "{:.1f}"})
for name, table in zip(main, tables, strict=True):
    print(f"{name}: {table['share'][0]:.0f} % of the time in {table['operator'][0]}")

# %% [markdown]
# **What to notice.** The FLOP count leaves out pooling and activations. Does the time leave them out as well?

# %% [markdown]
# ## 9.5 Cost against batch size
#
# A **batch** of images goes through the network together. An app that answers one user works with batches of 1; a job that
# runs overnight, with batches of 512. The **latency** is the time from one image to its answer. There are two kinds of memory:
#
# - **Weights** are there once, however many images come.
# - **Activations** are the tensors that the layers make on the way, and every image of the batch needs its own. The profiler tells
#   how many bytes they hold at the worst moment (the peak). The images themselves, 3 kB each, come on top.

# %% tags=["nbval-ignore-output"]
images = digits.test.images
ends = cost_table(networks, images, (1, 128), profile.repeats)
between = cost_table({name: networks[name] for name in main}, images, (8, 32, 512), profile.repeats)
curves = pd.concat([ends[ends["model"].isin(main)], between])
curves = curves.sort_values("batch_size", kind="stable")
curves["total_MB"] = curves["total_kB"] / 1e3
unsteady = (ends["q3_ms"] - ends["q1_ms"] > 0.2 * ends["median_ms"]).sum()
print(f"{unsteady} of {len(ends)} measurements have quartiles that lie more than 20 % of the median apart")

# %% [markdown]
# If these are many, something else uses the machine, or its clock slows down. Close other programs, plug in the charger, and run
# the cell again before you compare.

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.9))
panels = {"median_ms": "time per batch (ms)", "us_per_image": "time per image (µs)", "total_MB": "memory (MB)"}
for ax, (column, label) in zip(axes, panels.items(), strict=True):
    plots.cost_lines(curves, column, ax).set(title=label, xlabel="batch size")
    ax.tick_params(labelsize=8.5)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
run.figure("cost_by_batch_size", fig)

# %% tags=["nbval-ignore-output"]
for name, rows in curves.set_index("batch_size").groupby("model", sort=False):
    per_image = rows["activations_kB"][512] / 512
    overtaken = rows["weights_kB"][1] / per_image
    print(f"{name}: weights {rows['weights_kB'][1]:.0f} kB, activations {per_image:.1f} kB per image;", end=" ")
    print(f"activations need more from a batch of about {overtaken:.0f} on;", end=" ")
    print(
        f"an image in a batch of 512 takes {rows['us_per_image'][512] / rows['us_per_image'][1]:.0%} of its time alone"
    )

# %% [markdown]
# ## 9.6 The comparison
#
# One measurement serves for all that follows: the numbers for your report, the table and the figure.

# %% tags=["nbval-ignore-output"]
one = ends[ends["batch_size"] == 1].set_index("model")
many = ends[ends["batch_size"] == 128].set_index("model")
for name in networks:
    key = name.replace(", ", "_").replace("-", "_").replace(" ", "_")
    used = seeds if name in small else few
    accuracy = run.number(f"{key}_accuracy", tests[name], "%", 2, split="test", seeds=used)
    latency = run.number(f"{key}_latency", one["samples_ms"][name], "ms", 3, statistic="median [quartiles]")
    print(f"{name}: {accuracy}; {latency}")

# %% tags=["nbval-ignore-output"]
costs = sizes.drop(columns="FLOPs per parameter").assign(
    accuracy=[tests[name].mean() for name in networks],
    sd=[tests[name].std(ddof=1) for name in networks],
    weights=one["weights_kB"].to_numpy(),
    activations=one["activations_kB"].to_numpy(),
    total=one["total_kB"].to_numpy(),
    latency=one["median_ms"].to_numpy(),
)
costs["total at 128"] = many["total_kB"].to_numpy()
costs["per image at 128"] = many["us_per_image"].to_numpy()
digits_of = {"accuracy": "{:.2f}", "sd": "{:.2f}", "latency": "{:.3f}", "per image at 128": "{:.1f}"}
kilobytes = dict.fromkeys(("weights", "activations", "total", "total at 128"), "{:,.0f}")
run.table("costs", costs, formats=digits_of | kilobytes, split="test", seeds=seeds)

# %% tags=["nbval-ignore-output"]
points = costs.assign(error=100 - costs["accuracy"], q1=one["q1_ms"].to_numpy(), q3=one["q3_ms"].to_numpy())
points["kind"] = ["MLP" if isinstance(network, MLP) else "CNN" for network in networks.values()]
fig, ax = plt.subplots(figsize=(6.4, 4.2))
plots.error_against_latency(points, ax, run.reference("costs"))
run.figure("comparison", fig, split="test", seeds=seeds)

# %% tags=["nbval-ignore-output"]
mlp = costs.set_index("network").loc["300"]
lenet = costs.set_index("network").loc["LeNet-5"]
for column in ("parameters", "FLOPs", "weights", "activations", "total", "total at 128", "latency", "per image at 128"):
    print(f"{column}: LeNet-5 / MLP 300 = {lenet[column] / mlp[column]:.2f}")

# %% [markdown]
# **What to notice.** LeNet-5 has about a quarter of the parameters of MLP 300, and does more arithmetic with them: a filter's weights
# are used at every place of the image. Parameters, FLOPs, memory and seconds are four different costs; say which one you mean.

# %% [markdown]
# ### Exercise 9.4 — which network, and for which device? (1 point)
#
# A device has some memory for weights and activations, and its program works on batches. `network_for` gets a table with one row per
# network and the columns `network`, `accuracy`, `weights` (bytes) and `activations` (bytes **per image**), the memory in kB (1 kB = 1000
# bytes), and the size of a batch. It returns the name of the most accurate network of those that fit.


# %%
def network_for(costs, kilobytes, batch):
    ### BEGIN SOLUTION
    need = costs["weights"] + batch * costs["activations"]
    fitting = costs[need <= 1000 * kilobytes]
    return fitting.sort_values("accuracy")["network"].iloc[-1]
    ### END SOLUTION


# %%
check("9.4", network_for)
### BEGIN HIDDEN TESTS
assert check.passed("9.4")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("9.4"):
    table = costs.assign(weights=1e3 * costs["weights"], activations=1e3 * costs["activations"])
    for device, memory in {"a watch": 400, "a phone": 100_000}.items():
        print(f"{device} with {memory:,} kB, batch 1: {network_for(table, memory, 1)}")

# %% [markdown]
# ## Questions from your TA
#
# 1. A group times every network once, one after the other. Which of its timings is spoiled most, and what does its comparison
#    really tell?
# 2. LeNet-5 does 1.75 times the FLOPs of MLP 300 per image. Is it 1.75 times as slow at batch 1? At batch 512? Why?
# 3. At which batch size does the time per image stop falling, and what limits it from there?
# 4. You measured a forward pass. What else needs memory in training? Compute it for LeNet-5 with Adam, which keeps two more
#    numbers per parameter.
# 5. Two networks need the same memory for one image. One has many weights, the other many activations. Which of them suits a server
#    with batches of 512? And what decides on a phone, which reads one image at a time?

# %% [markdown]
# 1. The first network of the list. Each network has a first call of its own, which is too long, but the first one also pays for what
#    is loaded once for all. The comparison then tells the order of the list. Warm up, repeat, take turns, and take the median.
# 2. On a CPU, expect more than 1.75 times at both; a good answer gives both ratios from the measurements above. At batch 1 nearly every
#    operator costs a fixed time before it computes anything, and LeNet-5 calls many more operators. At batch 512 its small
#    convolutions use the processor less well than one large matrix product; and padding, pooling and activations take time, but
#    are not in the FLOPs.
# 3. Read the middle panel: name the first batch size after which the line is level within the quartiles, for each network. Before
#    that, the fixed time of each call and the reading of the weights are shared by more and more images. From there on the
#    arithmetic is the limit, or the memory: the activations of 512 images do not fit into the processor's cache.
# 4. The gradients, one number per parameter; Adam's two numbers per parameter; and the activations of **all** layers of the batch, because
#    the backward pass needs them. (In a forward pass alone, a tensor is given back as soon as the next layers are done with it.) For
#    LeNet-5 this is $61{,}706 \cdot 4$ bytes $= 247$ kB for the weights, 247 kB for the gradients and 494 kB for Adam: 987 kB before the
#    first activation.
# 5. Weights are there once, but every image of the batch needs its own activations: with 512 images, the second network needs almost
#    512 times its memory, the first hardly more than before. So the first suits the server. On the phone both need the same, so
#    something else decides: latency, accuracy, or the size of the download, which consists of the weights alone.

# %% [markdown]
# ## You can now
#
# - time a network so that somebody else would find the same;
# - write a profiler's context, and read which operators take time and memory;
# - tell weights from activations, and say which of them a batch size makes large;
# - choose a network for a device.
#
# ## References
#
# - [PyTorch: profiler recipe](https://docs.pytorch.org/tutorials/recipes/recipes/profiler_recipe.html) and
#   [`torch.profiler`](https://docs.pytorch.org/docs/stable/profiler.html).
# - LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to document recognition. *Proceedings of the IEEE* 86 (11).
#   [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791)
# - McNemar (1947). Note on the sampling error of the difference between correlated proportions or percentages. *Psychometrika* 12.
#   [doi:10.1007/BF02295996](https://doi.org/10.1007/BF02295996)
# - Kingma, Ba (2015). Adam: a method for stochastic optimization. [arXiv:1412.6980](https://arxiv.org/abs/1412.6980)

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
