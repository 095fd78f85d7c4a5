# %% [markdown]
# # 3 Designing a CNN: feature maps, depth, activation
#
# The network of notebook 2 is the **baseline**. You will change one thing at a time (how many feature maps, how many layers,
# which activation), train every design with several seeds, and find out which of the three matters most.
#
# **You will learn**
#
# - to describe a network by its drawing and its per-layer table, before you train it;
# - to compare designs by the size of an effect beside the spread between seeds;
# - what a short training hides: some designs are not worse, only slower.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": CIFAR-10 where it is on disk, else the embedded shapes; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import CifarNet, count_flops, count_parameters, draw_architecture, layer_table
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
images = load("cifar10", data, train_limit=profile.choose(quick=1_000, full=None))
run = Run("03_cifar_exploration", profile, images, seed, out)
check = Checker(run)
seeds = run.seeds[:3]
print(images)

# %% [markdown]
# ## 3.1 The designs
#
# The baseline has 7 layers, counted as for LeNet-5: convolution C1, pooling S2, convolution C3, pooling S4, and three fully
# connected layers C5, F6 and output. `CifarNet` builds it and every variant:
#
# - **feature maps**: C1 with 8, 10 or 12 maps in place of 6; C3 with 20, 24 or 28 in place of 16;
# - **depth**: 9, 11 or 13 layers. Each step adds one convolution behind C1 and one behind C3, with 3 x 3 filters and a border
#   of zeros, so that the maps keep their size;
# - **activation**: sigmoid or tanh in place of ReLU.

# %%
baseline = {"feature_maps": (6, 16), "depth": 7, "activation": "relu"}
designs = {"baseline": ("-", baseline)}
for maps in (8, 10, 12):
    designs[f"C1: {maps}"] = ("feature maps", {**baseline, "feature_maps": (maps, 16)})
for maps in (20, 24, 28):
    designs[f"C3: {maps}"] = ("feature maps", {**baseline, "feature_maps": (6, maps)})
for depth in (9, 11, 13):
    designs[f"{depth} layers"] = ("depth", {**baseline, "depth": depth})
for activation in ("sigmoid", "tanh"):
    designs[activation] = ("activation", {**baseline, "activation": activation})
networks = {name: CifarNet(**design, num_classes=images.num_classes) for name, (_, design) in designs.items()}

# %%
run.table(
    "layers_baseline",
    layer_table(networks["baseline"], images.image_shape),
    "The baseline, layer by layer, for one image: shape of the output, parameters, and floating-point operations (two a "
    "multiply-add; pooling and activations are not counted).",
    formats={"parameters": "{:,}", "flops": "{:,}"},
)

# %% [markdown]
# ### Exercise 3.1 — count the parameters of a convolution
#
# Write a function for the number of parameters of a convolution with `maps_in` input maps, `maps_out` output maps and
# square filters of side `side`, biases included. A formula is wanted; whoever lets PyTorch make the layer and counts its
# numbers has understood it as well.


# %%
def parameters_of_convolution(maps_in, maps_out, side):
    ### BEGIN SOLUTION
    return (maps_in * side * side + 1) * maps_out
    ### END SOLUTION


# %%
check("3.1", parameters_of_convolution)
### BEGIN HIDDEN TESTS
assert check.passed("3.1")
### END HIDDEN TESTS

# %% [markdown]
# Compare with the table above: C1 goes from 3 maps to 6, C3 from 6 to 16.

# %%
if check.passed("3.1"):
    print("C1", parameters_of_convolution(3, 6, 5), "C3", parameters_of_convolution(6, 16, 5))

# %%
wider = [name for name, (factor, _) in designs.items() if factor == "feature maps"]
fig, axes = plt.subplots(len(wider) // 2, 2, figsize=(6.4, 3.9))
for ax, name in zip(axes.flat, wider, strict=True):
    draw_architecture(networks[name], images.image_shape, ax)
    ax.set_title(name, fontsize=9, loc="left")
run.figure(
    "wider_structures",
    fig,
    caption="The designs with more feature maps. Squares are feature maps, with their number and size below; bars are vectors.",
    alt="Six rows of boxes. All go from 3 maps of 32 by 32 to ten outputs; C1 has 8, 10 or 12 maps, or C3 has 20, 24 or 28.",
)

# %%
deeper = [name for name, (factor, _) in designs.items() if factor == "depth"]
fig, axes = plt.subplots(len(deeper) + 1, 1, figsize=(6.4, 5.0))
for ax, name in zip(axes, ["baseline", *deeper], strict=True):
    draw_architecture(networks[name], images.image_shape, ax)
    ax.set_title(name, fontsize=9, loc="left")
run.figure(
    "deeper_structures",
    fig,
    caption="The baseline (7 layers) and the deeper designs. C1_2, C3_2 and so on are added convolutions with 3 x 3 filters.",
    alt="Four rows of boxes. The rows grow longer: each step adds a convolution behind C1 and one behind C3; sizes stay.",
)

# %%
table = pd.DataFrame(
    {
        "design": list(networks),
        "factor": [factor for factor, _ in designs.values()],
        "parameters": [count_parameters(network) for network in networks.values()],
        "flops": [count_flops(network, images.image_shape) for network in networks.values()],
    }
)
run.table("designs", table, "The designs: parameters, and floating-point operations an image.")

# %%
layers = {
    name: layer_table(networks[name], images.image_shape).query("parameters > 0").set_index("layer")
    for name in ["baseline", *wider, *deeper]
}
order = layers["13 layers"].index
by_layer = pd.DataFrame({name: rows["parameters"].reindex(order) for name, rows in layers.items()})
run.table(
    "parameters_by_layer",
    by_layer.T.map(lambda count: "-" if np.isnan(count) else f"{count:,.0f}").reset_index(names="design"),
    "Parameters of every layer of every design. The activations sigmoid and tanh change none of them.",
)

# %% [markdown]
# ## 3.2 Training all of them alike
#
# Everything but the design is the same for all: images, Adam with learning rate 0.001, batches, epochs, seeds. The
# learning rate is constant, so that the state after two epochs is what a training of two epochs would have given. The quick
# profile trains only the last step of each factor, on so few images that accuracies stay close to guessing (10 %): it
# shows how the comparison is made. For conclusions you need the full profile, which trains every design on all images.

# %% tags=["nbval-ignore-output"]
config = TrainConfig(
    epochs=profile.choose(quick=4, full=10), batch_size=profile.choose(quick=16, full=64), optimizer="adam", lr=1e-3
)
last_steps = ["baseline", "C1: 12", "C3: 28", "13 layers", "sigmoid", "tanh"]
trained = profile.choose(quick=last_steps, full=list(designs))
outcomes = {}
for name in trained:
    one = {key: [value] for key, value in designs[name][1].items()}
    outcomes[name] = sweep(CifarNet, one, images, config, seeds, run.cache)
    print(f"{name}: {100 * outcomes[name].runs['test_accuracy'].mean():.1f} % test accuracy over {len(seeds)} seeds")

# %% tags=["nbval-ignore-output"]
runs = pd.concat([result.runs.assign(design=name) for name, result in outcomes.items()], ignore_index=True)
epochs = pd.concat([result.epochs.assign(design=name) for name, result in outcomes.items()], ignore_index=True)
runs["test"] = 100 * runs["test_accuracy"]
runs["C1"], runs["C3"] = runs["feature_maps"].str[0], runs["feature_maps"].str[1]
epochs["validation"] = 100 * epochs["validation_accuracy"]
run.table(
    "accuracy",
    runs.groupby("design", sort=False)
    .agg(parameters=("parameters", "first"), mean=("test", "mean"), sd=("test", "std"), worst=("test", "min"))
    .reset_index(),
    "Test accuracy in percent of every design: mean, standard deviation and worst of the seeds.",
    formats={"parameters": "{:,}", "mean": "{:.1f}", "sd": "{:.1f}", "worst": "{:.1f}"},
    split="test",
    seeds=seeds,
)

# %%
base = runs["design"] == "baseline"
factor = runs["design"].map({name: factor for name, (factor, _) in designs.items()})
fig, axes = plt.subplots(1, 4, figsize=(6.4, 2.9), sharey=True)
for index, (ax, column) in enumerate(zip(axes, ("C1", "C3", "depth"), strict=False)):
    rows = runs[base | runs["design"].str.startswith(column) | ((factor == "depth") & (column == "depth"))]
    plots.spread_line(rows, column, "test", ax, index=index)
    ax.set(xlabel="layers" if column == "depth" else f"maps of {column}", xticks=sorted(set(rows[column])))
plots.seed_dots(runs[base | (factor == "activation")], "activation", "test", axes[3])
axes[3].tick_params(axis="x", labelsize=8.5)
axes[0].set_ylabel("test accuracy (%)")
run.figure(
    "accuracy",
    fig,
    caption="Test accuracy of every design, one factor a panel; the leftmost point of each is the baseline. Lines and markers: mean "
    "over the seeds; bands and whiskers: one standard deviation; dots: single runs.",
    alt="Four panels with one vertical axis: maps of C1, maps of C3, layers, and activation. Sigmoid lies lowest of the "
    "three activations.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** Look at the bands before you look at the lines: where neighbouring bands overlap, the difference may be
# nothing but the draw of the initial weights.
#
# ## 3.3 Which factor matters most?
#
# Each seed trained every design, so designs are compared **seed by seed**: the difference to the baseline of the same seed.
# Its mean says how large the effect is in percentage points. Divided by the pooled standard deviation of the two
# designs it becomes **Cohen's d**, an effect in units of the spread between seeds: below 1, two runs easily come out
# in the other order.
#
# ### Exercise 3.2 — write Cohen's d
#
# Write `cohens_d(ours, theirs)` for two arrays: the mean of `ours` minus that of `theirs`, divided by
# $\sqrt{(s_1^2 + s_2^2)/2}$, where $s_1$ and $s_2$ are the sample standard deviations (`ddof=1`).


# %%
def cohens_d(ours, theirs):
    ### BEGIN SOLUTION
    pooled = np.sqrt((np.var(ours, ddof=1) + np.var(theirs, ddof=1)) / 2)
    return (np.mean(ours) - np.mean(theirs)) / pooled
    ### END SOLUTION


# %%
check("3.2", cohens_d)
### BEGIN HIDDEN TESTS
assert check.passed("3.2")
### END HIDDEN TESTS

# %%
wide = runs.pivot(index="seed", columns="design", values="test")
others = [name for name in trained if name != "baseline"]
effects = pd.DataFrame(
    {
        "design": others,
        "factor": [designs[name][0] for name in others],
        "difference": [(wide[name] - wide["baseline"]).mean() for name in others],
        "sd": [(wide[name] - wide["baseline"]).std() for name in others],
        "d": np.nan,  # filled in as soon as your function is right
    }
)
if check.passed("3.2"):
    effects["d"] = [float(cohens_d(wide[name].to_numpy(), wide["baseline"].to_numpy())) for name in others]

# %% tags=["nbval-ignore-output"]
effects["size"] = effects["difference"].abs()
ranking = effects.loc[effects.groupby("factor")["size"].idxmax()].sort_values("size", ascending=False)
run.table(
    "ranking",
    ranking[["factor", "design", "difference", "sd", "d"]],
    "The three factors, ranked by their largest effect: the design that differs most from the baseline, its difference in "
    "percentage points (mean and standard deviation, seed by seed), and Cohen's d.",
    formats={"difference": "{:+.1f}", "sd": "{:.1f}", "d": "{:+.1f}"},
    split="test",
    seeds=seeds,
)

# %%
change = runs[~base].assign(change=runs["test"] - runs["seed"].map(wide["baseline"]))
fig, ax = plt.subplots(figsize=(6.4, 3.2))
plots.seed_dots(change, "design", "change", ax)
ax.axhline(0, color="0.3", linewidth=1)
ax.set_xticks(range(len(others)), [name.replace(" ", "\n") for name in others], fontsize=8.5)
ax.set_ylabel("difference to the baseline\n(percentage points)")
run.figure(
    "effects",
    fig,
    caption="Difference of every design to the baseline of the same seed, in percentage points of test accuracy. Dots: single seeds; "
    "markers with whiskers: mean and one standard deviation. The line at 0 is the baseline.",
    alt="A group of dots for each design around a line at zero; sigmoid lies far below it.",
    split="test",
    seeds=seeds,
)

# %% tags=["nbval-ignore-output"]
keys = {"baseline": "baseline", "C1: 12": "c1_12", "C3: 28": "c3_28", "13 layers": "depth_13"}
for name, key in {**keys, "sigmoid": "sigmoid", "tanh": "tanh"}.items():
    rows = runs[runs["design"] == name]
    print(name, run.number(f"{key}_test", rows["test"], "%", 1, split="test", seeds=seeds))
    run.number(f"{key}_seconds", rows["seconds"], "s", 1, seeds=seeds)

# %% [markdown]
# **What to notice.** A factor's effect is not a property of the factor alone: it depends on the levels that were tried, on the
# training, and on the data. Sigmoid is slow because its slope is at most 1/4, so that a gradient that passes six of them
# has shrunk by at least $4^6 = 4096$.
#
# ## 3.4 What two epochs hide
#
# The tutorial that the baseline comes from trains for two epochs. Here is the accuracy after every epoch.

# %%
fig, ax = plt.subplots(figsize=(6.0, 3.6))
for index, name in enumerate(["baseline", "C3: 28", "13 layers", "tanh", "sigmoid"]):
    plots.spread_line(epochs[epochs["design"] == name], "epoch", "validation", ax, label=name, index=index)
ax.axvline(2, color="0.3", linestyle=":", linewidth=1.2)
ax.set(xlabel="epoch", ylabel="validation accuracy (%)", xticks=range(1, config.epochs + 1))
ax.legend(loc="lower right", ncols=2, fontsize=8.5)
run.figure(
    "epochs",
    fig,
    caption="Validation accuracy after each epoch for five designs. Lines: mean over the seeds; bands: one standard deviation; dots: single "
    "runs; the dotted line marks two epochs.",
    alt="Five lines over the epochs. At the dotted line at two epochs the lines have another order and distance than at the end; "
    "sigmoid starts last.",
    split="validation",
    seeds=seeds,
)

# %% [markdown]
# ### Exercise 3.3 — does the order change?
#
# Write `places_changed(after)`. The table `after` has a row for each design and two columns, its accuracy at two moments.
# In each column every design has a place: 1 is the best. Return how many designs have another place in the second
# column than in the first. The columns may have any names, and no two accuracies in a column are equal.


# %%
def places_changed(after):
    ### BEGIN SOLUTION
    places = after.rank(ascending=False, method="first")
    return int((places.iloc[:, 0] != places.iloc[:, 1]).sum())
    ### END SOLUTION


# %%
check("3.3", places_changed)
### BEGIN HIDDEN TESTS
assert check.passed("3.3")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
last = config.epochs
after = epochs.pivot_table(index="design", columns="epoch", values="validation", sort=False)[[2, last]]
if check.passed("3.3"):
    print(f"{int(places_changed(after))} of {len(after)} designs changed their place after epoch 2.")

# %% tags=["nbval-ignore-output"]
run.table(
    "after_two_epochs",
    after.assign(gain=after[last] - after[2])
    .sort_values("gain", ascending=False)
    .reset_index()
    .rename(columns={2: "2 epochs", last: "the end"}),
    "Mean validation accuracy in percent after two epochs and at the end, and the gain between them. A large gain means that "
    "two epochs were too few.",
    formats={"2 epochs": "{:.1f}", "the end": "{:.1f}", "gain": "{:.1f}"},
    split="validation",
    seeds=seeds,
)

# %% [markdown]
# ### Exercise 3.4 — your own design
#
# The designs above change one thing at a time. Combine what you found: `my_design` returns a dictionary with the keys of
# `baseline` (`feature_maps`, `depth` and `activation`) for a network that you expect to beat it. Change two or more of
# its four values: the maps of C1, the maps of C3, the depth, the activation.


# %%
def my_design():
    ### BEGIN SOLUTION
    return {"feature_maps": (12, 28), "depth": 7, "activation": "relu"}
    ### END SOLUTION


# %%
check("3.4", my_design)
### BEGIN HIDDEN TESTS
assert check.passed("3.4")
### END HIDDEN TESTS

# %% [markdown]
# Your network is trained with the same settings and seeds as all others, and compared with the baseline seed by seed.

# %% tags=["nbval-ignore-output"]
if check.passed("3.4"):
    one = {key: [value] for key, value in my_design().items()}
    own = sweep(CifarNet, one, images, config, seeds, run.cache).runs
    gain = 100 * own["test_accuracy"].to_numpy() - wide["baseline"].to_numpy()
    print(run.number("my_design_test", 100 * own["test_accuracy"], "%", 1, split="test", seeds=seeds))
    print("gain:", run.number("my_design_gain", gain, "points", 1, split="test", seeds=seeds))

# %% [markdown]
# ## Questions from your TA
#
# 1. Which layer holds most of the parameters in every design? Which layers do most of the arithmetic?
# 2. A 32 x 32 map goes through a 5 x 5 filter without border, then pooling by 2, then a 3 x 3 filter with border 1.
#    Give its size after each of the three.
# 3. Two designs differ by one point, and each has a standard deviation of one point over three seeds. How many seeds
#    would you want, and why?
# 4. Why does a deeper network of the same kind not have to be better? Name two reasons that your curves could show.
# 5. You compared the designs on the test split, and then built your own from the result. What is wrong, and how would you mend it?

# %% [markdown]
# 1. C5, the first fully connected layer, in all of them: 48,120 parameters, or
#    $(25 \cdot 28 + 1) \cdot 120 = 84{,}120$ with 28 maps in C3. That is between 69 % (13 layers) and 84 % (C3 with 28
#    maps) of the whole. The convolutions do 89 to 97 % of the arithmetic, because each of their weights is used at
#    every place of a map; in the baseline C1 alone does 54 %.
# 2. $32 - 5 + 1 = 28$, so 28 x 28. Pooling halves it to 14 x 14. A border of 1 adds 2 to each side and the 3 x 3
#    filter takes 2 away, so it stays 14 x 14.
# 3. A mean over $n$ seeds is uncertain by $1 / \sqrt{n}$ points, and the difference of two means by $\sqrt{2 / n}$:
#    0.8 points for $n = 3$, nearly as much as the difference itself. With 8 seeds for each design it is 0.5, half of
#    the difference, which is the least to ask for. With 16 it is 0.35, and a real difference of one point would then
#    usually be seen.
# 4. It may train more slowly: gradients pass through more layers, and the curve is still rising, or has hardly left
#    10 %, when the shallow network's has levelled off. Training accuracy is then low as well. Or it may overfit:
#    training accuracy (in the table `epochs`) goes on rising while validation accuracy stands still or falls. In the
#    reference run 13 layers reached 56.6 ± 0.1 % after ten epochs, the baseline 61.7 ± 2.1 %.
# 5. The test images helped to choose, so they are no longer new: the design may suit just these images, and its
#    accuracy is likely to be too high. Rank the designs by validation accuracy, choose your own design from that, and
#    evaluate it on the test split once, at the very end.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
