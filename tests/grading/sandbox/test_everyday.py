"""What honest notebooks do every day goes on in the sandbox: one kernel, some forty cells, and what each shows."""

import re

import nbformat
import pytest

from labkit.grading.judging.grader import execute
from labkit.grading.sandbox.provisioners import SandboxProvisioner
from labkit.grading.settings import Bounds

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandboxed")]

# Each cell, and what all that it shows must match.
EVERYDAY = [
    # widgets: there is no browser, and nothing is lost
    ("import ipywidgets as widgets; out = widgets.Output(); display(out)\nwith out: print('inside')", "inside"),
    ("print('before')\nwith out:\n    out.clear_output(wait=True)\n    print('new')", r"^before\s+new$"),
    ("with out: display('in it'); 1 / 1\nprint('behind')", r"'in it'\s+behind"),
    ("@widgets.interact(x=(0, 9))\ndef show(x=4): print('x is', x)", "x is 4"),
    (
        "slider = widgets.IntSlider(3)\n"
        "display(slider, widgets.interactive_output(lambda a: print('a is', a), {'a': slider}))",
        "a is 3",
    ),
    ("from tqdm.notebook import tqdm\nprint(sum(tqdm(range(4))))", "6"),
    ("from tqdm import tqdm\nprint(sum(tqdm(range(4))))", "6"),
    (
        "from IPython.display import clear_output\nfor i in range(3): clear_output(wait=True); print('step', i)",
        "^step 2$",
    ),
    ("handle = display('loading', display_id=True); handle.update('ready')", "^'ready'$"),
    # processes and what the machine has
    ("import os, psutil; print(psutil.Process().memory_info().rss > 10**7)", "True"),
    (
        "print(psutil.cpu_count() > 0, psutil.virtual_memory().total > 10**8, psutil.pid_exists(os.getpid()))",
        "^True True True",
    ),
    ("print(psutil.Process().children(), psutil.Process().cpu_percent(), psutil.cpu_percent())", r"^\[\] "),
    ("print(open(f'/proc/{os.getpid()}/status').readline(), os.getloadavg() >= (0, 0, 0))", r"Name:.*\s+True"),
    (
        "from joblib import Parallel, delayed\nprint(Parallel(n_jobs=2)(delayed(abs)(-i) for i in range(4)))",
        r"\[0, 1, 2, 3\]",
    ),
    ("print(Parallel(n_jobs=2, backend='threading')(delayed(abs)(-i) for i in range(4)))", r"\[0, 1, 2, 3\]"),
    (
        "import numpy as np; from sklearn.datasets import load_digits\n"
        "from sklearn.linear_model import LogisticRegression; from sklearn.model_selection import cross_val_score\n"
        "x, y = load_digits(return_X_y=True)\n"
        "print(cross_val_score(LogisticRegression(max_iter=9), x[:200], y[:200], cv=2, n_jobs=2).min() > 0.5)",
        "True",
    ),
    (
        "from multiprocessing import Pool, Value\n"
        "with Pool(2) as pool: print(pool.map(abs, [-1, 2]), Value('i', 3).value)",
        r"\[1, 2\] 3",
    ),
    (
        "import torch; from torch.utils.data import DataLoader\n"
        "print(len(list(DataLoader(torch.arange(8), batch_size=4, num_workers=2))))",
        "2",
    ),
    ("import threading; one = threading.Thread(target=print, args=('thread',)); one.start(); one.join()", "thread"),
    ("import asyncio; await asyncio.sleep(0); print(await asyncio.gather(asyncio.sleep(0, 1)))", r"\[1\]"),
    ("torch.set_num_threads(1); print(torch.ones(9, 9).mm(torch.ones(9, 9)).sum().item())", "729.0"),
    # who and where
    (
        "import getpass, pathlib; print(getpass.getuser(), os.path.expanduser('~') == str(pathlib.Path.cwd()))",
        "student True",
    ),
    ("import tempfile\nwith tempfile.TemporaryFile() as file: print(file.write(b'x'))", "1"),
    ("import socket, platform, time; print(bool(socket.gethostname()), platform.system(), time.tzname)", "True Linux"),
    # files
    ("%%writefile helper.py\ndef twice(x): return 2 * x", "Writing helper.py"),
    ("import helper; print(helper.twice(21))", "42"),
    ("%load_ext autoreload\n%autoreload 2\nprint(helper.twice(2))", "4"),
    (
        "os.mkdir('package'); open('package/__init__.py', 'w').write('ten = 10')\nimport package; print(package.ten)",
        "10",
    ),
    ("np.save('x.npy', np.arange(3)); print(np.load('x.npy').sum())", "3"),
    (
        "network = torch.nn.Linear(2, 1); torch.save(network.state_dict(), 'weights.pt')\n"
        "print(network.load_state_dict(torch.load('weights.pt')))",
        "All keys matched",
    ),
    (
        "import pandas as pd; pd.DataFrame({'a': [1, 2]}).to_csv('t.csv'); pd.read_csv('t.csv').style.highlight_max()",
        "<table",
    ),
    # magics and the shell
    ("%%bash\necho in bash; ls", "in bash"),
    ("!ls -a; echo $HOME", "/home/student"),
    ("!python -c 'import labkit; print(\"python\")'", "python"),
    ("names = !ls\nprint(sorted(names))", "helper.py"),
    ("%timeit -n 1 -r 1 sum(range(10))", "per loop"),
    ("%%time\ntotal = sum(range(10))", "Wall time"),
    ("%pip install something-that-is-not-there", "No matching distribution|No module named pip"),
    # pictures
    ("%matplotlib inline\nimport matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()", "image/png"),
    (
        "plt.plot([1, 2]); plt.savefig('curve.png'); plt.savefig('curve.pdf'); plt.close()\n"
        "print(os.path.getsize('curve.png') > 99)",
        "True",
    ),
    ("import seaborn as sns; sns.set_theme(); axes = sns.lineplot(x=[1, 2], y=[1, 2])", "image/png"),
    (
        "from matplotlib.animation import FuncAnimation\nfigure, axes = plt.subplots(figsize=(1, 1))\n"
        "text = FuncAnimation(figure, lambda i: axes.plot([0, i]), frames=2).to_jshtml()\n"
        "plt.close(); print(len(text) > 999)",
        "True",
    ),
    # messages; a traceback asks for each of its frames where it comes from
    ("import inspect, sys; print(inspect.getmodule(sys._getframe()).__name__)", "__main__"),
    ("import logging; logging.warning('look out')", "look out"),
    ("import warnings; warnings.warn('old')", "UserWarning: old"),
]
# What a night cannot give is refused with a sentence.
REFUSED = [
    ("input('name? ')", "does not support input"),
    ("def down(n): return down(n + 1)\ndown(0)", "RecursionError: maximum"),
]


@pytest.fixture(scope="module")
def executed(sandbox_server):
    sources = [source for source, _ in EVERYDAY + REFUSED]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    return execute(notebook, {}, {}, 0, Bounds(120, 600, 20_000_000), SandboxProvisioner)


def shown(cell):
    """Return all that a cell shows, types of pictures and tables included, without colours."""
    texts = []
    for output in cell.outputs:
        texts += [
            output.get("text", ""),
            *output.get("traceback", []),
            *output.get("data", {}),
            *output.get("data", {}).values(),
        ]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(text for text in texts if text != "text/plain")).strip()


def test_everyday_cells_work(executed):
    cells = executed.notebook.cells[: len(EVERYDAY)]
    failed = {cell.source: shown(cell) for cell in cells if any(one.output_type == "error" for one in cell.outputs)}
    assert failed == {}
    right = [re.search(text, shown(cell)) for cell, (_, text) in zip(cells, EVERYDAY, strict=True)]
    assert {cell.source: shown(cell) for cell, found in zip(cells, right, strict=True) if not found} == {}
    assert executed.remarks == []  # no kernel was lost


def test_what_cannot_be_had_is_refused_with_a_sentence(executed):
    assert executed.statuses == ["failed"] * len(REFUSED)
    for cell, (_, text) in zip(executed.notebook.cells[len(EVERYDAY) :], REFUSED, strict=True):
        assert re.search(text, shown(cell), re.DOTALL)
