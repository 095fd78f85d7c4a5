"""Graded folders for check-offs: attempts with all numbers that questions speak of, and executed notebooks."""

import base64
import io
from functools import cache

import nbformat
from attempt_makers import attempt
from PIL import Image

from labkit import CHECKOUT
from labkit.course.notebooks import course
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.checkoff.templates import read_templates
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore
from labkit.report.captions import captions_of

NOTEBOOKS = CHECKOUT / "notebooks"
CHAPTERS = {path.stem[:2]: path.stem for path in course(NOTEBOOKS)}
STEMS = tuple(CHAPTERS.values())
CODE = 'def answer(runs):\n    """Return it."""\n    return runs  # as it is'
# Where a question wants the first of two numbers to be higher, these come first.
HIGH = ("baseline_test", "relu_low_15_test", "b3_plain_train", "lenet5_test")


@cache
def templates():
    return read_templates(NOTEBOOKS, CHAPTERS)


def numbers_of(notebook, shift=0.0):
    """Return texts for all numbers that questions on a notebook speak of, each another one."""
    names = sorted({name for one in templates().values() if one.notebook == notebook for name in one.numbers})
    plain = {"chosen_width": "150 neurons", "parameters_300": "238,510 parameters"}
    plain |= {"parameters": "62,006 parameters", "own_design_parameters": "31,204 parameters"}
    values = {name: 98.5 if name in HIGH else 96 + 0.1 * place for place, name in enumerate(names)}
    return {name: plain.get(name, f"{values[name] + shift:.2f} ± 0.21 %") for name in names}


def picture(size=(640, 400), colour="steelblue"):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def cells_of(notebook, code=CODE, content=None):
    """Return the cells of an executed notebook: all answers, and all of its figures."""
    chapter = chapter_of(notebook)
    cells = []
    for name in exercises():
        if chapter_of(name) == chapter:
            marks = {"nbgrader": {"grade_id": f"answer-{name.replace('.', '-')}", "solution": True}}
            cells.append(nbformat.v4.new_code_cell(code, metadata=marks))
    for entry in captions_of(notebook)["figures"].values():
        shown = {"image/png": content or picture()}
        told = {"image/png": {"alt": entry.get("alt") or entry["caption"]}}
        output = nbformat.v4.new_output("display_data", shown, metadata=told)
        cells.append(nbformat.v4.new_code_cell("run.figure(...)", outputs=[output]))
    return cells


def group(name, *people, student=""):
    return HandedIn(name=name, student=student or name, people=tuple(Person(name=one) for one in people))


def graded(out, *submissions, notebooks=STEMS, seed=7, passed=True, shift=0.0, **cells):
    """Write what a night leaves of these submissions, each with these notebooks; cells: as `cells_of` takes."""
    out.mkdir(exist_ok=True)
    (out / "seed").write_text(f"{seed}\n")
    write_batch(out, "folders", submissions)
    with AttemptStore(out / "results.sqlite") as store:
        for submission in submissions:
            for notebook in notebooks:
                keep(store, out, submission.name, notebook, passed, shift, **cells)
    return out


def keep(store, out, submission, notebook, passed=True, shift=0.0, numbers=None, **cells):
    """Add one attempt, with its executed notebook."""
    points = {
        name: exercise.points if passed else 0
        for name, exercise in exercises().items()
        if chapter_of(name) == chapter_of(notebook)
    }
    found = numbers_of(notebook, shift) if numbers is None else numbers
    entries = {name: {"claimed": None, "found": text, "same": False} for name, text in found.items()}
    store.add(attempt(submission, notebook, points=points, numbers=entries))
    path = out / "notebooks" / submission / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells_of(notebook, **cells))))
