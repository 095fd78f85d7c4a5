"""What a user has set for Python, Jupyter, IPython and matplotlib changes nothing in a headless run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from labkit.course import kernels

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HEADLESS = """
import json, sys
from pathlib import Path
from labkit.course import kernels
from labkit.course.run_one import run_headless, set_environment
set_environment()
kernels.prepare()
for warm in (True, False):
    print(json.dumps(json.loads(run_headless(Path(sys.argv[1]), {}, warm=warm)[0])))
"""
AS_JUPYTERLAB = """
import json, sys
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
NotebookClient(book, kernel_name="labkit-warm", resources={"metadata": {"path": "book"}}).execute()
print(json.dumps(json.loads(nbformat.writes(book))))
"""
FACTS = """
import importlib.util, os, sys, warnings
import matplotlib, matplotlib.pyplot as plt
print(sorted(set(globals()) & {"from_startup", "from_a_line", "from_the_shell"}))
print(matplotlib.get_backend(), [plt.rcParams[name] for name in ("axes.facecolor", "text.usetex", "figure.dpi")])
print([importlib.util.find_spec(name) for name in ("of_the_path", "of_nobody")])
print(warnings.filters[-1][0], sys.flags.optimize, sys.warnoptions)
print(get_ipython().colors, get_ipython().autocall, os.environ.get("CUDA_VISIBLE_DEVICES"))
"""
PROFILE = """
c = get_config()
c.InteractiveShellApp.exec_lines = ["from_a_line = 1"]
c.InteractiveShellApp.extensions = ["autoreload"]
c.InteractiveShell.autocall = 2
c.IPKernelApp.pylab = "inline"
c.InlineBackend.rc = {"figure.dpi": 7}
"""


def kernelspec(folder, name):
    file = folder / name / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"argv": ["/bin/false"], "display_name": name, "language": "python"}))


@pytest.fixture
def settings(tmp_path):
    """Write settings as people have them, and return the environment that leads to them."""
    home, config = tmp_path / "home", tmp_path / "jupyter"
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("from_startup = 1\nprint('hello')")
    (startup.parent / "ipython_config.py").write_text(PROFILE)
    matplotlibrc = "axes.facecolor: red\ntext.usetex: True\nfigure.dpi: 7\nbackend: TkAgg\n"
    for folder in (home / ".config" / "matplotlib", tmp_path, tmp_path / "book"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "matplotlibrc").write_text(matplotlibrc)
    for name in ("python3", kernels.KERNEL):
        kernelspec(home / ".local" / "share" / "jupyter" / "kernels", name)
        kernelspec(config / "kernels", name)
    config.joinpath("jupyter_nbconvert_config.py").write_text("raise RuntimeError('not for you')")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "of_the_path.py").write_text("raise RuntimeError('not for you')")
    (tmp_path / "shell.py").write_text("from_the_shell = 1\nprint('hello')")
    return {
        "HOME": str(home),
        "PYTHONPATH": str(tmp_path / "path"),
        "PYTHONSTARTUP": str(tmp_path / "shell.py"),
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "1",
        "JUPYTER_PATH": str(config),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": "/nonexistent",
        "MPLBACKEND": "TkAgg",
    }


def facts(folder, script, **environment):
    """Return what a notebook in a folder says of its kernel, once for each that a script runs it on."""
    path = folder / "book" / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FACTS)]), path)
    ours = ("PYTHON", "JUPYTER_", "IPYTHON", "MATPLOTLIBRC")  # perhaps of an earlier headless run in this process
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.run(
        [sys.executable, "-c", script, path], cwd=folder, env=clean | environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    books = [json.loads(line)["cells"][0] for line in process.stdout.splitlines()]
    return ["".join(line for output in book["outputs"] for line in output["text"]).splitlines() for book in books]


def test_settings_of_the_user_change_nothing_in_a_headless_run(tmp_path, settings):
    warm, ordinary = facts(tmp_path, HEADLESS, **settings)
    assert warm == ordinary
    assert warm == [
        "[]",
        "module://matplotlib_inline.backend_inline ['white', False, 100.0]",
        "[None, None]",
        "ignore 0 []",
        "neutral 0 None",
    ]


def test_they_stay_the_students_in_jupyterlab(tmp_path, settings):
    environment = {name: settings[name] for name in ("HOME", "PYTHONPATH", "PYTHONSTARTUP")}
    ((*_, names, style, paths, _, shell),) = facts(tmp_path, AS_JUPYTERLAB, JUPYTER_PREFER_ENV_PATH="1", **environment)
    assert names == "['from_a_line', 'from_startup', 'from_the_shell']"
    assert "['red', True, 7.0]" in style
    assert "of_the_path.py" in paths
    assert shell == "neutral 2 None"
