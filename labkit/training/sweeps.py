"""Grid x seeds -> a table with one row a training, each cached on disk."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from labkit.basics.errors import UsageError
from labkit.basics.machine import get_device, set_seed, usable_cores
from labkit.basics.progress import Log, Part, Work, progress
from labkit.data.datasets import Dataset
from labkit.training import executors
from labkit.training.cache import Group, is_ours, train, training_flops, with_weights
from labkit.training.config import CONFIG_KEYS, TrainConfig, refuse_misplaced, refuse_unknown_keys
from labkit.training.together import Member, arrange, halved

Grid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]

ENGINES = ("auto", "loop")
WORTH_PROCESSES = 3e11  # FLOPs, some 10 s of one thread; to start processes takes two


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
    networks: each trained network, in evaluation mode, where the sweep was asked to keep them, else none.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame
    predictions: np.ndarray
    probabilities: np.ndarray
    computed: int
    networks: list[nn.Module]

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

    def trained(self, **values: Any) -> list[nn.Module]:
        """Return the networks of the runs with these values; UsageError where the sweep did not keep them."""
        if not self.networks:
            raise UsageError("This sweep kept no networks: call `sweep` with keep=True.")
        return [network for network, chosen in zip(self.networks, self.select(**values), strict=True) if chosen]


def _network_names(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return a column "network" for a table with hidden sizes; none for another."""
    if "hidden_sizes" not in table:
        return {}
    return {"network": ["-".join(map(str, sizes)) for sizes in table["hidden_sizes"]]}


def sweep(
    build: Callable[..., nn.Module],
    grid: Grid,
    dataset: Dataset,
    config: TrainConfig,
    seeds: Iterable[int],
    cache: Path | None = None,
    log: Log | None = None,
    engine: str = "auto",
    executor: executors.Executor | None = None,
    keep: bool = False,
) -> Sweep:
    """Train one network for every setting of `grid` and every seed, each from its own seed.

    build: a network's class or a function; takes the keys of `grid` that are not fields of TrainConfig. One that takes
        `num_classes` is given the number of the dataset's classes.
    grid: a list of values for each key, for all their combinations; or a list of settings, each a value for every key.
        Keys that TrainConfig has override `config`; {} is the one setting `config`.
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
        of a sweep without it. Without one, a long sweep with a cache trains side by side on this machine's cores, in
        processes of one thread each, unless LABKIT_THREADS is 1.
    keep: also return the trained networks, whose weights the cache then holds as well.

    Raises UsageError for a key that neither TrainConfig nor `build` knows, before anything is trained; LabkitError when
    a task of the executor fails.
    """
    refuse_misplaced(build, grid, dataset, config, seeds)
    settings = _settings(grid)
    for setting in settings:
        refuse_unknown_keys(build, setting)
    seeds = list(seeds)
    if not seeds or not settings:
        raise UsageError("A sweep needs at least one seed, and at least one value for every key of its grid.")
    if engine not in ENGINES:
        raise UsageError(f"Engine {engine!r} is not known: choose one of {', '.join(ENGINES)}.")
    if executor is not None and cache is None:
        raise UsageError("With an executor, a sweep needs `cache`: a folder where its tasks can leave their results.")
    given = {"num_classes": dataset.num_classes} if "num_classes" in inspect.signature(build).parameters else {}
    members = [_member(build, given | setting, replace(config, seed=seed)) for setting in settings for seed in seeds]
    arranged = arrange(members) if engine == "auto" else [[index] for index in range(len(members))]
    flops = _worth_processes(members, dataset) if cache is not None else []
    if flops:
        arranged = halved(arranged, members)
    if executor is not None or len(arranged) < 2:
        flops = []
    threads = 1 if flops else torch.get_num_threads()
    groups = [Group.of(indices, members, dataset, threads, keep) for indices in arranged]
    results: dict[int, dict[str, Any]] = {}
    computed, reported = 0, 0  # networks; settings
    keys = [{**setting, "seed": seed} for setting in settings for seed in seeds]
    with (
        progress(len(members), "networks", log) as work,
        executors.Workers(usable_cores()) if flops else nullcontext() as workers,
    ):
        parts = _parts(groups, work, keys)
        jobs = _jobs(executor or workers, groups, dataset, cache, parts, threads, flops)
        for group, part, job in zip(groups, parts, jobs, strict=True):
            group_results, newly_trained = _results(group, dataset, cache, part, job)
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
        networks=[with_weights(member.model, result) for member, result in zip(members, ordered, strict=True) if keep],
    )


def _settings(grid: Grid) -> list[dict[str, Any]]:
    """Return a grid's settings, one after the other."""
    if isinstance(grid, Mapping):
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [dict(setting) for setting in grid]


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


def _worth_processes(members: list[Member], dataset: Dataset) -> list[int]:
    """Return the FLOPs of each training where processes with one thread each are done sooner than this one, else none.

    Networks with modules of a notebook cannot travel. The answer depends on the sweep alone, not on what is cached.
    """
    if usable_cores() < 2 or get_device().type != "cpu":
        return []
    if not all(is_ours(member.model) for member in members):
        return []
    flops = training_flops(members, dataset)
    return flops if sum(flops) >= WORTH_PROCESSES else []


def _parts(groups: list[Group], work: Work, keys: list[dict[str, Any]]) -> list[Part]:
    """Return the part of the whole work that each group is, with its networks in words."""
    parts, first = [], 1
    for group in groups:
        last = first + len(group.members) - 1
        label = f"networks {first} to {last} of {len(keys)}"
        if last == first:
            label = f"network {first} of {len(keys)} ({_words(keys[group.indices[0]])})"
        parts.append(Part(work, group.members[0].config.epochs, len(group.members), label))
        first = last + 1
    return parts


def _jobs(
    executor: Any,
    groups: list[Group],
    dataset: Dataset,
    cache: Path | None,
    parts: list[Part],
    threads: int,
    flops: list[int],
) -> list[Any]:
    """Return a job for each group that must be trained, where there is an executor, and None for the others.

    flops: of each training, where they are known. The longest begins first: begun last, it would be alone in the end.
    """
    if executor is None or cache is None:
        return [None] * len(groups)
    folder = executor.folder if isinstance(executor, executors.Workers) else cache  # of the data
    missing = [number for number, group in enumerate(groups) if group.cached(cache) is None]
    if flops:
        missing.sort(key=lambda number: -sum(flops[index] for index in groups[number].indices))
    tasks = [(groups[number], cache.resolve()) for number in missing]
    jobs = dict(zip(missing, executors.submit(executor, train, dataset, folder, tasks, threads), strict=True))
    for number, job in jobs.items():
        if isinstance(job, executors.Job):
            job.work = parts[number]
    return [jobs.get(number) for number in range(len(groups))]


def _results(
    group: Group, dataset: Dataset, cache: Path | None, part: Part, job: Any
) -> tuple[list[dict[str, Any]], int]:
    """Return the result of each network of a group, and how many were trained now; job: trains them elsewhere."""
    size = len(group.members)
    if job is not None:
        executors.wait(job)
    if (cached := group.cached(cache)) is not None:
        part.finish()
        return cached, size if job is not None else 0
    return train(dataset, group, cache, part), size
