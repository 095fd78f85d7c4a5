# %% [markdown]
# # 7 Regularisation: when less is more, and when it is less
#
# A network with many weights can learn its training images by heart. **Regularisation** makes that harder, so that it has
# to find what the images have in common. You will build the two most used layers for it by hand, repeat four settings
# that another group of this course tried, and find out why theirs made things worse.
#
# **You will learn**
#
# - what dropout and layer normalisation do to the numbers that flow through a network;
# - to tell **overfitting** (good on training images only) from **underfitting** (good on neither);
# - when dropout and weight decay help, and when they take away what the network needs.

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
import torch
from torch import nn

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import MLP
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, set_seed, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit, validation=0.2, normalisation="unit")
run = Run("07_regularisation", profile, digits, seed, out)
check = Checker(run)
print(digits)

# %% [markdown]
# ## 7.1 Dropout
#
# While the network trains, dropout sets each neuron's output to 0 with probability $p$, anew in every step (Srivastava
# et al. 2014). No neuron can rely on a certain other one. So that the sum over all neurons keeps its size, the ones
# that survive are multiplied by $1 / (1 - p)$. When the network is evaluated, dropout does nothing.
#
# ### Exercise 7.1 — write dropout
#
# Write `dropout(values, p)` for training: each entry of `values` (N, neurons) becomes 0 with probability `p`, independently
# of the others, and the ones that survive are scaled. Every call draws anew, with `torch.rand_like`. Write it yourself:
# PyTorch's own dropout does not count.


# %%
def dropout(values, p):
    ### BEGIN SOLUTION
    kept = torch.rand_like(values) >= p
    return values * kept / (1 - p)
    ### END SOLUTION


# %%
check("7.1", dropout)
### BEGIN HIDDEN TESTS
assert check.passed("7.1")
### END HIDDEN TESTS

# %%
set_seed(seed)
if check.passed("7.1"):
    for p in (0.2, 0.5):
        dropped = np.asarray(dropout(torch.ones(1000, 100), p))
        print(f"p = {p}: share of zeros {(dropped == 0).mean():.1f}, mean of all {dropped.mean():.1f}")

# %% [markdown]
# **What to notice.** The mean stays 1, so the next layer sees the same total on average. That is why nothing has to be changed
# when dropout is switched off. Forget `eval()`, and the test accuracy is measured with neurons missing.
#
# ## 7.2 Layer normalisation
#
# Layer normalisation takes the numbers that one layer makes of one image, subtracts their mean and divides by their
# standard deviation (Ba et al. 2016). Two trainable numbers for each neuron, a scale and a shift, follow. Our networks do
# it **before** the activation.
#
# ### Exercise 7.2 — write layer normalisation
#
# Write `layer_norm(values)` for `values` (N, neurons), one row an image, without scale and shift. Add `1e-5` to the variance
# (the mean of the squared differences, over the neurons) before you take its root. Write it yourself: PyTorch's own
# layer normalisation does not count.


# %%
def layer_norm(values):
    ### BEGIN SOLUTION
    centred = values - values.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    ### END SOLUTION


# %%
check("7.2", layer_norm)
### BEGIN HIDDEN TESTS
assert check.passed("7.2")
### END HIDDEN TESTS

# %% [markdown]
# What does it change for a network that one image is much brighter than another? `nn.LayerNorm` is PyTorch's own layer.

# %%
set_seed(seed)
values = torch.randn(4, 30)
brighter = 10 * values + 3
print("the same to three digits:", torch.allclose(nn.LayerNorm(30)(values), nn.LayerNorm(30)(brighter), atol=1e-3))

# %% [markdown]
# **What to notice.** Nothing: an image whose numbers are ten times larger, or moved by 3, looks the same to the next layer.
#
# ## 7.3 Four settings of another group
#
# The group's network is 30-5, as in notebook 6, with layer normalisation after both hidden layers and dropout after the
# second. They changed the learning rate, $p$ and the epochs together, and trained each setting once:

# %%
MLP((30, 5), dropout=0.5, layer_norm=True, num_classes=digits.num_classes)

# %%
batch_size = profile.choose(quick=32, full=128)
base = TrainConfig(optimizer="adam", batch_size=batch_size)
plain = {"hidden_sizes": [(30, 5)]}
both = {"hidden_sizes": [(30, 5)], "layer_norm": [True]}
settings = {  # lr, p, epochs
    "plain\nlr 0.01\n10 epochs": (0.01, 0.0, 10, plain),
    "lr 0.01\np 0.5\n3 epochs": (0.01, 0.5, 3, both),
    "lr 0.001\np 0.2\n10 epochs": (0.001, 0.2, 10, both),
    "lr 0.0005\np 0.4\n10 epochs": (0.0005, 0.4, 10, both),
    "lr 0.0001\np 0.6\n10 epochs": (0.0001, 0.6, 10, both),
}

# %% tags=["nbval-ignore-output"]
results = {
    name: sweep(
        MLP, {**network, "dropout": [p]}, digits, replace(base, lr=lr, epochs=epochs), run.seeds, run.cache, log=print
    )
    for name, (lr, p, epochs, network) in settings.items()
}
runs = pd.concat([result.runs.assign(setting=name) for name, result in results.items()], ignore_index=True)
for part in ("train", "validation", "test"):
    runs[part] = 100 * runs[f"{part}_accuracy"]

# %% tags=["nbval-ignore-output"]
keys = ("b3_plain", "b4_p05", "b4_p02", "b4_p04", "b4_p06")
for key, (_, rows) in zip(keys, runs.groupby("setting", sort=False), strict=True):
    for part in ("train", "validation", "test"):
        print(key, run.number(f"{key}_{part}", rows[part], "%", 1, split=part, seeds=run.seeds))
    run.number(f"{key}_seconds", rows["seconds"], "s", 1, seeds=run.seeds)

# %%
fig, axes = plt.subplots(2, 1, figsize=(6.4, 4.2), sharex=True, sharey=True)
for ax, part in zip(axes, ("train", "validation"), strict=True):
    plots.seed_dots(runs, "setting", part, ax)
    ax.set(ylabel=f"{part} accuracy (%)")
run.figure(
    "four_settings",
    fig,
    caption="30-5 without regularisation (first) and with layer normalisation and dropout: accuracy on training images (above) and "
    "validation images (below). Dots: single seeds; markers with whiskers: mean and one standard deviation.",
    alt="Two panels with five groups of dots. In both panels the accuracy is lowest, and the dots lie furthest apart, "
    "at the right, where dropout is strongest and the learning rate smallest.",
    split="validation",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** Compare the panels. Where dropout is strong, accuracy on *training* images falls as well: the
# network does not overfit less, it **underfits**. Look at the dots, too: some settings differ more from seed to seed
# than from each other, so that a single run of each could have come out in almost any order.
#
# ### Exercise 7.3 — how many neurons are left?
#
# The last hidden layer has five neurons, and with $p = 0.6$ each is dropped independently of the others. Write
# `survivors(neurons, p)` for a layer of any width. It returns two numbers: how many neurons survive on average, and the
# probability that *none* does.


# %%
def survivors(neurons, p):
    ### BEGIN SOLUTION
    return neurons * (1 - p), p**neurons
    ### END SOLUTION


# %%
check("7.3", survivors)
### BEGIN HIDDEN TESTS
assert check.passed("7.3")
### END HIDDEN TESTS

# %%
if check.passed("7.3"):
    for neurons in (100, 5):
        average, none = survivors(neurons, 0.6)
        print(f"of {neurons} neurons {average:.0f} survive on average; none with probability {none:.3f}")
    share = 100 * round(float(none), 3)
    print("no neuron left in", run.number("steps_without_neuron", share, "% of all draws", 1, statistic="exact"))

# %% [markdown]
# In a layer of 100 neurons enough are always left. Here ten digits have to pass through five numbers, and in each step
# most of them are missing.
#
# ## 7.4 One factor at a time
#
# The four settings changed three things together, so nobody can say which one did it. Here only $p$ changes, for
# the narrow network and for a wide one.

# %% tags=["nbval-ignore-output"]
factor = {"hidden_sizes": [(30, 5), (300, 100)], "dropout": [0.0, 0.2, 0.4, 0.6]}
config = replace(base, lr=3e-3, epochs=profile.choose(quick=5, full=10), schedule="one_cycle")
single = sweep(MLP, factor, digits, config, run.seeds, run.cache, log=print).runs
single["network"] = ["-".join(map(str, widths)) for widths in single["hidden_sizes"]]
for part in ("train", "validation"):
    single[part] = 100 * single[f"{part}_accuracy"]

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.1), sharey=True)
for ax, (name, rows) in zip(axes, single.groupby("network", sort=False), strict=True):
    plots.spread_line(rows, "dropout", "train", ax, label="training", index=1)
    plots.spread_line(rows, "dropout", "validation", ax, label="validation")
    ax.set(xlabel="dropout probability p", title=name, xticks=[0, 0.2, 0.4, 0.6])
axes[0].set_ylabel("accuracy (%)")
axes[0].legend(loc="lower left")
run.figure(
    "dropout",
    fig,
    caption="Accuracy against the dropout probability, for a narrow (left) and a wide network (right), without layer "
    "normalisation. Lines: mean over the seeds; bands: one standard deviation; dots: single runs.",
    alt="Two panels. On the left both lines fall as p grows; on the right they stay high and almost level.",
    split="validation",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** The narrow network loses what it needs; the wide one has neurons to spare and hardly notices. Dropout
# is a remedy for networks that are larger than their task.
#
# ## 7.5 Weight decay
#
# **Weight decay** (L2 regularisation) adds $\frac{\lambda}{2} \sum w^2$ to the loss, so that a large weight has to earn its keep.
# To see overfitting at work, the next networks get only 500 training images.

# %% tags=["nbval-ignore-output"]
few = load("mnist", data, train_limit=500, validation=0.2, normalisation="unit")
decays = [0.0, 1e-4, 1e-3, 1e-2, 1e-1]
config = TrainConfig(
    epochs=profile.choose(quick=12, full=60), batch_size=50, optimizer="adam", lr=3e-3, schedule="one_cycle"
)
grid = {"hidden_sizes": [(300, 100)], "weight_decay": decays}
decayed = sweep(MLP, grid, few, config, run.seeds, run.cache, log=print).runs
for part in ("train", "test"):
    decayed[part] = 100 * decayed[f"{part}_accuracy"]

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.2))
decayed["place"] = [decays.index(value) for value in decayed["weight_decay"]]
plots.spread_line(decayed, "place", "train", ax, label="training", index=1)
plots.spread_line(decayed, "place", "test", ax, label="test")
ax.set_xticks(range(len(decays)), [f"{value:g}" for value in decays])
ax.set(xlabel="weight decay λ", ylabel="accuracy (%)")
ax.legend(loc="lower left")
run.figure(
    "weight_decay",
    fig,
    caption="300-100 trained on 500 images: accuracy against weight decay. Lines: mean over the seeds; bands: one standard "
    "deviation; dots: single runs.",
    alt="Two lines over five values of weight decay. Training accuracy is 100 percent at first; at the strongest weight "
    "decay both lines fall.",
    split="test",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** From left to right, the network goes from overfitting (perfect on training images only) to
# underfitting (worse on both). What lies between depends on the data; whether it is *better* than no weight decay at
# all is a question of the band.
#
# ### Exercise 7.4 — does weight decay pay here?
#
# Write `weight_decay_gain(runs, decay)`. The table `runs` has one row a run, in any order, and the columns "seed",
# "weight_decay" and "test", the test accuracy in percent. The function returns two things:
#
# 1. the gains, one for each seed in rising order: the accuracy with weight decay `decay` minus that of the same seed with
#    weight decay 0;
# 2. the verdict "better", "worse" or "cannot tell": a mean gain counts, to either side, only if it is larger than the
#    gains' sample standard deviation.


# %%
def weight_decay_gain(runs, decay):
    ### BEGIN SOLUTION
    table = runs.pivot(index="seed", columns="weight_decay", values="test")
    gain = (table[decay] - table[0.0]).to_numpy()
    if abs(gain.mean()) <= gain.std(ddof=1):
        return gain, "cannot tell"
    return gain, "better" if gain.mean() > 0 else "worse"
    ### END SOLUTION


# %%
check("7.4", weight_decay_gain)
### BEGIN HIDDEN TESTS
assert check.passed("7.4")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("7.4"):
    gain, verdict = weight_decay_gain(decayed.copy(), 1e-3)
    print(verdict, run.number("weight_decay_gain", gain, "points", 2, split="test", seeds=run.seeds))

# %% [markdown]
# ## Questions from your TA
#
# 1. With $p = 0.5$, training accuracy measured *during* an epoch is lower than validation accuracy. Why is that no mistake?
# 2. Layer normalisation fixes the mean and the standard deviation of what a layer makes of an image. How many of five
#    numbers can still be chosen freely? And in a layer of one neuron?
# 3. The group of 7.3 concludes: "dropout hurts". Which experiment of this notebook contradicts them, and under what condition?
# 4. Why are weights decayed but not biases, in many textbooks? What does `labkit` do? (Look into `labkit/training/loop.py`
#    and `labkit/models/scratch.py`.)
# 5. You have 500 images and cannot get more. Rank by the gain that you expect, with reasons: weight decay, dropout,
#    moving the images by a pixel, a CNN.

# %% [markdown]
# 1. While it is measured, about half of the last hidden layer's neurons are missing, and the weights are those of each
#    step of the epoch, on average half an epoch old. Validation comes at the end of the epoch with all neurons. To
#    compare the two splits fairly, evaluate the training images at the end as well, after `eval()`.
# 2. Three: five numbers, less one for the mean and one for the standard deviation. With one neuron nothing is left:
#    the number minus its own mean is 0 for every image. The trainable scale and shift bring nothing back, because they
#    are the same for all images.
# 3. Section 7.4: with 300-100 the accuracy hardly changes as $p$ grows. The condition is that the layer with dropout
#    has neurons to spare, 100 in place of five. The group changed learning rate and epochs as well, so their four
#    settings could not have shown what dropout does. That dropout *helps* is not shown by 7.4 either.
# 4. Large weights make the output change steeply with the input, which is what learning by heart needs; a bias only
#    moves the point at which a neuron becomes active. There are few biases, too. `labkit.training` hands all
#    parameters to the optimiser, so its weight decay takes in the biases as well; the L2 term of `scratch`
#    leaves them out.
# 5. First a CNN and moved images, in either order: both bring in knowledge, namely that neighbouring pixels belong
#    together, and that a moved digit is the same digit. Moving works with any network, also with a CNN, and gives up
#    to nine versions of each image. Weight decay and dropout come last: they only hold the network back, and section
#    7.5 shows how little that may gain. A good answer adds that close ranks are decided by runs over several seeds,
#    chosen on validation images.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
