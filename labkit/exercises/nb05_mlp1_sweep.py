"""Exercises of notebook 5: a network as a module, the choice of a width, a sweep over learning rates, an interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises import intervals, mlp1_module, one_standard_error, torch_trials, trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong, as_array, as_number, counted, kind_of


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
        "write MLP1",
        3,
        torch_trials.network,
        mlp1_module.draw_modules,
        mlp1_module.judge_module,
        (
            "`__init__` makes two linear layers, `forward` uses them: how many numbers go in and out of each?",
            "In `forward`: flatten from dimension 1, the hidden layer, ReLU, the output layer; nothing behind it.",
        ),
    ),
    Exercise(
        "5.2",
        "choose a width, and defend it",
        3,
        trials.calls,
        one_standard_error.draw_tables,
        one_standard_error.judge_width,
        (
            "Group the rows by width, and take mean and standard error (`sem`) of each group's validation accuracy.",
            "The floor is the best mean minus the standard error of that same width. Which widths lie above it?",
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
    Exercise(
        "5.4",
        "an interval for 992 of 1,000",
        2,
        trials.calls,
        intervals.draw_shares,
        intervals.judge_wilson,
        (
            "Take the formula apart: a middle, half a width, and the same divisor below both.",
            "p = right / n. Middle: p + z²/2n. Half: z times the root of p(1 - p)/n + z²/4n². Divide both by 1 + z²/n.",
        ),
    ),
)
