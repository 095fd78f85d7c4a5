# %% [markdown]
# # 5 How wide should a hidden layer be?
#
# A network with one hidden layer (**MLP1**) has one number to choose: how many neurons that layer has. You will train
# ten widths, from 30 to 300 neurons, each with several seeds, and find out which differences are real.
#
# **You will learn**
#
# - what the width of a layer costs in parameters, and what it buys in accuracy;
# - why one training run a setting proves nothing, and how to draw the spread between seeds;
# - how to choose a width and defend the choice.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn import functional

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import MLP, count_parameters
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, fit, set_seed, set_threads, sweep

# %% [markdown]
# ## 5.1 The data
#
# The next line says which images this run uses. Every number below is about these images: accuracy on the embedded
# digits and accuracy on MNIST cannot be compared.

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit)
run = Run("05_mlp1_sweep", profile, digits, seed, out)
check = Checker(run)
print(digits)

# %%
fig, ax = plt.subplots(figsize=(6.4, 1.8))
sample = digits.train.images[:20]
plots.image_grid(
    digits.pixels(sample).numpy(), [digits.class_names[label] for label in digits.train.labels[:20]], ax=ax
)
run.figure(
    "samples",
    fig,
    caption="Twenty images of the training split with their labels.",
    alt="Two rows of ten handwritten digits, white on black, each with its label above it.",
    split="train",
)

# %% [markdown]
# ## 5.2 The network
#
# The image, 28 x 28 pixels, becomes one row of 784 numbers. Each hidden neuron takes a weighted sum of all of them and
# passes it on if it is positive (ReLU). Ten output neurons take weighted sums of the hidden ones: the **logits**. The
# largest logit names the digit.

# %%
MLP((30,), num_classes=digits.num_classes)

# %% [markdown]
# ### Exercise 5.1 — count the parameters
#
# Write a function that gives the number of parameters of MLP1: every weight and every bias, in both layers. It gets the
# number of hidden neurons, of inputs (pixels) and of classes. Do it by hand, as a formula; what PyTorch counts is right
# as well, but teaches less.


# %%
def parameters_of_mlp1(width, inputs=784, classes=10):
    ### BEGIN SOLUTION
    return (inputs * width + width) + (width * classes + classes)
    ### END SOLUTION


# %%
check("5.1", parameters_of_mlp1)
### BEGIN HIDDEN TESTS
assert check.passed("5.1")
### END HIDDEN TESTS

# %% [markdown]
# PyTorch counts the same, one by one.

# %%
for width in (30, 150, 300):
    print(f"{width} neurons: {count_parameters(MLP((width,), num_classes=digits.num_classes)):,} parameters")

# %% [markdown]
# ### Before any training
#
# A network that knows nothing spreads its bets evenly over ten classes. Its cross-entropy is then $\ln 10 \approx 2.303$.
# A loss far from that at the start is the sign of a bug, or of inputs that were not normalised.

# %%
set_seed(seed)
untrained = MLP((300,), num_classes=digits.num_classes)
with torch.inference_mode():
    loss = functional.cross_entropy(untrained(digits.train.images[:1000]), digits.train.labels[:1000])
print(f"ln {digits.num_classes} is {math.log(digits.num_classes):.1f}; the untrained network's loss is {loss:.1f}")

# %% [markdown]
# ## 5.3 One training, watched
#
# `TrainConfig` holds every setting. The learning rate rises and falls once during the training (**one-cycle
# schedule**), which gets small networks to their best accuracy in few epochs.

# %%
config = TrainConfig(
    epochs=profile.choose(quick=8, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
set_seed(seed)
history = fit(MLP((300,), num_classes=digits.num_classes), digits, config, log=print)

# %% [markdown]
# **What to notice.** The training loss keeps falling after the validation accuracy has stopped rising: the network
# learns the training images by heart. Only the validation split tells you.

# %% [markdown]
# ## 5.4 Ten widths, several seeds
#
# A **sweep** is a grid of settings: here one key with ten values. Each setting is trained once for each seed; a seed
# fixes the initial weights and the order of the images. The result is a table with one row a run. Finished runs are
# kept on disk, so that an interrupted sweep goes on where it stopped.
#
# Small networks leave a processor idle most of the time. So networks of one seed, which read the same images, are
# **trained together as one network**: their first layers stand side by side in one matrix product. Each still ends with
# the weights that it would have had alone; `seconds` is its share of the time.

# %%
widths = range(30, 301, 30)
result = sweep(MLP, {"hidden_sizes": [(width,) for width in widths]}, digits, config, run.seeds, run.cache, log=print)

# %%
runs = result.runs.assign(
    width=result.runs["hidden_sizes"].str[0],
    train=100 * result.runs["train_accuracy"],
    test=100 * result.runs["test_accuracy"],
)

# %%
table = runs.groupby("width").agg(
    parameters=("parameters", "first"),
    train=("train", "mean"),
    test=("test", "mean"),
    spread=("test", "std"),
    worst=("test", "min"),
    best=("test", "max"),
)

# %%
run.table(
    "accuracy_by_width",
    table.reset_index().rename(columns={"train": "training", "spread": "sd"}),
    "MLP1: accuracy in percent on the training and test splits, mean over the seeds, with the standard deviation, the "
    "worst and the best seed on the test split.",
    formats=dict.fromkeys(("training", "test", "sd", "worst", "best"), "{:.2f}"),
    split="test",
    seeds=run.seeds,
)

# %%
fig, ax = plt.subplots()
plots.spread_line(runs, "width", "train", ax, label="training split", index=1)
plots.spread_line(runs, "width", "test", ax, label="test split")
if digits.provenance.name == "MNIST":  # LeCun et al. 1998, test errors of 4.7 % and 3.05 %
    plots.reference_lines({"1998: 300 hidden neurons": 95.3, "1998: 300 and 100": 96.95}, ax)
ax.set(xlabel="neurons in the hidden layer", ylabel="accuracy (%)", xticks=list(widths))
ax.legend(loc="center right")
run.figure(
    "accuracy_by_width",
    fig,
    caption="MLP1: accuracy against the width of the hidden layer. Lines: mean over the seeds; bands: one standard "
    "deviation; dots: single runs. On MNIST, dashed lines: published by LeCun et al. (1998).",
    alt="Two lines over widths from 30 to 300 neurons. Training accuracy is at or near 100 percent throughout; test "
    "accuracy lies below it, rises over the first few widths and then levels off within its band.",
    split="test",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** The first steps in width pay; later ones are smaller than the band between seeds. The gap between
# the two lines is what the network learned by heart. On MNIST you also see two results that LeCun et al. published in 1998:
# a test error of 4.7 % with 300 hidden neurons, and of 3.05 % with 300 and 100. On other images they would mean
# nothing, so they are not drawn there. The network is the same; what has changed since is how it is trained.

# %% [markdown]
# ## 5.5 What a single seed would have told you
#
# Suppose each group in the course had trained every width once. This is the width that each group would have reported
# as "the best".

# %% tags=["nbval-ignore-output"]
winners = runs.loc[runs.groupby("seed")["test"].idxmax(), ["seed", "width", "test"]]
run.table(
    "winner_by_seed",
    winners,
    "The width with the highest test accuracy (in percent) when each is trained once, for each seed.",
    formats={"test": "{:.2f}"},
    split="test",
    seeds=run.seeds,
)

# %% [markdown]
# The "best" width depends on the seed. A sentence such as *270 neurons are better than 240* needs a difference that is
# larger than the spread between seeds.
#
# There is a second trap: choosing the width **by its test accuracy**, as the groups above did, and then quoting that
# same test accuracy. The maximum of noisy numbers is too high. Choose on the validation split, report the test split.

# %% [markdown]
# ### Exercise 5.2 — choose a width, and defend it
#
# Write a function that gives the smallest width whose mean validation accuracy lies within one standard deviation of the
# best width's mean (the *one-standard-deviation rule*). The standard deviation is that of the best width's runs, and of a
# sample (it divides by $n - 1$). `runs` is a table with one row a run, in any order, and has the columns `width`, `seed`,
# `validation_accuracy` and `test_accuracy`.


# %%
def smallest_good_width(runs):
    ### BEGIN SOLUTION
    validation = runs.groupby("width")["validation_accuracy"].agg(["mean", "std"])
    best = validation["mean"].idxmax()
    within = validation["mean"] >= validation.loc[best, "mean"] - validation.loc[best, "std"]
    return int(validation.index[within].min())
    ### END SOLUTION


# %%
check("5.2", smallest_good_width)
### BEGIN HIDDEN TESTS
assert check.passed("5.2")
### END HIDDEN TESTS

# %% [markdown]
# Now to the runs above. Until your function is ready, the course goes on with 120 neurons.

# %%
chosen_width = 120
if check.passed("5.2"):
    chosen_width = int(np.asarray(smallest_good_width(runs.copy())).item())
    run.number("chosen_width", chosen_width, "neurons", 0, statistic="exact")
    accuracies = runs.loc[runs["width"] == chosen_width, "test"]
    print("chosen", run.number("chosen_accuracy", accuracies, "%", 2, split="test", seeds=run.seeds))

# %%
widest = runs[runs["width"] == 300]
print("widest", run.number("widest_accuracy", widest["test"], "%", 2, split="test", seeds=run.seeds))
run.number("widest_seconds", widest["seconds"], "s", 1, seeds=run.seeds)
run.number(
    "parameters_300", count_parameters(MLP((300,), num_classes=digits.num_classes)), "parameters", 0, statistic="exact"
)

# %% [markdown]
# ### Exercise 5.3 — change one thing
#
# What do half and double the learning rate do to the width that you chose? Write a function that trains MLP1 with `width`
# hidden neurons at half the learning rate of `config`, at the same and at double, once for each of the seeds, and
# changes nothing else: use `config` as you get it, whatever it says. Let it return what `sweep` returns; 5.4 shows how
# `sweep` is called. A grid may hold settings of `config` as well, such as `lr`.


# %%
def rate_sweep(width, dataset, config, seeds, cache=None):
    ### BEGIN SOLUTION
    grid = {"hidden_sizes": [(width,)], "lr": [config.lr / 2, config.lr, 2 * config.lr]}
    return sweep(MLP, grid, dataset, config, seeds, cache)
    ### END SOLUTION


# %%
check("5.3", rate_sweep)
### BEGIN HIDDEN TESTS
assert check.passed("5.3")
### END HIDDEN TESTS

# %% [markdown]
# Predict first: which of the three rates is best, and by more than the spread? Then measure.

# %%
if check.passed("5.3"):
    rates = rate_sweep(chosen_width, digits, config, run.seeds[:3], run.cache).runs
    for lr, cell in rates.groupby("lr"):
        accuracies = 100 * cell["test_accuracy"]
        print(f"lr {lr:.4f}: test accuracy {accuracies.mean():.2f} ± {accuracies.std():.2f} %")

# %% [markdown]
# ## Questions from your TA
#
# 1. How many of the parameters of MLP1 with 300 neurons sit in the first layer? What would doubling the image's side do?
# 2. Which two widths in your figure differ by more than the spread, and which do not? How many seeds would settle it?
# 3. Your training accuracy is far above your test accuracy. Name two remedies that this course covers.
# 4. A friend reports "98.4 %, best of 20 runs". What is wrong, and what should the friend report?
# 5. Why must the learning rate, the epochs and the batches be the same for all ten widths? Is that fair to each width?

# %% [markdown]
# 1. $785 \cdot 300 = 235{,}500$ of 238,510, nearly 99 %. Twice the side means four times the pixels:
#    $(56 \cdot 56 + 1) \cdot 300 = 941{,}100$ parameters in the first layer, 944,110 in all, almost four times as
#    many.
# 2. Compare two means with the standard deviations in the table. The ends, 30 and 300, are the likeliest to differ
#    clearly; neighbours such as 270 and 300 are the least likely. For a difference $d$ and a standard deviation $s$,
#    the difference of two means over $n$ seeds is uncertain by $s \sqrt{2/n}$, which is half of $d$ for
#    $n = 8 (s/d)^2$: 8 seeds if $d = s$, 32 if $d = s/2$.
# 3. Any two of: dropout, weight decay (both in notebook 7), fewer epochs chosen by the validation split, a narrower
#    layer, or a network that uses what is known about images, such as a CNN. More training images, or the same ones
#    moved by a pixel, help as well.
# 4. The best of 20 noisy numbers is too high: by nearly two standard deviations (1.9) on average, even if all runs are
#    equally good. It was also picked by its test accuracy. Report mean and standard deviation over all 20 runs, with
#    split and number of images. To hand over a single network, pick it by validation accuracy.
# 5. Only then is the width the one thing that differs, and a difference can be put down to it. It is not quite fair:
#    the best learning rate and the number of epochs needed may depend on the width, and the setting may suit some
#    widths better. Fairer, and dearer, is to search the rate for each width on the validation split, with the same
#    number of trials for each.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
