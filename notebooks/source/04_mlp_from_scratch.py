# %% [markdown]
# # 4 A network from scratch
#
# PyTorch computes gradients for you. Here you do without: a network for digits in NumPy, with its forward pass, its
# back-propagation and its training. You will then catch a bug that hides well, spoil the training in three well-known
# ways, and compare the result with the same network in PyTorch.
#
# **You will learn**
#
# - how four equations give the gradient of every weight, and how to check that yours is right;
# - why softmax overflows when it is written down as it stands in the book;
# - what activation, learning rate, initial weights and scale of the inputs do to a training.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import confusion_matrix
from torch.nn import functional

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import MLP, scratch
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, fit, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit)
run = Run("04_mlp_from_scratch", profile, digits, seed, out)
check = Checker(run)
print(digits)

# %% [markdown]
# ## 4.1 Digits as rows of 784 numbers
#
# Each image of 28 x 28 pixels becomes one row. The pixels were **standardised**: the mean over all training pixels was
# subtracted, and the result divided by their standard deviation.


# %%
def rows_of(split):
    return split.images.flatten(1).numpy(), split.labels.numpy()


images, labels = rows_of(digits.train)
test_images, test_labels = rows_of(digits.test)
print(f"a row has {images.shape[1]} numbers, mean {abs(images.mean()):.0f}, standard deviation {images.std():.0f}")

# %% [markdown]
# ## 4.2 The forward pass
#
# A layer turns the activations $a$ of the layer before into **pre-activations** $z = aW + b$, and these into its own
# activations $f(z)$. A batch of 64 images is a matrix of 64 rows, so one matrix product serves them all. The full
# profile uses layers of 784-500-250-100-10 neurons, the quick one narrower layers.

# %%
hidden_sizes = profile.choose(quick=(120, 60, 30), full=(500, 250, 100))
sizes = (784, *hidden_sizes, digits.num_classes)
network = scratch.Network(sizes, "tanh", seed=seed)
a = images[:64]
for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True), 1):
    z = a @ weights + biases
    a = np.tanh(z)
    print(f"layer {layer}: weights {weights.shape}, pre-activations {z.shape}")
print("the last pre-activations are the logits:", np.allclose(z, network.forward(images[:64]), atol=1e-5))

# %% [markdown]
# The **activation function** $f$ is what makes layers worth stacking: without it, four matrix products in a row would be
# one. Its derivative decides how much of an error passes back through the layer.

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.7))
z = np.linspace(-5, 5, 201)
for index, (name, pair) in enumerate(scratch.ACTIVATIONS.items()):
    for ax, function in zip(axes, pair, strict=True):
        ax.plot(z, function(z), color=f"C{index}", marker=plots.MARKERS[index], markevery=25, label=name)
axes[0].set(title="activation f(z)", xlabel="pre-activation z", ylim=(-1.3, 2.3))
axes[1].set(title="derivative f'(z)", xlabel="pre-activation z")
axes[0].legend()
run.figure(
    "activations",
    fig,
    caption="Three activations and their derivatives. The sigmoid's derivative is never above 0.25; those of sigmoid and "
    "tanh vanish far from 0.",
    alt="Two panels against z from -5 to 5. Left: sigmoid rises from 0 to 1, tanh from -1 to 1, ReLU is 0 and then rises "
    "in a straight line. Right: two bell curves of height 0.25 and 1, and a step from 0 to 1.",
)

# %% [markdown]
# **What to notice.** Through three layers of sigmoids an error shrinks by 0.25 x 0.25 x 0.25 at best, to less than 2 %.
# This is the **vanishing gradient**. ReLU passes an error on whole, or not at all.

# %% [markdown]
# ## 4.3 Softmax, and how it overflows
#
# **Softmax** turns the logits of an image into probabilities: $p_k = e^{z_k} / \sum_j e^{z_j}$. Written down like this it
# fails: the largest number in double precision is about $10^{308}$, and $e^{1000}$ is beyond it. A sigmoid written as
# `1 / (1 + np.exp(-z))` overflows in the same way for $z = -1000$.

# %%
logits = np.array([[1000.0, 1001.0, 0.0], [1.0, 2.0, 3.0]])
with np.errstate(over="ignore", invalid="ignore"):
    print("naive softmax:", (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).round(3).tolist())
    print("inside the naive sigmoid:", np.exp(1000.0))

# %% [markdown]
# ### Exercise 4.1 — write a softmax that cannot overflow
#
# Probabilities do not change when the same number is subtracted from all logits of a row. Choose that number so that no
# exponent is above 0. `stable_softmax` takes logits of shape (N, classes) and returns probabilities of the same shape.
# Write it yourself: the softmax or log-softmax of a library does not count.


# %%
def stable_softmax(logits):
    ### BEGIN SOLUTION
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
    ### END SOLUTION


# %%
check("4.1", stable_softmax)
### BEGIN HIDDEN TESTS
assert check.passed("4.1")
### END HIDDEN TESTS

# %% [markdown]
# `scratch.softmax` is such a function, and serves the rest of this notebook.

# %%
print(scratch.softmax(logits).round(3).tolist())

# %% [markdown]
# ## 4.4 Back-propagation
#
# The cost $C$ is the mean **cross-entropy**: minus the logarithm of the probability that the network gives to the true
# class, averaged over the images of the batch. Write $\delta = \partial C / \partial z$ for the error at a layer's
# pre-activations. Four equations give all gradients (rows are images, $\odot$ multiplies entry by entry):
#
# 1. at the output: $\delta^L = (p - y) / N$, where $y$ has a 1 at the true class and $N$ is the number of images;
# 2. one layer further back: $\delta^{l-1} = \delta^l (W^l)^T \odot f'(z^{l-1})$;
# 3. the gradient of the weights: $\partial C / \partial W^l = (a^{l-1})^T \delta^l$;
# 4. the gradient of the biases: $\partial C / \partial b^l = \sum_{\mathrm{images}} \delta^l$.
#
# ### Exercise 4.2 — the backward step of one layer
#
# Write equations 2 to 4. The function gets $\delta^l$ and $W^l$ of a layer, the activations and pre-activations of the
# layer before, and the function $f'$. It returns the gradient of the weights, that of the biases, and $\delta^{l-1}$.


# %%
def layer_backward(delta, weights, a_before, z_before, derivative):
    ### BEGIN SOLUTION
    weight_gradient = a_before.T @ delta
    bias_gradient = delta.sum(0)
    delta_before = delta @ weights.T * derivative(z_before)
    ### END SOLUTION
    return weight_gradient, bias_gradient, delta_before


# %%
check("4.2", layer_backward)
### BEGIN HIDDEN TESTS
assert check.passed("4.2")
### END HIDDEN TESTS

# %% [markdown]
# The next cell sends a batch forward and your function backward through all layers, in double precision. (The images have
# no pre-activation; what is computed for them is thrown away.) Until yours is ready, `network.backward` does the same.

# %%
network = scratch.Network(sizes, "tanh", seed=seed, dtype=np.float64)
few, few_labels = images[:32].astype(np.float64), labels[:32]
delta = (scratch.softmax(network.forward(few)) - np.eye(digits.num_classes)[few_labels]) / len(few)
before = [few, *network.pre_activations]
own = []
if check.passed("4.2"):
    for layer in reversed(range(len(network.weights))):
        weight_gradient, bias_gradient, delta = layer_backward(
            delta, network.weights[layer], network.outputs[layer], before[layer], network.derivative
        )
        own = [weight_gradient, bias_gradient, *own]
else:
    own = [gradient for pair in network.backward(few_labels) for gradient in pair]

# %% [markdown]
# PyTorch's autograd computes the same gradients from the forward pass alone.

# %%
pairs = zip(network.weights, network.biases, strict=True)
tensors = [torch.tensor(values, requires_grad=True) for pair in pairs for values in pair]
z = torch.tensor(few) @ tensors[0] + tensors[1]
for weights, biases in zip(tensors[2::2], tensors[3::2], strict=True):
    z = torch.tanh(z) @ weights + biases
functional.cross_entropy(z, torch.tensor(few_labels)).backward()
differences = [
    float(np.linalg.norm(gradient - tensor.grad.numpy()) / tensor.grad.norm())
    for gradient, tensor in zip(own, tensors, strict=True)
]
print("arrays compared:", len(differences))
print("largest relative difference below 1e-6:", max(differences) < 1e-6)

# %% [markdown]
# ## 4.5 Check before you train
#
# Without autograd there is another judge: move one weight a little up and a little down, and see how the cost changes.
# This **central difference** is slow, two forward passes a weight, but it needs no derivative.
# `scratch.check_gradient` does it for a sample of every array and returns relative errors. In double precision, below
# $10^{-6}$ is right.
#
# ### Exercise 4.3 — find the planted bug
#
# `scratch.check_gradient(network, images, labels, gradients)` returns a dictionary: the name of each array ("W1", "b1",
# "W2", ...) and its relative error. Write a function that returns the names of those whose error is above $10^{-3}$,
# the mark of a bug. It will be tried on gradients with several bugs, and on one with none.


# %%
def wrong_arrays(network, images, labels, gradients):
    ### BEGIN SOLUTION
    errors = scratch.check_gradient(network, images, labels, gradients)
    return [name for name, error in errors.items() if error > 1e-3]
    ### END SOLUTION


# %%
check("4.3", wrong_arrays)
### BEGIN HIDDEN TESTS
assert check.passed("4.3")
### END HIDDEN TESTS

# %% [markdown]
# The function below makes a mistake that a student report made. Let yours judge it, and find the line before you read
# on.


# %%
def suspect_backward(network, labels, l2=0.0):
    delta = (scratch.softmax(network.pre_activations[-1]) - np.eye(digits.num_classes)[labels]) / len(labels)
    delta = delta.astype(network.weights[0].dtype)
    gradients = []
    for layer in reversed(range(len(network.weights))):
        weight_gradient = network.outputs[layer].T @ delta + l2 * network.weights[layer]
        gradients.append((weight_gradient, delta.sum(0)))
        delta = delta @ network.weights[layer].T * network.derivative(network.outputs[layer])
    return gradients[::-1]


# %%
network = scratch.Network(sizes, "sigmoid", seed=seed, dtype=np.float64)
network.forward(few)
if check.passed("4.3"):
    print("wrong:", ", ".join(wrong_arrays(network, few, few_labels, suspect_backward(network, few_labels))))

# %% [markdown]
# **What to notice.** The arrays of the last layer (`W4`, `b4`) are right: their error passes through no activation. All
# before them are wrong: equation 2 wants $f'$ at the pre-activation $z$, and the function takes it at the activation
# $a = f(z)$. Every single image goes through that line, and yet no test of the forward pass would see it.

# %% [markdown]
# ## 4.6 Training: three activations, three settings
#
# **Gradient descent** takes each batch's mean gradient, times the **learning rate**, off the weights. The **L2 term** adds
# half of `l2` times the sum of all squared weights to the cost, which pulls weights towards 0.
#
# The student report behind this notebook trained sigmoid and tanh with learning rates 0.01 and 0.04, for 10 and 15
# epochs, with and without L2. It leaves open which accuracy belongs to which setting, how strong L2 was, whether a batch's
# gradients were averaged or summed, and how inputs were scaled. We assume: averaged, standardised inputs, Xavier weights,
# L2 of 0.0005, and the three settings below. On MNIST they reach or exceed each of its numbers: 72.9, 85.8 and 88.8 %
# for sigmoid, 93.9, 85.3 and 93.7 % for tanh. Inputs scaled to [0, 1] fell short of the first in a trial; summed
# gradients are a 64 times larger rate, under which ReLU diverged at once. The quick profile has few images, so it takes
# higher rates and smaller batches.

# %%
low, high = profile.choose(quick=(0.03, 0.12), full=(0.01, 0.04))
settings = {
    "low": {"lr": low, "epochs": 10, "l2": 0.0},
    "low_l2": {"lr": low, "epochs": 10, "l2": 5e-4},
    "high": {"lr": high, "epochs": 15, "l2": 0.0},
}
batch_size = profile.choose(quick=32, full=64)
seeds = run.seeds[:3]

# %% [markdown]
# `train` is the loop: for each batch `forward`, `backward`, `step`. The next function calls it once a seed and keeps one
# row a run and one row an epoch.


# %%
def train_all(activation, setting="high", build=scratch.Network, initialisation="xavier", **other):
    runs, epochs = [], []
    facts = {"activation": activation, "setting": setting, "initialisation": initialisation}
    for seed in seeds:
        network = build(sizes, activation, initialisation, seed)
        rows = scratch.train(
            network, images, labels, **{**settings[setting], **other}, batch_size=batch_size, seed=seed
        )
        epochs += [{**facts, "seed": seed, **row} for row in rows]
        answers = network.predict(test_images)
        outcome = {"test": 100 * (answers == test_labels).mean(), "seconds": sum(row["seconds"] for row in rows)}
        runs.append({**facts, "seed": seed, **outcome, "answers": answers, "network": network})
    return pd.DataFrame(runs), pd.DataFrame(epochs)


# %%
parts = [train_all(activation, setting) for activation in scratch.ACTIVATIONS for setting in settings]
runs, epochs = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
for (activation, setting), cell in runs.groupby(["activation", "setting"], sort=False):
    name = f"{activation}_{setting}_test"
    print(activation, setting, run.number(name, cell["test"], "%", 1, split="test", seeds=seeds))

# %% tags=["nbval-ignore-output"]
for (activation, setting), cell in runs.groupby(["activation", "setting"], sort=False):
    print(activation, setting, run.number(f"{activation}_{setting}_seconds", cell["seconds"], "s", 2, seeds=seeds))

# %%
fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.9), sharey=True)
for ax, (setting, rows) in zip(axes, epochs.groupby("setting", sort=False), strict=True):
    plots.spread_lines(rows, "epoch", "cost", "activation", ax)
    l2 = f", L2 {settings[setting]['l2']}" if settings[setting]["l2"] else ""
    ax.set(yscale="log", title=f"lr {settings[setting]['lr']}{l2}")
    ax.label_outer()
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
run.figure(
    "cost_by_activation",
    fig,
    caption="Cost (mean cross-entropy of the training images, logarithmic) after each epoch for three activations and three "
    "settings. Lines: mean over the seeds; bands: one standard deviation; dots: single runs.",
    alt="Three panels with three falling lines each. The line of sigmoid lies far above those of tanh and ReLU in every "
    "panel, and comes down soonest at the higher learning rate.",
    split="train",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** The sigmoid network starts on a **plateau** near $\ln 10 \approx 2.3$, the cost of guessing, and stays
# there longest at the low rate: its gradients vanish on their way back. A higher rate and more epochs help it most. L2 changes little here: in so few epochs
# the network hardly learns the images by heart.

# %% [markdown]
# ### Training with the bug
#
# Now the suspect trains for a while, beside the right gradient from the same initial weights.


# %%
class Suspect(scratch.Network):
    def backward(self, labels, l2=0.0):
        return suspect_backward(self, labels, l2)


short = profile.choose(quick=15, full=5)
_, bug = train_all("sigmoid", build=Suspect, epochs=short)
right = epochs.query("activation == 'sigmoid' and setting == 'high' and epoch <= @short")
both = pd.concat([right.assign(derivative="at z: right"), bug.assign(derivative="at f(z): bug")])

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.0))
plots.spread_lines(both, "epoch", "cost", "derivative", ax)
ax.set_ylim(bottom=0)
ax.legend(title="derivative")
run.figure(
    "cost_with_bug",
    fig,
    caption="Cost after each epoch for a sigmoid network, with the right gradient and with the derivative taken at the "
    "activation. Both fall. Lines: mean over the seeds; bands: one standard deviation; dots: single runs.",
    alt="Two falling lines over the epochs that lie on each other at first; the one with the bug ends higher.",
    split="train",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** The curve with the bug looks healthy. The derivative of the sigmoid is positive everywhere, so at the
# wrong place it still has the right sign: every step goes roughly downhill, only with wrong lengths. For ReLU the bug
# even has no effect at all, because $f(z) > 0$ exactly where $z > 0$. A falling cost proves nothing; a gradient check does.

# %% [markdown]
# ## 4.7 Initial weights, and inputs that were not scaled
#
# *Xavier* draws weights uniformly from ±$\sqrt{6 / (n_{in} + n_{out})}$, so that signals keep their size from layer to
# layer (Glorot and Bengio 2010). *Random* is normal with standard deviation 0.01 whatever the layer's size, so that
# signals shrink. *Zero* is zero.

# %%
starts = {name: train_all("tanh", initialisation=name, epochs=short) for name in scratch.INITIALISATIONS}
fig, ax = plt.subplots(figsize=(5.4, 3.0))
plots.spread_lines(pd.concat([rows for _, rows in starts.values()]), "epoch", "cost", "initialisation", ax)
ax.set_ylim(bottom=0)
ax.legend()
run.figure(
    "cost_by_initialisation",
    fig,
    caption="Cost of a tanh network after each epoch from three kinds of initial weights. Lines: mean over the seeds; bands: "
    "one standard deviation; dots: single runs.",
    alt="Three lines over epochs. Xavier falls at once, small random weights stay high at first and fall later, zero stays "
    "at 2.3 throughout.",
    split="train",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** Small random weights lose time at the start, before the cost falls. From zero it never falls: the cost
# stays at that of guessing.
#
# ### Exercise 4.4 — count the neurons that differ
#
# A neuron is a column of the weights. Write a function that counts how many different columns a matrix has, once its
# numbers are rounded to six digits after the point. NumPy's own functions count.


# %%
def different_neurons(weights):
    ### BEGIN SOLUTION
    return np.unique(weights.round(6), axis=1).shape[1]
    ### END SOLUTION


# %%
check("4.4", different_neurons)
### BEGIN HIDDEN TESTS
assert check.passed("4.4")
### END HIDDEN TESTS

# %% [markdown]
# Here it looks at the second weight matrix of the networks that were just trained, one for each initialisation.

# %%
trained = {name: finished["network"].iloc[0] for name, (finished, _) in starts.items()}
if check.passed("4.4"):
    different = {name: different_neurons(network.weights[1]) for name, network in trained.items()}
    print(f"of {hidden_sizes[1]} neurons, different ones:", different)

# %% [markdown]
# All neurons of a layer that starts at zero compute the same, receive the same gradient and stay the same. With tanh and
# ReLU it is worse: their activation is 0 at first, so by equations 2 and 3 no weight has any gradient. Only the output's
# biases learn, which is how often each digit occurs.
#
# Another classic: the pixels are left at 0 to 255. The sums of the first layer are then nearly a
# hundred times too large.

# %%
raw = load("mnist", data, normalisation="raw", train_limit=profile.train_limit)
network = scratch.Network(sizes, "relu", seed=seed)
with np.errstate(all="ignore"):
    rows = scratch.train(network, *rows_of(raw.train), epochs=2, lr=low, batch_size=batch_size, seed=seed)
print(f"largest input: {raw.train.images.max():.0f} in place of {images.max():.0f}")
print("cost with inputs of 0 to 255:", [row["cost"] for row in rows])

# %% [markdown]
# **What to notice.** The first steps are so long that the weights run away; soon the cost is infinity minus infinity,
# which is `nan`, *not a number*. When you see it, look at the inputs and at the learning rate first.

# %% [markdown]
# ## 4.8 The twin in PyTorch
#
# The same layers as a PyTorch network with ReLU, trained with **Adam**, which adapts the length of the step for every
# weight, and a rate that rises and falls once (one-cycle schedule).

# %%
config = TrainConfig(epochs=10, batch_size=batch_size, optimizer="adam", lr=2e-3, schedule="one_cycle")
twin = sweep(MLP, {"hidden_sizes": [hidden_sizes]}, digits, config, seeds, run.cache, engine="loop")
accuracy = 100 * twin.runs["test_accuracy"]
print("twin", run.number("twin_test", accuracy, "%", 1, split="test", seeds=seeds))

# %%
shown = runs.assign(named=runs["activation"] + "\n" + runs["setting"].str.replace("_", " + "))
shown = pd.concat([shown, pd.DataFrame({"named": "twin", "test": accuracy})])
fig, ax = plt.subplots(figsize=(6.4, 3.2))
plots.seed_dots(shown, "named", "test", ax)
ax.set_ylabel("accuracy (%)")
ax.tick_params(axis="x", labelsize=8.5)
run.figure(
    "accuracy",
    fig,
    caption="Test accuracy of the networks from scratch and of the PyTorch twin. Markers with whiskers: mean and one "
    "standard deviation over the seeds; dots: single runs.",
    alt="Ten columns of dots: sigmoid, tanh and ReLU at the low rate, the low rate with L2 and the high rate, and the twin. "
    "Sigmoid at the low rate is lowest; tanh, ReLU and the twin are close together at the top.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** Once tanh and ReLU are trained well, the choice between them is smaller than the step up from a
# sigmoid that got stuck. Both libraries compute the same gradients; where the twin is ahead, that is the work of its
# optimiser, its schedule and its initial weights.
#
# ### How long does an epoch take?
#
# A fair race: same machine, same number of threads for both libraries, same network, data and batches; a warm-up that
# does not count, then runs in turn. The last row shows what it costs to send images through one at a time, as many first
# attempts do; it is measured on 500 images and scaled up to an epoch.


# %%
def numpy_seconds(images, labels, batch_size):
    (row,) = scratch.train(scratch.Network(sizes, "relu"), images, labels, epochs=1, lr=0.001, batch_size=batch_size)
    return row["seconds"]


def torch_seconds(optimizer):
    once = TrainConfig(epochs=1, batch_size=batch_size, optimizer=optimizer, lr=0.001, momentum=0.0)
    return fit(MLP(hidden_sizes, num_classes=digits.num_classes), digits, once).seconds


race = {
    "PyTorch, Adam": lambda: torch_seconds("adam"),
    "PyTorch, gradient descent": lambda: torch_seconds("sgd"),
    "NumPy, gradient descent": lambda: numpy_seconds(images, labels, batch_size),
    "NumPy, image by image": lambda: numpy_seconds(images[:500], labels[:500], 1) * len(labels) / 500,
}
laps = pd.DataFrame([{name: measure() for name, measure in race.items()} for _ in range(6)]).iloc[1:]

# %% tags=["nbval-ignore-output"]
for key, name in zip(("adam", "sgd", "numpy", "single"), race, strict=True):
    print(name, run.number(f"epoch_{key}", laps[name], "s", 2, statistic="median [quartiles]"))
print("twin, whole training", run.number("twin_seconds", twin.runs["seconds"], "s", 2, seeds=seeds))
run.table(
    "epoch_seconds",
    laps.median().rename("seconds").rename_axis("training").reset_index(),
    "Seconds for one epoch of the network with ReLU: median of five runs after a warm-up.",
    formats={"seconds": "{:.2f}"},
)

# %% [markdown]
# **What to notice.** On the same processor and with the same batches, NumPy is not slow: both libraries spend their time in
# the same kind of matrix product. A network from scratch becomes slow when it loops over images.

# %% [markdown]
# ### Where the mistakes are

# %%
chosen = runs[(runs["activation"] == "relu") & (runs["setting"] == "low")]
matrices = np.stack(
    [confusion_matrix(test_labels, answers, labels=range(digits.num_classes)) for answers in chosen["answers"]]
)
fig, ax = plt.subplots(figsize=(6.4, 6.2))
plots.confusion(matrices, digits.class_names, ax)
run.figure(
    "confusion",
    fig,
    caption="The ReLU network from scratch (low rate): confusion matrix in percent of each true class; below each mean, one "
    "standard deviation over the seeds. Empty cells: no seed ever made this error.",
    alt="A ten by ten table. The diagonal is near or above 90 percent; most other cells are empty or small, a few hold "
    "several percent.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# ## Questions from your TA
#
# 1. Why must the derivative in equation 2 be taken at $z$? For which activations could you compute it from $f(z)$ as well,
#    and how would the formula read?
# 2. Your gradient check fails for `W1` and `b1` alone. Which line do you read first? Why check in double precision?
# 3. Why does the sigmoid network need a higher rate than the tanh network? Name two remedies besides the rate.
# 4. Summing the gradients of a batch of 64 in place of averaging them: which learning rate gives the same steps?
# 5. The twin differs from your ReLU network in optimiser, learning rate (with its schedule) and initial weights. Which
#    runs would tell which of the three matters?

# %% [markdown]
# 1. By the chain rule $\partial C / \partial z = \partial C / \partial a \cdot f'(z)$: what counts is the slope of $f$
#    at the place where $f$ was applied, and that is $z$. It can be had from $a$ where $a$ tells the slope:
#    $f' = a (1 - a)$ for the sigmoid, $1 - a^2$ for tanh, and for ReLU 1 where $a > 0$, else 0. The bug of 4.5 is not
#    that it uses $a$, but that it puts $a$ into a formula meant for $z$.
# 2. `W1` and `b1` share only the error $\delta^1$, so read the line of equation 2, and there its last use, from the
#    second layer back to the first: does it take $W^2$ and the pre-activations of the first hidden layer? Equations 3
#    and 4 serve all layers and are right for the others. Double precision is needed because the check subtracts two
#    costs that agree in nearly all digits; in `float32` mostly rounding would be left, and a right gradient would look
#    wrong.
# 3. The sigmoid's slope is at most 1/4, that of tanh up to 1. Through three hidden layers the sigmoid leaves at most
#    $1/64$ of an error, so the first layers hardly move unless the rate is higher. Any two of these will do: ReLU or
#    tanh in its place, fewer layers, larger initial weights (four times Xavier balances the slope of 1/4), an
#    optimiser such as Adam that adapts the step of every weight, or more epochs.
# 4. The sum is 64 times the mean, so the rate must be divided by 64: 0.01 becomes about 0.00016. Two details: an L2
#    term that is added to the sum must be 64 times as strong to have the same effect, and a last batch with fewer
#    images takes a shorter step than with averaging.
# 5. All eight combinations: gradient descent or Adam, constant rate or one-cycle, Xavier weights or PyTorch's, with
#    the same seeds, epochs and batches. The optimisers need rates of different size, so search a good peak rate for
#    each combination on the validation split first. Then compare, seed by seed, runs that differ in one thing only.
#    Changing one thing at a time from the twin takes four runs a seed, but would miss a change that matters only
#    together with another.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
