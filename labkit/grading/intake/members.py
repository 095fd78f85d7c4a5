"""The files in an untrusted zip or folder, read in memory within limits.

Nothing is unpacked to disk, no link is followed, and no size that a zip declares is believed.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from labkit.grading.texts import LONGEST_NAME, MB, Refused, clean, megabytes

MOST = 2_000  # files of one submission
RATIO = 200  # of what a file unpacks to and what it takes in the zip
HARMLESS = MB  # bytes that a file may unpack to at any ratio
# zipfile unpacks the other methods (bz2, lzma) without any bound on what comes out, and course zips never use them.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # bit in a zip's flags
UNSAFE = re.compile(r"^/|^[A-Za-z]:|\\|[\x00-\x1f]|(^|/)\.\.(/|$)")
# Who has one name only often stands as ". Kumar" in a platform's lists, and in what Moodle packs.
NAMED = re.compile(r"\. |\.[^_]+_(\d+_)?assignsubmission_", re.ASCII)
NOTICE = "and was not opened"


@dataclass(frozen=True)
class Member:
    """One file or folder: its path in parts, its size in bytes as declared, and how its content is read.

    read: takes a limit in bytes and returns the content; Refused when it is larger, damaged or not readable.
    fault: why it must not be read, as the end of a sentence; empty for most.
    """

    parts: tuple[str, ...]
    size: int = 0
    read: Callable[[int], bytes] = lambda limit: b""
    fault: str = ""
    is_folder: bool = False

    @property
    def shown(self) -> str:
        """The path as it can be told."""
        return clean("/".join(self.parts), LONGEST_NAME)


def members_of_zip(file: BinaryIO, most: int) -> list[Member]:
    """Return what a zip lists, hidden files aside; Refused when it is broken, lists too much, or overlaps itself."""
    try:
        archive = zipfile.ZipFile(file)
        size = file.seek(0, os.SEEK_END)
    except Exception as error:  # zipfile raises a dozen kinds for damaged zips
        raise Refused(f"cannot be opened as a zip ({error})") from None
    infos = archive.infolist()
    if len(infos) > most:
        raise Refused(f"holds more than {most:,} files, {NOTICE}")
    if sum(info.compress_size for info in infos) > size:
        raise Refused(f"holds files that overlap, as in a zip bomb, {NOTICE}")
    return [
        _zip_member(archive, info)
        for info in infos
        if UNSAFE.search(info.orig_filename) or not is_hidden(_parts(info.orig_filename))
    ]


def members_of_zip_content(content: bytes, most: int) -> list[Member]:
    """As `members_of_zip`, for a zip in memory; one that lists millions of files is refused before they are listed."""
    if content.count(b"PK\x01\x02") > MOST:  # each entry begins with it
        raise Refused(f"holds more than {MOST:,} files, {NOTICE}")
    return members_of_zip(io.BytesIO(content), most)


def members_of_folder(folder: Path, parts: tuple[str, ...] = (), most: int = MOST, deep: bool = True) -> list[Member]:
    """Return what a folder holds, hidden files aside; Refused when it cannot be read or holds too much.

    parts: the path by which the folder is known, before the names in it. deep: with what its folders hold.
    """
    members: list[Member] = []
    rest = [(folder, parts)]
    while rest:
        here, path = rest.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if is_hidden((entry.name,)):
                        continue
                    if len(members) >= most:
                        raise Refused(f"holds more than {most:,} files, {NOTICE}")
                    members.append(_folder_member(entry, (*path, entry.name)))
                    if deep and members[-1].is_folder:
                        rest.append((Path(entry.path), members[-1].parts))
        except OSError as error:
            if here == folder:
                raise Refused(_unreadable(error)) from None
            members.append(Member(path, fault=_unreadable(error)))
    return sorted(members, key=lambda member: member.parts)


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether a path is one that systems and editors make, such as .ipynb_checkpoints and macOS's doubles."""
    return any((part.startswith(".") and not NAMED.match(part)) or part == "__MACOSX" for part in parts)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", "."))


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    parts = _parts(name)
    if not parts or UNSAFE.search(name):
        return Member(
            (clean(name, LONGEST_NAME),), fault=f"has a path that leads out of its folder or is not valid, {NOTICE}"
        )
    fault = ""
    if kind == stat.S_IFLNK:
        fault = "is a link, and links are not followed"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = f"is neither file nor folder, {NOTICE}"
    elif info.flag_bits & ENCRYPTED:
        fault = f"is encrypted, {NOTICE}"
    elif info.compress_type not in METHODS:
        fault = f"is packed in an unusual way, {NOTICE}: make the zip anew with your system's own command"
    elif info.file_size > max(HARMLESS, RATIO * info.compress_size):
        sizes = f"{megabytes(info.file_size)} from {megabytes(info.compress_size)}"
        fault = f"unpacks to {sizes}, as a zip bomb does, {NOTICE}"
    return Member(parts, info.file_size, partial(_read_packed, archive, info), fault, info.is_dir())


def _read_packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(info) as file:
            content = file.read(min(limit, info.file_size) + 1)
    except Exception as error:  # as above
        raise Refused(f"cannot be unpacked ({error})") from None
    return _within(content, limit)


def _folder_member(entry: os.DirEntry[str], parts: tuple[str, ...]) -> Member:
    if entry.is_symlink():
        return Member(parts, fault="is a link, and links are not followed")
    if entry.is_dir(follow_symlinks=False):
        return Member(parts, is_folder=True)
    if not entry.is_file(follow_symlinks=False):
        return Member(parts, fault=f"is neither file nor folder, {NOTICE}")
    return Member(parts, entry.stat(follow_symlinks=False).st_size, partial(_read_file, entry.path))


def _read_file(path: str, limit: int) -> bytes:
    # Should the file have become a link or a pipe since it was listed, opening it neither follows nor waits.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise Refused(f"is neither file nor folder, {NOTICE}")
            # reading takes the memory for as much as is asked for, so ask for no more than there is
            return _within(file.read(min(limit, state.st_size) + 1), limit)
    except OSError as error:
        raise Refused(_unreadable(error)) from None


def _within(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise Refused(too_large(len(content), limit))
    return content


def too_large(size: int, limit: int) -> str:
    """Return the end of a sentence for a file of `size` bytes where `limit` are read."""
    return f"has {megabytes(size)}, and at most {megabytes(limit)} are read"


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror or error})"
