# %% [markdown]
# # 5 How wide should a hidden layer be?
#
# A network with one hidden layer (**MLP1**) has one number to choose: how many neurons that layer has. You will write the
# network, train it in several widths, each with several seeds, and find out which differences are real.
#
# **Time**: about 75 minutes
#
# **You will be able to**
#
# - write an MLP as a module, and count its parameters;
# - say what the width of a layer costs in parameters, and what it buys in accuracy;
# - choose the simplest good model by the one-standard-error rule, and defend the choice;
# - say how far an accuracy from few images can be trusted.
#
# **You need** notebook 1 (modules), notebook 2 (training; standard deviation and 95 % interval), notebook 4 (what a hidden
# layer computes).

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": MNIST where it is on disk, else the embedded digits; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import torch

from labkit.exercises import Checker
from labkit.models import MLP, count_parameters
from labkit.report import begin, compare, plots
from labkit.training import TrainConfig, fit, set_seed, sweep

# %% [markdown]
# ## 5.1 The digits
#
# The next cell prints which images this run uses (notebook 1 told how MNIST was made). Every number below is about these
# images: accuracy on the embedded digits and accuracy on MNIST cannot be compared.

# %%
run = begin("05_mlp1_sweep", "mnist", data, profile, seed, out)
digits, profile, seeds, check = run.dataset, run.profile, run.seeds, Checker(run)
names, pixels, labels = digits.class_names, digits.pixels(digits.train.images), digits.train.labels
print(digits)

# %% [markdown]
# The first row shows the mean of all training images of each digit, and how many there are. Below it stand 50 of them, drawn
# at random.

# %%
means = torch.stack([pixels[labels == digit].mean(0) for digit in range(len(names))])
counts = labels.bincount(minlength=len(names)).tolist()
drawn = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:50]
images = torch.cat([means, pixels[drawn]]).numpy()
above = [f"{name}: {count:,}" for name, count in zip(names, counts, strict=True)]
grid = plots.images_with_labels(images, above + [names[label] for label in labels[drawn]])
run.figure("samples", grid, split="train")

# %% [markdown]
# Where a mean image is sharp, people write that part of the digit alike. Which digits have two common forms, so that their
# mean is blurred? The simplest classifier that one can think of answers with the digit whose mean image is nearest. Every
# network below should do better.

# %%
test_pixels, truth = digits.pixels(digits.test.images).flatten(1), digits.test.labels
nearest = torch.cdist(test_pixels, means.flatten(1)).argmin(1)
right = (nearest == truth).double().mean().item()
print(f"nearest mean image: {right:.1%} of {len(truth):,} test images right")

# %% [markdown]
# ## 5.2 The network
#
# The image, 28 x 28 pixels, becomes one row of 784 numbers. Each hidden neuron takes a weighted sum of all of them, adds a
# bias, and passes the result on if it is positive (ReLU). The output neurons, one per class, take weighted sums of the hidden ones: the
# **logits**. The largest logit names the digit.
#
# ### Exercise 5.1 — write MLP1 (3 points)
#
# Write the network as a module. `width` is the number of hidden neurons. `forward` takes images of shape (N, 1, 28, 28) and returns
# logits of shape (N, `num_classes`). It has two `torch.nn.Linear` layers, made in this order: hidden, output. Before you run the next
# cells: how many parameters has `MLP1(300)`? Count the weights and the biases of both layers by hand.


# %%
class MLP1(torch.nn.Module):
    """One hidden layer of `width` neurons with ReLU: images (N, 1, 28, 28) to logits (N, num_classes)."""

    def __init__(self, width, num_classes=10):
        super().__init__()
        ### BEGIN SOLUTION
        self.hidden = torch.nn.Linear(28 * 28, width)
        self.output = torch.nn.Linear(width, num_classes)
        ### END SOLUTION

    def forward(self, images):
        """Return the logits of a batch of images."""
        ### BEGIN SOLUTION
        return self.output(self.hidden(images.flatten(1)).relu())
        ### END SOLUTION


# %%
check("5.1", MLP1)
### BEGIN HIDDEN TESTS
assert check.passed("5.1")
### END HIDDEN TESTS

# %% [markdown]
# labkit has the same network for any number of hidden layers: `MLP((300,))` is MLP1, `MLP((300, 100))` has two hidden layers.
# The sweep below uses it; until your network is ready, all cells do.


# %%
def network(width):
    """Return an untrained MLP1: yours, or labkit's until yours is ready."""
    return (MLP1 if check.passed("5.1") else lambda *sizes: MLP(sizes[:1], num_classes=sizes[1]))(width, len(names))


# %%
run.number("parameters_300", count_parameters(network(300)), "parameters", 0, statistic="exact")
for width in (30, 150, 300):
    print(f"{width} neurons: {count_parameters(network(width)):,} parameters")

# %% [markdown]
# ### Before any training
#
# A network that knows nothing spreads its bets evenly over ten classes. Its cross-entropy is then $\ln 10 \approx 2.303$.
# A loss far from that at the start is the sign of a bug, or of inputs that were not normalised.

# %%
set_seed(seed)
loss_fn = torch.nn.CrossEntropyLoss()
with torch.inference_mode():
    loss = loss_fn(network(300)(digits.train.images[:1000]), labels[:1000])
guessing = torch.tensor(float(len(names))).log()
print(f"ln {len(names)} is {guessing:.1f}; the untrained network's loss is {loss:.1f}")

# %% [markdown]
# ## 5.3 One training, watched
#
# `TrainConfig` holds every setting. **Adam** (Kingma and Ba 2015) is gradient descent with momentum that divides each
# step by the usual size of that weight's gradient, so that all weights move about equally fast. The **one-cycle
# schedule** lets the learning rate rise once and fall once during the training, from small steps over large ones to very small ones.
# Small networks come to their best accuracy in few epochs with it.

# %%
config = TrainConfig(
    epochs=profile.choose(quick=8, full=10),
    batch_size=profile.choose(quick=32, full=128),
    optimizer="adam",
    lr=3e-3,
    schedule="one_cycle",
)
steps = config.epochs * -(-len(labels) // config.batch_size)  # the last, smaller batch is a step as well

# %%
optimizer = torch.optim.Adam(network(300).parameters(), lr=config.lr)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.lr, total_steps=steps, cycle_momentum=False)
rates = []
for _ in range(steps):
    rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()  # would move the weights, but there are no gradients yet
    if len(rates) < steps:
        schedule.step()
run.figure("one_cycle", plots.rate_curve(rates).figure)

# %%
set_seed(seed)
history = fit(network(300), digits, config, log=print)

# %% [markdown]
# **What to notice.** Compare the training loss of the last epochs with the validation accuracy: which of the two still
# changes? What does the network learn from then on?
#
# ## 5.4 Many widths, several seeds
#
# A **sweep** is a grid of settings: here one key with several values. Each setting is trained once for each seed; a seed
# fixes the initial weights and the order of the images. The result is a table with one row per run. Finished runs are
# kept on disk, so that an interrupted sweep goes on where it stopped. The quick profile takes six widths from 10 to 300; the
# full one takes ten, from 30 to 300.
#
# Small networks leave a processor idle most of the time. So networks of one seed, which read the same images, are
# **trained together as one network**: their first layers stand side by side in one matrix product. Each still ends with
# the weights that it would have had alone; `seconds` is its share of the time.

# %%
widths = profile.choose(quick=[10, 20, 30, 60, 120, 300], full=list(range(30, 301, 30)))
result = sweep(MLP, {"hidden_sizes": [(width,) for width in widths]}, digits, config, seeds, run.cache, log=print)
accuracies = {split: 100 * result.runs[f"{split}_accuracy"] for split in ("train", "test")}
runs = result.runs.assign(width=result.runs["hidden_sizes"].str[0], **accuracies)

# %%
table = runs.groupby("width").agg(
    parameters=("parameters", "first"),
    training=("train", "mean"),
    test=("test", "mean"),
    sd=("test", "std"),
    worst=("test", "min"),
    best=("test", "max"),
)
percent = dict.fromkeys(("training", "test", "sd", "worst", "best"), "{:.2f}")
run.table("accuracy_by_width", table.reset_index(), formats=percent, split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** Ten times the neurons cost nearly ten times the parameters. Compare `sd` with the steps of
# the mean test accuracy: from which width on would you no longer dare to say that the next one is better?
#
# ### What a single seed would have told you
#
# Suppose each group in the course had trained every width once. This is the width that each group would have reported
# as "the best".

# %% tags=["nbval-ignore-output"]
winners = runs.loc[runs.groupby("seed")["test"].idxmax(), ["seed", "width", "test"]]
print(winners.to_string(index=False, float_format="%.2f"))
print(f"{len(winners)} groups, {winners['width'].nunique()} different answers")
wide, next_to_it = (runs.loc[runs["width"] == width, "test"] for width in (widths[-1], widths[-2]))
print(f"{widths[-1]} neurons minus {widths[-2]}:", compare(wide, next_to_it))

# %% [markdown]
# A sentence such as *270 neurons are better than 240* needs a 95 % interval of the difference that does not hold 0.
#
# There is a second trap: choosing the width **by its test accuracy**, as the groups above did, and then quoting that
# same test accuracy. The maximum of noisy numbers is too high. Choose on the validation split, report the test split.
#
# ## 5.5 Choose a width, and defend it
#
# A wider network costs memory and time. So take the simplest one whose validation accuracy is close to the best.
# The **one-standard-error rule** (Breiman, Friedman, Olshen and Stone 1984; Hastie, Tibshirani and Friedman 2009, section 7.10) says: take
# the simplest model whose mean lies within one standard error of the best mean. The **standard error** of a mean over $n$ runs is $s/\sqrt{n}$, with
# the standard deviation $s$ of single runs.
#
# ### Exercise 5.2 — choose a width, and defend it (3 points)
#
# Write a function that gives the smallest width whose mean validation accuracy is at least the best mean minus its standard error. The
# standard error is that of the best width's runs; its $s$ is that of a sample (it divides by $n - 1$). `runs` is a table with
# one row per run, in any order, and has the columns `width`, `seed`, `validation_accuracy` and `test_accuracy`.


# %%
def smallest_good_width(runs):
    """Return the width that the one-standard-error rule chooses by `validation_accuracy`."""
    ### BEGIN SOLUTION
    validation = runs.groupby("width")["validation_accuracy"].agg(["mean", "sem"])
    best = validation["mean"].idxmax()
    within = validation["mean"] >= validation.loc[best, "mean"] - validation.loc[best, "sem"]
    return int(validation.index[within].min())
    ### END SOLUTION


# %%
check("5.2", smallest_good_width)
### BEGIN HIDDEN TESTS
assert check.passed("5.2")
### END HIDDEN TESTS

# %% [markdown]
# Now to the runs above. Until your function is ready, the course goes on with the middle width.

# %% tags=["nbval-ignore-output"]
chosen_width = widths[len(widths) // 2]
if check.passed("5.2"):
    chosen_width = int(torch.as_tensor(smallest_good_width(runs.copy())).item())
own, widest = (runs.loc[runs["width"] == width, "test"] for width in (chosen_width, 300))
run.number("chosen_width", chosen_width, "neurons", 0, statistic="exact")
print(f"chosen, {chosen_width} neurons:", run.number("chosen_accuracy", own, "%", 2, split="test", seeds=seeds))
print("widest, 300 neurons:", run.number("widest_accuracy", widest, "%", 2, split="test", seeds=seeds))
if chosen_width != 300:
    print("chosen minus widest:", compare(own, widest))

# %% [markdown]
# The rule asked the *validation* images; the line *chosen minus widest* asks the test images. Where it says *worse*, this is the price
# of the smaller network: would you pay it?

# %%
real = digits.provenance.name == "MNIST"
ax = plots.accuracy_by_width(runs, chosen_width, run.reference("accuracy_by_width"), real)
run.figure("accuracy_by_width", ax.figure, split="test", seeds=seeds)

# %% [markdown]
# **What to notice.** The first steps in width pay most. The gap between the training and the test line is what the network
# learned by heart. On MNIST, dashed lines show what LeCun et al. published in 1998: a test error of 4.7 % with 300 hidden neurons, and
# of 3.05 % with 300 and 100. Their networks had the same widths, but were not the same networks: a scaled tanh stood in place of ReLU, and
# they were trained by another method (appendices A and C of their paper) on all 60,000 training images. So the difference
# is not the width's.
#
# ### Exercise 5.3 — change one thing (2 points)
#
# What do half and double the learning rate do to the width that you chose? Write a function that trains MLP1 with `width`
# hidden neurons at half the learning rate of `config`, at the same and at double, once for each of the seeds, and
# changes nothing else: use `config` as you get it, whatever it says. Let it return what `sweep` returns; 5.4 shows how
# `sweep` is called. A grid may hold settings of `config` as well, such as `lr`.


# %%
def rate_sweep(width, dataset, config, seeds, cache=None):
    """Return the Sweep of MLP1 at half, the same and double the learning rate of `config`."""
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
# Predict first: which of the three rates is best, and will the difference be clear? Then measure.

# %% tags=["nbval-ignore-output"]
if check.passed("5.3"):
    rates = rate_sweep(chosen_width, digits, config, seeds, run.cache).runs
    by_rate = {lr: 100 * cell["test_accuracy"].to_numpy() for lr, cell in rates.groupby("lr")}
    low, same, high = by_rate.values()
    for lr, found in by_rate.items():
        print(f"lr {lr:.4f}: test accuracy {found.mean():.2f} ± {found.std(ddof=1):.2f} %")
    print("half minus same:  ", compare(low, same))
    print("double minus same:", compare(high, same))

# %% [markdown]
# ## 5.6 How many test images?
#
# ± above is the spread between seeds. The second number comes from the test images: few images tell an accuracy only roughly. Two
# reports on MNIST quote their accuracy from the **last batch** of 1,000 test images: 977 and 992 were right.
# How far can 99.2 % be trusted? The standard error of notebook 2, $\sqrt{p(1-p)/n}$, is no good near 100 %: for 20 right of 20 it is 0, as if the
# network never erred.
#
# **Wilson's interval** (1927) holds all accuracies for which such a result would not be surprising. With the share
# $p$ of $n$ images that is right, and $z = 1.96$ for 95 %:
#
# $$\frac{p + \frac{z^2}{2n} \pm z \sqrt{\frac{p(1-p)}{n} + \frac{z^2}{4n^2}}}{1 + \frac{z^2}{n}}$$
#
# ### Exercise 5.4 — an interval for 992 of 1,000 (2 points)
#
# Write `wilson(right, n)`: the lower and the upper bound of Wilson's 95 % interval, both in percent.


# %%
def wilson(right, n):
    """Return the bounds, in percent, of Wilson's 95 % interval for `right` of `n` images."""
    ### BEGIN SOLUTION
    z, p = 1.96, right / n
    middle, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    return 100 * (middle - half) / (1 + z**2 / n), 100 * (middle + half) / (1 + z**2 / n)
    ### END SOLUTION


# %%
check("5.4", wilson)
### BEGIN HIDDEN TESTS
assert check.passed("5.4")
### END HIDDEN TESTS

# %% tags=["nbval-ignore-output"]
images, right = len(digits.test), round(own.iloc[0] / 100 * len(digits.test))
for count, n in ((977, 1000), (992, 1000), (9920, 10_000), (right, images)) if check.passed("5.4") else ():
    low, high = wilson(count, n)
    print(f"{count:,} of {n:,} right, {count / n:.1%}: between {float(low):.1f} and {float(high):.1f} %")

# %% [markdown]
# Does it hold what it promises? In a world in which a network is right for 99 % of all images, ten thousand groups test it on 100 images
# each. How many of their intervals hold 99 %?

# %% tags=["nbval-ignore-output"]
if check.passed("5.4"):
    set_seed(seed)
    found = torch.distributions.Binomial(100, torch.tensor(0.99)).sample((10_000,)).tolist()
    held = {"Wilson": 0, "p ± 1.96 standard errors": 0}
    for count in found:
        low, high = (float(bound) for bound in wilson(int(count), 100))
        held["Wilson"] += low <= 99 <= high
        half = 196 * (count / 100 * (1 - count / 100) / 100) ** 0.5
        held["p ± 1.96 standard errors"] += count - half <= 99 <= count + half
    for name, times in held.items():
        print(f"{name}: {times / len(found):.0%} of the intervals hold 99 %")

# %% [markdown]
# Neither gives exactly 95 %, because only whole images can be right. Wilson's intervals of 98, 99 and 100 right hold 99 %,
# that of 97 just misses it (its upper bound is 98.97 %), and 98 or more come up in 92 of 100 groups. The other interval has
# no width where all 100 are right, and that happens in 37 of 100 groups.
#
# Back to your own network: its interval is the last line before this simulation. Would you report that it is better than
# another one with 2 images more wrong?
#
# ## Questions from your TA
#
# 1. How many of the parameters of MLP1 with 300 neurons sit in the first layer? What would doubling the image's side do to
#    them? And what to the 6 filters 5 x 5 of a convolution?
# 2. Which two widths in your table differ clearly, and which do not? What would settle it?
# 3. Your training accuracy is far above your test accuracy. Name two remedies that this course covers.
# 4. Without ReLU between the two layers, which networks could MLP1 still be, and how many parameters would be enough?
# 5. Why must the learning rate, the epochs and the batches be the same for all widths? Is that fair to each width?

# %% [markdown]
# 1. $785 \cdot 300 = 235{,}500$ of 238,510, nearly 99 %. Twice the side means four times the pixels:
#    $(56 \cdot 56 + 1) \cdot 300 = 941{,}100$ parameters in the first layer, 944,110 in all, almost four times as
#    many. The convolution keeps its $6 \cdot (25 + 1) = 156$: its filters are used at more places. In LeNet-5 the first linear
#    layer behind the convolutions grows instead, because it takes in larger maps.
# 2. Compare two widths with `compare`. The ends are the likeliest to differ clearly; neighbours are the least likely. For
#    a standard deviation $s_d$ of the differences, the interval reaches $t\,s_d/\sqrt{n}$ to either side: with more seeds it becomes
#    shorter, and $t$ becomes smaller as well. More seeds do not remove the uncertainty from the test images.
# 3. Any two of: dropout, weight decay (both in notebook 7), fewer epochs chosen by the validation split, a narrower
#    layer, or a network that uses what is known about images, such as a CNN. More training images, or the same ones
#    moved by a pixel, help as well.
# 4. Only linear ones: $W_2(W_1 x + b_1) + b_2 = (W_2 W_1)\,x + (W_2 b_1 + b_2)$ is one matrix and one bias. So $10 \cdot 784 + 10 = 7{,}850$
#    parameters are enough, whatever the width (with fewer than 10 hidden neurons not even all linear networks can be reached).
# 5. Only then is the width the one thing that differs, and a difference can be put down to it. It is not quite fair:
#    the best learning rate and the number of epochs needed may depend on the width, and the setting may suit some
#    widths better. It is fairer, but takes longer, to search the rate for each width on the validation split, with the same
#    number of trials for each.

# %% [markdown]
# ## What you can do now
#
# You can now
#
# - write an MLP as a module and count its parameters by hand;
# - train a grid of settings with several seeds, and read the table without being fooled by the best run;
# - choose the simplest good model by the one-standard-error rule;
# - give an interval for an accuracy that was measured on few images.
#
# ## References
#
# - Y. LeCun et al. (1998), Gradient-based learning applied to document recognition: <https://doi.org/10.1109/5.726791>
# - L. Breiman, J. Friedman, R. Olshen, C. Stone (1984), *Classification and regression trees*, Wadsworth
# - T. Hastie, R. Tibshirani, J. Friedman (2009), *The elements of statistical learning*, section 7.10: <https://hastie.su.domains/ElemStatLearn/>
# - D. Kingma, J. Ba (2015), Adam: a method for stochastic optimization: <https://arxiv.org/abs/1412.6980>
# - E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference: <https://doi.org/10.1080/01621459.1927.10502953>
# - PyTorch, *nn.Module*: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html>

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
