# %% [markdown]
# # 2 Training a classifier on colour images
#
# Now the network of notebook 1 learns. You will write the training once, in full, and then find out how good the
# result is. The second part is the harder one: an accuracy is easily quoted from too few images, from the wrong images or from
# one lucky run.
#
# **You will learn**
#
# - how `torch.utils.data` turns a data set into shuffled batches;
# - the five lines that every step of training consists of;
# - how to state an accuracy that others can rely on: all test images, several seeds, class by class;
# - how to save a trained network and load it again without risk.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": CIFAR-10 where it is on disk, else the embedded shapes; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import CifarNet, count_parameters

# %%
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, evaluate, fit, get_device, set_seed, set_threads, sweep

# %% [markdown]
# ## 2.1 The data
#
# CIFAR-10 has ten classes of photographs, 32 x 32 pixels. Where it is not on disk, the course draws ten classes of shapes
# of the same size instead. Accuracies on the two cannot be compared. The next line says which images this run uses. The
# full profile does as PyTorch's tutorial does: pixels are scaled to $[-1, 1]$, and nearly all training images are used for
# training, only 2 % are held back for validation.

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
dataset = load(
    "cifar10",
    data,
    train_limit=profile.train_limit,
    normalisation=profile.choose(quick="standard", full="symmetric"),
    validation=profile.choose(quick=0.1, full=0.02),
)
run = Run("02_cifar_classifier", profile, dataset, seed, out)
check = Checker(run)
seeds = run.seeds[:5]  # convolutions take longer than the MLPs of other notebooks
print(dataset)

# %%
names = dataset.class_names
fig, ax = plt.subplots(figsize=(6.4, 2.3))
sample = dataset.pixels(dataset.train.images[:14]).numpy()
plots.image_grid(sample, [names[label] for label in dataset.train.labels[:14]], columns=7, ax=ax)
run.figure(
    "samples",
    fig,
    caption="Fourteen images of the training split with the names of their classes.",
    alt="Two rows of seven small colour images, each with the name of its class above it.",
    split="train",
)

# %% [markdown]
# ## 2.2 Batches from a DataLoader
#
# A step of training uses a few images, a **batch**. PyTorch's tools for this are two: a `Dataset` gives image number `i`
# with its label, and a `DataLoader` collects batches from it. One pass over all training images is an **epoch**.

# %%
train_set = TensorDataset(dataset.train.images, dataset.train.labels)
generator = torch.Generator().manual_seed(seed)
train_loader = DataLoader(train_set, batch_size=4, shuffle=True, generator=generator)
images, labels = next(iter(train_loader))
print("images", tuple(images.shape), images.dtype, " labels", tuple(labels.shape), labels.dtype)
print("this batch:", ", ".join(names[label] for label in labels))

# %% [markdown]
# - `TensorDataset` pairs tensors that are already in memory: item `i` is `(images[i], labels[i])`.
# - `batch_size=4` is the number of images a step.
# - `shuffle=True` draws a new order each epoch. Without it, a data set sorted by class would show the network one class
#   for thousands of steps.
# - `generator` holds the seed of that order, so that the run can be repeated.
# - `num_workers` (0 here) is the number of processes that load images ahead. It pays when images are read from files.
# - `drop_last=True` would leave out the last batch of an epoch where it is smaller than the others.
#
# ### Exercise 2.1 — how many steps has an epoch?
#
# Write a function of the number of images and the batch size. The last batch counts, even if it is not full.


# %%
def steps_in_an_epoch(count, batch_size):
    ### BEGIN SOLUTION
    return -(-count // batch_size)  # division, rounded up
    ### END SOLUTION


# %%
check("2.1", steps_in_an_epoch)
### BEGIN HIDDEN TESTS
assert check.passed("2.1")
### END HIDDEN TESTS

# %% [markdown]
# When all images are in memory, a batch is also had without a loader: draw an order, cut it into pieces of four, and
# index the tensors with them. Here is what each way costs, from passes over at most 3,000 images, warmed up and
# repeated:

# %% tags=["nbval-ignore-output"]
part = TensorDataset(*train_set[:3_000])
ways = {
    "loader": lambda: DataLoader(part, batch_size=4, shuffle=True),
    "indexing": lambda: (part[chosen] for chosen in torch.randperm(len(part)).split(4)),
}
for way, batches in ways.items():
    microseconds = []
    for _ in range(profile.repeats + 1):
        start = time.perf_counter()
        count = sum(1 for _ in batches())
        microseconds.append(1e6 * (time.perf_counter() - start) / count)
    print(way, run.number(f"{way}_us", microseconds[1:], "µs a batch", 0, statistic="median [quartiles]"))

# %% [markdown]
# **What to notice.** Indexing is the faster way. Whether the difference matters depends on the time of a whole training
# step, which section 2.5 measures. The rest of the course has all images in memory, and indexes them. Use a `DataLoader`
# where images are too many for the memory, or are read from files and changed while they are read.

# %% [markdown]
# ## 2.3 The training loop
#
# The training below runs on a GPU where there is one, on the CPU otherwise; this network needs none. Two things have to be
# on the same **device**: the network, moved once, and each batch, moved before it is used.

# %% tags=["nbval-ignore-output"]
device = get_device()
print("computing on:", device)

# %% [markdown]
# The setting is that of PyTorch's *60-minute blitz*: SGD with momentum, learning rate 0.001, batches of 4, two epochs.
# That is more than ten thousand steps an epoch on CIFAR-10; the tutorial reports about 55 %. **The quick profile differs**: it has
# only a few thousand images, so it takes larger batches, a larger learning rate and more epochs, to learn something in
# seconds.

# %%
config = TrainConfig(
    optimizer="sgd",
    momentum=0.9,
    lr=profile.choose(quick=0.03, full=0.001),
    batch_size=profile.choose(quick=50, full=4),
    epochs=profile.choose(quick=6, full=2),
)
train_loader = DataLoader(train_set, config.batch_size, shuffle=True, generator=generator)
print(run.number("parameters", count_parameters(CifarNet(num_classes=len(names))), "parameters", 0, statistic="exact"))

# %% [markdown]
# ### Exercise 2.2 — one step of training
#
# `train_step` does what every training consists of, with one batch of images and their labels. Both are on the right
# device already. In this order:
#
# 1. forget the last batch's gradients;
# 2. forward: compute the loss, `loss_fn` of the network's logits and the labels;
# 3. compute the gradient of the loss for each weight;
# 4. let the optimiser move each weight against its gradient;
# 5. return the loss as a plain number.


# %%
def train_step(model, images, labels, loss_fn, optimizer):
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
check("2.2", train_step)
### BEGIN HIDDEN TESTS
assert check.passed("2.2")
### END HIDDEN TESTS

# %% [markdown]
# An epoch is one step for each batch of the loader. Until your step is ready, `labkit.training.fit` trains in its place.

# %%
set_seed(seed)
model = CifarNet(num_classes=len(names)).to(device)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
if check.passed("2.2"):
    for epoch in range(1, config.epochs + 1):
        model.train()
        total = 0.0
        for images, labels in train_loader:
            loss = train_step(model, images.to(device), labels.to(device), loss_fn, optimizer)
            total += loss * len(labels)
        print(f"epoch {epoch}/{config.epochs}: train loss {total / len(train_set):.3f}")
else:
    fit(model, dataset, config, log=print)

# %% [markdown]
# **What to notice.** $\ln 10 \approx 2.3$ is the loss of guessing among ten classes. In the quick profile the loss stays
# there for some epochs: the filters are still random, and nothing tells any two classes apart. Once the first ones
# do, it falls. The loss of an epoch is a total over images, divided by their number: the mean of the batches' means would weigh a last, smaller
# batch too much. **Momentum** 0.9 means that each step goes on with 0.9 of the last one.
#
# `labkit.training.fit` is this training, with indexing in place of the loader, and the later notebooks import it.

# %% [markdown]
# ## 2.4 How good is it?
#
# ### Exercise 2.3 — accuracy over all images
#
# Write `accuracy(model, loader)`: the share of all images in `loader` whose largest logit is that of the true class. Count
# images, do not average batches. Switch to `eval()`, and record no graph. `labkit.training.evaluate` does not count.


# %%
def accuracy(model, loader):
    ### BEGIN SOLUTION
    model.eval()
    correct = count = 0
    with torch.inference_mode():
        for images, labels in loader:
            predictions = model(images.to(device)).argmax(1).cpu()
            correct += (predictions == labels).sum().item()
            count += len(labels)
    return correct / count
    ### END SOLUTION


# %%
check("2.3", accuracy)
### BEGIN HIDDEN TESTS
assert check.passed("2.3")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
evaluation = evaluate(model, dataset, "test")
print("labkit's evaluate:", evaluation)
if check.passed("2.3"):
    test_loader = DataLoader(TensorDataset(dataset.test.images, dataset.test.labels), batch_size=64)
    print(f"your function:     {float(accuracy(model, test_loader)):.2%}")

# %% [markdown]
# `eval()` changes nothing in this network. It matters as soon as there is **dropout** or batch normalisation, which
# behave differently in training; a forgotten `eval()` then lowers the accuracy that you measure.
#
# Here are twelve test images, drawn at random. A tick stands for a right answer; a cross for a wrong one, with the truth
# below it.

# %%
order = torch.randperm(len(dataset.test), generator=torch.Generator().manual_seed(seed))
twelve = order[:12]
marks = []
for guess, truth in zip(evaluation.predictions[twelve], evaluation.labels[twelve], strict=True):
    marks.append(f"✓ {names[guess]}\n" if guess == truth else f"✗ {names[guess]}\nis: {names[truth]}")

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.1))
plots.image_grid(dataset.pixels(dataset.test.images[twelve]).numpy(), marks, columns=6, ax=ax)
run.figure(
    "predictions",
    fig,
    caption="Twelve test images, drawn at random, with the network's answer. ✓: right; ✗: wrong, with the true class below.",
    alt="Two rows of six small colour images. Above each stands the network's answer with a tick or a cross, and the true "
    "class where the answer is wrong.",
    split="test",
    seeds=[seed],
)

# %% [markdown]
# ### Save it and load it again
#
# What is saved is the `state_dict`: the names of the parameters with their values, not the class. To load them, build
# the network first. A file in Python's pickle format can run any program while it is read, so a file from somebody
# else is a risk. `weights_only=True` reads tensors and plain values, and refuses everything else.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/blitz.pt"
    torch.save(model.state_dict(), path)
    restored = CifarNet(num_classes=len(names)).to(device)
    restored.load_state_dict(torch.load(path, weights_only=True))
again = evaluate(restored, dataset, "test")
print("the same answers:", torch.equal(again.predictions, evaluation.predictions))

# %% [markdown]
# ## 2.5 Several seeds
#
# The number above is one run. Another seed gives other initial weights, another order of the images, and another
# accuracy. `sweep` trains the same network once for each seed. Its grid `{}` is empty: nothing else is varied.

# %% tags=["nbval-ignore-output"]
result = sweep(CifarNet, {}, dataset, config, seeds, run.cache, log=print)
runs = result.runs.assign(train=100 * result.runs["train_accuracy"], test=100 * result.runs["test_accuracy"])
print("test accuracy:", run.number("blitz_test", runs["test"], "%", 1, split="test", seeds=seeds))

# %% tags=["nbval-ignore-output"]
steps = int(steps_in_an_epoch(len(train_set), config.batch_size)) if check.passed("2.1") else len(train_loader)
step = 1e6 * runs["seconds"] / config.epochs / steps
print("seconds of training:", run.number("blitz_seconds", runs["seconds"], "s", 1, seeds=seeds))
print(f"one step, {config.batch_size} images:", run.number("step_us", step, "µs", 0, seeds=seeds))

# %% [markdown]
# **What to notice.** A step takes many times as long as fetching its batch: with small images in memory, the loader is not
# what you wait for. With images read from files it often is.
#
# ### Which classes?
#
# A **confusion matrix** counts the images of each true class (row) by their predicted class (column). Here is one for
# each seed.

# %%
truth = dataset.test.labels.numpy()
matrices = np.stack([confusion_matrix(truth, guess, labels=range(len(names))) for guess in result.predictions])
print("matrices", matrices.shape, "with", matrices[0].sum(), "images each")

# %% [markdown]
# ### Exercise 2.4 — accuracy class by class
#
# Write `class_accuracy(matrix)`: for each true class, the share of its images that are classified correctly. It takes one
# confusion matrix, with any number of classes, and returns an array with one share a class.


# %%
def class_accuracy(matrix):
    ### BEGIN SOLUTION
    return matrix.diagonal() / matrix.sum(1)
    ### END SOLUTION


# %%
check("2.4", class_accuracy)
### BEGIN HIDDEN TESTS
assert check.passed("2.4")
### END HIDDEN TESTS

# %%
if check.passed("2.4"):
    shares = pd.DataFrame([100 * np.asarray(class_accuracy(matrix)) for matrix in matrices], columns=names)
    tidy = shares.melt(var_name="class", value_name="accuracy")

# %%
if check.passed("2.4"):
    fig, ax = plt.subplots(figsize=(6.4, 3.3))
    plots.seed_dots(tidy, "class", "accuracy", ax)
    ax.set(ylabel="test accuracy (%)", ylim=(0, 100))
    ax.tick_params(axis="x", rotation=35)
    run.figure(
        "accuracy_by_class",
        fig,
        caption="Test accuracy of each class. Dots: single seeds; markers with whiskers: mean and one standard deviation.",
        alt="Ten groups of dots, one a class, each with its mean and a whisker. The means lie far apart, and the dots of one "
        "class are scattered too.",
        split="test",
        seeds=seeds,
    )

# %% tags=["nbval-ignore-output"]
if check.passed("2.4"):
    table = tidy.groupby("class", sort=False)["accuracy"].agg(["mean", "std", "min", "max"]).reset_index()
    display(
        run.table(
            "accuracy_by_class",
            table.rename(columns={"std": "sd", "min": "worst seed", "max": "best seed"}),
            "Test accuracy of each class in percent: mean over the seeds, standard deviation, worst and best seed.",
            formats=dict.fromkeys(("mean", "sd", "worst seed", "best seed"), "{:.1f}"),
            split="test",
            seeds=seeds,
        )
    )

# %%
fig, ax = plt.subplots(figsize=(6.4, 6.0))
plots.confusion(matrices, names, ax)
ax.tick_params(axis="x", rotation=45)
run.figure(
    "confusion",
    fig,
    caption="Confusion matrix in percent of each true class. Large: mean over the seeds; small: one standard deviation. "
    "Only errors are shaded.",
    alt="A ten by ten matrix. The diagonal holds the largest numbers; errors are spread over many cells, and a few of them "
    "are shaded darkly.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** One accuracy for ten classes hides that some are recognised far better than others. The spread of a
# single class between seeds is larger than that of the total: what one class loses, another wins.

# %% [markdown]
# ## 2.6 Two accuracies that should not be quoted
#
# **The last batch only.** Many loops print the accuracy of the batch at hand, and the last line ends up in the report. **The
# training split.** It is tempting to evaluate on the images that lie ready, but the network has seen them. For each
# seed, the table has both beside the accuracy on all test images.

# %% tags=["nbval-ignore-output"]
correct = (result.predictions == truth)[:, order.numpy()]  # test images in random order
quoted = pd.DataFrame({"seed": seeds, "last batch of 4": 100 * correct[:, -4:].mean(1)})
quoted = quoted.assign(**{"training split": runs["train"], "all test images": runs["test"]})
run.table(
    "what_is_quoted",
    quoted,
    "Accuracy in percent that would be quoted from the last batch of four test images, from the training split, and from "
    "all test images.",
    formats=dict.fromkeys(quoted.columns[1:], "{:.1f}"),
    split="test",
    seeds=seeds,
)

# %% tags=["nbval-ignore-output"]
gap = runs["train"] - runs["test"]
print("training - test, in percentage points:", run.number("gap", gap, "points", 1, split="test", seeds=seeds))

# %%
fours = correct[:, : len(truth) // 4 * 4].reshape(len(correct), -1, 4).sum(2)
rows = [{"right": f"{right} of 4", "batches": 100 * (row == right).mean()} for right in range(5) for row in fours]
fig, ax = plt.subplots(figsize=(5.4, 3.0))
plots.seed_dots(pd.DataFrame(rows), "right", "batches", ax)
ax.set(xlabel="images that are classified correctly", ylabel="batches (%)", ylim=(0, None))
run.figure(
    "batches_of_four",
    fig,
    caption="How many of four test images are classified correctly, over all batches of four. Dots: single seeds; markers "
    "with whiskers: mean and one standard deviation.",
    alt="Five groups of dots from 0 of 4 to 4 of 4. Most batches have one, two or three right, and the rest is shared by "
    "none and all four.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** The same network scores anything from 0 to 100 % on a batch of four. The training split flatters: its
# accuracy lies above that on the test split, and the gap grows with more epochs.
#
# ### Exercise 2.5 — how far does a batch jump?
#
# Write `batch_spread(correct, batch_size)`: the standard deviation, in percentage points, of the accuracy of batches of
# that size, over the batches of all seeds taken together. `correct` (seeds, images) says which images are classified
# correctly; a batch holds images of one seed, and images of a seed that fill no batch are left out. For independent images, theory gives $100\sqrt{p(1-p)/n}$ with the accuracy $p$ and batches of $n$.


# %%
def batch_spread(correct, batch_size):
    ### BEGIN SOLUTION
    whole = correct.shape[1] // batch_size * batch_size
    return 100 * correct[:, :whole].reshape(-1, batch_size).mean(1).std()
    ### END SOLUTION


# %%
check("2.5", batch_spread)
### BEGIN HIDDEN TESTS
assert check.passed("2.5")
### END HIDDEN TESTS

# %%
p = correct.mean()
for batch_size in (4, 25) if check.passed("2.5") else ():
    theory = 100 * (p * (1 - p) / batch_size) ** 0.5
    near = abs(float(batch_spread(correct, batch_size)) / theory - 1) < 0.25
    print(f"batches of {batch_size}: close to theory: {near}")

# %% [markdown]
# ## 2.7 For images that nobody has labelled
#
# In the end a classifier is there for new images. Your TA has some whose labels you do not get, so here everything
# comes together in one function. The **test split** stands for such images. It may be used once, at the end, to measure.
# Once a network has learnt from the test images, or was chosen because it did well on them, they measure nothing any
# more, and the accuracy on images that are really new comes as a surprise.
#
# ### Exercise 2.6 — a classifier for images without labels
#
# `train_classifier` trains `model` on the training split of `dataset` and returns it. It moves the model to `device`,
# makes one optimiser with the learning rate `lr` (SGD with momentum 0.9 does well), and runs `epochs` epochs. Each takes
# the training images in a new random order, each image once, in batches of `batch_size`, and does your `train_step` for
# each batch. Write it yourself: `labkit.training.fit` does not count.


# %%
def train_classifier(model, dataset, epochs, batch_size, lr):
    ### BEGIN SOLUTION
    model.to(device).train()
    sgd = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    pixels, truths = dataset.train.images.to(device), dataset.train.labels.to(device)
    for _ in range(epochs):
        for chosen in torch.randperm(len(truths)).to(device).split(batch_size):
            train_step(model, pixels[chosen], truths[chosen], nn.CrossEntropyLoss(), sgd)
    return model
    ### END SOLUTION


# %%
check("2.6", train_classifier)
### BEGIN HIDDEN TESTS
assert check.passed("2.6")
### END HIDDEN TESTS

# %% [markdown]
# The check trains a small network on drawn images whose **test labels are wrong on purpose**: who learns from them
# answers wrongly. Here your function trains `CifarNet` on the images of this notebook.

# %% tags=["nbval-ignore-output"]
if check.passed("2.6"):
    set_seed(seed)
    mine = train_classifier(CifarNet(num_classes=len(names)), dataset, config.epochs, config.batch_size, config.lr)
    print(evaluate(mine, dataset, "validation"))
    print(evaluate(mine, dataset, "test"))

# %% [markdown]
# ## Questions from your TA
#
# 1. Give your test accuracy as it should stand in a report. Which five facts belong beside the number?
# 2. Your five seeds differ by a few points. How large must an improvement be before you believe it?
# 3. What does the network learn if `shuffle=True` is left out, and the training images are sorted by class?
# 4. Which two classes does your network confuse most? Is the matrix symmetric there? Explain what you see.
# 5. A loop prints "accuracy 75 %" after its last batch of four. What can you conclude?

# %% [markdown]
# 1. Write it as `run.number` does: mean ± standard deviation. In the reference run that is 54.1 ± 1.4 % (CIFAR-10,
#    test split, 10,000 images, 5 seeds). The five facts are the data set, the split, the number of images, the number
#    of seeds (and that ± is one standard deviation between them), and the network with its training: optimiser,
#    learning rate, batch size, epochs.
# 2. Let $s$ be the standard deviation between seeds. A mean over five seeds is still uncertain by $s / \sqrt{5}$, and
#    the difference of two such means by $s \sqrt{2/5} \approx 0.63 s$. Believe an improvement from about twice that,
#    $1.3 s$, if both networks were trained with five seeds; with one run each it would take
#    $2 \sqrt{2} s \approx 2.8 s$. With the $s$ of the reference run, 1.4 points, these are 1.8 and 4 points.
# 3. Batch after batch shows a single class, so the network learns to give that answer whatever it sees, and unlearns
#    it when the next class begins. At the end of the epoch it mostly answers the last class, and the test accuracy
#    stays near 10 %. The training loss misleads: it is low inside a class and jumps only where a new one begins.
# 4. Look for the darkest cell off the diagonal, and for the cell mirrored at the diagonal. A good answer gives both
#    percentages with their standard deviations, and says whether they differ by more than these. The matrix need not
#    be symmetric: if one class is confused with the other much more often than the other way round, the network
#    prefers one of the two answers. The explanation names what the two classes share, such as shape, colour or
#    background.
# 5. Three of four images were right, and hardly more than that: one image more or less changes the number by 25
#    points. A network whose true accuracy is 55 % gets exactly three of four right in 30 % of all batches, one with
#    75 % in 42 %. If the batch came from the training split, the images were not even new to the network.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
