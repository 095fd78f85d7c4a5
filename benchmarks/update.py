"""A corrected course brought to students in the middle of their work: labkit update against nbgitpuller's merge.

python benchmarks/update.py [--quick] [--count 50] [--no-peers]

Notebooks of the course, answered and left as students and their editors leave them, get a release in which each
exercise's text has a word more and two cells are new. Both sides get the same notebooks; nbgitpuller (extra `bench`; it
needs git) pulls them from a repository of two commits. The course's build numbers cells by their place, which makes
every id behind a new cell another one; so nbgitpuller also gets a release whose ids stay.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure import arguments, publish

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import release_makers as make

from labkit.course.updating.update import update

Document = dict[str, Any]
Bring = Callable[[Path, str, bytes], tuple[int, float]]  # a folder, a notebook's path in it, and what the student has
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


def students() -> Iterator[tuple[str, Document, bytes]]:
    """Give notebooks in the middle of the work: the name, the notebook, and its file as that editor writes it."""
    names = make.names()
    for number in range(chosen.count):
        name, state = names[number % len(names)], STATES[number % len(STATES)]
        book = state({**make.solved(name), "name": name})
        book.pop("name")
        yield name, book, make.as_file(book, lines=True, indent=make.INDENTS.get(state, 1))


def by_labkit(folder: Path, path: str, mine: bytes) -> tuple[int, float]:
    """Update a student's folder; return how many conflicts are shown in the notebook, and the seconds."""
    home = make.lay(make.release_files(old), folder)
    (home / path).write_bytes(mine)
    start = time.perf_counter()
    with contextlib.chdir(home):
        update(second)
    seconds = time.perf_counter() - start
    return sum("You changed the next cell" in text for text in sources(make.read(home / path))), seconds


def by_nbgitpuller(repository: Path) -> Bring:
    """Return what pulls the second commit of a repository into a student's folder."""
    from nbgitpuller.pull import GitPuller

    def pull(folder: Path, path: str, mine: bytes) -> tuple[int, float]:
        git(repository, "branch", "-f", "main", "first")
        list(GitPuller(repository.as_uri(), str(folder), branch="main").pull())
        (folder / path).write_bytes(mine)
        git(repository, "branch", "-f", "main", "second")
        start = time.perf_counter()
        said = "".join(GitPuller(repository.as_uri(), str(folder), branch="main").pull())
        seconds = time.perf_counter() - start
        return said.count("CONFLICT") + (folder / path).read_text(encoding="utf-8").count("<<<<<<<"), seconds

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


def measured(bring: Bring, scratch: Path) -> list[float]:
    """Return what became of all notebooks: see `columns`, and what there was of answers and corrections."""
    opens = answers = answers_lost = lines_lost = arrived = corrections = sound = conflicts = 0
    took = []
    for number, (name, mine, content) in enumerate(students()):
        folder, path = scratch / f"student-{number}", f"notebooks/{name}.ipynb"
        shown, seconds = bring(folder, path, content)
        conflicts += shown
        took.append(seconds)
        given = lines([*sources(old[name]), *sources(new[name])])
        written = [
            text for text in sources(mine) if text.replace("\r\n", "\n") in make.answers_of(make.solved(name)).values()
        ]
        wanted = [text for text in sources(new[name]) if text not in sources(old[name])]
        answers, corrections = answers + len(written), corrections + len(wanted)
        try:
            book = make.read(folder / path)
        except ValueError:
            answers_lost, lines_lost = answers_lost + len(written), lines_lost + len(lines(sources(mine)) - given)
            continue
        opens += 1
        there = sources(book)
        answers_lost += sum(text not in there for text in written)
        lines_lost += len(lines(sources(mine)) - given - lines(there))
        arrived += sum(any(lines([text]) <= lines([one]) for one in there) for text in wanted)
        sound += graded(book) == graded(new[name])
    took.sort()
    return [opens, answers, answers_lost, lines_lost, corrections, arrived, sound, conflicts, took[len(took) // 2]]


def lines(texts: list[str]) -> set[str]:
    """Return the lines that stand in some texts."""
    return {line.strip() for text in texts for line in text.splitlines()}


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
    sides: dict[str, Bring] = {"labkit update": by_labkit}
    second = make.packed(make.release_files(new, made=make.SECOND), scratch / "second.zip")
    if chosen.peers:
        sides["nbgitpuller"] = by_nbgitpuller(make_repository(scratch / "shifted", new))
        sides["nbgitpuller, ids stay"] = by_nbgitpuller(make_repository(scratch / "kept", kept))
    found = {name: measured(bring, scratch / name) for name, bring in sides.items()}
rows = []
for name, (opens, answers, answers_lost, lines_lost, corrections, arrived, sound, conflicts, seconds) in found.items():
    parts = [f"{opens:.0f} of {chosen.count}", f"{answers_lost:.0f} of {answers:.0f}", f"{lines_lost:.0f}"]
    parts += [f"{arrived:.0f} of {corrections:.0f}", f"{sound:.0f} of {chosen.count}", f"{conflicts:.0f}"]
    rows.append([name, *parts, f"{1000 * seconds:.0f} ms"])
columns = [
    "side", "notebooks that open", "answers lost", "lines lost", "corrections that arrived", "checks and marks right",
    "conflicts shown", "time per student",
]  # fmt: skip
publish(
    "update", f"A corrected course in {chosen.count} notebooks that students work on", columns, rows, {"found": found}
)
