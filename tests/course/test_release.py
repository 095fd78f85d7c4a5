import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from typer.main import get_command

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.cli import app
from labkit.course import release as module
from labkit.course.notebooks import course, notebooks_folder, read_notebook, to_text
from labkit.course.release import COURSE, TRIVIAL, leaks, release, solution_lines
from labkit.course.releasing.setup_cell import TAG, TAGS
from labkit.course.updating.release_files import MANIFEST, RELEASED
from labkit.report.document import default_template

pytestmark = pytest.mark.slow

ROOT = CHECKOUT
PATHS = course(notebooks_folder())
CAPTION_PT = 8.5  # the least that a figure's text may have, as captions once had
STUB = "# YOUR CODE HERE\n    raise NotImplementedError()"
SECRET = "    return (first - second).abs().max()"
ANSWER = f"def gap(first, second):\n    ### BEGIN SOLUTION\n{SECRET}\n    ### END SOLUTION"
CHECK = 'check("1.1", gap)\n### BEGIN HIDDEN TESTS\nassert check.passed("1.1")\n### END HIDDEN TESTS'


def role(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "").split("-")[0]


def python(*arguments, cwd, **environment):
    beside = str(Path(sys.executable).parent)  # nbgrader calls alembic, which is installed beside Python
    environment["PATH"] = os.pathsep.join([beside, os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, env=os.environ | environment
    )


def without_setup(path):
    """A released notebook as its stored one is: without the cell that makes Colab ready."""
    notebook = read_notebook(path)
    assert notebook.cells.pop(0).metadata.tags == list(TAGS)
    return notebook


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The student version of the whole course."""
    folder, archive = release(tmp_path_factory.mktemp("release"))
    assert (folder.name, archive.name) == (COURSE, f"{COURSE}.zip")
    return folder


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_student_notebook_lacks_solutions_hidden_tests_and_outputs_and_nothing_else(released, path):
    stored, student = read_notebook(path).cells, without_setup(released / "notebooks" / path.name).cells
    assert [cell.id for cell in student] == [cell.id for cell in stored]
    roles = [role(cell) for cell in student]
    assert roles.count("check") == roles.count("answer") > 0
    assert roles.count("questions") == 1
    for cell, original in zip(student, stored, strict=True):
        lock = {key: value for key, value in cell.metadata.items() if key in ("editable", "deletable")}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        if role(cell) == "answer":
            assert lock == {"deletable": False}
            assert cell.source.count("raise NotImplementedError()") == original.source.count("BEGIN SOLUTION") > 0
        elif role(cell) == "check":
            assert lock == {"deletable": False, "editable": False}
            assert re.fullmatch(r'check\("[\d.]+", \w+\)', cell.source)
            assert len(cell.metadata.nbgrader.checksum) == 32
            assert cell.metadata.nbgrader.points == original.metadata.nbgrader.points
        elif role(cell) == "questions":
            assert (cell.source, lock) == ("YOUR ANSWER HERE", {"deletable": False})
        else:
            assert (cell.source, lock) == (original.source, {})


def test_no_marker_and_no_line_of_a_solution_is_left(released):
    secret = {}
    for path in PATHS:
        found = solution_lines({path.name: read_notebook(path)})
        assert found, path.name
        secret |= found
    texts = {str(path): path.read_bytes() for path in released.rglob("*") if path.suffix in (".ipynb", ".md", ".yml")}
    assert len(texts) == len(PATHS) + 3
    for name, content in texts.items():
        for marker in (b"BEGIN SOLUTION", b"END SOLUTION", b"HIDDEN TESTS", b"assert check.passed"):
            assert marker not in content, name
    in_order = solution_lines({path.name: read_notebook(path) for path in PATHS})
    assert set(in_order) <= set(secret)
    assert leaks(in_order, texts) == []


def test_the_zip_holds_the_folder_of_today_and_comes_out_the_same_again(released, tmp_path, monkeypatch):
    files = {path.relative_to(released.parent).as_posix(): path for path in released.rglob("*") if path.is_file()}
    archive = released.with_name(f"{COURSE}.zip")
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == sorted(files)
        (moment,) = {entry.date_time for entry in packed.infolist()}
        that_day, today = date(*moment[:3]), date.fromtimestamp(archive.stat().st_mtime)
        assert moment[3:] == (0, 0, 0)
        assert today - timedelta(1) <= that_day <= today  # yesterday, where midnight came between
        for name, path in files.items():
            assert packed.read(name) == path.read_bytes()
        with zipfile.ZipFile(packed.open(f"{COURSE}/{RELEASED}")) as record:
            assert json.loads(record.read(MANIFEST))["made"] == that_day.isoformat()
    days = iter([that_day, *[that_day + timedelta(1)] * 9])  # midnight comes after the first look at the calendar
    monkeypatch.setattr(module, "date", SimpleNamespace(today=lambda: next(days)))
    assert release(tmp_path)[1].read_bytes() == archive.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [COURSE, f"{COURSE}.zip"]


def test_captions_lie_beside_the_notebooks(released):
    captions = released / "notebooks" / "captions"
    assert sorted(path.stem for path in captions.iterdir()) == [path.stem for path in PATHS]


def test_the_package_in_it_is_the_whole_package(released):
    (wheel,) = released.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "labkit").rglob("*") if path.is_file()}
    assert {name for name in package if "__pycache__" not in name} <= names
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert conda.count("- -e .") == 1
    assert (released / "environment.yml").read_text(encoding="utf-8") == conda.replace("-e .", f"./{wheel.name}")
    readme = (released / "README.md").read_text(encoding="utf-8")
    assert f'pip install "./{wheel.name}[student]"\n' in readme
    for name in (".vscode/settings.json", ".vscode/extensions.json", ".devcontainer/devcontainer.json"):
        json.loads((released / name).read_text(encoding="utf-8"))
    assert "{" not in readme
    assert (released / "report_template.md").read_bytes() == default_template().read_bytes()


NOT_TYPED = {  # line of the README for students -> why it is right without being typed here
    "jupyter lab notebooks": "a server that does not end: tests/course/test_browser.py works in it",
    "labkit fetch mnist cifar10": "downloads 0.2 GB: tests/data/test_download.py",
    "labkit run --profile full": "takes an hour and a half: `labkit run` is typed",
    "conda env create -f environment.yml": "conda is not here: tests/test_environment.py keeps the file in step",
    "conda activate labkit": "conda is not here",
}
IN_POWERSHELL = {  # what is typed otherwise there
    "python3 -m venv .venv": ("python -m venv .venv",),
    "source .venv/bin/activate": (
        "Set-ExecutionPolicy -Scope Process RemoteSigned -Force",
        r".venv\Scripts\Activate.ps1",
    ),
}


def blocks(released):
    """The blocks of lines to type, each as its shell and its lines."""
    readme = (released / "README.md").read_text(encoding="utf-8")
    return [(shell, text.splitlines()) for shell, text in re.findall(r"```(\w+)\n(.*?)```", readme, re.DOTALL)]


def test_the_commands_of_the_readme_for_students_parse(released):
    lines = [line for _, block in blocks(released) for line in block]
    assert set(NOT_TYPED) < set(lines)
    for line in lines:
        if line.startswith("labkit "):
            _, name, *arguments = shlex.split(line)
            command = get_command(app).get_command(None, name)
            assert command.make_context(name, arguments).command.name == name


def test_what_is_typed_in_powershell_is_what_is_typed_in_bash(released):
    """Where it differs it stands beside it; the rest, of which the README says so, means the same in both."""
    (first, install), (second, powershell), *rest = blocks(released)
    assert (first, second) == ("sh", "powershell")
    assert powershell == [line for typed in install for line in IN_POWERSHELL.get(typed, (typed,))]
    assert {shell for shell, _ in rest} == {"sh"}
    for line in [line for _, block in rest for line in block]:
        assert re.fullmatch(r"(labkit|jupyter|cp|conda|uv|python) [\w./=, -]*(\"[\w. ,\[\]/-]+\"[\w -]*)*", line), line


@pytest.fixture(scope="module")
def typed(released, tmp_path_factory, take_trainings):
    """The folder of a student on an empty machine, and by each line of the README what it printed and how it ended.

    What a registry would send lies there already: this Python's packages, but for labkit itself.
    """
    machine = tmp_path_factory.mktemp("machine") / "Übung 1 für Zoë"
    folder, packages, programs = machine / COURSE, machine / "packages", machine / "bin"
    shutil.copytree(released, folder)
    take_trainings(folder / "out")
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("labkit", "_editable", "pip")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n')
    (programs / "python3").chmod(0o755)
    uv = Path(sys.executable).with_name("uv")
    if uv.is_file():
        (programs / "uv").symlink_to(uv)
    (machine / "uv.toml").write_text("offline = true\n[pip]\nno-deps = true\n")
    lines = [line for shell, block in blocks(released) if shell == "sh" for line in block if line not in NOT_TYPED]
    if not uv.is_file():
        lines = [line for line in lines if not re.search(r"^uv | uv$", line)]
    around = {  # line -> what is done behind it
        # before the folder's own packages, in which Python's venv puts an old setuptools
        lines[0]: "for place in .venv/lib/python*/site-packages; do "
        f'echo "import sys; sys.path.insert(1, \'{packages}\')" > "$place/here.pth"; done',
        "labkit progress": f"cp '{released}.zip' .",
        "labkit report out": "mkdir later; mv notebooks/0[2-9]_*.ipynb later",  # 01 alone is run again and submitted
    }
    script = "".join(f"{line}\nprintf '\\n@@ %s\\n' $?\n{around.get(line, ':')}\n" for line in lines)
    environment = {
        "HOME": str(machine),
        "PATH": f"{programs}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LABKIT_THREADS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CONFIG_FILE": str(machine / "uv.toml"),
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env=environment,
        input="n\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    ends = re.split(r"\n@@ (\d+)\n", done.stdout)
    assert len(ends) == 2 * len(lines) + 1, done.stdout
    return folder, dict(zip(lines, zip(ends[0::2], map(int, ends[1::2]), strict=False), strict=True))


def test_every_line_of_the_readme_can_be_typed_as_it_stands(typed):
    _, ends = typed
    assert {line: end for line, end in ends.items() if end[1]} == {}
    assert "44 open" in ends["labkit progress"][0]
    assert "Nothing to do: your folder has all of the release" in ends[f"labkit update {COURSE}.zip"][0]
    assert "Nothing to repair." in ends["labkit repair"][0]
    assert "ok       report" in ends["labkit doctor"][0]
    assert str(Path("out", "report.pdf")) in ends["labkit report out"][0]
    (submit,) = [text for line, (text, _) in ends.items() if line.startswith("labkit submit")]
    assert "Exercise 1.1" in submit
    assert "Nothing was packed." in submit


def test_the_released_course_runs_with_every_check_not_attempted(typed):
    """One pass over all notebooks, as a student runs them: in the released folder, without the sources beside it."""
    folder, ends = typed
    out, (said, code) = folder / "out", ends["labkit run"]
    assert said.count("... passed in") == len(PATHS), said
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))["notebooks"]
    figures = {f"{stem}.{name}": one for stem, part in results.items() for name, one in part["figures"].items()}
    small = {name: one["smallest_text_pt"] for name, one in figures.items() if one["smallest_text_pt"] < CAPTION_PT}
    assert not small, "text of a figure is smaller than its caption in the report"
    for path in PATHS:
        setup, *cells = read_notebook(out / "notebooks" / path.name).cells
        assert (setup.id, setup.execution_count) == (TAG, None)
        checks = [cell for cell in cells if role(cell) == "check"]
        shown = ["".join(output.get("text", "") for output in cell.outputs) for cell in checks]
        assert all(text.startswith("○ Exercise") and "is not attempted yet" in text for text in shown), path.name
        verdicts = json.loads((out / "exercises" / f"{path.stem}.json").read_text(encoding="utf-8"))["exercises"]
        assert [verdict["status"] for verdict in verdicts.values()] == ["open"] * len(checks)
    assert code == 0, said  # and the report goes without what open exercises would give
    assert (out / "report.pdf").is_file()


def test_with_an_address_each_notebook_has_a_badge(small):
    folder, _ = release(small / "rel", "https://github.com/uni/lab/tree/main/student")
    for name in ("01_a", "02_b"):
        badge, setup, *_ = read_notebook(folder / "notebooks" / f"{name}.ipynb").cells
        assert f"/github/uni/lab/blob/main/student/notebooks/{name}.ipynb)" in badge.source
        assert "https://github.com/uni/lab/raw/main/student/labkit-" in setup.source
    with pytest.raises(UsageError, match="must be a folder on GitHub"):
        release(small / "other", "example.org")
    assert not (small / "other").exists()


@pytest.fixture(scope="module")
def nbgrader_course(tmp_path_factory):
    """A course of nbgrader's own, with the first notebook as its assignment, released by its command."""
    folder = tmp_path_factory.mktemp("nbgrader")
    (folder / "source" / "lab").mkdir(parents=True)
    shutil.copy(PATHS[0], folder / "source" / "lab")
    done = python("-m", "nbgrader", "generate_assignment", "lab", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_nbgrader_makes_the_same_student_version(released, nbgrader_course):
    theirs = read_notebook(nbgrader_course / "release" / "lab" / PATHS[0].name)
    assert without_setup(released / "notebooks" / PATHS[0].name) == theirs


def test_nbgrader_grades_the_release_with_the_hidden_tests_back(released, nbgrader_course):
    notebook = read_notebook(released / "notebooks" / PATHS[0].name)
    answers = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if role(cell) == "answer"}
    for name, answer in (("answer-1-1", "return images"), ("answer-1-2", "return (f(x + h) - f(x - h)) / (h + h)")):
        assert STUB in answers[name].source
        answers[name].source = answers[name].source.replace(STUB, answer)
    hand_in = nbgrader_course / "submitted" / "ada" / "lab"
    hand_in.mkdir(parents=True)
    nbformat.write(notebook, hand_in / PATHS[0].name)
    done = python("-m", "nbgrader", "autograde", "lab", cwd=nbgrader_course)
    assert done.returncode == 0, done.stderr
    script = (
        "from nbgrader.api import Gradebook; import json\n"
        "with Gradebook('sqlite:///gradebook.db') as book:\n"
        f"    notebook = book.find_submission_notebook('{PATHS[0].stem}', 'lab', 'ada')\n"
        "    print(json.dumps({grade.name: grade.auto_score for grade in notebook.grades}))"
    )
    scores = json.loads(python("-c", script, cwd=nbgrader_course).stdout)
    # wrong, right, open, open, open, not answered
    assert scores == {"check-1-1": 0, "check-1-2": 1, "check-1-3": 0, "check-1-4": 0, "check-1-5": 0, "questions": 0}


@pytest.mark.parametrize("which", ["release", "wrong"])
def test_nbgrader_validate_runs(released, tmp_path, which):
    """It fails a check of the course's own notebook. In the release checks hide what could fail until grading.

    The notebook ends behind its second check, but for the questions; nbgrader runs the whole of it in the test above.
    """
    notebook = read_notebook(released / "notebooks" / PATHS[0].name if which == "release" else PATHS[0])
    (last,) = (place for place, cell in enumerate(notebook.cells) if cell.source.startswith('check("1.2"'))
    rest = [cell for cell in notebook.cells[last + 1 :] if role(cell) == "questions"]
    notebook.cells = [*notebook.cells[: last + 1], *rest]
    for cell in notebook.cells:
        cell.source = cell.source.replace("return (f(x + h) - f(x - h)) / (2 * h)", "return (f(x + h) - f(x - h)) / h")
    nbformat.write(notebook, tmp_path / PATHS[0].name)
    done = python("-m", "nbgrader", "validate", PATHS[0].name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "VALIDATION FAILED ON 1 CELL(S)" in done.stdout
    assert ("YOUR ANSWER HERE" if which == "release" else 'check("1.2", central_difference)') in done.stdout


def cell(source, **nbgrader):
    made = nbformat.v4.new_code_cell(source)
    if nbgrader:
        made.metadata["nbgrader"] = {"schema_version": 3, "task": False, **nbgrader}
    return made


def answer(source=ANSWER):
    return cell(source, grade=False, grade_id="answer-1-1", locked=False, solution=True)


def check(source=CHECK):
    return cell(source, grade=True, grade_id="check-1-1", locked=True, solution=False, points=2)


def write(path, *cells):
    path.parent.mkdir(exist_ok=True)
    path.write_text(to_text(nbformat.v4.new_notebook(cells=list(cells))), encoding="utf-8")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A course of two small notebooks without twins, in the current folder."""
    (tmp_path / "report_template.md").write_text("# Report\n")
    write(tmp_path / "notebooks" / "01_a.ipynb", answer(), check())
    write(tmp_path / "notebooks" / "02_b.ipynb", cell("import math"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


MARKDOWN = nbformat.v4.new_markdown_cell


@pytest.mark.parametrize(
    ("leak", "place"),
    [
        (lambda: write(Path("notebooks/02_b.ipynb"), cell(f"def gap(a, b):\n{SECRET}  # again")), "notebooks/02_b"),
        (lambda: write(Path("notebooks/01_a.ipynb"), MARKDOWN(f"So `{SECRET}`"), answer(), check()), "notebooks/01_a"),
        (lambda: Path("report_template.md").write_text(f"Such as\n\n{SECRET}\n"), "report_template.md"),
    ],
    ids=["later notebook", "Markdown", "template"],
)
def test_a_planted_solution_line_is_found_and_nothing_is_written(small, leak, place):
    leak()
    with pytest.raises(LabkitError) as told:
        release(small / "rel")
    assert place in str(told.value)
    assert f"shows `{SECRET.strip()}`, of 01_a.ipynb" in str(told.value)
    assert not (small / "rel").exists()


def test_what_the_course_shows_earlier_is_no_secret(small):
    write(Path("notebooks/01_a.ipynb"), cell(f"def other(first, second):\n{SECRET}"), answer(), check())
    write(Path("notebooks/02_b.ipynb"), cell(f"def again(first, second):\n{SECRET}"))
    assert len(release(small / "rel")) == 2


@pytest.mark.parametrize("line", ["x = 1", "else:", "return total", "for image, label in batches:", "return mean, std"])
def test_lines_that_give_nothing_away_are_not_searched(line):
    assert TRIVIAL.fullmatch(line)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([cell(ANSWER)], "holds 'BEGIN SOLUTION', but nbgrader's metadata does not call it a solution cell"),
        ([MARKDOWN(ANSWER)], "does not call it a solution cell"),
        ([cell("x = 1\n### END SOLUTION")], "holds 'END SOLUTION'"),
        ([answer(), cell(CHECK)], "does not call it a grade cell"),
        ([answer(ANSWER.replace("### END SOLUTION", "")), check()], "needs one 'END SOLUTION' after each"),
        ([answer(), check(CHECK.replace("### END HIDDEN TESTS", ""))], "needs one 'END HIDDEN TESTS' after each"),
        ([answer(), check(), answer(), check()], "nbgrader cannot make the student version"),
    ],
)
def test_cells_that_nbgrader_would_get_wrong_are_refused_in_a_sentence(small, cells, sentence, capfd):
    write(small / "notebooks" / "01_a.ipynb", *[cell.copy() for cell in cells])
    with pytest.raises(LabkitError, match=sentence):
        release(small / "rel")
    assert not (small / "rel").exists()
    assert capfd.readouterr().err == ""


def test_a_notebook_that_differs_from_its_twin_is_refused(tmp_path, monkeypatch):
    twin = tmp_path / "notebooks" / "source" / f"{PATHS[0].stem}.py"
    twin.parent.mkdir(parents=True)
    shutil.copy(PATHS[0], tmp_path / "notebooks")
    original = PATHS[0].parent / "source" / twin.name
    twin.write_text(original.read_text(encoding="utf-8") + "\n# %%\nnew = 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabkitError, match=rf"{PATHS[0].name}: differs from source"):
        release(tmp_path / "rel")
    assert not (tmp_path / "rel").exists()


def test_a_release_replaces_an_older_one_but_nothing_that_is_not_its_own(small):
    folder, archive = release(small / "rel")
    before = archive.read_bytes()
    write(small / "notebooks" / "03_c.ipynb", cell("import copy"))
    release(small / "rel")
    assert (folder / "notebooks" / "03_c.ipynb").is_file()
    assert archive.read_bytes() != before
    for name, content in (("out/results.json", "{}"), ("README.md", "my notes")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
        with pytest.raises(UsageError, match=f"{Path(name).name} is not as a release left it"):
            release(small / "rel")
        assert (folder / name).read_text() == content
        (folder / name).unlink()


def test_a_file_in_the_way_and_a_missing_template_or_course_are_told(small):
    (small / "rel").mkdir()
    (small / "rel" / COURSE).write_text("mine")
    with pytest.raises(UsageError, match="would be lost"):
        release(small / "rel")
    with pytest.raises(LabkitError, match="cannot be written"):
        release(small / "report_template.md")
    shutil.rmtree(small / "notebooks")
    (small / "notebooks").mkdir()
    with pytest.raises(UsageError, match="holds no notebook"):
        release(small / "other")


@pytest.mark.parametrize("name", ["course.toml", "rubric.toml"])
def test_what_is_the_staffs_beside_the_notebooks_is_not_handed_out(small, monkeypatch, name):
    (small / "notebooks" / name).write_text("# the answers")
    monkeypatch.setattr(module, "package", dict)
    folder, archive = release(small / "rel")
    assert sorted(path.name for path in (folder / "notebooks").iterdir()) == ["01_a.ipynb", "02_b.ipynb"]
    assert not [path for path in folder.rglob("*") if path.suffix == ".toml"]
    with zipfile.ZipFile(archive) as packed:
        assert not [entry for entry in packed.namelist() if entry.endswith(".toml")]


def test_the_courses_own_rubric_is_not_handed_out(released):
    names = [path.name for path in released.rglob("*")]
    assert "rubric.toml" not in names
    with zipfile.ZipFile(next(released.glob("*.whl"))) as packed:
        assert not [name for name in packed.namelist() if name.endswith("rubric.toml")]


def test_without_its_sources_labkit_is_left_out_and_both_sides_are_told(small, monkeypatch, capsys):
    monkeypatch.setattr(module, "CHECKOUT", small / "nowhere")
    folder, _ = release(small / "rel")
    assert "tell students how to install labkit" in " ".join(capsys.readouterr().out.split())
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "notebooks",
        "released.zip",
        "report_template.md",
    ]
    assert "in the way that your course's staff tells you" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_wheel_that_cannot_be_built_is_told(small, monkeypatch):
    (small / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(module, "CHECKOUT", small)
    with pytest.raises(LabkitError, match="wheel could not be built"):
        release(small / "rel")
