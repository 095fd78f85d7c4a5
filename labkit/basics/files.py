"""Files that are either whole or not there, and the folders that a run reads and writes."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError

LEAST_SPACE = 4_000_000  # bytes: figures and tables of one notebook, with room for the note of a training


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path`, then move it there in one step: a reader never sees half a file.

    Raises LabkitError, and leaves the file that was there, when the folder cannot be written or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Append one line to a file that its owner alone may read; it is on the disk when this returns.

    A line that a power cut left without its end gets one first, so that it takes no other along. LabkitError when the
    line cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(file).st_size
            content = line.encode() + b"\n"
            if size:
                os.lseek(file, size - 1, os.SEEK_SET)
                content = content if os.read(file, 1) == b"\n" else b"\n" + content
            if os.write(file, content) != len(content):
                raise OSError("it was written in part")
            os.fsync(file)
        finally:
            os.close(file)
        if not size:  # the name of a new file is on the disk, too
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise LabkitError(
            f"{path} cannot be written ({error.strerror or error}): free some space, or correct its permissions, and "
            "give the same command again."
        ) from error


def ensure_writable(folder: Path) -> None:
    """Create `folder` where it is missing, and raise LabkitError unless what a notebook leaves fits into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".labkit-") as file:
            file.write(b"\0" * LEAST_SPACE)
            file.flush()
    except OSError as error:
        raise _cannot_write(folder, error) from error


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Within, this is the one run that writes into `folder`; LabkitError, which names it, while there is another.

    The system gives the lock back when a process ends, however it ends.
    """
    from filelock import FileLock, Timeout

    lock, note = FileLock(folder / ".run.lock", timeout=0, thread_local=False), folder / ".run.txt"
    try:
        lock.acquire()
    except Timeout:
        try:
            other = f" ({note.read_text(encoding='utf-8').strip()[:200]})"
        except (OSError, ValueError):
            other = ""
        raise LabkitError(
            f"Another run of labkit{other} writes into {folder}: wait until it has ended, end it, or name another "
            "folder with --out."
        ) from None
    except OSError as error:
        raise _cannot_write(folder, error) from error
    except NotImplementedError:  # a shared folder whose system knows no locks
        yield
        return
    try:
        since = datetime.now().astimezone().strftime("%H:%M on %d %B")
        write_atomically(note, f"process {os.getpid()} on {platform.node()}, since {since}\n")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _cannot_write(path: Path, error: OSError) -> LabkitError:
    """Return the error that says what could not be written and why."""
    return LabkitError(
        f"{path} cannot be written ({error.strerror or error}): free some space, close what has it open, "
        "correct its permissions, or name another folder with --out."
    )


def home_folder() -> Path | None:
    """Return the user's home folder; None for an account that has none, or all of the disk, as in some containers."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home if home != home.parent else None


def expanded(path: str | Path) -> Path:
    """Return a path with the home folder in place of `~`; UsageError for an account that has none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path} begins in a home folder, but there is none here: write the whole path.") from error


def data_folder() -> Path:
    """Return the folder where data is looked for and downloaded to: LABKIT_DATA, else a per-user cache.

    An account without a home folder, as in some containers, has it in the folder for results.
    """
    if chosen := os.environ.get("LABKIT_DATA"):
        return expanded(chosen)
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("labkit", appauthor=False)) / "data"
    except RuntimeError:  # an account without a home folder
        return out_folder() / "data"


def rehearsed_folder() -> Path | None:
    """Return the folder of trainings that a rehearsal kept: LABKIT_REHEARSED, which `labkit grade` sets, else None."""
    chosen = os.environ.get("LABKIT_REHEARSED")
    return Path(chosen) if chosen else None


def out_folder(out: str | Path = "") -> Path:
    """Return the folder for results: `out`, else LABKIT_OUT, else `out` beside the notebooks folder."""
    if out or (out := os.environ.get("LABKIT_OUT", "")):
        return expanded(out).resolve()
    here = Path.cwd()
    return (here.parent if here.name == "notebooks" else here) / "out"
