"""The whole run: every notebook of the course, then the report."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from labkit.basics.errors import Interrupted, LabkitError
from labkit.basics.files import ensure_writable, only_run, out_folder
from labkit.basics.live import Live
from labkit.basics.machine import usable_cores
from labkit.course.notebooks import asks_for, course, notebooks_folder, read_notebook, select, told_course
from labkit.course.review import exchanges
from labkit.course.run_one import Outcome, execute, set_environment
from labkit.data.places import NAMES, find, folder_of, settle, taken_for
from labkit.data.sources import read
from labkit.exercises.checker import count, not_passed, statuses
from labkit.report.document import DOCUMENTS, build_report, report_source
from labkit.report.profiles import get_profile
from labkit.report.reference import check_numbers
from labkit.report.results import read_results
from labkit.report.writing.replies import Exchange

MOST_JOBS = 4  # by default: a kernel takes up to a gigabyte
PATIENCE = 5  # seconds for notebooks to notice that their kernels were ended


def run_course(
    names: Sequence[str], profile: str, data: str, seed: int, out: str | Path, jobs: int | None = None
) -> bool:
    """Execute notebooks headless, then build the report; print a line a notebook. Return whether all went well.

    jobs: notebooks that run side by side, each with one thread; None: see `default_jobs`.
    Everything that can be refused is refused before the first notebook starts and before anything is written.
    A notebook that fails is listed at the end and never stops the others; what it published before stays.
    """
    start = time.perf_counter()
    get_profile(profile)
    data = settle(data)  # notebooks run in their own folder
    paths = select(names, told_course(notebooks_folder()))
    refuse_unusable_images(paths, data)
    folder = out_folder(out)
    _refuse_unusable(folder)
    parameters = {"profile": profile, "data": data, "seed": seed, "out": str(folder)}
    with only_run(folder):
        outcomes = execute_all(paths, parameters, folder / "notebooks", jobs or default_jobs(profile, len(paths)))
        failures = _conclude(folder, outcomes, [path.stem for path in paths])
    print(f"{len(outcomes)} notebooks in {time.perf_counter() - start:.0f} s")
    if failures:
        _print_failures(failures)
    return not failures


def default_jobs(profile: str, notebooks: int) -> int:
    """Return how many notebooks run side by side where nobody says: one per core, at most MOST_JOBS.

    In the full profile they come one by one: its sweeps use all cores, and its timings are those of an idle machine.
    """
    return 1 if profile == "full" else min(usable_cores(), MOST_JOBS, notebooks)


def refuse_unusable_images(paths: Sequence[Path], data: str) -> None:
    """Raise LabkitError for images that a notebook would refuse when it loads them: before any of them trains.

    A folder that holds one of the course's two data sets is enough: what needs the other says so by itself.
    """
    folder = folder_of(data)
    if data == "embedded" or not folder.is_dir():
        return
    for name in NAMES:
        if find(taken_for(name, data), folder) and any(asks_for(path, name) for path in paths):
            read(name, data)


def _refuse_unusable(folder: Path) -> None:
    """Raise LabkitError unless a run's results can be written into `folder`, and added to those that are there."""
    ensure_writable(folder)
    for name in ("notebooks", "cache", "figures", "tables", "exercises"):
        if os.path.lexists(folder / name):
            ensure_writable(folder / name)
    if (folder / "results.json").exists():
        read_results(folder / "results.json")


def _conclude(folder: Path, outcomes: Sequence[Outcome], names: list[str]) -> list[Outcome]:
    """Compare the run's numbers with the reference, build the report, and return what went wrong."""
    failures = [outcome for outcome in outcomes if outcome.error]
    if not failures or (folder / "results.json").exists():  # else nothing was ever published here
        try:
            results = read_results(folder / "results.json")
            _print_comparison(results, names)
            answers = answers_in(notebooks_folder())
            written = build_report(folder, results, not_passed=not_passed(folder), answers=answers)
            for report in written[1 : len(DOCUMENTS)]:
                print(f"Report: {report}")
        except LabkitError as error:
            failures.append(Outcome("report", 0, "-", str(error)))
    if checked := statuses(folder):
        print(f"Exercises: {count(checked)}.")
    return failures


def report_on(folder: Path, template: Path | None = None) -> list[Path]:
    """Build the report again from what a run left in `folder`; see `build_report`.

    Answers come from the notebooks beside the report's source, as groups write and submit them, or from the run's.
    """
    source = template or report_source()
    beside = source.parent / "notebooks"
    answers = answers_in(beside if beside.is_dir() else folder / "notebooks")
    return build_report(folder, read_results(folder / "results.json"), source, not_passed(folder), answers)


def answers_in(folder: Path) -> dict[str, list[Exchange]]:
    """Return the questions and answers of the course's notebooks in a folder, by their names.

    A notebook that cannot be read has none; that it cannot is told where it is executed.
    """
    answers: dict[str, list[Exchange]] = {}
    for path in course(folder):
        with contextlib.suppress(LabkitError):
            answers[path.stem] = exchanges(read_notebook(path))
    return answers


def execute_all(paths: Sequence[Path], parameters: dict[str, Any], folder: Path, jobs: int = 1) -> list[Outcome]:
    """Execute notebooks headless into `folder`, printing a line each; return what became of them, in their order.

    Interrupted is raised when the user ends it; a notebook that fails never stops the others.
    """
    from labkit.course import kernels

    set_environment()
    if len(paths) > 1:
        kernels.prepare()
    try:
        with Live(Path(parameters["out"], ".progress")) as live:
            return (_one_by_one if jobs == 1 else _side_by_side)(paths, parameters, folder, jobs, live)
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "Interrupted: finished notebooks and trainings are kept, and the same command goes on from there."
        ) from interrupt


def _one_by_one(paths: Sequence[Path], parameters: dict[str, Any], folder: Path, _: int, live: Live) -> list[Outcome]:
    """Execute notebooks one after the other."""
    outcomes = []
    for number, path in enumerate(paths, 1):
        head = f"[{number}/{len(paths)}] {path.stem} ..."
        live.begin(head)
        try:
            outcomes.append(execute(path, parameters, folder, live.listener(path)))
        except KeyboardInterrupt:
            live.end(head, "interrupted")
            raise
        live.end(head, outcomes[-1].summary(), path.stem)
    return outcomes


def _side_by_side(
    paths: Sequence[Path], parameters: dict[str, Any], folder: Path, jobs: int, live: Live
) -> list[Outcome]:
    """Execute `jobs` notebooks at a time, each with one thread."""
    from labkit.course import kernels

    os.environ["LABKIT_THREADS"] = "1"
    outcomes = []
    pool = ThreadPoolExecutor(jobs)
    # papermill changes into the notebook's folder, and with it all that runs beside it: be there from the start.
    with contextlib.chdir(paths[0].parent):
        pending = [pool.submit(_execute_in_thread, path, parameters, folder, live) for path in paths]
        try:
            for number, (path, future) in enumerate(zip(paths, pending, strict=True), 1):
                outcomes.append(future.result())
                live.end(f"[{number}/{len(paths)}] {path.stem} ...", outcomes[-1].summary(), path.stem)
        except KeyboardInterrupt:
            with _silent("papermill"):  # of the kernels that die now
                kernels.own_server.end()  # notebooks end with their kernels
                pool.shutdown(wait=False, cancel_futures=True)
                wait(pending, PATIENCE)
            raise
    pool.shutdown()
    return outcomes


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Within, nothing is heard of a logger."""
    logger = logging.getLogger(name)
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _execute_in_thread(path: Path, parameters: dict[str, Any], folder: Path, live: Live) -> Outcome:
    """Execute one notebook, and close the event loop that nbclient leaves open in a thread."""
    from jupyter_core.utils import ensure_event_loop

    try:
        return execute(path, parameters, folder, live.listener(path))
    finally:
        ensure_event_loop().close()


def _print_comparison(results: dict[str, Any], names: list[str]) -> None:
    """Print the run's numbers beside the reference bands; those outside come with a mark and a count."""
    from rich.console import Console
    from rich.table import Column, Table

    rows, without = check_numbers(results, names)
    if rows:
        table = Table(
            "notebook, number", Column("yours", justify="right"), Column("reference band", justify="right"), ""
        )
        for row in rows:
            band = f"{row.low:.1f} to {row.high:.1f} %"
            notebook, number = row.number.split(".")
            verdict = {True: "inside", False: "OUTSIDE", None: "too noisy to check"}[row.inside]
            table.add_row(f"{notebook[:2]} {number}", row.text, "" if row.inside is None else band, verdict)
        Console().print(table)
        checked = [row for row in rows if row.inside is not None]
        print(f"{sum(bool(row.inside) for row in checked)} of {len(checked)} numbers lie inside the reference band.")
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
