"""What a kernel says that student code controls: forged answers, notes, messages and results earn nothing."""

import nbformat
import pytest
from attack_makers import BOUNDS, SHORT, attack, statuses

from labkit.grading.intake.reading.claims import read_claims
from labkit.grading.judging.numbers import compare_numbers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandboxed")]

YES = """
class Yes:
    shape = (20, 3, 32, 32)
    def __eq__(self, other): return True
    def __getattr__(self, name): return Yes()
    def __call__(self, *a): return Yes()
    def __float__(self): return 0.0
    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__
    __hash__ = None
def standardise(x): return Yes()
"""
FORGED = (
    "import IPython.display as d\ndef standardise(x):\n    d.display({'application/x-labkit-notes': TEXT}, raw=True)"
)
CHEATS = [
    YES,
    "import labkit.exercises.checker as c\nc.examine = c.judge = lambda *a: True\nc.Checker.passed = lambda *a: True",
    "import labkit.exercises.judge as e\ne.judge = lambda *a: e.Verdict('passed', 'passed')",
    "import labkit.exercises.catalogue as e\ne.exercises.cache_clear()\ne.exercises = dict",
    "import labkit.exercises.trials as t\nt.calls = lambda f, inputs: [{'value': 1} for _ in inputs]\nstandardise = 0",
    "import labkit.exercises.trials as c\nc.calls = None\nstandardise = 0",
    'import labkit.exercises.notes as p\np.encode = lambda *a: \'{"status": "passed"}\'\nstandardise = 0',
    'import labkit.exercises.notes as p\np.encode = lambda *a: \'[{"value": NaN}, {"value": -NaN}]\'\nstandardise = 0',
    "import labkit.exercises.notes as p\np.encode = lambda *a: '[' * 1_000_000\nstandardise = 0",
    "import labkit.exercises.notes as p\np.encode = lambda *a: 'x' * 9_000_000\nstandardise = 0",
    "import labkit.exercises.notes as p\np.encode = lambda *a: b'bytes'\nstandardise = 0",
    "import json\njson.dumps = lambda *a, **k: '\"passed\"'\nstandardise = 0",
    "import numpy as np, torch\nnp.allclose = torch.allclose = lambda *a, **k: True\nstandardise = lambda x: x",
    "import builtins\nbuiltins.print = builtins.isinstance = lambda *a: True\nstandardise = lambda x: x",
    "import sys\nfor name in list(sys.modules):\n    if 'labkit.ex' in name: sys.modules[name] = None\nstandardise = 0",
    FORGED.replace("TEXT", '\'[{"value": 1}, {"value": 2}]\''),
    FORGED.replace("TEXT", "['no text']"),
    "standardise = type('T', (), {'__reduce__': lambda s: (print, ('hi',)), '__call__': lambda s, x: s})()",
]


@pytest.mark.parametrize("source", CHEATS)
def test_cheating_earns_nothing(source):
    found = attack(
        source, bounds=SHORT if "builtins.print" in source else BOUNDS
    )  # without an answer, until its time ends
    assert statuses(found)[:2] == ["passed", "failed"]


SEND = """
k = get_ipython().kernel
def send(kind, content):
    k.session.send(k.iopub_socket, kind, content, k.get_parent())
"""
FORGERIES = [
    "send('stream', {})",
    "send('stream', {'name': [], 'text': {}})",
    "send('stream', [1, 2])",
    "send('display_data', {'data': 5, 'metadata': None, 'transient': 7})",
    "send('update_display_data', {'data': {}, 'metadata': {}, 'transient': {'display_id': []}})",
    "send('execute_input', {'execution_count': {'a': 1}})",
    "send('error', {'ename': 1, 'evalue': [], 'traceback': 'x'})",
    "send('status', {'execution_state': 'idle'})",
    "send('status', {})",
    "send('clear_output', {})",
    "send('comm_msg', {'comm_id': [], 'data': 3})",
    "send('comm_open', {'comm_id': 'x', 'data': {'state': {'_model_module': '@jupyter-widgets/output'}}})",
    "send('stream', {'name': 'stdout', 'text': '\\ud800'})",
    "send('display_data', {'data': {'text/plain': float('nan')}, 'metadata': {}})",
    "send('\\x1b]0;title\\x07\\x1b[2J', {'text': 'x'})",
    "k.session.send(k.iopub_socket, {'header': 1, 'msg_id': '', 'msg_type': 's', 'parent_header': 3, 'content': 4})",
    "k.iopub_thread.schedule(lambda: k.iopub_thread.socket.send_multipart([b'x'] * 9))",
    "k.session.key = b'another'",
    "k.session.send = lambda *a, **k: None",
    "import os; os.closerange(3, 1000)",
    "get_ipython().display_pub.publish({'text/plain': 'x' * 90_000})",
]


@pytest.mark.parametrize("source", FORGERIES)
def test_forged_messages_cost_their_author_alone(source, capfd):
    found = attack(SEND + source, bounds=SHORT if "session.send =" in source else BOUNDS)
    assert statuses(found)[::2] == ["passed", "passed"]
    assert statuses(found)[1] in ("failed", "lost")
    nbformat.validate(found.notebook)
    nbformat.writes(found.notebook).encode()
    assert capfd.readouterr() == ("", "")


def test_two_replies_to_one_request_are_one():
    twice = "send = k.session.send\ndef two(*a, **k): send(*a, **k); return send(*a, **k)\nk.session.send = two"
    found = attack(SEND + twice)
    assert statuses(found)[:2] == ["passed", "failed"]


RESULTS = """
import os, json
os.makedirs(os.environ['LABKIT_OUT'], exist_ok=True)
path = os.environ['LABKIT_OUT'] + '/results.json'
"""


def test_numbers_that_the_run_does_not_give_are_called_different():
    numbers = {"accuracy": {"value": 0.5, "text": "50.0 %", "spread": 0.01}}
    found = attack(RESULTS + f"json.dump({{'notebooks': {{'01': {{'numbers': {numbers!r}}}}}}}, open(path, 'w'))")
    claimed = {"notebooks": {"01": {"numbers": {"accuracy": {"value": 0.99, "text": "99.0 %", "spread": 9}}}}}
    assert (
        compare_numbers(read_claims(claimed, "01"), read_claims(found.results, "01"), "01")["accuracy"]["same"] is False
    )


@pytest.mark.parametrize(
    "source",
    [
        "os.mkfifo(path)",
        "os.symlink('/etc/passwd', path)",
        "os.symlink('/dev/urandom', path)",
        "open(path, 'wb').write(b'x' * 15_000_000)",
        "open(path, 'w').write('[' * 100_000)",
        "open(path, 'wb').write(b'\\x80\\x04\\x95')",
        "import pickle; pickle.dump(type('B', (), {'__reduce__': lambda s: (os.abort, ())})(), open(path, 'wb'))",
        "os.mkdir(path)",
    ],
)
def test_a_results_file_that_is_none_counts_as_none(source):
    found = attack(RESULTS + source, bounds=SHORT if "mkfifo" in source else BOUNDS)
    assert found.results is None
    assert statuses(found) == ["passed", "failed", "passed"]
