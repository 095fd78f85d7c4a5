"""Make a course of two small notebooks, submissions of three students, and look at what became of them."""

import csv

import nbformat

from labkit.course.build import mark
from labkit.course.notebooks import clean, to_text
from labkit.grading.records.store import AttemptStore
from labkit.grading.sandbox.confine import Limits
from labkit.grading.settings import Bounds, Settings

code, prose = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
PARAMETERS = 'profile = "quick"\ndata = "auto"\nseed = 0\nout = ""'
SETUP = """from types import SimpleNamespace
from pathlib import Path
from labkit.exercises.checker import Checker
check = Checker(SimpleNamespace(name="01_small", out=Path(out)))"""
ANSWER = "def {name}:\n    ### BEGIN SOLUTION\n    return {result}\n    ### END SOLUTION"
ANSWERS = {
    "1.2": ("central_difference(f, x, h)", "(f(x + h) - f(x - h)) / (2 * h)"),
    "1.4": ("gradient(powers, error)", "2 * powers @ error / len(error)"),
}
STEMS = ("01_small", "02_small")
SETTINGS = Settings("quick", "embedded", Bounds(cell_seconds=10, seconds=30), Limits(), unsafe=False)


def staff_notebook():
    cells = [code(PARAMETERS), code(SETUP)]
    for exercise, (name, result) in ANSWERS.items():
        cells += [code(ANSWER.format(name=name, result=result)), code(f'check("{exercise}", {name.split("(")[0]})')]
    cells[0].metadata["tags"] = ["parameters"]
    return clean(mark(nbformat.v4.new_notebook(cells=cells)))


def student_notebook(*wrong):
    notebook = staff_notebook()
    for cell in notebook.cells:
        for text in wrong:
            cell.source = cell.source.replace(text, "1")
    return to_text(notebook)


def make_batch(folder):
    """Make the folders notebooks and submissions."""
    (folder / "notebooks").mkdir()
    for stem in STEMS:
        (folder / "notebooks" / f"{stem}.ipynb").write_text(to_text(staff_notebook()))
    for student, wrong in (("ada", ()), ("bob", ("2 * h",)), ("cy", ("len(error)", "2 * h"))):
        own = folder / "submissions" / student
        own.mkdir(parents=True)
        for stem in STEMS if student != "cy" else STEMS[:1]:
            (own / f"{stem}.ipynb").write_text(student_notebook(*wrong))


def gradebook(folder):
    with (folder / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def content(out):
    with AttemptStore(out / "results.sqlite", write=False) as results:
        return [
            (attempt.submission, attempt.notebook, attempt.status, attempt.verdicts, attempt.notebook_hash)
            for attempt in results.attempts()
        ]
