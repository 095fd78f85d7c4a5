"""The files in an untrusted tar, read from its beginning to its end, since a tar has no table of contents.

Read by hand, because tarfile takes the memory that a header asks for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from labkit.grading.intake.opening.members import LEADS_OUT, LINK, NO_FILE, NOTICE, Member, is_passed_over, safe_parts
from labkit.grading.texts import LONGEST_NAME, MB, Refused, clean, megabytes

HEADER = 512  # bytes of a block
LONGEST_NOTE = 65_536  # bytes of a header's own note, such as a long name
LARGEST = 20 * MB  # bytes of a file that is kept, as of a notebook
LARGEST_BESIDE = 5 * MB  # of any other
KEPT, KEPT_BESIDE = 100 * MB, 20 * MB  # of all files of a tar, of those in which notebooks are looked for and of others
FIRST = re.compile(r"\.ipynb|\.(zip|tar|tgz|gz|bz2|xz|json)$")  # what notebooks and results come in
LINKS, FOLDER, FILES, DEVICES = (b"1", b"2"), b"5", (b"0", b"\0", b"7"), (b"3", b"4", b"6")
LONG_NAME, LONG_LINK, PAX, PAX_OF_ALL = b"L", b"K", b"x", b"g"


class Stream:
    """Bytes that come in pieces, taken in the sizes that are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._here, self._at = b"", 0

    def peek(self, count: int) -> bytes:
        """Return what `take` would return, and leave it."""
        taken = self.take(count)
        self._here, self._at = taken + self._here[self._at :], 0
        return taken

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer than `count` at the end."""
        parts = []
        while count:
            if self._at == len(self._here):
                self._here, self._at = next(self._pieces, b""), 0
                if not self._here:
                    break
            parts.append(self._here[self._at : self._at + count])
            self._at += len(parts[-1])
            count -= len(parts[-1])
        return b"".join(parts)

    def skip(self, count: int) -> bool:
        """Pass over bytes; return whether there were so many."""
        while count and (taken := len(self.take(min(count, MB)))):
            count -= taken
        return not count


def is_tar(head: bytes) -> bool:
    """Whether a file begins as a tar does: with a header that carries its own sum."""
    return len(head) >= HEADER and head[0] != 0 and _sum_is_right(head[:HEADER])


def members_of_tar(stream: Stream, most: int) -> list[Member]:
    """Return what a tar holds, without what is passed over; links, devices and paths that lead out carry their fault.

    Refused when it is broken, cut short, or lists more than `most` files in all.
    """
    members: list[Member] = []
    room = {True: KEPT, False: KEPT_BESIDE}
    name, listed, told_size = b"", 0, -1
    while (header := stream.take(HEADER)).strip(b"\0"):
        if len(header) < HEADER or not _sum_is_right(header):
            raise Refused("cannot be read as a tar (it is cut short, or damaged): ask for the whole file")
        kind, size = header[156:157], _number(header[124:136])
        if kind in (LONG_NAME, LONG_LINK, PAX, PAX_OF_ALL):
            note = _note(stream, size)
            if kind == LONG_NAME:
                name = note.rstrip(b"\0")
            elif kind == PAX:
                facts = _facts(note)
                name = facts.get(b"path", name)
                told_size = int(facts[b"size"]) if facts.get(b"size", b"").isdigit() else -1
            continue
        if (listed := listed + 1) > most:
            raise Refused(f"holds more than {most:,} files, {NOTICE}")
        size = told_size if told_size >= 0 else size
        if size < 0:
            raise Refused("cannot be read as a tar (it is damaged): ask for the whole file")
        text = (name or _name(header)).decode("utf-8", "replace")
        name, told_size = b"", -1
        parts = tuple(unicodedata.normalize("NFC", part) for part in safe_parts(text))
        if kind in (*LINKS, FOLDER, *DEVICES):
            size = 0  # whatever the header says, no content follows
        taken = None
        if parts and kind in FILES and not text.endswith("/") and not is_passed_over(parts):
            first = bool(FIRST.search(parts[-1].casefold().rstrip(" .")))
            if size <= min(LARGEST if first else LARGEST_BESIDE, room[first]):
                taken = stream.take(size)
                room[first] -= size
        whole = len(taken) == size if taken is not None else stream.skip(size)
        if not whole or not stream.skip(-size % HEADER):
            raise Refused("cannot be read as a tar (it is cut short): ask for the whole file")
        if member := _member(text, parts, kind, size, taken):
            members.append(member)
    return members


def _member(text: str, parts: tuple[str, ...], kind: bytes, size: int, content: bytes | None) -> Member | None:
    if not parts:
        here = text.strip("./") == "" and ".." not in text and not text.startswith("/")  # "./" is the tar's own folder
        return None if here and kind == FOLDER else Member((clean(text, LONGEST_NAME),), fault=LEADS_OUT)
    if is_passed_over(parts):
        return None
    if kind in LINKS:
        return Member(parts, fault=LINK)
    if kind == FOLDER or text.endswith("/"):
        return Member(parts, is_folder=True)
    if kind not in FILES:
        return Member(parts, fault=NO_FILE)
    if content is None:
        return Member(parts, size, fault=f"has {megabytes(size)}, and was left out: the archive holds too much")
    return Member.of(parts, content)


def _note(stream: Stream, size: int) -> bytes:
    if not 0 <= size <= LONGEST_NOTE:
        raise Refused("cannot be read as a tar (a header is too large)")
    note = stream.take(size)
    stream.skip(-size % HEADER)
    return note


def _facts(note: bytes) -> dict[bytes, bytes]:
    """Return what a PAX header says: lines of "length key=value", with the line's length in front."""
    facts = {}
    while (space := note.find(b" ")) > 0 and note[:space].isdigit() and (length := int(note[:space][:6])) > space:
        key, _, value = note[space + 1 : length].partition(b"=")
        facts[key] = value.removesuffix(b"\n")
        note = note[length:]
    return facts


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    return prefix + b"/" + name if header[257:263] == b"ustar\0" and prefix else name


def _number(field: bytes) -> int:
    """Return a number of a header: octal digits, or bytes behind a first bit; -1 for neither."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]*", digits) and digits else 0 if not digits else -1


def _sum_is_right(header: bytes) -> bool:
    return sum(header[:148]) + 8 * 32 + sum(header[156:]) == _number(header[148:156])
