"""One notebook, executed headless through papermill."""

from __future__ import annotations

import ast
import atexit
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError, first_line
from labkit.basics.files import home_folder, write_atomically
from labkit.basics.signals import exit_code
from labkit.course.notebooks import read_notebook


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: its name, the seconds it took, and the cell and error that ended it, if any."""

    name: str
    seconds: float
    cell: str = ""
    error: str = ""

    def summary(self) -> str:
        """Say whether it passed, and how long it took."""
        return f"{'failed' if self.error else 'passed'} in {self.seconds:.1f} s"


def execute(
    path: Path, parameters: dict[str, Any], folder: Path, on_cell: Callable[..., None] | None = None
) -> Outcome:
    """Execute one notebook through papermill and keep it in `folder`; a failed one as NAME.failed.ipynb.

    on_cell: see `run_headless`.
    """
    start = time.perf_counter()
    target, failed = folder / path.name, folder / f"{path.stem}.failed.ipynb"
    try:
        _check_parameters(path, parameters)
        executed, cell, error = run_headless(path, parameters, on_cell=on_cell)
        if error and exit_code():
            raise KeyboardInterrupt  # its kernel was ended with the run: that is no failure of the notebook
        write_atomically(failed if error else target, executed)
        if not error:
            failed.unlink(missing_ok=True)
    except LabkitError as problem:
        cell, error = "-", str(problem)
    return Outcome(path.stem, time.perf_counter() - start, cell, error)


def run_headless(
    path: Path,
    parameters: dict[str, Any],
    folder: Path | None = None,
    warm: bool = True,
    on_cell: Callable[..., None] | None = None,
) -> tuple[str, str, str]:
    """Run a notebook through papermill in `folder` (default: its own), without changing its file.

    warm: on a warm kernel, where this system has them. on_cell: called with `cell` and `cell_index` before each cell.
    Returns the executed notebook as JSON text, and the cell and one-line error that ended it (empty when none did).
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    from labkit.course import kernels

    set_environment()
    folder = folder or path.parent
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / path.name
        cell = error = ""
        try:
            papermill.execute_notebook(
                path,
                target,
                parameters,
                cwd=None if folder == Path.cwd() else folder,
                kernel_name=kernels.KERNEL if warm else "python3",
                kernel_manager_class=kernels.OwnKernels,
                language="python",
                progress_bar=False,
                on_cell_start=on_cell,
                # without notices about TCP, and about the interrupt at its end
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            )
        except papermill.PapermillExecutionError as problem:
            cell, error = f"[{problem.exec_count}]", f"{problem.ename}: {first_line(problem.evalue)}"
        except DeadKernelError:
            cell, error = "-", "The kernel died: it was killed, or it ran out of memory."
        except Exception as problem:  # whatever a strange notebook makes papermill raise, the next one still runs
            cell, error = "-", f"It could not be run: {type(problem).__name__}: {first_line(str(problem))}"
        text = target.read_text(encoding="utf-8") if target.is_file() else json.dumps(read_notebook(path))
    return text, cell, error


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
    settable = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if unknown := [name for name in parameters if name not in settable]:
        names = ", ".join(sorted(settable))
        raise LabkitError(f"{path.name} has no parameter {', '.join(unknown)}: its parameters cell sets {names}.")


# matplotlib reads the matplotlibrc of the folder it is imported in, and MATPLOTLIBRC only where there is none.
STARTUP = """
import os
here = os.getcwd()
os.chdir(os.environ["IPYTHONDIR"])
import matplotlib
os.chdir(here)
del os, here, matplotlib
"""
# Of Python's own variables, those that say where it is and how it keeps its byte code.
PYTHONS = ("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


def set_environment() -> None:
    """Set what kernels read at their start, so that no setting of the user's own changes what a notebook gives.

    Kernels find no profile of IPython, no configuration of Jupyter, no matplotlibrc, and none of the variables that
    change Python: in JupyterLab these stay the student's, but a TA has others. Folders that are written to are new.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # keeps the debugger's notices out of outputs
    # Threads that spin while they wait slow each other down where processes share cores; a bound on it costs an idle
    # machine nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry and _is_needed(Path(entry))]
    for name in list(os.environ):
        if (name.startswith(("JUPYTER_", "PYTHON", "IPYTHON")) and name not in PYTHONS) or name == "MPLBACKEND":
            del os.environ[name]
    if path:
        os.environ["PYTHONPATH"] = os.pathsep.join(path)
    settings = _empty_folder()
    os.environ |= {f"JUPYTER_{kind}_DIR": f"{settings}/{kind.lower()}" for kind in ("CONFIG", "DATA", "RUNTIME")}
    os.environ |= {"IPYTHONDIR": f"{settings}/ipython", "MATPLOTLIBRC": f"{settings}/matplotlibrc"}
    if not os.access(home_folder() or "/", os.W_OK):  # it holds matplotlib's list of fonts
        os.environ.setdefault("MPLCONFIGDIR", settings)


def _is_needed(entry: Path) -> bool:
    """Whether labkit itself or torch comes from this folder of PYTHONPATH, as on a cluster with modules."""
    found = [importlib.util.find_spec(name) for name in ("labkit", "torch")]
    return any(spec and spec.origin and Path(spec.origin).parent.parent == entry.resolve() for spec in found)


@cache
def _empty_folder() -> str:
    """Return a folder of this process, with no setting of anybody's in it, that is gone when the process has ended."""
    try:
        folder = tempfile.mkdtemp(prefix="labkit-settings-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (Path(folder) / "matplotlibrc").touch()
        startup = Path(folder) / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "matplotlibrc.py").write_text(STARTUP, encoding="utf-8")
    except OSError as error:
        raise LabkitError(
            f"The folder for temporary files cannot be written ({error.strerror or error}): free some space there, or "
            "name another folder in the variable TMPDIR (on Windows TEMP)."
        ) from error
    return folder
