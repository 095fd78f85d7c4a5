# %% [markdown]
# # 1 A tour of PyTorch in one afternoon
#
# This notebook begins with a network that reads handwritten digits, and only then explains what it is made of:
# **tensors** (arrays of numbers), **autograd** (derivatives that PyTorch computes for you) and **modules** (networks
# built from layers). One small fit, written five times, then shows that these three do no magic.
#
# **Time**: about 120 minutes.
#
# **You will be able to**
#
# - create, index and combine tensors, and say when two of them share the same memory;
# - say what `backward()` computes, check it, and explain why gradients must be set back to zero;
# - write a network, and follow one step of its training;
# - write the same training by hand, with autograd and with `torch.optim`;
# - read the header of the files that hold the digits.
#
# **You need** Python with NumPy, and derivatives with the chain rule. This is the first notebook: no other comes before it.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": the real images where they are on disk, else the embedded ones; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from labkit.data import draw_digit, load
from labkit.exercises import Checker
from labkit.models import CifarNet, LeNet5, count_parameters
from labkit.report import begin, plots
from labkit.training import TrainConfig, evaluate, fit, set_seed

run = begin("01_pytorch_blitz", "mnist", data, profile, seed, out)
digits, profile, seeds, check = run.dataset, run.profile, run.seeds, Checker(run)
print(digits)

# %% [markdown]
# ## 1.1 A network that works
#
# The next cell trains LeNet-5, a small network whose design is from 1998, and then shows it images that it has never seen.
# It does so three times, because a network begins with random numbers: a **seed** fixes which ones, so that you can repeat a
# training exactly. This takes some seconds. You need not understand the code yet.


# %%
def train_lenet(number):
    set_seed(number)
    network = LeNet5(num_classes=digits.num_classes)
    fit(network, digits, TrainConfig(epochs=profile.choose(quick=6, full=1), batch_size=32, seed=number))
    return network


networks = {number: train_lenet(number) for number in seeds[:3]}
accuracies = [100 * evaluate(network, digits).accuracy for network in networks.values()]
print("test accuracy:", run.number("first_test", accuracies, "%", split="test", seeds=seeds[:3]))

# %% [markdown]
# The **test accuracy** is the share of new images that the network reads correctly. Two things make it uncertain, and
# this course always states both: another seed gives another network, and other test images would give another share.
# Notebook 02 explains how the two numbers behind the ± are computed. The next figure shows ten images that the first
# network got wrong (if there are as many), and ten that it got right.

# %%
fig, ax = plt.subplots(figsize=(6.4, 1.8))
plots.answer_grid(digits, evaluate(networks[seed], digits).predictions, ax)
run.figure("predictions", fig, split="test", seeds=seeds[:1])

# %% [markdown]
# ### Draw one yourself
#
# In JupyterLab the next cell shows a field to draw on: write a digit with the mouse or a finger. The bars are the
# probabilities that the three networks give to each class, and the dots are the single networks.

# %%
draw_digit(networks.__getitem__, seeds[:3], digits)

# %% [markdown]
# **Try** a 7 with a bar and one without. Then draw a letter. What do the networks answer, and could they answer "this is
# no digit"?
#
# ### The images: MNIST
#
# **MNIST** (LeCun and others, 1998) is the data set on which such networks were first compared: 60,000 training images and
# 10,000 test images. Half of the digits were written by employees of the US Census Bureau, the other half by high-school
# students, about 250 people for the training images and other people for the test images. Each digit was scaled to
# fit 20 x 20 pixels, and then moved in a field of 28 x 28 until its **centre of mass** (the mean place of its ink) lay
# in the middle. Your drawing is prepared in the same way.
#
# If MNIST is not on your disk, the course takes 1,797 real digits that come with scikit-learn (8 x 8 pixels, enlarged). What
# `print(digits)` wrote above says which images you have. The next figure shows the mean image of each class.

# %%
fig, ax = plt.subplots(figsize=(6.4, 1.2))
plots.class_means(digits, ax)
run.figure("means", fig, split="train")

# %% [markdown]
# ### How a notebook of this course works
#
# - **Profiles.** The second cell holds the notebook's parameters. `profile = "quick"` uses few images and short trainings,
#   so that every notebook takes seconds. `"full"` gives the numbers for a report, and takes long.
#   `profile.choose(quick=6, full=1)` shows the values of both.
# - **Results.** `begin` loads the images and returns `run`. What you give to `run.number`, `run.figure` or `run.table` is
#   also kept in a file, and your report takes it from there. `run.finish()` near the end writes that file.
# - **Several networks.** Later notebooks call `sweep`, which trains one network for each setting and each seed. It keeps what
#   it has trained, so a second run is fast.
# - **Exercises.** Write your answer in the cell below the task, and run it. The cell after it, `check(...)`, tries your
#   answer on several inputs and says ✓ (passed), ✗ (not right yet, with the reason and a hint) or ○ (not attempted yet).
#   Check as often as you like. The notebook runs to its end even if an exercise is open.
# - **Questions from your TA** stand near the end, with one cell for all answers. Double-click it, write, and run it.

# %% [markdown]
# ## 1.2 Tensors
#
# A **tensor** is an array of numbers of one type (**dtype**) with any number of dimensions. Its **shape** says how long
# each dimension is. Whole numbers become `int64` and decimals `float32`, the type in which networks compute.

# %%
table = torch.tensor([[1, 2, 3], [4, 5, 6]])
print(table.dtype, tuple(table.shape), "| halves:", (table / 2).dtype, "| as 3 x 2:", table.reshape(3, 2).tolist())
print("row 0:", table[0].tolist(), "| column 1:", table[:, 1].tolist(), "| values above 3:", table[table > 3].tolist())

# %% [markdown]
# ### Broadcasting
#
# Two tensors of different shapes can be added, multiplied and so on if their shapes agree **from the right**: dimension
# by dimension they must be equal, or one of them is 1 or missing. The shorter one is then used again and again.

# %%
column, row = torch.tensor([[10], [20]]), torch.tensor([1, 2, 3])
print(tuple(column.shape), "+", tuple(row.shape), "->", tuple((column + row).shape), (column + row).tolist())

# %% [markdown]
# Shapes that do not agree raise an error. `table + torch.tensor([10, 20])` ends with "The size of tensor a (3) must match the
# size of tensor b (2) at non-singleton dimension 1": the message names both sizes, and the dimension, counted from 0, at
# which they clash. To repair it, ask what was meant. If it was one number per row, the small tensor needs the shape (2, 1):
# `torch.tensor([10, 20])[:, None]`.
#
# ### Exercise 1.1 — standardise a batch of images (2 points)
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
# in `_` changes a tensor **in place**, and every view of it with it. `clone()` makes a copy. Between NumPy and PyTorch it
# is the same: `torch.from_numpy` and `.numpy()` share memory, and `torch.tensor` copies.

# %%
array = np.zeros(3)
tensor, copied = torch.from_numpy(array), torch.tensor(array)
tensor[:2].add_(7)  # a slice is a view, changed in place: so `tensor` and `array` change too
print("tensor", tensor.tolist(), "| array", array.tolist(), "| copy", copied.tolist(), "| dtype", tensor.dtype)

# %% [markdown]
# **What to notice.** NumPy's decimals are `float64`, PyTorch's are `float32`. A tensor that comes from NumPy often needs
# `.float()` before a network takes it.

# %% [markdown]
# ## 1.3 Autograd
#
# A tensor with `requires_grad=True` remembers what is computed from it. The record is a **computation graph**: each result
# knows the operation that made it (`grad_fn`), and from what. `backward()` walks through the graph from the result back to
# the start, multiplies the derivatives on its way (the chain rule), and leaves the sum of what arrives in `.grad`. The
# figure draws the graph of $y = x^3 + 5x$ at $x = 2$ from what autograd remembers.

# %%
x = torch.tensor(2.0, requires_grad=True)
y = x**3 + 5 * x
fig, ax = plt.subplots(figsize=(6.4, 1.9))
plots.computation_graph(y, {"x": x}, ax)
run.figure("graph", fig)
y.backward()
print(f"by autograd {x.grad.item()}, by hand 3 * 2^2 + 5 = {3 * 2**2 + 5}")

# %% [markdown]
# ### Gradients add up
#
# A second `backward()` **adds** to `.grad`. That is useful when a gradient is collected from several parts. But in a training
# loop it is the most common mistake: `zero_grad()` sets `.grad` back to None, and without it each step uses the sum of all
# gradients so far.
#
# Inside `with torch.no_grad():` nothing is recorded. You need it when you change a parameter yourself, and when you only
# want a prediction.

# %%
(x**3 + 5 * x).backward()
print("after a second backward():", x.grad.item())

# %% [markdown]
# ### Exercise 1.2 — check a gradient (1 point)
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
# Autograd said 17 for the derivative of $x^3 + 5x$ at $x = 2$. What does your function say, with 64 and with 32 bits per
# number?

# %% tags=["nbval-ignore-output"]
if check.passed("1.2"):
    for dtype in (torch.float64, torch.float32):
        print(dtype, central_difference(lambda x: x**3 + 5 * x, torch.tensor([2.0], dtype=dtype)).tolist())

# %% [markdown]
# **What to notice.** `float64` matters here. A `float32` holds about seven digits, and the first four or five of $f(x+h)$ and
# $f(x-h)$ cancel when one is subtracted from the other. Only two or three digits of the result are right.

# %% [markdown]
# ## 1.4 A network, and one step of training
#
# Notebooks 01 to 03 also use colour images. **CIFAR-10** (Krizhevsky, 2009) has 50,000 training and 10,000 test images of
# 32 x 32 pixels in ten classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. Each pixel has three
# numbers, for red, green and blue. If it is not on your disk, the course draws ten classes of coloured shapes in its place.

# %%
colours = load("cifar10", data, train_limit=profile.train_limit)
print(colours)

# %% [markdown]
# The network below takes such images, 3 x 32 x 32. A **convolution** slides small filters over the image. Each filter gives
# one **feature map**: an image of how well the filter fits at each place. A filter reaches through **all** maps that come in:
# one of 5 x 5 has 3 x 5 x 5 weights for a colour image, and a bias. It makes each side 4 pixels shorter.
# **ReLU** sets negative values to 0. **Max pooling** keeps the largest of each 2 x 2 values. Linear layers then turn the
# last maps into ten **logits**, one per class: the larger a logit, the more the network believes in that class.
# Notebook 08 looks at convolution closely.
#
# ### Exercise 1.3 — write the network (3 points)
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
# `labkit.models.CifarNet()` is this network, written with names for its layers. Until yours is ready, the notebook takes it
# instead. Here a **batch** of eight images goes through the network.

# %%
classes, images, labels = colours.num_classes, colours.train.images[:8], colours.train.labels[:8]
set_seed(seed)
net = BlitzNet() if check.passed("1.3") and classes == 10 else CifarNet(num_classes=classes)
print(run.number("parameters", count_parameters(net), "parameters", 0, statistic="exact"))
print("batch", tuple(images.shape), "-> logits", tuple(net(images).shape))

# %% [markdown]
# ### A shape mismatch, read
#
# Without `flatten(1)`, the linear layer gets a stack of maps. The message gives the two matrices that could not be
# multiplied. The second, 400 x 120, is the layer. So the first is what arrived, and its last number should be 400.

# %%
try:
    nn.Linear(400, 120)(torch.zeros(8, 16, 5, 5))
except RuntimeError as error:
    print(error)

# %% [markdown]
# ### The loss
#
# The **loss** is one number that says how wrong the network is. **Cross-entropy** takes logits and the number of the true
# class. It turns logits into probabilities (**softmax**: $e^{z_k} / \sum_j e^{z_j}$) and returns $-\ln$ of the
# probability of the true class: 0 if that is 1, and $\ln 10 \approx 2.3$ if the probability is spread evenly over ten
# classes. Labels must be whole numbers (`int64`); decimals of the same shape are refused.

# %%
loss_fn = nn.CrossEntropyLoss()
loss = loss_fn(net(images), labels)
print(f"labels {labels.dtype}, loss {loss.item():.1f}, ln {classes} = {np.log(classes):.1f}")

# %% [markdown]
# A mistake that raises **no** error is softmax before cross-entropy. `CrossEntropyLoss` applies softmax itself. Applied
# twice, it never sees a value above 1, and the loss cannot reach 0, even if the network is sure and right every time.

# %%
perfect = 50 * nn.functional.one_hot(labels, classes).float()  # logits that are sure, and right every time
print(f"logits: loss {loss_fn(perfect, labels).item():.3f}", end=", ")
print(f"softmax first: loss {loss_fn(perfect.softmax(1), labels).item():.3f}")
print(f"the floor ln(e + {classes - 1}) - 1 is {np.log(np.e + classes - 1) - 1:.4f}")

# %% [markdown]
# **What to notice.** A training loss that levels off near 1.46 with ten classes is the sign of this mistake.

# %% [markdown]
# ### One backward pass, one update
#
# After `backward()`, each parameter has a gradient of its own shape: how much the loss would change if that weight grew.
# **Gradient descent** moves each weight a small step against its gradient: `w -= lr * grad`, where `lr` is the **learning
# rate**. An **optimiser** does just that for you, as the next section shows.

# %%
loss.backward()
with torch.no_grad():
    for weight in net.parameters():
        weight -= 0.01 * weight.grad
print("the loss on this batch fell:", bool(loss_fn(net(images), labels) < loss))

# %% [markdown]
# ## 1.5 One fit, five ways
#
# A polynomial $y = a + bx + cx^2 + dx^3$ is to follow $\sin x$ between $-\pi$ and $\pi$. The loss is the mean squared
# difference over 2,000 points. All five ways start from the same coefficients, take the same number of steps with the
# same learning rate, and compute in `float64`. So they must agree.

# %%
STEPS, LR = 3_000, 0.005
x = np.linspace(-np.pi, np.pi, 2_000)
y = np.sin(x)
powers = np.stack([np.ones_like(x), x, x**2, x**3])  # (4, 2000): what a, b, c and d are multiplied with
starts = {number: np.random.default_rng(number).normal(size=4) for number in seeds}

# %% [markdown]
# ### Exercise 1.4 — the gradient by hand (2 points)
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
# **First and second: NumPy, then tensors.** You write the error, the gradient and the update yourself. The same lines work
# for arrays and for tensors. What tensors add: they can be computed on a graphics card (GPU).


# %%
def fit_by_hand(coefficients, powers, y):
    for _ in range(STEPS):
        coefficients = coefficients - LR * gradient_by_hand(powers, coefficients @ powers - y)
    return coefficients


start, t_powers, t_y = starts[seed], torch.from_numpy(powers), torch.from_numpy(y)
ways = {}
if check.passed("1.4"):
    ways["NumPy"] = fit_by_hand(start, powers, y)
    ways["tensors"] = fit_by_hand(torch.from_numpy(start), t_powers, t_y).numpy()

# %% [markdown]
# **Third: autograd.** PyTorch derives the gradient. In return you must set it back after each step, and keep the update
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
# **Fourth: nn.** The polynomial is a linear layer: its four inputs are $1, x, x^2, x^3$, and its weights are $a, b, c, d$.
# The layer knows its parameters, so the update is a loop that fits any network.

# %%
inputs, targets, mean_squared = t_powers.T, t_y[:, None], nn.MSELoss()


def fit_nn(start):
    layer = nn.Linear(4, 1, bias=False, dtype=torch.float64)
    layer.weight.data[0] = torch.tensor(start)
    for _ in range(STEPS):
        layer.zero_grad()
        mean_squared(layer(inputs), targets).backward()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter -= LR * parameter.grad
    return layer.weight[0].detach().numpy()


# %% [markdown]
# **Fifth: optim.** The optimiser does the update. These four lines inside the loop are those of every training loop in
# this course.


# %%
def fit_optim(start):
    layer = nn.Linear(4, 1, bias=False, dtype=torch.float64)
    layer.weight.data[0] = torch.tensor(start)
    optimizer = torch.optim.SGD(layer.parameters(), lr=LR)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = mean_squared(layer(inputs), targets)
        loss.backward()
        optimizer.step()
    return layer.weight[0].detach().numpy()


# %%
ways |= {"autograd": fit_autograd(start)[0], "nn": fit_nn(start), "optim": fit_optim(start)}
print("  ".join(f"{name} = {value:z.4f}" for name, value in zip("abcd", ways["optim"], strict=True)))
print(*ways, "agree to ten digits:", all(abs(found - ways["optim"]).max() < 1e-10 for found in ways.values()))

# %% [markdown]
# $a$ and $c$ end near 0, because the sine is odd, $\sin(-x) = -\sin x$, and of the four powers only $x$ and $x^3$ are.
#
# Does the result depend on the start? Here are several starts.

# %%
fits = {number: fit_autograd(start) for number, start in starts.items()}
final = [losses[-1] for _, losses in fits.values()]
print("mean squared error:", run.number("polynomial_mse", final[0], "", 5, statistic="exact"))
print("the same to 7 digits from every start:", bool(np.ptp(final) < 1e-7))
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.1))
curves = [(starts[number] @ powers, found @ powers, losses[:1_200]) for number, (found, losses) in fits.items()]
plots.curve_fits(x, y, curves, axes)
run.figure("polynomial", fig, seeds=seeds)

# %% [markdown]
# **What to notice.** All starts meet at the same loss, about 0.0044, and it is not 0: this is what a cubic cannot follow. The
# loss of this fit is **convex**: it has the form of a bowl, with one lowest point, so every start leads there. The loss of a
# network is not convex. Where its training ends depends on the start, and that is why later notebooks train every network
# with several seeds.

# %% [markdown]
# ## 1.6 The files of MNIST
#
# Where do the images of 1.1 come from? MNIST's files are plain **bytes** (whole numbers from 0 to 255) in a format called
# **IDX**. A file begins with a header of whole numbers, each of which takes four bytes:
#
# - the **magic number**. It says what the file is. Its last byte is the number of dimensions, and the byte before it says
#   of what type the values are (8: one byte per value). Images have three dimensions, so theirs is $8 \cdot 256 + 3 = 2051$;
# - the **size** of each dimension: for images how many there are, then rows, then columns.
#
# The pixels follow. The first byte of a number counts most (**big-endian**): the bytes 0, 0, 8, 3 are
# $((0 \cdot 256 + 0) \cdot 256 + 8) \cdot 256 + 3 = 2051$. Most processors do it the other way round (**little-endian**).
#
# ### Exercise 1.5 — read the header of an image file (2 points)
#
# `read_idx_header` gets the first bytes of an IDX file (`bytes`): the header, and some of the values behind it. It returns
# a list: the magic number, then the size of each dimension. It must work for any number of dimensions: a file with labels
# has one.


# %%
def read_idx_header(data):
    ### BEGIN SOLUTION
    dimensions = data[3]  # one byte of `bytes` is a whole number already
    return [int.from_bytes(data[4 * place : 4 * place + 4], "big") for place in range(dimensions + 1)]
    ### END SOLUTION


# %%
check("1.5", read_idx_header)
### BEGIN HIDDEN TESTS
assert check.passed("1.5")
### END HIDDEN TESTS

# %% [markdown]
# These are the first bytes of two of MNIST's files, two characters per byte (0 to f: **hexadecimal**, 16 values). The
# bytes behind the second header are the labels of the first four images: 7, 2, 1, 0.

# %%
if check.passed("1.5"):
    print("MNIST's test images:", *read_idx_header(bytes.fromhex("00000803 00002710 0000001c 0000001c")))
    print("and their labels:   ", *read_idx_header(bytes.fromhex("00000801 00002710 07020100")))

# %% [markdown]
# ## Questions from your TA
#
# 1. `images[:8]` and `images[[0, 1, 2]]`: which is a view, which a copy, and how would you find out?
# 2. What would a training loop without `zero_grad()` do to the size of the steps? Would the loss tell you?
# 3. A group ends its network in `log_softmax`, the logarithm of softmax, and then uses cross-entropy. Why does that change
#    nothing, while softmax in its place is a mistake?
# 4. With 100 classes and softmax before cross-entropy, what is the lowest loss that a network can reach?
# 5. The fits of 1.5 fail if `LR` is 0.01. What do the losses do, and what in `powers` causes it?

# %% [markdown]
# 1. `images[:8]` is a view: a slice only needs another start and length in the same memory. `images[[0, 1, 2]]` is a
#    copy, because a list may name rows in any order. To find out, change one number of the result in place and see
#    whether `images` has changed too.
# 2. Each step would use the sum of all gradients so far. While they point the same way, the steps grow longer and
#    longer, until they overshoot the lowest point. No error is raised, and at first the loss even falls faster. Then
#    it swings up and down without settling, or grows. A learning rate that is too large looks the same, so the
#    loss alone does not name the mistake.
# 3. Cross-entropy takes the logarithm of softmax itself: $z_k - \ln \sum_j e^{z_j}$. After `log_softmax` the $e^{z_j}$ are
#    probabilities, so their sum is 1, its logarithm is 0, and nothing is taken off: applied twice, it gives what it gives
#    once. Softmax gives numbers between 0 and 1 instead. As logits, they are at most 1 apart, so the second softmax can never
#    be sure, and the loss stays far above 0 however right the network is.
# 4. The softmax gives at best 1 for the true class and 0 for the other 99. Cross-entropy applies softmax once more, so
#    the loss is never below $\ln(e + 99) - 1 \approx 3.62$. Guessing costs $\ln 100 \approx 4.61$: hardly any room is
#    left to learn.
# 5. They grow, from some starts after a first step that still looks well: soon each loss is about 3.3 times the one
#    before, until it overflows to `inf` and then `nan`. The cause is the row of $x^3$ in `powers`, whose values reach
#    31 while those of the first row are 1: the loss is so steep in $d$ that a step of this rate lands further from the
#    lowest point than it started. The limit lies near `LR` = 0.007. Powers that were scaled to the same size would
#    allow a larger rate.

# %% [markdown]
# ## You can now
#
# - create and combine tensors, read the message of a shape mismatch, and tell a view from a copy;
# - explain what a computation graph is, what `backward()` leaves in `.grad`, and check it with a central difference;
# - write a network as a module, and say what the loss, the gradient, the learning rate and the optimiser do;
# - say who wrote MNIST's digits, how they were centred, and what the first 16 bytes of their file mean.
#
# Next comes notebook 02: it trains the network of 1.4, and shows how to measure how good it is.
#
# ## References
#
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998). *Gradient-based learning applied to document recognition*. Proceedings
#   of the IEEE 86(11), 2278-2324. [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791). LeNet-5, and in its section III
#   how MNIST was made.
# - A. Krizhevsky (2009). *Learning multiple layers of features from tiny images*. Technical report, University of Toronto.
#   [CIFAR-10's page](https://www.cs.toronto.edu/~kriz/cifar.html).
# - PyTorch: [the 60-minute blitz](https://docs.pytorch.org/tutorials/beginner/deep_learning_60min_blitz.html), which this
#   notebook follows in its topics; [learning PyTorch with
#   examples](https://docs.pytorch.org/tutorials/beginner/pytorch_with_examples.html), where the fit of a sine comes from; and
#   [how autograd works](https://docs.pytorch.org/docs/stable/notes/autograd.html).
# - NumPy: [broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html).

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
