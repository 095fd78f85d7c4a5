"""The relay between a client and a submission's kernel leaves no socket open, whenever it is stopped."""

import asyncio
import contextlib
import gc
import os
import socket
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest

from labkit.grading.sandbox.untrusted_kernel import Relay


def sockets() -> int:
    """Return how many sockets this process has open."""
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(link) and os.readlink(link).startswith("socket:") for link in links)


def leaves_nothing_open(work: Coroutine[Any, Any, None]) -> None:
    """Run something that opens sockets, and see that it closes them all, and not the garbage collector."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        before = sockets()
        asyncio.run(work)
        gc.collect()
        assert sockets() == before
    assert [str(one.message) for one in said] == []


@pytest.mark.parametrize("turns", range(8))
def test_a_relay_that_stops_while_its_kernel_ends(tmp_path, turns):
    """The kernel closes its connections, and the relay is stopped some turns of the event loop later."""
    place, port = str(tmp_path / "k"), 1

    async def through() -> None:
        kernel_side: list[asyncio.StreamWriter] = []
        server = await asyncio.start_unix_server(lambda _, writer: kernel_side.append(writer), f"{place}-{port}")
        relay = Relay(place, 1_000, lambda: None)
        await relay.start([port])
        clients = [await asyncio.open_unix_connection(f"{relay.place}-{port}") for _ in range(5)]
        while len(kernel_side) < len(clients):
            await asyncio.sleep(0.01)
        for writer in kernel_side:
            writer.transport.abort()
        for _ in range(turns):
            await asyncio.sleep(0)
        await relay.stop()
        for _, writer in clients:
            writer.transport.abort()
        server.close()
        await server.wait_closed()

    leaves_nothing_open(through())


@pytest.mark.parametrize("turns", range(8))
def test_a_relay_that_stops_while_clients_come(tmp_path, turns):
    """Clients connect, as they do again and again once a kernel is gone; the relay is stopped some turns later."""

    async def through() -> None:
        relay = Relay(str(tmp_path / "k"), 1_000, lambda: None)
        await relay.start([1])
        with contextlib.ExitStack() as clients:
            for _ in range(3):
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.connect(f"{relay.place}-1")
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            await relay.stop()

    leaves_nothing_open(through())
