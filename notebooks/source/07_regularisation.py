# %% [markdown]
# # 7 Regularisation: when less is more, and when it is less
#
# A network with many weights can learn its training images by heart. **Regularisation** makes that harder, so that it has
# to find what the images have in common. You will build three remedies by hand, repeat four settings that another group
# of this course tried, and find the line that is probably missing in the group's code.
#
# **Time**: about 90 minutes.
#
# **You will be able to**
#
# - write dropout and layer normalisation, and say what they do to the numbers that flow through a network;
# - tell **overfitting** (good on training images only) from **underfitting** (good on neither);
# - measure a network without leaving it in the wrong mode;
# - enlarge a small training set by moved images, and compare remedies fairly.
#
# **You need** notebook 2 (the training loop, the interval of a difference) and notebook 6 (learning curves, dead neurons).

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import pandas as pd
import torch

from labkit.exercises import Checker
from labkit.models import MLP
from labkit.report import begin, compare, compare_all, plots
from labkit.training import TrainConfig, evaluate, set_seed, sweep

# %%
run = begin("07_regularisation", "mnist", data, profile, seed, out, validation=0.2, normalisation="unit")
digits, profile, seeds, check = run.dataset, run.profile, run.seeds, Checker(run)
print(digits)

# %% [markdown]
# ## 7.1 Dropout
#
# While the network trains, **dropout** sets each neuron's output to 0 with probability $p$, anew in every step (Srivastava
# et al. 2014). No neuron can rely on a certain other one. So that the sum over all neurons keeps its size, the ones
# that survive are multiplied by $1 / (1 - p)$. When the network is evaluated, dropout does nothing.
#
# ### Exercise 7.1 — write dropout (2 points)
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
        dropped = torch.as_tensor(dropout(torch.ones(1000, 100), p))
        print(f"p = {p}: share of zeros {(dropped == 0).float().mean():.1f}, mean of all {dropped.mean():.1f}")

# %% [markdown]
# **What to notice.** The mean stays 1, so the next layer sees the same total on average. That is why nothing has to be changed
# when dropout is switched off. Forget `eval()`, and the test accuracy is measured with neurons missing.
#
# ## 7.2 Layer normalisation
#
# **Layer normalisation** takes the numbers that one layer makes of one image, subtracts their mean and divides by their
# standard deviation (Ba et al. 2016). Two trainable numbers for each neuron, a scale and a shift, follow. Our networks do
# it **before** the activation: then the numbers lie around 0, about half of them are positive for every image, and a
# ReLU can hardly be 0 for all images.
#
# ### Exercise 7.2 — write layer normalisation (2 points)
#
# Write `layer_norm(values)` for `values` (N, neurons), one row per image, without scale and shift. Add `1e-5` to the variance
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
# Suppose that the numbers of one image are ten times as large as before, or larger by 3. What does the next layer see?
# `nn.LayerNorm` is PyTorch's own layer.

# %%
set_seed(seed)
values = torch.randn(4, 30)
brighter, layer = 10 * values + 3, torch.nn.LayerNorm(30)
print("the same to three digits:", torch.allclose(layer(values), layer(brighter), atol=1e-3))
print(f"standard deviation of one image afterwards: {layer(values)[0].std(correction=0):.2f}")

# %% [markdown]
# **What to notice.** The next layer sees no difference: size and mean are taken out before the numbers reach it.
#
# ## 7.3 Four settings of another group
#
# The group's network is 30-5, as in notebook 6, with layer normalisation after both hidden layers and dropout after the
# second. They changed the learning rate, $p$ and the epochs together, and trained each setting once. Their first setting
# had a slightly higher validation accuracy than the plain network after as many epochs, three: 95.1 against 94.8 %. The
# other three stayed below the plain network of ten epochs (95.2 %), the further the larger $p$ was. All that they report
# is from MNIST.

# %%
MLP((30, 5), dropout=0.5, layer_norm=True, num_classes=digits.num_classes)

# %%
base = TrainConfig(optimizer="adam", batch_size=profile.choose(quick=32, full=128))
three, ten = profile.choose(quick=(10, 30), full=(3, 10))  # epochs: the embedded digits are fewer
plain, both = {"hidden_sizes": (30, 5)}, {"hidden_sizes": (30, 5), "layer_norm": True}
settings = {  # lr, p, epochs, network, what the group reports for training and validation
    "plain, lr 0.01": (0.01, 0.0, ten, plain, (97.1, 95.2)),
    "lr 0.01, p 0.5, short": (0.01, 0.5, three, both, (95.6, 95.1)),
    "lr 0.001, p 0.2": (0.001, 0.2, ten, both, (95.1, 93.7)),
    "lr 0.0005, p 0.4": (0.0005, 0.4, ten, both, (91.6, 91.0)),
    "lr 0.0001, p 0.6": (0.0001, 0.6, ten, both, (56.0, 55.0)),
}

# %%
pairs = [{**network, "lr": lr, "dropout": p, "epochs": epochs} for lr, p, epochs, network, _ in settings.values()]
runs = sweep(MLP, pairs, digits, base, seeds, run.cache, log=print).percent
runs["setting"] = [name for name in settings for _ in seeds]

# %%
keys = ("b3_plain", "b4_p05", "b4_p02", "b4_p04", "b4_p06")
for key, (name, rows) in zip(keys, runs.groupby("setting", sort=False), strict=True):
    for part in ("train", "validation"):
        text = run.number(f"{key}_{part}", rows[part], "%", 1, split=part, seeds=seeds)
        print(f"{name}: {text}; reported: {settings[name][-1]}")

# %% [markdown]
# **What to notice.** Where dropout is strong and the learning rate small, accuracy on *training* images falls as well: the
# network does not overfit less, it **underfits**.
#
# ### Exercise 7.3 — how many neurons are left? (1 point)
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

# %% [markdown]
# In a layer of 100 neurons enough are always left. Here ten digits have to pass through five numbers, and in each step
# most of them are missing.
#
# ## 7.4 The line that is missing
#
# In its first setting, with $p = 0.5$, the group reports far more than we measure. Here is a guess. The group
# describes a function that measures accuracy and calls `eval()`. It describes the training loop step by step, and
# says nothing of `train()`. So we measure with a function like this one after every epoch:


# %%
def forgetful(network, images, labels):
    """Return the share of images that the network gets right."""
    network.eval()
    with torch.no_grad():
        return (network(images).argmax(1) == labels).float().mean().item()


# %%
def train(model, measure, epochs, lr):
    """Train as in notebook 2; measure validation accuracy after each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    images, labels = digits.train.images, digits.train.labels
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(base.batch_size):
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        measure(model, digits.validation.images, digits.validation.labels)
    return model


# %%
forgotten = []
for each in seeds:
    set_seed(each)
    model = MLP((30, 5), dropout=0.5, layer_norm=True, num_classes=digits.num_classes)
    train(model, forgetful, three, lr=0.01)
    accuracies = {part: 100 * evaluate(model, digits, part).accuracy for part in ("train", "validation")}
    forgotten.append({"setting": "p 0.5, forgetful", **accuracies})
forgotten = pd.DataFrame(forgotten)

# %% tags=["nbval-ignore-output"]
short = runs[runs["setting"] == "lr 0.01, p 0.5, short"]
for part in ("train", "validation"):
    print(part, run.number(f"b4_forgotten_{part}", forgotten[part], "%", 1, split=part, seeds=seeds))
    print("  against dropout in every epoch:", compare(forgotten[part], short[part]))

# %%
reported = {name: values for name, (*_, values) in settings.items()} | {"p 0.5, forgetful": (95.6, 95.1)}
rows = pd.concat([runs, forgotten])
ax = plots.two_splits(rows, "setting", reported=reported)
run.figure("four_settings", ax.figure, split="validation", seeds=seeds)

# %% tags=["nbval-ignore-output"]
table = rows.groupby("setting", sort=False)[["train", "validation"]].mean().reset_index()
table[["reported train", "reported validation"]] = list(reported.values())
run.table("settings", table, formats=dict.fromkeys(table.columns[1:], "{:.1f}"), split="validation", seeds=seeds)

# %% [markdown]
# **What to notice.** Measured by the forgetful function, the network has dropout in the first epoch only, and comes much
# closer to what the group reports. That does not prove that the group forgot the line. It shows that forgetting it
# would explain the number, and that no error message would have told them. Forgetting `train()` is the twin of
# forgetting `eval()`.
#
# ### Exercise 7.4 — measure, and leave no trace (2 points)
#
# Write `accuracy(model, images, labels)`: the share of images that the network gets right, a number between 0 and 1. It measures
# in evaluation mode and records no gradients. Afterwards the network is in the mode in which it was *before*, which may
# be either, and gradients are recorded again.


# %%
def accuracy(model, images, labels):
    ### BEGIN SOLUTION
    mode = model.training
    model.eval()
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    model.train(mode)
    return right.float().mean().item()
    ### END SOLUTION


# %%
check("7.4", accuracy)
### BEGIN HIDDEN TESTS
assert check.passed("7.4")
### END HIDDEN TESTS

# %% [markdown]
# ## 7.5 One factor at a time
#
# The four settings changed three things together, so nobody can say which one did it. Here only $p$ changes, once for the
# narrow network and once for a wide one. Both have layer normalisation, as the group's network.

# %%
lengths = {(30, 5): profile.choose(quick=20, full=10), (300, 100): profile.choose(quick=3, full=10)}  # epochs
ten_seeds = list(range(seed, seed + 10))  # the narrow network's differ much
cycle = TrainConfig(optimizer="adam", batch_size=base.batch_size, lr=3e-3, schedule="one_cycle")
swept = []
for widths, epochs in lengths.items():
    factor = {"hidden_sizes": [widths], "epochs": [epochs], "layer_norm": [True], "dropout": [0.0, 0.2, 0.4, 0.6]}
    swept.append(sweep(MLP, factor, digits, cycle, ten_seeds, run.cache, log=print).percent)
single = pd.concat(swept)

# %%
run.figure("dropout", plots.split_panels(single, "dropout", "network"), split="validation", seeds=ten_seeds)

# %% tags=["nbval-ignore-output"]
means = single.groupby(["network", "dropout"], sort=False)[["train", "validation"]].mean().reset_index()
run.table("dropout", means, formats=dict.fromkeys(means.columns[2:], "{:.1f}"), split="validation", seeds=ten_seeds)
for name, rows in single.groupby("network", sort=False):
    strong, none = (rows.loc[rows["dropout"] == p, "validation"].tolist() for p in (0.6, 0.0))
    print(f"{name}, p = 0.6 minus p = 0, validation: {compare(strong, none)}")

# %% [markdown]
# **What to notice.** Each panel has an axis of its own: read the numbers before you compare the slopes. The narrow network
# loses far more by p = 0.6 than the wide one, which has neurons to spare. But did dropout *help* the wide one? 7.7 asks
# again, where a network has only 500 images.
#
# ## 7.6 Weight decay, chosen on validation images
#
# **Weight decay** (L2 regularisation) adds $\frac{\lambda}{2} \sum w^2$ to the loss: each weight costs something, the more the
# larger it is. To see overfitting at work, the next networks get only 500 training images. All validation images
# stay, and they alone choose $\lambda$: if the test images chose, their accuracy would no longer be honest.

# %%
few = digits.with_training(digits.train.images[:500], digits.train.labels[:500])
decays = [0.0, 1e-4, 1e-3, 1e-2, 1e-1]
short = TrainConfig(
    epochs=profile.choose(quick=12, full=60), batch_size=50, optimizer="adam", lr=3e-3, schedule="one_cycle"
)
grid = {"hidden_sizes": [(300, 100)], "weight_decay": decays}
decayed = sweep(MLP, grid, few, short, seeds, run.cache, log=print).percent

# %%
ax = plots.errors_by_place(decayed, "weight_decay", {"train": len(few.train), "validation": len(few.validation)})
ax.set_xlabel("weight decay λ")
run.figure("weight_decay", ax.figure, split="validation", seeds=seeds, dataset=few)

# %% tags=["nbval-ignore-output"]
means = decayed.groupby("weight_decay")[["train", "validation"]].mean().reset_index()
formats = dict.fromkeys(means.columns[1:], "{:.2f}")
run.table("weight_decay", means, formats=formats, split="validation", seeds=seeds, dataset=few)
best_decay = means.loc[means["validation"][1:].idxmax(), "weight_decay"]
print(f"Of the four, λ = {best_decay:g} has the highest validation accuracy.")

# %% [markdown]
# **What to notice.** From left to right, the network goes from overfitting (hardly an error on training images, several
# on others) to underfitting (many errors on both).
#
# ## 7.7 Moved images
#
# A digit that is moved by a pixel is the same digit, but for an MLP it is another image. So moved copies of the 500
# images are new training images with known labels. This is called **augmentation**.
#
# ### Exercise 7.5 — move the training images (3 points)
#
# Write `moved(images, reach)` for `images` (N, 1, H, W). Each image is moved by its own random step: up to `reach` pixels up or
# down, and, independently of that, up to `reach` pixels to the left or right. Each of the $(2 \cdot reach + 1)^2$ steps is
# equally likely, also the one that moves nothing. What leaves the image is lost, and what is free becomes 0. The
# result has the shape of `images`, in the same order, and every call draws anew.


# %%
def moved(images, reach):
    ### BEGIN SOLUTION
    height, width = images.shape[2:]
    padded = torch.nn.functional.pad(images, [reach] * 4)
    starts = torch.randint(2 * reach + 1, (len(images), 2)).tolist()
    windows = [image[:, y : y + height, x : x + width] for image, (y, x) in zip(padded, starts, strict=True)]
    return torch.stack(windows)
    ### END SOLUTION


# %%
check("7.5", moved)
### BEGIN HIDDEN TESTS
assert check.passed("7.5")
### END HIDDEN TESTS

# %% [markdown]
# Now four networks 300-100 with the same 500 images, the same number of steps, and one remedy at most. Every one
# gets nine copies of each image; with the last remedy the copies are moved. Nothing is chosen any more, so the
# test images may judge.

# %%
set_seed(seed)
nine, labels = few.train.images.repeat(9, 1, 1, 1), few.train.labels.repeat(9)
copies = moved(nine, 1) if check.passed("7.5") else nine  # without the exercise, the last line shows nothing new
same, others = few.with_training(nine, labels), few.with_training(torch.as_tensor(copies), labels)
remedies = {
    "none": (same, 0.0, 0.0),
    f"weight decay {best_decay:g}": (same, best_decay, 0.0),
    "dropout 0.5": (same, 0.0, 0.5),
    "moved by a pixel": (others, 0.0, 0.0),
}
longer = [profile.choose(quick=3, full=20)]
tests = {}
for name, (images, decay, p) in remedies.items():
    grid = {"hidden_sizes": [(300, 100)], "epochs": longer, "dropout": [p], "weight_decay": [decay]}
    tests[name] = sweep(MLP, grid, images, short, seeds, run.cache, log=print).percent["test"]

# %% tags=["nbval-ignore-output"]
table = compare_all(tests, "none", "remedy")
for name, test in list(tests.items())[1:]:
    print(f"{name} against none: {compare(test, tests['none'])}")
run.table("remedies", table, formats=dict.fromkeys(table.columns[1:6], "{:.2f}"), split="test", seeds=seeds)
ax = plots.interval_dots(pd.DataFrame(tests).melt(var_name="remedy", value_name="test"), "remedy", "test")
ax.set_xlabel("test accuracy (%)")
run.figure("remedies", ax.figure, split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** Which remedies are clearly better than none, by their intervals? And which of them brings in
# knowledge about digits, in place of only holding the network back?
#
# ## Questions from your TA
#
# 1. With $p = 0.5$, training accuracy measured *during* an epoch is lower than validation accuracy. Why is that no mistake?
# 2. Layer normalisation fixes the mean and the standard deviation of what a layer makes of an image. How many of five
#    numbers can still be chosen freely? And in a layer of one neuron?
# 3. Dropout stands behind the *last* hidden layer here. Why does 300-100 hardly suffer where 30-5 does? What would you
#    expect of dropout on the pixels?
# 4. A network with dropout is measured after every epoch, and nobody switches it back to training. What do you see in
#    the learning curves from the second epoch on? And what if the network had batch normalisation?
# 5. Why may a digit be moved, but not mirrored or turned upside down? Which of these would you use for photographs of
#    cats and lorries?

# %% [markdown]
# 1. While it is measured, about half of the last hidden layer's neurons are missing, and the weights are those of each
#    step of the epoch, on average half an epoch old. Validation comes at the end of the epoch with all neurons. To
#    compare the two splits fairly, evaluate the training images at the end as well, after `eval()`.
# 2. Three: five numbers, less one for the mean and one for the standard deviation. With one neuron nothing is left:
#    the number minus its own mean is 0 for every image. The trainable scale and shift bring nothing back, because they
#    are the same for all images.
# 3. In 300-100, 100 neurons carry what five carry in 30-5: several of them say nearly the same, so that the others can
#    stand in for the missing ones. Dropout on the pixels hides small parts of each image. Neighbouring pixels say nearly
#    the same, so a small p is harmless and may even help, as moved images do.
# 4. Training accuracy jumps up, because no neuron is missing any more, and the network may begin to overfit as if it had
#    no dropout. With batch normalisation it would go on training with the averages that it kept from the first epoch,
#    while its weights move away from them: training can become unstable.
# 5. A remedy must keep the label. A moved 2 is a 2; a mirrored 2 is no digit, and a 6 upside down is a 9. Photographs of
#    cats and lorries may be mirrored left to right, since both exist in both directions, but hardly upside down.

# %% [markdown]
# ## Recap
#
# You can now
#
# - write dropout, layer normalisation and augmentation;
# - tell overfitting from underfitting by comparing training and validation;
# - measure a network without leaving it in the wrong mode;
# - compare remedies at the same number of steps, and choose their strength by validation.
#
# ## References
#
# - Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014): *Dropout: a simple way to prevent neural networks from
#   overfitting*. JMLR 15. <https://jmlr.org/papers/v15/srivastava14a.html>
# - Ba, Kiros, Hinton (2016): *Layer normalization*. <https://arxiv.org/abs/1607.06450>
# - Simard, Steinkraus, Platt (2003): *Best practices for convolutional neural networks applied to visual document analysis*.
#   ICDAR. <https://doi.org/10.1109/ICDAR.2003.1227801> (moved and bent digits)
# - `nn.Module.train` and `eval` in PyTorch: <https://pytorch.org/docs/stable/generated/torch.nn.Module.html>

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
