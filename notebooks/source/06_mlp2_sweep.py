# %% [markdown]
# # 6 Two hidden layers
#
# A second hidden layer (**MLP2**) gives a second number to choose, and every recipe for the training gives more. You
# will sweep a grid, train longer and shorter, and repeat three recipes that other groups of this course have used.
#
# **You will learn**
#
# - to read a grid of settings as a map, with the spread between seeds in every cell;
# - what more epochs do to training and to validation accuracy, and what a layer that is too narrow does to both;
# - which parts of a training recipe (optimiser, learning rate, batches, shuffling) matter, and by how much.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import MLP, count_parameters
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, fit, set_seed, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit)
run = Run("06_mlp2_sweep", profile, digits, seed, out)
check = Checker(run)
print(digits)

# %% [markdown]
# ## 6.1 A grid over both layers
#
# Networks are named by their hidden layers: **300-100** has 300 neurons in the first and 100 in the second. LeCun et
# al. (1998) published 300-100 and 500-150, so the grid holds both.
#
# ### Exercise 6.1 — where do the parameters sit?
#
# Write `parameters_by_layer(first, second)` for a network with `first` and `second` neurons in its hidden layers, 28 x 28
# pixels as inputs and ten outputs. It returns a list of three numbers: how many parameters the first layer, the second
# layer and the output have, each with its biases.


# %%
def parameters_by_layer(first, second):
    ### BEGIN SOLUTION
    return [(784 + 1) * first, (first + 1) * second, (second + 1) * 10]
    ### END SOLUTION


# %%
check("6.1", parameters_by_layer)
### BEGIN HIDDEN TESTS
assert check.passed("6.1")
### END HIDDEN TESTS

# %%
if check.passed("6.1"):
    for first, second in ((300, 100), (500, 150)):
        by_layer = parameters_by_layer(first, second)
        print(f"{first}-{second}: {list(by_layer)}, together {sum(by_layer)}")
large = [MLP(hidden_sizes, num_classes=digits.num_classes) for hidden_sizes in ((300, 100), (500, 150))]
print("PyTorch counts", count_parameters(large[0]), "and", count_parameters(large[1]))

# %%
config = TrainConfig(
    epochs=profile.choose(quick=8, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
sizes = [(first, second) for first in (100, 300, 500) for second in (50, 100, 150)]
grid = sweep(MLP, {"hidden_sizes": sizes}, digits, config, run.seeds, run.cache, log=print).runs

# %%
grid["test"] = 100 * grid["test_accuracy"]
grid["first"], grid["second"] = grid["hidden_sizes"].str[0], grid["hidden_sizes"].str[1]
grid["network"] = ["-".join(map(str, widths)) for widths in grid["hidden_sizes"]]
fig, ax = plt.subplots(figsize=(4.6, 3.2))
plots.grid_map(grid, "second", "first", "test", ax)
ax.set(xlabel="neurons in the second hidden layer", ylabel="neurons in the first")
run.figure(
    "grid",
    fig,
    caption="MLP2: test accuracy in percent for each pair of widths, mean over the seeds, and one standard deviation.",
    alt="A map of three by three cells, the width of the first hidden layer upwards and of the second to the right. Each "
    "cell holds a mean accuracy and its spread.",
    split="test",
    seeds=run.seeds,
)

# %%
for name in ("300-100", "500-150"):
    rows = grid[grid["network"] == name]
    key = name.replace("-", "_")
    print(name, run.number(f"mlp2_{key}_test", rows["test"], "%", 2, split="test", seeds=run.seeds))
    run.number(f"mlp2_{key}_seconds", rows["seconds"], "s", 1, seeds=run.seeds)
run.number("parameters_300_100", count_parameters(large[0]), "parameters", 0, statistic="exact")

# %% [markdown]
# **What to notice.** Compare neighbouring cells with the small numbers below them. A map of single runs would show a
# "best" cell as well, only each group would find another one.
#
# ### Exercise 6.2 — is the best cell really the best?
#
# Write `as_good(runs)` for a table with one row a run, in any order, whose columns "network" and "test" hold a network's name
# and its test accuracy. It returns the names of all networks whose mean lies at most one standard deviation below the
# best mean; the best one is among them. The yardstick is the **sample standard deviation** (the sum of squares divided by
# $n - 1$, as in all tables of this course) of the best network's runs.


# %%
def as_good(runs):
    ### BEGIN SOLUTION
    cells = runs.groupby("network")["test"].agg(["mean", "std"])
    best = cells["mean"].idxmax()
    below = (cells.loc[best, "mean"] - cells["mean"]) / cells.loc[best, "std"]
    return sorted(below.index[below <= 1])
    ### END SOLUTION


# %%
check("6.2", as_good)
### BEGIN HIDDEN TESTS
assert check.passed("6.2")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("6.2"):
    print("As good as the best of the nine:", ", ".join(as_good(grid.copy())))

# %% [markdown]
# ## 6.2 How many epochs?
#
# From here on, 20 % of the training images are held back for validation: of MNIST's 60,000 that is 48,000 for training
# and 12,000 for validation. Two networks are compared: 100-50, and 30-5, whose second layer has to squeeze ten digits
# through **five** numbers. Both use Adam with a constant learning rate of 0.01, and pixels between 0 and 1.

# %% tags=["nbval-ignore-output"]
held_back = load("mnist", data, train_limit=profile.train_limit, validation=0.2, normalisation="unit")
print(held_back)
plain = TrainConfig(optimizer="adam", lr=0.01, batch_size=profile.choose(quick=32, full=128))
epochs_grid = {"hidden_sizes": [(100, 50), (30, 5)], "epochs": [1, 3, 10]}
longer = sweep(MLP, epochs_grid, held_back, plain, run.seeds, run.cache, log=print).runs

# %%
parts = {"training": "train_accuracy", "validation": "validation_accuracy"}
longer["network"] = ["-".join(map(str, widths)) for widths in longer["hidden_sizes"]]
for name, column in parts.items():
    longer[name] = 100 * longer[column]
for (name, epochs), rows in longer.groupby(["network", "epochs"], sort=False):
    key = f"b3_{name.replace('-', '_')}_{epochs}"
    run.number(f"{key}_seconds", rows["seconds"], "s", 1, seeds=run.seeds)
    for part in parts:
        run.number(
            f"{key}_{part}", rows[part], "%", 1, split=part.removesuffix("ing"), seeds=run.seeds, dataset=held_back
        )

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.0), sharey=True)
for ax, (name, rows) in zip(axes, longer.groupby("network", sort=False), strict=True):
    for index, part in enumerate(parts):
        plots.spread_line(rows, "epochs", part, ax, label=part, index=index)
    ax.set(xlabel="epochs trained", title=name, xscale="log", xticks=[1, 3, 10], xticklabels=["1", "3", "10"])
    ax.minorticks_off()
axes[0].set_ylabel("accuracy (%)")
axes[0].legend(loc="lower right")
run.figure(
    "epochs",
    fig,
    caption="MLP2 after 1, 3 and 10 epochs, each trained anew: accuracy on training and validation images, for 100-50 "
    "(left) and 30-5 (right). Lines: mean over the seeds; bands: one standard deviation; dots: single runs.",
    alt="Two panels with two lines each over 1, 3 and 10 epochs. All rise; the training line rises further than the "
    "validation line, and the right panel's band is wider.",
    split="validation",
    seeds=run.seeds,
    dataset=held_back,
)

# %% [markdown]
# **What to notice.** More epochs lift training accuracy more than validation accuracy: the gap between the lines is
# overfitting, and it opens with time. The narrow network needs longer, and its seeds differ more: with five neurons in
# the last hidden layer, one neuron that gets stuck at 0 takes a fifth of all information with it.

# %% [markdown]
# ### The loss of every step
#
# One number an epoch hides how the loss gets there. Each step sees another batch, so its loss jumps; a **moving
# average** over ten steps shows the way.

# %%
losses = []
for each in run.seeds:
    set_seed(each)
    losses.append(
        fit(MLP((100, 50), num_classes=digits.num_classes), held_back, replace(plain, epochs=1, seed=each)).step_losses
    )
fig, ax = plt.subplots(figsize=(6.4, 2.8))
plots.step_losses(np.array(losses), ax, window=10)
ax.legend()
run.figure(
    "step_losses",
    fig,
    caption="100-50, first epoch: the loss of every step for the first seed (grey), and the moving average over ten steps, "
    "mean over the seeds with one standard deviation.",
    alt="A jagged grey line and a smooth line with a band, both falling steeply at first and then slowly.",
    split="train",
    seeds=run.seeds,
    dataset=held_back,
)

# %% [markdown]
# ### Exercise 6.3 — write the moving average
#
# Write `moving_average(values, window)` for an array of values: each entry of the result is the mean of a value and the
# `window - 1` values before it. The first `window - 1` values have no full window; leave them out. What NumPy and pandas
# have for it counts as well.


# %%
def moving_average(values, window):
    ### BEGIN SOLUTION
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return (sums[window:] - sums[:-window]) / window
    ### END SOLUTION


# %%
check("6.3", moving_average)
### BEGIN HIDDEN TESTS
assert check.passed("6.3")
### END HIDDEN TESTS

# %%
if check.passed("6.3"):
    one = np.array(losses[0])
    for window in [size for size in (1, 5, 10) if size < len(one)]:  # few images make few steps
        smooth = np.array(moving_average(one.copy(), window))
        print(f"window {window:>2}: {len(smooth)} entries, largest jump {np.abs(np.diff(smooth)).max():.2f}")

# %% [markdown]
# ## 6.3 What the optimiser and the order of the images do
#
# The same network, 100-50, three epochs, one option changed at a time. **Momentum** lets a step keep part of the last
# step's direction. **Weight decay** pulls every weight towards 0. Without **shuffling**, every epoch shows the images in
# the same order.

# %%
three = replace(plain, epochs=3)
options = {
    "Adam\n0.01": three,
    "Adam\nnot shuffled\n0.01": replace(three, shuffle=False),
    "Adam\ndecay 0.001\n0.01": replace(three, weight_decay=1e-3),
    "SGD\n0.01": replace(three, optimizer="sgd", momentum=0.0),
    "SGD\nmomentum 0.9\n0.01": replace(three, optimizer="sgd", momentum=0.9),
    "SGD\nmomentum 0.9\n0.1": replace(three, optimizer="sgd", momentum=0.9, lr=0.1),
}
trained = [
    sweep(MLP, {"hidden_sizes": [(100, 50)]}, held_back, option, run.seeds, run.cache).runs.assign(option=name)
    for name, option in options.items()
]
trained = pd.concat(trained, ignore_index=True)

# %%
trained["validation"] = 100 * trained["validation_accuracy"]
fig, ax = plt.subplots(figsize=(6.4, 3.2))
plots.seed_dots(trained, "option", "validation", ax)
ax.tick_params(axis="x", labelsize=8.5)
ax.set_ylabel("validation accuracy (%)")
run.figure(
    "options",
    fig,
    caption="100-50 after three epochs with one option of the training changed at a time; the last line of each name is the "
    "learning rate, decay is weight decay. Dots: single seeds; markers with whiskers: mean and one standard deviation.",
    alt="Six groups of dots, one an option. SGD at 0.01 without momentum lies lowest.",
    split="validation",
    seeds=run.seeds,
    dataset=held_back,
)

# %% [markdown]
# **What to notice.** Plain SGD at 0.01 is not a worse optimiser, it is an unfinished one: three epochs are too few for so
# small a step. Comparing optimisers at one learning rate compares learning rates.

# %% [markdown]
# ## 6.4 Three recipes, one yardstick
#
# Two more recipes that groups have used, beside 300-100 from the grid. All were measured on *their* data with *one*
# seed; here each is repeated with several.
#
# - **512-512-512**: inputs scaled to $[-1, 1]$, Adam 0.003, batches of 1,000, 20 epochs;
# - **128-64**: SGD 0.03, batches of 64, 15 epochs, inputs with mean 0 and standard deviation 1.
#
# Both groups ended their network in `log_softmax` and trained on the negative log-likelihood. That is the same function
# as cross-entropy on logits, which `labkit` uses everywhere.

# %%
symmetric = load("mnist", data, train_limit=profile.train_limit, normalisation="symmetric")
batch = profile.choose(quick=100, full=1000)
adam = TrainConfig(epochs=profile.choose(quick=4, full=20), batch_size=batch, optimizer="adam", lr=0.003)
sgd = TrainConfig(epochs=15, batch_size=64, optimizer="sgd", momentum=0.9, lr=0.03)
recipes = {
    "b1": sweep(MLP, {"hidden_sizes": [(512, 512, 512)]}, symmetric, adam, run.seeds, run.cache, log=print).runs,
    "b5": sweep(MLP, {"hidden_sizes": [(128, 64)]}, digits, sgd, run.seeds, run.cache, log=print).runs,
    "mlp2": grid[grid["network"] == "300-100"],
}

# %% tags=["nbval-ignore-output"]
names = {"b1": "512-512-512, Adam", "b5": "128-64, SGD", "mlp2": "300-100, one-cycle"}
rows = []
for key, runs in recipes.items():
    test = run.number(f"{key}_test", 100 * runs["test_accuracy"], "%", 2, split="test", seeds=run.seeds)
    time = run.number(f"{key}_seconds", runs["seconds"], "s", 1, seeds=run.seeds)
    parameters = int(runs["parameters"].iloc[0])
    rows.append([names[key], parameters, *(text.split(" (")[0] for text in (test, time))])
run.table(
    "recipes",
    pd.DataFrame(rows, columns=["recipe", "parameters", "test accuracy", "training time"]),
    "Three recipes for an MLP: test accuracy and seconds of training steps, mean and standard deviation over the seeds. Small networks are trained together; their seconds are shares of the whole.",
    split="test",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** Three times the parameters and twice the epochs do not buy what a good learning rate schedule
# buys for nothing.
#
# ### Exercise 6.4 — pick the better of two, and defend it
#
# Decide between 300-100 and 512-512-512 for accuracy alone. Write `clearly_better(ours, theirs)` for two arrays of
# accuracies, between 0 and 1, of two networks: the same seeds in the same order. It returns two things:
#
# 1. the differences, ours minus theirs, in percentage points: one for each seed;
# 2. whether they are clear: `True` if their mean is further from 0, to either side, than twice their sample standard
#    deviation.


# %%
def clearly_better(ours, theirs):
    ### BEGIN SOLUTION
    difference = 100 * (ours - theirs)
    return difference, bool(abs(difference.mean()) > 2 * difference.std(ddof=1))
    ### END SOLUTION


# %%
check("6.4", clearly_better)
### BEGIN HIDDEN TESTS
assert check.passed("6.4")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("6.4"):
    mlp2, b1 = (recipes[key]["test_accuracy"].to_numpy(copy=True) for key in ("mlp2", "b1"))
    difference, clear = clearly_better(mlp2, b1)
    text = run.number("mlp2_minus_b1", difference, "points", 2, split="test", seeds=run.seeds)
    print(f"300-100 minus 512-512-512: {text}, {'clear' if clear else 'not clear'}")

# %% [markdown]
# ## Questions from your TA
#
# 1. Why does widening the first layer cost many more parameters than widening the second?
# 2. The best cell of your grid was chosen by its test accuracy. Which split should it have been, and what would
#    change?
# 3. At 10 epochs, 100-50 reaches a higher training accuracy than validation accuracy. At which epoch would you stop, and how do you find out without the test split?
# 4. 30-5 squeezes ten classes through five numbers. Why is that possible at all? What would two numbers do? And one?
# 5. A group writes "Adam is better than SGD: 95 % against 90 %". What did they forget?

# %% [markdown]
# 1. A neuron of the first layer has 784 weights from the pixels, a bias, and one weight to each neuron of the second
#    layer: 885 parameters in 300-100. A neuron of the second layer has 300 weights from the first, a bias and 10
#    weights to the outputs: 311.
# 2. The validation split. Another cell may win, because several lie within the spread of each other (exercise 6.2).
#    The test accuracy of the chosen cell would then no longer be the largest of nine noisy numbers: it would tend to
#    be a little lower, and one could rely on it.
# 3. A gap alone is no reason to stop: stop where *validation* accuracy no longer rises. In the reference run it rises
#    from 96.2 ± 0.5 % after 3 epochs to 96.8 ± 0.3 % after 10, so of the three choices 10 is the best. To find the
#    epoch, train longer, plot validation accuracy after each epoch (mean over seeds), and take the epoch from which it
#    stays level within its band.
# 4. The five are decimals, not yes or no. If each class gathers around a place of its own, each logit can be a
#    weighted sum that is largest near the place of its class. Two numbers could do as well, ten places in a plane, and
#    in theory even one: ten pieces of a line. But the fewer numbers, the more classes are neighbours and the harder it
#    is to move a class past another in training, so accuracy falls and seeds differ more; and a single ReLU neuron
#    stuck at 0 gives every image the same answer.
# 5. That each optimiser needs a learning rate of its own: at 0.01, plain SGD is merely unfinished after three epochs
#    (section 6.3). Search the rate of each on the validation split, and give both the same epochs and batches. They
#    also forgot the number of seeds, the spread between them, the split and the number of images.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
