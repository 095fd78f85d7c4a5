"""The course's notebooks: their order, and the whole run with its report.

Imports config, artifacts, checks, files, headless, kernels, reference and report.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from labkit import kernels
from labkit.artifacts import read_results
from labkit.checks import count, statuses
from labkit.config import Interrupted, LabkitError, UsageError, get_profile, out_folder
from labkit.files import ensure_writable
from labkit.headless import Outcome, execute, set_environment
from labkit.reference import compare
from labkit.report import build_report

PARAMETERS = ("profile", "data", "seed", "out")


def notebooks_folder() -> Path:
    """Return the folder of the course's notebooks: `notebooks` here, else the one beside the package."""
    for folder in (Path.cwd() / "notebooks", Path(__file__).resolve().parent.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise UsageError("No folder 'notebooks' here: run the command in the folder that holds it.")


def course(folder: Path) -> list[Path]:
    """Return the notebooks of the course in their order: NN_name.ipynb."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def select(names: Sequence[str], known: Sequence[Path]) -> list[Path]:
    """Return those of `known` that `names` ("05", "05_mlp1_sweep" or a path) mean, in their order; all for none."""
    chosen = set()
    for name in names:
        stem = Path(name).stem
        matches = [path for path in known if path.stem == stem or path.stem.split("_")[0] == stem]
        if not matches:
            raise UsageError(f"Notebook {name!r} is not known: choose among {', '.join(path.stem for path in known)}.")
        chosen.update(matches)
    return [path for path in known if path in chosen or not names]


def run_course(names: Sequence[str], profile: str, data: str, seed: int, out: str | Path, jobs: int = 1) -> bool:
    """Execute notebooks headless, then build the report; print a line a notebook. Return whether all went well.

    jobs: notebooks that run side by side, each with one thread.
    Everything that can be refused is refused before the first notebook starts and before anything is written.
    A notebook that fails is listed at the end and never stops the others; what it published before stays.
    """
    start = time.perf_counter()
    get_profile(profile)
    if data not in ("auto", "embedded"):
        if not Path(data).expanduser().is_dir():
            raise UsageError(f"{data} is not a folder: --data takes auto, embedded or a folder that holds the images.")
        data = str(Path(data).expanduser().resolve())
    if os.environ.get("LABKIT_DATA"):  # notebooks run in their own folder
        os.environ["LABKIT_DATA"] = str(Path(os.environ["LABKIT_DATA"]).expanduser().resolve())
    paths = select(names, course(notebooks_folder()))
    folder = out_folder(out)
    ensure_writable(folder)
    parameters = {"profile": profile, "data": data, "seed": seed, "out": str(folder)}
    outcomes = execute_all(paths, parameters, folder / "notebooks", jobs)
    failures = [outcome for outcome in outcomes if outcome.error]
    if not failures or (folder / "results.json").exists():  # else nothing was ever published here
        try:
            _print_comparison(folder, [path.stem for path in paths])
            for report in build_report(folder)[1:]:
                print(f"Report: {report}")
        except LabkitError as error:
            failures.append(Outcome("report", 0, "-", str(error)))
    if checked := statuses(folder):
        print(f"Exercises: {count(checked)}.")
    print(f"{len(outcomes)} notebooks in {time.perf_counter() - start:.0f} s")
    if failures:
        _print_failures(failures)
    return not failures


def execute_all(paths: Sequence[Path], parameters: dict[str, Any], folder: Path, jobs: int = 1) -> list[Outcome]:
    """Execute notebooks headless into `folder`, printing a line each; return what became of them, in their order.

    Interrupted is raised when the user ends it; a notebook that fails never stops the others.
    """
    set_environment()
    if len(paths) > 1:
        kernels.prepare()
    try:
        return (_one_by_one if jobs == 1 else _side_by_side)(paths, parameters, folder, jobs)
    except KeyboardInterrupt as interrupt:
        print("interrupted", flush=True)
        raise Interrupted(
            "Interrupted: finished notebooks and trainings are kept, and the same command goes on from there."
        ) from interrupt


def _one_by_one(paths: Sequence[Path], parameters: dict[str, Any], folder: Path, _: int) -> list[Outcome]:
    """Execute notebooks one after the other."""
    outcomes = []
    for number, path in enumerate(paths, 1):
        print(f"[{number}/{len(paths)}] {path.stem} ...", end=" ", flush=True)
        outcomes.append(execute(path, parameters, folder))
        print(outcomes[-1].summary(), flush=True)
    return outcomes


def _side_by_side(paths: Sequence[Path], parameters: dict[str, Any], folder: Path, jobs: int) -> list[Outcome]:
    """Execute `jobs` notebooks at a time, each with one thread."""
    os.environ["LABKIT_THREADS"] = "1"
    outcomes = []
    # papermill changes into the notebook's folder, and with it all that runs beside it: be there from the start.
    with contextlib.chdir(paths[0].parent), ThreadPoolExecutor(jobs) as pool:
        pending = [pool.submit(_execute_in_thread, path, parameters, folder) for path in paths]
        try:
            for number, (path, future) in enumerate(zip(paths, pending, strict=True), 1):
                outcomes.append(future.result())
                print(f"[{number}/{len(paths)}] {path.stem} ... {outcomes[-1].summary()}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            kernels.end()  # notebooks end with their kernels
            raise
    return outcomes


def _execute_in_thread(path: Path, parameters: dict[str, Any], folder: Path) -> Outcome:
    """Execute one notebook, and close the event loop that nbclient leaves open in a thread."""
    from jupyter_core.utils import ensure_event_loop

    try:
        return execute(path, parameters, folder)
    finally:
        ensure_event_loop().close()


def _print_comparison(folder: Path, names: list[str]) -> None:
    """Print the run's numbers beside the reference bands; those outside come with a mark and a count."""
    from rich.console import Console
    from rich.table import Column, Table

    rows, without = compare(read_results(folder / "results.json"), names)
    if rows:
        table = Table(
            "notebook, number", Column("yours", justify="right"), Column("reference band", justify="right"), ""
        )
        for row in rows:
            band = f"{row.low:.1f} to {row.high:.1f} %"
            notebook, number = row.number.split(".")
            table.add_row(f"{notebook[:2]} {number}", row.text, band, "inside" if row.inside else "OUTSIDE")
        Console().print(table)
        inside = sum(row.inside for row in rows)
        print(f"{inside} of {len(rows)} numbers lie inside the reference band.")
    for kind in without:
        print(f"No reference band for: {kind}.")


def _print_failures(failures: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("notebook", "cell", Column("error", overflow="fold"), title="What went wrong", title_justify="left")
    for outcome in failures:
        table.add_row(outcome.name, Text(outcome.cell), Text(outcome.error))
    Console(stderr=True).print(table)
