"""Warm kernels in a sandbox: a server in bubblewrap, and each kernel shut away from the others inside of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec

from labkit.course.kernels import OwnServer, Server, WarmProvisioner
from labkit.grading.sandbox import confine
from labkit.grading.sandbox.bubblewrap import ENVIRONMENT, SCRATCH, wrap_and_tidy
from labkit.grading.sandbox.guard import Limits

SPEC = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    display_name="Sandbox",
    language="python",
    interrupt_mode="message",
)
PASSED_ON = (
    "LABKIT_THREADS",
    "LABKIT_DATA",
    "LABKIT_REHEARSED",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "GOMP_SPINCOUNT",
)


def _environment(client_environment: dict[str, str], scratch: str) -> dict[str, str]:
    """Return what a kernel in a scratch folder is told, and of ours only what it needs."""
    passed_on = {name: client_environment[name] for name in PASSED_ON if name in client_environment}
    return ENVIRONMENT | passed_on | {"HOME": scratch, "TMPDIR": scratch, "LABKIT_OUT": f"{scratch}/out"}


def _lay(files: tuple[tuple[str, bytes], ...], folder: Path) -> None:
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class SandboxProvisioner(WarmProvisioner):
    """Starts a kernel in the sandbox. Its guard writes `report` when the kernel has ended; see `confine.enter`."""

    limits = Limits()
    files: tuple[tuple[str, bytes], ...] = ()  # to lie in the folder where it works, by their path in it
    folder: Path  # shared by the kernel and the outside

    def server(self) -> Server:
        """Return the server in bubblewrap."""
        return sandbox_server()

    def place(self) -> str:
        """Return where this kernel's sockets go, in a folder of their own, which is all that it shares."""
        self.folder = Path(self.server().next_kernel())
        self.folder.mkdir(mode=0o700)
        files = Path(f"{self.folder}.files")
        files.mkdir(mode=0o700)
        _lay(self.files, files)
        arguments = {
            "scratch": [SCRATCH, "/dev/shm"],
            "files": str(files),
            "sockets": str(self.folder),
            "report": f"{self.folder}.report",
            "limits": asdict(self.limits),
        }
        self.shut_away = (confine.__name__, confine.enter.__name__, arguments)
        return f"{self.folder}/k"

    def environment(self, client_environment: dict[str, str]) -> dict[str, str]:
        """Return an environment that says nothing of the TA's."""
        return _environment(client_environment, SCRATCH)

    async def finish(self) -> tuple[str, int]:
        """End the kernel and all that it started; return why its guard ended it before ("-": it had not), and its peak.

        The peak is bytes of memory; see `confine.enter`. ("?", 0) when the guard has left no report, for it was itself
        ended from outside. The folder of the sockets is removed.
        """
        if self.process:
            self.process.terminate()  # the guard, which takes the rest along
            try:
                await asyncio.wait_for(asyncio.to_thread(self.process.wait), 5)
            except TimeoutError:
                self.process.kill()
        for folder in (self.folder, f"{self.folder}.files"):
            shutil.rmtree(folder, ignore_errors=True)
        report = Path(f"{self.folder}.report")
        with contextlib.suppress(OSError, ValueError):
            reason, peak = report.read_text().split()
            report.unlink()
            return reason, int(peak)
        return "?", 0


class UnsafeProvisioner(WarmProvisioner):
    """Starts a kernel without a sandbox: with limits on each process, but the TA's own files within its reach."""

    limits = Limits()
    files: tuple[tuple[str, bytes], ...] = ()  # as in the sandbox
    folder: Path  # its scratch folder

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the scratch folder, and start there."""
        self.folder = Path(tempfile.mkdtemp(prefix="labkit-unsafe-"))
        _lay(self.files, self.folder)
        arguments = {"folder": str(self.folder), "limits": asdict(self.limits)}
        self.shut_away = (confine.__name__, confine.limit_alone.__name__, arguments)
        launch_arguments = await super().pre_launch(**kwargs)
        self.give_away()
        return {**launch_arguments, "cwd": str(self.folder), "env": self.environment(launch_arguments["env"])}

    def give_away(self) -> None:
        """Make the kernel's own what it must read and write."""

    def environment(self, client_environment: dict[str, str]) -> dict[str, str]:
        """Return an environment that says nothing of the TA's, and names the scratch folder."""
        return _environment(client_environment, str(self.folder))

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

sandbox_server = OwnServer(wrap_and_tidy)
