import math
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.sweeps import sweep


class Written(nn.Module):
    def __init__(self, width, num_classes=10):
        super().__init__()
        self.hidden = nn.Linear(784, width)
        self.output = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.output(self.hidden(images.flatten(1)).relu())


class Stacked(nn.Module):
    def __init__(self, width, num_classes=10):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, width), nn.ReLU(), nn.Linear(width, num_classes))

    def forward(self, x):
        return self.layers(x)


class Lazy(Written):
    """Its layers find out by themselves how many numbers they get."""

    def __init__(self, width, num_classes=10):
        super().__init__(width, num_classes)
        self.hidden, self.output = nn.LazyLinear(width), nn.LazyLinear(num_classes)


class PixelByPixel(nn.Module):
    """With parameters of its own in place of layers."""

    def __init__(self, width, num_classes=10):
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.randn(width, 784) / 28), nn.Parameter(torch.zeros(width))
        self.w2, self.b2 = nn.Parameter(torch.randn(num_classes, width) / 9), nn.Parameter(torch.zeros(num_classes))

    def forward(self, images):
        hidden = torch.clamp(images.reshape(len(images), -1) @ self.w1.T + self.b1, min=0)
        return hidden @ self.w2.T + self.b2


def as_a_function(width, num_classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, num_classes))


def same(value):
    return value


def changed(act=torch.relu, last=same, bias=True, width=same, classes=same):
    """MLP1 with one of its parts exchanged."""

    class Changed(nn.Module):
        def __init__(self, wanted, num_classes=10):
            super().__init__()
            self.hidden = nn.Linear(784, width(wanted), bias)
            self.output = nn.Linear(width(wanted), classes(num_classes), bias)

        def forward(self, images):
            return last(self.output(act(self.hidden(images.flatten(1)))))

    return Changed


class WithDropout(Written):
    def forward(self, images):
        return self.output(functional.dropout(self.hidden(images.flatten(1)).relu(), 0.5, self.training))


class Deeper(Written):
    def __init__(self, width, num_classes=10):
        nn.Module.__init__(self)
        self.hidden, self.middle = nn.Linear(784, width), nn.Linear(width, width)
        self.output = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.output(self.middle(self.hidden(images.flatten(1)).relu()).relu())


class OnlyHidden(nn.Module):
    def __init__(self, width, num_classes=10):
        super().__init__()
        self.hidden = nn.Linear(784, width)

    def forward(self, images):
        return self.hidden(images.flatten(1)).relu()


class Backwards(Written):
    def __init__(self, width, num_classes=10):
        nn.Module.__init__(self)
        self.output, self.hidden = nn.Linear(width, num_classes), nn.Linear(784, width)


class WithoutFlatten(Written):
    def forward(self, images):
        return self.output(self.hidden(images).relu())


class WithoutLayers(nn.Module):
    def __init__(self, width, num_classes=10):
        super().__init__()
        self.layers = [nn.Linear(784, width), nn.Linear(width, num_classes)]

    def forward(self, images):
        return self.layers[1](self.layers[0](images.flatten(1)).relu())


class Silent(Written):
    def forward(self, images):
        super().forward(images)


def by_rule(runs, band="sem", column="validation_accuracy"):
    """The rule with another band, or on another column."""
    found = runs.groupby("width")[column].agg(["mean", "std", "sem", "median"])
    best = found["mean"].idxmax()
    return found.index[found["mean"] >= found.loc[best, "mean"] - found.loc[best, band]].min()


def rule_in_a_loop(runs):
    values = {}
    for width, accuracy in zip(runs["width"], 100 * runs["validation_accuracy"], strict=True):
        values.setdefault(width, []).append(accuracy)
    best = max(values.values(), key=np.mean)
    return min(
        width
        for width, own in values.items()
        if np.mean(own) >= np.mean(best) - np.std(best, ddof=1) / len(best) ** 0.5
    )


def with_band(band):
    """The rule with a band that is computed from the runs and the best width's runs."""

    def rule(runs):
        means = runs.groupby("width")["validation_accuracy"].mean()
        best = runs.loc[runs["width"] == means.idxmax(), "validation_accuracy"]
        return means.index[means >= means.max() - band(runs, best)].min()

    return rule


def best_mean(runs, column="validation_accuracy"):
    return runs.groupby("width")[column].mean().idxmax()


def largest(runs):
    found = runs.groupby("width")["validation_accuracy"].agg(["mean", "sem"])
    return found.index[found["mean"] >= found["mean"].max() - found.loc[found["mean"].idxmax(), "sem"]].max()


def own_bands(runs):
    found = runs.groupby("width")["validation_accuracy"].agg(["mean", "sem"])
    return found.index[found["mean"] + found["sem"] >= found["mean"].max()].min()


def single_runs(runs):
    best = runs.loc[runs["width"] == best_mean(runs), "validation_accuracy"]
    return runs.loc[runs["validation_accuracy"] >= best.mean() - best.sem(), "width"].min()


def first_row(runs):
    found = runs.groupby("width", sort=False)["validation_accuracy"].agg(["mean", "sem"])
    return found.index[found["mean"] >= found["mean"].max() - found.loc[found["mean"].idxmax(), "sem"]][0]


def rates(width, dataset, config, seeds, cache=None):
    grid = {"hidden_sizes": [(width,)], "lr": [config.lr / 2, config.lr, 2 * config.lr]}
    return sweep(MLP, grid, dataset, config, seeds, cache, log=print)


def rates_first(width, dataset, config, seeds, cache=None):
    grid = {"lr": np.array([2, 1, 0.5]) * config.lr}
    return sweep(lambda: MLP([width]), {"lr": list(grid["lr"])}, dataset, config, seeds, engine="loop")


def other_rates(*factors):
    def function(width, dataset, config, seeds, cache):
        grid = {"hidden_sizes": [(width,)], "lr": [factor * config.lr for factor in factors]}
        return sweep(MLP, grid, dataset, config, seeds, cache)

    return function


def fixed_rates(width, dataset, config, seeds, cache):
    return sweep(MLP, {"hidden_sizes": [(width,)], "lr": [15e-3, 30e-3, 60e-3]}, dataset, config, seeds)


def widths_only(width, dataset, config, seeds, cache):
    return sweep(MLP, {"hidden_sizes": [(width // 2,), (width,), (2 * width,)]}, dataset, config, seeds)


def another_activation(width, dataset, config, seeds, cache):
    grid = {"hidden_sizes": [(width,)], "lr": [config.lr / 2, config.lr, 2 * config.lr], "activation": ["relu", "tanh"]}
    return sweep(MLP, grid, dataset, config, seeds)


def forged(width, dataset, config, seeds, cache):
    """Return something that is called a sweep, and for which nothing was trained."""

    class Sweep:
        runs = pd.DataFrame({"lr": np.repeat([config.lr / 2, config.lr, 2 * config.lr], 3), "seed": list(seeds) * 3})
        epochs = pd.DataFrame({"epoch": [config.epochs]})
        predictions, probabilities = np.zeros((9, 20)), np.zeros((9, 20, 10))

    Sweep.runs["parameters"] = 795 * width + 10
    return Sweep()


def untrained(*arguments):
    """Return a real sweep whose table was made to look as the right one; its networks learned at other rates."""
    width, dataset, config, seeds, cache = arguments
    result = rates(width, dataset, replace(config, lr=config.lr / 100), seeds, cache)
    return replace(result, runs=result.runs.assign(lr=result.runs["lr"] * 100))


def with_config(**settings):
    """The right sweep with some settings of its own."""
    return lambda width, dataset, config, *others: rates(width, dataset, replace(config, **settings), *others)


def own_config(width, dataset, config, seeds, cache):
    return rates(width, dataset, TrainConfig(config.epochs, config.batch_size, lr=config.lr), seeds)


def with_sizes(sizes):
    def function(width, dataset, config, seeds, cache):
        grid = {"hidden_sizes": sizes(width), "lr": [config.lr / 2, config.lr, 2 * config.lr]}
        return sweep(MLP, grid, dataset, config, seeds)

    return function


def spoilt_wilson(
    factor=lambda z, n: 1 + z**2 / n,
    shift=lambda z, n: z**2 / (2 * n),
    inner=lambda z, n: z**2 / (4 * n**2),
    outer=same,
    z=1.96,
):
    """Wilson's interval with one of its parts exchanged."""

    def wilson(right, n):
        p = right / n
        middle, half = p + shift(z, n), outer(z) * math.sqrt(p * (1 - p) / n + inner(z, n))
        return 100 * (middle - half) / factor(z, n), 100 * (middle + half) / factor(z, n)

    return wilson


def wilson(right, n, z=1.96):
    return spoilt_wilson(z=z)(right, n)


def by_the_formula(right, n):
    """As the two solutions of the quadratic equation that Wilson's interval solves."""
    z = stats.norm.ppf(0.975)
    a, b, c = 1 + z**2 / n, -(2 * right / n + z**2 / n), (right / n) ** 2
    root = np.sqrt(b**2 - 4 * a * c)
    return [float(100 * (-b - root) / (2 * a)), float(100 * (-b + root) / (2 * a))]


def by_counts(right, n):
    wrong, z = n - right, 1.96
    middle = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (right * wrong / n + z * z / 4) ** 0.5
    return 100 * np.array([middle - half, middle + half])


def wald(right, n, z=1.96):
    p = right / n
    half = z * (p * (1 - p) / n) ** 0.5
    return 100 * (p - half), 100 * (p + half)


RIGHT = {
    "5.1": [Written, Stacked, Lazy, as_a_function, PixelByPixel],
    "5.2": [
        by_rule,
        rule_in_a_loop,
        lambda runs: torch.tensor(float(by_rule(runs))),
        lambda runs: by_rule(runs.copy(), "sem").astype(float),
    ],
    "5.3": [rates, rates_first],
    "5.4": [
        wilson,
        by_the_formula,
        by_counts,
        lambda right, n: [100 * bound for bound in stats.binomtest(right, n).proportion_ci(method="wilson")],
        lambda right, n: 100 * np.array(stats.binomtest(right, n).proportion_ci(0.95, "wilson")),
    ],
}
WRONG = {
    "5.1": [
        (changed(bias=False), "The biases are missing"),
        (changed(last=lambda logits: logits.softmax(1)), "leave softmax away"),
        (changed(last=lambda logits: logits.log_softmax(1)), "leave log_softmax away"),
        (changed(last=torch.relu), "logits may be below 0"),
        (changed(act=lambda sums: sums), "There is no ReLU"),
        (changed(act=lambda sums: sums, last=torch.relu), "not behind the hidden one"),
        (changed(act=torch.sigmoid), "is a sigmoid"),
        (changed(act=torch.tanh), "is tanh"),
        (changed(act=functional.dropout), "look at `forward`"),
        (changed(act=lambda sums: functional.dropout(sums.relu(), 0.5)), "look at `forward`"),
        (WithDropout, "dropout and the like are not asked for"),
        (changed(width=lambda width: 300), "has 300 neurons, but `width` is"),
        (changed(classes=lambda classes: 10), "has 10 outputs, but `num_classes` is"),
        (Deeper, "There are two hidden layers"),
        (OnlyHidden, "The output layer is missing"),
        (Backwards, "in another order"),
        (WithoutFlatten, "RuntimeError"),
        (WithoutLayers, "has no parameters"),
        (Silent, "does its last line say `return`"),
        (lambda width, num_classes: MLP((width,), num_classes=num_classes), "the library's own does not count"),
        (Written(30), "your class itself, without brackets"),
    ],
    "5.2": [
        (best_mean, "the best mean"),
        (lambda runs: by_rule(runs, column="test_accuracy"), "by test accuracy"),
        (lambda runs: runs["width"].max(), "the widest network"),
        (largest, "the largest width within"),
        (lambda runs: runs.loc[runs["validation_accuracy"].idxmax(), "width"], "best single run"),
        (single_runs, "one run lies within"),
        (with_band(lambda runs, best: best.std(ddof=0) / len(best) ** 0.5), "divides by n"),
        (lambda runs: by_rule(runs, "std"), "the spread of single runs"),
        (with_band(lambda runs, best: runs["validation_accuracy"].sem()), "the runs of all widths"),
        (own_bands, "a band of its own"),
        (first_row, "rows may come in any order"),
        (with_band(lambda runs, best: 3 * best.sem()), "by the rule it is"),
        (with_band(lambda runs, best: best.std() / len(best)), "by the rule it is"),
        (lambda runs: runs["validation_accuracy"].max(), "no width of the table"),
        (lambda runs: sorted(set(runs["width"])), "one number is wanted"),
        (lambda runs: by_rule(runs, "std", "test_accuracy"), "by the rule it is"),
        (lambda runs: runs["width"].min(), "by the rule it is"),
        (lambda runs: runs.groupby("width").mean().reset_index().head(1), "a table or dictionary"),
        (lambda runs: str(by_rule(runs)), "a text, but"),
    ],
    "5.3": [
        (lambda width, dataset, config, seeds, cache: rates(width, dataset, config, seeds[:1]), "1 of the 3 seeds"),
        (lambda width, dataset, config, seeds, cache: rates(width, dataset, config, [0, 1, 2]), "other seeds"),
        (other_rates(0.5, 2), "what do you compare with"),
        (other_rates(0.5, 1), "not half, the same and double"),
        (other_rates(0.1, 1, 10), "not half, the same and double"),
        (fixed_rates, "none of yours"),
        (widths_only, "no key `lr`"),
        (lambda width, *others: rates(120, *others), "hidden neurons: take the width"),
        (
            lambda width, dataset, config, *others: rates(width, dataset, replace(config, epochs=1), *others),
            "another number of epochs",
        ),
        (another_activation, "18 runs"),
        (forged, "an object of type Sweep, which the check cannot read"),
        (
            lambda width, dataset, config, *others: rates(width, dataset, replace(config, weight_decay=5.0), *others),
            "change the rate alone",
        ),
        (untrained, "change the rate alone"),
        (lambda *arguments: rates(*arguments).runs, "a table, but what `sweep` returns"),
        (lambda *arguments: None, "does its last line say `return`"),
        (with_config(optimizer="sgd"), "change the rate alone"),
        (with_config(optimizer="adam"), "change the rate alone"),
        (with_config(schedule="one_cycle"), "change the rate alone"),
        (with_config(schedule="constant"), "change the rate alone"),
        (with_config(batch_size=32), "change the rate alone"),
        (with_config(weight_decay=0.0), "change the rate alone"),
        (with_config(shuffle=True), "change the rate alone"),
        (own_config, "a TrainConfig of your own forgets what it says"),
        (with_sizes(lambda width: [width]), "holds a width for each hidden layer"),
        (with_sizes(lambda width: (width,)), "with a comma where it is one"),
        (with_sizes(lambda width: width), "put brackets around it"),
        (with_sizes(lambda width: [(width, width)]), "hidden neurons: take the width"),
        (
            lambda width, dataset, config, seeds, cache: sweep(MLP((width,)), {}, dataset, config, seeds),
            "the network's class, without brackets",
        ),
        (
            lambda width, dataset, config, seeds, cache: sweep(MLP, {}, config, dataset, seeds),
            "its dataset is of type TrainConfig",
        ),
        (
            lambda width, dataset, config, seeds, cache: [rates(width, dataset, config, seeds)],
            "what `sweep` returns is wanted",
        ),
    ],
    "5.4": [
        (wald, "no good near 100 %"),
        (lambda right, n: wald(right, n, 2), "no good near 100 %"),
        (lambda right, n: np.clip(wald(right, n), 0, 100), "no good near 100 %"),
        (lambda right, n: np.array(wilson(right, n)) / 100, "percent are wanted"),
        (lambda right, n: wilson(right, n)[::-1], "the lower one first"),
        (lambda right, n: wilson(right, n, 2.5758), "the 99 % interval"),
        (lambda right, n: wilson(right, n, 1.645), "2.5 % on each side"),
        (lambda right, n: wilson(right, n, 1), "z is 1 here"),
        (lambda right, n: wilson(right, n, 2), "z is 2 here"),
        (spoilt_wilson(factor=lambda z, n: 1), "division by 1 + z²/n is missing"),
        (spoilt_wilson(shift=lambda z, n: 0), "The middle is p here"),
        (spoilt_wilson(shift=lambda z, n: z**2 / n), "not by z² / n"),
        (spoilt_wilson(inner=lambda z, n: 0), "Below the root"),
        (spoilt_wilson(outer=lambda z: 1), "in front of the root"),
        (lambda right, n: wilson(n - right, n), "the bounds of the errors"),
        (lambda right, n: 100 * np.array(stats.binomtest(right, n).proportion_ci()), "Clopper and Pearson"),
        (lambda right, n: 100 * right / n, "two numbers are wanted"),
        (lambda right, n: (0, 100), "Wilson's interval goes from"),
    ],
}
