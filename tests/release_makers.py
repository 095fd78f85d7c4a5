"""Make releases of the course quickly, without labkit's wheel, and notebooks as students and their editors leave them.

A notebook is a document: JSON of nbformat 4, its sources joined. Whoever gets one may change it.
"""

import copy
import functools
import json
import re
from datetime import date

from labkit.course.notebooks import clean, course, notebooks_folder, read_notebook
from labkit.course.release import student_version, to_zip
from labkit.course.releasing.editors import editor_files
from labkit.course.updating.release_files import COURSE, RELEASED, recorded

MARKERS = re.compile(r"^ *### (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)
STUB = "# YOUR CODE HERE"
FIRST, SECOND = "2026-11-02", "2026-11-16"  # the days of two releases
DAY = date.fromisoformat(FIRST)  # of a zip's entries, which nothing reads
WHEEL = "labkit-0.1.0-py3-none-any.whl"
OTHERS = {"README.md": b"# The lab\n", "report_template.md": b"# Report\n\nWrite here.\n", **editor_files(WHEEL)}


@functools.cache
def _stored(name):
    """Return the staff's notebook, and what students get of it, as texts."""
    (path,) = [path for path in course(notebooks_folder()) if path.stem == name]
    staff = clean(read_notebook(path))
    return json.dumps(staff), json.dumps(student_version(copy.deepcopy(staff)))


def names():
    """Return the names of the course's notebooks."""
    return [path.stem for path in course(notebooks_folder())]


def handed_out(name):
    """Return a notebook of the course as students get it."""
    return json.loads(_stored(name)[1])


def solved(name):
    """Return a notebook of the course with the model's answers, as a good student saves it; see `answers_of`."""
    staff, book = json.loads(_stored(name)[0]), handed_out(name)
    for model, cell in zip(staff["cells"], book["cells"], strict=True):
        if mark_of(cell).startswith("answer-"):
            cell["source"] = MARKERS.sub("", model["source"]).rstrip("\n") + "  # größer, \tmy way  "
        elif mark_of(cell) == "questions":
            cell["source"] = model["source"] + "\n\n   So I think: 数字.  "
    return book


def mark_of(cell):
    """Return the grade_id of a cell; "" for none."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def place(book, grade_id):
    """Return where the cell with that mark stands."""
    (index,) = [index for index, cell in enumerate(book["cells"]) if mark_of(cell) == grade_id]
    return index


def answers_of(book):
    """Return the text of each answer, by its mark."""
    return {name: cell["source"] for cell in book["cells"] if (name := mark_of(cell)) and not name.startswith("check-")}


def code(source, **keys):
    """Return a cell of code, as a student adds one."""
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **keys}


def prose(source, **keys):
    """Return a cell of text, as a student adds one."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **keys}


def numbered(book):
    """Give the cells the ids that the course's build gives: by their place, so they shift when a cell comes in."""
    for number, cell in enumerate(book["cells"], 1):
        cell["id"] = f"cell-{number:02d}"
    return book


def release_files(books, others=None, made=FIRST, wheel=b""):
    """Return the files of a release of some notebooks, {name: document}."""
    files = {f"notebooks/{name}.ipynb": as_file(book) for name, book in books.items()}
    files |= OTHERS if others is None else others
    if wheel:
        files[WHEEL] = wheel
    return {**files, RELEASED: to_zip(recorded(files, made), date.fromisoformat(made))}


def lay(files, folder):
    """Write a release's files into a folder, as a student unpacks them, and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def packed(files, path):
    """Write a release's zip, and return its path."""
    path.write_bytes(to_zip(files, DAY, COURSE))
    return path


def as_file(book, lines=False, ends="\n", indent=1):
    """Return the document as a file; lines: sources as lists of lines; ends and indent: of the file's lines."""
    book = copy.deepcopy(book)
    for cell in book["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True) if lines else cell["source"]
    return (json.dumps(book, indent=indent, ensure_ascii=False) + "\n").replace("\n", ends).encode()


def read(path):
    """Return the document in a file, its sources joined."""
    book = json.loads(path.read_bytes())
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
    return book


def corrected(book, shifted=True):
    """Return the notebook of a later release: a word more in each exercise's text, and two cells that are new.

    shifted: ids go by place, as the course's build gives them; else only the new cells get ids of their own.
    """
    cells = book["cells"]
    for index, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and "### Exercise" in cell["source"]:
            cell["source"] = re.sub(r"(### Exercise .*)", r"\1\n\nA word that was missing.", cell["source"])
        if index == 0:
            cell["source"] += "\n\nThe first text was corrected."
    middle = next(index for index, cell in enumerate(cells) if mark_of(cell).startswith("check-")) + 1
    text = prose("### A text that is new\n\nRead it.", id="new-1")
    cells[middle:middle] = [text, code("new_in_week_two = 1", id="new-2")]
    return numbered(book) if shifted else book


def saved_by_jupyterlab(book):
    """It keeps ids and marks, and notes how cells look."""
    for number, cell in enumerate(book["cells"]):
        cell["metadata"] |= {"jupyter": {"source_hidden": False}, "slideshow": {"slide_type": ""}}
        cell["metadata"].setdefault("tags", [])
        if cell["cell_type"] == "code":
            printed = [{"output_type": "stream", "name": "stdout", "text": [f"{number}\n"]}]
            cell |= {"execution_count": number, "outputs": printed}
    book["metadata"]["language_info"] = {"name": "python", "version": "3.12.1", "file_extension": ".py"}
    return book


def saved_by_vscode(book):
    """It keeps marks, gives cells ids of its own, and names its own kernel."""
    for number, cell in enumerate(book["cells"]):
        cell["id"] = f"{number:08x}"
        cell["metadata"] |= {"vscode": {"languageId": "python"}}
    book["metadata"]["kernelspec"] = {"display_name": ".venv (3.12)", "language": "python", "name": "python3"}
    return book


def saved_by_colab(book):
    """It keeps ids in the metadata, and writes an older format."""
    for number, cell in enumerate(book["cells"]):
        cell["metadata"] |= {
            "id": cell.pop("id"),
            "outputId": f"o{number}",
            "colab": {"base_uri": "https://localhost/"},
        }
    book["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    return {**book, "nbformat_minor": 0}


def saved_by_colab_without_marks(book):
    """It was opened from a drive, where only Colab's own metadata is left."""
    book = saved_by_colab(book)
    for cell in book["cells"]:
        cell["metadata"] = {key: cell["metadata"][key] for key in ("id", "outputId")}
    return book


def saved_by_kaggle(book):
    """It puts its own metadata in place of all, and has no ids."""
    for number, cell in enumerate(book["cells"]):
        cell.pop("id")
        cell["metadata"] = {"_uuid": f"{number:032x}", "execution": {"iopub.status.busy": "2026"}, "trusted": True}
    book["metadata"]["kaggle"] = {"accelerator": "none", "dataSources": []}
    return {**book, "nbformat_minor": 4}


def without_metadata(book):
    """Some editors lose the metadata of cells, and nothing else."""
    for cell in book["cells"]:
        cell["metadata"] = {}
    return book


def with_windows_ends(book):
    """The sources hold the line ends of Windows."""
    for cell in book["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    return book


EDITORS = (
    saved_by_jupyterlab,
    saved_by_vscode,
    saved_by_colab,
    saved_by_colab_without_marks,
    saved_by_kaggle,
    without_metadata,
    with_windows_ends,
)


INDENTS = {saved_by_colab: 2, saved_by_colab_without_marks: 2, saved_by_kaggle: None}  # of files; others have 1


def split(book, index, at):
    """Split a cell in two, as JupyterLab does: both have its metadata, and the line end between them is gone."""
    cell = book["cells"][index]
    first, second = copy.deepcopy(cell), copy.deepcopy(cell)
    first["source"], second["source"] = cell["source"][:at].removesuffix("\n"), cell["source"][at:]
    second["id"] = f"split-{index}"
    book["cells"][index : index + 1] = [first, second]
    return book


def split_in_half(book, index):
    """Split a cell at the line nearest to its middle."""
    source = book["cells"][index]["source"]
    at = source.find("\n", len(source) // 2) + 1 or source.find("\n") + 1
    return split(book, index, at) if 0 < at < len(source) else book
