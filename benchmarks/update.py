"""A corrected course brought to students in the middle of their work: labkit update against nbgitpuller's merge.

python benchmarks/update.py [--quick] [--count 50] [--no-peers]

Notebooks of the course, answered and left as students and their editors leave them, get a release in which each
exercise's text has a word more and two cells are new. Both sides get the same notebooks; nbgitpuller (extra `bench`; it
needs git) pulls them from a repository of two commits. The course's build numbers cells by their place, which makes
every id behind a new cell another one; so nbgitpuller also gets a release whose ids stay.
"""

from __future__ import annotations

import contextlib
import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import arguments, publish

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import release_makers as make

from labkit.course.updating.update import update

Document = dict[str, Any]
OWN = "print('a cell of my own')"
chosen = arguments(__doc__.splitlines()[0], {"count": 12}, count=50, peers=True)


def half_way(book: Document) -> Document:
    """Only the first two answers are written."""
    given = make.answers_of(make.handed_out(book["name"]))
    for cell in book["cells"]:
        if make.mark_of(cell) in list(given)[2:]:
            cell["source"] = given[make.mark_of(cell)]
    return make.saved_by_jupyterlab(book)


def with_own_cells(book: Document) -> Document:
    """A cell of the student's own stands before each check."""
    for index in reversed([i for i, cell in enumerate(book["cells"]) if make.mark_of(cell).startswith("check-")]):
        book["cells"].insert(index, make.code(OWN, id=f"own-{index}"))
    return make.saved_by_jupyterlab(book)


def with_a_check_deleted(book: Document) -> Document:
    """The first check is gone."""
    book["cells"].remove(next(cell for cell in book["cells"] if make.mark_of(cell).startswith("check-")))
    return make.saved_by_jupyterlab(book)


def with_a_text_deleted(book: Document) -> Document:
    """The text of the first exercise is gone."""
    del book["cells"][first_answer(book) - 1]
    return make.saved_by_jupyterlab(book)


def with_an_answer_split(book: Document) -> Document:
    """The first answer is two cells."""
    return make.saved_by_jupyterlab(make.split_in_half(book, first_answer(book)))


def with_a_text_edited(book: Document) -> Document:
    """The student wrote into the text of the first exercise."""
    book["cells"][first_answer(book) - 1]["source"] += "\n\nMy note: ask the TA."
    return make.saved_by_jupyterlab(book)


def first_answer(book: Document) -> int:
    """Return where the first answer stands."""
    return next(index for index, cell in enumerate(book["cells"]) if make.mark_of(cell).startswith("answer-"))


STATES = (
    make.saved_by_jupyterlab, half_way, make.saved_by_vscode, make.saved_by_colab, with_own_cells, make.saved_by_kaggle,
    with_a_check_deleted, make.with_windows_ends, with_an_answer_split, make.saved_by_colab_without_marks,
    with_a_text_edited, make.without_metadata, with_a_text_deleted,
)  # fmt: skip


def students() -> list[tuple[str, Document]]:
    """Return notebooks in the middle of the work, each with its name."""
    names, found = make.names(), []
    for number in range(chosen.count):
        name = names[number % len(names)]
        book = STATES[number % len(STATES)]({**make.solved(name), "name": name})
        book.pop("name")
        found.append((name, book))
    return found


def by_labkit(folder: Path, name: str, mine: Document) -> int:
    """Update a student's folder; return how many conflicts are shown in the notebook."""
    home = make.lay(make.release_files(old), folder)
    path = home / "notebooks" / f"{name}.ipynb"
    path.write_bytes(make.as_file(mine, lines=True))
    with contextlib.chdir(home):
        update(second)
    cells = make.read(path)["cells"]
    return sum("stands the course's" in cell["source"] or "stands behind it" in cell["source"] for cell in cells)


def by_nbgitpuller(repository: Path) -> Callable[[Path, str, Document], int]:
    """Return what pulls the second commit of a repository into a student's folder."""
    from nbgitpuller.pull import GitPuller

    def pull(folder: Path, name: str, mine: Document) -> int:
        git(repository, "branch", "-f", "main", "first")
        list(GitPuller(repository.as_uri(), str(folder), branch="main").pull())
        path = folder / "notebooks" / f"{name}.ipynb"
        path.write_bytes(make.as_file(mine, lines=True))
        git(repository, "branch", "-f", "main", "second")
        said = "".join(GitPuller(repository.as_uri(), str(folder), branch="main").pull())
        return said.count("CONFLICT") + path.read_text(encoding="utf-8").count("<<<<<<<")

    return pull


def make_repository(folder: Path, second: dict[str, Document]) -> Path:
    """Return a repository whose commits `first` and `second` are the two releases."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "work")
    for tag, books in (("first", old), ("second", second)):
        for name, book in books.items():
            path = folder / "notebooks" / f"{name}.ipynb"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(make.as_file(book, lines=True))
        git(folder, "add", "-A")
        git(folder, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "-m", tag)
        git(folder, "tag", tag)
    return folder


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def measured(bring: Callable[[Path, str, Document], int], scratch: Path) -> list[float]:
    """Return what becomes of all notebooks: those that open, answers and own cells lost, and so on, and the seconds."""
    opens = answers = lost = arrived = corrections = sound = conflicts = 0
    start = time.perf_counter()
    for number, (name, mine) in enumerate(students()):
        folder = scratch / f"student-{number}"
        conflicts += bring(folder, name, copy.deepcopy(mine))
        handed_out = sources(old[name])
        written = [text for text in sources(mine) if text.replace("\r\n", "\n") not in handed_out]
        wanted = [text for text in sources(new[name]) if text not in handed_out]
        answers, corrections = answers + len(written), corrections + len(wanted)
        try:
            book = make.read(folder / "notebooks" / f"{name}.ipynb")
        except ValueError:
            lost += len(written)
            continue
        opens += 1
        there = sources(book)
        lost += sum(not any(text in one for one in there) for text in written)
        arrived += sum(text in there for text in wanted)
        sound += graded(book) == graded(new[name])
    return [opens, answers, lost, corrections, arrived, sound, conflicts, time.perf_counter() - start]


def sources(book: Document) -> list[str]:
    """Return the texts of all cells."""
    return [cell["source"] for cell in book["cells"]]


def graded(book: Document) -> list[tuple[str, str]]:
    """Return the marks of a notebook in their order, each check with its text."""
    marks = ((make.mark_of(cell), cell["source"]) for cell in book["cells"])
    return [(mark, text if mark.startswith("check-") else "") for mark, text in marks if mark]


os.environ["GIT_CONFIG_GLOBAL"] = os.devnull  # nobody's own settings
old = {name: make.handed_out(name) for name in make.names()}
new = {name: make.corrected(make.handed_out(name)) for name in make.names()}
kept = {name: make.corrected(make.handed_out(name), shifted=False) for name in make.names()}
with tempfile.TemporaryDirectory() as place:
    scratch = Path(place)
    sides: dict[str, Callable[[Path, str, Document], int]] = {"labkit update": by_labkit}
    second = make.packed(make.release_files(new, made=make.SECOND), scratch / "second.zip")
    if chosen.peers:
        sides["nbgitpuller"] = by_nbgitpuller(make_repository(scratch / "shifted", new))
        sides["nbgitpuller, ids stay"] = by_nbgitpuller(make_repository(scratch / "kept", kept))
    found = {name: measured(bring, scratch / name) for name, bring in sides.items()}
rows = [
    [
        name, f"{opens:.0f} of {chosen.count}", f"{lost:.0f} of {answers:.0f}", f"{arrived:.0f} of {corrections:.0f}",
        f"{sound:.0f} of {chosen.count}", f"{conflicts:.0f}", f"{1000 * seconds / chosen.count:.0f} ms",
    ]
    for name, (opens, answers, lost, corrections, arrived, sound, conflicts, seconds) in found.items()
]  # fmt: skip
columns = [
    "side", "notebooks that open", "of what students wrote, lost", "corrections that arrived", "checks and marks right",
    "conflicts shown", "time per student",
]  # fmt: skip
publish(
    "update", f"A corrected course in {chosen.count} notebooks that students work on", columns, rows, {"found": found}
)
