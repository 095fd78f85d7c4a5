"""Which platform packed a batch, where in it the submissions lie, and one line that says so."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.grading.intake.opening.members import MOST, Member
from labkit.grading.intake.opening.zips import members_of_zip_content
from labkit.grading.intake.platforms import from_folders, stray
from labkit.grading.intake.platforms.from_blackboard import BLACKBOARD
from labkit.grading.intake.platforms.from_brightspace import BRIGHTSPACE
from labkit.grading.intake.platforms.from_canvas import CANVAS
from labkit.grading.intake.platforms.from_gradescope import GRADESCOPE
from labkit.grading.intake.platforms.from_moodle import MOODLE
from labkit.grading.intake.platforms.platform import Entries, Platform, Reading, is_folder
from labkit.grading.intake.uploads import Upload, by_student
from labkit.grading.texts import MB, Refused, clean, some_of

PLATFORMS = (GRADESCOPE, MOODLE, BLACKBOARD, BRIGHTSPACE, CANVAS)  # where two fit as often, the stricter form first
DEEPEST = 4  # folders around the submissions
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
COURSE = ("notebooks", "out")  # folders of a course, beside one another, which are no two students
COPY = re.compile(r"(?:^|[ ._-])[ ._-]*(?:\(\d+\)|\d|copy\b|kopi[ae]?\b|old|backup|bak|v\d)[ ._()\d-]*$")  # of a folder
DOWNLOAD = re.compile(r"(?:.*[ _-])?(?:submissions|export|download)[ _-]?(?:\(\d+\))?\.zip", re.IGNORECASE | re.DOTALL)
LARGEST = 500 * MB  # of such a download
NUMBER = re.compile(r"0*(\d{1,4})(?!\d)", re.ASCII)
SHOWN = 5
Strays = dict[str, list[str]]  # what it is -> the names, as they may be shown


@dataclass(frozen=True)
class Found:
    """The uploads of a batch; platform: as in batch.json; told: what the TA is told of the whole batch, a line each."""

    platform: str
    uploads: list[Upload]
    told: tuple[str, ...]


def recognise(members: Iterable[Member], known: Collection[str] = (), source: Path | None = None) -> Found:
    """Return what a batch lists as uploads.

    known: ids or logins of the course, which decide where a name can be read in several ways.
    source: the batch where it is a folder on disk, in which git clones can be told.
    """
    entries, path, strays = _where(_entries(members))
    around = source.joinpath(*path) if source else None
    told = [f"The submissions lie in the folder {clean('/'.join(path), 80)}."] if path else []
    sections = _sections(entries)
    found = _read({name: listed for name, listed in entries.items() if name not in sections}, known, around)
    uploads, lines, platforms = [*found.uploads], [*found.told] if found.uploads else [], {found.platform}
    for section, listed in sections.items():
        inner, path, left = _where(listed)
        inside = _read(inner, known, around.joinpath(section, *path) if around else None)
        lines += [f"{clean(section, 80)} holds many submissions. {line}" for line in inside.told]
        platforms = {inside.platform, *(platforms if found.uploads else ())}
        uploads += [_within("/".join((section, *path)), upload) for upload in inside.uploads]
        for what, others in left.items():
            strays[what] += others
    platform_name = platforms.pop() if len(platforms) == 1 else "folders"
    return Found(platform_name, uploads, (*lines, *told, *stray.told(strays)))


def _where(entries: Entries) -> tuple[Entries, tuple[str, ...], Strays]:
    """Return the entries of the folder in which the submissions lie, the path to it, and what was left out there.

    That is a folder deeper where one stands alone, and what is in it looks like many students.
    """
    strays: Strays = defaultdict(list)
    entries = _without_strays(entries, _platform(entries), strays)
    here, path = entries, tuple[str, ...]()
    deeper: Strays = defaultdict(list, {what: list(names) for what, names in strays.items()})
    while len(here) == 1 and len(path) < DEEPEST and not _platform(here):
        ((name, listed),) = here.items()
        if not is_folder(listed):
            break
        inner = _entries(_inner(listed))
        here, path = _without_strays(inner, _platform(inner), deeper), (*path, name)
        if _platform(here, most=True) or _folders_alike(here) > 1 or _zips(here) > 1:
            return here, path, deeper
    return entries, (), strays


def looks_like_many(members: Sequence[Member]) -> bool:
    """Whether a folder's members, itself among them, are those of many students rather than of one."""
    return _is_class(_where(_entries(_inner(members)))[0], 3)


def _sections(entries: Entries) -> dict[str, Entries]:
    """Return the folders that are no student's but hold a class each, with their entries.

    One of several is taken for a class where three folders in it hold the same notebook; where all are alike, two do.
    """
    platform = _platform(entries)
    inside: dict[str, Entries] = {
        name: _entries(_inner(listed))
        for name, listed in entries.items()
        if is_folder(listed) and not (platform and platform.fits(name))
    }
    if len(entries) == len(inside) > 1 and all(_is_class(_where(inner)[0], 2, alike=True) for inner in inside.values()):
        return inside
    return {name: inner for name, inner in inside.items() if _is_class(_where(inner)[0], 3)}


def _within(section: str, upload: Upload) -> Upload:
    """Return an upload of a section, which is never mixed up with another section's."""
    return replace(upload, entry=f"{section}/{upload.entry}", key=(section, *upload.own))


def _read(entries: Entries, known: Collection[str], around: Path | None) -> Found:
    """Return the entries of one folder as uploads."""

    def is_clone(name: str) -> bool:
        return bool(around and (around / name / ".git").exists())

    platform = _platform(entries)
    reading = platform.read(entries, known) if platform else Reading([])
    taken = {upload.entry for upload in reading.uploads}
    own = platform.own if platform else ()
    rest = {name: listed for name, listed in entries.items() if name not in taken and name.casefold() not in own}
    uploads = reading.uploads + from_folders.read(rest, known, is_clone)
    told = []
    if platform:
        read = list(by_student(reading.uploads).values())
        late = sum(newest.late for newest, *_ in read)
        kind = f", {reading.kind}" if reading.kind else ""
        lateness = f", {late:,} late" if platform.tells_late else "; it does not tell who was late"
        told.append(f"{platform.title}{kind}: {_counted(len(read), platform.many)}{lateness}.")
        told += reading.told
        if rest:
            names = some_of([clean(name, 60) for name in rest], SHOWN)
            told.append(f"Not named as {platform.title} does, and each taken as a submission: {names}.")
    else:
        told.append(f"Folders and files: {_counted(len(rest), 'submissions')}.")
    if many := [
        name for name, listed in rest.items() if is_folder(listed) and _folders_alike(_entries(_inner(listed))) > 1
    ]:
        names = ", ".join(clean(name, 60) for name in many[:SHOWN])
        told.append(f"Each taken as one submission, though it holds a notebook in several folders: {names}.")
    usual = platform and len(taken) >= len(rest)
    name = f"{platform.name}{f', {reading.kind}' if reading.kind else ''}" if platform and usual else "folders"
    return Found(name, uploads, tuple(told))


def _platform(entries: Entries, most: bool = False) -> Platform | None:
    """Return whose form most entries have; None where none has any; most: and where it is not the most of all."""
    fitting = {platform: sum(map(platform.fits, entries)) for platform in PLATFORMS}
    best = max(PLATFORMS, key=lambda platform: fitting[platform])
    others = sum(
        not best.fits(name) and name.casefold() not in best.own and not stray.why_stray(name, listed)
        for name, listed in entries.items()
    )
    return best if fitting[best] and (not most or fitting[best] >= others) else None


def _without_strays(entries: Entries, platform: Platform | None, strays: Strays) -> Entries:
    """Return the entries that somebody handed in, or that the platform wrote; note the others."""
    kept = {}
    for name, listed in entries.items():
        theirs = platform and (platform.fits(name) or name.casefold() in platform.own)
        if not theirs and (what := stray.why_stray(name, listed) or _why_download(name, listed)):
            strays[what].append(clean(name, 60))
        else:
            kept[name] = listed
    return kept


def _why_download(name: str, listed: Sequence[Member]) -> str:
    """Return what a zip is that lies among submissions, but is a platform's download itself; "" for all others."""
    if is_folder(listed) or not DOWNLOAD.fullmatch(name) or listed[0].fault:
        return ""
    try:
        entries = _where(_entries(members_of_zip_content(listed[0].read(LARGEST), MOST)))[0]
    except Refused:
        return ""
    return "downloads of many submissions, to be graded by themselves" if _is_class(entries, 3) else ""


def _is_class(entries: Entries, least: int, alike: bool = False) -> bool:
    """Whether one of several folders holds a class of at least so many, in a platform's form or in folders.

    alike: all folders beside it hold several archives, too, which one student may have sent for once.
    """
    platform = _platform(entries, most=True)
    if platform and len(by_student(platform.read(entries, ()).uploads)) >= least:
        return True
    return _folders_alike(entries) >= least or (alike and _zips(entries) > least)


def _folders_alike(entries: Entries) -> int:
    """Return how many folders beside one another hold the same notebook, or an archive each.

    A student's own folder holds each notebook once, or a copy of it deeper, in a copy of its folder, or in the folders
    of a course.
    """
    folders = {name.casefold(): listed for name, listed in entries.items() if is_folder(listed)}
    held: Counter[str] = Counter()
    for name, listed in folders.items():
        copied = COPY.search(name)
        if name not in COURSE and not (copied and (not copied.start() or name[: copied.start()] in folders)):
            held.update({_what(member.parts[-1].casefold()) for member in listed if not member.is_folder} - {""})
    return max(held.values(), default=0)


def _zips(entries: Entries) -> int:
    """Return how many archives lie beside one another."""
    return sum(name.casefold().endswith(ARCHIVES) and not is_folder(listed) for name, listed in entries.items())


def _what(file: str) -> str:
    """Return what two students' folders both hold: the number or name of a notebook, or an archive; "" for the rest."""
    if file.endswith(ARCHIVES):
        return "archive"
    if not file.endswith(".ipynb"):
        return ""
    number = NUMBER.match(file)
    return number[1] if number else file


def _entries(members: Iterable[Member]) -> Entries:
    entries = defaultdict[str, list[Member]](list)
    for member in members:
        entries[member.parts[0]].append(member)
    return dict(entries)


def _inner(members: Sequence[Member]) -> list[Member]:
    return [replace(member, parts=member.parts[1:]) for member in members if len(member.parts) > 1]


def _counted(number: int, many: str) -> str:
    one = "person" if many == "people" else many.removesuffix("s")
    return f"{number:,} {one if number == 1 else many}"
