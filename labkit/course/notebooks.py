"""The shelf: which notebooks the course has, and how a notebook is read, cleaned and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError, first_line

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_METADATA = {"tags", "nbgrader"}  # of a cell


def notebooks_folder() -> Path:
    """Return the folder of the course's notebooks: `notebooks` here, else the one beside the package."""
    for folder in (Path.cwd() / "notebooks", CHECKOUT / "notebooks"):
        if folder.is_dir():
            return folder
    raise UsageError("No folder 'notebooks' here: run the command in the folder that holds it.")


def course(folder: Path) -> list[Path]:
    """Return the notebooks of the course in their order: NN_name.ipynb."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


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
