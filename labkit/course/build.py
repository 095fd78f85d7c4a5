"""Stored notebooks and their text twins: build, clean and compare them.

An engineer edits notebooks/source/NN_name.py; notebooks/NN_name.ipynb is built from it, executed on the embedded data
in the quick profile. Cleaning leaves nothing that differs between two runs but the outputs themselves.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError, first_line
from labkit.basics.files import write_atomically
from labkit.course.notebooks import clean, notebooks_folder, read_notebook, select, to_text
from labkit.course.review import QUESTIONS
from labkit.course.run_one import run_headless
from labkit.exercises.catalogue import exercises

IGNORED = "nbval-ignore-output"
SOLUTION = "### BEGIN SOLUTION"
CHECK = re.compile(r'check\("([\d.]+)", ')


def build_notebooks(names: Sequence[str] = ()) -> None:
    """Write stored notebooks anew from their twins, executed; LabkitError names the first that fails.

    names: "05", "05_mlp1_sweep" or a path; all for none.
    """
    import nbformat

    twins = select(names, _twins())

    with tempfile.TemporaryDirectory() as scratch:
        no_data = Path(scratch) / "data"
        no_data.mkdir()
        for twin in twins:
            # A folder of its own, so that the progress it shows does not hang on which others were built before.
            # One thread, because results differ in their last digits with the number of threads.
            os.environ |= {"LABKIT_OUT": f"{scratch}/{twin.stem}", "LABKIT_DATA": str(no_data), "LABKIT_THREADS": "1"}
            fresh = Path(scratch) / f"{twin.stem}.ipynb"
            nbformat.write(_from_twin(twin), fresh)
            text, cell, error = run_headless(fresh, {}, folder=_notebook_of(twin).parent)
            if error:
                raise LabkitError(f"{twin.name}, cell {cell}: {error}")
            write_atomically(_notebook_of(twin), to_text(clean(nbformat.reads(text, as_version=4))))
            print(f"{_notebook_of(twin).name}: built", flush=True)


def check_notebooks() -> None:
    """Raise LabkitError, one line a finding, unless stored notebooks are clean, executed and like their twins."""
    findings = []
    stems = {path.stem for path in _twins()}
    for notebook in sorted(notebooks_folder().glob("*.ipynb")):
        if notebook.stem not in stems:
            findings.append(f"{notebook.name} has no twin source/{notebook.stem}.py")
    for twin in _twins():
        path = _notebook_of(twin)
        if path.is_file():
            findings += [f"{path.name}: {finding}" for finding in _findings(path, twin)]
        else:
            findings.append(f"{twin.name} has no notebook {path.name}")
    if findings:
        raise LabkitError("\n  ".join([*findings, "Build them again: `make notebooks`."]))


def _twins() -> list[Path]:
    return sorted((notebooks_folder() / "source").glob("[0-9][0-9]_*.py"))


def _notebook_of(twin: Path) -> Path:
    return twin.parent.parent / f"{twin.stem}.ipynb"


def _from_twin(twin: Path) -> Any:
    import jupytext

    try:
        return clean(mark(jupytext.read(twin)))
    except LabkitError as error:
        raise LabkitError(f"source/{twin.name}: {error}") from error


def mark(notebook: Any) -> Any:
    """Give the cells of exercises the metadata by which nbgrader knows them (schema 3), and return the notebook.

    A cell that calls `check("1.2", ...)` becomes the locked test of exercise 1.2, with its points; the cell with
    solution markers before it becomes the answer. The text cell behind the questions is an answer that a person grades.
    LabkitError for an answer without a check, or a check without one.
    """
    answers: list[Any] = []
    schema = {"schema_version": 3, "task": False}
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type != "code":
            if before is not None and (asked := QUESTIONS.search(before.source)):
                cell.metadata["nbgrader"] = {
                    **schema, "grade": True, "grade_id": "questions", "locked": False, "solution": True,
                    "points": len(re.findall(r"^\d+\. ", before.source[asked.end() :], re.MULTILINE)),
                }  # fmt: skip
            continue
        if SOLUTION in cell.source:
            answers.append(cell)
        if check := CHECK.match(cell.source):
            name = check[1]
            if name not in exercises() or len(answers) != 1:
                raise LabkitError(
                    f"check {name!r} needs an exercise of that name in labkit.exercises, and one cell with {SOLUTION} "
                    f"since the check before it, but there are {len(answers)}."
                )
            slug = name.replace(".", "-")
            answers.pop().metadata["nbgrader"] = {
                **schema, "grade": False, "grade_id": f"answer-{slug}", "locked": False, "solution": True
            }  # fmt: skip
            cell.metadata["nbgrader"] = {
                **schema, "grade": True, "grade_id": f"check-{slug}", "locked": True, "solution": False,
                "points": exercises()[name].points,
            }  # fmt: skip
    if answers:
        raise LabkitError(f"No check follows the answer that begins with {answers[0].source.splitlines()[0]!r}.")
    return notebook


def _findings(path: Path, twin: Path) -> list[str]:
    stored = read_notebook(path)
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    findings = []
    if [_essence(cell) for cell in stored.cells] != [_essence(cell) for cell in _from_twin(twin).cells]:
        findings.append(f"differs from source/{twin.name}")
    if bare := sum(cell.execution_count is None for cell in cells):
        findings.append(f"{bare} of {len(cells)} code cells were never run")
    if not any(cell.outputs for cell in cells):
        findings.append("holds no outputs")
    numbers = [cell for cell in cells if "run.number(" in cell.source or "run.table(" in cell.source]
    if all(IGNORED in cell.metadata.get("tags", []) for cell in numbers):
        findings.append(f"no cell with numbers is compared: each carries the tag {IGNORED}, or there is none")
    for cell in cells:
        if errors := [output for output in cell.outputs if output.output_type == "error"]:
            findings.append(f"{cell.id} holds an error: {first_line(errors[0].evalue)}")
        if warnings := [output for output in cell.outputs if output.get("name") == "stderr"]:
            findings.append(f"{cell.id} holds a warning: {first_line(warnings[0].text)}")
    if path.read_text(encoding="utf-8") != to_text(clean(stored)):
        findings.append("is not clean: it holds metadata of one run")
    return findings


def _essence(cell: Any) -> tuple[str, str, list[str], dict[str, Any]]:
    return cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.metadata.get("nbgrader", {})
