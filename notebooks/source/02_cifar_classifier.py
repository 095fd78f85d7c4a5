# %% [markdown]
# # 2 Training a classifier on colour images
#
# Now the network of notebook 1 learns. You will write the training once, in full, and then find out how good the
# result is. The second part is the harder one: an accuracy is easily quoted from too few images, from the wrong images or from
# one lucky run.
#
# **Time**: about 120 minutes
#
# **You will be able to**
#
# - turn a data set into shuffled batches with `torch.utils.data`;
# - write the five lines that every step of training consists of;
# - state an accuracy that others can rely on: all test images, several seeds, class by class;
# - say whether one network is better than another, and how sure you are;
# - save a trained network, and load it again without risk.
#
# **You need** notebook 1: tensors, gradients, and the network that you wrote there.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": CIFAR-10 where it is on disk, else the embedded shapes; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

from labkit.exercises import Checker
from labkit.models import MLP, CifarNet
from labkit.report import begin, compare, plots
from labkit.training import TrainConfig, evaluate, fit, get_device, set_seed, sweep

# %% [markdown]
# ## 2.1 The data
#
# **CIFAR-10** (Krizhevsky 2009) holds 60,000 colour photographs, 32 x 32 pixels, in ten classes with 6,000 images each.
# Students were paid to look at each image and to remove wrong labels. 50,000 images are for training, 10,000 for testing.
# Where CIFAR-10 is not on disk, the course draws ten classes of shapes of the same size instead. Shapes are much easier
# than photographs, so accuracies on the two cannot be compared. The last line below says which images this run uses.
#
# As in PyTorch's tutorial, pixels are scaled to $[-1, 1]$. 2 % of the training images are held back for validation.

# %%
reading = {"quick_limit": 2_000, "normalisation": "symmetric", "validation": 0.02}
run = begin("02_cifar_classifier", "cifar10", data, profile, seed, out, **reading)
dataset, names, profile, seeds, check = run.dataset, run.dataset.class_names, run.profile, run.seeds, Checker(run)
print(dataset)

# %%
sample = dataset.pixels(dataset.train.images[:14]).numpy()
captions = [names[label] for label in dataset.train.labels[:14]]
run.figure("samples", plots.images_with_labels(sample, captions, columns=7), split="train")

# %% [markdown]
# ## 2.2 Batches from a DataLoader
#
# A step of training uses a few images, a **batch**. PyTorch has two tools for this: a `Dataset` gives image number `i`
# with its label, and a `DataLoader` collects batches from it. One pass over all training images is an **epoch**.

# %%
train_set = TensorDataset(dataset.train.images, dataset.train.labels)
generator = torch.Generator().manual_seed(seed)
train_loader = DataLoader(train_set, batch_size=4, shuffle=True, generator=generator)
images, labels = next(iter(train_loader))
print("images", tuple(images.shape), images.dtype, " labels", tuple(labels.shape), labels.dtype)
print("this batch:", ", ".join(names[label] for label in labels))
print(f"{len(train_set):,} images in batches of 4 are {len(train_loader):,} steps per epoch")

# %% [markdown]
# - `TensorDataset` pairs tensors that are already in memory: item `i` is `(images[i], labels[i])`.
# - `batch_size=4` is the number of images per step. The last batch of an epoch may be smaller; it is a step as well.
# - `shuffle=True` draws a new order in each epoch. Without it, a data set sorted by class would show the network one class
#   for thousands of steps.
# - `generator` holds the seed of that order, so that the run can be repeated.
# - `num_workers` (0 here) is the number of processes that load images ahead. It pays when images are read from files.
#
# When all images are in memory, you can make batches without a loader: draw a random order, cut it into pieces, and index the
# tensors with each piece. The rest of the course does so. Use a `DataLoader` where there are too many images for the memory, or
# where they are read from files and changed while they are read.
#
# ## 2.3 The training loop
#
# The training below runs on a GPU where there is one, on the CPU otherwise; this network needs none. Two things have to be
# on the same **device**: the network, moved once, and each batch, moved before it is used.

# %% tags=["nbval-ignore-output"]
device = get_device()
print("computing on:", device)

# %% [markdown]
# The setting is that of PyTorch's *60-minute blitz*: SGD with momentum, learning rate 0.001, batches of 4, two epochs.
# On CIFAR-10 an epoch then has more than ten thousand steps; the tutorial reports about 55 %. **The quick profile differs**: it
# has only 2,000 images, so it takes larger batches, a larger learning rate and more epochs, to learn in seconds.
#
# **SGD**, stochastic gradient descent, moves each weight against its gradient, computed from one batch. **Momentum** 0.9
# means that each step also goes on with 0.9 of the last one. Here a weight moves under a gradient that is always -1.

# %%
weight = torch.zeros(1, requires_grad=True)
sgd = torch.optim.SGD([weight], lr=1.0, momentum=0.9)
for step in range(1, 41):
    before = weight.item()
    sgd.zero_grad()
    (-weight).sum().backward()
    sgd.step()
    if step in (1, 2, 3, 10, 40):
        print(f"step {step}: the weight moves by {weight.item() - before:.2f}")

# %% [markdown]
# Question 5 at the end asks why.

# %%
config = TrainConfig(
    optimizer="sgd",
    momentum=0.9,
    lr=profile.choose(quick=0.03, full=0.001),
    batch_size=profile.choose(quick=32, full=4),
    epochs=profile.choose(quick=6, full=2),
)
train_loader = DataLoader(train_set, config.batch_size, shuffle=True, generator=generator)

# %% [markdown]
# ### Exercise 2.1 — one step of training (3 points)
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
    """Move the weights of `model` once, and return the loss of this batch from before the step."""
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
check("2.1", train_step)
### BEGIN HIDDEN TESTS
assert check.passed("2.1")
### END HIDDEN TESTS

# %% [markdown]
# An epoch is one step for each batch of the loader. Until your step is ready, `labkit.training.fit` trains in its place.

# %%
set_seed(seed)
model = CifarNet(num_classes=len(names)).to(device)
run.number("parameters", sum(weights.numel() for weights in model.parameters()), "parameters", 0, statistic="exact")
loss_fn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)

# %%
for epoch in range(1, config.epochs + 1) if check.passed("2.1") else ():
    model.train()
    total = 0.0
    for images, labels in train_loader:
        loss = train_step(model, images.to(device), labels.to(device), loss_fn, optimizer)
        total += loss * len(labels)
    print(f"epoch {epoch}/{config.epochs}: training loss {total / len(train_set):.3f}")
if not check.passed("2.1"):
    fit(model, dataset, config, log=print)

# %% [markdown]
# $\ln 10 \approx 2.3$ is the loss of guessing among ten classes: the training starts near it, and
# may stay there for an epoch or two; notebook 3 finds out why. The loss of an epoch is a total
# over images, divided by their number. The mean of the batches' means would give too much weight to a last, smaller batch.
#
# `labkit.training.fit` is this training, with indexing in place of the loader, and the later notebooks import it.
#
# **Why shuffle?** Here the same network learns for one epoch from at most 2,000 images that are sorted by class. How many
# test images does it put into each class?

# %% tags=["nbval-ignore-output"]
if check.passed("2.1"):
    set_seed(seed)
    by_class = dataset.train.labels[:2000].argsort(stable=True)
    sorted_loader = DataLoader(TensorDataset(*train_set[by_class]), config.batch_size)
    sorted_model = CifarNet(num_classes=len(names)).to(device)
    sgd = torch.optim.SGD(sorted_model.parameters(), config.lr, config.momentum)
    for images, labels in sorted_loader:
        train_step(sorted_model, images.to(device), labels.to(device), loss_fn, sgd)
    answers = evaluate(sorted_model, dataset, "test").predictions.bincount(minlength=len(names))
    print(dict(zip(names, answers.tolist(), strict=True)))

# %% [markdown]
# ## 2.4 How good is it?
#
# ### Exercise 2.2 — accuracy over all images (2 points)
#
# Write `accuracy(model, loader)`: the share of all images in `loader` whose largest logit is that of the true class. Count
# images, do not average batches. Switch to `eval()`, and record no graph: compute inside `torch.no_grad()` or
# `torch.inference_mode()`, which is the same and a little faster. `labkit.training.evaluate` does not count.


# %%
def accuracy(model, loader):
    """Return the share of the images in `loader`, between 0 and 1, that `model` classifies correctly."""
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
check("2.2", accuracy)
### BEGIN HIDDEN TESTS
assert check.passed("2.2")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
evaluation = evaluate(model, dataset, "test")
print("labkit's evaluate:", evaluation)
if check.passed("2.2"):
    test_loader = DataLoader(TensorDataset(dataset.test.images, dataset.test.labels), batch_size=64)
    print(f"your function:     {float(accuracy(model, test_loader)):.2%}")

# %% [markdown]
# `eval()` changes nothing in this network. It matters as soon as there is **dropout** or batch normalisation, which
# behave differently in training; a forgotten `eval()` then lowers the accuracy that you measure. A forgotten `train()`
# afterwards is as bad: the rest of the training goes on without dropout.
#
# Here are the first six test images that the network gets right, and the first six that it gets wrong. A cross stands for
# a wrong answer, with the truth below it.

# %%
guesses, truth = evaluation.predictions.numpy(), dataset.test.labels.numpy()
shown = np.concatenate([np.flatnonzero(guesses == truth)[:6], np.flatnonzero(guesses != truth)[:6]])
marks = [
    f"✓ {names[guesses[i]]}" if guesses[i] == truth[i] else f"✗ {names[guesses[i]]}\nis: {names[truth[i]]}"
    for i in shown
]
pixels = dataset.pixels(dataset.test.images[torch.from_numpy(shown)]).numpy()
run.figure("predictions", plots.images_with_labels(pixels, marks, columns=6), split="test", seeds=[seed])

# %% [markdown]
# ### Save it and load it again
#
# What is saved is the `state_dict`: the names of the parameters with their values, not the class. To load them, build
# the network first. A file in Python's pickle format can run any program while it is read, so a file from somebody
# else is a risk. `weights_only=True` reads tensors and plain values, and refuses everything else.

# %%
torch.save(model.state_dict(), run.out / "blitz.pt")
restored = CifarNet(num_classes=len(names)).to(device)
restored.load_state_dict(torch.load(run.out / "blitz.pt", weights_only=True))
print("the same answers:", torch.equal(evaluate(restored, dataset).predictions, evaluation.predictions))

# %% [markdown]
# ## 2.5 Several seeds
#
# The number above is one run. Another seed gives other initial weights, another order of the images, and another
# accuracy. `sweep` trains the same network once for each seed. Its grid `{}` is empty: nothing else is varied.

# %% tags=["nbval-ignore-output"]
result = sweep(CifarNet, {}, dataset, config, seeds, run.cache, log=print)
train, test = (100 * result.runs[f"{split}_accuracy"].to_numpy() for split in ("train", "test"))
print("test accuracy:", run.number("blitz_test", test, "%", 1, split="test", seeds=seeds))

# %% [markdown]
# The number has two uncertainties. ± is the **standard deviation** between the seeds. The second comes from the test images:
# there are only so many, and other images of the same kind would give another accuracy. Section 2.6 measures it.
#
# ### Which classes?
#
# A **confusion matrix** counts the images of each true class (row) by their predicted class (column). Here is one for
# each seed, and below it the mean of all of them.

# %% tags=["nbval-ignore-output"]
matrices = np.zeros((len(seeds), len(names), len(names)), dtype=int)
for matrix, guesses in zip(matrices, result.predictions, strict=True):
    np.add.at(matrix, (truth, guesses), 1)  # one image more in row `truth`, column `guess`
pd.DataFrame(matrices.mean(0), pd.Index(names, name="true class"), names).round(1)

# %% [markdown]
# ### Exercise 2.3 — accuracy class by class (1 point)
#
# Write `class_accuracy(matrix)`: for each true class, the share of its images that are classified correctly. It takes one
# confusion matrix, with any number of classes, and returns an array with one share per class.


# %%
def class_accuracy(matrix):
    """Return one share per class; `matrix` (true classes, predicted classes) counts images."""
    ### BEGIN SOLUTION
    return matrix.diagonal() / matrix.sum(1)
    ### END SOLUTION


# %%
check("2.3", class_accuracy)
### BEGIN HIDDEN TESTS
assert check.passed("2.3")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("2.3"):
    shares = pd.DataFrame([100 * np.asarray(class_accuracy(matrix)) for matrix in matrices], columns=names)
    shares = shares[shares.mean().sort_values(ascending=False).index]  # the best class first
    table = shares.agg(["mean", "std", "min", "max"]).T.rename_axis("class").reset_index()
    table, points = table.rename(columns={"std": "sd"}), dict.fromkeys(("mean", "sd", "min", "max"), "{:.1f}")
    run.table("accuracy_by_class", table, formats=points, split="test", seeds=seeds)

# %% tags=["nbval-ignore-output"]
if check.passed("2.3"):
    ax = plots.interval_dots(shares.melt(var_name="class", value_name="accuracy"), "class", "accuracy")
    ax.set(xlabel="test accuracy (%)", xlim=(None, 101))
    run.figure("accuracy_by_class", ax.figure, split="test", seeds=seeds)
    print(f"recognised best: {shares.columns[0]}; worst: {shares.columns[-1]}")

# %% [markdown]
# **What to notice.** One accuracy for ten classes hides that some are recognised better than others. Which of your classes
# look alike? Find the two in the confusion matrix: are they confused as often one way as the other way round?
#
# What you computed is called the **recall** of a class: of its images, the share that the network finds. The other question is:
# of the images that the network *gives* to the class, which share belongs there? That is its **precision**. A network that gives
# one answer to all images has a recall of 1 for this class, and a precision of only 0.1 if there are ten classes of equal size.
# The **F1 score**, $2PR/(P + R)$ of precision $P$ and recall $R$, is high only if both are. A **classification report** lists
# all three, with the number of images (`support`). Here is that of the network that you trained in 2.3.

# %% tags=["nbval-ignore-output"]
print(evaluation.classification_report(names))

# %% [markdown]
# **What to notice.** In which class do precision and recall differ most, and what does the network do wrong there?
#
# ## 2.6 Two accuracies that should not be quoted
#
# **The last batch only.** Many loops print the accuracy of the batch at hand, and the last line ends up in the report. **The
# training split.** It is tempting to evaluate on the images that lie ready, but the network has seen them. For each
# seed, the table has both beside the accuracy on all test images.

# %% tags=["nbval-ignore-output"]
order = torch.randperm(len(truth), generator=torch.Generator().manual_seed(seed)).numpy()
correct = (result.predictions == truth)[:, order]  # test images in random order
quoted = {"last batch of 4": 100 * correct[:, -4:].mean(1), "training split": train, "all test images": test}
pd.DataFrame(quoted, pd.Index(seeds, name="seed")).round(1)

# %%
ax = plots.batches_of(correct, 4)
run.figure("batches_of_four", ax.figure, split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** From a batch of four, an accuracy can only be 0, 25, 50, 75 or 100 %. Which of them it is, is chance, and
# chance can be computed (the rings). Look at the table again: for how many seeds does the training split flatter?
#
# ### Exercise 2.4 — how far does a batch jump? (2 points)
#
# Write `batch_spread(correct, batch_size)`: the standard deviation, in percentage points, of the accuracy of batches of
# that size, over the batches of all seeds taken together. `correct` (seeds, images) says which images are classified
# correctly; a batch holds images of one seed, and images of a seed that fill no batch are left out. For independent
# images, theory gives $100\sqrt{p(1-p)/n}$ with the accuracy $p$ and batches of $n$.


# %%
def batch_spread(correct, batch_size):
    """Return the standard deviation of the batches' accuracies in points; `correct` is (seeds, images)."""
    ### BEGIN SOLUTION
    whole = correct.shape[1] // batch_size * batch_size
    return 100 * correct[:, :whole].reshape(-1, batch_size).mean(1).std()
    ### END SOLUTION


# %%
check("2.4", batch_spread)
### BEGIN HIDDEN TESTS
assert check.passed("2.4")
### END HIDDEN TESTS

# %% [markdown]
# The test split is a batch as well, a large one. Nobody can repeat it with other images, but theory says how far it would jump.

# %% tags=["nbval-ignore-output"]
p = correct.mean()
for batch_size in (4, 25) if check.passed("2.4") else ():
    measured, theory = float(batch_spread(correct, batch_size)), 100 * (p * (1 - p) / batch_size) ** 0.5
    print(f"batches of {batch_size}: measured {measured:.1f}, theory {theory:.1f} points")
print(f"all {len(truth):,} test images: theory {100 * (p * (1 - p) / len(truth)) ** 0.5:.2f} points")

# %% [markdown]
# This last number is the second uncertainty of an accuracy, its **standard error from the test images**. More seeds do
# not help: all networks are measured on the same images. `run.number` prints both, as above.
#
# ## 2.7 Is A better than B?
#
# Two designs, A and B, were trained with the same seeds. There are **two questions**, and each has its own answer.
#
# 1. *What will I get if I train once?* The **standard deviation** $s$ answers: single runs lie about $s$ around the mean.
#    More seeds do not make it smaller. They only tell you better how large it is.
# 2. *Is A better than B on average?* Take the difference A - B seed by seed, and their mean. The mean of $n$ runs is surer than
#    one run: its **standard error** is $s / \sqrt{n}$. The **95 % interval** of the mean goes from
#    $\text{mean} - t\,s/\sqrt{n}$ to $\text{mean} + t\,s/\sqrt{n}$ (Student 1908). If 0 lies outside of it, A is better
#    than B, or worse. If 0 lies inside, the difference is *not clear*: train more seeds.
#
# The factor $t$ depends on $n$, because few runs tell little about $s$ as well:
#
# | seeds $n$ | 3 | 4 | 5 | 6 | 8 | 10 | very many |
# |---|---|---|---|---|---|---|---|
# | factor $t$ | 4.303 | 3.182 | 2.776 | 2.571 | 2.365 | 2.262 | 1.960 |
#
# To see that this works, let us make up a world in which we know the truth. A is better than B by 1 point, and single differences
# lie 1.4 points around that. A hundred groups train five seeds each.

# %%
truly_better, spread = 1.0, 1.4
differences = np.random.default_rng(seed).normal(truly_better, spread, (100, 5))
run.figure("two_questions", plots.two_questions(differences, truly_better))

# %% [markdown]
# **What to notice.** On the left, more seeds make the thin whisker, one standard deviation, settle at the true spread of 1.4 points;
# from three seeds it is known badly. The thick bar, the 95 % interval of the mean, becomes shorter and shorter. On the right,
# about 95 of 100 groups find an interval that holds the true difference (blue). How many of the groups cannot tell that A is better, because 0 (dashed) lies in their interval?
#
# ### Exercise 2.5 — is A better than B? (3 points)
#
# Write `interval(ours, theirs)`: the lower and the upper bound of the 95 % interval of the mean difference. Both are NumPy
# arrays of accuracies in percent, one per seed, in the same order of seeds; there are 3, 5, 8 or 10. The standard
# deviation is that of a sample: it divides by $n - 1$. Take $t$ from the table or from `scipy.stats`. What labkit computes itself
# does not count.


# %%
def interval(ours, theirs):
    """Return the lower and the upper bound of the 95 % interval of the mean of ours - theirs."""
    ### BEGIN SOLUTION
    differences, n = ours - theirs, len(ours)
    t = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}[n]
    half = t * differences.std(ddof=1) / n**0.5
    return differences.mean() - half, differences.mean() + half
    ### END SOLUTION


# %%
check("2.5", interval)
### BEGIN HIDDEN TESTS
assert check.passed("2.5")
### END HIDDEN TESTS

# %% [markdown]
# `compare` from `labkit.report` does the same, and adds the verdict: *better*, *worse* or *not clear*. Every other notebook
# uses it. Here is a real question: is the convolutional network better than an **MLP**, which has linear layers alone? This one has
# 100 hidden neurons, so it has five times as many parameters. It is trained with the same seeds and settings. Only its learning
# rate in the quick profile is smaller, because 0.03 is too large for it: a fair comparison lets both sides do well.

# %% tags=["nbval-ignore-output"]
grid = {"hidden_sizes": [(100,)], "image_shape": [dataset.image_shape], "lr": [profile.choose(quick=0.01, full=0.001)]}
mlp = 100 * sweep(MLP, grid, dataset, config, seeds, run.cache).runs["test_accuracy"].to_numpy()
print("CNN minus MLP:", compare(test, mlp))
if check.passed("2.5"):
    print("your interval:", *(f"{float(bound):+.2f}" for bound in interval(test, mlp)))
print(f"correlation over the {len(seeds)} seeds: {np.corrcoef(test, mlp)[0, 1]:+.2f}")

# %% [markdown]
# **Does it help to compare seed by seed?** It does if a good seed is good for both designs: then the differences scatter less than
# the accuracies. The correlation tells whether this is so: near +1 it helps, near 0 it makes no difference, below 0 it hurts. From
# five seeds it is known badly: without any relation, it lies between -0.88 and +0.88 in 95 of 100 cases. These two networks share the
# order of the images, but not their initial weights. Whether a seed is then good for both, nobody can tell beforehand: measure it.
# The interval is right in every case.
#
# ## 2.8 For images that nobody has labelled
#
# In the end a classifier is there for new images. Your TA has some whose labels you do not get, so here everything
# comes together in one function. The **test split** stands for such images. It may be used once, at the end, to measure.
# Once a network has learnt from the test images, or was chosen because it did well on them, they measure nothing any
# more, and the accuracy on images that are really new comes as a surprise.
#
# ### Exercise 2.6 — a classifier for images without labels (3 points)
#
# `train_classifier` trains `model` on the training split of `dataset` and returns it. It moves the model to `device`,
# makes one optimiser with the learning rate `lr` (SGD with momentum 0.9 does well), and runs `epochs` epochs. Each takes
# the training images in a new random order, each image once, in batches of `batch_size`, and does your `train_step` for
# each batch. Write it yourself: `labkit.training.fit` does not count.


# %%
def train_classifier(model, dataset, epochs, batch_size, lr):
    """Return `model`, trained on the training split of `dataset`."""
    ### BEGIN SOLUTION
    model.to(device).train()
    sgd = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    pixels, truths = dataset.train.images.to(device), dataset.train.labels.to(device)
    for _ in range(epochs):
        for chosen in torch.randperm(len(truths)).to(device).split(batch_size):
            train_step(model, pixels[chosen], truths[chosen], torch.nn.CrossEntropyLoss(), sgd)
    return model
    ### END SOLUTION


# %%
check("2.6", train_classifier)
### BEGIN HIDDEN TESTS
assert check.passed("2.6")
### END HIDDEN TESTS

# %% [markdown]
# The check trains a small network on drawn images whose **test labels are wrong on purpose**: a network that learns from
# them gives wrong answers. Here your function trains `CifarNet` on the images of this notebook.

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
# 2. Single runs of your network have a standard deviation of 1.4 points, and so have those of a new design. With five
#    seeds each, how large must the mean difference be before you call it clear? And with one seed each?
# 3. Explain what the network learned from the images that were sorted by class. What does its training loss look like?
# 4. Which two classes does your network confuse most? Is the matrix symmetric there? Explain what you see.
# 5. Momentum 0.9, and a gradient that hardly changes from step to step: how long do the steps become, compared with
#    plain SGD of the same learning rate? What happens where the gradient changes its sign in every step?

# %% [markdown]
# 1. Write it as `run.number` does: mean ± standard deviation between seeds, and the standard error from the test images. The
#    five facts are the data set, the split with its number of images, the number of seeds, what ± means, and the network
#    with its training: optimiser, learning rate, batch size, epochs.
# 2. If the two designs do not move together, the differences have the standard deviation
#    $\sqrt{2} \cdot 1.4 \approx 2.0$ points. The 95 % interval then reaches $2.776 \cdot 2.0 / \sqrt{5} \approx 2.5$ points to
#    either side of the mean difference, so it must be larger than 2.5 points. With ten seeds it is
#    $2.262 \cdot 2.0 / \sqrt{10} \approx 1.4$. One seed each gives one difference and no standard deviation: no
#    statement is possible.
# 3. Batch after batch shows a single class, so the network learns to give that answer whatever it sees, and unlearns
#    it when the next class begins. At the end of the epoch it gives nearly all test images to one of the last classes, and
#    the test accuracy stays near 10 %. The training loss misleads: it is low inside a class and jumps where a new one begins.
# 4. Look for the largest number off the diagonal, and for the one mirrored at the diagonal. A good answer gives both, and says
#    whether they differ by more than they do between seeds. The matrix need not be symmetric: if one class is confused with the
#    other much more often than the other way round, the network prefers one of the two answers. The explanation names what the
#    two classes share, such as shape, colour or background.
# 5. Each step is the new gradient plus 0.9 of the last step. With a constant gradient $g$ the steps grow towards
#    $g\,(1 + 0.9 + 0.9^2 + \ldots) = 10\,g$: ten times as long. So momentum 0.9 needs a smaller learning rate. If the sign
#    changes in every step, the steps shrink towards $g / 1.9$: momentum damps the zigzag, and keeps the direction that the
#    steps have in common.

# %% [markdown]
# ## What you can do now
#
# You can now
#
# - write a step of training, an epoch, and an accuracy over all images;
# - tell apart the spread of single runs, the interval of a mean, and the uncertainty from few test images;
# - compare two designs: mean difference with its 95 % interval, and $n$ beside it;
# - save a network and load it without running somebody else's program.
#
# ## References
#
# - PyTorch, *Training a classifier*: <https://docs.pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.html>
# - PyTorch, *torch.utils.data*: <https://docs.pytorch.org/docs/stable/data.html>
# - A. Krizhevsky (2009), *Learning multiple layers of features from tiny images*: <https://www.cs.toronto.edu/~kriz/cifar.html>
# - Student (1908), The probable error of a mean, *Biometrika* 6: <https://doi.org/10.1093/biomet/6.1.1>

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
