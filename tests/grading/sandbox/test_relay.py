"""The relay between a client and a submission's kernel leaves no socket open, whenever it is stopped."""

import asyncio
import gc
import os
import warnings

import pytest

from labkit.grading.sandbox.untrusted_kernel import Relay


def sockets() -> int:
    """Return how many sockets this process has open."""
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(link) and os.readlink(link).startswith("socket:") for link in links)


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

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        before = sockets()
        asyncio.run(through())
        gc.collect()
        assert sockets() == before
    assert [str(one.message) for one in said] == []
