"""The files in an untrusted folder, read in memory within limits, and what each file of a submission is known by.

Nothing is unpacked to disk, and no link is followed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labkit.course.updating.release_files import is_left_behind
from labkit.grading.texts import LONGEST_NAME, Refused, clean, megabytes

MOST = 2_000  # files of one submission that are looked at
LISTED = 100_000  # files of one submission, or of a folder, with those that are passed over
# Folders that programs fill with thousands of files, none of them a student's; in small letters.
CACHES = {"__macosx", "__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "virtualenv"}
UNSAFE = re.compile(r"^/|^[A-Za-z]:|[\x00-\x1f]|(^|/)\.\.(/|$)")
# Who has one name only often stands as ". Kumar" in a platform's lists, and in what Moodle packs.
NAMED = re.compile(r"\. |\.[^_]+_(\d+_)?assignsubmission_", re.ASCII)
NOTICE = "and was not opened"
LEADS_OUT = f"has a path that leads out of its folder or is not valid, {NOTICE}"
LINK = "is a link, and links are not followed"
NO_FILE = f"is neither file nor folder, {NOTICE}"


@dataclass(frozen=True)
class Member:
    """One file or folder: its path in parts, its size in bytes as declared, and how its content is read.

    read: takes a limit in bytes and returns the content; Refused when it is larger, damaged or not readable.
    head: takes a number of bytes and returns so many of the beginning; fewer, or none, where they cannot be read.
    fault: why it must not be read, as the end of a sentence; empty for most.
    """

    parts: tuple[str, ...]
    size: int = 0
    read: Callable[[int], bytes] = lambda limit: b""
    fault: str = ""
    is_folder: bool = False
    head: Callable[[int], bytes] = lambda count: b""

    @classmethod
    def of(cls, parts: tuple[str, ...], content: bytes) -> Member:
        """Return a file whose content is in memory."""
        return cls(parts, len(content), partial(within, content), head=lambda count: content[:count])

    @property
    def shown(self) -> str:
        """The path as it can be told."""
        return clean("/".join(self.parts), LONGEST_NAME)


def members_of_folder(folder: Path, parts: tuple[str, ...] = (), most: int = LISTED, deep: bool = True) -> list[Member]:
    """Return what a folder holds, without what is passed over; Refused when it cannot be read or holds too much.

    parts: the path by which the folder is known, before the names in it. deep: with what its folders hold; else it is
    a batch, where a name of a cache may be a student's.
    """
    members: list[Member] = []
    rest = [(folder, parts)]
    while rest:
        here, path = rest.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if is_passed_over((entry.name,)) if deep else is_hidden((entry.name,)):
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


def is_passed_over(parts: tuple[str, ...]) -> bool:
    """Whether a path of a submission is hidden, or in a folder that programs fill: it is not looked at, nor counted.

    Nor are the course as it was handed out, and old files, which `labkit update` leaves in a student's folder.
    """
    return is_hidden(parts) or any(part.casefold() in CACHES or is_left_behind(part) for part in parts)


def safe_parts(name: str) -> tuple[str, ...]:
    r"""Return the parts of a path as an archive tells it, () for one that must not be followed.

    Both separators are known: PowerShell 5 packs "lab\notebooks\x".
    """
    name = name.replace("\\", "/")
    return () if UNSAFE.search(name) else tuple(part for part in name.split("/") if part not in ("", "."))


def too_large(size: int, limit: int) -> str:
    """Return the end of a sentence for a file of `size` bytes where `limit` are read."""
    return f"has {megabytes(size)}, and at most {megabytes(limit)} are read"


def within(content: bytes, limit: int) -> bytes:
    """Return a content that has at most `limit` bytes; Refused for more."""
    if len(content) > limit:
        raise Refused(too_large(len(content), limit))
    return content


def _folder_member(entry: os.DirEntry[str], parts: tuple[str, ...]) -> Member:
    if entry.is_symlink():
        return Member(parts, fault=LINK)
    if entry.is_dir(follow_symlinks=False):
        return Member(parts, is_folder=True)
    if not entry.is_file(follow_symlinks=False):
        return Member(parts, fault=NO_FILE)
    size = entry.stat(follow_symlinks=False).st_size
    return Member(parts, size, partial(_read_file, entry.path), head=partial(_head_of_file, entry.path))


def _read_file(path: str, limit: int) -> bytes:
    # reading takes the memory for as much as is asked for, so ask for no more than there is
    return within(_beginning(path, limit + 1), limit)


def _head_of_file(path: str, count: int) -> bytes:
    try:
        return _beginning(path, count)
    except Refused:
        return b""


def _beginning(path: str, count: int) -> bytes:
    # Should the file have become a link or a pipe since it was listed, opening it neither follows nor waits.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise Refused(NO_FILE)
            return file.read(min(count, state.st_size + 1))
    except OSError as error:
        raise Refused(_unreadable(error)) from None


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror or error})"
