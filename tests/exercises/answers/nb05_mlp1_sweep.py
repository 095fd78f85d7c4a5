from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from labkit.models.networks import MLP, count_parameters
from labkit.training.config import TrainConfig
from labkit.training.sweeps import sweep


def parameters(width, inputs=784, classes=10):
    return (inputs + 1) * width + (width + 1) * classes


def by_rule(runs, band="std", column="validation_accuracy"):
    """The rule with another band, or on another column."""
    found = runs.groupby("width")[column].agg(["mean", "std", "sem", "median"])
    best = found["mean"].idxmax()
    return found.index[found["mean"] >= found.loc[best, "mean"] - found.loc[best, band]].min()


def rule_in_a_loop(runs):
    values = {}
    for width, accuracy in zip(runs["width"], 100 * runs["validation_accuracy"], strict=True):
        values.setdefault(width, []).append(accuracy)
    best = max(values.values(), key=np.mean)
    return min(width for width, own in values.items() if np.mean(own) >= np.mean(best) - np.std(best, ddof=1))


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
    found = runs.groupby("width")["validation_accuracy"].agg(["mean", "std"])
    return found.index[found["mean"] >= found["mean"].max() - found.loc[found["mean"].idxmax(), "std"]].max()


def own_bands(runs):
    found = runs.groupby("width")["validation_accuracy"].agg(["mean", "std"])
    return found.index[found["mean"] + found["std"] >= found["mean"].max()].min()


def single_runs(runs):
    best = runs.loc[runs["width"] == best_mean(runs), "validation_accuracy"]
    return runs.loc[runs["validation_accuracy"] >= best.mean() - best.std(), "width"].min()


def first_row(runs):
    found = runs.groupby("width", sort=False)["validation_accuracy"].agg(["mean", "std"])
    return found.index[found["mean"] >= found["mean"].max() - found.loc[found["mean"].idxmax(), "std"]][0]


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


RIGHT = {
    "5.1": [
        parameters,
        lambda width, inputs=784, classes=10: np.int64(inputs * width + width + width * classes + classes),
        lambda width, inputs=784, classes=10: float(parameters(width, inputs, classes)),
        lambda width, inputs, classes: count_parameters(MLP((width,), image_shape=(inputs,), num_classes=classes)),
    ],
    "5.2": [
        by_rule,
        rule_in_a_loop,
        lambda runs: torch.tensor(float(by_rule(runs))),
        lambda runs: by_rule(runs.copy(), "std").astype(float),
    ],
    "5.3": [rates, rates_first],
}
WRONG = {
    "5.1": [
        (lambda width, inputs, classes: inputs * width + width * classes, "The biases are missing"),
        (lambda width, inputs, classes: inputs * width + width * classes + classes, "biases of the hidden layer"),
        (lambda width, inputs, classes: inputs * width + width * classes + width, "biases of the output layer"),
        (lambda width, inputs, classes: inputs * width + width * classes + 2, "one bias for each of its neurons"),
        (lambda width, inputs, classes: inputs * width + width, "The output layer is missing"),
        (lambda width, inputs, classes: inputs * width, "first layer alone"),
        (lambda width, inputs, classes: parameters(width, inputs, classes) + inputs, "Inputs have no biases"),
        (lambda width, inputs, classes: (inputs * (width + 1)) + (width * (classes + 1)), "neuron that takes the sum"),
        (lambda width, inputs, classes: parameters(width), "always counts 784"),
        (lambda width, inputs, classes: parameters(classes, inputs, width), "there are"),
        (parameters(30), "wants your function itself"),
        (lambda width, inputs, classes: ((inputs + 1) * width, (width + 1) * classes), "the numbers of each layer"),
    ],
    "5.2": [
        (best_mean, "the best mean"),
        (lambda runs: by_rule(runs, column="test_accuracy"), "by test accuracy"),
        (lambda runs: runs["width"].max(), "the widest network"),
        (largest, "the largest width within"),
        (lambda runs: runs.loc[runs["validation_accuracy"].idxmax(), "width"], "best single run"),
        (single_runs, "one run lies within"),
        (with_band(lambda runs, best: best.std(ddof=0)), "divides by n"),
        (lambda runs: by_rule(runs, "sem"), "standard error"),
        (with_band(lambda runs, best: runs["validation_accuracy"].std()), "spread of all runs"),
        (own_bands, "a band of its own"),
        (first_row, "rows may come in any order"),
        (with_band(lambda runs, best: 3 * best.std()), "by the rule it is"),
        (lambda runs: runs["validation_accuracy"].max(), "no width of the table"),
        (lambda runs: sorted(set(runs["width"])), "one number is wanted"),
        (lambda runs: by_rule(runs, "sem", "test_accuracy"), "by the rule it is"),
        (with_band(lambda runs, best: 2 * best.std()), "by the rule it is"),
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
}
