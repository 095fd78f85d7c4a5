"""Every command of the README exists, and is one that the tests or `make test` run."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from labkit.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
SETUP = (ROOT / "tools" / "setup.sh").read_text(encoding="utf-8")
LABKIT = [line for line in COMMANDS if line.startswith(".venv/bin/labkit")]
MAKE = [line for line in COMMANDS if line.startswith("make ")]
INSTALL = [line for line in COMMANDS if " install " in line]
OTHERS = {  # command -> why it is right without being run here
    ".venv/bin/jupyter lab notebooks": "jupyterlab is a dependency, and notebooks a folder",
    "cp report_template.md my_report.md": "the file exists",
    "conda env create -f environment.yml": "tests/test_environment.py keeps the file in step",
    "uv venv": "tools/setup.sh makes the environment",
    "python -m venv .venv": "tools/setup.sh makes the environment",
}


def test_every_command_is_looked_at():
    assert not set(COMMANDS) - set(LABKIT) - set(MAKE) - set(INSTALL) - set(OTHERS)
    assert set(OTHERS) < set(COMMANDS)


@pytest.mark.parametrize("line", LABKIT)
def test_labkit_commands_parse(line):
    _, name, *arguments = shlex.split(line)
    command = get_command(app).get_command(None, name)
    context = command.make_context(name, arguments)
    assert context.command.name == name


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("line", MAKE)
def test_make_targets_exist(line):
    process = subprocess.run(["make", "-n", *shlex.split(line)[1:]], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("line", INSTALL)
def test_install_lines_are_those_of_the_setup(line):
    wanted = line.split(" install ")[1]
    assert re.search(rf" install -q .*{re.escape(wanted)}$", SETUP, re.MULTILINE)


def test_files_and_pictures_that_it_names_exist():
    for name in [
        *re.findall(r"\]\((?!http)([^)]+)\)", README),
        "report_template.md",
        "environment.yml",
        "CONTRIBUTING.md",
    ]:
        assert (ROOT / name).is_file(), name


def test_every_notebook_is_in_its_table():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"| `{path.stem}` |" in README
