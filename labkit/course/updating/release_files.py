"""What a release is made of: the folder and zip that students get, and in it the record of what was handed out.

The record, released.zip, holds every file but labkit's wheel as it was handed out, and manifest.json: the day, and the
digest of each file. An update compares with it, and `labkit repair` takes from it what is gone.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.course.updating.stored_cells import Book, read_book

COURSE = "labkit-course"  # the folder that students get; their zip is called the same
RELEASED, MANIFEST = "released.zip", "manifest.json"
MOST_FILES, MOST_BYTES = 500, 100_000_000  # of a release; the course's has 30 files and 1 MB
NAME = r"[A-Za-z0-9_-][A-Za-z0-9_.+ -]*"
FILE = re.compile(rf"(?:(?:{NAME}|\.vscode|\.devcontainer)/)?(?:{NAME}/)?{NAME}")  # no way out of the folder
OLD_FILES = "before-{command}-{now:%Y-%m-%d-%H%M%S}"  # the folder for what an update or a repair replaces
LEFT_BEHIND = re.compile(rf"{re.escape(RELEASED)}|before-(update|repair)-\d{{4}}-\d\d-\d\d-\d{{6}}(-\d+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
BROKEN = (OSError, ValueError, EOFError, LookupError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Release:
    """A release of the course.

    made: its day, as 2026-11-27. files: what was handed out, by its path; not labkit's wheel. digests: of all files.
    record: released.zip. wheel: the content of labkit's wheel, where it is at hand.
    """

    made: str
    files: Mapping[str, bytes]
    digests: Mapping[str, str]
    record: bytes
    wheel: bytes = field(default=b"", repr=False)

    @property
    def wheel_name(self) -> str:
        """The file name of labkit's wheel; "" for a release without one."""
        return next((name for name in self.digests if name.endswith(".whl")), "")

    def notebooks(self) -> dict[str, Book]:
        """Return the notebooks as they were handed out, by their file name."""
        paths = {Path(name).name: name for name in self.files if re.fullmatch(r"notebooks/[^/]+\.ipynb", name)}
        return {name: read_book(self.files[path], f"{name} of the release") for name, path in paths.items()}


def recorded(files: Mapping[str, bytes], made: str) -> dict[str, bytes]:
    """Return what released.zip holds for a release of these files."""
    manifest = {"made": made, "files": {name: digest(content) for name, content in sorted(files.items())}}
    kept = {name: content for name, content in files.items() if not name.endswith(".whl")}
    return {**kept, MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def is_left_behind(name: str) -> bool:
    """Whether a file or folder is what updates leave in a student's folder, and nobody's work."""
    return bool(LEFT_BEHIND.fullmatch(name))


def open_release(path: Path) -> Release:
    """Return the release in a zip or a folder, as a teacher gives it out; LabkitError for what is none, or damaged."""
    if not path.exists():
        raise UsageError(f"{path} is not there: name the zip that your teacher gave out, e.g. {COURSE}.zip.")
    try:
        taken = _in_folder(path) if path.is_dir() else _in_zip(path)
    except BROKEN as error:
        raise LabkitError(f"{path} cannot be read ({first_line(error)}): download it again.") from error
    if RELEASED not in taken:
        raise UsageError(
            f"{path} is no release of the course, or one from before `labkit update`: it holds no {RELEASED}. Take the "
            f"newest {COURSE}.zip, as your teacher gave it out."
        )
    release = read_record(taken[RELEASED], str(path))
    wheel = taken.get(release.wheel_name, b"")
    if wheel and digest(wheel) != release.digests[release.wheel_name]:
        raise LabkitError(f"{path} is damaged: {release.wheel_name} is not as it was made. Download it again.")
    return Release(release.made, release.files, release.digests, release.record, wheel)


def read_record(content: bytes, where: str) -> Release:
    """Return the release of which released.zip was made; LabkitError, which names `where`, for one that is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _bounded(archive, archive.namelist())
        manifest = json.loads(files.pop(MANIFEST))
        made, digests = manifest["made"], manifest["files"]
        whole = (
            DAY.fullmatch(made)
            and all(FILE.fullmatch(name) and ".." not in name for name in digests)
            and {name for name in digests if not name.endswith(".whl")} == files.keys()
            and all(digest(files[name]) == digests[name] for name in files)
        )
    except (*BROKEN, TypeError, AttributeError, RecursionError) as error:
        raise LabkitError(f"{where} is damaged: its {RELEASED} cannot be read ({first_line(error)}).") from error
    if not whole:
        raise LabkitError(f"{where} is damaged: its {RELEASED} is not as a release left it. Take the zip again.")
    return Release(made, files, digests, content)


def _in_folder(path: Path) -> dict[str, bytes]:
    """Return released.zip and the wheels of an unpacked release; some programs unpack into one more folder."""
    home = next((home for home in (path, path / COURSE) if (home / RELEASED).is_file()), path)
    wanted = [home / RELEASED, *home.glob("*.whl")]
    found = [file for file in wanted if file.is_file() and file.stat().st_size <= MOST_BYTES]
    return {file.name: file.read_bytes() for file in found}


def _in_zip(path: Path) -> dict[str, bytes]:
    """Return released.zip and the wheels of a release that is packed, whatever folder it is packed in."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        records = sorted((name for name in names if name.split("/")[-1] == RELEASED), key=len)
        if not records:
            return {}
        home = records[0].removesuffix(RELEASED)
        wheels = [name for name in names if re.fullmatch(re.escape(home) + r"[^/]+\.whl", name)]
        return {name.removeprefix(home): content for name, content in _bounded(archive, [records[0], *wheels]).items()}


def _bounded(archive: zipfile.ZipFile, names: list[str]) -> dict[str, bytes]:
    """Return some files of a zip, whatever it says of their sizes; ValueError where they are too many or too large."""
    if len(names) > MOST_FILES or len(set(names)) < len(names):
        raise ValueError(f"it holds more than {MOST_FILES} files, or one of them twice")
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for name in names:
        with archive.open(name) as file:
            files[name] = file.read(left + 1)
        if (left := left - len(files[name])) < 0:
            raise ValueError(f"it unpacks to more than {MOST_BYTES // 1_000_000} MB")
    return files


def as_text(content: bytes) -> bytes:
    """Return a file's content as it is compared: line ends of Windows make no difference."""
    return content.replace(b"\r\n", b"\n")
