"""What a network costs: latency with its spread, peak memory, operators."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from labkit.basics.machine import get_device, synchronise

if TYPE_CHECKING:
    import pandas as pd

WARM_UP_CALLS = 3
SHORTEST_SAMPLE = 0.002  # seconds; a shorter call is repeated inside one sample, for the clock's sake


@dataclass(frozen=True)
class Latency:
    """Seconds of one forward pass: one value per sample, each the mean of `calls` passes in a row."""

    batch_size: int
    samples: list[float]
    calls: int

    @property
    def median(self) -> float:
        """Median over the samples, in seconds."""
        return self.quantile(0.5)

    def quantile(self, q: float) -> float:
        """Quantile `q` over the samples, in seconds."""
        return torch.tensor(self.samples, dtype=torch.float64).quantile(q).item()


def measure_in_turn(models: Mapping[str, nn.Module], images: torch.Tensor, repeats: int) -> dict[str, Latency]:
    """Time the forward pass of each network on the batch `images`, in inference mode: one sample of each in turn.

    So what else the machine does for a moment slows all of them, and not the one whose turn it was. Warm-up calls come
    first and are not counted; the batch is on the device before the clock starts; every sample ends when the device
    has finished.
    """
    device = get_device()
    images = images.to(device)
    for model in models.values():
        model.to(device).eval()

    def sample(model: nn.Module, calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            model(images)
        synchronise(device)
        return (time.perf_counter() - start) / calls

    with torch.inference_mode():
        once = {name: min(sample(model, 1) for _ in range(WARM_UP_CALLS)) for name, model in models.items()}
        calls = {name: max(1, round(SHORTEST_SAMPLE / seconds)) for name, seconds in once.items()}
        rounds = [{name: sample(model, calls[name]) for name, model in models.items()} for _ in range(repeats)]
    return {name: Latency(len(images), [turn[name] for turn in rounds], calls[name]) for name in models}


def measure_peak_memory(model: nn.Module, images: torch.Tensor) -> int:
    """Return the most bytes that tensors made during one forward pass hold at once, in inference mode.

    Counted from the profiler's memory events on the CPU and from the allocator on a GPU; weights and the batch
    itself exist before and are not in it.
    """
    device = get_device()
    model.to(device).eval()
    images = images.to(device)
    with torch.inference_mode():
        model(images)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
            model(images)
            return int(torch.cuda.max_memory_allocated(device) - before)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            model(images)
    allocated = peak = 0
    for event in _trace(profiler):
        if event.get("name") == "[memory]":
            allocated += event["args"]["Bytes"]
            peak = max(peak, allocated)
    return peak


def _trace(profiler: profile) -> list[dict]:
    """Return the events of the profiler's trace file, its public format, in order of time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events: list[dict] = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return sorted(events, key=lambda event: event.get("ts", 0))


def operator_table(model: nn.Module, images: torch.Tensor, rows: int = 8) -> pd.DataFrame:
    """Return the operators of one forward pass with their number of calls and share of the time, costliest first.

    Columns: operator, calls, share (of the operators' own time, in percent). Twenty passes are profiled.
    """
    import pandas as pd

    device = get_device()
    model.to(device).eval()
    images = images.to(device)
    passes = 20
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with torch.inference_mode():
        model(images)
        with profile(activities=activities) as profiler:
            for _ in range(passes):
                model(images)
            synchronise(device)
    on_gpu = device.type == "cuda"
    events = [event for event in profiler.key_averages() if event.key.startswith("aten::")]
    times = [event.self_device_time_total if on_gpu else event.self_cpu_time_total for event in events]
    table = pd.DataFrame(
        {
            "operator": [event.key for event in events],
            "calls": [round(event.count / passes) for event in events],
            "share": [100 * value / sum(times) for value in times],
        }
    )
    return table.sort_values("share", ascending=False, ignore_index=True).head(rows)


def cost_table(
    models: Mapping[str, nn.Module], images: torch.Tensor, batch_sizes: Sequence[int], repeats: int
) -> pd.DataFrame:
    """Return one row per network and batch size; the networks are timed in turn (see `measure_in_turn`).

    images: (N, C, H, W), repeated where a batch is larger than N.
    Columns: model, batch_size, median_ms, q1_ms, q3_ms, us_per_image, weights_kB, activations_kB (see
    `measure_peak_memory`), total_kB (of both), samples_ms (a list). 1 kB is 1000 bytes.
    """
    import pandas as pd

    rows = []
    for batch_size in batch_sizes:
        batch = images[torch.arange(batch_size) % len(images)]
        for name, latency in measure_in_turn(models, batch, repeats).items():
            weights = sum(parameter.nbytes for parameter in models[name].parameters()) / 1e3
            activations = measure_peak_memory(models[name], batch) / 1e3
            rows.append(
                {
                    "model": name,
                    "batch_size": batch_size,
                    "median_ms": 1e3 * latency.median,
                    "q1_ms": 1e3 * latency.quantile(0.25),
                    "q3_ms": 1e3 * latency.quantile(0.75),
                    "us_per_image": 1e6 * latency.median / batch_size,
                    "weights_kB": weights,
                    "activations_kB": activations,
                    "total_kB": weights + activations,
                    "samples_ms": [1e3 * seconds for seconds in latency.samples],
                }
            )
    return pd.DataFrame(rows)
