"""Grid x seeds -> a table with one row a training, each cached on disk."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from labkit.basics.errors import UsageError
from labkit.basics.machine import set_seed
from labkit.basics.progress import Log, Part, Work, progress
from labkit.data.datasets import Dataset
from labkit.training import executors
from labkit.training.cache import cached_results, checkpoint_of, entry_names, result_of, write_entry
from labkit.training.checkpoint import Checkpoint
from labkit.training.config import CONFIG_KEYS, TrainConfig, refuse_misplaced, refuse_unknown_keys
from labkit.training.loop import History, evaluate, fit
from labkit.training.together import Ensemble, Member, arrange

ENGINES = ("auto", "loop")


@dataclass(frozen=True)
class Sweep:
    """The outcome of a sweep.

    runs: one row a training: a column for each key of the grid, seed, parameters, train_accuracy, validation_accuracy,
        test_accuracy, test_loss, seconds (of training steps). Without a validation split, what it measures is NaN.
    epochs: one row per epoch of a training: the same keys, "network" where there are hidden sizes, seed, epoch, train
        and validation loss and accuracy.
    predictions: (runs, test images) the class that each network gives to each test image.
    probabilities: (runs, test images, classes) float16, what it holds each class to be worth.
    computed: how many networks were trained now; the results of the others came from the cache.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame
    predictions: np.ndarray
    probabilities: np.ndarray
    computed: int

    @property
    def percent(self) -> pd.DataFrame:
        """The runs with their accuracies in percent as columns train, validation and test.

        Where the grid has hidden sizes, "network" holds them as a name: "300-100".
        """
        parts = {part: 100 * self.runs[f"{part}_accuracy"] for part in ("train", "validation", "test")}
        return self.runs.assign(**parts, **_network_names(self.runs))

    def select(self, **values: Any) -> np.ndarray:
        """Return which runs have these values in their columns, to index predictions and probabilities with."""
        matches = np.ones(len(self.runs), dtype=bool)
        for column, value in values.items():
            matches &= self.runs[column].map(lambda cell, value=value: cell == value).to_numpy()
        return matches


def _network_names(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return a column "network" for a table with hidden sizes; none for another."""
    if "hidden_sizes" not in table:
        return {}
    return {"network": ["-".join(map(str, sizes)) for sizes in table["hidden_sizes"]]}


@dataclass(frozen=True)
class _Group:
    """Networks that are trained together, or one that is trained alone.

    indices: which they are among all networks of the sweep. names: of the files that hold their results.
    """

    indices: list[int]
    members: list[Member]
    names: list[str]

    @classmethod
    def of(cls, indices: list[int], all_members: list[Member], dataset: Dataset) -> _Group:
        members = [all_members[index] for index in indices]
        return cls(indices, members, entry_names(members, dataset))

    def cached(self, cache: Path | None) -> list[dict[str, Any]] | None:
        return cached_results(self.members, self.names, cache)


def sweep(
    build: Callable[..., nn.Module],
    grid: Mapping[str, Sequence[Any]],
    dataset: Dataset,
    config: TrainConfig,
    seeds: Iterable[int],
    cache: Path | None = None,
    log: Log | None = None,
    engine: str = "auto",
    executor: executors.Executor | None = None,
) -> Sweep:
    """Train one network for every setting of `grid` and every seed, each from its own seed.

    build: a network's class or a function; takes the keys of `grid` that are not fields of TrainConfig. One that takes
        `num_classes` is given the number of the dataset's classes.
    grid: a list of values for each key; keys that TrainConfig has override `config`; {} is the one setting `config`.
    cache: a folder; every finished training is kept there, so that an interrupted sweep goes on where it stopped. It
        is found again only when network, initial weights, data, settings, threads, torch and the networks that are
        trained together with it are the same. So is an unfinished one, every minute or so, where the network is made of
        labkit's and torch's modules alone: others may hold what no checkpoint knows of.
    log: called with one plain line a setting, e.g. `print`, and one for networks that were trained together;
        where someone watches, a progress bar stands below the lines.
    engine: "auto" trains small networks together where that is faster, each with the result that it would have had
        alone, up to rounding (see `together`); "loop" trains all one by one, so that `seconds` is each network's own.
    executor: trains elsewhere, e.g. submitit's on a cluster; see `executors.Executor`. What is trained together is one
        task; tasks keep their results in `cache`, which they must see, and the sweep reads them there. They are those
        of a sweep without it.

    Raises UsageError for a key that neither TrainConfig nor `build` knows, before anything is trained; LabkitError when
    a task of the executor fails.
    """
    refuse_misplaced(build, grid, dataset, config, seeds)
    refuse_unknown_keys(build, grid)
    seeds = list(seeds)
    if not seeds or not all(grid.values()):
        raise UsageError("A sweep needs at least one seed, and at least one value for every key of its grid.")
    if engine not in ENGINES:
        raise UsageError(f"Engine {engine!r} is not known: choose one of {', '.join(ENGINES)}.")
    if executor is not None and cache is None:
        raise UsageError("With an executor, a sweep needs `cache`: a folder where its tasks can leave their results.")
    settings = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    given = {"num_classes": dataset.num_classes} if "num_classes" in inspect.signature(build).parameters else {}
    members = [_member(build, given | setting, replace(config, seed=seed)) for setting in settings for seed in seeds]
    arranged = arrange(members) if engine == "auto" else [[index] for index in range(len(members))]
    groups = [_Group.of(indices, members, dataset) for indices in arranged]
    jobs: dict[int, Any] = {}
    if executor is not None and cache is not None:
        to_train = [number for number, group in enumerate(groups) if group.cached(cache) is None]
        tasks = [(groups[number], cache.resolve()) for number in to_train]
        jobs = dict(zip(to_train, executors.submit(executor, _train, dataset, cache, tasks), strict=True))
    results: dict[int, dict[str, Any]] = {}
    computed, reported = 0, 0  # networks; settings
    keys = [{**setting, "seed": seed} for setting in settings for seed in seeds]
    with progress(len(members), "networks", log) as work:
        for number, group in enumerate(groups):
            part = Part(work, group.members[0].config.epochs, len(group.members), _label(len(results), group, keys))
            group_results, newly_trained = _results(group, dataset, cache, part, jobs.get(number))
            results.update(zip(group.indices, group_results, strict=True))
            computed += newly_trained
            if (size := len(group.members)) > 1:
                work.tell(f"{len(results)} of {len(members)} networks trained, the last {size} together as one network")
            while reported < len(settings):
                indices = range(reported * len(seeds), (reported + 1) * len(seeds))
                if not all(index in results for index in indices):
                    break
                accuracies = [results[index]["run"]["test_accuracy"] for index in indices]
                work.tell(_line(build, settings[reported], accuracies))
                reported += 1
    ordered = [results[index] for index in range(len(members))]
    epochs = pd.DataFrame(
        [{**key, **epoch} for key, result in zip(keys, ordered, strict=True) for epoch in result["epochs"]]
    )
    return Sweep(
        runs=pd.DataFrame([{**key, **result["run"]} for key, result in zip(keys, ordered, strict=True)]),
        epochs=epochs.assign(**_network_names(epochs)),
        predictions=np.stack([result["predictions"] for result in ordered]),
        probabilities=np.stack([result["probabilities"] for result in ordered]),
        computed=computed,
    )


def train_each(
    build: Callable[..., nn.Module], dataset: Dataset, config: TrainConfig, seeds: Iterable[int]
) -> list[nn.Module]:
    """Return one trained network per seed, in evaluation mode, where a sweep keeps their results alone.

    They are trained together where a sweep would do so, and are those of a sweep. build: a network's class or a
    function, which takes `num_classes`.
    """
    given = {"num_classes": dataset.num_classes}
    members = [_member(build, given, replace(config, seed=seed)) for seed in seeds]
    for group in arrange(members):
        if len(group) > 1:
            Ensemble([members[index] for index in group]).fit(dataset)
        else:
            _fit_alone(members[group[0]], dataset)
    return [member.model.eval() for member in members]


def _member(build: Callable[..., nn.Module], setting: dict[str, Any], config: TrainConfig) -> Member:
    """Build the network of one setting and seed."""
    config = replace(config, **{key: value for key, value in setting.items() if key in CONFIG_KEYS})
    set_seed(config.seed)
    model = build(**{key: value for key, value in setting.items() if key not in CONFIG_KEYS})
    return Member(model, config, torch.get_rng_state())


def _line(build: Callable[..., nn.Module], setting: dict[str, Any], accuracies: list[float]) -> str:
    """Return a setting's mean test accuracy with its spread over the seeds."""
    named = _words(setting) or getattr(build, "__name__", "network")
    percent = 100 * np.array(accuracies)
    spread = f" ± {percent.std(ddof=1):.1f}" if len(percent) > 1 else ""
    return f"{named}: test accuracy {percent.mean():.1f}{spread} % over {len(percent)} seeds"


def _words(setting: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in setting.items())


def _label(done: int, group: _Group, keys: list[dict[str, Any]]) -> str:
    """Return which networks of a sweep a group is, in words; done: how many come before it."""
    first, last, total = done + 1, done + len(group.members), len(keys)
    if last > first:
        return f"networks {first} to {last} of {total}"
    return f"network {first} of {total} ({_words(keys[group.indices[0]])})"


def _results(
    group: _Group, dataset: Dataset, cache: Path | None, part: Part, job: Any
) -> tuple[list[dict[str, Any]], int]:
    """Return the result of each network of a group, and how many were trained now; job: trains them elsewhere."""
    size = len(group.members)
    if job is not None:
        executors.wait(job)
    if (cached := group.cached(cache)) is not None:
        part.skip(part.total)
        return cached, size if job is not None else 0
    return _train(dataset, group, cache, part), size


def _train(dataset: Dataset, group: _Group, cache: Path | None, work: Work | None = None) -> list[dict[str, Any]]:
    """Train the networks of a group, keep their results, and return them."""
    members = group.members
    checkpoint = checkpoint_of(members, group.names, cache)
    work = work or Work(members[0].config.epochs)
    if len(members) > 1:
        results = _train_together(members, dataset, work, checkpoint)
    else:
        results = [_train_alone(members[0], dataset, work, checkpoint)]
    for name, result in zip(group.names, results, strict=True):
        if cache is not None:
            write_entry(cache / name, result)
    checkpoint.remove()
    return results


def _train_alone(member: Member, dataset: Dataset, work: Work, checkpoint: Checkpoint) -> dict[str, Any]:
    history = _fit_alone(member, dataset, work, checkpoint)
    return result_of(member, history, evaluate(member.model, dataset, "train"), evaluate(member.model, dataset, "test"))


def _fit_alone(
    member: Member, dataset: Dataset, work: Work | None = None, checkpoint: Checkpoint | None = None
) -> History:
    set_seed(member.config.seed)
    torch.set_rng_state(member.random_state)
    return fit(member.model, dataset, member.config, work=work, checkpoint=checkpoint)


def _train_together(
    members: list[Member], dataset: Dataset, work: Work, checkpoint: Checkpoint
) -> list[dict[str, Any]]:
    ensemble = Ensemble(members)
    histories = ensemble.fit(dataset, work, checkpoint)
    columns = (members, histories, ensemble.evaluate(dataset, "train"), ensemble.evaluate(dataset, "test"))
    return [result_of(*row) for row in zip(*columns, strict=True)]
