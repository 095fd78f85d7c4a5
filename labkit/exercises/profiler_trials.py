"""Trying objects that use PyTorch's profiler: what they profiled, and what they read in its table.

As `trials`, it runs where student code runs, and knows no right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.exercises.torch_trials import set_weights
from labkit.exercises.trials import each

COLUMNS = ("count", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage")


def on_networks(function: Any, inputs: Sequence[tuple[int, int, int]]) -> list[dict[str, Any]]:
    """Have a function of a network and a batch profile one, and note what the profiler that it returns has recorded.

    inputs: number of convolutions, number of images, seed of the weights. The value in a note is {"kind": of what type
    the answer is, "profiler": what `_recorded` says of it, "passes": one entry per pass of the network: how many images
    it got, and whether autograd recorded it}.
    """

    def trial(convolutions: int, images: int, seed: int) -> dict[str, Any] | None:
        import torch
        from torch import nn

        layers = [layer for index in range(convolutions) for layer in (nn.Conv2d(4 if index else 1, 4, 3), nn.ReLU())]
        model = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(10)).eval()
        batch = torch.rand(images, 1, 14, 14)
        with torch.no_grad():
            model(batch[:1])
        set_weights(model, seed)
        passes: list[list[Any]] = []
        model.register_forward_pre_hook(lambda _, arguments: passes.append(_seen(arguments)))
        returned = function(model, batch)
        if returned is None:
            return None
        return {"kind": type(returned).__name__, "profiler": _recorded(returned), "passes": passes}

    return each(function, trial, inputs)


def _seen(arguments: tuple[Any, ...]) -> list[Any]:
    import torch

    return [len(arguments[0]), torch.is_grad_enabled()]


def _recorded(returned: Any) -> dict[str, Any]:
    """Return what a profiler has recorded: its settings, and the calls of each operator; {} for what is none."""
    import torch

    if not isinstance(returned, torch.profiler.profile | torch.autograd.profiler.profile):
        return {}
    settings = {"memory": bool(returned.profile_memory), "shapes": bool(returned.record_shapes)}
    try:
        return {**settings, "calls": {event.key: event.count for event in returned.key_averages()}}
    except (AssertionError, RuntimeError):  # it was never started, or is still running
        return {**settings, "calls": {}}


def on_operators(function: Any, inputs: Sequence[tuple[Any]]) -> list[dict[str, Any]]:
    """As `calls`, for a function that takes what `key_averages()` returns: the inputs give it as a table.

    The table has one row per operator: a column "key" and those of COLUMNS.
    """

    def trial(operators: Any) -> Any:
        from torch.autograd.profiler_util import EventList, FunctionEventAvg

        events = []
        for row in operators.to_dict("records"):
            event = FunctionEventAvg()
            event.key, event.node_id = row["key"], -1
            for column in COLUMNS:
                setattr(event, column, row[column])
            events.append(event)
        return function(EventList(events, profile_memory=True, use_device=None))

    return each(function, trial, inputs)
