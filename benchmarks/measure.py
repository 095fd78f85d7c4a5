"""What the benchmarks share: arguments, sides measured in turn, and a table that is printed and kept as JSON.

A fixed piece of work is timed before, between and after the sides, and the load of the idle machine read: where others
computed too, the table says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import torch

from labkit.basics.machine import describe_machine, set_threads, usable_cores

OUT = Path("out") / "bench"
SLOW, LOADED = 1.3, 0.2  # times the fastest calibration; share of the cores that others take
calibrations: list[tuple[float, float]] = []  # seconds of the work, and the load, each time


def arguments(description: str, quick: Mapping[str, Any] | None = None, **options: Any) -> argparse.Namespace:
    """Return the command line's arguments, with as many threads as labkit may take: benchmarks want an idle machine.

    options: name = default of further options, whose type is that of the default. quick: what --quick takes in place of
    these defaults, so that a script says something within a minute.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="auto", help="auto, embedded, or a folder that holds MNIST and CIFAR-10")
    for name, default in options.items():
        kind: dict[str, Any] = {"type": type(default)}
        if isinstance(default, bool):
            kind = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(f"--{name}", **kind, default=default, help=f"default: {default}")
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute, and rough numbers")
    if parser.parse_known_args()[0].quick:
        parser.set_defaults(**quick or {})
    chosen = parser.parse_args()
    set_threads(at_most=usable_cores())
    calibrate()
    return chosen


def calibrate() -> None:
    """Note the seconds of a fixed piece of work on one core, best of three, and what others take of all cores."""
    load, seconds = psutil.cpu_percent(interval=0.2) / 100, []
    for _ in range(3):
        start = time.perf_counter()
        sum(number * number for number in range(300_000))
        seconds.append(time.perf_counter() - start)
    calibrations.append((min(seconds), load))


def in_turn(sides: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Return `repeats` values of each side, measured side after side in every round: a slow minute meets all alike."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(1, repeats + 1):
        for name, measure in sides.items():
            values[name].append(measure())
            print(f"  {turn} of {repeats}, {name}: {values[name][-1]:.3g}", flush=True)
        calibrate()
    return values


def product_rate() -> float:
    """Return the rate of a product of two 1024 x 1024 matrices, with the threads that are set, in FLOP/s."""
    first, second = torch.randn(2, 1024, 1024)
    first @ second
    start = time.perf_counter()
    for _ in range(20):
        first @ second
    return 20 * 2 * 1024**3 / (time.perf_counter() - start)


def publish_growth(name: str, title: str, steps: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Publish how seconds grow: for what is doubled, the seconds at each of its steps, in the order of the steps."""
    rows = []
    for doubled, times in steps.items():
        seconds = [median(values) for values in times.values()]
        factors = [later / earlier for earlier, later in pairwise(seconds)]
        cells = (times, (f"{value:.2f}" for value in seconds), (f"{value:.2f}" for value in factors))
        rows.append([doubled, *(" ".join(cell) for cell in cells)])
    columns = ["what doubles", "steps", "seconds", "factor per doubling (2: in proportion)"]
    publish(name, title, columns, rows, {"growth": dict(steps)})


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
    calibrate()
    seconds, loads = zip(*calibrations, strict=True)
    slowest, load = max(seconds) / min(seconds), max(loads)
    if busy := slowest > SLOW or load > LOADED:
        told = f"the same work once took {slowest:.1f} times as long, and others took up to {load:.0%} of its cores"
        print(f"The machine was busy: {told}. Measure again when it is idle.")
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    content = {
        "title": title,
        "script": Path(sys.argv[0]).name,
        "machine": machine,
        "busy": busy,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        **facts,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}\n")
