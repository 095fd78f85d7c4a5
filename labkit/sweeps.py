"""Grid x seeds -> one row a run, cached on disk.

Imports config, files, runtime, data, models, progressbar, training and ensembles.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import itertools
import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from labkit.config import TrainConfig, UsageError, known_runs_folder
from labkit.data import Dataset
from labkit.ensembles import Ensemble, Member, arrange
from labkit.files import write_atomically
from labkit.models import count_parameters
from labkit.progressbar import Advance, Log, progress
from labkit.runtime import get_device, set_seed
from labkit.training import Evaluation, History, evaluate, fit

ENGINES = ("auto", "loop")
CACHE_FORMAT = 1
CONFIG_KEYS = {field.name for field in fields(TrainConfig)}


@dataclass(frozen=True)
class Sweep:
    """The outcome of a sweep.

    runs: one row a run: a column for each key of the grid, seed, parameters, train_accuracy, validation_accuracy,
        test_accuracy, test_loss, seconds (of training steps).
    epochs: one row an epoch of a run: the same keys, seed, epoch, train and validation loss and accuracy.
    predictions: (runs, test images) the class that each run's network gives to each test image.
    probabilities: (runs, test images, classes) float16, what it holds each class to be worth.
    computed: how many of the runs were computed now; the others came from the cache.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame
    predictions: np.ndarray
    probabilities: np.ndarray
    computed: int

    def select(self, **values: Any) -> np.ndarray:
        """Return which runs have these values in their columns, to index predictions and probabilities with."""
        chosen = np.ones(len(self.runs), dtype=bool)
        for column, value in values.items():
            chosen &= self.runs[column].map(lambda cell, value=value: cell == value).to_numpy()
        return chosen


def sweep(
    build: Callable[..., nn.Module],
    grid: Mapping[str, Sequence[Any]],
    dataset: Dataset,
    config: TrainConfig,
    seeds: Iterable[int],
    cache: Path | None = None,
    log: Log | None = None,
    engine: str = "auto",
) -> Sweep:
    """Train one network for every setting of `grid` and every seed, each from its own seed.

    build: a network's class or a function; takes the keys of `grid` that are not fields of TrainConfig.
    grid: a list of values for each key; keys that TrainConfig has override `config`; {} is the one setting `config`.
    cache: a folder; every finished run is kept there, so that an interrupted sweep goes on where it stopped. A run is
        found again only when network, initial weights, data, settings, threads, torch and the networks that are
        trained together with it are the same.
    log: called with one plain line a setting, e.g. `print`, and one for networks that were trained together;
        where someone watches, a progress bar stands below the lines.
    engine: "auto" trains small networks together where that is faster, each with the result that it would have had
        alone, up to rounding (see `ensembles`); "loop" trains all one by one, so that `seconds` is each network's own.

    Raises UsageError for a key that neither TrainConfig nor `build` knows, before anything is trained.
    """
    seeds = list(seeds)
    _check_keys(build, grid)
    if not seeds or not all(grid.values()):
        raise UsageError("A sweep needs at least one seed, and at least one value for every key of its grid.")
    if engine not in ENGINES:
        raise UsageError(f"Engine {engine!r} is not known: choose one of {', '.join(ENGINES)}.")
    settings = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    members = [_member(build, setting, replace(config, seed=seed)) for setting in settings for seed in seeds]
    groups = arrange(members) if engine == "auto" else [[place] for place in range(len(members))]
    results: dict[int, dict[str, Any]] = {}
    computed, told = 0, 0
    with progress(len(members), "networks", log) as (advance, tell):
        for group in groups:
            found, fresh = _run([members[place] for place in group], dataset, cache, advance)
            results.update(zip(group, found, strict=True))
            computed += fresh
            if len(group) > 1:
                tell(
                    f"{len(results)} of {len(members)} networks trained, the last {len(group)} together as one network"
                )
            while told < len(settings) and all(told * len(seeds) + place in results for place in range(len(seeds))):
                accuracies = [results[told * len(seeds) + place]["run"]["test_accuracy"] for place in range(len(seeds))]
                tell(_line(build, settings[told], accuracies))
                told += 1
    ordered = [results[place] for place in range(len(members))]
    keys = [{**setting, "seed": seed} for setting in settings for seed in seeds]
    return Sweep(
        runs=pd.DataFrame([{**key, **result["run"]} for key, result in zip(keys, ordered, strict=True)]),
        epochs=pd.DataFrame(
            [{**key, **epoch} for key, result in zip(keys, ordered, strict=True) for epoch in result["epochs"]]
        ),
        predictions=np.stack([result["predictions"] for result in ordered]),
        probabilities=np.stack([result["probabilities"] for result in ordered]),
        computed=computed,
    )


def _check_keys(build: Callable[..., nn.Module], grid: Mapping[str, Sequence[Any]]) -> None:
    accepted = set(inspect.signature(build).parameters)
    for key in grid:
        if key == "seed":
            raise UsageError("Seeds are not part of the grid: pass them as `seeds`.")
        if key not in CONFIG_KEYS | accepted:
            raise UsageError(
                f"The grid's key {key!r} is known neither to TrainConfig nor to the network: "
                f"choose among {', '.join(sorted(CONFIG_KEYS | accepted))}."
            )


def _member(build: Callable[..., nn.Module], setting: dict[str, Any], config: TrainConfig) -> Member:
    """Build the network of one setting and seed."""
    config = replace(config, **{key: value for key, value in setting.items() if key in CONFIG_KEYS})
    set_seed(config.seed)
    model = build(**{key: value for key, value in setting.items() if key not in CONFIG_KEYS})
    return Member(model, config, torch.get_rng_state())


def _line(build: Callable[..., nn.Module], setting: dict[str, Any], accuracies: list[float]) -> str:
    """Return a setting's mean test accuracy with its spread over the seeds."""
    named = ", ".join(f"{key} {value}" for key, value in setting.items()) or getattr(build, "__name__", "network")
    percent = 100 * np.array(accuracies)
    spread = f" ± {percent.std(ddof=1):.1f}" if len(percent) > 1 else ""
    return f"{named}: test accuracy {percent.mean():.1f}{spread} % over {len(percent)} seeds"


def _run(
    members: list[Member], dataset: Dataset, cache: Path | None, advance: Advance
) -> tuple[list[dict[str, Any]], int]:
    """Return the result of each member of one training, and how many were computed now.

    advance: called with the number of networks that were trained or found, in parts.
    """
    keys = [_key(member, dataset) for member in members]
    if len(members) > 1:  # rounding depends on who else is in the products
        keys = [hashlib.blake2b("".join([key, *keys]).encode(), digest_size=16).hexdigest() for key in keys]
    paths = [cache / f"{key}.npz" for key in keys] if cache else []
    known = _read_entries(paths)
    if len(known) < len(members) and (shared := known_runs_folder()) and all(_is_ours(one.model) for one in members):
        known = _read_entries([shared / f"{key}.npz" for key in keys])
    if len(known) == len(members):
        advance(len(members))
        return known, 0

    def by_epoch(epochs: float) -> None:
        advance(epochs * len(members) / members[0].config.epochs)

    if len(members) > 1:
        results = _train_together(members, dataset, by_epoch)
    else:
        results = [_train_alone(members[0], dataset, by_epoch)]
    for path, result in zip(paths, results, strict=False):
        _write_entry(path, result)
    return results, len(members)


def _train_alone(member: Member, dataset: Dataset, advance: Advance) -> dict[str, Any]:
    set_seed(member.config.seed)
    torch.set_rng_state(member.random_state)
    history = fit(member.model, dataset, member.config, advance=advance)
    return _result(member, history, evaluate(member.model, dataset, "train"), evaluate(member.model, dataset, "test"))


def _train_together(members: list[Member], dataset: Dataset, advance: Advance) -> list[dict[str, Any]]:
    ensemble = Ensemble(members)
    histories = ensemble.fit(dataset, advance)
    parts = (members, histories, ensemble.evaluate(dataset, "train"), ensemble.evaluate(dataset, "test"))
    return [_result(*part) for part in zip(*parts, strict=True)]


def _result(member: Member, history: History, train: Evaluation, test: Evaluation) -> dict[str, Any]:
    """Return what is kept of one run."""
    return {
        "run": {
            "parameters": count_parameters(member.model),
            "train_accuracy": train.accuracy,
            "validation_accuracy": history.epochs[-1]["validation_accuracy"],
            "test_accuracy": test.accuracy,
            "test_loss": test.loss,
            "seconds": history.seconds,
        },
        "epochs": history.epochs,
        "predictions": test.predictions.numpy().astype(np.int16),
        "probabilities": test.probabilities.numpy().astype(np.float16),
    }


def _key(member: Member, dataset: Dataset) -> str:
    """Return a name for everything that the result of a run alone depends on."""
    model = member.model
    own = {type(module) for module in model.modules() if not type(module).__module__.startswith("torch.")}
    facts = [
        CACHE_FORMAT,
        torch.__version__,
        torch.get_num_threads(),
        str(get_device()),
        asdict(member.config),
        dataset.provenance.fingerprint,
        repr(model),
        sorted(_source(kind) for kind in own),
    ]
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16)
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


def _is_ours(model: nn.Module) -> bool:
    """Whether a network is made of labkit's and torch's modules alone, so that its key says all about it."""
    return {type(module).__module__.partition(".")[0] for module in model.modules()} <= {"labkit", "torch"}


def _source(kind: type[nn.Module]) -> str:
    """Return the text of a network's forward pass; its byte code where no text is kept."""
    try:
        return inspect.getsource(kind.forward)
    except (OSError, TypeError):
        return str(kind.forward.__code__.co_code)


def _write_entry(path: Path, result: dict[str, Any]) -> None:
    """Write an .npz, whose zip container carries a checksum of every part."""
    buffer = io.BytesIO()
    rows = json.dumps({"run": result["run"], "epochs": result["epochs"]})
    np.savez(buffer, rows=rows, predictions=result["predictions"], probabilities=result["probabilities"])
    write_atomically(path, buffer.getvalue())


def _read_entries(paths: list[Path]) -> list[dict[str, Any]]:
    return [entry for path in paths if (entry := _read_entry(path)) is not None]


def _read_entry(path: Path) -> dict[str, Any] | None:
    """Return a cached result; None when there is none, or when it is damaged, which a warning says."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as entry:
            return {**json.loads(str(entry["rows"])), **{key: entry[key] for key in ("predictions", "probabilities")}}
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"The cached run {path.name} is damaged ({error}), so it is computed again.", stacklevel=6)
        return None
