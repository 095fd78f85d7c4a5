"""Who handed in what: the entries of a batch as uploads, the newest of each, and a name for each student."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.grading.intake.members import Member
from labkit.grading.intake.people import Person
from labkit.grading.texts import clean

# As Canvas names what it packs. The second number is the upload's, and differs between the files of one submission; a
# text typed into Canvas, or a link, has none.
CANVAS = re.compile(
    r"(?P<student>[^_]+)_(?P<late>LATE_)?(?P<user>\d{1,20})_(?:(?P<upload>\d{1,20})_(?P<file>.+)|(?:text|link)\.html)",
    re.ASCII | re.DOTALL,
)
AGAIN = re.compile(r"(?P<stem>.+)-(?P<count>\d{1,4})(?P<ending>\.[^.]*)?", re.ASCII | re.DOTALL)
LONGEST = 39  # of a name without its user id, so that 60 characters hold both
HASHED = re.compile(r"-x[0-9a-f]{15}$")
Key = tuple[str, ...]


@dataclass(frozen=True)
class Upload:
    """One entry of a batch: a zip, a notebook or a folder, with what is listed in it.

    submitted, group, people: see `HandedIn`.
    """

    entry: str
    student: str
    user: str  # the platform's id; "" where it is not told
    late: bool
    number: int  # Canvas' number of the upload: greater is newer
    file: str  # the name under which the student sent it
    members: tuple[Member, ...]
    again: int = 0  # Canvas' "-N" behind the name of a file that was handed in again
    submitted: str = ""
    group: str = ""
    people: tuple[Person, ...] = ()

    @property
    def age(self) -> tuple[int, int, str]:
        """What sorts uploads from the oldest to the newest."""
        return self.number, self.again, self.entry

    @property
    def may_hold_notebooks(self) -> bool:
        """Whether it looks like something that a student handed in: a folder, a zip, a notebook, or Canvas' file."""
        folder = any(member.is_folder or len(member.parts) > 1 for member in self.members)
        return bool(folder or self.user or self.entry.casefold().endswith((".zip", ".ipynb")))


def uploads_of(members: Iterable[Member]) -> list[Upload]:
    """Return what a batch lists as one upload an entry of its top level, or of the one folder around Canvas' files."""
    members = list(members)
    inner_members = [replace(member, parts=member.parts[1:]) for member in members if len(member.parts) > 1]
    one_folder = len({member.parts[0] for member in members}) == 1
    if one_folder and any(CANVAS.fullmatch(member.parts[0]) for member in inner_members):
        members = inner_members
    entries: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        entries[member.parts[0]].append(member)
    return [_upload(entry, inside) for entry, inside in entries.items()]


def by_student(uploads: Iterable[Upload]) -> dict[Key, list[Upload]]:
    """Return the uploads of each student, newest first, by what tells students apart.

    A file that was handed in again under its name counts once: "report-1.zip" replaces "report.zip", while a name such
    as "group-7.zip" that stands alone is no second attempt.
    """
    students: dict[Key, list[Upload]] = defaultdict(list)
    for upload in uploads:
        students[(upload.student, upload.user) if upload.user else (upload.entry,)].append(upload)
    return {key: _latest(same_student) for key, same_student in students.items()}


def names_for(students: Mapping[Key, list[Upload]]) -> dict[Key, str]:
    """Return a name for each student: unique, the same in every run, of a-z, 0-9 and -, at most 60 characters.

    Where letters would be lost, or two names be the same, a hash of the real name stands behind it.
    """
    slugs = {key: _slug(same_student[0]) for key, same_student in students.items()}
    often = Counter(slugs.values())
    return {key: slug if slug and often[slug] == 1 else _hashed(key, students[key][0]) for key, slug in slugs.items()}


def _upload(entry: str, members: list[Member]) -> Upload:
    if match := CANVAS.fullmatch(entry):
        number, file = int(match["upload"] or 0), match["file"] or entry
        return Upload(entry, match["student"], match["user"], bool(match["late"]), number, file, tuple(members))
    is_folder = members[0].is_folder or len(members[0].parts) > 1
    student = entry if is_folder or not entry.casefold().endswith((".zip", ".ipynb")) else Path(entry).stem
    return Upload(entry, student, "", False, 0, entry, tuple(members))


def _latest(uploads: list[Upload]) -> list[Upload]:
    names = {upload.file for upload in uploads}
    parts = {name: AGAIN.fullmatch(name) for name in names}
    plain = {name: match["stem"] + (match["ending"] or "") for name, match in parts.items() if match}
    often = Counter(plain.values())
    newest: dict[str, Upload] = {}
    for upload in uploads:
        first, match = plain.get(upload.file, ""), parts[upload.file]
        if match and (first in names or often[first] > 1):
            upload = replace(upload, file=first, again=int(match["count"]))
        newest[upload.file] = max(newest.get(upload.file, upload), upload, key=lambda upload: upload.age)
    return sorted(newest.values(), key=lambda upload: upload.age, reverse=True)


def _slug(upload: Upload) -> str:
    """Return a name from student and user; "" where it would not be the student's own."""
    student = upload.student.casefold()
    slug = _ascii(student)
    name = "-".join(part for part in (slug, upload.user) if part)
    unambiguous = slug == re.sub(r"[ _-]+", "-", student) and len(slug) <= LONGEST and not HASHED.search(name)
    return name if unambiguous else ""


def _hashed(key: Key, upload: Upload) -> str:
    mark = "x" + hashlib.sha256(repr(key).encode()).hexdigest()[:15]
    start = _ascii(clean(upload.student))[: LONGEST - len(mark) - 1].strip("-") or "student"
    return "-".join(part for part in (start, upload.user, mark) if part)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:1_000]).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
