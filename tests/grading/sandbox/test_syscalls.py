"""What is forbidden fails, and what notebooks need goes on."""

import platform
import subprocess
import sys

import pytest

from labkit.grading.sandbox import syscalls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or not syscalls.supported(), reason="needs Linux on x86_64 or aarch64"
    ),
]

START = "import ctypes, os; from labkit.grading.sandbox import syscalls; libc = ctypes.CDLL(None, use_errno=True); "
COLUMN = syscalls.PROCESSORS.get(platform.machine(), (0, 0))[0]
NAMESPACES = (1 << 17, 1 << 28, 1 << 29)  # of mounts, users and processes
FORBID = START + "libc.prctl(38, 1, 0, 0, 0); syscalls.forbid(); "


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "call",
    [
        *[f"libc.syscall({numbers[COLUMN]}, 0, 0, 0, 0, 0)" for numbers in syscalls.FORBIDDEN.values()],
        *[f"libc.syscall({syscalls.CLONE[COLUMN]}, {flag} | 17, 0, 0, 0, 0)" for flag in NAMESPACES],
        "libc.mmap(0, 4096, 3, 0x21, -1, 0)",
        "libc.socket(40, 1, 0)",
        "libc.socket(38, 5, 0)",
    ],
)
def test_a_forbidden_call_is_not_permitted(call):
    done = run(FORBID + f"found = {call}; print(found, ctypes.get_errno())")
    assert done.stdout == "-1 1\n", done.stderr


@pytest.mark.parametrize(
    "program",
    [
        "import threading; one = threading.Thread(target=print, args=('ok',)); one.start(); one.join()",
        "import subprocess; subprocess.run(['echo', 'ok'])",
        "pid = os.fork(); print('ok') if pid == 0 else os.wait()",
        "import multiprocessing as m; print(m.get_context('fork').Pool(2).map(str, ['ok'])[0])",
        "import mmap; mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)[:2] = b'ok'; print('ok')",
        "import socket; [socket.socket(family) for family in (1, 2, 10)]; socket.socketpair(); print('ok')",
        "import asyncio; asyncio.run(asyncio.sleep(0)); print('ok')",
    ],
)
def test_what_notebooks_need_goes_on(program):
    done = run(FORBID + program)
    assert done.stdout == "ok\n", done.stderr


def test_another_processor_is_an_error(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64 are not known"):
        syscalls.forbid()
