import shutil

import nbformat
import pytest

from labkit.basics.errors import LabkitError
from labkit.course.build import check_notebooks, mark
from labkit.course.notebooks import clean, course, notebooks_folder, read_notebook, to_text


@pytest.fixture
def copied(tmp_path, monkeypatch):
    shutil.copytree(notebooks_folder(), tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "notebooks"


def test_the_stored_notebooks_are_clean_executed_and_like_their_twins(copied):
    assert check_notebooks() is None


def test_cleaning_twice_changes_nothing():
    for path in course(notebooks_folder()):
        once = to_text(clean(read_notebook(path)))
        assert to_text(clean(nbformat.reads(once, as_version=4))) == once == path.read_text(encoding="utf-8")


def hide_numbers(notebook):
    for cell in notebook.cells:
        if "run.number(" in cell.source or "run.table(" in cell.source:
            cell.metadata["tags"] = ["nbval-ignore-output"]


def drop_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell["outputs"] = []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (hide_numbers, "no cell with numbers is compared"),
        (drop_outputs, "holds no outputs"),
        (lambda nb: nb.cells[-1].update(source="changed = 1"), "differs from source"),
        (lambda nb: nb.cells[-1].update(execution_count=None), "never run"),
        (lambda nb: nb.metadata.update(papermill={"duration": 3}), "not clean"),
        (
            lambda nb: nb.cells[-1].outputs.append(
                nbformat.v4.new_output("error", ename="E", evalue="boom", traceback=[])
            ),
            "holds an error: boom",
        ),
        (
            lambda nb: nb.cells[-1].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="careful")),
            "holds a warning: careful",
        ),
    ],
)
def test_each_fault_of_a_stored_notebook_is_found(copied, change, finding):
    path = copied / "05_mlp1_sweep.ipynb"
    notebook = read_notebook(path)
    change(notebook)
    nbformat.write(notebook, path)
    with pytest.raises(LabkitError, match=finding):
        check_notebooks()


def test_a_notebook_without_twin_and_a_twin_without_notebook_are_found(copied):
    (copied / "05_mlp1_sweep.ipynb").rename(copied / "05_other.ipynb")
    with pytest.raises(LabkitError, match=r"05_other\.ipynb has no twin(.|\n)*05_mlp1_sweep\.py has no notebook"):
        check_notebooks()


def test_every_notebook_is_short_and_complete():
    for path in course(notebooks_folder()):
        cells = read_notebook(path).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
        for needed in ("**You will be able to**", "### Exercise", "**What to notice.**", "## Questions from your TA"):
            assert needed in text, f"{path.name} lacks {needed!r}"
        compared = [
            cell for cell in code if cell.outputs and "nbval-ignore-output" not in cell.metadata.get("tags", [])
        ]
        assert len(compared) >= 5, f"{path.name}: too few outputs that nbval compares"


def test_every_figure_is_shown_with_its_alternative_text_and_caption():
    for path in course(notebooks_folder()):
        cells = [
            cell for cell in read_notebook(path).cells if "run.figure(" in cell.source and cell.cell_type == "code"
        ]
        assert cells, f"{path.name} makes no figure"
        for cell in cells:
            shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
            captions = [output for output in cell.outputs if "text/markdown" in output.get("data", {})]
            assert len(shown) == len(captions) == cell.source.count("run.figure(")
            assert all(len(output.metadata["image/png"]["alt"]) > 20 for output in shown)
            assert all(len(output.data["text/markdown"]) > 40 for output in captions)


ANSWER = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"


def book(*sources):
    return nbformat.v4.new_notebook(
        cells=[
            (nbformat.v4.new_markdown_cell if source[0] in "#*1" else nbformat.v4.new_code_cell)(source)
            for source in sources
        ]
    )


def test_exercises_and_questions_get_nbgraders_metadata():
    marked = mark(book("x = 1", ANSWER, 'check("1.2", f)', "## Questions from your TA\n\n1. Why?\n2. How?", "1. So."))
    kinds = [cell.metadata.get("nbgrader", {}) for cell in marked.cells]
    assert [kind.get("grade_id") for kind in kinds] == [None, "answer-1-2", "check-1-2", None, "questions"]
    assert [(kind["grade"], kind["solution"], kind["locked"], kind.get("points")) for kind in kinds if kind] == [
        (False, True, False, None),
        (True, False, True, 1),
        (True, True, False, 2),
    ]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ((ANSWER,), "No check follows the answer that begins with 'def f\\(x\\):'"),
        (('check("1.2", f)',), "but there are 0"),
        ((ANSWER, ANSWER, 'check("1.2", f)'), "but there are 2"),
        ((ANSWER, 'check("99.1", f)'), "needs an exercise of that name"),
    ],
)
def test_an_exercise_without_its_check_or_answer_is_told(sources, message):
    with pytest.raises(LabkitError, match=message):
        mark(book(*sources))
