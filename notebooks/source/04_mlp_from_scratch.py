# %% [markdown]
# # 4 A network from scratch
#
# PyTorch computes gradients for you. Here you do without: a network for digits in NumPy, with its forward pass, its
# back-propagation and its training. You repair two bugs that hide well, spoil the training in well-known ways, and
# compare your network with the same one in PyTorch.
#
# **Time**: about 120 minutes.
#
# **You will be able to**
#
# - derive the gradient of a network with four equations, and check that yours is right;
# - write a softmax that does not overflow, a backward pass and a training loop;
# - find a bug from the pattern of a gradient check, and from the cost at the start of a training;
# - say what activation, learning rate, initial weights and the scale of the inputs do to a training.
#
# **You need**: notebook 01 (gradients, cross-entropy) and notebook 02 (training loop, the interval of a difference).

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import numpy as np

from labkit.exercises import Checker
from labkit.models import MLP, scratch
from labkit.report import begin, compare, plots
from labkit.training import TrainConfig, fit, from_scratch, sweep

# %%
run = begin("04_mlp_from_scratch", "mnist", data, profile, seed, out)
digits, profile, seeds, check = run.dataset, run.profile, run.seeds[:3], Checker(run)
print(digits)

# %% [markdown]
# ## 4.1 Digits as rows of 784 numbers
#
# Each image of 28 x 28 pixels becomes one row. The student report behind this notebook trained on pixels between 0
# (black) and 1 (white), so we do the same. The course elsewhere uses **standardised** pixels: the mean over all training
# pixels was subtracted, and the result divided by their standard deviation.


# %%
def rows_of(split):
    return split.images.flatten(1).numpy(), split.labels.numpy()


unit = from_scratch.unit_digits(data, profile.train_limit)
images, labels = rows_of(unit.train)
print(f"a row has {images.shape[1]} numbers, from {images.min():.0f} to {images.max():.0f}")

# %% [markdown]
# ## 4.2 The forward pass
#
# A layer turns the activations $a$ of the layer before into **pre-activations** $z = aW + b$, and these into its own
# activations $f(z)$. A batch of 64 images is a matrix of 64 rows, so one matrix product serves them all. The last
# pre-activations are the **logits**: one number per class, which softmax will turn into probabilities. A
# `scratch.Network` holds the lists `weights` and `biases`, and the activation as `function`.

# %%
hidden_sizes = profile.choose(quick=(120, 60, 30), full=(500, 250, 100))
sizes = (784, *hidden_sizes, digits.num_classes)


def forward(network, images):
    outputs, pre_activations = [images], []
    for weights, biases in zip(network.weights, network.biases, strict=True):
        pre_activations.append(outputs[-1] @ weights + biases)
        outputs.append(network.function(pre_activations[-1]))
    return outputs[:-1], pre_activations  # softmax takes the logits as they are, without f


network = scratch.Network(sizes, "tanh", seed=seed)
_, pre_activations = forward(network, images[:64])
print("pre-activations:", [z.shape for z in pre_activations])
print("as network.forward has it:", np.allclose(pre_activations[-1], network.forward(images[:64]), atol=1e-5))

# %% [markdown]
# The **activation function** $f$ is what makes layers worth stacking: without it, four matrix products in a row would be
# one. Its derivative decides how much of an error passes back through the layer.

# %%
run.figure("activations", plots.activation_curves(scratch.ACTIVATIONS))

# %% [markdown]
# **What to notice.** The sigmoid's slope is at most 0.25. Through three layers of sigmoids the slopes alone shrink an error
# to less than 2 %, since $0.25^3 = 0.016$; the weights on the way can make it larger or smaller again. This is the
# **vanishing gradient**. ReLU passes an error on whole, or not at all.

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

# %% [markdown]
# ### Exercise 4.1 — write a softmax that cannot overflow (2 points)
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
#
# ## 4.4 Back-propagation
#
# The cost $C$ is the mean **cross-entropy**: minus the logarithm of the probability that the network gives to the true
# class, averaged over the images of the batch. Write $\delta = \partial C / \partial z$ for the error at a layer's
# pre-activations. At the output it is surprisingly simple. For one image of the true class $t$, three lines suffice:
#
# - $C = -\ln p_t = -z_t + \ln \sum_j e^{z_j}$;
# - $\partial C / \partial z_k = -y_k + e^{z_k} / \sum_j e^{z_j}$, where $y_k$ is 1 for $k = t$, else 0;
# - and the last fraction is softmax again: $\partial C / \partial z_k = p_k - y_k$.
#
# This is why softmax and cross-entropy are used together: the error is what the network said minus what is true. Four
# equations give all gradients (rows are images, $\odot$ multiplies entry by entry):
#
# 1. at the output: $\delta^L = (p - y) / N$, where $N$ is the number of images (the cost is their mean);
# 2. one layer further back: $\delta^{l-1} = \delta^l (W^l)^T \odot f'(z^{l-1})$;
# 3. the gradient of the weights: $\partial C / \partial W^l = (a^{l-1})^T \delta^l$;
# 4. the gradient of the biases: $\partial C / \partial b^l = \sum_{\mathrm{images}} \delta^l$.
#
# ### Exercise 4.2 — the backward step of one layer (3 points)
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
# The next cell sends a batch forward and your function backward through all layers, in double precision, and compares
# with PyTorch's autograd. (The images have no pre-activation; what is computed for them is thrown away.)

# %%
network = scratch.Network(sizes, "tanh", seed=seed, dtype=np.float64)
few, few_labels = images[:32].astype(np.float64), labels[:32]
delta = (scratch.softmax(network.forward(few)) - np.eye(digits.num_classes)[few_labels]) / len(few)
before, own = [few, *network.pre_activations], []
for layer in reversed(range(len(network.weights) if check.passed("4.2") else 0)):
    weight_gradient, bias_gradient, delta = layer_backward(
        delta, network.weights[layer], network.outputs[layer], before[layer], network.derivative
    )
    own = [weight_gradient, bias_gradient, *own]
theirs = from_scratch.autograd_gradients(network, "tanh", few, few_labels)
print(f"{len(own)} arrays as in autograd:", [np.allclose(a, b, rtol=1e-6) for a, b in zip(own, theirs, strict=False)])

# %% [markdown]
# ## 4.5 Check before you train
#
# Without autograd there is another judge: move one weight a little up and a little down, and see how the cost changes.
# This **central difference** is slow, two forward passes per weight, but it needs no derivative.
# `scratch.check_gradient(network, images, labels, gradients)` does it for some entries of every array. It returns the
# relative error of each: in double precision, below $10^{-6}$ is right, and above $10^{-3}$ is a bug. Here is a backward
# pass with a mistake that a student report made.


# %%
def suspect_backward(network, labels):
    delta = (scratch.softmax(network.pre_activations[-1]) - np.eye(len(network.biases[-1]))[labels]) / len(labels)
    gradients = []
    for layer in reversed(range(len(network.weights))):
        gradients.append((network.outputs[layer].T @ delta, delta.sum(0)))
        delta = delta @ network.weights[layer].T * network.derivative(network.outputs[layer])
    return gradients[::-1]


network = scratch.Network(sizes, "sigmoid", seed=seed, dtype=np.float64)
network.forward(few)
errors = scratch.check_gradient(network, few, few_labels, suspect_backward(network, few_labels))
print("wrong:", [name for name, error in errors.items() if error > 1e-3])
print("right:", [name for name, error in errors.items() if error < 1e-6])

# %% [markdown]
# ### Exercise 4.3 — repair the suspect (3 points)
#
# The pattern tells where to look: which equation do the wrong arrays need that the right ones do without? Copy the suspect
# into `repaired_backward`, find the line and repair it. Mind the numbers: `outputs[0]` are the images, and `outputs[1]` are
# the activations that come from `pre_activations[0]`. The judge is a gradient check.


# %%
def repaired_backward(network, labels):
    ### BEGIN SOLUTION
    delta = (scratch.softmax(network.pre_activations[-1]) - np.eye(len(network.biases[-1]))[labels]) / len(labels)
    gradients = []
    for layer in reversed(range(len(network.weights))):
        gradients.append((network.outputs[layer].T @ delta, delta.sum(0)))
        if layer:
            delta = delta @ network.weights[layer].T * network.derivative(network.pre_activations[layer - 1])
    return gradients[::-1]
    ### END SOLUTION


# %%
check("4.3", repaired_backward)
### BEGIN HIDDEN TESTS
assert check.passed("4.3")
### END HIDDEN TESTS

# %% [markdown]
# A second suspect, from the same report. Its backward pass is right, and a gradient check with this cost would call every
# array wrong all the same: a check compares two things, and either may be the wrong one. The cost at the start of a training
# gives it away. A network that guesses gives each class $1/K$ of $K$ classes, so its cross-entropy is $\ln K$; for ten
# classes that is 2.30.


# %%
def suspect_cost(logits, labels):
    p, y = scratch.softmax(logits), np.eye(logits.shape[1])[labels]
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(1).mean()


guess = np.zeros((len(labels), digits.num_classes))
print(f"a network that guesses: {suspect_cost(guess, labels):.2f}, ln K: {np.log(digits.num_classes):.2f}")

# %% [markdown]
# ### Exercise 4.4 — repair the second suspect (2 points)
#
# The report's first cost was 3.25. Work out with paper and pencil where this number comes from, then write
# `repaired_cost`: the cost that belongs to the gradient $(p - y)/N$. Take the logarithm yourself: the cross-entropy of a
# library does not count.


# %%
def repaired_cost(logits, labels):
    ### BEGIN SOLUTION
    p = scratch.softmax(logits)
    return -np.log(p[np.arange(len(labels)), labels]).mean()
    ### END SOLUTION


# %%
check("4.4", repaired_cost)
### BEGIN HIDDEN TESTS
assert check.passed("4.4")
### END HIDDEN TESTS

# %%
if check.passed("4.4"):
    print(f"a network that guesses, repaired: {repaired_cost(guess, labels):.2f}")

# %% [markdown]
# The 3.25 are ten costs at once: one **binary cross-entropy** per class, "is it this class, yes or no?". The true class adds
# $-\ln 0.1 = 2.30$, and each of the nine others $-\ln 0.9 = 0.11$. The training does not suffer, since the step uses the
# gradient alone. But the curve shows a cost that nobody minimises.

# %% [markdown]
# ## 4.6 The training loop
#
# **Gradient descent** takes each batch's mean gradient, times the **learning rate**, off the weights. That is all that a
# step does:


# %%
def step(network, gradients, lr):
    for layer, (weight_gradient, bias_gradient) in enumerate(gradients):
        network.weights[layer] -= lr * weight_gradient
        network.biases[layer] -= lr * bias_gradient


# %% [markdown]
# ### Exercise 4.5 — write the training loop (3 points)
#
# Write one **epoch**: every image once, in a new random order, which you draw with `rng`. For each batch call
# `network.forward(images)`, `network.backward(labels)`, which returns the gradients, and `network.step(gradients, lr)`.
# Return the mean cost over all images, as it was before each batch's step (`scratch.cross_entropy(logits, labels)` is the
# mean over a batch). The last batch may be smaller than the others: count images, not batches.


# %%
def train_epoch(network, images, labels, lr, batch_size, rng):
    ### BEGIN SOLUTION
    order, total = rng.permutation(len(labels)), 0.0
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        total += len(batch) * scratch.cross_entropy(network.forward(images[batch]), labels[batch])
        network.step(network.backward(labels[batch]), lr)
    return total / len(labels)
    ### END SOLUTION


# %%
check("4.5", train_epoch)
### BEGIN HIDDEN TESTS
assert check.passed("4.5")
### END HIDDEN TESTS

# %%
if check.passed("4.5"):
    network, rng = scratch.Network(sizes, "tanh", seed=seed), np.random.default_rng(seed)
    costs = [train_epoch(network, images[:1000], labels[:1000], 0.1, 32, rng) for _ in range(4)]
    print("your loop, the cost falls:", costs[-1] < 0.8 * costs[0])

# %% [markdown]
# ## 4.7 Three activations, three settings
#
# The report behind this notebook trained sigmoid and tanh with (learning rate 0.01, 15 epochs), (0.04, 15) and (0.01, 10),
# in batches of 64, from Xavier weights (see 4.9). ReLU, it says, was best. We train the same; since 10 epochs at 0.01 are
# the beginning of the 15, one training gives both. The quick profile has few images, so it takes other rates and smaller
# batches. `scratch.train` is the loop of exercise 4.5, and measures accuracy after each epoch: on training images,
# on validation and test images, and on test images of 0 to 255 ("raw"), to which 4.8 will come.

# %%
low, high, batch_size = profile.choose(quick=(0.1, 0.2, 32), full=(0.01, 0.04, 64))
settings = {"low_15": (low, 15), "high_15": (high, 15), "low_10": (low, 10)}


def train_all(activations, rates, epochs=15, data=unit, **other):
    return from_scratch.trainings(data, sizes, seeds, activations, rates, epochs, batch_size, cache=run.cache, **other)


epochs = train_all(list(scratch.ACTIVATIONS), [low, high])
runs = from_scratch.at_settings(epochs, settings)
for (activation, setting), rows in runs.groupby(["activation", "setting"], sort=False):
    name = f"{activation}_{setting}"
    print(name, run.number(f"{name}_test", rows["test"], "%", split="test", seeds=seeds))

# %% [markdown]
# The table puts beside our numbers what the report states. Its settings are those of the full profile.

# %%
table = from_scratch.beside_reported(runs)
run.table("settings", table, formats=dict.fromkeys(table.columns[3:], "{:.1f}"), split="test", seeds=seeds)

# %%
run.figure("cost_by_activation", plots.cost_panels([epochs], "lr", "activation"), split="train", seeds=seeds)

# %% [markdown]
# **What to notice.** The sigmoid network starts on a **plateau** near $\ln K$, the cost of guessing, and stays
# there longest at the low rate: its gradients vanish on their way back. A plateau is no verdict on the network: with more
# epochs it goes on.
#
# Which setting would you hand in? Validation images choose; the test images are asked once.

# %%
best = runs.groupby(["activation", "setting"])["validation"].mean().idxmax()
rows = runs.set_index(["activation", "setting"]).loc[[best]]
print("best:", *best, run.number("best_test", rows["test"], "%", split="test", seeds=seeds))

# %% [markdown]
# ### Training with the bug
#
# Now the first suspect trains for a while, beside the right gradient from the same initial weights.


# %%
class Suspect(scratch.Network):
    def backward(self, labels, l2=0.0):
        return suspect_backward(self, labels)


bug = train_all(["sigmoid"], [high], build=Suspect).assign(derivative="at f(z): bug")
right = epochs.query("activation == 'sigmoid' and lr == @high").assign(derivative="at z: right")
run.figure("cost_with_bug", plots.cost_panels([right, bug], "lr", "derivative", log=False), split="train", seeds=seeds)

# %% [markdown]
# **What to notice.** Would you have seen, from its curve alone, that one of these networks has a bug?
#
# The derivative of the sigmoid is positive everywhere, so at the wrong place it still has the right sign: every step goes
# roughly downhill, only with wrong lengths. For ReLU the bug even has no effect at all, because $f(z) > 0$ exactly where
# $z > 0$. A falling cost proves nothing; a gradient check does.

# %% [markdown]
# ## 4.8 Trained on one scale, tested on another
#
# In PyTorch's data sets the pixels of `dataset.data` are whole numbers from 0 to 255; `ToTensor()` divides them by 255 on
# the way to the network. The report trained on the divided pixels and measured its accuracy on `dataset.data`. In its
# numbers the sigmoid network is worse after 15 epochs than after 10, at the same rate: 72.9 against 88.8 %.
#
# ### Exercise 4.6 — trained on 0 to 1, tested on 0 to 255 (1 point)
#
# How much does the wrong scale cost? `points_lost` returns the accuracy on `images` minus the accuracy on
# `factor * images`, both in percent, for a trained network.


# %%
def points_lost(network, images, labels, factor):
    ### BEGIN SOLUTION
    right = network.predict(images) == labels
    wrong = network.predict(factor * images) == labels
    return 100 * (right.mean() - wrong.mean())
    ### END SOLUTION


# %%
check("4.6", points_lost)
### BEGIN HIDDEN TESTS
assert check.passed("4.6")
### END HIDDEN TESTS

# %%
for name, rows in epochs.groupby("activation", sort=False) if check.passed("4.6") else ():
    lost = [points_lost(rows["network"].iloc[0], *rows_of(unit.test), factor) for factor in (2, 16, 255)]
    print(f"{name}: points lost with inputs 2, 16, 255 times too large:", np.round(lost, 1).tolist())

# %%
run.figure("scale", plots.scale_panels(epochs, "lr", "activation", digits.num_classes), split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** Where do the two lines of a panel part, and in which panels do they not? Look at one network: does its
# accuracy on the wrong scale rise in every epoch? Which activation has the least to lose (question 3)? And could the wrong
# scale alone make 15 epochs worse than 10, as the report has it?
#
# A network that has hardly learned, such as sigmoid in the quick profile, may even gain by larger inputs: that is luck. Read
# those that have learned, and the table of MNIST: there the sigmoid network loses up to 10 points (65.2 to 55.4 %), and ReLU
# hardly any.
#
# So test on the scale of the training; which scale it is, is a choice. Pixels between 0 and 1 are all positive, so all weights
# of a neuron are pushed the same way by one image. Standardised pixels have both signs, and are larger:

# %%
standard = train_all(["sigmoid"], [low], 10, data=digits).query("epoch == 10")["test"]
known = runs.query("activation == 'sigmoid' and setting == 'low_10'")["test"]
print(f"sigmoid, test accuracy with pixels of 0 to 1: {known.mean():.1f} %, standardised: {standard.mean():.1f} %")
print("the difference:", compare(standard, known))

# %% [markdown]
# ## 4.9 Initial weights
#
# *Xavier* (Glorot and Bengio 2010) draws weights uniformly from ±$\sqrt{6 / (n_{in} + n_{out})}$, so that signals keep
# their size on the way forward and errors on the way back. Forward would need the variance $1 / n_{in}$ and backward
# $1 / n_{out}$; $2 / (n_{in} + n_{out})$ lies between. Numbers that are uniform in ±$b$ have the variance $b^2 / 3$: hence
# the 6. *Random* is normal with standard deviation 0.01 whatever the layer's size, so that signals shrink. *Zero* is zero.

# %%
starts = [epochs.query("activation == 'tanh' and lr == @high and epoch <= 5")]
starts += [train_all(["tanh"], [high], 5, initialisation=name) for name in ("random", "zero")]
figure = plots.cost_panels(starts, "lr", "initialisation", log=False)
run.figure("cost_by_initialisation", figure, split="train", seeds=seeds)
print("cost after 5 epochs:", [round(float(rows.query("epoch == 5")["cost"].mean()), 2) for rows in starts])

# %% [markdown]
# **What to notice.** From Xavier weights the cost falls at once. From zero it stays at that of guessing. Do the small random
# weights fare better within these epochs, and could they with more of them?
#
# ### Exercise 4.7 — count the neurons that differ (1 point)
#
# A neuron is a column of the weights. Write a function that counts how many different columns a matrix has, once its
# numbers are rounded to six digits after the point. NumPy's own functions count.


# %%
def different_neurons(weights):
    ### BEGIN SOLUTION
    return np.unique(weights.round(6), axis=1).shape[1]
    ### END SOLUTION


# %%
check("4.7", different_neurons)
### BEGIN HIDDEN TESTS
assert check.passed("4.7")
### END HIDDEN TESTS

# %% [markdown]
# Here it looks at the second weight matrix of the networks that were just trained, one per initialisation.

# %%
if check.passed("4.7"):
    trained = {name: rows["network"].iloc[0] for name, rows in zip(scratch.INITIALISATIONS, starts, strict=True)}
    different = {name: different_neurons(network.weights[1]) for name, network in trained.items()}
    print(f"of {hidden_sizes[1]} neurons, different ones:", different)

# %% [markdown]
# The neurons with small random weights differ, so that network can still learn. All neurons of a layer that starts at zero
# compute the same, receive the same gradient and stay the same. With tanh and ReLU it is worse: their activation is 0 at
# first, so by equations 2 and 3 no weight has any gradient. Only the biases of the output learn: from them the network can
# say how often each digit occurs, and nothing about an image.

# %% [markdown]
# ## 4.10 The twins in PyTorch
#
# The same layers as PyTorch networks, trained on the same pixels with **Adam**: an optimiser that gives every weight a step
# of its own length, from the mean and the size of its last gradients. The report found all twins better than NumPy, ReLU
# best and tanh worst.

# %%
config = TrainConfig(epochs=10, batch_size=batch_size, optimizer="adam", lr=1e-3)
grid = {"hidden_sizes": [hidden_sizes], "activation": list(scratch.ACTIVATIONS)}
twins = sweep(MLP, grid, unit, config, seeds, run.cache, engine="loop")
twin = {}
for name, rows in twins.runs.groupby("activation", sort=False):
    twin[name] = 100 * rows["test_accuracy"].to_numpy()
    print("twin", name, run.number(f"twin_{name}_test", twin[name], "%", split="test", seeds=seeds))
print("ReLU against tanh:", compare(twin["relu"], twin["tanh"]))
print("tanh against sigmoid:", compare(twin["tanh"], twin["sigmoid"]))

# %%
figure = plots.errors_beside_reported(runs, twin, from_scratch.REPORTED)
run.figure("errors", figure, split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** Is the step from one activation to another larger, or that from gradient descent to Adam? Both
# libraries compute the same gradients: which three things differ between a network from scratch and its twin?
#
# ### How long does an epoch take?
#
# A fair race: same machine, one thread (one core) for each library, same network, data and batches; a warm-up that does
# not count, then runs in turn. The last row shows what it costs to send images through one at a time, as many first
# attempts do; it is measured on 200 images and scaled up to an epoch.


# %%
def seconds_in_numpy(count, batch_size):
    fresh, once = scratch.Network(sizes, "relu"), {"epochs": 1, "lr": 0.001, "batch_size": batch_size}
    return scratch.train(fresh, images[:count], labels[:count], **once)[0]["seconds"]


def seconds_in_torch(optimizer):
    once = TrainConfig(epochs=1, batch_size=batch_size, optimizer=optimizer, lr=0.001, momentum=0.0)
    return fit(MLP(hidden_sizes, num_classes=digits.num_classes), unit, once).seconds


# %% tags=["nbval-ignore-output"]
racers = {
    "PyTorch, Adam": lambda: seconds_in_torch("adam"),
    "PyTorch, gradient descent": lambda: seconds_in_torch("sgd"),
    "NumPy, gradient descent": lambda: seconds_in_numpy(len(labels), batch_size),
    "NumPy, image by image": lambda: seconds_in_numpy(200, 1) * len(labels) / 200,
}
print("median seconds per epoch:", from_scratch.race(racers).round(2).to_dict())

# %% [markdown]
# **What to notice.** On the same processor, which library is faster with the same batches, and by how much? Where does a
# network from scratch lose its time?
#
# The report found PyTorch much faster. Its own loop drew a new order of all 60,000 images for every single batch, and used
# the first 64 of them.

# %% [markdown]
# ## Questions from your TA
#
# 1. Why must the derivative in equation 2 be taken at $z$? For which activations could you compute it from $f(z)$ as well,
#    and how would the formula read?
# 2. Your gradient check fails for `W1` and `b1` alone. Which line do you read first? And where is the bug if all arrays have
#    the same relative error? Why check in double precision?
# 3. Multiply all inputs of a trained ReLU network without biases by 255: what happens to its logits, its predictions and
#    its cost? What happens in a sigmoid network?
# 4. Summing the gradients of a batch of 64 in place of averaging them: which learning rate gives the same steps?
# 5. The twin differs from your ReLU network in optimiser, learning rate and initial weights. Which runs would tell which
#    of the three matters?

# %% [markdown]
# 1. By the chain rule $\partial C / \partial z = \partial C / \partial a \cdot f'(z)$: what counts is the slope of $f$
#    at the place where $f$ was applied, and that is $z$. You can also compute it from $a$ if $a$ alone tells the slope:
#    $f' = a (1 - a)$ for the sigmoid, $1 - a^2$ for tanh, and for ReLU 1 where $a > 0$, else 0. The bug of 4.5 is not
#    that it uses $a$, but that it puts $a$ into a formula for $z$.
# 2. `W1` and `b1` share only the error $\delta^1$, so read the line of equation 2, and there its last use, from the
#    second layer back to the first: does it take $W^2$ and the pre-activations of the first hidden layer? The same error
#    in all arrays comes from equation 1, which all others build on: without $1/N$ the error is $(N-1)/(N+1)$ everywhere.
#    Double precision is needed because the check subtracts two costs that agree in nearly all digits.
# 3. ReLU passes on a factor: $f(255 z) = 255 f(z)$. Without biases all logits become 255 times larger, so their order and
#    the predictions stay; with biases nearly so. The probabilities become nearly 0 or 1, so the cost of each wrong image
#    becomes huge. In a sigmoid network the first layer saturates: its activations become 0 or 1, a signal that the next
#    layers have never seen in training.
# 4. The sum is 64 times the mean, so the rate must be divided by 64: 0.01 becomes about 0.00016. A last batch with fewer
#    images then takes a shorter step than with averaging.
# 5. All eight combinations: gradient descent or Adam, their learning rates, Xavier weights or PyTorch's, with the same
#    seeds, epochs and batches. The optimisers need rates of different size, so search a good rate for each combination
#    on the validation split first. Then compare, seed by seed, runs that differ in one thing only.

# %% [markdown]
# ## Recap
#
# You can now
#
# - write every part of a training yourself: softmax, four equations backward, the step and the loop;
# - check a gradient before you train, and the cost at the start against $\ln K$, since a falling cost hides bugs;
# - say why training and test need the same scale of inputs, and why weights must not start equal.
#
# ## References
#
# - Rumelhart, Hinton, Williams (1986), [Learning representations by back-propagating errors](https://doi.org/10.1038/323533a0)
# - Glorot, Bengio (2010), [Understanding the difficulty of training deep feedforward neural networks](https://proceedings.mlr.press/v9/glorot10a.html)
# - Kingma, Ba (2015), [Adam: a method for stochastic optimization](https://arxiv.org/abs/1412.6980)
# - NumPy, [linear algebra](https://numpy.org/doc/stable/reference/routines.linalg.html); PyTorch,
#   [autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
