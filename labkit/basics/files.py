"""Files that are either whole or not there, and the folders that a run reads and writes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError


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


def ensure_writable(folder: Path) -> None:
    """Create `folder` where it is missing, and raise LabkitError unless a file can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".labkit-") as file:
            file.write(b"\0" * 65_536)
            file.flush()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(path: Path, error: OSError) -> LabkitError:
    """Return the error that says what could not be written and why."""
    return LabkitError(
        f"{path} cannot be written ({error.strerror or error}): free some space, close what has it open, "
        "mend its permissions, or name another folder with --out."
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
