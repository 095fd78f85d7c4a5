"""One sandbox for all tests that need it; where it cannot start they skip, but fail in CI."""

import os
import time
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError
from labkit.grading.sandbox import bubblewrap, provisioners

SECRET = "forty-two green apples!"  # in the TA's environment


@pytest.fixture(scope="session")
def sandbox_server():
    """Return the warm server in bubblewrap."""
    try:
        bubblewrap.refuse_without_sandbox()
    except LabkitError as error:
        if os.environ.get("CI") or os.environ.get("LABKIT_REQUIRE_SANDBOX"):
            raise
        pytest.skip(str(error))
    os.environ["LABKIT_TEST_SECRET"] = SECRET
    yield provisioners.sandbox_server()
    provisioners.sandbox_server.end()


@pytest.fixture
def sandboxed(sandbox_server):
    """Give a test the server, and see to it that nothing of its kernels is left: no process, no file."""
    server = provisioners.sandbox_server()  # a test may have ended the first one
    yield server
    server = provisioners.sandbox_server()
    deadline = time.monotonic() + 5
    while (len(family(server.process.pid)) != 4 or os.listdir(server.folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(family(server.process.pid)) == 4  # a shell, bubblewrap twice, the server
    assert os.listdir(server.folder) == []


def family(process):
    """Return a process and all that descend from it, ended ones left out."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = place.joinpath("stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(place.name)] = int(parent)
    found = {process} & parents.keys()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found
