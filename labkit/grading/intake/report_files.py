"""The source of a report that a submission holds, with the images and the references that it names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labkit.basics.files import write_atomically
from labkit.grading.intake.opening.members import Member

if TYPE_CHECKING:
    from labkit.grading.intake.submissions import Submission

SOURCE, OWN = "report_source.md", "my_report.md"  # as `labkit submit` packs it, and as students call it
FOLDER = "handed-in"
LARGEST_SOURCE, LARGEST = 300_000, 8_000_000  # bytes of the text, and of all that lies beside it
MOST = 30  # files beside it
KINDS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bib")
Parts = tuple[str, ...]
Files = tuple[tuple[str, bytes], ...]


def report_of(
    others: Mapping[Parts, Member], read: Callable[[Member, int, Callable[[bytes], bytes]], bytes | None]
) -> Files:
    """Return a report's source, under one name, and what lies beside it by its path from there; empty without one.

    others: the submission's files that are no notebooks, by their path. read: takes a file, how many bytes may be read
    of it, and what to make of them.
    """
    named = [parts for parts in others if parts[-1].casefold() in (SOURCE, OWN)]
    if not named:
        return ()
    place = min(named, key=lambda parts: (parts[-1].casefold() != SOURCE, len(parts), parts))
    if (source := read(others[place], LARGEST_SOURCE, _text)) is None:
        return ()
    files = [(SOURCE, source)]
    folder, left = place[:-1], LARGEST
    for parts, member in sorted(others.items()):
        own = parts[len(folder) :]
        inside = parts[: len(folder)] == folder and len(own) <= 3 and all(map(_storable, own))
        if not inside or PurePosixPath(own[-1]).suffix.casefold() not in KINDS or len(files) > MOST:
            continue
        if member.size <= left and (content := read(member, left, bytes)) is not None:
            left -= len(content)
            files.append(("/".join(own), content))
    return tuple(files)


def keep_reports(out: Path, submissions: Collection[Submission]) -> None:
    """Write what was handed in for the reports into the folder of a night, and remove what was there of others."""
    folder = out / FOLDER
    kept = {submission.name: dict(submission.report) for submission in submissions if submission.report}
    for old in folder.iterdir() if folder.is_dir() else ():
        there = {path.relative_to(old).as_posix(): path for path in old.rglob("*") if path.is_file()}
        files = kept.get(old.name, {})
        if any(path.read_bytes() != files.get(name) for name, path in there.items()):
            shutil.rmtree(old)
    for name, files in kept.items():
        for path, content in files.items():
            if not (folder / name / path).is_file():
                write_atomically(folder / name / path, content)


def _text(content: bytes) -> bytes:
    """Return a text in UTF-8, whatever editor wrote it."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return content.decode(encoding, "replace").replace("\0", "").encode()


def _storable(part: str) -> bool:
    return (
        part.isprintable()
        and 0 < len(part.encode()) <= 100
        and not part.startswith(".")
        and not set(part) & set("/\\:")
    )
