"""The course in its full profile: seconds a notebook, the floating-point operations of its trainings, and the rest.

python benchmarks/full.py --data FOLDER [--notebooks 03,08] [--profile quick] [--out FOLDER]

LABKIT_THREADS=1 gives the same with one worker. A notebook that was measured into --out is not measured again. Where
some were measured with several numbers of workers, the last row is the law of their time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import arguments, product_rate, publish

from labkit.basics.machine import usable_cores
from labkit.course import kernels
from labkit.course.notebooks import course, notebooks_folder
from labkit.course.run_one import run_headless, set_environment
from labkit.data.places import settle

chosen = arguments(__doc__.splitlines()[0], notebooks="", profile="full", out="out/full")
folder = Path(chosen.out).resolve()
numbers = tuple(chosen.notebooks.split(",")) if chosen.notebooks else ("",)
workers = usable_cores()
kept = folder / f"measured-{workers}.json"
out = folder / f"{workers}-workers"  # of its own, so that each number trains all networks
measured: dict[str, dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}


def product() -> float:
    """Return what one core reaches in products of matrices, in GFLOP/s: the best of five."""
    torch.set_num_threads(1)
    return max(product_rate() for _ in range(5)) / 1e9


def trained(before: set[Path]) -> tuple[int, float, float]:
    """Return how many networks were trained since, their seconds, and their floating-point operations."""
    seconds = flops = 0.0
    new = set((out / "cache").glob("*.npz")) - before
    for path in new:
        with np.load(path) as entry:
            rows = json.loads(str(entry["rows"]))
        seconds += rows["run"]["seconds"]
        flops += rows["flops"]
    return len(new), seconds, flops


set_environment()
kernels.prepare()
out.mkdir(parents=True, exist_ok=True)
for path in course(notebooks_folder()):
    if not path.stem.startswith(numbers) or path.stem in measured:
        continue
    before, speed = set((out / "cache").glob("*.npz")), product()
    start = time.perf_counter()
    parameters = {"profile": chosen.profile, "data": settle(chosen.data), "seed": 0, "out": str(out)}
    _, _, error = run_headless(path, parameters, warm=True)
    seconds = time.perf_counter() - start
    if error:
        raise SystemExit(f"{path.stem} failed, and what it took says nothing: {error}")
    networks, training, flops = trained(before)
    measured[path.stem] = {
        "seconds": seconds,
        "networks": networks,
        "training": training,
        "flops": flops,
        "product": [speed, product()],
    }
    kept.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(f"{path.stem}: {seconds:,.0f} s", flush=True)


def minutes(used: int, names: Iterable[str]) -> float:
    """Return what notebooks took together with so many workers."""
    return sum(facts[used][name]["seconds"] for name in names) / 60


rows: list[list[str]] = []
facts: dict[int, dict[str, dict[str, Any]]] = {}
for path in sorted(folder.glob("measured-*.json")):
    used = int(path.stem.removeprefix("measured-"))
    facts[used] = json.loads(path.read_text(encoding="utf-8"))
    for name, found in sorted(facts[used].items()):
        rate = found["flops"] / found["training"] / 1e9 if found["training"] else 0.0
        share = f"{100 * rate / min(found['product']):.0f}"
        rest = found["seconds"] - found["training"] / used
        times = [f"{value / 60:.1f}" for value in (found["seconds"], found["training"], rest)]
        rows.append([str(used), name, *times, f"{found['networks']}", f"{found['flops'] / 1e12:.1f}", share])
    rows.append([str(used), "together", f"{minutes(used, facts[used]):.1f}", *[""] * 5])
low, high = min(facts), max(facts)
if both := sorted(facts[low].keys() & facts[high].keys()) if low < high else []:
    first, last = minutes(low, both), minutes(high, both)
    shared = (first - last) / (1 / low - 1 / high)
    law = f"{first - shared / low:.1f} + {shared:.1f} / w"
    rows.append(["w", ", ".join(name[:2] for name in both), law, *[""] * 5])
columns = [
    "workers",
    "notebook",
    "minutes",
    "of training",
    "of the rest",
    "networks",
    "TFLOP",
    "of a core's product (%)",
]
publish("full", f"The course in its {chosen.profile} profile", columns, rows, {"measured": facts})
