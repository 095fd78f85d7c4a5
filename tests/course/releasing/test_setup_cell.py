import copy
import json
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.basics.errors import UsageError
from labkit.course.releasing import colab
from labkit.course.releasing.editors import editor_files
from labkit.course.releasing.setup_cell import TAG, TAGS, is_setup, read_address, with_setup
from labkit.grading.intake.reading.reader import parse_notebook
from labkit.grading.intake.restore import restore

WHEEL = "labkit-0.1.0-py3-none-any.whl"
ADDRESS = "https://github.com/uni/lab-2026/tree/main/student"


def notebook():
    return new_notebook(cells=[new_markdown_cell("# One"), new_code_cell("x = 1", metadata={"tags": ["parameters"]})])


def released(address=ADDRESS):
    return with_setup(notebook(), "05_mlp1_sweep.ipynb", WHEEL, read_address(address) if address else None)


def source():
    return released().cells[1].source


@pytest.fixture
def on_colab(monkeypatch, tmp_path):
    """Colab, with its folder in place of /content; the commands that the cell would run."""
    commands = []
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    monkeypatch.setattr(colab, "DRIVE", tmp_path / "drive" / "MyDrive")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LABKIT_OUT")
    return tmp_path, commands


def run(text, folder):
    exec(text.replace("/content/", f"{folder}/"), {})


def test_a_notebook_begins_with_badge_and_cell():
    badge, setup, *rest = released().cells
    assert [cell.source for cell in rest] == ["# One", "x = 1"]
    url = "https://colab.research.google.com/github/uni/lab-2026/blob/main/student/notebooks/05_mlp1_sweep.ipynb"
    assert badge.source.endswith(f"]({url})")
    assert (badge.metadata.tags, setup.metadata.tags) == ([TAG], list(TAGS))
    nbformat.validate(released())


def test_without_an_address_there_is_no_badge_and_without_a_wheel_no_cell():
    assert [cell.cell_type for cell in released("").cells] == ["code", "markdown", "code"]
    assert "https:" not in released("").cells[0].source.replace('startswith("https:")', "")
    assert with_setup(notebook(), "x", "", None).cells[0].source == "# One"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (ADDRESS, "main/student"),
        (f"{ADDRESS}/", "main/student"),
        ("https://github.com/uni/lab-2026/tree/main", "main"),
        ("https://github.com/uni/lab-2026/blob/v1/%C3%BCbung", "v1/%C3%BCbung"),
    ],
)
def test_an_address_is_a_folder_on_github(address, place):
    assert read_address(address).place == place


@pytest.mark.parametrize(
    "address",
    ["github.com/uni/lab/tree/main", "https://github.com/uni/lab", "https://x.org/lab", "https://github.com/uni/lab/tree/",
     'https://github.com/uni/lab/tree/main"; import os', "https://github.com/uni/lab/tree/a b"],
)  # fmt: skip
def test_another_address_is_refused_with_the_form_that_is_wanted(address):
    with pytest.raises(UsageError, match=r"must be a folder on GitHub, .* https://github\.com/OWNER/NAME/tree/BRANCH"):
        read_address(address)


def test_elsewhere_the_cell_does_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    names = {}
    exec(source(), names)
    assert names.keys() <= {"__builtins__", "sys"}


def test_on_colab_the_wheel_that_lies_there_is_installed_else_that_of_the_drive_else_the_downloaded(on_colab):
    folder, commands = on_colab
    course = folder / "drive" / "MyDrive" / "labkit-course"
    run(source(), folder)
    course.mkdir(parents=True)
    (course / WHEEL).touch()
    run(source(), folder)
    (folder / WHEEL).touch()
    run(source(), folder)
    assert [command[:-1] for command in commands] == [[sys.executable, "-m", "pip", "install", "--quiet"]] * 3
    assert [command[-1] for command in commands] == [
        f"https://github.com/uni/lab-2026/raw/main/student/{WHEEL}",
        str(course / WHEEL),
        WHEEL,
    ]


def test_without_any_wheel_it_says_what_to_do(on_colab):
    folder, commands = on_colab
    with pytest.raises(FileNotFoundError, match="Put the folder labkit-course on your Google Drive"):
        run(released("").cells[0].source, folder)
    assert commands == []


def test_results_go_to_the_drive_where_one_is_mounted(on_colab, capsys, monkeypatch):
    folder, _ = on_colab
    run(source(), folder)
    assert "mount your Drive" in capsys.readouterr().out
    from labkit.basics.files import out_folder

    assert out_folder() == folder / "out"  # of the session
    notebooks = folder / "drive" / "MyDrive" / "labkit-course" / "notebooks"
    notebooks.mkdir(parents=True)
    with monkeypatch.context() as patch:  # which puts the environment back
        patch.setenv("LABKIT_OUT", "")
        patch.delenv("LABKIT_OUT")
        run(source(), folder)
        assert out_folder() == folder / "drive" / "MyDrive" / "labkit-course" / "out"
        assert notebooks == notebooks.cwd()  # where captions, and files of one's own, are looked for
    assert "and stay there" in capsys.readouterr().out


def test_a_handed_in_notebook_loses_both_without_a_remark():
    course = notebook()
    given = released()
    for cell in given.cells:
        cell.metadata.pop("tags", None) if cell.source != "x = 1" else None  # as editors lose them
    restored, remarks = restore(parse_notebook(nbformat.writes(given).encode()).content, course)
    assert [cell.source for cell in restored.cells] == ["# One", "x = 1"]
    assert remarks == []


def test_what_a_student_wrote_into_it_stays_the_students():
    given = released()
    given.cells[1].source += "\nmine = 2"
    given.cells.append(new_code_cell("also = 3", metadata={"tags": list(TAGS)}))
    restored, _ = restore(parse_notebook(nbformat.writes(given).encode()).content, notebook())
    assert [cell.source[-8:] for cell in restored.cells] == ["mine = 2", "# One", "x = 1", "also = 3"]


def test_it_is_known_by_its_text_whatever_the_release():
    assert is_setup("code", source().replace(WHEEL, "labkit-9.9-py3-none-any.whl"))
    assert not is_setup("markdown", source())
    assert not is_setup("code", source().replace("settle_in()", "print(1)"))
    assert not is_setup("markdown", "[![Open in Colab](https://x.org/badge.svg)](https://x.org)")


@pytest.mark.slow
def test_headless_runs_pass_over_it(tmp_path):
    import papermill

    given = copy.deepcopy(released())
    given.cells[1].source += "\nraise ValueError"
    nbformat.write(given, tmp_path / "in.ipynb")
    papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False, kernel_name="python3")
    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    assert [bool(cell.execution_count) for cell in cells if cell.cell_type == "code"] == [False, True]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(tmp_path / "in.ipynb")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "1 passed, 1 skipped" in done.stdout, done.stdout


def test_editors_find_the_kernel_and_a_container_installs_all():
    files = {name: json.loads(content) for name, content in editor_files(WHEEL).items()}
    assert files[".vscode/settings.json"]["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv"
    assert "ms-toolsai.jupyter" in files[".vscode/extensions.json"]["recommendations"]
    assert f"'./{WHEEL}[student]'" in files[".devcontainer/devcontainer.json"]["postCreateCommand"]
