"""What the benchmarks left in out/bench, as one page with one figure.

python benchmarks/page.py [--page docs/speed.md]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from measure import OUT, arguments

chosen = arguments(__doc__.splitlines()[0], page="docs/speed.md")
page = Path(chosen.page)
page.parent.mkdir(parents=True, exist_ok=True)


def sides(values: Any, name: str = "") -> Iterator[tuple[str, list[float]]]:
    """Yield each side that was measured more than once, with its values."""
    if isinstance(values, dict):
        for key, one in values.items():
            yield from sides(one, f"{name}, {key}" if name else key)
    elif isinstance(values, list) and len(values) > 1 and all(isinstance(one, float) for one in values):
        yield name, values


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table's lines."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def draw_growth(facts: dict[str, dict[str, list[float]]], target: Path) -> None:
    """Draw how seconds grow as the work doubles, a panel for what doubles, beside the line of proportion."""
    with plt.style.context("tableau-colorblind10"):
        figure, panels = plt.subplots(1, len(facts), figsize=(3 * len(facts), 3), layout="constrained", squeeze=False)
    for ax, (name, found) in zip(panels[0], facts.items(), strict=True):
        steps = np.array([float(step) for step in found])
        low, middle, high = np.quantile([found[step] for step in found], [0.25, 0.5, 0.75], axis=1)
        ax.errorbar(steps, middle, (middle - low, high - middle), marker="o", capsize=3)
        proportion = steps if middle[-1] > middle[0] else 1 / steps
        ax.plot(steps, middle[-1] * proportion / proportion[-1], linestyle=":", color="0.4")
        ax.set(xscale="log", yscale="log", xlabel=name, title=f"{steps[0]:g} to {steps[-1]:g}")
        for axis, values in ((ax.xaxis, steps), (ax.yaxis, middle)):
            axis.set_ticks(values, [f"{value:g}" if axis is ax.xaxis else f"{value:.2g}" for value in values])
            axis.set_ticks([], minor=True)
    panels[0, 0].set_ylabel("seconds")
    figure.savefig(target, dpi=110)


lines = ["# Speed", "", "Measured by the scripts in `benchmarks/`; `make bench` writes this page."]
for path in sorted(OUT.glob("*.json")):
    kept = json.loads(path.read_text(encoding="utf-8"))
    machine = "{processor}, {cores} cores, {threads} thread(s), {device}, torch {torch}".format(**kept["machine"])
    lines += ["", f"## {kept['title']}", "", f"`benchmarks/{kept['script']}`, {machine}.", ""]
    if kept.get("busy"):
        lines += ["The machine was busy meanwhile: take ratios, not seconds.", ""]
    lines += table(kept["columns"], kept["rows"])
    told = ("title", "script", "machine", "columns", "rows", "busy")
    rest = {name: one for name, one in kept.items() if name not in told}
    quartiles = []
    for name, values in sides(rest):
        cuts = (f"{one:.3g}" for one in np.quantile(values, [0.25, 0.5, 0.75]))
        quartiles.append([name.removeprefix("times, ").removeprefix("growth, "), str(len(values)), *cuts])
    if quartiles:
        lines += ["", "<details><summary>Quartiles</summary>", ""]
        lines += [*table(["side", "n", "lower", "median", "upper"], quartiles), "", "</details>"]
    if "growth" in kept:
        picture = page.with_name(f"{page.stem}-{path.stem}.png")
        draw_growth(kept["growth"], picture)
        words = f"{kept['title']}: {', '.join(kept['growth'])}, each in a panel; dotted: in proportion."
        lines += ["", f"![{words}]({picture.name})"]
page.write_text("\n".join(lines) + "\n", encoding="utf-8")
print(f"written: {page}")
