"""What the groups of a graded folder wrote: answers in code and prose, and what their runs left behind.

Students wrote the files, and code of theirs printed into them, so each is read as plain data, within limits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.course.review import DISCUSSION
from labkit.course.updating.known_cells import ANSWER, INJECTED
from labkit.grading.intake.people import HandedIn
from labkit.grading.intake.reading.identity import HandedOut
from labkit.grading.intake.reading.reader import as_dict, executed_document
from labkit.grading.intake.reading.run_marks import RunMarks, read_runs
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.records.batch_file import read_batch
from labkit.grading.records.store import AttemptStore, stored_name
from labkit.grading.recount import DATABASE
from labkit.grading.texts import joined

QUESTIONS, REPORT = "questions", "report"
NAMELESS = "noname"  # as intake calls whom no name is known of
LARGEST_REPORT = 1_000_000  # bytes
ALLOWANCE = 500_000  # characters of all answers of a submission; the course's own have 40,000


@dataclass(frozen=True)
class Group:
    """What one group handed in; where several of its members did, all of it together.

    names: of its submissions. last: whether it is of last year. people: what each is known by.
    code: by exercise ("5.2"). prose: by notebook, and "report". books: by notebook, a hash of all its cells; only of
    those with an answer. mistakes: what the judge said, by exercise that failed. runs: by notebook.
    """

    names: tuple[str, ...]
    shown: str
    last: bool = False
    people: frozenset[tuple[str, str]] = frozenset()
    code: dict[str, str] = field(default_factory=dict)
    prose: dict[str, str] = field(default_factory=dict)
    books: dict[str, frozenset[str]] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    runs: dict[str, RunMarks] = field(default_factory=dict)

    def same_people(self, other: Group) -> bool:
        """Whether somebody belongs to both."""
        return not self.people.isdisjoint(other.people)


def read_folder(folder: Path, given: HandedOut, last: bool, tell: Callable[[str], None]) -> list[Group]:
    """Return the groups of a folder that `labkit grade` wrote; LabkitError where it did not.

    given: what was handed out in each notebook. tell: gets a sentence for what is not there to be compared.
    """
    batch = read_batch(folder)
    try:
        runs = read_runs(folder)
    except LabkitError as error:
        tell(f"- Runs are not compared: {error}")
        runs = {}
    mistakes: dict[str, dict[str, str]] = defaultdict(dict)
    with AttemptStore(folder / DATABASE, write=False) as store:
        for attempt in store.attempts():
            said = {name: str(one["message"]) for name, one in attempt.verdicts.items() if one["status"] == "failed"}
            mistakes[attempt.submission] |= said
    together: dict[tuple[str, str], list[HandedIn]] = defaultdict(list)
    for one in batch.submissions:
        together[("group", joined(one.group)) if joined(one.group) else ("", one.name)].append(one)
    groups = []
    for members in together.values():
        own = [_read(folder, one, given, mistakes, runs) for one in members]
        groups.append(own[0] if len(own) == 1 else _merged(own, members[0].group))
        if len(own) > 1:
            tell(f"- Counted as one group, {members[0].group}: {', '.join(one.name for one in members)}.")
    return [replace(group, last=last) for group in groups]


def _read(
    folder: Path,
    one: HandedIn,
    given: HandedOut,
    mistakes: Mapping[str, dict[str, str]],
    runs: Mapping[str, dict[str, RunMarks]],
) -> Group:
    code: dict[str, str] = {}
    prose: dict[str, str] = {}
    books: dict[str, frozenset[str]] = {}
    left = ALLOWANCE
    for stem, handed_out in given.items():
        cells = list(_cells(folder / "notebooks" / stored_name(one.name) / f"{stem}.ipynb"))
        answers = {name: source for name, _, source in cells if name in handed_out and _is_answer(name)}
        answered = {name: text for name, text in answers.items() if text.split() != handed_out[name].split()}
        for name, text in answered.items():
            kept = text[:left]
            left -= len(kept)
            if name == QUESTIONS:
                prose[stem] = kept
            else:
                code[name.removeprefix(ANSWER).replace("-", ".")] = kept
        if answered:
            books[stem] = frozenset([sha256(json.dumps(cells).encode()).hexdigest()])
    if discussions := _discussions(folder / FOLDER / stored_name(one.name) / SOURCE):
        prose[REPORT] = discussions
    people = frozenset(
        key for person in one.people for key in _keys(person.id, person.login, person.email, person.name)
    )
    own = people or frozenset(_keys(one.user, "", "", one.student))
    shown = f"{one.student} ({one.name})"
    return Group((one.name,), shown, False, own, code, prose, books, mistakes.get(one.name, {}), runs.get(one.name, {}))


def _is_answer(grade_id: str) -> bool:
    return grade_id.startswith(ANSWER) or grade_id == QUESTIONS


def _keys(*texts: str) -> Iterator[tuple[str, str]]:
    """Yield what a person is known by: id, login and address, and the name where there is nothing else."""
    known = [(kind, text.casefold()) for kind, text in zip(("id", "login", "email"), texts, strict=False) if text]
    name = joined(texts[-1])
    yield from known or ([("name", name)] if name not in ("", NAMELESS) else ())


def _cells(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield grade_id, kind and source of the cells of an executed notebook; nothing where it cannot be read."""
    for cell in executed_document(path).get("cells", []):
        metadata, source = as_dict(cell.get("metadata")), cell.get("source")
        if INJECTED in (tags if isinstance(tags := metadata.get("tags"), list) else ()):
            continue  # the batch's settings, no cell of the student's
        lines = source if isinstance(source, list) else [source]
        text = "".join(line for line in lines if isinstance(line, str))
        yield str(as_dict(metadata.get("nbgrader")).get("grade_id", "")), str(cell.get("cell_type")), text


def _discussions(path: Path) -> str:
    """Return what a report's source discusses; "" where there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_REPORT).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n\n".join(DISCUSSION.findall(text.replace("\r\n", "\n")))[:ALLOWANCE]


def _merged(groups: list[Group], name: str) -> Group:
    """Return several submissions of one group as one; what says the same stands there once."""

    def texts(kind: str) -> dict[str, str]:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for group in groups:
            for key, text in getattr(group, kind).items():
                found[key][text] = None
        return {key: "\n".join(all_) for key, all_ in found.items()}

    books: dict[str, frozenset[str]] = {}
    runs: dict[str, RunMarks] = {}
    for group in groups:
        books |= {stem: books.get(stem, frozenset()) | hashes for stem, hashes in group.books.items()}
        for stem, one in group.runs.items():
            had = runs.get(stem, RunMarks())
            runs[stem] = RunMarks(had.timings + one.timings, had.figures + one.figures)
    names = tuple(name for group in groups for name in group.names)
    people = frozenset().union(*(group.people for group in groups))
    shown = f"{name} ({', '.join(names)})"
    return Group(names, shown, False, people, texts("code"), texts("prose"), books, texts("mistakes"), runs)
