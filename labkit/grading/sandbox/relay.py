"""Between a kernel's sockets and its client's: passes on what they say, and counts it.

A kernel that student code controls may send anything, without end and in pieces of any size; a client would keep it all
in memory until a message is whole. So its bytes are counted before any client sees them.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

PIECE = 1 << 16  # bytes


class Relay:
    """Connects a place of sockets for a client with a kernel's; a place is a path, to which "-PORT" is added.

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

    async def start(self, ports: list[int]) -> None:
        """Open the client's sockets."""
        self.folder.mkdir(mode=0o700)
        for port in ports:
            await self._open(port)

    async def _open(self, port: int) -> None:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            to_kernel.transport.abort()

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
        for server in self._servers:
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
