"""Grid x seeds -> one row a run, cached on disk. Imports config, files, runtime, data, models and training."""

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

from labkit.config import TrainConfig, UsageError
from labkit.data import Dataset
from labkit.files import write_atomically
from labkit.models import count_parameters
from labkit.runtime import get_device, set_seed
from labkit.training import evaluate, fit

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
    log: Callable[[str], None] | None = None,
) -> Sweep:
    """Train one network for every setting of `grid` and every seed, each from its own seed.

    build: a network's class or a function; takes the keys of `grid` that are not fields of TrainConfig.
    grid: a list of values for each key; keys that TrainConfig has override `config`; {} is the one setting `config`.
    cache: a folder; every finished run is kept there, so that an interrupted sweep goes on where it stopped. A run is
        found again only when network, initial weights, data, settings, threads and torch are the same.
    log: called with one plain line a setting, e.g. `print`.

    Raises UsageError for a key that neither TrainConfig nor `build` knows, before anything is trained.
    """
    seeds = list(seeds)
    _check_keys(build, grid)
    if not seeds or not all(grid.values()):
        raise UsageError("A sweep needs at least one seed, and at least one value for every key of its grid.")
    runs, epochs, outputs, computed = [], [], [], 0
    for values in itertools.product(*grid.values()):
        setting = dict(zip(grid, values, strict=True))
        for seed in seeds:
            result, fresh = _run(build, setting, dataset, replace(config, seed=seed), cache)
            computed += fresh
            runs.append({**setting, "seed": seed, **result["run"]})
            epochs += [{**setting, "seed": seed, **epoch} for epoch in result["epochs"]]
            outputs.append(result)
        if log:
            accuracies = 100 * np.array([run["test_accuracy"] for run in runs[-len(seeds) :]])
            named = ", ".join(f"{key} {value}" for key, value in setting.items()) or getattr(
                build, "__name__", "network"
            )
            spread = f" ± {accuracies.std(ddof=1):.1f}" if len(seeds) > 1 else ""
            log(f"{named}: test accuracy {accuracies.mean():.1f}{spread} % over {len(seeds)} seeds")
    return Sweep(
        runs=pd.DataFrame(runs),
        epochs=pd.DataFrame(epochs),
        predictions=np.stack([output["predictions"] for output in outputs]),
        probabilities=np.stack([output["probabilities"] for output in outputs]),
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


def _run(
    build: Callable[..., nn.Module], setting: dict[str, Any], dataset: Dataset, config: TrainConfig, cache: Path | None
) -> tuple[dict[str, Any], bool]:
    """Return one run's result, and whether it was computed now."""
    config = replace(config, **{key: value for key, value in setting.items() if key in CONFIG_KEYS})
    set_seed(config.seed)
    model = build(**{key: value for key, value in setting.items() if key not in CONFIG_KEYS})
    path = cache / f"{_key(model, dataset, config)}.npz" if cache else None
    if path and (known := _read_entry(path)) is not None:
        return known, False
    history = fit(model, dataset, config)
    test = evaluate(model, dataset, "test")
    result = {
        "run": {
            "parameters": count_parameters(model),
            "train_accuracy": evaluate(model, dataset, "train").accuracy,
            "validation_accuracy": history.epochs[-1]["validation_accuracy"],
            "test_accuracy": test.accuracy,
            "test_loss": test.loss,
            "seconds": history.seconds,
        },
        "epochs": history.epochs,
        "predictions": test.predictions.numpy().astype(np.int16),
        "probabilities": test.probabilities.numpy().astype(np.float16),
    }
    if path:
        _write_entry(path, result)
    return result, True


def _key(model: nn.Module, dataset: Dataset, config: TrainConfig) -> str:
    """Return a name for everything that a run's result depends on."""
    own = {type(module) for module in model.modules() if not type(module).__module__.startswith("torch.")}
    facts = [
        CACHE_FORMAT,
        torch.__version__,
        torch.get_num_threads(),
        str(get_device()),
        asdict(config),
        dataset.provenance.fingerprint,
        repr(model),
        sorted(_source(kind) for kind in own),
    ]
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16)
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


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


def _read_entry(path: Path) -> dict[str, Any] | None:
    """Return a cached result; None when there is none, or when it is damaged, which a warning says."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as entry:
            return {**json.loads(str(entry["rows"])), **{key: entry[key] for key in ("predictions", "probabilities")}}
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"The cached run {path.name} is damaged ({error}), so it is computed again.", stacklevel=4)
        return None
