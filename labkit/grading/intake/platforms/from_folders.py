"""No platform: every folder, zip or notebook is one submission, under its own name; git clones under their logins."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from labkit.grading.intake.people import Person
from labkit.grading.intake.platforms.platform import Entries, is_folder
from labkit.grading.intake.uploads import Upload, shared_start

ENDINGS = (".zip", ".ipynb")  # that are no part of a name


def read(entries: Entries, known: Collection[str], is_clone: Callable[[str], bool]) -> list[Upload]:
    """Return an upload an entry; is_clone: whether an entry is a git clone."""
    prefix = _assignment(entries, known, is_clone)
    uploads = []
    for entry, members in entries.items():
        folder = is_folder(members)
        student = entry if folder or not entry.casefold().endswith(ENDINGS) else Path(entry).stem
        people: tuple[Person, ...] = ()
        if folder and prefix and student.startswith(prefix) and (login := student.removeprefix(prefix)):
            student = login
            people = (Person(id=login, login=login),) if login in known else ()
        uploads.append(Upload(entry, student, "", False, 0, entry, tuple(members), people=people, key=(entry,)))
    return uploads


def _assignment(entries: Entries, known: Collection[str], is_clone: Callable[[str], bool]) -> str:
    """Return what the names of all clones begin with, as "lab2-"; "" where these are no clones of one assignment."""
    folders = [entry for entry, members in entries.items() if is_folder(members)]
    shared = shared_start(folders) if len(folders) > 1 else ""
    places = [place + 1 for place, char in enumerate(shared) if char == "-"]
    for place in places:
        if all(folder[place:] in known for folder in folders):
            return shared[:place]
    # Of clones as far as the last "-": a teacher's "lab-2-" is more usual than logins that all begin with "stud-".
    return shared[: places[-1]] if places and all(map(is_clone, folders)) else ""
