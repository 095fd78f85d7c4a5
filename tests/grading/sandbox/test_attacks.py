"""What hostile notebooks try, and what becomes of it: the right status, no point, and nothing else harmed."""

import json
import os
import threading

import nbformat
import pytest
from attack_makers import AFTER, BEFORE, BOUNDS, SHORT, SmallProvisioner, attack, cell_with, memory, printed, statuses

from labkit.grading.intake.reading.reader import parse_notebook
from labkit.grading.intake.restore import checks, restore
from labkit.grading.judging.grader import execute
from labkit.grading.settings import Bounds

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandboxed")]

GROW = "kept = []\nwhile True: kept.append(b'x' * 5_000_000)"
CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}])\nimport time; time.sleep(30)"
DUMPABLE = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
# Bombs of a bounded size: a sandbox that fails must not take the machine along.
BOMB = "import os, time\nfor _ in range(300):\n    if os.fork() == 0: time.sleep(20); os._exit(0)\ntime.sleep(30)"
SHELL_BOMB = """
import subprocess, time
subprocess.run(['sh', '-c', 'f() { [ $1 -gt 0 ] && { f $(($1 - 1)) & f $(($1 - 1)) & }; sleep 30; }; f 9'])
time.sleep(30)  # a shell that may not fork ends by itself
"""
STOP_THE_GUARD = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    time.sleep(1)
    os.kill(os.getppid(), signal.SIGCONT)
    os._exit(0)
time.sleep(0.5)
os.kill(0, signal.SIGSTOP)
kept = []
while True: kept.append(b'x' * 5_000_000)
"""
FLOOD = """
from IPython.display import display
handle = display('x', display_id=True)
while True: handle.update('y' * 1000)
"""
COMMS = """
from comm import create_comm
while True: create_comm(target_name='x', data={'state': {'_model_name': 'y' * 1000}})
"""
ENDLESS_MESSAGE = """
import threading, zmq
thread = get_ipython().kernel.iopub_thread
def send():
    while True: thread.socket.send(b'x' * 1_000_000, zmq.SNDMORE)
thread.schedule(send)
threading.Event().wait()
"""

TAKE_THE_KERNEL = [
    ("while True: pass", "timeout"),
    ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    ("import os, signal; os.kill(0, signal.SIGSTOP)", "timeout"),
    ("while True: print('x' * 1000)", "output-limit"),
    ("print('x' * 50_000_000)", "output-limit"),
    (FLOOD, "output-limit"),
    (COMMS, "output-limit"),
    (GROW, "out-of-memory"),
    (CHILD.format(program=GROW), "out-of-memory"),
    (DUMPABLE + GROW, "out-of-memory"),
    (CHILD.format(program=DUMPABLE + GROW), "out-of-memory"),
    (STOP_THE_GUARD, "out-of-memory"),
    (BOMB, "kernel-died"),
    ("import os, time\nfor _ in range(9): os.fork()\ntime.sleep(30)", "kernel-died"),
    (SHELL_BOMB, "kernel-died"),
    ("import os; os._exit(0)", "kernel-died"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kernel-died"),
    ("import os, signal; os.kill(0, signal.SIGKILL)", "kernel-died"),
    ("import ctypes; ctypes.string_at(0)", "kernel-died"),
    ("def standardise(x):\n    import os; os._exit(0)", "kernel-died"),
    ("def standardise(x):\n    while True: pass", "timeout"),
]


@pytest.mark.parametrize(("source", "status"), TAKE_THE_KERNEL)
def test_a_notebook_that_loses_its_kernel_loses_one_exercise(source, status):
    before = memory()
    found = attack(source, bounds=SHORT if status == "timeout" else BOUNDS)
    assert found.status == status
    assert statuses(found)[::2] == ["passed", "passed"]
    assert statuses(found)[1] in ("failed", "lost")
    assert len(found.remarks) == 1
    assert f"({status})" in found.remarks[0]
    assert found.peak_memory < 1_500_000_000
    assert memory() - before < 150_000_000


def test_a_message_without_end_does_not_fill_the_memory_of_the_grader():
    before = memory()
    found = attack(ENDLESS_MESSAGE)
    assert found.status in ("output-limit", "out-of-memory")  # the kernel's own memory may fill first
    assert statuses(found) == ["passed", "failed", "passed"]
    assert memory() - before < 150_000_000


FAIL = [
    ("x = bytearray(50_000_000_000)", "out-of-memory"),
    ("import torch; x = torch.ones(50_000_000_000)", "out-of-memory"),
    ("import numpy; x = numpy.ones(50_000_000_000)", "out-of-memory"),
    ("open('/dev/shm/x', 'wb').write(bytes(30_000_000))", "failed"),
    ("while True: open('x', 'ab').write(bytes(1_000_000))", "failed"),
    ("for number in range(200_000): open(str(number), 'w')", "failed"),
    ("import mmap; mmap.mmap(-1, 5000)", "failed"),
    ("import os; os.memfd_create('x')", "failed"),
    ("import sys\nsys.setrecursionlimit(300)\ndef f(n): return f(n + 1)\nf(0)", "failed"),  # IPython shows every call
    ("input('name? ')", "failed"),
    ("import getpass; getpass.getpass()", "failed"),
    ("get_ipython().showtraceback = print\n1 / 0", "failed"),
    ("raise SystemExit", "failed"),
]


def test_cells_that_are_refused_something_fail_alone():
    found = attack(*[source for source, _ in FAIL], bounds=Bounds(20, 60, 5_000_000))
    assert found.statuses == [status for _, status in FAIL]
    assert found.status == "out-of-memory"
    assert statuses(found) == ["passed", "failed", "passed"]
    assert found.remarks == []


SURVIVE = [
    "import os, signal; os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGINT); os.kill(1, signal.SIGSTOP)",
    "import subprocess\nfor _ in range(5): subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)\n    os._exit(0)",
    "import signal\nfor one in range(1, 32):\n    try: signal.signal(one, signal.SIG_IGN)\n    except OSError: pass",
    "import threading\ndef loop():\n    while True: pass\nthreading.Thread(target=loop, daemon=True).start()",
    "import atexit, time; atexit.register(time.sleep, 1000)",
]


def test_what_a_notebook_leaves_running_ends_with_it():
    """The fixture looks for what is left."""
    found = attack(*SURVIVE, bounds=Bounds(10, 60, 200_000))
    assert found.status == "passed"
    assert statuses(found) == ["passed", "failed", "passed"]


def test_forks_that_do_nothing_take_no_memory():
    """Each shares what the server has loaded, more than this."""
    source = "import os, time\nfor _ in range(4):\n    if os.fork() == 0: time.sleep(2); os._exit(0)\ntime.sleep(1)"
    found = attack(source)
    assert found.status == "passed"
    assert found.peak_memory < 150_000_000


def test_memory_that_processes_share_counts_once():
    source = (
        "import os, time\nx = b'x' * 150_000_000\nfor _ in range(4):\n    if os.fork() == 0: time.sleep(1); os._exit(0)"
    )
    found = attack(f"{source}\ntime.sleep(0.5)")
    assert found.status == "passed"
    assert found.peak_memory > 150_000_000


MARKUP = [
    "<script>alert(1)</script>",
    "<svg onload='alert(1)'/>",
    "[x](javascript:alert(1))",
    "\x1b]0;title\x07\x1b[2J",
]


def test_outputs_are_kept_as_data_and_rendered_nowhere(capfd):
    types = ("text/html", "image/svg+xml", "text/markdown", "text/plain")
    data = dict(zip(types, MARKUP, strict=True))
    source = f"from IPython.display import display\ndisplay({data!r}, raw=True)\nprint({MARKUP[3]!r})"
    found = attack(source)
    display, stream = sorted(cell_with(found, source).outputs, key=lambda output: output.output_type)
    assert display.data == data
    assert stream.text == f"{MARKUP[3]}\n"
    assert capfd.readouterr() == ("", "")


def test_a_notebook_that_edits_itself_on_disk_changes_nothing():
    source = (
        "import pathlib\nfor place in ('.', '..', '/tmp'):\n"
        "    for name in ('notebook.ipynb', '__notebook__.ipynb', '01_pytorch_blitz.ipynb'):\n"
        "        try: pathlib.Path(place, name).write_text('{}')\n        except OSError: pass"
    )
    found = attack(source)
    assert found.status == "passed"
    assert [cell.source for cell in found.notebook.cells] == [BEFORE, "pass", source, "pass", AFTER, "pass"]


def test_hostile_metadata_sets_no_rule():
    """Through the reader and `restore`, as every notebook goes."""
    mark = {"grade": True, "locked": True, "solution": False, "schema_version": 3, "points": 1}
    check = nbformat.v4.new_code_cell("1", metadata={"nbgrader": {**mark, "grade_id": "check-1-2"}})
    check.source = "check('1.2', central_difference)"
    answer = nbformat.v4.new_code_cell(BEFORE, metadata={"nbgrader": {**mark, "grade_id": "answer-1-2"}})
    course = nbformat.v4.new_notebook(cells=[answer, check])
    own = json.loads(nbformat.writes(course))
    own["metadata"] = {
        "execution": {"timeout": 10_000, "allow_errors": True},
        "allow_errors": True,
        "timeout": -1,
        "kernelspec": {"name": "evil", "language": "python", "display_name": "x", "argv": ["touch", "/tmp/evil"]},
        "papermill": {"parameters": {"out": "/tmp/evil"}},
    }
    hostile = {"tags": ["skip-execution", "raises-exception"], "execution": {"timeout": 10_000}}
    own["cells"].insert(1, {"cell_type": "code", "source": "while True: pass", "metadata": hostile})
    taken = parse_notebook(json.dumps(own).encode())
    notebook, _ = restore(taken.content, course)
    places = {index: (name, expression) for index, name, expression in checks(notebook)}
    found = execute(notebook, places, {}, 5, Bounds(1, 600, 100_000), SmallProvisioner)
    assert found.status == "timeout"
    # The cell's own second ended it: behind the end of the notebook's time no check is judged.
    assert found.verdicts["1.2"].status == "passed"
    assert len(found.remarks) == 1
    assert len(taken.remarks) == 2
    assert not os.path.exists("/tmp/evil")


def test_the_time_of_a_notebook_ends_with_all_its_kernels():
    found = attack("while True: pass", *["import time; time.sleep(9)"] * 3, bounds=Bounds(600, 3, 200_000))
    assert found.status == "timeout"
    assert statuses(found) == ["passed", "lost", "lost"]
    (remark,) = found.remarks  # no second kernel had time of its own
    assert "not executed" in remark


def test_kernels_are_replaced_three_times():
    found = attack(*["import os; os._exit(0)"] * 5)
    assert found.status == "kernel-died"
    assert statuses(found) == ["passed", "lost", "lost"]
    assert len(found.remarks) == 4


def test_neighbours_in_time_are_not_harmed():
    attacks = ["while True: print('x' * 1000)", "x = 1", BOMB, "x = 2", GROW, "x = 3"]
    found = {}

    def one(source):
        found[source] = attack(source, bounds=Bounds(10, 60, 200_000))

    threads = [threading.Thread(target=one, args=(source,)) for source in attacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = ["output-limit", "passed", "kernel-died", "passed", "out-of-memory", "passed"]
    assert [found[source].status for source in attacks] == expected
    assert all(statuses(one) == ["passed", statuses(one)[1], "passed"] for one in found.values())


def test_bounds_are_not_in_the_way_of_an_honest_notebook():
    right = "def standardise(x):\n    d = (0, 2, 3)\n    return (x - x.mean(d, keepdim=True)) / x.std(d, keepdim=True)"
    found = attack(right, bounds=BOUNDS)
    assert (found.status, statuses(found), found.remarks) == ("passed", ["passed"] * 3, [])
    assert printed(found, right) == ""
    assert 0 <= found.peak_memory < 200_000_000
