"""The shelf: which notebooks the course has, and how a notebook is read, cleaned and written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.exercises.catalogue import modules

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
RUN = re.compile(r"""\b(?:Run|begin)\(\\?["'](\d\d_\w+)\\?["']""")  # as it stands in a notebook's JSON
KEPT_METADATA = {"tags", "nbgrader"}  # of a cell


def notebooks_folder() -> Path:
    """Return the folder of the course's notebooks: `notebooks` here, else the one beside the package."""
    for folder in (Path.cwd() / "notebooks", CHECKOUT / "notebooks"):
        if folder.is_dir():
            return folder
    raise UsageError("No folder 'notebooks' here: run the command in the folder that holds it.")


def course(folder: Path) -> list[Path]:
    """Return the notebooks of the course in their order: one NN_name.ipynb a number.

    Of several with one number, as JupyterLab's Duplicate and people's `_old` make them, it is the one that labkit has
    exercises for, else the one whose own name is that of its results, else the one whose name the others go on from.
    UsageError where that names none, or several, and for a folder without any, as that of a night's results.
    """
    by_number: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        by_number.setdefault((_name_of_results(path) or path.stem)[:2], []).append(path)
    if not by_number:
        raise UsageError(
            f"{folder} holds no notebook of the course (NN_name.ipynb): run the command in the course's folder."
        )
    return [_original(by_number[number]) for number in sorted(by_number)]


def told_course(folder: Path) -> list[Path]:
    """Return the notebooks of the course, as `course`, and say what else there is in their folder."""
    shelf = course(folder)
    if others := left_out(folder, shelf):
        print(others)
    return shelf


def left_out(folder: Path, taken: Sequence[Path]) -> str:
    """Return a line that names what else there is in a folder of notebooks; nothing where there is nothing."""
    names = sorted(path.name for path in folder.glob("*.ipynb") if path not in taken and not path.name.startswith("."))
    return f"Left out, as copies or no notebooks of the course: {', '.join(names)}." if names else ""


def _original(paths: list[Path]) -> Path:
    """Return which of the notebooks that have one number is the course's."""
    with_exercises = {module.removeprefix("nb") for module in modules()}
    shortest = min(paths, key=lambda path: len(path.stem))
    for found in (
        [path for path in paths if path.stem in with_exercises],
        [path for path in paths if path.stem == _name_of_results(path)],
        [shortest] if all(path.stem.startswith(shortest.stem) for path in paths) else paths,
    ):
        if len(found) == 1:
            return found[0]
    names = " and ".join(path.name for path in paths)
    raise UsageError(f"{names} have one number: keep one of them in {paths[0].parent}, and move the others away.")


def _name_of_results(path: Path) -> str:
    """Return the name under which a notebook publishes its results, which a copy keeps; "" where it names none."""
    try:
        named = RUN.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        named = None
    return named[1] if named else ""


def asks_for(path: Path, images: str) -> bool:
    """Whether a notebook's cells name "mnist" or "cifar10", which they then load."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(re.search(rf"""\\?["']{images}\\?["']""", text))


def select(names: Sequence[str], available: Sequence[Path]) -> list[Path]:
    """Return those of `available` that `names` ("05", "05_mlp1_sweep" or a path) mean, in their order; all for none."""
    selected = set()
    for name in names:
        stem = Path(name).stem
        matches = [path for path in available if path.stem == stem or path.stem.split("_")[0] == stem]
        if not matches:
            stems = ", ".join(path.stem for path in available)
            raise UsageError(f"Notebook {name!r} is not known: choose among {stems}.")
        selected.update(matches)
    return [path for path in available if path in selected or not names]


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
        reason = first_line(error)[:80]
        raise LabkitError(f"{path} is not a notebook ({reason}): restore it, e.g. with `git restore`.") from error


def clean(notebook: Any) -> Any:
    """Return the notebook without what differs from run to run: timestamps, random ids, the runner's own notes."""
    notebook.metadata = {"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number:02d}"
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT_METADATA}
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]  # papermill leaves an empty list
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    return notebook


def to_text(notebook: Any) -> str:
    """Return the notebook as the JSON text that is stored."""
    import nbformat

    text: str = nbformat.writes(notebook, version=4)
    return text.rstrip("\n") + "\n"


def _joined(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of the same stream: where they were cut depends on timing."""
    joined: list[Any] = []
    for output in outputs:
        same = joined and output.output_type == "stream" == joined[-1].output_type and output.name == joined[-1].name
        if same:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined
