"""What a network is made of: a table with one row a layer, and a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def layer_table(model: nn.Module, image_shape: Sequence[int]) -> pd.DataFrame:
    """Return one row a layer in the order of the forward pass, for one image.

    Columns: layer (its name in the model), kind, output (shape without the batch), parameters, flops.
    FLOPs are two a multiply-add of convolutions and linear layers (torch.utils.flop_counter); pooling and
    activations count as 0.
    """
    import pandas as pd

    return pd.DataFrame([row for _, row in _layers(model, image_shape)])


def layer_flops(model: nn.Module, image_shape: Sequence[int]) -> int:
    """Return the sum of the table's FLOPs."""
    return sum(row["flops"] for _, row in _layers(model, image_shape))


def _layers(model: nn.Module, image_shape: Sequence[int]) -> list[tuple[nn.Module, dict[str, Any]]]:
    """Return each layer with its row of the table."""
    rows: list[tuple[nn.Module, dict[str, Any]]] = []
    names = {module: name for name, module in model.named_modules()}

    def record(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output  # of attention, which also returns its weights
        row = {
            "layer": names[module].rsplit(".", 1)[-1],
            "kind": type(module).__name__,
            "output": " x ".join(map(str, output.shape[1:])),
            "parameters": sum(p.numel() for p in module.parameters(recurse=False)),
            "flops": _flops(module, output),
        }
        rows.append((module, row))

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(record) for module in leaves]
    try:
        _forward_once(model, image_shape)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def _flops(module: nn.Module, output: torch.Tensor) -> int:
    """Return two operations a multiply-add: every output value of a layer sums over the weights that lead to it."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return 2 * output[0].numel() * module.weight[0].numel()
    return 0


def count_flops(model: nn.Module, image_shape: Sequence[int]) -> int:
    """Return the FLOPs of one image's forward pass, counted by torch at the operators that really ran."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        _forward_once(model, image_shape)
    return int(counter.get_total_flops())


def _forward_once(model: nn.Module, image_shape: Sequence[int]) -> None:
    device = next(model.parameters()).device
    was_training = model.training
    with torch.no_grad():
        model.eval()(torch.zeros(1, *image_shape, device=device))
    model.train(was_training)


def draw_architecture(model: nn.Module, image_shape: Sequence[int], ax: Axes | None = None) -> Axes:
    """Draw the layers with weights, pooling or padding from left to right: maps as stacked squares, vectors as bars.

    A square's side grows with the map's height, a bar's length with the logarithm of its number of values. Above an
    arrow stands the side of the filters, or of the squares that are pooled.
    """
    import math

    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    ax = ax or plt.subplots(figsize=(6.4, 1.4))[1]
    drawn = [
        (module, row)
        for module, row in _layers(model, image_shape)
        if row["parameters"] > 0 or "Pool" in row["kind"] or "Pad" in row["kind"]
    ]
    stages = [("input", tuple(image_shape))]
    for _, row in drawn:
        own = row["kind"].removesuffix("2d") if row["layer"].isdigit() else row["layer"]  # in nn.Sequential: a number
        stages.append(("padded" if "Pad" in row["kind"] else own, tuple(map(int, row["output"].split(" x ")))))
    tallest = max([shape[-1] for _, shape in stages if len(shape) == 3])
    shrink = min(1, 9 / len(stages))  # smaller drawings leave room for the words of a long row
    line = 0.8 * shrink
    x, top, edges = 0.0, 0.0, []
    for name, shape in stages:
        if len(shape) == 3:
            channels, height, _ = shape
            side, sheets = shrink * (0.35 + 1.7 * height / tallest), min(channels, 12)
            shift = 0.07 * shrink
            for sheet in range(sheets):
                corner = (x + sheet * shift, -side / 2 - (sheet - (sheets - 1) / 2) * shift)
                ax.add_patch(Rectangle(corner, side, side, facecolor="#cfe3f2", edgecolor="#0b5394", linewidth=line))
            width, label = side + sheets * shift, f"{channels} @\n{height}x{shape[2]}"
            half = side / 2 + sheets * shift / 2
        else:
            side = 0.5 + 0.8 * math.log10(shape[0])
            width, label, half = 0.28, f"{shape[0]}", side / 2
            ax.add_patch(Rectangle((x, -half), width, side, facecolor="#fbe3c4", edgecolor="#a85c00", linewidth=0.8))
        edges.append((x, x + width))
        centre = x + width / 2
        ax.text(centre, -half - 0.12, f"{name}\n{label}", ha="center", va="top", fontsize=8.5, linespacing=1.0)
        top = max(top, half)
        room = 2.9 if len(shape) == 3 else 1.5 / shrink  # for labels, and the next filter
        x += max(width + 0.11 * len(stages), room)
    for ((_, right), (left, _)), (module, _) in zip(pairwise(edges), drawn, strict=True):
        ax.annotate("", (left - 0.08, 0), (right + 0.08, 0), arrowprops={"arrowstyle": "->", "color": "0.35", "lw": 1})
        ax.text((left + right) / 2, 0.08, _filter(module), ha="center", va="bottom", fontsize=8.5, color="0.25")
    ax.set(xlim=(-0.4, x), ylim=(-top - 0.07 * x, top + 0.1), aspect="equal")
    ax.axis("off")
    return ax


def _filter(module: nn.Module) -> str:
    """Return the size of a layer's filters, or of what it pools: "5x5"; nothing for layers without one."""
    size = getattr(module, "kernel_size", "")
    sides = (size, size) if isinstance(size, int) else size
    return "x".join(map(str, sides))
