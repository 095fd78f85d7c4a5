"""Warm kernels give what ordinary kernels give, start fast, and leave nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from labkit.course import kernels
from labkit.course.notebooks import course, notebooks_folder
from labkit.course.run_one import run_headless

pytestmark = pytest.mark.slow

warm_only = pytest.mark.skipif(not kernels.AVAILABLE, reason="warm kernels need Linux; ordinary ones start elsewhere")


@pytest.fixture(scope="module", autouse=True)
def no_server_left():
    yield
    kernels.own_server.end()


def notebook(folder, *sources):
    path = folder / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
    return path


def outputs(path, warm=True, **kwargs):
    """Return the text that each cell printed, and the error that ended the notebook."""
    text, _, error = run_headless(path, {}, warm=warm, **kwargs)
    cells = nbformat.reads(text, as_version=4).cells
    return ["".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in cells], error


def evaluate(client, source):
    """Return what `source` prints in a kernel."""
    found = []
    client.execute_interactive(
        source, timeout=60, output_hook=lambda message: found.append(message["content"].get("text", ""))
    )
    return "".join(found).strip()


def gone(pid):
    """Wait until a process has ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


FACTS = """
import os, random, sys, threading
import numpy, torch
print(os.getcwd(), __name__, sys.argv[0].endswith(".py"), sys.path[0], "papermill" in sys.modules)
print(torch.get_num_threads(), torch.initial_seed() == 0, sorted(set(globals()) - {"__conda_version__"}))
print(torch.backends.mkldnn.is_available(), torch.get_default_dtype(), torch.is_grad_enabled())
"""
TRAINING = """
import numpy as np, torch
torch.manual_seed(3); np.random.seed(3)
torch.set_num_threads(2)
x = torch.randn(500, 300); layer = torch.nn.Linear(300, 300)
optimizer = torch.optim.Adam(layer.parameters())
for _ in range(20):
    optimizer.zero_grad(); loss = layer(x).square().mean(); loss.backward(); optimizer.step()
print(loss.item(), np.linalg.norm(np.random.randn(400, 400) @ np.random.randn(400, 400)), torch.get_num_threads())
"""
FIGURE = """
import matplotlib, matplotlib.pyplot as plt
plt.plot([1, 2])
print(matplotlib.get_backend(), plt.rcParams["figure.dpi"], plt.isinteractive())
"""


def test_a_warm_kernel_is_like_an_ordinary_one(tmp_path):
    path = notebook(tmp_path, FACTS, TRAINING, FIGURE, "import subprocess; print(subprocess.run(['true']).returncode)")
    warm, cold = outputs(path), outputs(path, warm=False)
    assert warm[1] == cold[1] == ""
    assert len(warm[0]) == 4
    assert all(warm[0])
    assert warm[0] == cold[0]


TIMED = re.compile(r"\d+\.\d+ ?(s|ms|µs)\b.*")


def comparable(text):
    """Return the cells' outputs without measured times, and with a stream's text in one piece."""
    cells = nbformat.reads(text, as_version=4).cells
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            text = TIMED.sub("TIME", output.get("text") or output.data["text/plain"])
            kind = output.get("name") or sorted(output.data)
            if found and found[-1][0] == kind and output.output_type == "stream":
                found[-1] = (kind, found[-1][1] + text)
            else:
                found.append((kind, text))
    return found


def test_a_course_notebook_gives_the_same_on_both_kinds_of_kernel(tmp_path, monkeypatch):
    """A whole sweep with its figures and tables, to the last digit that it prints; of fewer widths, in fewer epochs."""
    monkeypatch.setenv("LABKIT_THREADS", "1")
    original = next(path for path in course(notebooks_folder()) if path.stem.startswith("05"))
    path, source = tmp_path / original.name, original.read_text(encoding="utf-8")
    for text, smaller in (("range(30, 301, 30)", "range(100, 301, 100)"), ("quick=8", "quick=2")):
        assert source.count(text) == 1
        source = source.replace(text, smaller)
    path.write_text(source, encoding="utf-8")
    texts, results = [], []
    for warm in (True, False):
        folder = tmp_path / str(warm)
        parameters = {"profile": "quick", "data": "embedded", "seed": 0, "out": str(folder)}
        text, _, error = run_headless(path, parameters, warm=warm)
        assert error == ""
        texts.append(comparable(text.replace(str(folder), "OUT")))
        (section,) = json.loads((folder / "results.json").read_text())["notebooks"].values()
        results.append({name: number for name, number in section["numbers"].items() if "seconds" not in name})
    assert len(texts[0]) > 10
    assert texts[0] == texts[1]
    assert results[0] == results[1]


PROFILED = """
import torch
from labkit.basics.machine import set_threads
with torch.profiler.profile() as profiler:
    torch.ones(9) @ torch.ones(9)
print(len(profiler.key_averages()) > 0)
"""


def test_what_imports_set_in_the_environment_holds_in_the_kernel(tmp_path, monkeypatch):
    """labkit.basics.machine silences the profiler, which would write into the notebook."""
    monkeypatch.delenv("KINETO_LOG_LEVEL", raising=False)
    assert outputs(notebook(tmp_path, PROFILED))[0] == ["True\n"]


def test_nothing_of_one_notebook_reaches_the_next(tmp_path):
    first = notebook(tmp_path, "import torch, os; torch.leak = 1; os.environ['LEAK'] = '1'; x = 1; print('set')")
    assert outputs(first)[0] == ["set\n"]
    second = notebook(tmp_path, "import torch, os; print(hasattr(torch, 'leak'), 'LEAK' in os.environ, 'x' in dir())")
    assert outputs(second)[0] == ["False False False\n"]


def test_a_module_beside_the_notebook_is_found_behind_those_of_python(tmp_path):
    (tmp_path / "helpers.py").write_text("twice = lambda x: 2 * x")
    for name in ("json", "colorsys", "torch"):
        (tmp_path / f"{name}.py").write_text("1 / 0")
    path = notebook(tmp_path, "import colorsys, json, torch, helpers; print(helpers.twice(4))")
    assert outputs(path) == (["8\n"], "")


@warm_only
def test_no_message_is_lost_and_a_deep_traceback_knows_its_cell(tmp_path):
    source = (
        "import inspect, sys\nfor number in range(3_000): display(number)\nprint(inspect.getmodule(sys._getframe()))"
    )
    text, _, error = run_headless(notebook(tmp_path, source), {})
    (cell,) = nbformat.reads(text, as_version=4).cells
    assert (len(cell.outputs), error) == (3_001, "")
    assert "'__main__'" in cell.outputs[-1].text


def test_every_kernel_draws_its_own_random_numbers(tmp_path):
    draw = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    drawn = [outputs(notebook(tmp_path, draw))[0][0].split() for _ in range(3)]
    for values in zip(*drawn, strict=True):
        assert len(set(values)) == 3


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_are_set_for_each_kernel(tmp_path, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setenv("LABKIT_THREADS", threads)
    ask = "import torch; from labkit.basics.machine import set_threads; print(torch.get_num_threads(), set_threads())"
    assert outputs(notebook(tmp_path, ask))[0] == [f"{threads} {threads}\n"]


def test_folder_and_environment_are_the_clients(tmp_path, monkeypatch):
    monkeypatch.setenv("A_NEW_VARIABLE", "grün")
    path = notebook(tmp_path, "import os; print(os.getcwd(), os.environ['A_NEW_VARIABLE'])")
    assert outputs(path)[0] == [f"{tmp_path} grün\n"]


@warm_only
def test_the_server_starts_no_threads_and_the_kernel_uses_files_as_sockets(tmp_path):
    assert outputs(notebook(tmp_path, "print(1)"))[0] == ["1\n"]
    server = kernels.own_server()
    assert len(os.listdir(f"/proc/{server.process.pid}/task")) == 1
    manager, client = start_new_kernel(kernel_name=kernels.KERNEL)
    try:
        assert manager.transport == "ipc"
        assert Path(manager.connection_file).parent == Path(server.folder)
        parent = evaluate(client, "import os; print(os.getppid(), os.getsid(0) == os.getpid())")
        assert parent == f"{server.process.pid} True"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert os.listdir(server.folder) == []
    assert os.stat(server.folder).st_mode & 0o077 == 0


@warm_only
def test_interrupt_and_restart():
    manager, client = start_new_kernel(kernel_name=kernels.KERNEL)
    try:

        def interrupt(message):
            if "started" in message["content"].get("text", ""):
                manager.interrupt_kernel()

        endless = "print('started', flush=True)\nimport time\nwhile True: time.sleep(0.1)"
        reply = client.execute_interactive(endless, timeout=30, output_hook=interrupt)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        first = evaluate(client, "import os; x = 1; print(os.getpid())")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=30)
        assert gone(int(first))
        assert evaluate(client, "print('x' in dir())") == "False"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@warm_only
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # papermill drops a dead kernel's sockets
@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)", "os.kill(os.getppid(), 9)"])
def test_a_kernel_or_server_that_dies_ends_its_notebook_and_not_the_next(tmp_path, how):
    error = outputs(notebook(tmp_path, f"import os, signal, time; {how}; time.sleep(60)"))[1]
    assert error == "The kernel died: it was killed, or it ran out of memory."
    assert outputs(notebook(tmp_path, "print('alive')"))[0] == ["alive\n"]


CLIENT = """
import os, sys, time
from jupyter_client.manager import start_new_kernel
from labkit.course import kernels

manager, client = start_new_kernel(kernel_name=kernels.KERNEL)
server = kernels.own_server()
print(server.process.pid, manager.provisioner.pid, server.folder, flush=True)
{end}
"""


@warm_only
@pytest.mark.parametrize(
    "end", ["time.sleep(600)", "raise RuntimeError", "os.kill(server.process.pid, 9); server.process.wait()"]
)
def test_nothing_is_left_when_either_side_crashes(end):
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT.format(end=end)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    server, kernel, folder = process.stdout.readline().split()
    if "600" in end:
        process.kill()
    process.wait(60)
    process.stdout.close()
    assert gone(server)
    assert gone(kernel)
    deadline = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(folder).exists()


def test_ordinary_kernels_start_where_processes_cannot_be_forked(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "AVAILABLE", False)
    monkeypatch.setattr(kernels, "own_server", None)
    kernels.prepare()
    found, error = outputs(notebook(tmp_path, "import sys; print('torch' in sys.modules)"))
    assert (found, error) == (["False\n"], "")


@warm_only
def test_long_temporary_folders_are_avoided(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    kernels.own_server.end()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    try:
        assert outputs(notebook(tmp_path, "print(2)"))[0] == ["2\n"]
        assert list(deep.glob("labkit-*")) == []
    finally:
        kernels.own_server.end()
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
