# %% [markdown]
# # 6 Two hidden layers
#
# A second hidden layer gives a second width to choose, and training has settings of its own: how long, with which
# optimiser, how fast. You will sweep a grid of widths, watch two networks while they learn, look inside one that fails,
# and repeat three recipes that other groups of this course have used.
#
# **Time**: about 75 minutes.
#
# **You will be able to**
#
# - read a grid of settings as a map, and say which of its differences are clear;
# - read learning curves, and decide when to stop a training without looking at the test images;
# - find dead neurons, and say what they cost;
# - tell which part of a training recipe a comparison speaks about, and which it does not.
#
# **You need** notebook 2 (the training loop, the interval of a difference) and notebook 5 (one hidden layer).

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
from dataclasses import replace

import pandas as pd
import torch

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import MLP
from labkit.report import begin, compare, compare_all, plots
from labkit.training import TrainConfig, evaluate, fit, set_seed, sweep

# %%
run = begin("06_mlp2_sweep", "mnist", data, profile, seed, out)
digits, profile, seeds, check = run.dataset, run.profile, run.seeds, Checker(run)
print(digits)

# %% [markdown]
# ## 6.1 A grid over both layers
#
# We name a network by its hidden layers: **300-100** has 300 neurons in the first and 100 in the second. An MLP with two
# hidden layers is an **MLP2** for short. LeCun et al. (1998) published 300-100 and 500-150, so the grid holds both. All
# nine networks are trained in the same way: Adam, and a learning rate that rises first and then falls (one-cycle, as in
# notebook 5).

# %%
config = TrainConfig(
    epochs=profile.choose(quick=4, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
sizes = [(first, second) for first in (100, 300, 500) for second in (50, 100, 150)]
grid = sweep(MLP, {"hidden_sizes": sizes}, digits, config, seeds, run.cache, log=print).percent

# %% [markdown]
# Which is the best? If we chose it by its test accuracy, the test images would have taken part in the choice, and its
# test accuracy would be too good: it is the luckiest of nine. So the **validation** images choose, and the test images
# are only used to compare.


# %% tags=["nbval-ignore-output"]
best = grid.groupby("network")["validation"].mean().idxmax()
tests = {name: cell["test"] for name, cell in grid.groupby("network", sort=False)}
table = compare_all(tests, base=best)
table.insert(1, "parameters", grid.groupby("network", sort=False)["parameters"].first().tolist())
run.table("grid", table, formats=dict.fromkeys(table.columns[2:7], "{:.2f}"), split="test", seeds=seeds)

# %% tags=["nbval-ignore-output"]
grid["first"], grid["second"] = grid["hidden_sizes"].str[0], grid["hidden_sizes"].str[1]
first, second = map(int, best.split("-"))
ax = plots.map_against_best(grid, "second", "first", "test", (second, first))
ax.set(xlabel="neurons in the second hidden layer", ylabel="neurons in the first")
run.figure("grid", ax.figure, split="test", seeds=seeds)
clear = table.loc[table["verdict"].isin(["better", "worse"]), "network"]
print(f"Chosen by validation: {best}. Clearly different on test images: {', '.join(clear) or 'none'}.")

# %% [markdown]
# **What to notice.** How many of the eight other cells would you dare to call worse than the chosen one?
#
# ## 6.2 Watch them learn
#
# In 6.2 to 6.5, 20 % of the training images are held back for validation: of MNIST's 60,000 that is 48,000 for training
# and 12,000 for validation. Two networks are compared: 100-50, and 30-5, whose second layer has to squeeze ten digits
# through **five** numbers. Both use Adam with a constant learning rate of 0.01, and pixels between 0 and 1. A group of
# this course trained both for 1, 3 and 10 epochs. The embedded digits are fewer, so an epoch has fewer steps; there the
# quick profile takes 3, 10 and 30 epochs.

# %%
held_back = load("mnist", data, train_limit=profile.train_limit, validation=0.2, normalisation="unit")
plain = TrainConfig(optimizer="adam", lr=0.01, batch_size=profile.choose(quick=32, full=128))
lengths = profile.choose(quick=[3, 10, 30], full=[1, 3, 10])
setting = {"hidden_sizes": [(100, 50), (30, 5)], "epochs": lengths}
longer = sweep(MLP, setting, held_back, plain, seeds, run.cache, log=print)

# %%
for (name, epochs), rows in longer.percent.groupby(["network", "epochs"], sort=False):
    key = f"b3_{name.replace('-', '_')}_{(1, 3, 10)[lengths.index(epochs)]}"  # as many as the group's
    for part in ("train", "validation"):
        label = f"{key}_{'training' if part == 'train' else part}"
        print(name, epochs, part, run.number(label, rows[part], "%", 1, split=part, seeds=seeds, dataset=held_back))

# %%
curves = longer.epochs[longer.epochs["epochs"] == lengths[-1]]
fig = plots.epoch_curves(curves, "network", marks=lengths)
run.figure("epochs", fig, split="validation", seeds=seeds, dataset=held_back)

# %% tags=["nbval-ignore-output"]
last = longer.percent[longer.percent["epochs"] == lengths[-1]]
for name, rows in last.groupby("network", sort=False):
    gap = compare(rows["train"], rows["validation"])
    ends = f"{gap.low:+.2f} to {gap.high:+.2f}"
    print(f"{name}, training minus validation at the end: {gap.mean:+.2f} points, 95 % interval {ends}")

# %% [markdown]
# **What to notice.** A gap between the training and the validation curve is **overfitting**: the network has learnt
# something that is true of the training images only. The printed intervals say whether there is a gap. Now look at the
# loss: does validation loss keep falling as long as training loss does?
#
# ### Exercise 6.1 — when would you stop? (2 points)
#
# **Early stopping** watches the validation loss. When it has not reached a new lowest value for `patience` epochs, training
# ends, and the network of the best epoch is kept. Write `early_stopping(losses, patience)` for a list of validation
# losses, one per epoch. It returns two numbers, both counted from 1: the best epoch, and the epoch after which
# training ends. If the patience is never used up, training goes on to the end of the list. With patience 2, the
# losses 0.9, 0.5, 0.6, 0.7, 0.4 end training after epoch 4, and epoch 2 is the best. Epoch 5 is never seen.


# %%
def early_stopping(losses, patience):
    ### BEGIN SOLUTION
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return best, epoch
    return best, len(losses)
    ### END SOLUTION


# %%
check("6.1", early_stopping)
### BEGIN HIDDEN TESTS
assert check.passed("6.1")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("6.1"):
    for name, rows in curves.groupby("network", sort=False):
        losses = [epochs["validation_loss"].tolist() for _, epochs in rows.groupby("seed")]
        stops = [early_stopping(values, patience=profile.choose(quick=5, full=3)) for values in losses]
        print(f"{name}: (best epoch, last epoch) of each seed:", stops)
        accuracies = 100 * rows.pivot(index="epoch", columns="seed", values="validation_accuracy")
        at_best = [accuracies.loc[best, each] for (best, _), each in zip(stops, seeds, strict=True)]
        print("  validation, best epoch minus last:", compare(at_best, accuracies.iloc[-1]))

# %% [markdown]
# ## 6.3 A look inside: dead neurons
#
# The accuracies of 30-5 differ more from seed to seed than those of 100-50. One possible reason: a ReLU gives 0 for every negative number, and its slope there is 0, too. A neuron
# whose sum is negative for *every* image gives 0 for every image: no gradient reaches its weights, so it cannot repair
# itself. It is **dead**. Where ten classes pass through five neurons, each of them counts.
#
# ### Exercise 6.2 — which neurons are dead? (2 points)
#
# Write `dead_neurons(model, images)` for an MLP with ReLU. Our `MLP` is an `nn.Sequential`, so that `for layer in model` gives
# its layers in order. Return a list with one number per hidden layer, the first layer first: how many of its neurons
# give 0 for all `images`.


# %%
def dead_neurons(model, images):
    ### BEGIN SOLUTION
    numbers, values = [], images
    with torch.no_grad():
        for layer in model:
            values = layer(values)
            if isinstance(layer, torch.nn.ReLU):
                numbers.append(int((values == 0).all(0).sum()))
    return numbers
    ### END SOLUTION


# %%
check("6.2", dead_neurons)
### BEGIN HIDDEN TESTS
assert check.passed("6.2")
### END HIDDEN TESTS

# %% [markdown]
# Ten networks 30-5, each from a seed of its own, are trained and kept, so that we can look inside.

# %% tags=["nbval-ignore-output"]
rows, images = [], held_back.train.images
for each in range(seed, seed + 10):
    set_seed(each)
    model = MLP((30, 5), num_classes=held_back.num_classes)
    fit(model, held_back, replace(plain, epochs=lengths[1], seed=each))
    dead = dead_neurons(model, images) if check.passed("6.2") else [float("nan")] * 2
    rows.append([str(each), *dead, 100 * evaluate(model, held_back, "validation").accuracy])
inside = pd.DataFrame(rows, columns=["seed", "dead of 30", "dead of 5", "validation accuracy"])
formats = dict.fromkeys(inside.columns[1:3], "{:.0f}") | {"validation accuracy": "{:.1f}"}
run.table("dead_neurons", inside, formats=formats, split="validation", seeds=range(10), dataset=held_back)

# %% tags=["nbval-ignore-output"]
for dead, rows in inside.groupby("dead of 5"):
    accuracy = rows["validation accuracy"]
    print(f"{dead:.0f} of 5 dead: {len(rows)} of 10 networks, {accuracy.min():.1f} to {accuracy.max():.1f} %")

# %% [markdown]
# **What to notice.** Look at the two columns of dead neurons: with which of them does the accuracy fall, in your table and
# in the one of MNIST? What would a network answer whose five neurons are all dead, and how often would it be right?
#
# ## 6.4 One step at a time
#
# One number per epoch hides how a network gets there. Each step sees another batch, so its loss and its accuracy jump. A
# **moving average** over ten steps shows the way.
#
# ### Exercise 6.3 — write the moving average (2 points)
#
# Write `moving_average(values, window)` for an array of values: each entry of the result is the mean of a value and the
# `window - 1` values before it. The first `window - 1` values have no full window; leave them out. You may also use what
# NumPy and pandas have for it.


# %%
def moving_average(values, window):
    ### BEGIN SOLUTION
    return [values[start : start + window].mean() for start in range(len(values) - window + 1)]
    ### END SOLUTION


# %%
check("6.3", moving_average)
### BEGIN HIDDEN TESTS
assert check.passed("6.3")
### END HIDDEN TESTS


# %%
def watch(model, images, labels, batch_size):
    """Train for one epoch; return loss and accuracy (%) of each batch, both measured before its step."""
    optimizer = torch.optim.Adam(model.parameters(), plain.lr)
    seen = []
    for batch in torch.randperm(len(labels)).split(batch_size):
        logits = model(images[batch])
        loss = torch.nn.functional.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = (logits.argmax(1) == labels[batch]).float().mean()
        seen.append((loss.item(), 100 * right.item()))
    return seen


# %%
steps = []
for each in seeds:
    set_seed(each)
    model = MLP((100, 50), num_classes=held_back.num_classes)
    steps.append(watch(model, held_back.train.images, held_back.train.labels, profile.choose(quick=8, full=128)))
losses, accuracies = torch.tensor(steps).permute(2, 0, 1).numpy()
fig = plots.step_panels({"loss of the batch": losses, "accuracy of the batch (%)": accuracies})
run.figure("steps", fig, split="train", seeds=seeds, dataset=held_back)

# %%
if check.passed("6.3"):
    for window in (1, 5, 10):
        smooth = torch.as_tensor(moving_average(losses[0].copy(), window))
        jump = max(smooth.diff().abs().tolist(), default=0)
        print(f"window {window:>2}: {len(smooth)} entries, largest jump {jump:.2f}")

# %% [markdown]
# **What to notice.** A wider window makes smaller jumps, but it also starts later and lags behind. What would a window as
# long as the epoch show?
#
# ## 6.5 What the optimiser and the order of the images do
#
# The same network, 100-50, trained for the middle one of the three lengths. Each line changes one option of a line
# above it. **Weight decay** pulls every weight a little towards 0 in each step. Without **shuffling**, every epoch shows the
# images in the same order. **SGD** makes a step against the gradient; with **momentum** 0.9, a step keeps nine tenths of the
# last step and adds the new one, so that steps in the same direction add up to ten times the size. **Adam** divides each
# weight's step by the size that its gradients had lately, so that all weights move at a similar pace.

# %%
options = {
    "Adam, 0.01": {},
    "Adam, 0.01, not shuffled": {"shuffle": False},
    "Adam, 0.01, decay 0.001": {"weight_decay": 1e-3},
    "SGD, 0.01": {"optimizer": "sgd", "momentum": 0.0},
    "SGD, 0.01, momentum 0.9": {"optimizer": "sgd", "momentum": 0.9},
    "SGD, 0.1, momentum 0.9": {"optimizer": "sgd", "momentum": 0.9, "lr": 0.1},
}
pairs = [{"hidden_sizes": (100, 50), "epochs": lengths[1]} | change for change in options.values()]
outcome = sweep(MLP, pairs, held_back, plain, seeds, run.cache).percent["validation"].to_numpy()
validation = dict(zip(options, outcome.reshape(len(options), -1), strict=True))

# %% tags=["nbval-ignore-output"]
table = compare_all(validation, "Adam, 0.01", "training")
formats = dict.fromkeys(table.columns[1:6], "{:.2f}")
run.table("options", table, formats=formats, split="validation", seeds=seeds, dataset=held_back)
for name, accuracies in list(validation.items())[1:]:
    print(f"{name}, against Adam, 0.01: {compare(accuracies, validation['Adam, 0.01'])}")

# %% [markdown]
# **What to notice.** SGD with a learning rate of 0.01 and no momentum has by far the lowest accuracy. It is not a worse
# optimiser, it is an unfinished one: so few epochs are not enough for so small a step. Comparing optimisers at one
# learning rate compares learning rates.
#
# ## 6.6 Three recipes, and what differs between them
#
# Two more recipes that groups have used stand beside 300-100 from the grid. Each group measured on *its* data with *one*
# seed; here each recipe is repeated with several.
#
# - **512-512-512**: inputs scaled to $[-1, 1]$, Adam 0.003, batches of 1,000, 20 epochs (in the quick profile:
#   batches of 100, 8 epochs);
# - **128-64**: SGD 0.03 without momentum, batches of 64, 15 epochs, inputs with mean 0 and standard deviation 1.
#
# Both groups ended their network in `log_softmax`, the logarithm of softmax, and trained on its negative value for the true
# class (the negative log-likelihood). That is the same function as cross-entropy on logits, which `labkit` uses everywhere.
#
# 300-100 and 512-512-512 differ in five things: width and depth, batches, number of steps, learning rate schedule, scale of
# the inputs. So there is a fourth row, the **control**: 512-512-512 trained exactly as 300-100.

# %%
symmetric = load("mnist", data, train_limit=profile.train_limit, normalisation="symmetric")
epochs, batch_size = profile.choose(quick=(8, 100), full=(20, 1000))
adam = TrainConfig(epochs=epochs, batch_size=batch_size, optimizer="adam", lr=0.003)
sgd = TrainConfig(epochs=15, batch_size=64, optimizer="sgd", momentum=0.0, lr=0.03)
recipes = {
    "b1": ("512-512-512, Adam", (512, 512, 512), symmetric, adam),
    "b5": ("128-64, SGD", (128, 64), digits, sgd),
    "control": ("512-512-512, one-cycle", (512, 512, 512), digits, config),
}

# %% tags=["nbval-ignore-output"]
kept = {"mlp2_300_100": tests["300-100"], "mlp2_500_150": tests["500-150"]}
tests = {"300-100, one-cycle": tests["300-100"]}
for key, (name, widths, images, recipe) in recipes.items():
    runs = sweep(MLP, {"hidden_sizes": [widths]}, images, recipe, seeds, run.cache, log=print).percent
    tests[name] = kept[key] = runs["test"]
    run.number(f"{key}_seconds", runs["seconds"], "s", 1, statistic="share", seeds=seeds)
for key, test in kept.items():
    print(key, run.number(f"{key}_test", test, "%", 2, split="test", seeds=seeds))
used = [config, adam, sgd, config]
steps = [recipe.epochs * -(-len(digits.train) // recipe.batch_size) for recipe in used]

# %% tags=["nbval-ignore-output"]
table = compare_all(tests, "300-100, one-cycle", "recipe").assign(steps=steps)
run.table("recipes", table, formats=dict.fromkeys(table.columns[1:6], "{:.2f}"), split="test", seeds=seeds)
control = tests["512-512-512, one-cycle"]
print("The recipe alone, control minus 512-512-512 with Adam:", compare(control, tests["512-512-512, Adam"]))
print("The network alone, control minus 300-100:", compare(control, tests["300-100, one-cycle"]))

# %% [markdown]
# **What to notice.** Of the two printed lines, the second changes one thing only, the network. The first keeps the network
# and changes four things at once. Which of the four did it? You cannot know from this table: each needs a row of its own.
#
# ## Questions from your TA
#
# 1. Why does widening the first layer cost many more parameters than widening the second?
# 2. A neuron is dead after an epoch. Can it come back? Name one change of the network and one of the training that make
#    dead neurons rarer.
# 3. You stop at the epoch with the lowest validation loss. Is the validation accuracy of that epoch an honest estimate of
#    what the network will reach on new images?
# 4. 30-5 squeezes ten classes through five numbers. Why is that possible at all? What would two numbers do? And one?
# 5. A group writes "Adam is better than SGD: 95 % against 90 %". What did they forget?

# %% [markdown]
# 1. A neuron of the first layer has 784 weights from the pixels, a bias, and one weight to each neuron of the second
#    layer: 885 parameters in 300-100. A neuron of the second layer has 300 weights from the first, a bias and 10
#    weights to the outputs: 311.
# 2. Its own weights get no gradient, so they do not change. If it sits in the second layer, it may come back by luck: the
#    layer before it goes on learning and may send it other numbers. In the first layer its inputs are the pixels, which
#    stay the same, so it is dead for good (weight decay alone still moves it). Rarer: an activation with a slope on both
#    sides, such as leaky ReLU or tanh, or normalisation before the ReLU (notebook 7); a smaller learning rate, because
#    one large step can push a neuron's bias far below 0.
# 3. Not quite: the epoch was chosen *because* its validation loss was the lowest, so luck helped. The more epochs to choose
#    from and the fewer validation images, the larger the help. The test images, used once at the very end, are honest.
# 4. The five are decimals, not yes or no. If each class gathers around a place of its own, each logit can be a
#    weighted sum that is largest near the place of its class. Two numbers could do as well, ten places in a plane, and
#    in theory even one: ten pieces of a line. But the fewer numbers, the more classes are neighbours, and the harder it
#    is to move a class past another in training. And one dead neuron of five takes a fifth of what the last layer sees.
# 5. That each optimiser needs a learning rate of its own: with 0.01, plain SGD is merely unfinished (section 6.5). Search
#    the learning rate of each on the validation split, and give both the same epochs and batches. They also forgot the
#    number of seeds, the spread between them, the split and the number of images.

# %% [markdown]
# ## Recap
#
# You can now
#
# - choose a network by validation, and compare it on test images;
# - read learning curves, and stop a training early;
# - find dead neurons, and say what they cost;
# - say what a comparison of two recipes speaks about: only about the one thing that differs.
#
# ## References
#
# - LeCun, Bottou, Bengio, Haffner (1998): *Gradient-based learning applied to document recognition*. Proceedings of the IEEE
#   86. <https://doi.org/10.1109/5.726791>
# - Prechelt (1998): *Early stopping, but when?* In *Neural Networks: Tricks of the Trade*, Springer.
#   <https://doi.org/10.1007/3-540-49430-8_3>
# - Glorot, Bordes, Bengio (2011): *Deep sparse rectifier neural networks*. AISTATS. (ReLU, and why zeros can also be good)
# - Kingma, Ba (2015): *Adam: a method for stochastic optimization*. ICLR. <https://arxiv.org/abs/1412.6980>
# - PyTorch's optimisers: <https://pytorch.org/docs/stable/optim.html>

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
