"""Canvas: one file an entry, as "doejane_LATE_12345_98765_lab.zip"; the number before the file's name is the upload's.

Canvas keeps "_" in the names of people and groups, and files hold "_" and numbers, too: where more than one reading
fits, known ids decide, else the form that the batch's other entries have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from labkit.grading.intake.platforms.platform import Entries, Platform, Reading, is_folder
from labkit.grading.intake.uploads import Upload, without_count
from labkit.grading.texts import clean

LONGEST = 1_000  # characters of an entry's name
ID = re.compile(r"[1-9]\d{0,19}", re.ASCII)
ENTRY = re.compile(r"(?P<user>[1-9]\d{0,19})_(?:text|link)\.html", re.ASCII)  # typed into Canvas, or a link
ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<user>[0-9A-Za-z]{5})_(?:(?P<upload>\d{1,20})_(?P<file>.+)|(?:text|link)\.html)",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True)
class Named:
    """One reading of an entry's name; upload: "" for a text or a link."""

    student: str
    late: bool
    user: str
    upload: str
    file: str

    @property
    def form(self) -> tuple[int, int]:
        """The lengths of its numbers, which differ little within a batch."""
        return len(self.user), len(self.upload)


def fits(name: str) -> bool:
    """Whether a name can be read as Canvas writes it."""
    return bool(len(name) <= LONGEST and (ANONYMOUS.fullmatch(name) or readings(name)))


def readings(name: str) -> list[Named]:
    """Return all ways to read a name, by the place of the user's id from the left."""
    if len(name) > LONGEST:
        return []
    parts, found = name.split("_"), []
    for place in range(1, len(parts) - 1):
        if not ID.fullmatch(parts[place]):
            continue
        late = place > 1 and parts[place - 1] == "LATE"
        student = "_".join(parts[: place - late])
        rest = parts[place + 1 :]
        if ENTRY.fullmatch("_".join(parts[place:])):
            found.append(Named(student, late, parts[place], "", name))
        elif ID.fullmatch(rest[0]) and "_".join(rest[1:]):
            found.append(Named(student, late, parts[place], rest[0], "_".join(rest[1:])))
    found = [reading for reading in found if reading.student]
    # Canvas takes the "_" off a number within a name, so that none is left there.
    return [reading for reading in found if not re.search(r"_\d+_", reading.student, re.ASCII)] or found


def read(entries: Entries, known: Collection[str] = ()) -> Reading:
    """Return the uploads of all entries that fit; an id that cannot be settled stays open, and is told."""
    anonymous = [name for name in entries if ANONYMOUS.fullmatch(name)]
    named = {name: found for name in entries if (found := readings(name))}
    if anonymous and len(anonymous) >= len(named):
        others = {name: found for name, found in named.items() if name not in anonymous}
        uploads = [_anonymous(name, entries) for name in anonymous]
        return Reading(uploads + _apart(entries, _named(entries, others, known)), "anonymous")
    uploads = _named(entries, named, known)
    uploads += [_anonymous(name, entries) for name in anonymous if name not in named]
    opened = [upload.entry for upload in uploads if upload.problems]
    told: tuple[str, ...] = ()
    if opened:
        told = (
            f"{len(opened)} names can be read in several ways, as {clean(opened[0], 80)}: name the gradebook exported "
            "from Canvas (--canvas export.csv), whose ids decide.",
        )
    return Reading(_apart(entries, uploads), told=told)


def _anonymous(name: str, entries: Entries) -> Upload:
    match = ANONYMOUS.fullmatch(name)
    assert match
    number, file = int(match["upload"] or 0), match["file"] or name
    student = f"anon_{match['user']}"
    return Upload(name, student, match["user"], bool(match["late"]), number, file, tuple(entries[name]))


def _named(entries: Entries, named: dict[str, list[Named]], known: Collection[str]) -> list[Upload]:
    known = frozenset(known)
    settled = {name: _known(found, known) for name, found in named.items()}
    settled = _once(settled)
    usual = Counter(found[0].form for found in settled.values() if len(found) == 1 and found[0].upload)
    if not usual:
        usual = Counter(form for found in settled.values() for form in {reading.form for reading in found})
    uploads = []
    for name, found in settled.items():
        best = _usual(found, usual)
        if len(best) == 1:
            (one,) = best
            uploads.append(
                Upload(name, one.student, one.user, one.late, int(one.upload or 0), one.file, tuple(entries[name]))
            )
            continue
        ids = " or ".join(reading.user for reading in best)
        problem = f"{clean(name, 80)} can be read in several ways: the user id is {ids}, and was left open."
        last = best[-1]
        # Kept apart from everybody else's but for files of the same name before the numbers in question.
        key = (last.student, ids) if all(reading.upload for reading in best) else (name,)
        late = all(reading.late for reading in best)
        uploads.append(
            Upload(
                name,
                last.student,
                "",
                late,
                0,
                last.file,
                tuple(entries[name]),
                key=("open", *key),
                problems=(problem,),
            )
        )
    return uploads


def _known(found: list[Named], known: Collection[str]) -> list[Named]:
    return [reading for reading in found if reading.user in known] or found


def _once(named: dict[str, list[Named]]) -> dict[str, list[Named]]:
    """Drop readings in which two files of one person share the number of an upload, where others remain."""
    often = Counter(
        (reading.student, reading.user, reading.upload, _plain(reading.file))
        for found in named.values()
        for reading in found
    )
    files = Counter((student, user, upload) for student, user, upload, _ in often if upload)
    return {
        name: [one for one in found if files[one.student, one.user, one.upload] <= 1] or found
        for name, found in named.items()
    }


def _usual(found: Sequence[Named], usual: Counter[tuple[int, int]]) -> list[Named]:
    """Return the readings whose numbers are as long as most; a text's has no upload, and is told by the user's id."""

    def often(reading: Named) -> int:
        if reading.upload:
            return usual[reading.form]
        return max((times for (user, _), times in usual.items() if user == reading.form[0]), default=0)

    if len(found) == 1:
        return list(found)
    uploads = Counter[int]()
    for (_, length), times in usual.items():
        uploads[length] += times
    most = max(map(often, found))
    if not most:  # ids of users are of several lengths; those of uploads, of one night, hardly
        return [one for one in found if uploads[len(one.upload)] == max(uploads[len(one.upload)] for one in found)]
    return [reading for reading in found if often(reading) == most]


def _apart(entries: Entries, uploads: list[Upload]) -> list[Upload]:
    """Return the uploads with those as people of their own that cannot be Canvas', whatever their names look like.

    Canvas packs files only, and gives each a number of its own: folders of one name and id are a TA's, as are several
    files under one number.
    """
    folders = Counter((one.student, one.user) for one in uploads if is_folder(entries[one.entry]))
    files = {(one.student, one.user, one.number, _plain(one.file)) for one in uploads if one.number}
    numbers = Counter(file[:3] for file in files)
    return [
        Upload(one.entry, one.entry.removesuffix(".zip"), "", one.late, 0, one.entry, one.members)
        if (one.user and (is_folder(entries[one.entry]) and folders[one.student, one.user] > 1))
        or numbers[one.student, one.user, one.number] > 1
        else one
        for one in uploads
    ]


def _plain(file: str) -> str:
    """Return a file's name without any "-N" that Canvas, or its sender, put behind it."""
    while (plain := without_count(file)) != file:
        file = plain
    return file


CANVAS = Platform("canvas", "Canvas", "students", fits, read, tells_late=True)
