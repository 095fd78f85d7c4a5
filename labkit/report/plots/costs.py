"""What a network costs beside what it is worth: one labelled point per network."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from labkit.report.plots.style import PALE

LARGEST = 700.0  # square points; the area of a marker is in proportion to the bytes of its network's weights
AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
PLACES = [(reach * x, reach * y) for reach in (1.0, 1.8, 2.8) for x, y in AROUND]  # of a name, from its point


def error_against_latency(
    networks: pd.DataFrame, ax: Axes | None = None, reference: pd.DataFrame | None = None
) -> Axes:
    """Draw the test error of each network against its latency, both logarithmic, with its name beside the point.

    networks: columns network, kind (one colour each), error and sd (%), latency, q1 and q3 (ms), weights (kB). Bars:
        one standard deviation, and the quartiles. The area of a marker is in proportion to the weights.
    reference: columns network and accuracy of another run (see `Run.reference`); its errors stand pale at the same
        latencies.
    """
    ax = ax or plt.gca()
    ax.set(xscale="log", yscale="log", xlabel="latency of one image (ms)", ylabel="test error (%)")
    scale = LARGEST / networks["weights"].max()
    for index, (kind, rows) in enumerate(networks.groupby("kind", sort=False)):
        colour = f"C{index}"
        spread = [rows["sd"].clip(upper=0.95 * rows["error"]), rows["sd"]]
        quartiles = [rows["latency"] - rows["q1"], rows["q3"] - rows["latency"]]
        ax.errorbar(rows["latency"], rows["error"], spread, quartiles, fmt="none", color=colour, linewidth=1, zorder=2)
        ax.scatter(rows["latency"], rows["error"], scale * rows["weights"], color=colour, alpha=0.45, linewidth=0)
        ax.plot(rows["latency"], rows["error"], "os"[index % 2], color=colour, markersize=4, label=str(kind), zorder=3)
    if reference is not None:
        both = networks.merge(pd.DataFrame({"network": reference["network"], "there": reference["accuracy"]}))
        ax.plot(
            both["latency"],
            100 - both["there"],
            "_",
            color=PALE,
            markersize=12,
            label=reference.attrs["label"],
            zorder=1,
        )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.margins(0.12)
    ax.legend(loc="best")
    _name_points(networks, scale, ax)
    return ax


def _name_points(networks: pd.DataFrame, scale: float, ax: Axes) -> None:
    """Write each network's name where it covers no marker, bar or other name, as near to its point as may be.

    scale: square points of a marker per kB of weights. A line joins a name that stands apart to its point.
    """
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    dots = figure.dpi / 72  # per point
    radii = [dots * max(4.0, math.sqrt(scale * weights / math.pi)) for weights in networks["weights"]]
    points = ax.transData.transform(networks[["latency", "error"]].to_numpy(dtype=float))
    low = ax.transData.transform(networks[["q1", "error"]].to_numpy(dtype=float))[:, 0]
    high = ax.transData.transform(networks[["q3", "error"]].to_numpy(dtype=float))[:, 0]
    taken = [Bbox.from_extents(x - r, y - r, x + r, y + r) for (x, y), r in zip(points, radii, strict=True)]
    taken += [
        Bbox.from_extents(left, y - 2, right, y + 2) for left, right, (_, y) in zip(low, high, points, strict=True)
    ]
    if (legend := ax.get_legend()) is not None:
        taken.append(legend.get_window_extent())
    order = sorted(range(len(networks)), key=lambda row: -len(str(networks["network"].iloc[row])))  # hardest first
    for row in order:
        name, latency, error = networks[["network", "latency", "error"]].iloc[row]
        place = (float(latency), float(error))
        text = ax.annotate(
            name, place, (0, 0), textcoords="offset points", ha="center", va="center", fontsize=8.5, zorder=4
        )
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # legible over a bar
        box = text.get_window_extent()
        best = (float("inf"), (0.0, 0.0))
        for x, y in PLACES:
            reach = radii[row] + 3 * dots
            shift = (x * (box.width / 2 + reach), y * (box.height / 2 + reach))
            moved = box.translated(*shift)
            covered = sum(_shared(moved, other) for other in taken) + 10 * _outside(moved, ax.bbox)
            best = min(best, (round(covered) + abs(x) + abs(y), shift))
        text.set_position((best[1][0] / dots, best[1][1] / dots))
        halves = zip(best[1], (box.width / 2, box.height / 2), strict=True)
        ends = [offset - math.copysign(min(abs(offset), half), offset) for offset, half in halves]
        if math.hypot(*ends) > radii[row] + 4 * dots:  # else the name touches its marker
            ax.annotate(
                "",
                place,
                (ends[0] / dots, ends[1] / dots),
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "0.4", "lw": 0.7, "shrinkA": 0, "shrinkB": 2},
                zorder=3,
            )
        taken.append(box.translated(*best[1]))


def _shared(one: Bbox, other: Bbox) -> float:
    """Return the area that two boxes share."""
    common = Bbox.intersection(one, other)
    return common.width * common.height if common is not None else 0.0


def _outside(box: Bbox, frame: Bbox) -> float:
    """Return the area of a box that lies outside of a frame."""
    return float(box.width * box.height) - _shared(box, frame)
