"""Trying objects that take a network, a data set, a clock or another function.

As `trials`, it runs where student code runs, and knows no right answer.
"""

from __future__ import annotations

import functools
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from labkit.exercises.trials import OWN, calls, each, name_of, note, unusable, unusable_in_torch, without
from labkit.models import scratch

QUIET_MOMENTS = 5  # times that a measurement is tried on a machine that does other things meanwhile
AUTOGRAD = ("torch.autograd.backward", "torch.autograd.grad", "torch:Tensor.backward")
BACKWARD = ("labkit.models.scratch:Network.backward",)
CROSS_ENTROPY = ("labkit.models.scratch.cross_entropy",)
LOSSES = re.compile("cross_entropy|nll_loss")  # in the names of PyTorch's functions
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "cube": lambda x: x**3,
    "square": lambda x: x**2 - 4 * x,
    "inverse": lambda x: 1 / x,
}


def on_functions(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `with_types`, for a function that takes another one first: the inputs give its name in FUNCTIONS."""
    if isinstance(function, type) or not callable(function):
        return calls(function, inputs)
    return with_types(lambda x, name, h: function(FUNCTIONS[name], x, h), [(x, name, h) for name, x, h in inputs])


def with_types(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where a note's value is {"returned": ..., "array": whether one can compute with it as with the first
    argument: it is an array for an array, a tensor for a tensor}.
    """
    import numpy as np
    import torch

    def trial(first: Any, *arguments: Any) -> dict[str, Any] | None:
        returned = function(first, *arguments)
        wanted = np.ndarray if isinstance(first, np.ndarray) else torch.Tensor
        return None if returned is None else {"returned": returned, "array": isinstance(returned, wanted)}

    return each(function, trial, inputs)


def without_autograd(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `with_types`, where PyTorch derives nothing."""
    return without(unusable(*AUTOGRAD), with_types, function, inputs)


def on_sleepers(function: Any, inputs: Sequence[tuple[list[float], Any]]) -> list[dict[str, Any]]:
    """As `calls`, for a function that takes another one and times it: the inputs give the seconds of each of its calls.

    The value in a note is {"returned": ..., "durations": seconds that each call took, "elapsed": seconds in all}. Calls
    really sleep, so that any clock will do, and measure themselves, since a busy machine sleeps longer than it is told;
    then all is tried again. What is called has no cells in which its times could be read.
    """

    def sleeps(seconds: list[float], durations: list[float]) -> Iterator[None]:
        for asked in itertools.chain(seconds, itertools.repeat(0.0)):
            start = time.perf_counter()
            time.sleep(asked)
            durations.append(time.perf_counter() - start)
            yield

    def trial(seconds: list[float], number: int, *arguments: Any) -> dict[str, Any] | None:
        start = time.perf_counter()
        returned = function(functools.partial(next, sleeps(seconds, durations[number])), *arguments)
        elapsed = time.perf_counter() - start
        return None if returned is None else {"returned": returned, "elapsed": elapsed}

    for _ in range(QUIET_MOMENTS):
        durations: list[list[float]] = [[] for _ in inputs]
        numbered = [(seconds, number, *arguments) for number, (seconds, *arguments) in enumerate(inputs)]
        notes = each(function, trial, numbered)
        if not any(_disturbed(seconds, measured) for (seconds, *_), measured in zip(inputs, durations, strict=True)):
            break
    for entry, measured in zip(notes, durations, strict=False):  # one note alone for what is no function
        if isinstance(entry.get("value"), dict):
            entry["value"]["durations"] = measured
    return notes


def _disturbed(seconds: list[float], durations: list[float]) -> bool:
    """Whether a call took longer than it was told to, by more than a clock's error."""
    return any(measured > 1.1 * asked + 0.001 for asked, measured in zip(seconds, durations, strict=False))


def network(build: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Build a network, give it weights drawn from a seed, and note the shapes of its parameters and its outputs.

    build: a class or function, which uses no network of labkit's. inputs: a batch (tensor), a seed, and the arguments
    of `build`. The outputs are noted in evaluation and in training mode.
    """
    import torch

    if not callable(build) or (hasattr(build, "state_dict") and not isinstance(build, type)):
        return [{"refused": f"The check wants your class itself, without brackets, but got {name_of(build)}."}]

    def outputs(batch: Any, seed: int, *arguments: Any) -> dict[str, Any] | None:
        model = build(*arguments)
        if model is None:
            return None
        model.eval()
        refuse_labkits(model)
        with torch.no_grad():
            if has_lazy_layers(model):
                model(batch.clone())  # lazy layers get their sizes from the first batch
            set_weights(model, seed)
            return {
                "shapes": [list(parameter.shape) for parameter in model.parameters()],
                "outputs": model(batch.clone()),
                "in training": model.train()(batch.clone()),
            }

    return [note(outputs, *arguments) for arguments in inputs]


def refuse_labkits(model: Any) -> None:
    """Raise RuntimeError for a network that is one of labkit's, or holds one: students write their own."""
    if any(kind.__module__.startswith("labkit.") for part in model.modules() for kind in type(part).__mro__):
        raise RuntimeError(OWN)


def has_lazy_layers(model: Any) -> bool:
    """Whether layers of a network still wait for a first batch to know their sizes."""
    from torch.nn.parameter import UninitializedParameter

    return any(isinstance(parameter, UninitializedParameter) for parameter in model.parameters())


def on_derivatives(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a function that takes a derivative last: the inputs give its activation's name in `scratch`."""
    return calls(function, [(*arguments, scratch.ACTIVATIONS[name][1]) for *arguments, name in inputs])


def on_scratch_networks(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a function that takes a network from scratch first: the inputs give its sizes and activation."""
    return calls(function, [(scratch_network(sizes, name), *arguments) for sizes, name, *arguments in inputs])


def scratch_gradients(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a backward pass: it gets a network from scratch that has just seen the images, and the labels.

    inputs: sizes, activation, images, labels. The network's own `backward` cannot be used.
    """

    def trial(sizes: Sequence[int], activation: str, images: Any, labels: Any) -> Any:
        network = scratch_network(sizes, activation)
        network.forward(images)
        return function(network, labels)

    return without(unusable(*BACKWARD), lambda function, inputs: each(function, trial, inputs), function, inputs)


def scratch_costs(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where neither labkit's nor PyTorch's cross-entropy can be used."""
    with unusable(*CROSS_ENTROPY):
        return without(unusable_in_torch(LOSSES), calls, function, inputs)


def scratch_network(sizes: Sequence[int], activation: str) -> scratch.Network:
    """Return a network from scratch in double precision, always with the same weights."""
    import numpy as np

    return scratch.Network(sizes, activation, seed=1, dtype=np.float64)


def on_mlps(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a function of an MLP and images: the inputs give hidden sizes, a seed of the weights, images."""
    return each(function, lambda sizes, seed, images: function(mlp(sizes, images, seed), images), inputs)


def mlp(hidden_sizes: Sequence[int], images: Any, seed: int) -> Any:
    """Return an MLP for such images, with weights and biases drawn from a seed, in evaluation mode."""
    from labkit.models.networks import MLP

    model = MLP(hidden_sizes, image_shape=images.shape[1:])
    set_weights(model, seed)
    return model.eval()


def sweeps(function: Any, inputs: Sequence[tuple[int, dict[str, Any], list[int]]]) -> list[dict[str, Any]]:
    """Let `function` sweep over a few random images, and note what its table says.

    function: takes a width, a dataset, a TrainConfig, seeds and a folder for finished trainings (here None); gives
        a Sweep. inputs: width, settings of the TrainConfig, seeds.
    """

    def outcome(width: int, settings: dict[str, Any], seeds: list[int]) -> Any:
        from labkit.training.config import TrainConfig
        from labkit.training.sweeps import Sweep

        result = function(width, random_digits(), TrainConfig(**settings), list(seeds), None)
        if not isinstance(result, Sweep):
            return result
        columns = {name: result.runs[name].tolist() for name in ("lr", "seed", "parameters") if name in result.runs}
        return {**columns, "epochs": int(result.epochs["epoch"].max()), "probabilities": result.probabilities}

    return each(function, outcome, inputs)


def random_digits() -> Any:
    """Return a dataset of random images of the size of digits, so few that a training takes no time."""
    import torch

    generator = torch.Generator().manual_seed(0)
    splits = {
        name: (torch.randn(size, 1, 28, 28, generator=generator), torch.arange(size) % 10)
        for name, size in (("train", 40), ("validation", 20), ("test", 20))
    }
    return dataset_of(splits, 10, "random")


def set_weights(model: Any, seed: int) -> None:
    """Fill the parameters of a network, in their order, with numbers drawn from `seed`; shapes decide their size."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = max(1, parameter[0].numel())
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5)


def linear_network(image: Any, classes: int, seed: int) -> Any:
    """Return the smallest network for images of that shape: one linear layer, its weights drawn from a seed."""
    from torch import nn

    model = nn.Sequential(nn.Flatten(), nn.Linear(image.numel(), classes))
    set_weights(model, seed)
    return model


def dataset_of(splits: dict[str, tuple[Any, Any]], classes: int, fingerprint: str) -> Any:
    """Return a dataset in memory, made of images and labels a split."""
    import torch

    from labkit.data.datasets import Dataset, Provenance, Split

    counts = {name: len(labels) for name, (_, labels) in splits.items()}
    return Dataset(
        **{name: Split(name, images, labels) for name, (images, labels) in splits.items()},
        class_names=tuple(f"class {label}" for label in range(classes)),
        provenance=Provenance(
            "drawn images", "the check", False, **counts, train_available=counts["train"], fingerprint=fingerprint
        ),
        mean=torch.zeros(1, 1, 1),
        std=torch.ones(1, 1, 1),
    )
