"""What is asked, and what a submission answers: texts, each with what tells the same answer from another one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from labkit.basics.files import write_atomically
from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.course.review import DISCUSSION, HEADING, STUBS, pairs, questions_of
from labkit.grading.intake.reading.reader import as_dict, executed_document
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.marks.rubric import REPORT, Item, read_rubric

CACHE = "answers.json"
CELL = "questions"  # the grade_id of the cell that holds the answers
LONGEST = 20_000  # characters that are kept of one answer
PLACED = re.compile(r"<<-?\s*(figure|table|number)\(\s*[\"']([\w.]+)[\"']")


@dataclass(frozen=True)
class Asked:
    """What is marked: the items by name, and of each question its text and the staff's own answer, as Markdown."""

    items: Mapping[str, Item]
    questions: Mapping[str, str]
    model_answers: Mapping[str, str]
    cells: Mapping[str, str]  # by notebook, the text of its questions as one
    of_notebook: Mapping[str, tuple[str, ...]]  # by notebook, its items


@dataclass(frozen=True)
class Discussion:
    """One discussion of a report: under which heading it stands, and what its section places before it, by kind."""

    heading: str
    text: str
    placed: Mapping[str, tuple[str, ...]]


def read_asked(folder: Path | None = None) -> Asked:
    """Return what the course whose notebooks lie in `folder` asks; UsageError for a rubric that cannot be followed."""
    folder = folder or notebooks_folder()
    cells: dict[str, str] = {}
    questions: dict[str, str] = {}
    model_answers: dict[str, str] = {}
    of_notebook: dict[str, tuple[str, ...]] = {}
    for path in course(folder):
        asked, answer = questions_of(read_notebook(path))
        exchanges = pairs(asked, answer)
        if not re.match(r"\*\*\d+\.\*\* ", exchanges[0].question if exchanges else ""):
            exchanges = []  # questions without numbers, of which nobody knows how many they are
        names = tuple(f"{path.stem[:2]}.q{place}" for place in range(1, len(exchanges) + 1))
        cells[path.stem], of_notebook[path.stem] = asked, names
        questions |= {name: pair.question for name, pair in zip(names, exchanges, strict=True)}
        model_answers |= {name: pair.answer for name, pair in zip(names, exchanges, strict=True)}
    counts = {stem: len(names) for stem, names in of_notebook.items()}
    items = read_rubric(folder, counts, {stem[:2]: stem for stem in cells})
    return Asked(items, questions, model_answers, cells, of_notebook)


class Answers:
    """What the submissions in a night's folder answer; each file is read once, and then as it was kept beside."""

    def __init__(self, out: Path, asked: Asked) -> None:
        self.out, self.asked = out, asked
        try:
            kept = json.loads((out / CACHE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            kept = {}
        self._kept: dict[str, list[Any]] = kept if isinstance(kept, dict) else {}
        self._seen: dict[str, list[Any]] = {}

    def of(self, submission: str, executed: Iterable[str], lacking: Iterable[str] = ()) -> dict[str, str | None]:
        """Return a submission's answer to each item: "" for none, None where it is not known.

        executed: the notebooks that are graded. lacking: those that were not handed in, so that nothing in them is
        answered. What others answer is not known yet, and that of a report without its source never.
        """
        answers: dict[str, str | None] = dict.fromkeys(self.asked.items)
        answers |= {name: "" for stem in lacking for name in self.asked.of_notebook.get(stem, ())}
        for stem in executed:
            names = self.asked.of_notebook.get(stem, ())
            cell = self._read(self.out / "notebooks" / submission / f"{stem}.ipynb", _answer_cell) if names else ""
            exchanges = pairs(self.asked.cells.get(stem, ""), cell)
            whole = len(exchanges) != len(names)  # answers without numbers stand together
            for place, name in enumerate(names):
                answers[name] = (exchanges[0].answer if whole else exchanges[place].answer)[:LONGEST].strip()
        source = self.out / FOLDER / submission / SOURCE
        if source.is_file():
            found = of_items(discussions(self._read(source, _text)), self.asked.items.values())
            report = [name for name, item in self.asked.items.items() if item.part == REPORT]
            answers |= {name: found[name].text if name in found else "" for name in report}
        return answers

    def keep(self) -> None:
        """Keep what was read, for the next time."""
        write_atomically(self.out / CACHE, json.dumps(self._seen, ensure_ascii=False))

    def _read(self, path: Path, parse: Callable[[Path], str]) -> str:
        """Return what `parse` makes of a file; "" for one that cannot be read."""
        name = path.relative_to(self.out).as_posix()
        try:
            state = path.stat()
            key = [state.st_size, state.st_mtime_ns]
            kept = self._kept.get(name)
            if isinstance(kept, list) and kept[:2] == key and isinstance(kept[2], str):
                self._seen[name] = kept
            else:
                self._seen[name] = [*key, parse(path)[: 50 * LONGEST]]
        except (OSError, ValueError):
            return ""
        return str(self._seen[name][2])


def answer_hash(item: str, text: str) -> str:
    """Return what is the same for the same answer to an item, whatever its case and blanks; "" for no answer."""
    plain = " ".join(text.casefold().split())
    return sha256(f"{item}\n{plain}".encode("utf-8", "replace")).hexdigest() if plain else ""


def discussions(source: str) -> list[Discussion]:
    """Return the discussions of a report's source, as they stand there; what is not written yet is empty."""
    marks = sorted(
        [*HEADING.finditer(source), *DISCUSSION.finditer(source), *PLACED.finditer(source)], key=lambda one: one.start()
    )
    found: list[Discussion] = []
    heading = ""
    placed: dict[str, list[str]] = {"figure": [], "table": [], "number": []}
    for match in marks:
        if match.re is HEADING:
            heading, placed = match[1].strip(), {kind: [] for kind in placed}
        elif match.re is PLACED:
            placed[match[1]].append(match[2])
        else:
            text = "" if STUBS[1] in match[1] else match[1].strip()[:LONGEST]
            found.append(Discussion(heading, text, {f"{kind}s": tuple(names) for kind, names in placed.items()}))
    return found


def of_items(found: list[Discussion], items: Iterable[Item]) -> dict[str, Discussion]:
    """Return the discussion of each item of the report; several under one heading are one.

    A heading is known by its words, whatever number stands before it. What stands under others goes, in its order, to
    the items that have none.
    """
    items = [item for item in items if item.part == REPORT]
    by_heading: dict[str, list[Discussion]] = {}
    for one in found:
        by_heading.setdefault(_plain(one.heading), []).append(one)
    taken = {item.name: by_heading.pop(_plain(item.heading)) for item in items if _plain(item.heading) in by_heading}
    rest = iter(by_heading.values())
    for item in items:
        if item.name not in taken and (others := next(rest, None)):
            taken[item.name] = others
    return {item.name: _joined(taken[item.name]) for item in items if item.name in taken}


def _joined(parts: list[Discussion]) -> Discussion:
    placed = {kind: tuple(name for part in parts for name in part.placed[kind]) for kind in parts[0].placed}
    return Discussion(parts[0].heading, "\n\n".join(part.text for part in parts if part.text), placed)


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"^[\d.\s]+|[{#].*$|[*_`]", "", heading).casefold().split())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _answer_cell(path: Path) -> str:
    """Return the text of the cell that holds the answers, of an executed notebook."""
    for cell in reversed(executed_document(path).get("cells", [])):
        marks = as_dict(as_dict(cell.get("metadata")).get("nbgrader"))
        if cell.get("cell_type") == "markdown" and marks.get("grade_id") == CELL:
            source = cell.get("source")
            return "".join(source) if isinstance(source, list) else str(source)
    return ""
