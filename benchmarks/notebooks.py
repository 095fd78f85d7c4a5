"""Seconds a notebook: papermill's command, papermill in a process that runs on, nbval, and the kit's warm kernels.

python benchmarks/notebooks.py [--course 0]

Two notebooks, one empty, one that imports everything, and the whole course in the quick profile. Bytecode is
compiled beforehand, as tools/setup.sh leaves it: where Python may not write it, cold starts take longer still.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from measure import arguments, in_turn, median, publish

from labkit.course import kernels
from labkit.course.notebooks import course, notebooks_folder
from labkit.course.run_one import run_headless, set_environment

IMPORTS = "import matplotlib.pyplot, pandas, seaborn, torch, torchvision"
scratch = Path(tempfile.mkdtemp(prefix="labkit-bench-"))
parameters = {"profile": "quick", "data": "embedded", "seed": 0}


def notebook(name: str, source: str) -> Path:
    """Write a notebook of one cell, as it is after it ran."""
    path = scratch / f"{name}.ipynb"
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), path)
    return path


def command(paths: Sequence[Path], given: dict[str, object]) -> None:
    """papermill's command, once a notebook."""
    options = [part for name, value in given.items() for part in ("-p", name, str(value))]
    for path in paths:
        target = scratch / "executed.ipynb"
        run = [
            sys.executable,
            "-m",
            "papermill",
            str(path),
            str(target),
            "--no-progress-bar",
            "-k",
            "python3",
            *options,
        ]
        subprocess.run(run, check=True, cwd=path.parent, capture_output=True)


def in_process(paths: Sequence[Path], given: dict[str, object], warm: bool) -> None:
    """papermill as a library, on ordinary or warm kernels."""
    for path in paths:
        _, _, error = run_headless(path, given, warm=warm)
        assert not error, error


def nbval(paths: Sequence[Path], kernel: str) -> None:
    """nbval, once for all notebooks, without the comparison of outputs."""
    options = [
        "--nbval-lax",
        f"--nbval-kernel-name={kernel}",
        "--nbval-cell-timeout=600",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    run = [sys.executable, "-m", "pytest", *options, *map(str, paths)]
    environment = os.environ | {"LABKIT_OUT": str(scratch / "out"), "LABKIT_DATA": str(scratch)}
    subprocess.run(run, check=True, cwd=scratch, capture_output=True, env=environment)


chosen = arguments(__doc__.splitlines()[0], {"repeats": 1, "course": 0}, repeats=5, course=1)
set_environment()
os.environ["LABKIT_OUT"] = str(scratch / "out")
sets: dict[str, tuple[list[Path], dict[str, object], int]] = {
    "empty": ([notebook("empty", "1")], {}, chosen.repeats),
    "imports everything": ([notebook("imports", IMPORTS)], {}, chosen.repeats),
}
if chosen.course:
    paths = course(notebooks_folder())
    sets["the whole course"] = (paths, {**parameters, "out": str(scratch / "course")}, 1)
in_process(sets["empty"][0], {}, warm=True)  # the server's start, which happens once a run, is shown by itself below


def seconds(work: Callable[[], None]) -> float:
    """Return how long `work` takes; results of an earlier side are not found again."""
    subprocess.run(["rm", "-rf", str(scratch / "course"), str(scratch / "out")], check=True)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def restart() -> None:
    """Start the server anew, and one kernel."""
    kernels.own_server.end()
    in_process(sets["empty"][0], {}, warm=True)


rows, facts = [], {"the server's start": in_turn({"warm": lambda: seconds(restart)}, 3)}
for name, (paths, given, repeats) in sets.items():
    sides = {
        "papermill's command": lambda paths=paths, given=given: command(paths, given),
        "papermill in process": lambda paths=paths, given=given: in_process(paths, given, warm=False),
        "nbval": lambda paths=paths: nbval(paths, "python3"),
        "nbval, warm": lambda paths=paths: nbval(paths, kernels.KERNEL),
        "warm": lambda paths=paths, given=given: in_process(paths, given, warm=True),
    }
    times = in_turn({side: lambda work=work: seconds(work) for side, work in sides.items()}, repeats)
    facts[name] = times
    warm = median(times["warm"])
    rows.append([name, *(f"{median(values):.2f} ({median(values) / warm:.0f}x)" for values in times.values())])
start = median(facts["the server's start"]["warm"])
rows.append(["the server's start, once", "", "", "", "", f"{start:.2f}"])
publish("notebooks", "Seconds (and how many times the warm kernel's)", ["notebook", *sides], rows, {"times": facts})
