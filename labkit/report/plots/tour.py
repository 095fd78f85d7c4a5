"""The drawings of the tour of PyTorch: digits and answers, a computation graph, and fits of a curve."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from labkit.report.plots.galleries import image_grid

if TYPE_CHECKING:
    import torch

    from labkit.data.datasets import Dataset

WORDS = {"Pow": "power", "Mul": "product", "Add": "sum", "Sub": "difference", "Div": "quotient", "Tanh": "tanh"}
START = "AccumulateGrad"  # autograd's own name of a tensor that requires a gradient


def answer_grid(dataset: Dataset, predictions: torch.Tensor, ax: Axes | None = None) -> Axes:
    """Show ten test images that a network gets wrong (or as many as there are), then ten that it gets right.

    predictions: the network's class for each test image (N,). Above a wrong one stand the true class and the answer.
    """
    import torch

    right = predictions == dataset.test.labels
    chosen = torch.cat([torch.where(~right)[0][:10], torch.where(right)[0][:10]])
    names = dataset.class_names
    pairs = zip(dataset.test.labels[chosen].tolist(), predictions[chosen].tolist(), strict=True)
    labels = [names[answer] if truth == answer else f"{names[truth]}, not {names[answer]}" for truth, answer in pairs]
    return image_grid(dataset.pixels(dataset.test.images[chosen]).numpy(), labels, ax=ax)


def class_means(dataset: Dataset, ax: Axes | None = None) -> Axes:
    """Show the mean training image of each class, with the number of its images."""
    import torch

    labels, pixels = dataset.train.labels, dataset.pixels(dataset.train.images)
    means = torch.stack([pixels[labels == index].mean(0) for index in range(dataset.num_classes)])
    counts = labels.bincount(minlength=dataset.num_classes).tolist()
    texts = [f"{name}\n{count:,}" for name, count in zip(dataset.class_names, counts, strict=True)]
    return image_grid(means.numpy(), texts, ax=ax)


@dataclass
class _Node:
    text: str
    column: int = 0  # operations on the longest way from a start
    row: float = 0.0
    gradient: float = 0.0
    inputs: list[_Edge] = field(default_factory=list)


@dataclass
class _Edge:
    source: _Node
    gradient: float  # what `backward()` sends along it


def computation_graph(result: torch.Tensor, names: Mapping[str, torch.Tensor], ax: Axes | None = None) -> Axes:
    """Draw how `result`, a single number, was computed, from left to right, and what `backward()` sends back.

    names: the tensors that require a gradient, by the names that they have in the drawing.
    The number beside each arrow is the gradient that travels along it, from right to left. It is computed here, and
    nothing is added to any `.grad`.
    """
    ax = ax or plt.gca()
    nodes = _nodes(result, {id(tensor): name for name, tensor in names.items()})
    _place(nodes)
    for node in nodes:
        for edge in node.inputs:
            _draw_edge(ax, edge, node)
        told = node.text if node.inputs else f"{node.text}\ngradient {node.gradient:g}"
        face = "C1" if not node.inputs else "C2" if node is nodes[0] else "C0"
        box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": face, "linewidth": 1.6}
        ax.text(node.column, node.row, told, ha="center", va="center", bbox=box, zorder=3)
    rows = [node.row for node in nodes]
    ax.set(xlim=(-0.4, nodes[0].column + 0.3), ylim=(min(rows) - 0.5, max(rows) + 0.5))
    ax.axis("off")
    return ax


def _nodes(result: torch.Tensor, names: Mapping[int, str]) -> list[_Node]:
    """Return the nodes from the result to the starts, each behind all that need it, with its gradient."""
    import torch

    order = _order(result.grad_fn)
    arrived: dict[Any, Any] = {order[0]: torch.ones_like(result.detach())}
    nodes = {function: _Node(_word(function, names)) for function in order}
    for function in order:
        node = nodes[function]
        node.gradient = float(arrived[function])
        for source, gradient in _sent(function, arrived[function]):
            node.inputs.append(_Edge(nodes[source], float(gradient)))
            arrived[source] = arrived.get(source, 0) + gradient
    for node in reversed(nodes.values()):
        node.column = 1 + max((edge.source.column for edge in node.inputs), default=-1)
    return list(nodes.values())


def _sent(function: Any, arrived: Any) -> list[tuple[Any, Any]]:
    """Return the functions before this one, each with the gradient that is sent to it."""
    import torch

    if function.name().endswith(START):
        return []
    with torch.no_grad():
        sent = function(arrived)
    gradients = sent if isinstance(sent, tuple) else (sent,)
    pairs = zip(function.next_functions, gradients, strict=True)
    return [(source, gradient.detach()) for (source, _), gradient in pairs if source is not None]


def _order(function: Any) -> list[Any]:
    """Return a function of the graph and all that it needs, each behind every function that needs it."""
    found: list[Any] = []

    def visit(one: Any) -> None:
        if one is not None and one not in found:
            for source, _ in reversed(one.next_functions):
                visit(source)
            found.append(one)

    visit(function)
    return found[::-1]


def _word(function: Any, names: Mapping[int, str]) -> str:
    kind = re.sub(r"Backward\d*$", "", function.name())
    return names.get(id(function.variable), "?") if kind.endswith(START) else WORDS.get(kind, kind)


def _place(nodes: list[_Node]) -> None:
    """Let the nodes of a column stand above each other, in the middle."""
    for column in {node.column for node in nodes}:
        members = [node for node in nodes if node.column == column]
        for place, node in enumerate(members):
            node.row = (len(members) - 1) / 2 - place


def _draw_edge(ax: Axes, edge: _Edge, target: _Node) -> None:
    start, end = (edge.source.column, edge.source.row), (target.column, target.row)
    arrow = {"arrowstyle": "-|>", "color": "0.3", "shrinkA": 30, "shrinkB": 26}
    ax.annotate("", end, start, arrowprops=arrow)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    above = max(start[1], end[1]) > 0
    ax.annotate(
        f"← {edge.gradient:g}",
        middle,
        (0, 6 if above else -6),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
    )


def curve_fits(
    x: np.ndarray,
    target: np.ndarray,
    curves: Sequence[tuple[np.ndarray, np.ndarray, Sequence[float]]],
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """Draw on two Axes what several fits of a curve began and ended with, and their losses over the steps.

    target: what is fitted, at each `x`. curves: start, end and losses of each fit.
    """
    left, right = axes
    for start, end, losses in curves:
        start_line, fit_line = left.plot(x, start, "C0:", x, end, "C1--", linewidth=1.3)
        (loss_line,) = right.plot(losses, "C2", linewidth=0.9)
    (target_line,) = left.plot(x, target, "C6", linewidth=1, zorder=0)
    reach = 2.5 * float(np.abs(target).max())
    left.set(ylim=(-reach, reach), xlabel="x", ylabel="y")
    right.set(yscale="log", xlabel="step", ylabel="mean squared error")
    lines = {"target": target_line, "starts": start_line, "fits": fit_line, "loss, one line per start": loss_line}
    left.figure.legend(list(lines.values()), list(lines), loc="outside upper center", ncols=4)
    return axes
