"""What the benchmarks share: arguments, sides measured in turn, and a table that is printed and kept as JSON."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.basics.machine import describe_machine, set_threads

OUT = Path("out") / "bench"


def arguments(description: str, **options: Any) -> argparse.Namespace:
    """Return the command line's arguments, with labkit's threads set.

    options: name = default of further options, whose type is that of the default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="auto", help="auto, embedded, or a folder that holds MNIST and CIFAR-10")
    for name, default in options.items():
        kind: dict[str, Any] = {"type": type(default)}
        if isinstance(default, bool):
            kind = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(f"--{name}", **kind, default=default, help=f"default: {default}")
    chosen = parser.parse_args()
    set_threads()
    return chosen


def in_turn(sides: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Return `repeats` values of each side, measured side after side in every round: a slow minute meets all alike."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, measure in sides.items():
            values[name].append(measure())
    return values


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def publish(
    name: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], facts: dict[str, Any]
) -> None:
    """Print a table under the machine's name, and keep it with `facts` (raw values, settings) in out/bench."""
    from rich.console import Console
    from rich.table import Table

    machine = describe_machine()
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console = Console()
    Console(width=max(console.width, 110)).print(table)
    print("{processor}, {cores} cores, {threads} threads, {device}, torch {torch}".format(**machine))
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    content = {
        "title": title,
        "machine": machine,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        **facts,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}\n")
