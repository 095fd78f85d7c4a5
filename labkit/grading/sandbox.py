"""Warm kernels in a sandbox: a server in bubblewrap, and each kernel shut away from the others inside of it.

A kernel sees the system read-only, Python and labkit, the data, and an empty scratch folder; not the home folder, not
the notebooks with solutions, no other kernel and no network. Imports config, confine, kernels and syscalls.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec

from labkit import syscalls
from labkit.config import LabkitError, data_folder, known_runs_folder
from labkit.confine import Limits
from labkit.kernels import Server, WarmProvisioner

SCRATCH = "/home/student"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/sys/devices/system/cpu")


SPEC = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    display_name="Sandbox",
    language="python",
    interrupt_mode="message",
)
PASSED_ON = ("LABKIT_THREADS", "LABKIT_DATA", "LABKIT_RUNS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "GOMP_SPINCOUNT")
ENVIRONMENT = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}  # nothing of the TA's


def refuse_without_sandbox() -> None:
    """Raise LabkitError, with the remedy, unless a process can be shut away here."""
    if sys.platform != "linux":
        raise LabkitError(
            "The sandbox needs Linux: run labkit grade in a Linux machine (also WSL 2 or a virtual one), or, for "
            "submissions that you trust, with --unsafe."
        )
    if not syscalls.supported():
        raise LabkitError(
            f"The sandbox knows x86_64 and aarch64, and not this processor ({platform.machine()}): run labkit grade on "
            "another machine, or, for submissions that you trust, with --unsafe."
        )
    if shutil.which("bwrap") is None:
        raise LabkitError(
            "The sandbox needs bubblewrap: install it (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install "
            "bubblewrap), or, for submissions that you trust, use --unsafe."
        )
    done = subprocess.run([*wrap("/tmp"), "true"], capture_output=True, text=True)
    nested = subprocess.run(
        [*wrap("/tmp"), sys.executable, "-c", "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare(1 << 28))"],
        capture_output=True,
        text=True,
    )
    if done.returncode or nested.returncode:
        reason = (done.stderr + nested.stderr).strip().splitlines() or ["namespaces cannot be made"]
        raise LabkitError(
            f"The sandbox cannot start ({reason[-1]}): allow user namespaces (sysctl user.max_user_namespaces above 0, "
            "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a "
            "container, run it with seccomp=unconfined), or, for submissions that you trust, use --unsafe."
        )


def wrap(folder: str) -> list[str]:
    """Return the command that starts a program in bubblewrap; `folder` stays writable, and holds the sockets."""
    package = Path(__file__).resolve().parent.parent
    # Python, its libraries and labkit, but never the folder around labkit's sources, which holds the solutions.
    libraries = [*map(Path, (sys.prefix, sys.base_prefix, *site.getsitepackages())), package]
    if site.ENABLE_USER_SITE:
        libraries += [Path(site.getusersitepackages())]
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
    command += ["--tmpfs", "/dev/shm"]
    command += ["--dir", "/tmp", "--tmpfs", "/tmp", "--tmpfs", "/home", "--tmpfs", SCRATCH]
    for place in SYSTEM:
        if Path(place).is_symlink():
            command += ["--symlink", os.readlink(place), place]
        elif Path(place).exists():
            command += ["--ro-bind", place, place]
    for place in SETTINGS:
        command += ["--ro-bind-try", place, place]
    for path in sorted({form for library in libraries for form in (library, library.resolve())}):
        if path.is_dir() and not path.is_relative_to("/usr"):
            command += ["--ro-bind", str(path), str(path)]
    for given in filter(None, (data_folder(), known_runs_folder())):
        command += ["--ro-bind-try", str(given), str(given)]
    command += ["--bind", folder, folder]
    for place in ("/dev", "/home", "/tmp", "/"):  # bubblewrap's own, which all kernels would share
        command += ["--remount-ro", place]
    command += ["--clearenv"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    return [*command, "--setenv", "PYTHONPATH", str(package.parent), "--chdir", "/"]


def _environment(ours: dict[str, str], scratch: str) -> dict[str, str]:
    """Return what a kernel in a scratch folder is told, and of ours only what it needs."""
    passed_on = {name: ours[name] for name in PASSED_ON if name in ours}
    return ENVIRONMENT | passed_on | {"HOME": scratch, "TMPDIR": scratch, "LABKIT_OUT": f"{scratch}/out"}


def _wrap_and_tidy(folder: str) -> list[str]:
    """Return `wrap`'s command, under a shell that removes the folder when the server has ended with a killed client.

    The server empties it, but cannot remove what is mounted. It is also the shell that bubblewrap dies with: its parent
    would else be a thread, which may end before the client.
    """
    return ["/bin/sh", "-c", '"$@"; rmdir "$0"', folder, *wrap(folder)]


class SandboxProvisioner(WarmProvisioner):
    """Starts a kernel in the sandbox. Its guard writes `report` when the kernel has ended; see `confine.enter`."""

    limits = Limits()
    folder: Path  # shared by the kernel and the outside

    def server(self) -> Server:
        """Return the server in bubblewrap."""
        return sandbox_server()

    def place(self) -> str:
        """Return where this kernel's sockets go, in a folder of their own, which is all that it shares."""
        self.folder = Path(self.server().next_kernel())
        self.folder.mkdir(mode=0o700)
        self.confinement = {
            "scratch": [SCRATCH, "/dev/shm"],
            "sockets": str(self.folder),
            "report": f"{self.folder}.report",
            "limits": asdict(self.limits),
        }
        return f"{self.folder}/k"

    def environment(self, ours: dict[str, str]) -> dict[str, str]:
        """Return an environment that says nothing of the TA's."""
        return _environment(ours, SCRATCH)

    async def finish(self) -> tuple[str, int]:
        """End the kernel and all that it started; return why its guard ended it before ("-": it had not), and its peak.

        The peak is bytes of memory; see `confine.enter`. The folder of the sockets is removed.
        """
        if self.process:
            self.process.terminate()  # the guard, which takes the rest along
            try:
                await asyncio.wait_for(asyncio.to_thread(self.process.wait), 5)
            except TimeoutError:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        report = Path(f"{self.folder}.report")
        with contextlib.suppress(OSError, ValueError):
            reason, peak = report.read_text().split()
            report.unlink()
            return reason, int(peak)
        return "-", 0


class UnsafeProvisioner(WarmProvisioner):
    """Starts a kernel without a sandbox: with limits on each process, but the TA's own files within its reach."""

    limits = Limits()
    folder: Path  # its scratch folder

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the scratch folder, and start there."""
        self.folder = Path(tempfile.mkdtemp(prefix="labkit-unsafe-"))
        self.confinement = {"limits": asdict(self.limits)}
        found = await super().pre_launch(**kwargs)
        return {**found, "cwd": str(self.folder), "env": self.environment(found["env"])}

    def environment(self, ours: dict[str, str]) -> dict[str, str]:
        """Return an environment that says nothing of the TA's, and names the scratch folder."""
        return _environment(ours, str(self.folder))

    async def finish(self) -> tuple[str, int]:
        """End the kernel and its group of processes, remove its scratch folder, and return as a kernel of the sandbox.

        Without a guard nothing is known: ("-", 0).
        """
        if self.process:
            self.process.kill()
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)  # it led its group
            await asyncio.to_thread(self.process.wait)
        shutil.rmtree(self.folder, ignore_errors=True)
        return "-", 0


Provisioner = type[SandboxProvisioner] | type[UnsafeProvisioner]

_servers: dict[int, Server] = {}
_starting = threading.Lock()


def sandbox_server() -> Server:
    """Return this process's server in bubblewrap, started at the first call."""
    with _starting:
        server = _servers.get(os.getpid())
        if server is None or not server.alive():
            server = _servers[os.getpid()] = Server(_wrap_and_tidy)
        return server


def end_sandbox() -> None:
    """End this process's server in bubblewrap, and every kernel with it."""
    if server := _servers.pop(os.getpid(), None):
        server.end()
