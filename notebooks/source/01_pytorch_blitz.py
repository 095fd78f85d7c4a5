# %% [markdown]
# # 1 A tour of PyTorch in one hour
#
# Everything in this course is made of three things: **tensors** (arrays of numbers), **autograd** (derivatives that
# PyTorch computes for you) and **modules** (networks built from layers). This notebook goes through the three in that
# order, and ends with one small fit that is written five times, with a little more help from PyTorch each time.
#
# **You will learn**
#
# - how tensors are created, indexed and combined, and when two of them share the same memory;
# - what `backward()` computes, how to check it, and why gradients must be set back to zero;
# - how to write a network, and what one step of training does to its weights;
# - that NumPy by hand and `torch.optim` do the same arithmetic.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": CIFAR-10 where it is on disk, else the embedded shapes; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import copy
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import CifarNet, count_parameters
from labkit.report import Run, get_profile, plots
from labkit.training import set_seed, set_threads

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
dataset = load("cifar10", data, train_limit=profile.train_limit)
run = Run("01_pytorch_blitz", profile, dataset, seed, out)
check = Checker(run)
print(dataset)

# %% [markdown]
# ## 1.1 Tensors
#
# A **tensor** is an array of numbers of one type (**dtype**) with any number of dimensions. Its **shape** says how long
# each dimension is. Whole numbers become `int64` and decimals `float32`, the type in which networks compute.

# %%
table = torch.tensor([[1, 2, 3], [4, 5, 6]])
print("table ", table.dtype, tuple(table.shape))
print("halves", (table / 2).dtype, (table / 2).tolist())
print("zeros ", torch.zeros(2, 2).tolist(), " steps of 3", torch.arange(0, 10, 3).tolist())

# %%
print("row 0          ", table[0].tolist())
print("column 1       ", table[:, 1].tolist())
print("last of row 1  ", table[1, -1].item())
print("where above 3  ", table[table > 3].tolist())
print("the same as 3x2", table.reshape(3, 2).tolist())

# %% [markdown]
# ### Broadcasting
#
# Two tensors of different shapes can be added, multiplied and so on if their shapes agree **from the right**: dimension
# by dimension they must be equal, or one of them is 1 or missing. The shorter one is then used again and again.

# %%
column = torch.tensor([[10], [20]])
row = torch.tensor([1, 2, 3])
print(tuple(column.shape), "+", tuple(row.shape), "->", tuple((column + row).shape), (column + row).tolist())

# %% [markdown]
# Shapes that do not agree raise an error. Read the message: it names both sizes, and the dimension, counted from 0,
# at which they clash.

# %%
try:
    table + torch.tensor([10, 20])
except RuntimeError as error:
    print(error)

# %% [markdown]
# The remedy depends on what was meant. Here one number a row was meant, so the small tensor needs the shape (2, 1):
# `torch.tensor([10, 20])[:, None]`.
#
# ### Exercise 1.1 — standardise a batch of images
#
# `standardise` takes images of shape (N, 3, 32, 32). It returns them with mean 0 and standard deviation 1 in each of
# the three **channels** (red, green, blue), taken over all images and pixels. Use broadcasting; a library's own
# normalisation, such as `nn.BatchNorm2d`, does not count.


# %%
def standardise(images):
    ### BEGIN SOLUTION
    mean = images.mean(dim=(0, 2, 3), keepdim=True)  # (1, 3, 1, 1)
    std = images.std(dim=(0, 2, 3), keepdim=True)
    return (images - mean) / std
    ### END SOLUTION


# %%
check("1.1", standardise)
### BEGIN HIDDEN TESTS
assert check.passed("1.1")
### END HIDDEN TESTS

# %% [markdown]
# ### Views, copies and changes in place
#
# Slicing and `reshape` give a **view** where they can: another way to look at the same memory. A method whose name ends
# in `_` changes a tensor **in place**, and every view of it with it. `clone()` makes a copy.

# %%
grid = torch.zeros(2, 3)
view, copied = grid[0], grid[0].clone()
view.add_(7)  # in place, so `grid` changes too
print("grid", grid.tolist(), " copy", copied.tolist())

# %% [markdown]
# The bridge to NumPy is a view as well: `torch.from_numpy` and `.numpy()` share memory. `torch.tensor` copies.

# %%
array = np.array([1.0, 2.0, 3.0])
shared, separate = torch.from_numpy(array), torch.tensor(array)
array[0] = 99
print("shared", shared.tolist(), " separate", separate.tolist(), " dtype", shared.dtype)

# %% [markdown]
# **What to notice.** NumPy's decimals are `float64`, PyTorch's are `float32`. A tensor that comes from NumPy often needs
# `.float()` before a network takes it.

# %% [markdown]
# ## 1.2 Autograd
#
# A tensor with `requires_grad=True` remembers what is computed from it. The record is a **graph**: each result knows
# the operation that made it (`grad_fn`). `backward()` walks through the graph from the result to the start, applies the
# chain rule, and leaves the derivative in `.grad`.

# %%
x = torch.tensor(2.0, requires_grad=True)
y = x**3 + 5 * x
print("made by", type(y.grad_fn).__name__, "| its inputs by", [type(f).__name__ for f, _ in y.grad_fn.next_functions])
y.backward()
print(f"by autograd {x.grad.item()}, by hand 3 * 2^2 + 5 = {3 * 2**2 + 5}")

# %% [markdown]
# ### Gradients add up
#
# A second `backward()` **adds** to `.grad`. That is useful where a gradient is collected from several parts, and it is
# the most common mistake in a training loop: without `zero_grad()`, each step uses the sum of all gradients so far.

# %%
for attempt in (1, 2, 3):
    (x**3 + 5 * x).backward()
    print(f"backward number {attempt + 1}: x.grad = {x.grad.item()}")
x.grad = None  # what optimizer.zero_grad() does for each parameter
(x**3 + 5 * x).backward()
print("after setting it back:", x.grad.item())

# %% [markdown]
# Inside `torch.no_grad()` nothing is recorded. You need it wherever you change a parameter yourself or only want a
# prediction.

# %%
with torch.no_grad():
    print("recorded:", (x**2).requires_grad, "inside,", end=" ")
print((x**2).requires_grad, "outside")

# %% [markdown]
# ### Exercise 1.2 — check a gradient
#
# A derivative can always be checked without any rule: move $x$ a little to both sides and see what $f$ does,
# $f'(x) \approx \frac{f(x+h)-f(x-h)}{2h}$ (the **central difference**). Write it for a tensor `x` with several values,
# where `f` works on each value alone; it returns a tensor of the same shape.


# %%
def central_difference(f, x, h=1e-5):
    ### BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    ### END SOLUTION


# %%
check("1.2", central_difference)
### BEGIN HIDDEN TESTS
assert check.passed("1.2")
### END HIDDEN TESTS

# %% [markdown]
# Is autograd right about a function that nobody would like to derive by hand?

# %%
points = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)


def wavy(x):
    x = torch.as_tensor(x, dtype=torch.float64)  # also of one number
    return torch.sin(x**2) + torch.tanh(x)


wavy(points).sum().backward()
if check.passed("1.2"):
    largest = (central_difference(wavy, points.detach()) - points.grad).abs().max().item()
    print("autograd and the central difference agree to 8 digits:", largest < 1e-8)

# %% [markdown]
# **What to notice.** `float64` matters here. With `float32`, $f(x+h)$ and $f(x-h)$ agree in nearly all of their seven
# digits, and their difference is mostly rounding.

# %% [markdown]
# ## 1.3 A network, and one step of training
#
# The network of this course's first half takes colour images, 3 x 32 x 32. A **convolution** slides small filters over
# the image and gives one **feature map** a filter; a 5 x 5 filter makes each side 4 pixels shorter. **Max pooling** keeps
# the largest of each 2 x 2 values. Linear layers then turn the last maps into ten **logits**, one a class.
#
# ### Exercise 1.3 — write the network
#
# Fill `BlitzNet`: convolution 3 → 6, 5 x 5, ReLU, pool 2; convolution 6 → 16, 5 x 5, ReLU, pool 2; flatten; linear layers
# 400 → 120 → 84 → 10 with ReLU between them. `__init__` makes the layers, in this order, and `forward` applies them.
# Write it yourself: a network of `labkit.models` does not count.


# %%
class BlitzNet(nn.Module):
    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.linear1, self.linear2, self.linear3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        maps = self.pool(torch.relu(self.conv1(images)))  # (N, 6, 14, 14)
        maps = self.pool(torch.relu(self.conv2(maps)))  # (N, 16, 5, 5)
        hidden = torch.relu(self.linear1(maps.flatten(1)))  # (N, 400) -> (N, 120)
        return self.linear3(torch.relu(self.linear2(hidden)))
        ### END SOLUTION


# %%
check("1.3", BlitzNet)
### BEGIN HIDDEN TESTS
assert check.passed("1.3")
### END HIDDEN TESTS

# %% [markdown]
# `labkit.models.CifarNet()` is this network, written with names for its layers. Until yours is ready, it goes on in its
# place. Here a **batch** of eight images goes through the network.

# %%
set_seed(seed)
classes = dataset.num_classes
net = BlitzNet() if check.passed("1.3") and classes == 10 else CifarNet(num_classes=classes)
images, labels = dataset.train.images[:8], dataset.train.labels[:8]
logits = net(images)
print(run.number("parameters", count_parameters(net), "parameters", 0, statistic="exact"))
print("batch", tuple(images.shape), "-> logits", tuple(logits.shape))

# %% [markdown]
# ### A shape mismatch, read
#
# Without `flatten(1)`, the linear layer gets a stack of maps. The message gives the two matrices that could not be
# multiplied. The second, 400 x 120, is the layer; so the first is what arrived, and its last number should be 400.

# %%
maps = torch.zeros(8, 16, 5, 5)
try:
    nn.Linear(400, 120)(maps)
except RuntimeError as error:
    print(error)
print("after flatten(1):", tuple(nn.Linear(400, 120)(maps.flatten(1)).shape))

# %% [markdown]
# ### The loss
#
# **Cross-entropy** takes logits and the number of the true class. It is 0 only if the whole probability lies on the true
# class, and $\ln 10 \approx 2.3$ if it is spread evenly over ten.

# %%
loss_fn = nn.CrossEntropyLoss()
loss = loss_fn(net(images), labels)
print(f"labels {labels.dtype}, loss {loss.item():.1f}, ln {classes} = {math.log(classes):.1f}")

# %% [markdown]
# Labels must be whole numbers (`int64`). Decimal labels of the same shape are refused. Decimals of the shape (N, classes)
# would be accepted, but they mean something else: a probability for each class.

# %%
try:
    loss_fn(net(images), labels.float())
except RuntimeError as error:
    print(error)

# %% [markdown]
# A mistake that raises **no** error is softmax before cross-entropy. `CrossEntropyLoss` applies softmax itself. Applied
# twice, it never sees a value above 1, and the loss cannot reach 0 however sure and right the network is.

# %%
perfect = 50 * nn.functional.one_hot(labels, classes).float()  # logits that are sure, and right every time
print(f"logits: loss {loss_fn(perfect, labels).item():.3f}")
print(f"softmax first: loss {loss_fn(perfect.softmax(1), labels).item():.3f}")
print(f"the floor ln(e + {classes - 1}) - 1 is {math.log(math.e + classes - 1) - 1:.4f}")

# %% [markdown]
# **What to notice.** A training loss that levels off near 1.46 with ten classes is the sign of this mistake.

# %% [markdown]
# ### One backward pass, one update
#
# Before `backward()` a parameter has no gradient. After it, each has one of its own shape: how much the loss would
# change if that weight grew.

# %%
filters = next(net.parameters())  # the weights of the first convolution
print("before:", filters.grad)
loss.backward()
print("after: ", tuple(filters.grad.shape), "not all zero:", bool(filters.grad.abs().sum() > 0))

# %% [markdown]
# **Gradient descent** moves each weight a small step against its gradient: `w -= lr * grad`, where `lr` is the **learning
# rate**. An optimiser does just that. Below, one copy of the network is updated by hand and another by `torch.optim.SGD`.

# %%
by_hand, by_optimizer = copy.deepcopy(net), copy.deepcopy(net)
loss_fn(by_hand(images), labels).backward()
with torch.no_grad():
    for weight in by_hand.parameters():
        weight -= 0.01 * weight.grad
optimizer = torch.optim.SGD(by_optimizer.parameters(), lr=0.01)
loss_fn(by_optimizer(images), labels).backward()
optimizer.step()
pairs = zip(by_hand.parameters(), by_optimizer.parameters(), strict=True)
print("equal after one step:", all(torch.allclose(one, other, rtol=0, atol=1e-7) for one, other in pairs))
print("the loss on this batch fell:", bool(loss_fn(by_hand(images), labels) < loss))

# %% [markdown]
# ## 1.4 One fit, five ways
#
# A polynomial $y = a + bx + cx^2 + dx^3$ is to follow $\sin x$ between $-\pi$ and $\pi$. The loss is the mean squared
# difference over 2,000 points. All five ways start from the same coefficients, take the same number of steps with the
# same learning rate, and compute in `float64`. So they must agree.

# %%
STEPS, LR = 3_000, 0.005
x = np.linspace(-np.pi, np.pi, 2_000)
y = np.sin(x)
powers = np.stack([np.ones_like(x), x, x**2, x**3])  # (4, 2000): what a, b, c and d are multiplied with
starts = {s: np.random.default_rng(s).normal(size=4) for s in run.seeds}

# %% [markdown]
# ### Exercise 1.4 — the gradient by hand
#
# The loss is $L = \frac{1}{N}\sum_i e_i^2$ with the error $e_i = a + bx_i + cx_i^2 + dx_i^3 - \sin x_i$. Derive
# $\partial L/\partial a, \ldots, \partial L/\partial d$ and return them as one array of four, given `powers` (4, N) and
# `error` (N,). The function must work for NumPy arrays and for tensors alike, and return what it was given: an array for
# arrays, a tensor for tensors. One matrix product is enough; autograd does not count.


# %%
def gradient_by_hand(powers, error):
    ### BEGIN SOLUTION
    return 2 * (powers @ error) / len(error)
    ### END SOLUTION


# %%
check("1.4", gradient_by_hand)
### BEGIN HIDDEN TESTS
assert check.passed("1.4")
### END HIDDEN TESTS

# %% [markdown]
# **First: NumPy.** You write the forward computation, the gradient and the update.


# %%
def fit_numpy(start):
    coefficients = start.copy()
    for _ in range(STEPS):
        error = coefficients @ powers - y
        coefficients -= LR * gradient_by_hand(powers, error)
    return coefficients


# %% [markdown]
# **Second: tensors.** The same three lines. What is gained is that tensors can live on a GPU.


# %%
t_powers, t_y = torch.from_numpy(powers), torch.from_numpy(y)


def fit_tensors(start):
    coefficients = torch.tensor(start)
    for _ in range(STEPS):
        error = coefficients @ t_powers - t_y
        coefficients -= LR * gradient_by_hand(t_powers, error)
    return coefficients.numpy()


# %% [markdown]
# **Third: autograd.** Nobody derives anything any more. In return you must set the gradient back, and keep the update
# itself out of the graph.


# %%
def fit_autograd(start):
    coefficients, losses = torch.tensor(start, requires_grad=True), []
    for _ in range(STEPS):
        loss = ((coefficients @ t_powers - t_y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            coefficients -= LR * coefficients.grad
        coefficients.grad = None
        losses.append(loss.item())
    return coefficients.detach().numpy(), losses


# %% [markdown]
# **Fourth: nn.** The polynomial is a linear layer: its inputs are $x, x^2, x^3$, its weights $b, c, d$, its bias $a$. The
# layer holds its parameters and knows them all, so the update is a loop that fits any network.


# %%
def polynomial(start):
    layer = nn.Linear(3, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.bias[:] = torch.tensor(start[:1])
        layer.weight[0] = torch.tensor(start[1:])
    return layer


def coefficients_of(layer):
    return torch.cat([layer.bias, layer.weight[0]]).detach().numpy()


# %%
inputs, targets, mean_squared = t_powers[1:].T, t_y[:, None], nn.MSELoss()


def fit_nn(start):
    layer = polynomial(start)
    for _ in range(STEPS):
        layer.zero_grad()
        mean_squared(layer(inputs), targets).backward()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter -= LR * parameter.grad
    return coefficients_of(layer)


# %% [markdown]
# **Fifth: optim.** The optimiser does the update. These four lines inside the loop are those of every training loop in
# this course.


# %%
def fit_optim(start):
    layer = polynomial(start)
    optimizer = torch.optim.SGD(layer.parameters(), lr=LR)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = mean_squared(layer(inputs), targets)
        loss.backward()
        optimizer.step()
    return coefficients_of(layer)


# %%
start = starts[seed]
ways = {"NumPy": fit_numpy(start), "tensors": fit_tensors(start)} if check.passed("1.4") else {}
ways |= {"autograd": fit_autograd(start)[0], "nn": fit_nn(start), "optim": fit_optim(start)}
table = pd.DataFrame.from_dict(ways, orient="index", columns=list("abcd")).rename_axis("way").reset_index()
table["largest difference"] = [np.abs(found - ways["optim"]).max() for found in ways.values()]
print(f"all {len(ways)} agree to ten digits:", bool((table["largest difference"] < 1e-10).all()))

# %% tags=["nbval-ignore-output"]
run.table(
    "five_ways",
    table,
    "The coefficients of the third-degree polynomial, found in five ways from the same start, and the largest difference "
    "to the last way, in float64.",
    formats={**dict.fromkeys("abcd", "{:z.4f}"), "largest difference": "{:.0e}"},
    seeds=[seed],
)

# %% [markdown]
# **What to notice.** The differences are of the size of rounding in `float64`, about $10^{-16}$ an operation. $a$ and $c$ end
# near 0 because the sine is odd, $\sin(-x) = -\sin x$, and only $x$ and $x^3$ are.
#
# Is the result luck of the start? Here are five starts.

# %%
fits = {s: fit_autograd(start) for s, start in starts.items()}
final = [losses[-1] for _, losses in fits.values()]
print("mean squared error at the end:", run.number("polynomial_mse", final, "", 5, seeds=run.seeds))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.3))
for s, (coefficients, losses) in fits.items():
    start_line, fit_line = left.plot(x, starts[s] @ powers, "C0:", x, coefficients @ powers, "C1--", linewidth=1.3)
    (loss_line,) = right.plot(losses, "C2", linewidth=0.9)
(sine,) = left.plot(x, y, "C6", linewidth=1, zorder=0)
left.set(ylim=(-2.5, 2.5), xlabel="x", ylabel="y")
names = ["sin x", "starts", "fits", "loss, one line a seed"]
fig.legend([sine, start_line, fit_line, loss_line], names, loc="outside upper center", ncols=4)
right.set(yscale="log", xlabel="step", ylabel="mean squared error")
run.figure(
    "polynomial",
    fig,
    caption="A third-degree polynomial fitted to sin x by gradient descent from different starting coefficients. Left: the "
    "starts (dotted) and the fits (dashed), which lie on each other. Right: loss over the steps, logarithmic.",
    alt="Left: a sine curve, dotted curves that go in all directions, and dashed fits that lie on each other close to the "
    "sine. Right: losses that differ at the start, fall, and meet at the same low value.",
    seeds=run.seeds,
)

# %% [markdown]
# **What to notice.** All starts meet at the same loss, and it is not 0: this is what a cubic cannot follow. A fit with one
# lowest point forgets its start. A network has many, and does not; that is why later notebooks train each with
# several seeds.

# %% [markdown]
# ## Questions from your TA
#
# 1. `images[:8]` and `images[[0, 1, 2]]`: which is a view, which a copy, and how would you find out?
# 2. What would a training loop without `zero_grad()` do to the size of the steps? Would the loss tell you?
# 3. Where do the 62,006 parameters sit? Give the number for each of the five layers with weights.
# 4. With 100 classes and softmax before cross-entropy, what is the lowest loss that a network can reach?
# 5. The fits of 1.4 fail if `LR` is 0.01. What do the losses do, and what in `powers` causes it?

# %% [markdown]
# 1. `images[:8]` is a view: a slice only needs another start and length in the same memory. `images[[0, 1, 2]]` is a
#    copy, because a list may name rows in any order. To find out, change one number of the result in place and see
#    whether `images` has changed too.
# 2. Each step would use the sum of all gradients so far. While they point the same way, the steps grow longer and
#    longer, until they overshoot the lowest point. No error is raised, and at first the loss even falls faster; then
#    it swings up and down without settling, or grows. The same is seen with a learning rate that is too large, so the
#    loss alone does not name the mistake.
# 3. First convolution $(3 \cdot 25 + 1) \cdot 6 = 456$, second $(6 \cdot 25 + 1) \cdot 16 = 2{,}416$; linear layers
#    $401 \cdot 120 = 48{,}120$, $121 \cdot 84 = 10{,}164$ and $85 \cdot 10 = 850$. The sum is 62,006. More than three
#    quarters sit in the first linear layer.
# 4. The softmax gives at best 1 for the true class and 0 for the other 99. Cross-entropy applies softmax once more, so
#    the loss is never below $\ln(e + 99) - 1 \approx 3.62$. Guessing costs $\ln 100 \approx 4.61$: hardly any room is
#    left to learn.
# 5. They grow, from some starts after a first step that still looks well: soon each loss is about 3.3 times the one
#    before, until it overflows to `inf` and then `nan`. The cause is the row of $x^3$ in `powers`, whose values reach
#    31 while those of the first row are 1: the loss is so steep in $d$ that a step of this rate lands further from the
#    lowest point than it started. The limit lies near `LR` = 0.007. Powers that were scaled to the same size would
#    allow a larger rate.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
