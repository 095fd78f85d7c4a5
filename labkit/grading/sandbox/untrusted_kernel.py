"""One kernel that untrusted code controls, under papermill's client. Whatever it says may be forged, and is data."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError

from labkit.grading.sandbox.outputs import Client, join_streams
from labkit.grading.sandbox.provisioners import SPEC, Provisioner
from labkit.grading.sandbox.relay import Relay

LARGEST_NOTES = 8_000_000  # characters that a kernel may hand out when it is asked
NOTES = "application/x-labkit-notes"  # the type of an output with them
WASTE = 100_000  # bytes that may go along with them
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


def _killed_for_memory() -> str:
    """Return how many processes Linux has ended on this machine because memory was full, as its own text."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/vmstat").read_text().splitlines()
        return next((line for line in lines if line.startswith("oom_kill ")), "")
    return ""
