import subprocess
import sys

import pytest
from typer.main import get_command

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError
from labkit.basics.installed import extras
from labkit.basics.installed.extras import EXTRAS, absent, require
from labkit.cli import app

COMMANDS = get_command(app).commands
FREE = {"fetch", "progress", "update", "repair", "doctor", "reference"}  # of extras


@pytest.fixture
def core_alone(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


def test_what_is_missing_is_one_sentence_with_the_line_to_type(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "typst" else object())
    with pytest.raises(LabkitError) as told:
        require("run", "run", "report")
    assert str(told.value) == ('labkit run needs typst, which is not installed here: `pip install "labkit[report]"`.')


def test_several_are_named_once(core_alone):
    with pytest.raises(LabkitError) as told:
        require("run", "run", "report")
    assert str(told.value) == (
        "labkit run needs ipykernel, nbclient, nbformat, papermill, rich, jinja2, pypandoc_binary, typst, which are "
        'not installed here: `pip install "labkit[run,report]"`.'
    )


def test_where_all_is_there_nothing_is_said():
    require("run", *EXTRAS)
    assert absent(tuple(name for modules in EXTRAS.values() for name in modules)) == []


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - FREE))
def test_every_command_says_what_it_lacks_before_it_does_anything(core_alone, monkeypatch, name, tmp_path):
    monkeypatch.chdir(tmp_path)
    arguments = []
    for parameter in COMMANDS[name].params:
        if parameter.required:
            arguments += [parameter.opts[0], "x"] if parameter.opts[0].startswith("-") else ["x"]
    monkeypatch.setattr("sys.argv", ["labkit", name, *arguments])
    with pytest.raises(LabkitError, match=f"labkit {name} needs .* not installed here: `pip install"):
        app(standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


BLOCKED = {*(name for modules in EXTRAS.values() for name in modules), "jupyter_client", "jupyter_core"} - {
    "rich",  # of typer
    "markupsafe",
}
SCRIPT = """
import importlib, re, sys
from pathlib import Path
for name in {blocked!r}:
    sys.modules[name] = None
for wing in ("data", "models", "training", "report", "exercises"):
    face = importlib.import_module(f"labkit.{{wing}}")
    for name in face.__all__:
        getattr(face, name)
import labkit.exercises.checker, labkit.exercises.answers, labkit.report.plots
for twin in sorted(Path("notebooks/source").glob("*.py")):
    exec("\\n".join(re.findall(r"^(?:import|from) .+", twin.read_text(encoding="utf-8"), re.MULTILINE)), {{}})
print("imported")
from labkit.cli import main
for line in ("--help", "progress x", "report x", "run", "submit --group a --members b"):
    arguments = line.split()
    sys.argv = ["labkit", *arguments]
    try:
        main()
    except SystemExit as end:
        print(arguments[0], "ends with", end.code, flush=True)
"""


@pytest.mark.slow
def test_with_the_core_alone_notebooks_work_and_commands_say_what_they_lack():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(blocked=sorted(BLOCKED))], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout.startswith("imported\n"), done.stderr
    ends = [line for line in done.stdout.splitlines() if " ends with " in line]
    assert ends == [
        f"{name} ends with {code}"
        for name, code in (("--help", 0), ("progress", 0), *((n, 1) for n in ("report", "run", "submit")))
    ]
    assert done.stderr.count("not installed here: `pip install ") == 3
    assert "Traceback" not in done.stderr
