"""Exercises of notebook 5: the parameters of a network, the choice of a width, a sweep over learning rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_number, counted, kind_of


def _draw_sizes(rng: np.random.Generator) -> Inputs:
    sizes = zip(rng.integers(20, 300, 3), rng.integers(301, 700, 3), rng.integers(11, 19, 3), strict=True)
    return [(int(width), int(inputs), int(classes)) for width, inputs, classes in sizes]


def _judge_parameters(answers: list[Any], inputs: Inputs) -> None:
    for answer, (width, pixels, classes) in zip(answers, inputs, strict=True):
        first, second = pixels * width, width * classes
        expected = first + width + second + classes
        if isinstance(answer, list) and np.size(answer) > 1 and as_array(answer).sum() == expected:
            raise Wrong("These are the numbers of each layer; one number is wanted, their sum.")
        number = as_number(answer)
        for mistake, message in (
            (785 * width + 10 * width + 10, "It always counts 784 inputs and 10 classes: use the arguments."),
            (first + second, "The biases are missing: one for each hidden neuron, and one for each class."),
            (expected - width, "The biases of the hidden layer are missing, one for each hidden neuron."),
            (expected - classes, "The biases of the output layer are missing, one for each class."),
            (first + 1 + second + 1, "A layer has one bias for each of its neurons, not one in all."),
            (first + width, "The output layer is missing: each class has a weight for each hidden neuron, and a bias."),
            (first, "These are the weights of the first layer alone."),
            (expected + pixels, "Inputs have no biases of their own; only neurons have."),
            (
                first + pixels + second + width,
                "A bias belongs to the neuron that takes the sum, not to what is summed.",
            ),
        ):
            if number == mistake:
                raise Wrong(message)
        if number != expected:
            raise Wrong(
                f"With {width} hidden neurons, {pixels} inputs and {classes} classes there are {expected:,} "
                f"parameters, but your function returns {number:,.10g}."
            )


# Rules that one might take for that of exercise 5.2, and what tells each from it.
RULES = {
    "best": "It chooses the best mean, but a smaller width is as good within one standard deviation.",
    "test": "It chooses by test accuracy, which would then be quoted too high: take the validation accuracy.",
    "widest": "It chooses the widest network, but the smallest that is good enough is wanted.",
    "largest": "It chooses the largest width within the band, but the smallest is wanted.",
    "single": "It chooses the width of the best single run, which may be luck: compare means over the seeds.",
    "runs": "It takes a width for which one run lies within the band, but the mean over the seeds must.",
    "population": "The standard deviation divides by n, not by n - 1: pandas does that, NumPy with `ddof=1`.",
    "error": "The band is the standard error, but the rule has the standard deviation itself.",
    "overall": "The band is the spread of all runs, but the rule has that of the best width's runs alone.",
    "own": "Each width has a band of its own, but the rule has that of the best width for all.",
    "first": "It takes the first width in the table that is good enough, but rows may come in any order.",
}


def _smallest(widths: np.ndarray, accuracies: np.ndarray) -> int:
    """Return the width that the one-standard-deviation rule chooses, given one row of accuracies a width."""
    means = accuracies.mean(1)
    best = means.argmax()
    return int(widths[(means >= means[best] - accuracies[best].std(ddof=1)).argmax()])


def _choices(widths: np.ndarray, validation: np.ndarray, test: np.ndarray, rows: np.ndarray) -> dict[str, int]:
    """Return the width that each rule chooses, given one row of accuracies a width; rows: the table's order."""
    means, spreads, highest = validation.mean(1), validation.std(1, ddof=1), validation.max(1)
    best = int(means.argmax())
    good = means >= means[best] - spreads[best]
    indices = {
        "best": best,
        "widest": -1,
        "largest": np.flatnonzero(good)[-1],
        "single": highest.argmax(),
        "runs": (highest >= means[best] - spreads[best]).argmax(),
        "population": (means >= means[best] - validation[best].std()).argmax(),
        "error": (means >= means[best] - spreads[best] / validation.shape[1] ** 0.5).argmax(),
        "overall": (means >= means[best] - validation.std(ddof=1)).argmax(),
        "own": (means + spreads >= means[best]).argmax(),
        "first": next(index for index in rows if good[index]),
    }
    return {"test": _smallest(widths, test), **{rule: int(widths[index]) for rule, index in indices.items()}}


def _draw_tables(rng: np.random.Generator) -> Inputs:
    """Return a table for each of RULES on which this rule, and no other, chooses what it does; rows in random order."""
    import pandas as pd

    inputs: Inputs = []
    while len(inputs) < len(RULES):
        count, seeds = 7, int(rng.integers(3, 6))
        widths = np.sort(rng.choice(np.arange(20, 400, 10), count, replace=False))
        order, means = rng.permutation(count * seeds), 0.94 - 0.02 * np.exp(-np.arange(count))
        noise = rng.normal(0, 1, (2, count, seeds)) * rng.uniform(0.001, 0.01, (2, count, 1))
        accuracies = (means + rng.normal(0, 0.003, count))[:, None] + noise
        choices = _choices(widths, accuracies[0], accuracies[1], order // seeds)
        width = choices[list(RULES)[len(inputs)]]
        if list(choices.values()).count(width) == 1 and width != _smallest(widths, accuracies[0]):
            columns = {"width": widths.repeat(seeds), "seed": np.tile(np.arange(seeds), count)}
            columns |= {"validation_accuracy": accuracies[0].ravel(), "test_accuracy": accuracies[1].ravel()}
            inputs.append((pd.DataFrame(columns).iloc[order].reset_index(drop=True),))
    return inputs


def _one(answer: Any) -> float:
    """Return the width that an answer is, also where it comes as a column or tensor with one entry."""
    if isinstance(answer, dict):
        raise Wrong("Your function returns a table or dictionary, but one number is wanted: the width.")
    return as_number(answer.item() if isinstance(answer, np.ndarray) and answer.size == 1 else answer)


def _judge_width(answers: list[Any], inputs: Inputs) -> None:
    numbers, expected, choices = [_one(answer) for answer in answers], [], []
    for number, (table,) in zip(numbers, inputs, strict=True):
        widths, order = np.unique(table["width"], return_inverse=True)
        rows = table.sort_values(["width", "seed"])
        accuracies = [
            rows[name].to_numpy().reshape(len(widths), -1) for name in ("validation_accuracy", "test_accuracy")
        ]
        if number not in widths:
            raise Wrong(f"Your function returns {number:g}, which is no width of the table.")
        expected.append(_smallest(widths, accuracies[0]))
        choices.append(_choices(widths, accuracies[0], accuracies[1], order))
    if numbers == expected:
        return
    for rule, message in RULES.items():
        if numbers == [choice[rule] for choice in choices]:
            raise Wrong(message)
    number, width = next(pair for pair in zip(numbers, expected, strict=True) if pair[0] != pair[1])
    raise Wrong(f"On one of {len(inputs)} tables it chooses {number:g}, but by the rule it is {width}.")


def _draw_rates(rng: np.random.Generator) -> Inputs:
    """Return widths, settings and seeds; no TrainConfig but the given one has the settings of both."""
    first = int(rng.integers(10, 50))
    by_descent = {"epochs": 2, "batch_size": 8, "optimizer": "sgd", "schedule": "one_cycle", "shuffle": False}
    by_descent |= {"lr": float(rng.uniform(0.04, 0.08)), "momentum": float(rng.uniform(0.4, 0.6))}
    by_adam = {"epochs": 3, "batch_size": 10, "optimizer": "adam", "lr": float(rng.uniform(0.003, 0.006))}
    return [
        (int(rng.integers(5, 15)), settings | {"weight_decay": float(rng.uniform(0.2, 0.4))}, [first, first + 1, last])
        for settings, last in ((by_descent, first + 2), (by_adam, first + 3))
    ]


def _judge_rates(answers: list[Any], inputs: Inputs) -> None:
    for answer, (width, config, seeds) in zip(answers, inputs, strict=True):
        if not isinstance(answer, dict) or "probabilities" not in answer:
            answer_in_words = "a table" if isinstance(answer, dict) and "seed" in answer else kind_of(answer)
            raise Wrong(f"Your function returns {answer_in_words}, but what `sweep` returns is wanted, as it is.")
        if "lr" not in answer:
            raise Wrong("The grid has no key `lr`, so that all runs have the same learning rate.")
        lr, columns = (
            config["lr"],
            {key: np.unique(as_array(answer.get(key, []))) for key in ("lr", "seed", "parameters")},
        )
        named = ", ".join(f"{rate:.3g}" for rate in columns["lr"])
        if not np.isclose(columns["lr"], lr).any():
            raise Wrong(f"`config` has the rate {lr:.3g}, but it is none of yours ({named}): what do you compare with?")
        if len(columns["lr"]) != 3 or not np.allclose(columns["lr"], [lr / 2, lr, 2 * lr]):
            raise Wrong(f"`config` has the rate {lr:.3g}, but yours are not half, the same and double: {named}.")
        if len(columns["seed"]) < 3:
            raise Wrong(
                f"It trains with {len(columns['seed'])} of the {len(seeds)} seeds: fewer than three show no spread."
            )
        if columns["seed"].tolist() != seeds:
            raise Wrong("It trains with other seeds than those that it is given.")
        if as_number(answer.get("epochs", 0)) != config["epochs"]:
            raise Wrong("It trains for another number of epochs than `config` says: change one thing alone.")
        probabilities = as_array(answer["probabilities"])
        if probabilities.ndim != 3 or probabilities.shape[1] != 20:
            raise Wrong("It trains on other images than those of the dataset that it is given.")
        if (runs := as_array(answer["lr"]).size) != 9:
            count = counted(runs, "run")
            raise Wrong(f"The table has {count}, but three rates with three seeds make 9: change one thing alone.")
        if columns["parameters"].tolist() != [795 * width + 10]:
            raise Wrong(f"The networks are not those with {width} hidden neurons: take the width that it is given.")
        trained = _train_rates(width, config, seeds)
        order = np.lexsort((answer["seed"], answer["lr"]))
        if probabilities.shape != trained.shape or not np.allclose(probabilities[order], trained, rtol=0, atol=0.004):
            raise Wrong(
                "The networks answer otherwise than those that `sweep` trains with these settings: change the rate "
                "alone. Hand on the dataset and `config` as they are; a TrainConfig of your own forgets what it says."
            )


def _train_rates(width: int, config: dict[str, Any], seeds: list[int]) -> np.ndarray:
    """Return the probabilities (runs, images, classes) of a right sweep, by rate and then by seed."""
    from labkit.models.networks import MLP
    from labkit.training.config import TrainConfig
    from labkit.training.sweeps import sweep

    grid = {"hidden_sizes": [(width,)], "lr": [factor * config["lr"] for factor in (0.5, 1, 2)]}
    return sweep(MLP, grid, torch_trials.random_digits(), TrainConfig(**config), seeds).probabilities


EXERCISES = (
    Exercise(
        "5.1",
        "count the parameters",
        1,
        trials.calls,
        _draw_sizes,
        _judge_parameters,
        (
            "Take the two layers one by one. How many weights has one neuron, and how many biases?",
            "A layer of m neurons that sees n numbers has n times m weights and m biases. Add up both layers.",
        ),
    ),
    Exercise(
        "5.2",
        "choose a width, and defend it",
        3,
        trials.calls,
        _draw_tables,
        _judge_width,
        (
            "Group the rows by width, and take mean and standard deviation of each group's validation accuracy.",
            "The floor is the best mean minus the spread of that same width. Which widths lie above it?",
        ),
    ),
    Exercise(
        "5.3",
        "change one thing",
        2,
        torch_trials.sweeps,
        _draw_rates,
        _judge_rates,
        (
            "`config.lr` is the rate to start from. A grid with two keys, one of them `lr`, gives all settings.",
            "`sweep` wants, in this order: the network's class, the grid, the dataset, config, the seeds, the cache.",
        ),
    ),
)
