# %% [markdown]
# # 3 Designing a CNN: feature maps, depth, activation, filters
#
# The network of notebook 2 is the **baseline**. You change one thing at a time: how many feature maps, how many layers, which
# activation, how large the filters. You train every design with several seeds, and find out which change matters. Deep
# designs start badly: you look inside one, find a reason, and see how much of the gap a better start closes. At the end you design a CNN of your own.
#
# **Time**: about 75 minutes.
#
# **You will be able to**
#
# - describe a network by its drawing and its per-layer table, before you train it;
# - compare designs by a mean difference and its interval;
# - tell a design that is worse from one that is only slower;
# - find out why a deep network starts badly, and give it a better start;
# - design a CNN under a budget of parameters and arithmetic.
#
# **You need**: notebooks 1 and 2.

# %% tags=["parameters"]
profile = "quick"  # "quick" takes seconds, "full" gives the numbers for a report
data = "auto"  # "auto": CIFAR-10 where it is on disk, else the embedded shapes; "embedded"; or a folder
seed = 0  # the first seed; the others follow it
out = ""  # folder for results; empty: the folder "out" of the course

# %%
import pandas as pd
from torch import manual_seed, nn, no_grad

from labkit.exercises import Checker
from labkit.models import CifarNet, count_flops, count_parameters, layer_table
from labkit.report import begin, compare, plots
from labkit.training import TrainConfig, sweep

# %%
run = begin("03_cifar_exploration", "cifar10", data, profile, seed, out, quick_limit=500)
images, profile, seeds, check = run.dataset, run.profile, run.seeds, Checker(run)
shape, classes = images.image_shape, images.num_classes
print(images)

# %% [markdown]
# ## 3.1 The designs
#
# The baseline has 7 layers, counted as LeCun et al. counted those of LeNet-5: convolution C1, pooling S2, convolution C3,
# pooling S4, and three fully connected layers, C5, F6 and the output. `CifarNet` builds it and every variant:
#
# - **feature maps**: C1 with 8, 10 or 12 maps in place of 6; C3 with 20, 24 or 28 in place of 16;
# - **depth**: 9, 11 or 13 layers. Each step adds one convolution behind C1 and one behind C3, with 3 x 3 filters and a border
#   of zeros, so that the maps keep their size;
# - **activation**: sigmoid or tanh in place of ReLU;
# - **filter size**: 3 x 3 or 7 x 7 filters in C1 and C3, in place of 5 x 5.

# %%
factors = {
    "feature maps": {f"C1: {maps}": {"feature_maps": (maps, 16)} for maps in (8, 10, 12)}
    | {f"C3: {maps}": {"feature_maps": (6, maps)} for maps in (20, 24, 28)},
    "depth": {f"depth {depth}": {"depth": depth} for depth in (9, 11, 13)},
    "activation": {name: {"activation": name} for name in ("sigmoid", "tanh")},
    "filter size": {f"filter {side}": {"filter_size": side} for side in (3, 7)},
}
designs = {"baseline": {}}
factor_of = {"baseline": "-"}
for factor, changes in factors.items():
    designs |= changes
    factor_of |= dict.fromkeys(changes, factor)
networks = {name: CifarNet(**change, num_classes=classes) for name, change in designs.items()}

# %%
with_work = "parameters > 0 or kind.str.contains('Pool')"  # activations have no parameters
layer_table(networks["baseline"], shape).query(with_work)

# %% [markdown]
# A filter reaches through all maps in front of it. So each of the 16 filters of C3 has 6 x 5 x 5 weights and a bias, which makes
# 16 x 151 = 2,416 parameters. The last column counts **FLOPs**, floating-point operations: two for each weight that is used, a
# multiplication and an addition. A convolution uses each of its weights at every place of a map, so that it has few parameters
# and much arithmetic.
#
# In a drawing, more maps make a thicker stack of squares. More depth makes the row longer:

# %%
deeper = {name: networks[name] for name in ("baseline", "depth 13")}
run.figure("deeper_structures", plots.architectures(deeper, shape))

# %% [markdown]
# ### Exercise 3.1 — the size of a map (1 point)
#
# If you change a filter, you must know how large the map behind it will be. Write `map_side(side, filter_size, padding, stride)`: the
# side of the map that comes out of a convolution (or a pooling, which moves in the same way). `padding` is the width of the
# border of zeros, which is added on **both** sides. `stride` is the number of places by which the filter moves on. A filter
# never sticks out: places that do not fill a whole step are left out.


# %%
def map_side(side, filter_size, padding=0, stride=1):
    ### BEGIN SOLUTION
    return (side + 2 * padding - filter_size) // stride + 1
    ### END SOLUTION


# %%
check("3.1", map_side)
### BEGIN HIDDEN TESTS
assert check.passed("3.1")
### END HIDDEN TESTS

# %% [markdown]
# With it you can follow the maps through C1, S2, C3 and S4 for each filter size. C5 gets all values of the last maps, so its
# number of weights changes together with the filters. One change often brings another one with it.

# %%
for filter_size in (3, 5, 7) if check.passed("3.1") else ():
    sides = [32]
    for _ in range(2):
        sides.append(map_side(sides[-1], filter_size))  # C1, then C3
        sides.append(map_side(sides[-1], 2, stride=2))  # S2, then S4
    print(f"filters {filter_size} x {filter_size}: sides {sides}, C5 gets 16 x {sides[-1]} x {sides[-1]} values")

# %% [markdown]
# ## 3.2 Training all of them alike
#
# Everything but the design is the same for all: images, optimiser, batches, epochs, seeds. The optimiser is **Adam**, a
# relative of gradient descent that gives every weight a step size of its own, from the size of its recent gradients
# (Kingma and Ba 2015). So this baseline is the network of notebook 2, but **trained as all designs here**: notebook 2 trains it as
# the tutorial does, with SGD and few epochs. Expect another accuracy.
#
# The quick profile trains some of the designs, on few images. The full profile trains all of them, on all images.

# %%
config = TrainConfig(
    epochs=profile.choose(quick=6, full=3), batch_size=profile.choose(quick=8, full=32), optimizer="adam", lr=0.001
)
few = ["baseline", "C3: 28", "tanh", "sigmoid", "depth 13"]
trained = profile.choose(quick=few, full=list(designs))
accuracy, epochs = {}, {}  # by design


def build(design, num_classes):
    return CifarNet(**designs[design], num_classes=num_classes)


# %% tags=["nbval-ignore-output"]
def train(names, build):
    """Train designs with every seed, side by side; keep and print the test accuracy of each in percent."""
    outcome = sweep(build, {"design": names}, images, config, seeds, run.cache)
    for name, runs in outcome.runs.groupby("design", sort=False):
        accuracy[name] = 100 * runs["test_accuracy"].to_numpy()
        epochs[name] = outcome.epochs.query("design == @name").eval("validation = 100 * validation_accuracy")
        key = name.lower().replace(",", "").replace(":", "").replace(" ", "_")
        run.number(f"{key}_seconds", runs["seconds"].mean(), "s", statistic="share", seeds=seeds)
        print(f"{name}:", run.number(f"{key}_test", accuracy[name], "%", split="test", seeds=seeds))


train(trained, build)

# %% [markdown]
# ## 3.3 Which change matters?
#
# "Is a design better than the baseline?" is the second question of notebook 2: the answer is the mean difference with its 95 %
# interval. Where the interval contains 0, these seeds do not decide.

# %% tags=["nbval-ignore-output"]
gains = {name: compare(accuracy[name], accuracy["baseline"]) for name in trained}
rows = [
    {"design": name, "factor": factor_of[name], "parameters": count_parameters(networks[name])}
    | {"FLOPs": count_flops(networks[name], shape), "mean": accuracy[name].mean(), "sd": accuracy[name].std(ddof=1)}
    | {"difference": gain.mean, "low": gain.low, "high": gain.high}
    for name, gain in gains.items()
]
table = pd.DataFrame(rows)
numbers = {"parameters": "{:,}", "FLOPs": "{:,}", "mean": "{:.1f}", "sd": "{:.1f}"}
numbers |= dict.fromkeys(("difference", "low", "high"), "{:+.1f}")
run.table("designs", table, formats=numbers, split="test", seeds=seeds)

# %%
changes = pd.DataFrame(
    {"design": name, "factor": factor_of[name], "change": change}
    for name in trained[1:]
    for change in accuracy[name] - accuracy["baseline"]
)
effects = plots.design_effects(changes, run.reference("designs"))
run.figure("effects", effects.figure, split="test", seeds=seeds)

# %% tags=["nbval-ignore-output"]
for verdict in ("better", "worse", "not clear"):
    named = [name for name in trained[1:] if gains[name].verdict == verdict]
    print(f"{verdict}: {', '.join(named) or 'none'}")

# %% [markdown]
# **What to notice.** The thin whiskers say what a single training may bring, the thick bars how exactly the mean is known. Which thick
# bars do not touch the line at 0?
#
# **A warning.** A 95 % interval misses the truth once in twenty cases. Whoever compares many designs looks at many intervals:
# of thirteen, as in the full profile, at least one misses in about half of all such tables ($1 - 0.95^{13} \approx 0.49$, if they
# were independent). So do not build on a single verdict whose interval nearly touches 0: train more seeds.
#
# A factor can help in one design and harm in another. So each factor gets two columns: its best design and its worst. The
# second stays empty where only one design was trained.

# %% tags=["nbval-ignore-output"]
ranking = []
for factor, rows in table[1:].groupby("factor", sort=False):
    ends = {"best design": rows["difference"].idxmax(), "worst design": rows["difference"].idxmin()}
    told = {
        column: "{design}: {difference:+.1f} [{low:+.1f}, {high:+.1f}]".format(**rows.loc[place])
        for column, place in ends.items()
    }
    ranking.append({"factor": factor, **told} | ({"worst design": ""} if len(rows) == 1 else {}))
if table["mean"].max() < 100 / classes + 10:
    print("All designs are within 10 points of guessing: nothing can be ranked.")
pd.DataFrame(ranking)

# %% [markdown]
# The table speaks of the levels that were tried, of this training and of these images. Other levels may give another order.
#
# ## 3.4 What two epochs hide
#
# PyTorch's tutorial trains for two epochs. Here is the accuracy after every epoch. The learning rate is constant, so the state
# after epoch 2 is what a training of two epochs would have given.

# %%
panels = plots.epoch_panels({name: epochs[name] for name in few}, "baseline", classes)
run.figure("epochs", panels, split="validation", seeds=seeds)

# %% tags=["nbval-ignore-output"]
last = config.epochs
by_epoch = pd.DataFrame({name: epochs[name].groupby("epoch")["validation"].mean() for name in trained}).T
n = len(images.validation)
print(f"From {n:,} validation images: the standard error of an accuracy is at most {50 / n**0.5:.1f} points.")
by_epoch[[2, last]].assign(gain=by_epoch[last] - by_epoch[2]).sort_values("gain", ascending=False).round(1)

# %% [markdown]
# **What to notice.** Which designs rise late, and would two epochs have told you that they rise at all? Which rows of the table
# are closer to each other than the images can tell?
#
# ## 3.5 Why does the deep network start so badly?
#
# A network can only learn from what reaches its output. So ask at the start, before any training: **if the image changes, how
# much does each layer's output change?** Call this the **signal** of a layer: the standard deviation of an output over a batch
# of images, averaged over all outputs of the layer. If it is 0, the output says nothing about the image.
#
# ### Exercise 3.2 — the signal, layer by layer (2 points)
#
# Write `signal_by_layer(model, images)`. It passes the images through the network once, and returns a list: the signal of
# every layer with weights (`nn.Conv2d` or `nn.Linear`), in their order, before the activation. A **hook** sees what passes
# through a layer: after `layer.register_forward_hook(hook)`, PyTorch calls `hook(layer, inputs, output)` in every forward pass.


# %%
def signal_by_layer(model, images):
    ### BEGIN SOLUTION
    signal = []

    def hook(layer, inputs, output):
        signal.append(output.std(0).mean().item())

    layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(hook) for layer in layers]
    with no_grad():
        model(images)
    for handle in hooks:
        handle.remove()
    return signal
    ### END SOLUTION


# %%
check("3.2", signal_by_layer)
### BEGIN HIDDEN TESTS
assert check.passed("3.2")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3.3 — He's initialisation (2 points)
#
# PyTorch draws the weights of a layer with variance $1 / (3 n)$, where $n$, the **fan-in**, is the number of inputs of one output. A
# ReLU then sets half of the values to 0. So each layer keeps only about $\frac{1}{3} \cdot \frac{1}{2} = \frac{1}{6}$ of the
# variance, and the signal becomes smaller and smaller. He et al. (2015) asked which variance of the weights keeps it as it is: $2 / n$. A layer
# sums $n$ products, which makes the variance $n$ times as large; the 2 makes up for ReLU.
#
# Write `he_initialise(model)`. It gives every convolution and linear layer of `model` new weights, drawn with mean 0 and
# standard deviation $\sqrt{2 / n}$, sets all biases to 0, and returns the model. You may draw them yourself or use `nn.init`.


# %%
def he_initialise(model):
    ### BEGIN SOLUTION
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0, (2 / fan_in) ** 0.5)
            nn.init.zeros_(module.bias)
    return model
    ### END SOLUTION


# %%
check("3.3", he_initialise)
### BEGIN HIDDEN TESTS
assert check.passed("3.3")
### END HIDDEN TESTS

# %% [markdown]
# Now look at both, in the baseline and in the network of 13 layers. `CifarNet` has He's initialisation built in as well. The
# gradient of C1 is measured as well: it says how fast the first layer would begin to learn.

# %% tags=["nbval-ignore-output"]
batch, labels = images.train.images[:100], images.train.labels[:100]
starts = {"7 layers, default": (7, "default"), "13 layers, default": (13, "default"), "13 layers, He": (13, "he")}
signals = {}
for name, (depth, initialisation) in starts.items() if check.passed("3.2") else ():
    manual_seed(seed)
    model = CifarNet(depth=depth, initialisation=initialisation, num_classes=classes)
    with_weights = layer_table(model, shape).query("parameters > 0")["layer"]
    signals[name] = dict(zip(with_weights, signal_by_layer(model, batch), strict=True))
    nn.functional.cross_entropy(model(batch), labels).backward()
    gradient = model.features.C1.weight.grad.norm()
    print(f"{name}: signal at the output {signals[name]['output']:.1g}, size of C1's gradient {gradient:.1g}")

# %% tags=["nbval-ignore-output"]
if check.passed("3.2") and check.passed("3.3"):
    manual_seed(seed)
    yours = he_initialise(CifarNet(depth=13, num_classes=classes))
    print(f"13 layers, your initialisation: signal at the output {signal_by_layer(yours, batch)[-1]:.1g}")

# %%
if signals:
    run.figure("signal", plots.signal_lines(signals).figure, split="train")

# %% [markdown]
# **What to notice.** The vertical axis is logarithmic: each of its steps is a factor of ten. In the deep network with PyTorch's
# initialisation almost nothing of the image reaches the output, so its gradients are as small as its signal.
#
# Does it learn when it starts with a signal? Train it again, with He's initialisation and nothing else changed.

# %% tags=["nbval-ignore-output"]
designs["depth 13, He"] = {"depth": 13, "initialisation": "he"}
train(["depth 13, He"], build)
print("He against default, 13 layers:", compare(accuracy["depth 13, He"], accuracy["depth 13"]))
print("13 layers, He, against the baseline:", compare(accuracy["depth 13, He"], accuracy["baseline"]))
early = {name: epochs[name].query("epoch == 1")["validation"].mean() for name in ("depth 13, He", "depth 13")}
print("validation after one epoch: He {:.1f} %, default {:.1f} %".format(*early.values()))

# %% [markdown]
# Is the first difference clear? Then the start held the deep network back, and 3.2 did not measure depth alone. It measured depth
# **together with** an initialisation that does not suit it. Is the difference not clear? With many steps, a network can find its
# way out of a bad start. Then the start cost time, and the last line shows it, but no accuracy in the end.
#
# The 13 layers with He's start still differ from the baseline. Is that only a matter of time? Train longer, with three seeds, and see.

# %% tags=["nbval-ignore-output"]
slow = profile.choose(quick=["depth 13, He"], full=["depth 13, He", "sigmoid"])
longer = profile.choose(quick=9, full=6)
grid = {"design": slow, "epochs": [longer]}
for name, late in sweep(build, grid, images, config, seeds[:3], run.cache).percent.groupby("design", sort=False):
    training, test = late["train"], late["test"]
    print(f"{name}, {longer} epochs against {last}:", compare(test.to_numpy(), accuracy[name][:3]))
    print(f"    after {longer} epochs: training {training.mean():.1f} %, test {test.mean():.1f} %")
print(f"baseline, {last} epochs: test {accuracy['baseline'].mean():.1f} %")

# %% [markdown]
# Read the accuracies on training and on test images together. Where the test accuracy still rises, a design is at least also
# **slower**: a comparison after a fixed number of epochs cannot tell that from worse, so say with each accuracy how long you
# trained. Where the training accuracy is far above the test accuracy, the network **overfits**: it learns its training images by
# heart, and needs more of them, or fewer weights. Both can be true at once. What do you see here?
#
# ## 3.6 Your own CNN
#
# ### Exercise 3.4 — your own CNN (3 points)
#
# Design a CNN as you like: any `nn.Module` that takes images (N, 3, 32, 32) and returns `num_classes` logits each. There is a
# **budget**: at most 100,000 parameters, and at most 3,000,000 FLOPs for one image. The check counts both. Use what you found:
# which changes helped, and which only made the network larger? Sizes of maps come from 3.1, good starts from 3.3. The class's board shows
# who reaches the best accuracy with the fewest parameters.


# %%
def my_network(num_classes=10):
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(3, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 28, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(28 * 5 * 5, 100),
        nn.ReLU(),
        nn.Linear(100, num_classes),
    )
    ### END SOLUTION


# %%
check("3.4", my_network)
### BEGIN HIDDEN TESTS
assert check.passed("3.4")
### END HIDDEN TESTS

# %%
if check.passed("3.4"):
    others = {} if images.num_classes == 10 else {"num_classes": images.num_classes}  # images of your own
    own = my_network(**others)
    for key, count in {"parameters": count_parameters(own), "FLOPs": count_flops(own, shape)}.items():
        print(run.number(f"own_design_{key.lower()}", count, key, 0, statistic="exact"))
    own_layers = layer_table(own, shape).query(with_work)
    run.table("own_layers", own_layers, formats={"parameters": "{:,}", "flops": "{:,}"})
    run.figure("own_design", plots.architectures({"": own}, shape))

# %% [markdown]
# It is trained with the same settings and seeds as all others.

# %% tags=["nbval-ignore-output"]
if check.passed("3.4"):
    train(["own design"], lambda design: my_network(**others))
    print("against the baseline:", compare(accuracy["own design"], accuracy["baseline"]))

# %% [markdown]
# ## Questions from your TA
#
# 1. In the baseline, which layer holds most of the parameters, and which does most of the arithmetic? What does that mean for
#    somebody who designs under a budget of both?
# 2. The slope of sigmoid is at most 1/4. On its way back from the output to C1 of the sigmoid design, how many sigmoids does a
#    gradient pass, and by which factor do the slopes alone shrink it? Why is this not the whole story?
# 3. He's rule draws weights of variance $2 / n$, that of Glorot and Bengio for tanh (*Xavier*, in notebook 4) of $1 / n$. Where does
#    the 2 come from?
# 4. A deeper network does not have to be better, even with a good initialisation. Name two reasons that your curves could show,
#    and one change to the network itself that helps deep networks to train.
# 5. You compared the designs on the test split, and then built your own from the result. What is wrong, and how would you repair it?

# %% [markdown]
# 1. C5 holds 48,120 of 62,006 parameters (78 %). C1 alone does more than half of the arithmetic, because its maps are the largest.
#    So parameters are saved at C5: smaller or fewer maps in front of it, or fewer neurons. FLOPs are saved early: fewer
#    maps, a stride, or pooling while the maps are large.
# 2. Four: those behind F6, C5, C3 and C1. The slopes alone shrink the gradient by $4^4 = 256$ at least. But the gradient is also
#    multiplied with the weights of each layer, which can make it smaller still, or larger again; the rule of thumb is about slopes only.
# 3. A signal that is symmetric about 0 loses half of its mean square in a ReLU, because ReLU sets the negative half to 0. Twice
#    the variance of the weights makes up for it. Near 0 tanh is almost the identity, $\tanh x \approx x$, and loses nothing there.
# 4. It may be slower: its curve still rises when that of the baseline has levelled off, and its training accuracy is low as
#    well. Or it overfits: training accuracy goes on rising, validation accuracy stands still or falls. Connections around layers
#    (ResNet; He et al. 2016) and normalisation between layers (Ioffe and Szegedy 2015) help deep networks to train.
# 5. The test images helped to choose, so they are no longer new: the design may suit just these images, and its
#    accuracy is likely to be too high. Rank the designs by validation accuracy, choose your own design from that, and
#    evaluate it on the test split once, at the very end.

# %% [markdown]
# ## Recap
#
# You can now
#
# - describe a CNN by its layers, predict the size of its maps, and count what it costs;
# - compare designs one change at a time, with an interval for each difference;
# - find out with one hook why a deep network starts badly, and give it a better start by the variance of its weights;
# - design a CNN of your own under a budget.
#
# ## References
#
# - K. He, X. Zhang, S. Ren and J. Sun (2015). [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852).
# - K. He, X. Zhang, S. Ren and J. Sun (2016). [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385).
# - X. Glorot and Y. Bengio (2010). [Understanding the difficulty of training deep feedforward neural
#   networks](https://proceedings.mlr.press/v9/glorot10a.html).
# - S. Ioffe and C. Szegedy (2015). [Batch normalization](https://arxiv.org/abs/1502.03167).
# - D. Kingma and J. Ba (2015). [Adam: a method for stochastic optimization](https://arxiv.org/abs/1412.6980).
# - PyTorch: [Conv2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html) and
#   [initialisation](https://docs.pytorch.org/docs/stable/nn.init.html).

# %%
run.finish()

# %% tags=["nbval-ignore-output"]
check.progress()
