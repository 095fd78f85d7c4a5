"""`labkit update` and `labkit repair`: all is worked out in memory, old files are kept, then files change one by one.

An update that is interrupted leaves each file either old or new, and the same command goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import ensure_writable, expanded, write_atomically
from labkit.course.notebooks import left_out, select
from labkit.course.updating.rebuilding import rebuild
from labkit.course.updating.release_files import (
    COURSE,
    OLD_FILES,
    RELEASED,
    Release,
    as_text,
    digest,
    open_release,
    read_record,
)  # fmt: skip
from labkit.course.updating.stored_cells import Book, read_book, to_bytes

UNTOLD = "Ids and marks of cells are as the course has them again."
RELOAD = "Notebooks that are open: close them without saving, and open them again."


@dataclass
class Plan:
    """What is written into the student's folder, by path from there, and what is said of it."""

    writes: dict[str, bytes] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def update(archive: Path) -> list[str]:
    """Bring a newer release, a zip or a folder, into the student's folder; return lines to print.

    LabkitError, and nothing is written, for what is no release or an older one, and for a notebook that cannot be read.
    """
    home = _students_folder()
    path = expanded(archive)
    release = open_release(path)
    theirs, reason = _own_release(home)
    if theirs and release.made < theirs.made:
        raise UsageError(f"{path} is the release of {release.made}, and yours is newer, of {theirs.made}: keep yours.")
    plan = Plan()
    old, new = theirs.notebooks() if theirs else {}, release.notebooks()
    for name, book in new.items():
        _plan_notebook(plan, home, name, old.get(name), book, release)
    _plan_files(plan, home, theirs, release)
    install = _plan_wheel(plan, home, theirs, release)
    if plan.writes or not theirs or theirs.record != release.record:
        plan.writes[RELEASED] = release.record  # last: until it is there, the update is not done
    if not plan.writes or (plan.writes.keys() == {RELEASED} and not _differs(home, RELEASED, release.record)):
        return [f"Nothing to do: your folder has all of the release of {release.made}."]
    head = [f"Updated to the release of {release.made}."]
    head += [] if theirs else [f"{reason} What in your notebooks differs from the course's is kept beside it."]
    return [*head, *_carried_out(plan, home, "update"), *_others(home, new), *install]


def repair(names: Sequence[str]) -> list[str]:
    """Repair notebooks ("05", "05_mlp1_sweep"; none: all) by the release that the student has; return lines to print.

    Other files are left alone. LabkitError, and nothing is written, where there is no release to go by.
    """
    home = _students_folder()
    theirs, reason = _own_release(home)
    if theirs is None:
        raise UsageError(f"{reason} Take the newest {COURSE}.zip, and type `labkit update {COURSE}.zip`.")
    books = theirs.notebooks()
    chosen = select(names, [home / "notebooks" / name for name in books])
    plan = Plan()
    for path in chosen:
        _plan_notebook(plan, home, path.name, books[path.name], books[path.name], theirs)
    if not plan.writes:
        return ["Nothing to repair."]
    return ["Repaired.", *_carried_out(plan, home, "repair"), *_others(home, books)]


def _students_folder() -> Path:
    """Return the folder of the student's copy, of which this is it or its notebooks; UsageError elsewhere."""
    here = Path.cwd()
    home = here.parent if here.name == "notebooks" and not (here / "notebooks").is_dir() else here
    if not (home / "notebooks").is_dir():
        raise UsageError("No folder 'notebooks' here: run the command in your folder of the course.")
    if (home / "notebooks" / "source").is_dir():
        raise UsageError(f"{home} is the course itself, not a student's copy: here a release is made, not brought in.")
    return home


def _own_release(home: Path) -> tuple[Release | None, str]:
    """Return the release that the student has, or None and why it is not known."""
    path = home / RELEASED
    try:
        return read_record(path.read_bytes(), str(path)), ""
    except FileNotFoundError:
        return None, f"This folder holds no {RELEASED}, which tells what was handed out to you."
    except (OSError, LabkitError):
        return None, f"{RELEASED} in this folder, which tells what was handed out to you, cannot be read."


def _plan_notebook(plan: Plan, home: Path, name: str, old: Book | None, new: Book, release: Release) -> None:
    """Plan what becomes of one notebook."""
    path = home / "notebooks" / name
    where = f"notebooks/{name}"
    try:
        mine = read_book(path.read_bytes(), where)
    except FileNotFoundError:
        plan.writes[where] = release.files[where]
        plan.lines.append(f"{where}: was not there, and is now.")
        return
    except OSError as error:
        raise LabkitError(f"{where} cannot be read ({error.strerror or error}): close what has it open.") from error
    nodes, metadata, sentences = rebuild(mine, old, new, release.made)
    if nodes == [{**cell.node, "id": cell.id} for cell in mine.cells] and metadata == mine.metadata:
        return
    plan.writes[where] = to_bytes(nodes, metadata, where)
    plan.lines += [f"{where}:", *(f"  - {sentence}" for sentence in sentences or [UNTOLD])]


def _plan_files(plan: Plan, home: Path, theirs: Release | None, release: Release) -> None:
    """Plan what becomes of the other files: renewed, but laid beside where the student changed one."""
    for name, content in release.files.items():
        if name.endswith(".ipynb") or not _differs(home, name, content):
            continue
        old = theirs.files.get(name) if theirs else None
        if not (home / name).exists() or (old is not None and not _differs(home, name, old)):
            plan.writes[name] = content
            plan.lines.append(f"{name}: renewed.")
        elif old != content and _differs(home, f"{name}.new", content):
            plan.writes[f"{name}.new"] = content
            plan.lines.append(f"{name}: yours is not as it was handed out, and stays. The course's is {name}.new.")


def _plan_wheel(plan: Plan, home: Path, theirs: Release | None, release: Release) -> list[str]:
    """Plan the wheel, and return the line that says how to install it, where it is another one than before."""
    name = release.wheel_name
    if not name or not release.wheel or (theirs and theirs.digests.get(name) == release.digests[name]):
        return []
    if not (home / name).is_file() or digest((home / name).read_bytes()) != release.digests[name]:
        plan.writes[name] = release.wheel
    elif theirs is None:
        return []  # the one that the student has installed
    command = f"python -m pip install --force-reinstall --no-deps ./{name}"
    return [f"labkit itself has changed, too. Install it with `{command}`."]


def _differs(home: Path, name: str, content: bytes) -> bool:
    """Whether a file is not there, or holds something else."""
    try:
        return as_text((home / name).read_bytes()) != as_text(content)
    except OSError:
        return True


def _carried_out(plan: Plan, home: Path, command: str) -> list[str]:
    """Keep the files that are replaced in a folder of their own, write the new ones, and return the lines."""
    ensure_writable(home)
    replaced = [name for name in plan.writes if (home / name).is_file()]
    kept = _unused(home / OLD_FILES.format(command=command, now=datetime.now()))
    for name in replaced:
        write_atomically(kept / name, (home / name).read_bytes())
    for name, content in plan.writes.items():
        write_atomically(home / name, content)
    lines = [*plan.lines]
    if replaced:
        lines.append(f"Your old files are in {kept.name}.")
    if any(name.endswith(".ipynb") for name in plan.writes):
        lines.append(RELOAD)
    return lines


def _unused(folder: Path) -> Path:
    """Return a folder that is not there yet, with a number where the name is taken."""
    others = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([folder], others) if not one.exists())


def _others(home: Path, books: Mapping[str, Book]) -> list[str]:
    """Return the line that names notebooks which are not the course's."""
    others = left_out(home / "notebooks", [home / "notebooks" / name for name in books])
    return [others] if others else []
