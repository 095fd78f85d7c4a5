"""Cached trainings: the result of each, in a file whose name says all that it depends on."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from labkit.basics.files import rehearsed_folder, write_atomically
from labkit.basics.machine import get_device, set_seed
from labkit.basics.progress import Work
from labkit.data.datasets import Dataset
from labkit.models.layers import layer_flops
from labkit.models.networks import count_parameters
from labkit.training.checkpoint import Checkpoint
from labkit.training.loop import Evaluation, History, evaluate, fit
from labkit.training.together import Ensemble, Member

CACHE_FORMAT = 1
ARRAYS = ("predictions", "probabilities")  # of an entry that does not name them


@dataclass(frozen=True)
class Group:
    """Networks that are trained together, or one that is trained alone.

    indices: which they are among all networks of the sweep. names: of the files that hold their results. keep: whether
    a result must hold the weights.
    """

    indices: list[int]
    members: list[Member]
    names: list[str]
    keep: bool

    @classmethod
    def of(cls, indices: list[int], all_members: list[Member], dataset: Dataset, threads: int, keep: bool) -> Group:
        """Return the group of these members, to be trained with so many threads."""
        members = [all_members[index] for index in indices]
        return cls(indices, members, entry_names(members, dataset, threads), keep)

    def cached(self, cache: Path | None) -> list[dict[str, Any]] | None:
        """Return the result of each network, from `cache` or from the rehearsed trainings.

        None where one of them is missing, or damaged, which a warning says.
        """
        results = read_entries(cache, self.names, all(is_ours(each.model) for each in self.members))
        if results and self.keep:
            pairs = zip(self.members, results, strict=True)
            return results if all(result.keys() >= weights_of(each.model).keys() for each, result in pairs) else None
        return results


def train(dataset: Dataset, group: Group, cache: Path | None, work: Work | None = None) -> list[dict[str, Any]]:
    """Train the networks of a group, keep their results, and return them."""
    members = group.members
    checkpoint = _checkpoint_of(members, group.names, cache)
    work = work or Work(members[0].config.epochs)
    if len(members) > 1:
        ensemble = Ensemble(members)
        histories = ensemble.fit(dataset, work, checkpoint)
        columns = (members, histories, ensemble.evaluate(dataset, "train"), ensemble.evaluate(dataset, "test"))
        results = [_result_of(*row) for row in zip(*columns, strict=True)]
    else:
        model, config = members[0].model, members[0].config
        set_seed(config.seed)
        torch.set_rng_state(members[0].random_state)
        history = fit(model, dataset, config, work=work, checkpoint=checkpoint)
        measured = (evaluate(model, dataset, split) for split in ("train", "test"))
        results = [_result_of(members[0], history, *measured)]
    kept = [weights_of(member.model) if group.keep else {} for member in members]
    for name, result, weights, flops in zip(group.names, results, kept, training_flops(members, dataset), strict=True):
        result |= {"flops": flops, **weights}
        if cache is not None:
            write_entry(cache / name, result)
    checkpoint.remove()
    return results


def weights_of(model: nn.Module) -> dict[str, np.ndarray]:
    """Return what a network has learned, by the names that it has in a result."""
    return {f"weights {name}": tensor.numpy(force=True) for name, tensor in model.state_dict().items()}


def with_weights(model: nn.Module, result: dict[str, Any]) -> nn.Module:
    """Return the network, in evaluation mode, with the weights that a result holds."""
    model.load_state_dict({name: torch.from_numpy(result[f"weights {name}"]) for name in model.state_dict()})
    return model.eval()


def entry_names(members: list[Member], dataset: Dataset, threads: int) -> list[str]:
    """Return the name of the file that holds the result of each member of one training with so many threads."""
    keys = [_key(member, dataset, threads) for member in members]
    if len(members) > 1:  # rounding depends on who else is in the products
        keys = [hashlib.blake2b("".join([key, *keys]).encode(), digest_size=16).hexdigest() for key in keys]
    return [f"{key}.npz" for key in keys]


def _checkpoint_of(members: list[Member], names: list[str], cache: Path | None) -> Checkpoint:
    """Return where networks that are trained together are kept until their results are; nowhere without a cache.

    Nor are networks with modules of somebody else, which may hold more than torch knows of.
    """
    if cache is None or not all(is_ours(member.model) for member in members):
        return Checkpoint()
    return Checkpoint((cache / names[0]).with_suffix(".unfinished"))


def read_entries(cache: Path | None, names: list[str], ours: bool) -> list[dict[str, Any]] | None:
    """Return these results, from `cache`, or, where labkit's own code trained, from the rehearsed trainings.

    None where one of them is missing in both, or damaged.
    """
    for folder in (cache, rehearsed_folder() if ours else None):
        entries = [entry for name in names if folder and (entry := read_entry(folder / name)) is not None]
        if len(entries) == len(names):
            return entries
    return None


def _key(member: Member, dataset: Dataset, threads: int) -> str:
    """Return a name for everything that the result of one training depends on."""
    model = member.model
    custom_layers = {type(module) for module in model.modules() if not type(module).__module__.startswith("torch.")}
    dependencies = [
        CACHE_FORMAT,
        torch.__version__,
        threads,
        str(get_device()),
        asdict(member.config),
        dataset.provenance.fingerprint,
        repr(model),
        sorted(_source(kind) for kind in custom_layers),
    ]
    digest = digest_of(dependencies)
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


def digest_of(dependencies: list[Any]) -> hashlib.blake2b:
    """Return a digest of what JSON can say, from which the name of an entry is made."""
    return hashlib.blake2b(json.dumps(dependencies, sort_keys=True).encode(), digest_size=16)


def is_ours(model: nn.Module) -> bool:
    """Whether a network is made of labkit's and torch's modules alone: its key says all about it, others know it."""
    return {type(module).__module__.partition(".")[0] for module in model.modules()} <= {"labkit", "torch"}


def _source(kind: type[nn.Module]) -> str:
    """Return the text of a network's forward pass; its byte code where no text is kept."""
    try:
        return inspect.getsource(kind.forward)
    except (OSError, TypeError):
        return str(kind.forward.__code__.co_code)


def write_entry(path: Path, result: dict[str, Any]) -> None:
    """Write arrays and what JSON can say into an .npz, whose zip container carries a checksum of every part."""
    arrays: dict[str, Any] = {key: value for key, value in result.items() if isinstance(value, np.ndarray)}
    rows = {key: value for key, value in result.items() if key not in arrays} | {"arrays": list(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, rows=json.dumps(rows), **arrays)
    write_atomically(path, buffer.getvalue())


def read_entry(path: Path) -> dict[str, Any] | None:
    """Return a cached result; None when there is none, or when it is damaged, which a warning says."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as entry:
            rows = json.loads(str(entry["rows"]))
            arrays = {key: entry[key] for key in rows.pop("arrays", ARRAYS)}
            return {**rows, **arrays}
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"The cached training {path.name} is damaged ({error}), so it is computed again.", stacklevel=7)
        return None


def training_flops(members: list[Member], dataset: Dataset) -> list[int]:
    """Return the FLOPs of each training, without its evaluations: the pass back does twice the work of that forward.

    0 for a network with modules of somebody else, which may not take the one image that it is counted on.
    """
    different = {repr(member.model): member.model for member in members}
    forward = {name: layer_flops(model, dataset.image_shape) for name, model in different.items() if is_ours(model)}
    return [3 * forward.get(repr(member.model), 0) * member.config.epochs * len(dataset.train) for member in members]


def _result_of(member: Member, history: History, train: Evaluation, test: Evaluation) -> dict[str, Any]:
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
