"""Cached trainings: the result of each, in a file whose name says all that it depends on."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from labkit.basics.files import rehearsed_folder, write_atomically
from labkit.basics.machine import get_device
from labkit.data.datasets import Dataset
from labkit.models.networks import count_parameters
from labkit.training.checkpoint import Checkpoint
from labkit.training.loop import Evaluation, History
from labkit.training.together import Member

CACHE_FORMAT = 1


def entry_names(members: list[Member], dataset: Dataset) -> list[str]:
    """Return the name of the file that holds the result of each member of one training."""
    keys = [_key(member, dataset) for member in members]
    if len(members) > 1:  # rounding depends on who else is in the products
        keys = [hashlib.blake2b("".join([key, *keys]).encode(), digest_size=16).hexdigest() for key in keys]
    return [f"{key}.npz" for key in keys]


def cached_results(members: list[Member], names: list[str], cache: Path | None) -> list[dict[str, Any]] | None:
    """Return the results of networks that were trained together, from `cache` or from the rehearsed trainings.

    None where one of them is missing, or damaged, which a warning says.
    """
    results = _read_all(cache, names)
    if results is None and (rehearsed := rehearsed_folder()) and all(_is_ours(member.model) for member in members):
        results = _read_all(rehearsed, names)
    return results


def checkpoint_of(members: list[Member], names: list[str], cache: Path | None) -> Checkpoint:
    """Return where networks that are trained together are kept until their results are; nowhere without a cache.

    Nor are networks with modules of somebody else, which may hold more than torch knows of.
    """
    if cache is None or not all(_is_ours(member.model) for member in members):
        return Checkpoint()
    return Checkpoint((cache / names[0]).with_suffix(".unfinished"))


def _read_all(folder: Path | None, names: list[str]) -> list[dict[str, Any]] | None:
    entries = [entry for name in names if folder and (entry := read_entry(folder / name)) is not None]
    return entries if len(entries) == len(names) else None


def _key(member: Member, dataset: Dataset) -> str:
    """Return a name for everything that the result of one training depends on."""
    model = member.model
    custom_layers = {type(module) for module in model.modules() if not type(module).__module__.startswith("torch.")}
    dependencies = [
        CACHE_FORMAT,
        torch.__version__,
        torch.get_num_threads(),
        str(get_device()),
        asdict(member.config),
        dataset.provenance.fingerprint,
        repr(model),
        sorted(_source(kind) for kind in custom_layers),
    ]
    digest = hashlib.blake2b(json.dumps(dependencies, sort_keys=True).encode(), digest_size=16)
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


def write_entry(path: Path, result: dict[str, Any]) -> None:
    """Write an .npz, whose zip container carries a checksum of every part."""
    buffer = io.BytesIO()
    rows = json.dumps({"run": result["run"], "epochs": result["epochs"]})
    np.savez(buffer, rows=rows, predictions=result["predictions"], probabilities=result["probabilities"])
    write_atomically(path, buffer.getvalue())


def read_entry(path: Path) -> dict[str, Any] | None:
    """Return a cached result; None when there is none, or when it is damaged, which a warning says."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as entry:
            return {**json.loads(str(entry["rows"])), **{key: entry[key] for key in ("predictions", "probabilities")}}
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"The cached training {path.name} is damaged ({error}), so it is computed again.", stacklevel=7)
        return None


def result_of(member: Member, history: History, train: Evaluation, test: Evaluation) -> dict[str, Any]:
    """Return what is kept of one training."""
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
