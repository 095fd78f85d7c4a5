"""The course's notebooks: their order, their headless execution, and the whole run with its report.

Imports config, artifacts, files, reference and report.
"""

from __future__ import annotations

import ast
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.artifacts import read_results
from labkit.config import Interrupted, LabkitError, UsageError, get_profile, out_folder
from labkit.files import ensure_writable, write_atomically
from labkit.reference import compare
from labkit.report import build_report

PARAMETERS = ("profile", "data", "seed", "out")


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: its name, the seconds it took, and the cell and error that ended it, if any."""

    name: str
    seconds: float
    cell: str = ""
    error: str = ""


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


def run_course(names: Sequence[str], profile: str, data: str, seed: int, out: str | Path) -> bool:
    """Execute notebooks headless, then build the report; print a line a notebook. Return whether all went well.

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
    outcomes = []
    for number, path in enumerate(paths, 1):
        print(f"[{number}/{len(paths)}] {path.stem} ...", end=" ", flush=True)
        try:
            outcomes.append(execute(path, parameters, folder / "notebooks"))
        except KeyboardInterrupt as interrupt:
            print("interrupted", flush=True)
            raise Interrupted(
                "Interrupted: finished notebooks and trainings are kept, and the same command goes on from there."
            ) from interrupt
        print(f"{'failed' if outcomes[-1].error else 'passed'} in {outcomes[-1].seconds:.1f} s", flush=True)
    failures = [outcome for outcome in outcomes if outcome.error]
    if not failures or (folder / "results.json").exists():  # else nothing was ever published here
        try:
            _print_comparison(folder, [path.stem for path in paths])
            for report in build_report(folder)[1:]:
                print(f"Report: {report}")
        except LabkitError as error:
            failures.append(Outcome("report", 0, "-", str(error)))
    print(f"{len(outcomes)} notebooks in {time.perf_counter() - start:.0f} s")
    if failures:
        _print_failures(failures)
    return not failures


def execute(path: Path, parameters: dict[str, Any], folder: Path) -> Outcome:
    """Execute one notebook through papermill and keep it in `folder`; a failed one as NAME.failed.ipynb."""
    start = time.perf_counter()
    target, failed = folder / path.name, folder / f"{path.stem}.failed.ipynb"
    try:
        _check_parameters(path, parameters)
        executed, cell, error = run_headless(path, parameters)
        write_atomically(failed if error else target, executed)
        if not error:
            failed.unlink(missing_ok=True)
    except LabkitError as problem:
        cell, error = "-", str(problem)
    return Outcome(path.stem, time.perf_counter() - start, cell, error)


def read_notebook(path: Path) -> Any:
    """Read a notebook (nbformat 4); LabkitError when it is none."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (
        OSError,
        ValueError,
        AttributeError,
        KeyError,
        nbformat.ValidationError,
        nbformat.reader.NotJSONError,
    ) as error:
        reason = one_line(str(error)) or type(error).__name__
        raise LabkitError(f"{path} is not a notebook ({reason[:80]}): restore it, e.g. with `git restore`.") from error


def _check_parameters(path: Path, parameters: dict[str, Any]) -> None:
    """Raise LabkitError unless the notebook's parameters cell sets every one of `parameters`; papermill only warns."""
    cells = [cell for cell in read_notebook(path).cells if "parameters" in cell.metadata.get("tags", [])]
    if not cells:
        raise LabkitError(f"{path.name} has no cell tagged 'parameters': add one that sets {', '.join(parameters)}.")
    try:
        tree = ast.parse(cells[0].source)
    except SyntaxError as error:
        raise LabkitError(
            f"The parameters cell of {path.name} is not Python: {error.msg} in line {error.lineno}."
        ) from error
    known = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if unknown := [name for name in parameters if name not in known]:
        raise LabkitError(
            f"{path.name} has no parameter {', '.join(unknown)}: its parameters cell sets {', '.join(sorted(known))}."
        )


def run_headless(path: Path, parameters: dict[str, Any], folder: Path | None = None) -> tuple[str, str, str]:
    """Run a notebook through papermill in `folder` (default: its own), without changing its file.

    Returns the executed notebook as JSON text, and the cell and one-line error that ended it (empty when none did).
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # keeps the debugger's notices out of outputs
    # Threads that spin while they wait slow each other down where processes share cores; a bound on it costs an idle
    # machine nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / path.name
        cell = error = ""
        try:
            papermill.execute_notebook(
                path,
                target,
                parameters,
                cwd=folder or path.parent,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                extra_arguments=[
                    "--IPKernelApp.log_level=CRITICAL"
                ],  # notices about TCP, and about the interrupt at its end
            )
        except papermill.PapermillExecutionError as problem:
            cell, error = f"[{problem.exec_count}]", f"{problem.ename}: {one_line(problem.evalue)}"
        except DeadKernelError:
            cell, error = "-", "The kernel died: it was killed, or it ran out of memory."
        except Exception as problem:  # whatever a strange notebook makes papermill raise, the next one still runs
            cell, error = "-", f"It could not be run: {type(problem).__name__}: {one_line(str(problem))}"
        text = target.read_text(encoding="utf-8") if target.is_file() else json.dumps(read_notebook(path))
    return text, cell, error


def one_line(text: str) -> str:
    """Return the first line of `text`."""
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


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
