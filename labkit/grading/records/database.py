"""The SQLite file of a night: how it is made, opened, and kept for one writer."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.basics.files import ensure_writable

FORMAT = 1  # of the database, kept in its user_version
SCHEMA = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    submission TEXT NOT NULL,
    student TEXT NOT NULL,
    user TEXT NOT NULL,
    late INTEGER NOT NULL,
    notebook TEXT NOT NULL,
    status TEXT NOT NULL,
    verdicts TEXT NOT NULL,  -- this, numbers, limits, versions and remarks: JSON
    numbers TEXT NOT NULL,
    seconds REAL NOT NULL,
    peak_memory INTEGER NOT NULL,
    limits TEXT NOT NULL,
    versions TEXT NOT NULL,
    notebook_hash TEXT NOT NULL,
    course_hash TEXT NOT NULL,
    remarks TEXT NOT NULL,
    unsafe INTEGER NOT NULL,
    finished TEXT NOT NULL
);
CREATE INDEX newest ON attempts (submission, notebook);
"""
# What the newest attempt at each notebook is to be an attempt at, once a batch is finished; limits: JSON. And where an
# attempt at the same content is looked up.
EXPECTED = """
CREATE INDEX IF NOT EXISTS same_content ON attempts (notebook_hash);
CREATE TABLE IF NOT EXISTS expected (
    submission TEXT NOT NULL, notebook TEXT NOT NULL, notebook_hash TEXT NOT NULL, course_hash TEXT NOT NULL,
    limits TEXT NOT NULL, PRIMARY KEY (submission, notebook)
);
"""


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Hold the lock of the one writer; the system gives it back when the process is killed."""
    from filelock import FileLock, Timeout

    ensure_writable(path.parent)
    try:
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0, thread_local=False)
        lock.acquire()
    except Timeout:
        raise LabkitError(
            f"Another `labkit grade` writes to {path}: wait until it has ended, or name another folder with --out."
        ) from None
    try:
        yield
    finally:
        lock.release()


def create(path: Path) -> None:
    """Create an empty database beside `path`, then move it there: a file that is empty is a damaged one."""
    log, new = path.with_name(f"{path.name}-wal"), path.with_name(f".{path.name}.new")
    if log.exists():  # SQLite would write it into the new file
        raise LabkitError(
            f"{path} is missing, but its newest rows are in {log.name}: bring the file back, or move that one away too."
        )
    for left in path.parent.glob(f"{new.name}*"):
        left.unlink()
    with contextlib.closing(connect(new.resolve().as_uri())) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    os.replace(new, path)


def connect(uri: str) -> sqlite3.Connection:
    """Return a connection to the file that a URI names, with its mode; any thread may use it, one at a time."""
    connection = sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    # With NORMAL a commit would survive every end of the process, but not the loss of power. The flush that FULL adds
    # costs milliseconds, a notebook seconds.
    connection.execute("PRAGMA synchronous = FULL")
    return connection
