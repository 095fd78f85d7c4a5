"""Whatever its processes are doing when a grader is killed: they end with it."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import family, python_server, wait_until

from labkit import PACKAGE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandbox_server")]

# A helper and a server that import something which takes ten minutes, and a helper that computes as long.
CLIENT = """
import sys, threading, time
from labkit.course.kernels import Server
from labkit.grading.sandbox.bubblewrap import SCRATCH, wrap_and_tidy
from labkit.grading.sandbox.helper import Helper

slow, package = sys.argv[1:]
class Importing(Helper):
    program = f"import sys; sys.path.insert(0, {slow!r}); import torch"
class Computing(Helper):
    program = f'''
from labkit.grading.sandbox.helper import serve
def answer(request):
    open({slow!r} + "/computing", "w").close()
    return sum(range(10**12))
serve(answer, 10**9)'''
for helper in (Importing(600), Computing(600)):
    threading.Thread(target=helper.ask, args=[1], daemon=True).start()
path = ["--ro-bind", slow, SCRATCH, "--setenv", "PYTHONPATH", f"{SCRATCH}:{package}"]
server = Server(lambda folder: [*wrap_and_tidy(folder), *path])
open(server.folder + "/k.json", "w").close()  # as a client that waits for its kernel has written
print(server.process.pid, server.folder, flush=True)
time.sleep(600)
"""


def test_they_end_also_in_the_middle_of_an_import_or_a_computation(tmp_path):
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(600)")
    command = [sys.executable, "-c", CLIENT, str(tmp_path), str(PACKAGE.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
        try:
            server, folder = client.stdout.readline().split()
            wait_until((tmp_path / "computing").exists, 60)
            wait_until(lambda: python_server(int(server)), 60)
            everyone = family(client.pid)
            assert (tmp_path / "computing").exists()
            assert len(everyone) >= 5  # itself, the helpers, bubblewrap and the server
        finally:
            client.kill()
        wait_until(lambda: not any(map(family, everyone)) and not Path(folder).exists(), 10)
        assert not any(map(family, everyone))
        assert not Path(folder).exists()
        assert client.stderr.read() == ""  # nor does any of them say a word
