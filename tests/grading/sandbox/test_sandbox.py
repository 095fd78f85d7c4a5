"""What code in the sandbox sees and reaches, and that nothing of a sandbox outlives its client."""

import os
import signal
import socket
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import attack_makers
import nbformat
import pytest
from attack_makers import BOUNDS, SHORT, SmallProvisioner, attack, printed, statuses
from conftest import SECRET, command_line, family, python_server, wait_until

from labkit import CHECKOUT, PACKAGE
from labkit.basics.errors import LabkitError
from labkit.basics.files import data_folder
from labkit.course.notebooks import notebooks_folder
from labkit.grading.judging.grader import execute
from labkit.grading.sandbox import bubblewrap, confine
from labkit.grading.sandbox.confine import Limits
from labkit.grading.sandbox.provisioners import SandboxProvisioner, UnsafeProvisioner
from labkit.grading.settings import Bounds

pytestmark = pytest.mark.slow


class Roomy(SandboxProvisioner):
    limits = Limits(memory=2_000_000_000)


def refused(sandboxed, *lines):
    """Run each line in one sandboxed cell, and return those that raised no OSError."""
    source = "import contextlib, os, socket\n"
    for number, line in enumerate(lines):
        source += f"with contextlib.suppress(OSError):\n    {line}\n    print({number})\n"
    found = attack(source)
    assert statuses(found)[::2] == ["passed", "passed"]
    assert found.status == "passed", found.notebook.cells[2].outputs
    return [lines[int(number)] for number in printed(found, source).split()]


def test_nothing_can_be_read_that_is_not_for_students(sandboxed, tmp_path):
    (tmp_path / "results.sqlite").write_text("grades")
    neighbour = Path(sandboxed.folder, "neighbour")  # another kernel's sockets
    neighbour.mkdir()
    report = Path(sandboxed.folder, "neighbour.report")
    report.write_text("- 0")
    places = [
        *(
            "/etc/shadow",
            "/etc/passwd",
            "/etc/hostname",
            "/etc/ssh",
            "/var/log",
            "/run",
            "/root/.ssh",
            "/proc/1/environ",
        ),
        *("/proc/1/status", "/proc/1/cmdline", "/proc/self/root/etc/shadow", "/dev/mem", "/dev/sda", "/dev/kmsg"),
        *("/proc/sys/kernel/hostname", "/proc/kcore", "/sys/class/net", "/sys/fs/cgroup", "/dev/vsock"),
        *map(str, (tmp_path, tmp_path / "results.sqlite", neighbour, report, notebooks_folder(), Path.cwd() / "tests")),
        *map(str, (Path.cwd() / "README.md", Path.home() / ".bashrc", Path.home() / ".cache", Path.cwd() / ".git")),
    ]
    try:
        reading = "os.listdir({0!r}) if os.path.isdir({0!r}) else open({0!r}, 'rb').read(9)"
        assert refused(sandboxed, *[reading.format(place) for place in places]) == []
    finally:
        neighbour.rmdir()
        report.unlink()


PROCESSES = """
import contextlib, os, subprocess
child = subprocess.Popen(['sleep', '1000'])
readable = set()
for name in os.listdir('/proc'):
    path = '/proc/' + name
    with contextlib.suppress(OSError):
        os.chmod(path, 0o777)
    with contextlib.suppress(OSError):
        os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(9)
        readable.add(name)
print(readable - {str(os.getpid()), str(child.pid), 'self', 'thread-self', 'mounts', 'net'} - set(FACTS))
print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()) == [os.getpid(), child.pid])
print(open('/proc/self/net/dev').read().count(':'), open(f'/proc/{child.pid}/comm').read())
child.kill(); child.wait()
"""


def test_a_kernel_sees_its_own_processes_and_facts_about_the_machine(sandboxed):
    neighbour = threading.Thread(target=attack, args=("import time; time.sleep(3)",))
    neighbour.start()
    source = PROCESSES.replace("FACTS", repr(sorted(confine.MACHINE_FACTS)))
    assert printed(attack(source), source).splitlines()[:3] == ["set()", "True", "1 sleep"]
    neighbour.join()


def test_nothing_can_be_written_but_the_scratch_folder(sandboxed, tmp_path):
    own = "[line.split()[4] for line in open('/proc/self/mountinfo') if 'labkit-' in line][-1]"
    places = ["/x", "/usr/x", "/etc/x", "/tmp/x", "/home/x", "/dev/x", "/var/x", tmp_path / "x", PACKAGE / "x.py"]
    places += [data_folder() / "x", Path(os.__file__).parent / "x.py", Path(pytest.__file__).parent / "x.py"]
    lines = [f"open({str(place)!r}, 'w')" for place in places]
    lines += [f"os.mkdir({own} + '/x')", f"open({own} + '/x', 'w')", f"os.remove({own} + '/k.json')"]
    lines += [f"open({own} + '/k.json', 'a')", f"os.chmod({own}, 0o777)", f"os.symlink('/', {own} + '/x')"]
    lines += [f"socket.socket(socket.AF_UNIX).bind({own} + '/x')", f"os.mkfifo({own} + '/x')"]
    assert refused(sandboxed, *lines) == []
    assert refused(sandboxed, "open('x', 'w')", "open('/dev/shm/x', 'w')", "os.mkdir('y')") != []


def test_nothing_can_be_connected_to(sandboxed, tmp_path):
    """Loopback, the network, sockets with and without a file, and the host of a virtual machine."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0labkit-test-attack")
        abstract.listen()
        with socket.socket(socket.AF_UNIX) as path:
            path.bind(str(tmp_path / "s"))
            path.listen()
            lines = [
                f"socket.create_connection({tcp.getsockname()!r}, 2)",
                *[f"socket.create_connection(({host!r}, {port}), 2)" for host, port in (("1.1.1.1", 53), ("::1", 22))],
                "socket.getaddrinfo('example.org', 80)",
                "socket.socket(socket.AF_UNIX).connect('\\0labkit-test-attack')",
                f"socket.socket(socket.AF_UNIX).connect({str(tmp_path / 's')!r})",
                "socket.socket(40, socket.SOCK_STREAM)",
                "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
                "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
                *[f"socket.socket(socket.AF_UNIX).connect({place!r})" for place in ("/run/dbus/system_bus_socket",)],
            ]
            assert refused(sandboxed, *lines) == []


DESCRIPTORS = """
import os
for entry in os.scandir('/proc/self/fd'):
    try: print(os.readlink(entry.path))
    except OSError: pass
"""


def test_no_descriptor_of_the_server_is_inherited(sandboxed):
    """Its connection to the client could start other kernels."""
    attack("x = 1")  # it has started
    server = python_server(sandboxed.process.pid)
    theirs = {os.readlink(place) for place in Path(f"/proc/{server}/fd").iterdir()}
    own = set(printed(attack(DESCRIPTORS), DESCRIPTORS).split())
    assert any("socket" in one for one in theirs)
    assert any("socket" in one for one in own)
    assert not [one for one in own & theirs if "socket" in one or "pipe" in one]


SEARCH = """
import os
found = 0
def search(content):
    global found
    found += content[::-1].count({backwards!r})  # the secret itself is nowhere in this program
for name in ('environ', 'cmdline'): search(open('/proc/self/' + name, 'rb').read())
search(''.join(os.environ.values()).encode())
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        start, end = (int(number, 16) for number in line.split()[0].split('-'))
        if ' rw' in line and end - start < 200_000_000:
            memory.seek(start)
            try: search(memory.read(end - start))
            except OSError: pass
print(found)
"""


@pytest.mark.parametrize("secret", [SECRET, "HOME=/home/student"])
def test_the_environment_of_the_ta_is_nowhere(sandboxed, secret):
    """Neither as variables nor in the memory that the server left, where the sandbox's own environment is found."""
    source = SEARCH.format(backwards=secret[::-1].encode())
    found = attack(source, bounds=Bounds(20, 60, 200_000), provisioner=Roomy)
    assert (printed(found, source) == "0\n") == (secret == SECRET)


def test_new_namespaces_and_hidden_memory_are_forbidden(sandboxed):
    lines = [
        *[
            f"assert __import__('ctypes').CDLL(None).unshare({flag}) == 0 or os.stat('/none')"
            for flag in (1 << 28, 1 << 17)
        ],
        "assert __import__('ctypes').CDLL(None).shmget(0, 4096, 0o1600) != -1 or os.stat('/none')",
        "assert __import__('ctypes').CDLL(None).mount(b'x', b'/home/student', b'tmpfs', 0, 0) == 0 or os.stat('/none')",
        "assert __import__('ctypes').CDLL(None).umount2(b'/proc', 2) == 0 or os.stat('/none')",
        "assert __import__('ctypes').CDLL(None).ptrace(16, 1, 0, 0) == 0 or os.stat('/none')",
        "os.setuid(12345)",
        "os.memfd_create('x')",
        "os.chroot('.')",
        "__import__('mmap').mmap(-1, 4096)",
        "__import__('mmap').mmap(os.open('/dev/zero', os.O_RDWR), 4096)",
    ]
    assert refused(sandboxed, *lines) == []


WORKS = """
import multiprocessing, subprocess, threading
import torch
from torch.utils.data import DataLoader
batches = list(DataLoader(torch.arange(8), batch_size=4, num_workers=2))
with multiprocessing.Pool(2) as pool: squares = pool.map(abs, [-1, 2])
lines = subprocess.run(['echo', 'hello'], capture_output=True, text=True).stdout
thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()
print(len(batches), squares, lines.strip(), torch.ones(300, 300).mm(torch.ones(300, 300)).sum().item())
"""


def test_honest_work_goes_on(sandboxed):
    """Workers of a DataLoader, pools, other programs, threads."""
    found = attack(WORKS, bounds=Bounds(60, 90, 200_000), provisioner=Roomy)
    assert found.status == "passed", found.notebook.cells[2].outputs
    assert printed(found, WORKS).splitlines() == ["thread", "2 [1, 2] hello 27000000.0"]


def test_a_dead_server_is_replaced_and_what_it_lost_is_put_down_to_nobody(sandboxed):
    async def kill(kernel, index):
        if sandboxed.process.poll() is None:
            sandboxed.process.kill()
            sandboxed.process.wait()

    cells = [nbformat.v4.new_code_cell(source) for source in ("x = 1", "y = 1")]
    found = execute(nbformat.v4.new_notebook(cells=cells), {}, {}, 77, BOUNDS, SmallProvisioner, kill)
    assert found.disturbed
    found = attack("x = 1")
    assert (found.status, found.disturbed) == ("passed", False)


def test_an_execution_without_any_kernel_is_an_error(sandboxed):
    class Broken(SandboxProvisioner):
        async def launch_kernel(self, cmd, **kwargs):
            raise OSError("no more processes")

    with pytest.raises(LabkitError, match=r"No kernel could be started.*no more processes"):
        attack("x = 1", provisioner=Broken)


CLIENT = """
import os, threading, time
from attack_makers import attack
from labkit.grading.settings import Bounds
from labkit.grading.sandbox.provisioners import sandbox_server
if {thread}:  # bubblewrap must not end with the thread that started it
    thread = threading.Thread(target=sandbox_server); thread.start(); thread.join()
    while os.path.exists(f"/proc/self/task/{{thread.native_id}}"): time.sleep(0.01)
server = sandbox_server()
print(server.process.pid, server.folder, flush=True)
if {thread}:
    print(attack('x = 1').status, flush=True)
source = 'import subprocess, time; subprocess.Popen(["sleep", "1000"], start_new_session=True); time.sleep(1000)'
attack(source, bounds=Bounds(cell_seconds=1000, seconds=1000, output=200_000))
"""


def sleeps(process):
    return command_line(process).strip() == "sleep 1000"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_grader_ends(sandbox_server, number):
    environment = os.environ | {"PYTHONPATH": f"{Path(attack_makers.__file__).parent}:{CHECKOUT}"}
    source = CLIENT.format(thread=number == signal.SIGINT)
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as client:
        try:
            server, folder = client.stdout.readline().split()
            if number == signal.SIGINT:
                assert client.stdout.readline() == "passed\n"
            wait_until(lambda: any(map(sleeps, family(int(server)))), 60)
            everyone = family(int(server))  # with the kernel, its guard, and what it started
            assert any(map(sleeps, everyone))
            client.send_signal(number)
            client.wait(60)
        finally:
            client.kill()
    wait_until(lambda: not Path(folder).exists() and not any(map(family, everyone)))
    assert not Path(folder).exists()
    assert not any(map(family, everyone))


def test_the_sandbox_shows_the_package_and_not_the_folder_around_it():
    """One level too high would show the notebooks with solutions."""
    command = bubblewrap.wrap("/tmp/sockets")
    shown = {Path(place) for flag, place in pairwise(command) if "bind" in flag}
    assert PACKAGE in shown
    assert not {CHECKOUT, *CHECKOUT.parents} & shown


def test_without_bubblewrap_the_refusal_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabkitError, match="apt install bubblewrap"):
        bubblewrap.refuse_without_sandbox()


@pytest.mark.parametrize("script", ["exit 1", 'case "$*" in *try_out*) exit 1;; esac'])
def test_without_namespaces_the_refusal_says_what_to_allow(monkeypatch, tmp_path, script):
    """For bubblewrap itself, and for those that are made inside of it."""
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LabkitError, match="allow user namespaces"):
        bubblewrap.refuse_without_sandbox()


class SmallUnsafe(UnsafeProvisioner):
    limits = Limits(memory=400_000_000, disk=20_000_000, cpu=60)


def test_unsafe_needs_no_bubblewrap_and_keeps_limits_and_scratch(monkeypatch, tmp_path):
    from labkit.course import kernels

    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.setenv("LABKIT_TEST_SECRET", SECRET)
    look = "import os; print(os.getcwd() == os.environ['HOME'] == os.path.dirname(os.environ['LABKIT_OUT']))"
    look += "; print(os.getcwd()); print('LABKIT_TEST_SECRET' in os.environ)"
    daemon = "import subprocess; print(subprocess.Popen(['/bin/sleep', '1000']).pid)"
    big = "x = bytearray(50_000_000_000)"
    try:
        found = attack(look, daemon, big, "open('x', 'wb').write(bytes(30_000_000))", provisioner=SmallUnsafe)
        same, folder, secret = printed(found, look).split()
        assert (same, secret) == ("True", "False")
        assert not Path(folder).exists()
        assert found.statuses == ["out-of-memory", "failed"]
        assert statuses(found) == ["passed", "failed", "passed"]
        assert family(int(printed(found, daemon))) == set()
        lost = attack("while True: pass", bounds=SHORT, provisioner=SmallUnsafe)
        assert (lost.status, statuses(lost)) == ("timeout", ["passed", "failed", "passed"])
        assert attack("while True: print('x' * 1000)", provisioner=SmallUnsafe).status == "output-limit"
    finally:
        kernels.own_server.end()
