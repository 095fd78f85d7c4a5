"""Every command of a student, and what a TA prepares, as on Windows and macOS; see other_systems.py."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from test_submit import CELLS, REPORT, write_course

from labkit.cli import app, for_students

pytestmark = pytest.mark.slow

BOOTSTRAP = Path(__file__).with_name("other_systems.py")
TWIN = """\
# %% tags=["parameters"]
profile = "quick"
data = "auto"
seed = 0
out = ""

# %%
print("a twin")
"""


@pytest.fixture(scope="module", params=["windows", "macos"])
def student(request, tmp_path_factory):
    """Return the folder of a group on that system, and a function that runs labkit in it."""
    system = request.param
    folder = tmp_path_factory.mktemp("lab") / "Übung 1, 李小龍 & Co"
    (folder / "notebooks").mkdir(parents=True)
    write_course(folder, *CELLS)
    (folder / "report_template.md").write_text(REPORT, encoding="utf-8")
    temporary = folder.parent / "var" / "folders" / "zz" / ("z" * 80) / "T"  # longer than the path of a socket may be
    temporary.mkdir(parents=True)
    environment = {"TMPDIR": str(temporary), "COLUMNS": "400"}
    usual = "cp1252" if system == "windows" else "utf-8"
    if system == "windows":
        for file in (folder / "notebooks" / "01_one.ipynb", folder / "report_template.md"):
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    def labkit(*arguments, answer="", cwd=folder, console=usual, **more):
        process = subprocess.run(
            [sys.executable, "-X", "warn_default_encoding", BOOTSTRAP, system, "labkit", *arguments],
            cwd=cwd,
            env={**os.environ, **environment, "PYTHONIOENCODING": console, **more},
            input=answer.encode(),
            capture_output=True,
        )
        output, errors = (stream.decode(console) for stream in (process.stdout, process.stderr))
        assert "Traceback" not in errors, errors
        return process.returncode, output, errors

    return folder, labkit


@pytest.fixture(scope="module")
def ran(student):
    """Run the course as that group."""
    folder, labkit = student
    return folder, labkit("run", "--data", "embedded")


def test_the_course_runs_on_ordinary_kernels(ran):
    folder, (code, output, errors) = ran
    assert code == 0, output + errors
    assert "[1/1] 01_one ... passed in" in output
    assert (folder / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")
    system = (folder / "out" / "results.json").read_text(encoding="utf-8")
    assert '"system": "Windows"' in system or '"system": "Darwin"' in system  # the kernel saw it, too


def test_a_submission_is_packed(ran, student):
    folder, labkit = student
    code, output, errors = labkit(
        "submit", "--group", "Grüppe", "--members", "ab12", "--data", "embedded", answer="y\n"
    )
    assert code == 0, output + errors
    assert "Ready to upload: submission-grüppe.zip" in output
    with zipfile.ZipFile(folder / "submission-grüppe.zip") as archive:
        assert archive.testzip() is None
        assert "submission-grüppe/notebooks/01_one.ipynb" in archive.namelist()


def of_students():
    """The names of the commands that students use, as the command line has them."""
    found = [command for command in app.registered_commands if command.callback.__module__ == for_students.__name__]
    return {command.name or command.callback.__name__ for command in found}


COMMANDS = [
    (["progress"], 0, "1 passed, 0 failed, 43 open; 1 of 93 points."),
    (["report", "out"], 0, "report.html"),
    (["fetch", "imagenet"], 2, "Dataset 'imagenet' is not known"),
    (["run", "77"], 2, "Notebook '77' is not known"),
    (["grade", "x", "--out", "y"], 1, "labkit grade needs Linux"),
    (["grade", "x", "--out", "y", "--unsafe"], 1, "labkit grade needs Linux"),
    (["grades", "x", "--canvas", "y.csv"], 1, "run `labkit grade` first"),
    (["return", "x"], 1, "run `labkit grade` first"),
    (["doctor"], 0, "ok       torch"),
    (["check-course"], 1, "has no folder tests"),
    (["new-exercise", "01"], 1, "holds no text twins of notebooks"),
    (["notebooks", "--check"], 1, "has no twin source/01_one.py"),
    (["update", "labkit-course.zip"], 2, "labkit-course.zip is not there"),
    (["repair"], 2, "holds no released.zip"),
    (["release", "--out", "x", "--address", "y"], 2, "must be a folder on GitHub"),
    (["submit", "--group", "?", "--members", "ab12"], 2, "must hold letters or digits"),
]


def test_no_command_of_a_student_is_forgotten():
    assert of_students() <= {arguments[0] for arguments, _, _ in COMMANDS}


@pytest.mark.parametrize(
    ("arguments", "expected", "sentence"), COMMANDS, ids=lambda value: value[0] if isinstance(value, list) else None
)
def test_every_command_starts(ran, student, arguments, expected, sentence):
    _, labkit = student
    code, output, errors = labkit(*arguments)
    assert (code, sentence in output + errors) == (expected, True), output + errors


ON_WINDOWS = pytest.mark.parametrize("student", ["windows"], indirect=True)


@ON_WINDOWS
@pytest.mark.parametrize("console", ["cp437", "gbk", "ascii"])  # cp1252 is the usual one above
@pytest.mark.parametrize("arguments", [["progress"], ["report", "out"], ["run", "77"]], ids=lambda value: value[0])
def test_a_console_may_lack_any_character(ran, student, console, arguments):
    _, labkit = student
    code, output, errors = labkit(*arguments, console=console)
    assert code == (2 if arguments == ["run", "77"] else 0), output + errors
    assert output + errors


@ON_WINDOWS
def test_paths_may_be_written_with_backslashes(ran, student):
    folder, labkit = student
    code, output, errors = labkit("report", ".\\out", "--template", f"{folder}\\report_template.md".replace("/", "\\"))
    assert (code, output.count("report.pdf")) == (0, 1), errors
    code, output, errors = labkit("run", "notebooks\\01_one.ipynb", "--data", "embedded", "--out", "other\\out")
    assert code == 0, output + errors
    assert (folder / "other" / "out" / "report.pdf").is_file()
    assert not [path for path in folder.rglob("*") if "\\" in path.name]


@ON_WINDOWS
def test_a_report_that_is_open_in_a_viewer_is_told_and_nothing_is_lost(ran, student):
    folder, labkit = student
    pdf = folder / "out" / "report.pdf"
    before, results = pdf.read_bytes(), (folder / "out" / "results.json").read_bytes()
    for arguments in (["report", "out"], ["run", "--data", "embedded"]):
        code, output, errors = labkit(*arguments, OPEN_IN_A_VIEWER=str(pdf))
        assert code == 1, output
        assert "report.pdf cannot be written" in errors
        assert "close what has it open" in errors
    assert pdf.read_bytes() == before
    assert sorted(path.name for path in pdf.parent.glob(".report*")) == []
    assert len((folder / "out" / "results.json").read_bytes()) > 0.5 * len(results)
    assert labkit("report", "out")[0] == 0


@ON_WINDOWS
def test_a_teacher_builds_and_releases_notebooks(student):
    folder, labkit = student
    course = folder.parent / "course"
    (course / "notebooks" / "source").mkdir(parents=True)
    (course / "notebooks" / "source" / "01_one.py").write_bytes(TWIN.encode().replace(b"\n", b"\r\n"))
    code, output, errors = labkit("notebooks", cwd=course)
    assert (code, output.strip()) == (0, "01_one.ipynb: built"), errors
    built = nbformat.read(course / "notebooks" / "01_one.ipynb", 4)
    assert built.cells[1].outputs[0].text == "a twin\n"
    code, output, errors = labkit("release", "--out", "student")
    assert code == 0, errors
    with zipfile.ZipFile(folder / "student" / "labkit-course.zip") as archive:
        assert [name for name in archive.namelist() if name.endswith(".whl")]
