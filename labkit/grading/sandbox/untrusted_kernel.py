"""One kernel that untrusted code controls, under papermill's client. Whatever it says may be forged, and is data."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError

from labkit.grading.sandbox.outputs import Client, join_streams
from labkit.grading.sandbox.provisioners import SPEC, Provisioner

LARGEST_NOTES = 8_000_000  # characters that a kernel may hand out when it is asked
NOTES = "application/x-labkit-notes"  # the type of an output with them
WASTE = 100_000  # bytes that may go along with them
PIECE = 1 << 16  # bytes that a relay passes on at once
SILENT = logging.getLogger("labkit.silent")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


class Lost(Exception):
    """The kernel is lost, and the cell that it executed with it."""


class Kernel:
    """A kernel, from its start to its end; call and await its methods in one event loop.

    nb_man: papermill's manager of the notebook whose cells it executes. allowed: bytes that it may send.
    seconds: how long the next cell may take. reason is why the kernel was ended, as a status; "" while it was not.
    """

    def __init__(self, nb_man: Any, provisioner: Provisioner, allowed: int, seconds: Callable[[], float]) -> None:
        self.manager = AsyncKernelManager(kernel_name="python3")
        self.provisioner = provisioner(kernel_id=os.urandom(8).hex(), kernel_spec=SPEC, parent=self.manager)
        self.manager.provisioner = self.provisioner
        self.allowed, self.seconds = allowed, seconds
        self.relay: Relay | None = None
        self.reason = ""
        self.disturbed = False  # whether the machine ended it, and no code of the notebook's
        self.killed_before = _killed_for_memory()
        self.client = Client(
            nb_man,
            km=self.manager,
            allow_errors=True,
            record_timing=False,
            store_widget_state=False,
            timeout_func=lambda _: max(0.1, seconds()),
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
        self.client.log = SILENT  # it would write what the kernel says into the terminal
        self.client.reset_execution_trackers()

    async def start(self) -> None:
        """Start it; any exception means that it could not be started, which no student code can bring about."""
        await self.client.async_start_new_kernel()
        connection: dict[str, Any] = dict(self.manager.get_connection_info())
        self.relay = Relay(str(connection["ip"]), self.allowed, lambda: self.end("output-limit"))
        await self.relay.start([connection[name] for name in connection if name.endswith("_port")])
        self.manager.ip = self.relay.place
        await self.client.async_start_new_kernel_client()

    async def execute(self, cell: Any, index: int) -> dict[str, Any]:
        """Execute a cell, which gets its outputs, and return the content of the reply. Raises Lost."""
        replies: list[Any] = []
        self.client.on_cell_executed = lambda cell, cell_index, execute_reply: replies.append(execute_reply)
        submitted_cell = self.client.nb.cells[index]
        try:
            if self.seconds() <= 0:
                raise CellTimeoutError("the notebook's time is over")
            await self.client.async_execute_cell(cell, index)
            content = replies[0]["content"]
            return content if isinstance(content, dict) else {}
        except CellTimeoutError as error:
            self.end("timeout")
            raise Lost from error
        except Exception as error:  # it died, or said what no kernel says
            self.end("kernel-died")
            raise Lost from error
        finally:
            join_streams(cell)
            self.client.nb.cells[index] = submitted_cell

    async def ask(self, code: str, index: int) -> str | None:
        """Return the text that `code` hands out as an output of the type NOTES; None when it does not. Raises Lost.

        index: of the cell on whose account it runs. What it sends does not count as the notebook's.
        """
        assert self.relay is not None
        remaining, received = self.relay.allowed - self.relay.received, self.relay.received
        self.relay.allowed = received + 2 * LARGEST_NOTES + WASTE  # JSON may double it
        cell = nbformat.v4.new_code_cell(code)
        await self.execute(cell, index)
        self.relay.allowed = self.relay.received + remaining
        for output in cell.outputs:
            data = output.get("data")
            text = data.get(NOTES) if isinstance(data, dict) else None
            if isinstance(text, str) and len(text) <= LARGEST_NOTES:
                return text
        return None

    def end(self, reason: str) -> None:
        """End it at once; the first reason counts."""
        self.reason = self.reason or reason
        if self.provisioner.process:
            self.provisioner.process.terminate()

    async def stop(self) -> int:
        """End it and all that it started, close the client, and return its peak memory in bytes."""
        peak = 0
        with contextlib.suppress(Exception):
            reason, peak = await self.provisioner.finish()
            if reason not in ("-", "?"):  # its guard knows better
                self.reason = "out-of-memory" if reason == "memory" else "kernel-died"
            elif self.reason == "kernel-died":
                self.disturbed = reason == "?" or _killed_for_memory() != self.killed_before
        with contextlib.suppress(Exception):
            self.client.kc.stop_channels()
        if self.relay:
            await self.relay.stop()
        with contextlib.suppress(Exception):
            await self.manager.cleanup_resources()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}  # the client's, for what never came
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return peak


class Relay:
    """Connects a place of sockets for a client with a kernel's; a place is a path, to which "-PORT" is added.

    A kernel that student code controls may send anything, without end and in pieces of any size; a client would keep it
    all in memory until a message is whole. So its bytes are counted before any client sees them.

    allowed: bytes that the kernel may send in all; may be changed. exceeded: called when it sends more, which is not
    passed on.
    """

    def __init__(self, kernel: str, allowed: int, exceeded: Callable[[], None]) -> None:
        self.kernel, self.allowed, self.exceeded = kernel, allowed, exceeded
        self.received = 0
        self.folder = Path(f"{Path(kernel).parent}.client")  # where the kernel cannot see it
        self.place = str(self.folder / "c")
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self, ports: list[int]) -> None:
        """Open the client's sockets."""
        self.folder.mkdir(mode=0o700)
        for port in ports:
            await self._open(port)

    async def _open(self, port: int) -> None:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._stopped:
                writer.transport.abort()
                return
            task = asyncio.create_task(self._connect(f"{self.kernel}-{port}", reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            task.add_done_callback(lambda _: writer.transport.abort())  # also of a task that never began

        self._servers.append(await asyncio.start_unix_server(connected, f"{self.place}-{port}"))

    async def _connect(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on both ways until one side ends."""
        try:
            from_kernel, to_kernel = await asyncio.open_unix_connection(path)
        except OSError:  # the kernel has ended
            return
        ways = [self._pass(reader, to_kernel, False), self._pass(from_kernel, writer, True)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_kernel.transport.abort()  # first: what follows may itself be cancelled
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        while piece := await reader.read(PIECE):
            self.received += counted * len(piece)
            if counted and self.received > self.allowed:
                self.exceeded()
                return
            writer.write(piece)
            await writer.drain()

    async def stop(self) -> None:
        """Close everything."""
        self._stopped = True
        loop = asyncio.get_running_loop()
        for server in self._servers:
            for listening in server.sockets:
                loop.remove_reader(listening)  # nothing more is accepted
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        # What was accepted just now must become a connection: a closed server refuses it, and nobody closes its socket.
        for _ in range(3):
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def _killed_for_memory() -> str:
    """Return how many processes Linux has ended on this machine because memory was full, as its own text."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/vmstat").read_text().splitlines()
        return next((line for line in lines if line.startswith("oom_kill ")), "")
    return ""
