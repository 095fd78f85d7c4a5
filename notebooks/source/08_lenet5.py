# %% [markdown]
# # 8 LeNet-5: letting the network find its features
#
# An MLP sees 784 unrelated numbers. **LeNet-5** (LeCun et al. 1998) knows that neighbouring pixels belong together: it
# slides small filters over the image, so that a stroke is found wherever it is. You will train it in its historical
# and in a modern form, look closely at what it still gets wrong, and set it beside three other small CNNs.
#
# **You will learn**
#
# - how an image shrinks and its number of feature maps grows from layer to layer;
# - why a convolution needs so few parameters, and so much arithmetic;
# - how to read learning curves, a confusion matrix and class probabilities, each with its spread over seeds.

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
from sklearn.metrics import classification_report, confusion_matrix

from labkit.data import load
from labkit.exercises import Checker
from labkit.models import ConvNet, LeNet5, OneConvNet, count_flops, count_parameters, draw_architecture, layer_table
from labkit.report import Run, get_profile, plots
from labkit.training import TrainConfig, set_threads, sweep

# %%
set_threads()
plots.use_style()
profile = get_profile(profile)
digits = load("mnist", data, train_limit=profile.train_limit)
run = Run("08_lenet5", profile, digits, seed, out)
check = Checker(run)
seeds = run.seeds[:5]  # convolutions take longer than the MLPs of other notebooks
print(digits)

# %% [markdown]
# ## 8.1 The network, layer by layer
#
# LeNet-5 expects 32 x 32 pixels, so that strokes at the border can still reach the centre of a filter. Our images have
# 28 x 28.
#
# ### Exercise 8.1 — pad the images
#
# Write `pad`, which turns images (N, 1, 28, 28) into (N, 1, 32, 32): the image in the middle, zeros around it. PyTorch's own
# padding counts.


# %%
def pad(images):
    ### BEGIN SOLUTION
    return torch.nn.functional.pad(images, (2, 2, 2, 2))
    ### END SOLUTION


# %%
check("8.1", pad)
### BEGIN HIDDEN TESTS
assert check.passed("8.1")
### END HIDDEN TESTS

# %% [markdown]
# `LeNet5` pads its images itself. Its layers have the names of the 1998 paper: **C** is a convolution, **S** subsampling
# (pooling), **F** fully connected.

# %%
layers = layer_table(LeNet5("modern", digits.num_classes), digits.image_shape)
run.table(
    "layers",
    layers,
    "LeNet-5 (modern form), layer by layer, for one image: shape of the output, parameters, and floating-point "
    "operations (two a multiply-add; pooling and activations are not counted).",
    formats={"parameters": "{:,}", "flops": "{:,}"},
)

# %%
modern = LeNet5("modern", digits.num_classes)
print(run.number("parameters", count_parameters(modern), "parameters", 0, statistic="exact"))
print(run.number("flops", count_flops(modern, digits.image_shape), "FLOPs an image", 0, statistic="exact"))
print(
    f"C1 and C3 hold {layers[layers['kind'] == 'Conv2d']['parameters'].sum() / layers['parameters'].sum():.0%} of the "
    f"parameters and do {layers[layers['kind'] == 'Conv2d']['flops'].sum() / layers['flops'].sum():.0%} of the arithmetic"
)

# %% [markdown]
# ### Exercise 8.2 — where does 61,706 come from?
#
# `lenet5_parameters` returns a list of five: the number of parameters of C1, C3, C5, F6 and the output, for images with
# `channels` channels (grey: 1, colour: 3) and `classes` classes. A filter has one weight for each place that it covers in
# each map that goes in, and one bias. Count by hand; no network is needed (PyTorch's count of one counts as well).


# %%
def lenet5_parameters(channels, classes):
    ### BEGIN SOLUTION
    filters = [(25 * channels + 1) * 6, (25 * 6 + 1) * 16, (25 * 16 + 1) * 120]
    return [*filters, (120 + 1) * 84, (84 + 1) * classes]
    ### END SOLUTION


# %%
check("8.2", lenet5_parameters)
### BEGIN HIDDEN TESTS
assert check.passed("8.2")
### END HIDDEN TESTS

# %%
if check.passed("8.2"):
    print("grey, ten digits:", sum(lenet5_parameters(1, 10)))
    print("colour, 26 letters:", sum(lenet5_parameters(3, 26)))

# %%
fig, ax = plt.subplots(figsize=(6.4, 1.9))
draw_architecture(modern, digits.image_shape, ax)
run.figure(
    "architecture",
    fig,
    caption="The structure of LeNet-5. Squares are feature maps, with their number and size below; bars are vectors.",
    alt="A row of boxes from left to right: input 1 map of 28 by 28, C1 6 maps of 28 by 28, S2 6 maps of 14 by 14, C3 16 "
    "maps of 10 by 10, S4 16 maps of 5 by 5, then vectors of 120, 84 and 10 values.",
)

# %% [markdown]
# ## 8.2 Historical and modern
#
# In 1998 the activation was tanh and pooling took averages. Today one would write ReLU and take the maximum. Both
# forms have the same weights to learn; everything else in their training is the same.

# %%
config = TrainConfig(
    epochs=profile.choose(quick=8, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
result = sweep(LeNet5, {"variant": ["historical", "modern"]}, digits, config, seeds, run.cache, log=print)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.5))
plots.learning_curves(result.epochs, "loss", "variant", left)
left.set_yscale("log")
plots.learning_curves(result.epochs, "accuracy", "variant", right)
fig.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
right.set_ylim(bottom=profile.choose(quick=0.8, full=0.94), top=1.005)
run.figure(
    "learning_curves",
    fig,
    caption="LeNet-5: loss (left, logarithmic) and accuracy (right) after each epoch, historical and modern form. Lines: "
    "mean over the seeds; bands: one standard deviation. Training values are gathered during the epoch.",
    alt="Two panels over epochs. Losses fall and accuracies rise steeply in the first epochs and level off; training "
    "curves go on improving after validation curves have levelled off.",
    split="validation",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** Training loss starts *above* validation loss. It is not a mistake: the training value is gathered while the
# network is still learning, the validation value is taken at the epoch's end. Later the order turns round, and that gap
# is overfitting.

# %%
runs = result.runs.assign(test=100 * result.runs["test_accuracy"])

# %%
fig, ax = plt.subplots(figsize=(4.2, 3.1))
plots.seed_dots(runs, "variant", "test", ax)
if digits.provenance.name == "MNIST":  # LeCun et al. 1998, test error 1.7, 1.1 and 0.95 %
    plots.reference_lines({"LeNet-1, 1998": 98.3, "LeNet-4, 1998": 98.9, "LeNet-5, 1998": 99.05}, ax)
ax.set(ylabel="test accuracy (%)")
run.figure(
    "accuracy_by_variant",
    fig,
    caption="LeNet-5: test accuracy of the historical and the modern form. Dots: single seeds; markers with whiskers: "
    "mean and one standard deviation. On MNIST, dashed lines: published by LeCun et al. (1998).",
    alt="Two groups of dots, historical and modern, each with its mean and a whisker of one standard deviation.",
    split="test",
    seeds=seeds,
)

# %%
for variant, rows in runs.groupby("variant"):
    run.number(f"{variant}_seconds", rows["seconds"], "s", 1, seeds=seeds)
    print(variant, run.number(f"{variant}_accuracy", rows["test"], "%", 2, split="test", seeds=seeds))

# %% [markdown]
# ### Exercise 8.3 — is the modern form better?
#
# Each seed trained both forms, so compare them seed by seed: what a seed does to both then cancels out. `paired_difference`
# takes a table with the columns `seed`, `variant` ("historical" or "modern") and `test`, one row a run, **in any order**. It
# returns the difference *modern - historical* of each seed, in the order of the seeds.


# %%
def paired_difference(runs):
    ### BEGIN SOLUTION
    pairs = runs.pivot(index="seed", columns="variant", values="test")
    return pairs["modern"] - pairs["historical"]
    ### END SOLUTION


# %%
check("8.3", paired_difference)
### BEGIN HIDDEN TESTS
assert check.passed("8.3")
### END HIDDEN TESTS

# %%
if check.passed("8.3"):
    difference = np.asarray(paired_difference(runs[["seed", "variant", "test"]]))
    print("modern - historical, in percentage points:")
    print(run.number("modern_minus_historical", difference, "points", 2, split="test", seeds=seeds))

# %% [markdown]
# Decide: is the mean of these differences further from 0 than their standard deviation?

# %% [markdown]
# ## 8.3 What does it confuse?

# %%
chosen = result.select(variant="modern")
truth = digits.test.labels.numpy()
matrices = np.stack(
    [confusion_matrix(truth, guess, labels=range(digits.num_classes)) for guess in result.predictions[chosen]]
)

# %%
fig, ax = plt.subplots(figsize=(5.0, 4.8))
plots.confusion(matrices, digits.class_names, ax)
run.figure(
    "confusion",
    fig,
    caption="LeNet-5 (modern): confusion matrix in percent of each true class. Large: mean over the seeds; small: one "
    "standard deviation. Empty cells never occurred; only errors are shaded.",
    alt="A ten by ten matrix. The diagonal is close to 100 percent; a few cells beside it are shaded, each with its mean "
    "and spread.",
    split="test",
    seeds=seeds,
)

# %%
first = result.predictions[chosen][0]
print(f"Modern form, seed {seeds[0]}, test split, n = {len(truth):,}")
print(classification_report(truth, first, target_names=digits.class_names, digits=2))

# %% [markdown]
# **Precision** asks: of the images that were called a 7, how many are one? **Recall** asks: of the 7s, how many were
# found? The diagonal of the matrix is recall.
#
# ### The images behind the errors
#
# Below are the images that most seeds get wrong. An error that all seeds share says something about the image, or
# about the design; one that a single seed makes is that seed's bad luck.

# %%
pixels = digits.pixels(digits.test.images).numpy()
fig, ax = plt.subplots(figsize=(6.4, 2.5))
plots.error_gallery(pixels, truth, result.predictions[chosen], digits.class_names, ax)
run.figure(
    "misclassified",
    fig,
    caption="Test images that LeNet-5 (modern) gets wrong most often: true class → usual answer, and how many of the "
    "seeds are wrong.",
    alt="Up to twenty handwritten digits that are hard to read, each with its true class, the network's usual answer and "
    "the number of seeds that are wrong.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# ## 8.4 How sure is it?
#
# The output layer gives ten logits; softmax turns them into probabilities that sum to 1. Here they are for two images:
# one that every seed gets right, and the one that most seeds get wrong.

# %%
probabilities = result.probabilities[chosen].astype(float)
times = (result.predictions[chosen] != truth).sum(0)  # how many seeds are wrong
easy, hard = int(np.argmin(times)), int(np.argmax(times))
fig, axes = plt.subplots(2, 2, figsize=(6.0, 4.8), width_ratios=(1, 2.2))
for (picture, bars), index, title in zip(axes, (easy, hard), ("always right", "most often wrong"), strict=True):
    picture.imshow(pixels[index, 0])
    picture.set_title(f"test image {index}\n{title}")
    picture.axis("off")
    plots.class_probabilities(probabilities[:, index], digits.class_names, int(truth[index]), bars)
run.figure(
    "class_probabilities",
    fig,
    caption="Class probabilities of LeNet-5 (modern) for two test images. Bars: mean over the seeds; dots: single seeds; "
    "the true class is marked.",
    alt="Two images with bar charts of ten class probabilities. For the first, one bar is close to 1; for the second, the "
    "probability is spread over several classes or lies on a wrong one, and the seeds disagree.",
    split="test",
    seeds=seeds,
)

# %% [markdown]
# **What to notice.** A probability near 1 is not the same as being right: networks of this kind are often too sure. Where
# the dots of one class lie far apart, the answer depends on the seed.

# %% [markdown]
# ### Exercise 8.4 — sure, and wrong
#
# The worst errors are those that a network is sure of: nobody would look at such an image again. `surest_errors` takes
# `probabilities` (images, classes) and `truth` (images). Of the images that the network gets wrong, it returns the indices
# of the `count` whose answer has the highest probability, the surest first; where fewer are wrong, it returns fewer.


# %%
def surest_errors(probabilities, truth, count):
    ### BEGIN SOLUTION
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    order = np.argsort(-probabilities[wrong].max(1))
    return wrong[order][:count]
    ### END SOLUTION


# %%
check("8.4", surest_errors)
### BEGIN HIDDEN TESTS
assert check.passed("8.4")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
if check.passed("8.4"):
    for index in map(int, surest_errors(probabilities[0].copy(), truth.copy(), 3)):
        answer = probabilities[0, index].argmax()
        print(
            f"test image {index}: a {digits.class_names[truth[index]]}, but seed {seeds[0]} says "
            f"{digits.class_names[answer]} with probability {probabilities[0, index, answer]:.2f}"
        )

# %% [markdown]
# ### Draw one yourself
#
# Run the next cell in JupyterLab and draw a digit. The drawing is prepared as MNIST was made: its ink is scaled to fit
# 20 x 20 pixels and moved until its centre of mass lies in the middle of 28 x 28. Bars, dots and seeds are as above.

# %%
from dataclasses import replace

from labkit.data import draw_digit
from labkit.training import fit, set_seed


def train_lenet(seed):
    set_seed(seed)
    model = LeNet5("modern", digits.num_classes)
    fit(model, digits, replace(config, seed=seed, epochs=profile.choose(quick=8, full=3)))
    return model


draw_digit(train_lenet, seeds[:3], digits)

# %% [markdown]
# **Try** a 7 with a bar across it, and one without. Almost every 7 of the embedded digits has the bar, so networks that learned
# from them are sure of the one, and at odds about the other. Then draw a letter: no output says "this is no digit".

# %% [markdown]
# ## 8.5 Three other networks
#
# LeNet-5 is not the only small CNN. Three groups of this course built their own, each with a recipe of its own:
#
# - **one conv 3x3**: 28 maps, pooling, 128 hidden neurons, dropout 0.2; inputs in $[-1, 1]$, Adam 0.003, batches of 1,000, 20 epochs;
# - **two conv 3x3**: 32 and 64 maps, each with pooling, 128 hidden neurons, dropout 0.2; SGD 0.01, batches of 64, 25 epochs;
# - **two conv 5x5**: the same with 5 x 5 filters and dropout 0.5; Adam 0.0001, batches of 100, 15 epochs.
#
# The number of maps of the last two was not reported; 32 and 64 are our assumption. The quick profile shortens each recipe.

# %%
symmetric = load("mnist", data, train_limit=profile.train_limit, normalisation="symmetric")
some = seeds[:3]
quick = TrainConfig(epochs=3, batch_size=50, lr=3e-3, schedule="one_cycle")
recipes = {
    "one conv 3x3": (OneConvNet, {}, symmetric, TrainConfig(20, 1000, "adam", 0.003)),
    "two conv 3x3": (ConvNet, {"dropout": [0.2]}, digits, TrainConfig(25, 64, "sgd", 0.01, momentum=0.0)),
    "two conv 5x5": (ConvNet, {"kernel_size": [5], "dropout": [0.5]}, digits, TrainConfig(15, 100, "adam", 0.0001)),
}
others = {
    name: sweep(network, grid, images, profile.choose(quick, recipe), some, run.cache, log=print)
    for name, (network, grid, images, recipe) in recipes.items()
}

# %%
cnns = {"LeNet-5": runs[chosen], **{name: one.runs for name, one in others.items()}}
keys = dict(zip(cnns, ("lenet5", "b2", "b6", "b7"), strict=True))
classes = digits.num_classes
built = (modern, OneConvNet(classes), ConvNet(3, 0.2, classes), ConvNet(5, 0.5, classes))
rows = []
for (name, one), network in zip(cnns.items(), built, strict=True):
    own = one["seed"].tolist()
    test = run.number(f"{keys[name]}_test", 100 * one["test_accuracy"], "%", 2, split="test", seeds=own)
    run.number(f"{keys[name]}_seconds", one["seconds"], "s", 1, seeds=own)
    print(name, test)
    flops = count_flops(network, digits.image_shape)
    rows.append([name, count_parameters(network), flops, test.split(" (")[0], len(own)])

# %%
run.table(
    "networks",
    pd.DataFrame(rows, columns=["network", "parameters", "FLOPs an image", "test accuracy", "seeds"]),
    "Four CNNs, each trained by its own recipe: size, arithmetic, and test accuracy (mean and standard deviation).",
    split="test",
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), sharey=True)
lenet = result.epochs[result.epochs["variant"] == "modern"]
curves = {"LeNet-5": lenet, **{name: one.epochs for name, one in others.items()}}
for index, (name, epochs) in enumerate(curves.items()):
    plots.spread_line(epochs, "epoch", "train_loss", left, label=name, index=index)
    plots.spread_line(epochs, "epoch", "validation_loss", right, index=index)
left.set(xlabel="epoch", ylabel="loss", yscale="log", title="training")
right.set(xlabel="epoch", title="validation")
for ax in (left, right):
    ax.locator_params(axis="x", integer=True)
fig.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9)
run.figure(
    "networks_loss",
    fig,
    caption="Four CNNs: loss on training (left) and validation images (right) after each epoch, logarithmic. Lines: mean over the "
    "seeds; bands: one standard deviation; dots: single runs.",
    alt="Two panels with four falling lines each. The training losses go on falling when the validation losses level off.",
    split="validation",
)

# %% [markdown]
# **What to notice.** Recipes end at different epochs and at different losses; the loss of a network with dropout is higher on training
# images than on validation images, because neurons are missing while it trains.

# %%
everyone = np.concatenate([result.predictions[chosen], *(one.predictions for one in others.values())])
fig, ax = plt.subplots(figsize=(6.4, 2.5))
plots.error_gallery(pixels, truth, everyone, digits.class_names, ax)
run.figure(
    "errors_of_all",
    fig,
    caption="Test images that all four networks together get wrong most often: true class → usual answer, and how many of all trained "
    "networks are wrong.",
    alt="Up to twenty digits, each with its true class, the usual wrong answer and the number of networks that give a wrong one.",
    split="test",
)

# %%
hardest = int((everyone != truth).sum(0).argmax())
fig, axes = plt.subplots(1, 5, figsize=(6.4, 2.7), width_ratios=(1.4, 1, 1, 1, 1))
axes[0].imshow(pixels[hardest, 0])
axes[0].set_title(f"test image {hardest}", fontsize=9)
axes[0].axis("off")
guesses = {
    "LeNet-5": probabilities[:, hardest],
    **{name: one.probabilities[:, hardest] for name, one in others.items()},
}
for ax, (name, values) in zip(axes[1:], guesses.items(), strict=True):
    plots.class_probabilities(values.astype(float), digits.class_names, int(truth[hardest]), ax)
    ax.set_title(name.replace("conv ", "conv\n"), fontsize=9)
    ax.set_yticks(range(digits.num_classes), digits.class_names)
run.figure(
    "hardest_image",
    fig,
    caption="The test image that most networks get wrong, and the probabilities that each network gives. Bars: mean over the seeds; dots: "
    "single seeds; the true class has another colour.",
    alt="One digit and four bar charts of ten class probabilities; the long bars do not belong to the true class.",
    split="test",
)

# %% [markdown]
# ### Exercise 8.5 — are the errors the same?
#
# An image that all networks get wrong may be unreadable; one that only one network gets wrong is that network's fault.
# `shared_errors` takes `predictions` (runs, images) and `truth` (images), and returns the number of images that **every** run
# gets wrong. The runs may give different wrong answers.


# %%
def shared_errors(predictions, truth):
    ### BEGIN SOLUTION
    return int((predictions != truth).all(axis=0).sum())
    ### END SOLUTION


# %%
check("8.5", shared_errors)
### BEGIN HIDDEN TESTS
assert check.passed("8.5")
### END HIDDEN TESTS

# %%
if check.passed("8.5"):
    shared = np.asarray(shared_errors(everyone.copy(), truth.copy())).item()
    print("No more than the errors of a single run:", shared <= (everyone != truth).sum(1).min())
    run.number("shared_errors", shared, "images", 0, statistic="exact")

# %% [markdown]
# ## Questions from your TA
#
# 1. C1 turns 32 x 32 into 28 x 28. Give the formula, and what a 3 x 3 filter with padding 1 would make of 32 x 32.
# 2. Most parameters of LeNet-5 sit in one layer. Which, and why is that not where most of the arithmetic happens?
# 3. Which pair of digits does your network confuse most? Is it the same pair for every seed?
# 4. In the network of 1998, every map of S2 and S4 had a trainable factor and a bias. Of the 16 maps of C3, six saw
#    three maps of S2, nine saw four, and one saw all six. What would 61,706 become?
# 5. Why does moving a digit by two pixels hurt an MLP more than LeNet-5?

# %% [markdown]
# 1. A side of $n$ pixels with padding $p$ and a filter of side $k$ becomes $n + 2p - k + 1$: $32 - 5 + 1 = 28$. With
#    $k = 3$ and $p = 1$ it is $32 + 2 - 3 + 1 = 32$, so the size stays.
# 2. C5: $401 \cdot 120 = 48{,}120$ of 61,706, or 78 %. Each of its weights is used once an image: 96,000 FLOPs of
#    833,040. The 2,400 weights of C3 are used at 100 places each (480,000 FLOPs) and the 150 of C1 at 784 places
#    (235,200), together 86 % of the arithmetic.
# 3. Look for the darkest cell off the diagonal, add the cell mirrored at the diagonal, and repeat that in `matrices`
#    for every seed. A good answer names the pair and the direction, gives mean and standard deviation, says in how
#    many seeds the pair comes first, and what the two shapes share. Count images as well: where a pair is confused
#    only a few times, the order of the pairs is largely chance.
# 4. S2 gains $6 \cdot 2 = 12$ and S4 $16 \cdot 2 = 32$ parameters. C3 has $6 \cdot 3 + 9 \cdot 4 + 6 = 60$ pairs of
#    maps in place of 96, so $60 \cdot 25 + 16 = 1{,}516$ parameters in place of 2,416. Together
#    $61{,}706 + 44 - 900 = 60{,}850$.
# 5. An MLP has a weight of its own for each pixel: moved strokes meet weights that were learned for other places.
#    LeNet-5 uses the same filters everywhere, so its maps only move along, by one place after S2 and half a place
#    after S4, and taking the maximum hides part of that. C5 still has a weight for each place, so LeNet-5 does notice
#    larger moves.

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
