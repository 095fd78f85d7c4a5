"""Who handed in what: the uploads of a batch by student, the newest of each, and a name for each student."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.people import Person
from labkit.grading.texts import clean

AGAIN = re.compile(r"(?P<stem>.+)-(?P<count>\d{1,4})(?P<ending>\.[^.]*)?", re.ASCII | re.DOTALL)
LONGEST, LONGEST_USER = 39, 20  # of a name without its user id, and of the id, so that 60 characters hold both
HASHED = re.compile(r"-x[0-9a-f]{15}$")
Key = tuple[str, ...]


@dataclass(frozen=True)
class Upload:
    """One entry of a batch: a zip, a notebook or a folder, with what is listed in it.

    submitted, group, people: see `HandedIn`. The first part of its members' paths is the entry, or its last part.
    """

    entry: str
    student: str
    user: str  # the platform's id; "" where it is not told
    late: bool
    number: int  # of the upload, or its time: greater is newer
    file: str  # the name under which the student sent it
    members: tuple[Member, ...]
    again: int = 0  # Canvas' "-N" behind the name of a file that was handed in again
    submitted: str = ""
    group: str = ""
    people: tuple[Person, ...] = ()
    key: Key = ()  # what tells students apart, where it is not what `own` says of others
    problems: tuple[str, ...] = ()  # sentences for the TA

    @property
    def own(self) -> Key:
        """What its student has alone: the key, else student and user, or the entry where there is no user."""
        return self.key or ((self.student, self.user) if self.user else (self.entry,))

    @property
    def age(self) -> tuple[int, int, str]:
        """What sorts uploads from the oldest to the newest."""
        return self.number, self.again, self.entry

    @property
    def may_hold_notebooks(self) -> bool:
        """Whether it looks like something that a student handed in: a folder, a zip, a notebook, or a platform's."""
        folder = any(member.is_folder or len(member.parts) > 1 for member in self.members)
        return bool(folder or self.user or self.entry.casefold().endswith((".zip", ".ipynb")))


def by_student(uploads: Iterable[Upload]) -> dict[Key, list[Upload]]:
    """Return the uploads of each student, newest first, by what tells students apart.

    A file that was handed in again under its name counts once: "report-1.zip" replaces "report.zip", while a name such
    as "group-7.zip" that stands alone is no second attempt.
    """
    students: dict[Key, list[Upload]] = defaultdict(list)
    for upload in uploads:
        students[upload.own].append(upload)
    return {key: _latest(same_student) for key, same_student in students.items()}


def names_for(students: Mapping[Key, list[Upload]]) -> dict[Key, str]:
    """Return a name for each student: unique, the same in every run, of a-z, 0-9 and -, at most 60 characters.

    Where letters would be lost, or two names be the same, a hash of the real name stands behind it.
    """
    slugs = {key: _slug(same_student[0]) for key, same_student in students.items()}
    often = Counter(slugs.values())
    return {key: slug if slug and often[slug] == 1 else _hashed(key, students[key][0]) for key, slug in slugs.items()}


def shared_start(names: Collection[str]) -> str:
    """Return what all names begin with."""
    least, most = min(names, default=""), max(names, default="")
    return next((least[:place] for place, char in enumerate(least) if char != most[place]), least)


def without_count(file: str) -> str:
    """Return a file's name without the "-N" that Canvas puts behind the name of one that was handed in again."""
    match = AGAIN.fullmatch(file)
    return match["stem"] + (match["ending"] or "") if match else file


def _latest(uploads: list[Upload]) -> list[Upload]:
    names = {upload.file for upload in uploads}
    parts = {name: AGAIN.fullmatch(name) for name in names}
    plain = {name: without_count(name) for name, match in parts.items() if match}
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
    student, user = upload.student.casefold(), upload.user.casefold()
    slug, shown = _ascii(student), _ascii(user)
    if shown and slug.endswith(f"-{shown}"):
        slug, student = slug.removesuffix(f"-{shown}"), student[: -len(user) - 1]
    name = "-".join(part for part in (slug, shown) if part)
    unambiguous = slug == re.sub(r"[ _-]+", "-", student) and len(slug) <= LONGEST and not HASHED.search(name)
    return name if unambiguous and shown == user and len(shown) <= LONGEST_USER else ""


def _hashed(key: Key, upload: Upload) -> str:
    mark = "x" + hashlib.sha256(repr(key).encode()).hexdigest()[:15]
    start = _ascii(clean(upload.student))[: LONGEST - len(mark) - 1].strip("-") or "student"
    user = _ascii(clean(upload.user))[:LONGEST_USER].strip("-")
    return "-".join(part for part in (start, user, mark) if part)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:1_000]).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
