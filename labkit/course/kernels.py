"""Warm kernels: a server imports the course's libraries once, and forks one ready kernel for each notebook.

Jupyter knows them as the kernel "labkit-warm": papermill, nbclient, nbval and JupyterLab use it like any other, through
the KernelProvisioner interface of jupyter_client. Where processes cannot be forked safely it starts ordinary kernels.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from labkit.course import kernel_server

KERNEL = "labkit-warm"
# Elsewhere a fork is not enough: Windows has none, and the system libraries of macOS do not survive it.
AVAILABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
LONGEST_SOCKET_PATH = 90  # bytes; systems allow 107, and ports are added


# Module and name of a function, and its keyword arguments. It shuts away the process that calls it, and returns None or
# a function to call once the kernel's sockets are bound and before any code of a notebook runs.
ShutAway = tuple[str, str, dict[str, Any]]


class WarmProvisioner(LocalProvisioner):
    """Starts the kernel by a fork of the warm server, and speaks to it through sockets in a folder of its own."""

    process: Any = None
    shut_away: ShutAway | None = None  # called in the kernel's process before it becomes a kernel

    def server(self) -> Server:
        """Return the server that forks this kernel."""
        return own_server()

    def place(self) -> str:
        """Return where this kernel's sockets go: a path, to which a port is added."""
        return self.server().next_kernel()

    def environment(self, client_environment: dict[str, str]) -> dict[str, str]:
        """Return the kernel's environment, given that of the client."""
        return client_environment

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose files as the transport, which no other process can take as it could a port."""
        if AVAILABLE and self.parent and not Path(self.parent.connection_file).is_file():
            place = self.place()
            self.parent.transport = "ipc"
            self.parent.cache_ports = False
            self.parent.ip = place
            self.parent.connection_file = f"{place}.json"
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel with the arguments, environment and folder that `cmd` would have been started with."""
        if not AVAILABLE:
            return await super().launch_kernel(cmd, **kwargs)
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        environment = self.environment(dict(kwargs.get("env") or os.environ))
        folder = str(Path(kwargs.get("cwd") or "").absolute())
        process = await asyncio.to_thread(self.server().fork, arguments, environment, folder, self.shut_away)
        self.process = process
        self.pid = self.pgid = process.pid  # it leads a session of its own
        self.cwd = folder
        # A client that connects before the sockets are bound would try again only 0.1 s later.
        connection: dict[str, Any] = dict(self.connection_info)
        sockets = [Path(f"{connection['ip']}-{connection[name]}") for name in connection if name.endswith("_port")]
        while process.poll() is None and not all(path.exists() for path in sockets):
            await asyncio.sleep(0.002)
        return self.connection_info


class OwnKernels(AsyncKernelManager):
    """Starts this Python's kernels, whatever kernels of the same names the user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Return how the kernel of this manager's name is started: a warm one, or an ordinary one."""
        metadata = {"kernel_provisioner": {"provisioner_name": KERNEL}} if self.kernel_name == KERNEL else {}
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python", metadata=metadata)


class ForkedProcess:
    """A process that another process started, with the part of Popen's interface that LocalProvisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.descriptor = descriptor  # of the process: readable once it has ended, and never of another one
        weakref.finalize(self, os.close, descriptor)

    def poll(self) -> int | None:
        """Return None while it runs, then 0: its exit status is its parent's."""
        return 0 if select.select([self.descriptor], [], [], 0)[0] else None

    def wait(self) -> int:
        """Wait until it has ended."""
        select.select([self.descriptor], [], [])
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Server:
    """A warm server of this process, ended with this process, however that ends.

    wrap: given the folder of its sockets, returns the command that the server is to be started by, e.g. a sandbox's.
    """

    def __init__(self, wrap: Callable[[str], list[str]] = lambda folder: []) -> None:
        self.lock = threading.Lock()
        folder = tempfile.mkdtemp(prefix="labkit-")
        if len(folder) > LONGEST_SOCKET_PATH:
            os.rmdir(folder)
            folder = tempfile.mkdtemp(prefix="labkit-", dir="/tmp")
        self.folder = folder
        self.count = 0
        self.ready = False
        connection, server_end = socket.socketpair()
        self.connection = connection
        self.process = subprocess.Popen(
            [
                *wrap(folder),
                sys.executable,
                "-P",
                "-c",
                f"from {kernel_server.__name__} import serve; serve({server_end.fileno()}, {folder!r})",
            ],
            pass_fds=[server_end.fileno()],
            cwd=folder,  # where no matplotlibrc lies
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is for the client
        )
        server_end.close()
        self.end = weakref.finalize(self, _end, os.getpid(), self.process, connection, folder)

    def next_kernel(self) -> str:
        """Return the place of the next kernel's sockets: a path, to which a port is added."""
        with self.lock:
            self.count += 1
            return f"{self.folder}/{self.count}"

    def fork(
        self, arguments: list[str], environment: dict[str, str], folder: str, shut_away: ShutAway | None = None
    ) -> ForkedProcess:
        """Return a new kernel, as soon as it is forked. RuntimeError when the server has died."""
        request = json.dumps([arguments, environment, folder, shut_away]).encode() + b"\n"
        with self.lock:
            try:
                if not self.ready:  # until then, nothing may be sent: see `lifeline`
                    self.ready = self.connection.recv(1) == kernel_server.READY
                self.connection.sendall(request)
                answer, descriptors, _, _ = socket.recv_fds(self.connection, 64, 1)
            except OSError:
                answer = b""
        if not answer:
            raise RuntimeError("The server of warm kernels has died: run the command again.")
        return ForkedProcess(int(answer), descriptors[0])

    def alive(self) -> bool:
        """Whether kernels can be forked from it."""
        return self.process.poll() is None


def _end(client: int, process: subprocess.Popen[bytes], connection: socket.socket, folder: str) -> None:
    """End the server, unless this is a fork of the client."""
    if os.getpid() != client:
        return
    connection.close()
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


class OwnServer:
    """The one server of this process, started when it is first asked for; a fork of this process has none yet.

    wrap: see `Server`.
    """

    def __init__(self, wrap: Callable[[str], list[str]] = lambda folder: []) -> None:
        self.wrap = wrap
        self._servers: dict[int, Server] = {}  # by process
        self._starting = threading.Lock()

    def __call__(self) -> Server:
        """Return the server; a new one where it has died."""
        with self._starting:
            server = self._servers.get(os.getpid())
            if server is None or not server.alive():
                server = self._servers[os.getpid()] = Server(self.wrap)
            return server

    def end(self) -> None:
        """End the server, and with it every kernel that it forked."""
        if server := self._servers.pop(os.getpid(), None):
            server.end()


own_server = OwnServer()


def prepare() -> None:
    """Start the server now, so that it imports while the caller still has other things to do."""
    if AVAILABLE:
        own_server()
