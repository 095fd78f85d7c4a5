"""What an archive is, told by its first bytes, and what it holds: zips and tars, also those that are packed again.

Whatever is unpacked is bounded while it is unpacked; the other kinds are told by their name.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterator
from typing import Any

from labkit.grading.intake.opening.members import LISTED, Member
from labkit.grading.intake.opening.tars import HEADER, Stream, is_tar, members_of_tar
from labkit.grading.intake.opening.zips import members_of_zip_content
from labkit.grading.texts import MB, Refused, megabytes

HEAD = HEADER  # bytes by which a file's kind is told
UNPACKED = 500 * MB  # of a tar that is packed again, and is read from its beginning to its end
DICTIONARY = 100 * MB  # memory that xz may take
PIECE = 100_000
OPENED = ("zip", "tar", "gzip", "bzip2", "xz")
FIRST_BYTES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PK\x07\x08": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"LZIP": "lzip",
    b"MSCF": "CAB",
    b"\x1f\x9d": "compress",
    b"xar!": "xar",
}
ENDINGS = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz|7z|rar|zst|cab)$")
# Zips, too, but documents and data of their own kind.
DOCUMENTS = re.compile(
    r"\.(docx|docm|xlsx|xlsm|pptx|odt|ods|odp|epub|pages|numbers|key|npz|npy|pt|pth|pkl|keras|h5|jar|whl|egg|apk|ipynb|"
    r"py|csv|tsv|md|png|jpe?g|gif|svg|pdf|html?)$"
)


def archive_kind(member: Member, name: str) -> str:
    """Return of which kind an archive is, by its first bytes, else by its name; "" for a file that is none.

    name: the file's, in small letters.
    """
    if member.is_folder or DOCUMENTS.search(name):
        return ""
    head = member.head(HEAD)
    kind = next((kind for first, kind in FIRST_BYTES.items() if head.startswith(first)), "")
    if kind == "bzip2" and not re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", head):
        kind = ""  # three letters are soon met in a text
    return kind or ("tar" if is_tar(head) else "zip" if name.endswith(".zip") else "")


def members_of_archive(content: bytes, kind: str, name: str, most: int = LISTED) -> list[Member]:
    """Return what an archive of a submission holds, without what is passed over.

    name: that of a single packed file. Refused for a kind that is not opened, and for one that is broken or too large.
    """
    if kind == "zip":
        return members_of_zip_content(content, most)
    if kind not in OPENED:
        raise Refused(f"is a {kind} archive, and was not opened: send a zip")
    if kind == "tar":
        return members_of_tar(Stream(content[at : at + PIECE] for at in range(0, len(content), PIECE)), most)
    stream = Stream(_unpacked(content, kind))
    if is_tar(stream.peek(HEADER)):
        return members_of_tar(stream, most)
    limit = 20 * MB
    unpacked = stream.take(limit + 1)
    if len(unpacked) > limit:
        raise Refused(f"unpacks to more than {megabytes(limit)}, and was not opened")
    return [Member.of((ENDINGS.sub("", name) or name,), unpacked)]


def _unpacked(content: bytes, kind: str) -> Iterator[bytes]:
    """Yield what a packed content holds, in pieces; Refused when it is damaged, or goes on beyond the bound."""
    total = start = 0
    while True:
        unpacker = _unpacker(kind)
        try:
            while not unpacker.eof:
                packed = getattr(unpacker, "unconsumed_tail", b"")
                if not packed and getattr(unpacker, "needs_input", True):
                    packed = content[start : start + PIECE]
                    start += len(packed)
                piece = unpacker.decompress(packed, PIECE)
                if not packed and not piece and start >= len(content):
                    raise Refused("is cut short, so ask for the whole file")
                total += len(piece)
                if total > UNPACKED:
                    raise Refused(f"unpacks to more than {megabytes(UNPACKED)}, and was not opened")
                if piece:
                    yield piece
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, MemoryError) as error:
            raise Refused(f"cannot be unpacked ({error})") from None
        start -= len(unpacker.unused_data)
        first = next(first for first, found in FIRST_BYTES.items() if found == kind)
        if not content.startswith(first, start):  # some packers write several pieces one behind the other
            return


def _unpacker(kind: str) -> Any:
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=DICTIONARY)
