"""The files in an untrusted zip, whichever system packed it; no size that it declares is believed."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import BinaryIO

from labkit.grading.intake.opening.members import (
    LEADS_OUT,
    LINK,
    LISTED,
    NO_FILE,
    NOTICE,
    Member,
    is_hidden,
    is_passed_over,
    safe_parts,
    within,
)
from labkit.grading.texts import LONGEST_NAME, Refused, clean

# zipfile unpacks the other methods (bz2, lzma) without any bound on what comes out, and course zips never use them.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED, UTF8 = 0x1, 0x800  # bits in a zip's flags
UNICODE_PATH = 0x7075  # the field in which Info-ZIP keeps a name in UTF-8
# What packers write where no flag says UTF-8, and what a name looks like in each when it is the right one: its own
# letters alone. Bytes fit several, so the first that fits is taken; Korean cannot be told from Chinese.
ENCODINGS = (
    ("utf-8", re.compile(r"[^\x00-\x1f\ufffd]*")),
    ("cp850", re.compile(r"[\x20-\x7e\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]*")),  # Western Europe's Windows
    ("cp866", re.compile(r"[\x20-\x7e\u0400-\u045f]*")),  # Russian
    ("cp1252", re.compile(r"(?:[\x20-\x7e]|(?<![\u0080-\uffff])[\u00c0-\u00ff](?![\u0080-\uffff]))*")),
    ("cp932", re.compile(r"(?=.*[\u3041-\u30ff])[\x20-\x7e\u3000-\u30ff\u4e00-\u9fff\uff00-\uff5e]*")),  # Japanese
    ("gbk", re.compile(r"[\x20-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e]*")),  # Chinese
)


def members_of_zip(file: BinaryIO, most: int) -> list[Member]:
    """Return what the zip of a batch lists, hidden files aside; Refused when it is broken or lists too much.

    most: files that count; those that are passed over have a bound of their own, ten times as large.
    """
    return _members(file, most, lambda parts: is_hidden(parts) or is_passed_over(parts[1:]))


def members_of_zip_content(content: bytes, most: int = LISTED) -> list[Member]:
    """Return what the zip of a submission lists, without what is passed over; Refused as for a batch.

    One that lists more than `most` files in all is refused before they are listed.
    """
    if not content:
        raise Refused("cannot be opened as a zip: it is empty")
    if content.count(b"PK\x01\x02") > most:  # each entry begins with it
        raise Refused(f"holds more than {most:,} files, {NOTICE}")
    if content.startswith(b"PK") and b"PK\x05\x06" not in content:
        raise Refused("cannot be opened as a zip: it is cut short, so ask for the whole file")
    return _members(io.BytesIO(content), most, is_passed_over)


def _members(file: BinaryIO, most: int, passed_over: Callable[[tuple[str, ...]], bool]) -> list[Member]:
    try:
        archive = zipfile.ZipFile(file)
        size = file.seek(0, os.SEEK_END)
    except Exception as error:  # zipfile raises a dozen kinds for damaged zips
        raise Refused(f"cannot be opened as a zip ({error})") from None
    infos = archive.infolist()
    if len(infos) > 10 * most:
        raise Refused(f"holds more than {10 * most:,} files, {NOTICE}")
    if sum(info.compress_size for info in infos) > size:
        raise Refused(f"holds files that overlap, as in a zip bomb, {NOTICE}")
    encoding = _encoding(raw for info in infos if not info.flag_bits & UTF8 and not (raw := _raw(info)).isascii())
    members: list[Member] = []
    for info in infos:
        name = _name(info, encoding)
        parts = safe_parts(name)
        if parts and passed_over(parts):
            continue
        if len(members) == most:
            raise Refused(f"holds more than {most:,} files, {NOTICE}")
        members.append(_member(archive, info, name, parts))
    return members


def _raw(info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a name that zipfile took for cp437, which knows every byte."""
    return info.orig_filename.encode("cp437", "replace")


def _encoding(names: Iterable[bytes]) -> str:
    """Return in which encoding the names of a zip are words, of those that systems use."""
    raw = b" ".join(names)[:100_000]
    for encoding, letters in ENCODINGS:
        try:
            if letters.fullmatch(raw.decode(encoding)):
                return encoding
        except UnicodeDecodeError:
            continue
    return "cp437"


def _name(info: zipfile.ZipInfo, encoding: str) -> str:
    if info.flag_bits & UTF8:
        return info.orig_filename
    raw = _raw(info)
    return _unicode_path(info.extra, raw) or (info.orig_filename if raw.isascii() else raw.decode(encoding, "replace"))


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """Return the name in UTF-8 that Info-ZIP keeps beside one in the system's encoding; "" where there is none."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(field) > 5 and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return field[5:].decode("utf-8", "replace")
    return ""


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, parts: tuple[str, ...]) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not parts:
        return Member((clean(name, LONGEST_NAME),), fault=LEADS_OUT)
    fault = ""
    if kind == stat.S_IFLNK:
        fault = LINK
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = NO_FILE
    elif info.flag_bits & ENCRYPTED:
        fault = f"is encrypted, {NOTICE}: send a zip without a password"
    elif info.compress_type not in METHODS:
        fault = f"is packed in an unusual way, {NOTICE}: make the zip anew with your system's own command"
    parts = tuple(unicodedata.normalize("NFC", part) for part in parts)  # macOS writes letters and accents apart
    is_folder = name.endswith(("/", "\\"))
    reading = partial(_read, archive, info), partial(_head, archive, info)
    return Member(parts, info.file_size, reading[0], fault, is_folder, reading[1])


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(info) as file:
            content = file.read(min(limit, info.file_size) + 1)
    except Exception as error:  # as above
        raise Refused(f"cannot be unpacked ({error})") from None
    return within(content, limit)


def _head(archive: zipfile.ZipFile, info: zipfile.ZipInfo, count: int) -> bytes:
    try:
        with archive.open(info) as file:
            return file.read(count)
    except Exception:  # as above; whoever reads it all is told
        return b""
