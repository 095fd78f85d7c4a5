"""Archives of any packer, kind and ending; those that are not opened are named, and no bomb costs time or memory."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import struct
import tarfile
import time
import tracemalloc
import unicodedata
import zipfile
import zlib

import pytest
from submission_makers import book, read_one, taken, tarred, told, zipped

from labkit.grading.intake.opening import archives, members
from labkit.grading.intake.opening.tars import Stream, members_of_tar
from labkit.grading.intake.opening.zips import members_of_zip_content
from labkit.grading.texts import Refused

NAME = "05_mlp1_sweep.ipynb"
BOOK = {f"lab/notebooks/{NAME}": book(5, text="here")}
END = struct.Struct("<4s4H2LH")
FOUND = {"05": "here"}


def raw_zip(names, flag=0, system=0, extra=b""):
    """Return a zip whose names are bytes, as a packer without UTF-8 writes them."""
    files, central = b"", b""
    for name in names:
        content = book(5, text="here")
        facts = struct.pack(
            "<4HLLLHH", flag, 0, 0, 0, zlib.crc32(content), len(content), len(content), len(name), len(extra)
        )
        central += (
            b"PK\1\2"
            + bytes([20, system])
            + b"\x14\0"
            + facts
            + struct.pack("<3HLL", 0, 0, 0, 0, len(files))
            + name
            + extra
        )
        files += b"PK\3\4\x14\0" + facts + name + extra + content
    return files + central + END.pack(b"PK\5\6", 0, 0, len(names), len(names), len(central), len(files), 0)


@pytest.mark.parametrize(
    ("folder", "encoding"),
    [
        ("Übung Müller", "cp850"),
        ("Übung Müller", "cp437"),
        ("Größe", "utf-8"),
        ("Å̊".strip(), "utf-8"),
        ("深度学习作业", "gbk"),
        ("Лабораторная", "cp866"),
        ("課題のコピー", "cp932"),
        ("Müller", "cp1252"),
        ("表", "gbk"),
    ],
)
def test_names_of_any_packer_are_read(folder, encoding):
    name = f"{folder}\\{NAME}".encode(encoding)
    (member,) = members_of_zip_content(raw_zip([name]))
    assert member.parts == (unicodedata.normalize("NFC", folder), NAME)
    assert member.read(10_000) == book(5, text="here")


def test_a_second_byte_that_is_a_backslash_separates_nothing():
    (member,) = members_of_zip_content(raw_zip(["課題の表/a".encode("cp932")]))
    assert b"\\" in "表".encode("cp932")
    assert member.parts == ("課題の表", "a")


def test_the_name_that_info_zip_keeps_in_utf8_counts():
    raw, name = b"M?ller/" + NAME.encode(), f"Müller/{NAME}".encode()
    field = b"\1" + struct.pack("<I", zlib.crc32(raw)) + name
    (member,) = members_of_zip_content(raw_zip([raw], extra=struct.pack("<HH", 0x7075, len(field)) + field))
    assert member.parts == ("Müller", NAME)
    hostile = b"\1" + struct.pack("<I", zlib.crc32(raw)) + b"../../x"
    (member,) = members_of_zip_content(raw_zip([raw], extra=struct.pack("<HH", 0x7075, len(hostile)) + hostile))
    assert "leads out of its folder" in member.fault


def test_macos_letters_and_accents_become_one():
    (member,) = members_of_zip_content(zipped({unicodedata.normalize("NFD", "Übung/ä.py"): b""}))
    assert member.parts == ("Übung", "ä.py")


def powershell(files):
    names = [name.replace("/", "\\").encode() for name in files]
    return raw_zip(names)


def streamed(files):
    """Return a zip as `zip -` writes it: sizes behind the contents, in the wide form."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, piece):
            self.content += bytes(piece)
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)
    return pipe.content


def with_comment(files):
    buffer = io.BytesIO(zipped(files))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"PK\1\2 and more " * 1_000
    return buffer.getvalue()


def folders_first(files):
    return zipped({"lab/": b"", "lab/notebooks/": b"", **files, "./lab/x.txt": b""})


@pytest.mark.parametrize(
    "pack",
    [
        zipped,
        powershell,
        streamed,
        with_comment,
        folders_first,
        lambda files: b"#!/bin/sh\nexit\n" + zipped(files),
        lambda files: zipped({"a.zip": zipped({"b.zip": zipped(files)})}),
        lambda files: zipped({"lab.zip": zipped(files), "__MACOSX/._lab.zip": b"\x00"}),
        lambda files: zipped({"lab.zip": zipped(files), "report.pdf": b"%PDF"}),
        lambda files: zipped({"lab.tar.gz": tarred(files)}),
        lambda files: tarred({"lab.zip": zipped(files)}),
        lambda files: tarred(files, "xz"),
        lambda files: tarred(files, "bz2"),
        lambda files: tarred(files, ""),
        lambda files: tarred(files, "", form=tarfile.GNU_FORMAT),
        lambda files: tarred(files, "", form=tarfile.USTAR_FORMAT),
        lambda files: gzip.compress(tarred({"./x.txt": b""}, "")[:512]) + gzip.compress(tarred(files, "")),
    ],
)
@pytest.mark.parametrize("ending", [".zip", ".ZIP", ".tar.gz", ".zip.zip", "(1).zip", ".7z", ".rar"])
def test_what_any_packer_packs_is_opened_whatever_it_is_called(tmp_path, pack, ending):
    packed = pack(BOOK)
    if not packed.startswith(b"#!") or "zip" in ending.casefold():
        assert taken(read_one(tmp_path, packed, f"bad_2_2_lab{ending}")) == FOUND


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("file", [f"{NAME}.gz", "lab.gz", NAME.replace(".ipynb", ".gz")])
def test_a_single_packed_notebook_is_read(tmp_path, pack, file):
    assert taken(read_one(tmp_path, zipped({file: pack(book(5, text="here"))}))) == FOUND


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_in_a_tar_are_read(form):
    name = "ü" * 150 + "/" + NAME
    (member,) = members_of_tar(Stream(iter([tarred({name: b"x" * 700}, "", form=form)])), 10)
    assert (member.parts, member.read(1_000), member.head(3)) == (("ü" * 150, NAME), b"x" * 700, b"xxx")


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"7z\xbc\xaf'\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"Rar!\x1a\x07\x00", "RAR"),
        (b"MSCF", "CAB"),
        (b"(\xb5/\xfd", "Zstandard"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".whatever"])
def test_other_kinds_are_named_with_what_to_send(tmp_path, first, kind, inside, ending):
    content, entry = first + bytes(300), f"bad_2_2_lab{ending}"
    if inside:
        content, entry = zipped({f"lab{ending}": content}), "bad_2_2_lab.zip"
    where = f"{entry}/lab{ending}" if inside else entry
    assert (
        told(read_one(tmp_path, content, entry))[0] == f"{where} is a {kind} archive, and was not opened: send a zip."
    )


def test_an_archive_beside_notebooks_stays_closed_and_is_told(tmp_path):
    found = read_one(tmp_path, zipped({NAME: book(5, 1, "here"), "old.zip": zipped({NAME: book(5, 3, "old")})}))
    assert taken(found) == FOUND
    assert told(found) == [
        "bad_2_2_lab.zip/old.zip is an archive (zip) beside notebooks in another, and was not opened."
    ]


def test_documents_that_are_zips_are_no_archives(tmp_path):
    files = {NAME: book(5, text="here"), **{f"a.{end}": zipped(BOOK) for end in ("docx", "npz", "pt")}}
    assert [text for text in told(read_one(tmp_path, zipped(files))) if "beside notebooks in another" in text] == []


def test_a_deep_nest_ends(tmp_path):
    content = zipped(BOOK)
    for _ in range(8):
        content = zipped({"a.zip": content})
    assert told(read_one(tmp_path, content))[0].endswith("is packed more than 3 times, and was not opened.")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0}, "is a link"),
        ({"type": tarfile.LNKTYPE, "linkname": "../x", "size": 0}, "is a link"),
        ({"type": tarfile.CHRTYPE, "size": 0}, "is neither file nor folder"),
        ({"type": tarfile.FIFOTYPE, "size": 0}, "is neither file nor folder"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "is neither file nor folder"),
        ({"name": f"../{NAME}"}, "leads out of its folder"),
        ({"name": f"a/../../{NAME}"}, "leads out of its folder"),
        ({"name": f"/tmp/{NAME}"}, "leads out of its folder"),
        ({"name": f"..\\{NAME}"}, "leads out of its folder"),
        ({"name": f"C:\\{NAME}"}, "leads out of its folder"),
    ],
)
def test_nothing_leads_out_of_a_tar(tmp_path, changed, message):
    found = read_one(tmp_path, tarred({NAME: book(5)}, **changed), "bad_2_2_lab.tgz")
    assert taken(found) == {}
    assert any(
        message in text for text in (*told(found), *(r for one in found.notebooks.values() for r in one.remarks))
    )


def note(kind, size, content=b""):
    info = tarfile.TarInfo("note")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT) + content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tarred(BOOK)[:200], "is cut short|cannot be unpacked|damaged"),
        (tarred(BOOK, "")[:1200], "cut short"),
        (tarred(BOOK, "xz")[:200], "cut short"),
        (note(b"x", 400_000_000, bytes(2_000)), "a header is too large"),
        (note(b"L", 2**70, bytes(2_000)), "a header is too large"),
        (note(b"0", 2**70, bytes(2_000)), "cut short"),
        (note(b"0", -5, bytes(2_000)), "damaged|cut short"),
        (gzip.compress(tarred(BOOK, "")[:700] + b"\xff" * 5_000), "damaged|cut short"),
    ],
)
def test_a_broken_tar_is_told(tmp_path, content, message):
    assert re.search(message, told(read_one(tmp_path, content, "bad_2_2_lab.tar"))[0])


def packed_zeros(compressor, start=b"", count=2_000):
    """Return so many megabytes of zeros behind `start`, packed piece by piece."""
    pieces = [compressor.compress(start)]
    pieces += [compressor.compress(bytes(1_000_000)) for _ in range(count)]
    return b"".join([*pieces, compressor.flush()])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: packed_zeros(zlib.compressobj(wbits=31), note(b"0", 2_000_000_000)), "unpacks to more than 500.0 MB"),
        (lambda: packed_zeros(bz2.BZ2Compressor(), note(b"0", 900_000_000), 900), "unpacks to more than 500.0 MB"),
        (lambda: packed_zeros(zlib.compressobj(wbits=31)), "unpacks to more than 20.0 MB"),
        (lambda: packed_zeros(zlib.compressobj(wbits=31), note(b"x", 400_000_000)), "a header is too large"),
        (lambda: gzip.compress(tarred({f"{n}.txt": b"" for n in range(10_001)}, "")), "holds more than 10,000 files"),
        (lambda: zipped({f"{n}.txt": b"" for n in range(10_001)}), "holds more than 10,000 files"),
    ],
    ids=["tar.gz", "tar.bz2", "gz", "pax", "count", "count in a zip"],
)
def test_bombs_cost_neither_time_nor_memory(tmp_path, monkeypatch, content, message):
    monkeypatch.setattr("labkit.grading.intake.take_in.LISTED", 10_000)
    content = content()
    start = time.process_time()
    tracemalloc.start()
    found = read_one(tmp_path, content, "bad_2_2_lab.tar.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert message in told(found)[0]
    assert peak < 4 * len(content) + 100_000_000
    assert time.process_time() - start < 20


def test_a_loop_that_printed_ten_megabytes_of_one_line_is_no_bomb(tmp_path):
    printed = json.loads(book(5, text="here"))
    printed["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["loss nan\n"] * 1_000_000}]
    packed = zipped({NAME: json.dumps(printed).encode()})
    assert len(packed) < 100_000
    assert taken(read_one(tmp_path, packed)) == FOUND


ENVIRONMENTS = [
    ".venv/lib/python3.11/site-packages/p",
    "venv/Lib/site-packages/p",
    "env/lib/python3.12/site-packages/p",
]
ENVIRONMENTS += ["node_modules/p", "lab/__pycache__", ".git/objects", "own/train", "__MACOSX/own"]


@pytest.mark.parametrize("place", ENVIRONMENTS)
@pytest.mark.parametrize("pack", [zipped, tarred, dict])
def test_a_whole_environment_hides_no_notebook_and_is_not_told(tmp_path, monkeypatch, place, pack):
    monkeypatch.setattr("labkit.grading.intake.take_in.MOST", 50)
    files = {**{f"{place}/m{number}.py": b"x = 1" for number in range(200)}, **BOOK, "lab/notebooks/helpers.py": b""}
    entry = "bad_2_2_lab.zip" if pack is not tarred else "bad_2_2_lab.tgz"
    found = read_one(tmp_path, pack(files), entry)
    assert taken(found) == FOUND
    assert [name for name, _ in found.notebooks["05_mlp1_sweep"].files] == ["helpers.py"]
    assert any("holds more than" in text for text in told(found)) == (place == "own/train")


@pytest.mark.slow
def test_an_environment_of_ninety_thousand_files_is_listed_within_bounds(tmp_path):
    content = zipped({f".venv/{number}.py": b"" for number in range(90_000)} | BOOK)
    tracemalloc.start()
    found = read_one(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (taken(found), told(found)) == (FOUND, [])
    assert peak < 150_000_000
    assert members.LISTED == 100_000


def test_random_and_bent_archives_raise_nothing_but_a_refusal():
    chance = random.Random(5)
    whole = [zipped(BOOK), *(tarred(BOOK, how) for how in ("", "gz", "bz2", "xz")), powershell(BOOK)]
    for _ in range(1_500):
        content = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(content))
            content[at : at + chance.randint(0, 3)] = os.urandom(chance.randint(0, 3))
        for kind in archives.OPENED:
            try:
                for member in archives.members_of_archive(bytes(content), kind, "x"):
                    member.head(10)
                    member.read(20_000)
            except Refused:
                continue
