"""One sandbox for all tests that need it; where it cannot start they skip, but fail in CI."""

import os
import sys
import time
from pathlib import Path

import pytest
from platform_makers import as_folder, as_zip

from labkit.basics.errors import LabkitError
from labkit.grading.intake.submissions import read_batch
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
    wait_until(lambda: guests(server.process.pid) == set() and os.listdir(server.folder) == [])
    assert guests(server.process.pid) == set()
    assert os.listdir(server.folder) == []


def wait_until(condition, seconds=30):
    """Wait until a condition holds; the time is for a busy machine, and bounds nothing but a hang."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def processes():
    """Return the parent and the start of every process, ended ones left out."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = place.joinpath("stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(place.name)] = int(fields[1]), int(fields[19])
    return found


def family(process):
    """Return a process and all that descend from it, ended ones left out."""
    parents = {one: parent for one, (parent, _) in processes().items()}
    found = {process} & parents.keys()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def command_line(process):
    """Return a process's command line, in one text; empty when it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def python_server(process):
    """Return the server in a sandbox's family: the first Python, whose forks are the kernels. None until it started."""
    started = {one: start for one, (_, start) in processes().items()}
    pythons = [one for one in family(process) if command_line(one).startswith(sys.executable)]
    return min(pythons, key=lambda one: (started.get(one, 0), one), default=None)


def guests(process):
    """Return what runs in a sandbox besides the server and those that lead to it, however many bubblewrap needs."""
    if (server := python_server(process)) is None:
        return None
    parents, host = processes(), {server}
    while server != process and (server := parents.get(server, (0, 0))[0]):
        host.add(server)
    return family(process) - host


SMALL_COURSE = ("01_small", "02_small")


@pytest.fixture
def read_everywhere(tmp_path):
    """Read a download as a zip, unpacked, and both within a folder; return what it is, the same in each."""

    def read(entries, known=(), packed=True):
        as_folder(entries, tmp_path / "folder")
        as_folder(entries, tmp_path / "around" / "Lab 2 submissions")
        batches = [read_batch(tmp_path / place, SMALL_COURSE, known) for place in ("folder", "around")]
        if packed:  # git clones are told by their hidden folder, which no zip lists
            for place, folder in (("one.zip", ""), ("two.zip", "Lab 2 submissions")):
                (tmp_path / place).write_bytes(as_zip(entries, folder))
                batches.append(read_batch(tmp_path / place, SMALL_COURSE, known))
        for batch in batches:
            assert (batch.platform, batch.submissions) == (batches[0].platform, batches[0].submissions)
            assert batch.told[0] == batches[0].told[0]
        return batches[0]

    return read
