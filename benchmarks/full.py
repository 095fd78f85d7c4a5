"""The course in its full profile: seconds a notebook, the floating-point operations of its trainings, and the rest.

python benchmarks/full.py --data FOLDER [--notebooks 03,08] [--profile quick] [--out FOLDER]

LABKIT_THREADS=1 gives the same with one worker. A notebook that was measured into --out is not measured again.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import arguments, product_rate, publish

from labkit.basics.machine import usable_cores
from labkit.course import kernels
from labkit.course.notebooks import course, notebooks_folder
from labkit.course.run_one import run_headless, set_environment

chosen = arguments(__doc__.splitlines()[0], notebooks="", profile="full", out="out/full")
out = Path(chosen.out).resolve()
numbers = tuple(chosen.notebooks.split(",")) if chosen.notebooks else ("",)
workers = usable_cores()
kept = out / f"measured-{workers}.json"
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
    parameters = {"profile": chosen.profile, "data": str(Path(chosen.data).resolve()), "seed": 0, "out": str(out)}
    _, _, error = run_headless(path, parameters, warm=True)
    seconds = time.perf_counter() - start
    networks, training, flops = trained(before)
    measured[path.stem] = {
        "seconds": seconds,
        "networks": networks,
        "training": training,
        "flops": flops,
        "product": [speed, product()],
        "error": str(error or ""),
    }
    kept.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(f"{path.stem}: {seconds:,.0f} s", *([error] if error else []), flush=True)

rows, facts, minutes = [], {}, {}
for path in sorted(out.glob("measured-*.json")):
    used = int(path.stem.removeprefix("measured-"))
    facts[str(used)] = json.loads(path.read_text(encoding="utf-8"))
    for name, found in sorted(facts[str(used)].items()):
        rate = found["flops"] / found["training"] / 1e9 if found["training"] else 0.0
        share = f"{100 * rate / min(found['product']):.0f}"
        rest = found["seconds"] - found["training"] / used
        times = [f"{value / 60:.1f}" for value in (found["seconds"], found["training"], rest)]
        rows.append([str(used), name, *times, f"{found['networks']}", f"{found['flops'] / 1e12:.1f}", share])
    minutes[used] = sum(found["seconds"] for found in facts[str(used)].values()) / 60
    rows.append([str(used), "together", f"{minutes[used]:.1f}", *[""] * 5])
if len({frozenset(found) for found in facts.values()}) == 1 < len(minutes):  # the same notebooks with each number
    (low, first), *_, (high, last) = sorted(minutes.items())
    shared = (first - last) / (1 / low - 1 / high)
    rows.append(["w", f"{first - shared / low:.1f} + {shared:.1f} / w minutes", *[""] * 6])
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
