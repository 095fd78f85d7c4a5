"""The questions that were asked at the bench, and what was ticked: `checkoff/_drawn.json`, and lines of the marks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.grading.marks.mark_lines import APPROVED, MARK, Line, in_time
from labkit.grading.marks.standing import MarkedItem, Part

FOLDER = "checkoff"
FILE = "_drawn.json"  # no submission's name begins so
FORMAT = 1
ORAL = "oral."  # how the items of oral questions begin


@dataclass(frozen=True)
class OralQuestion:
    """One question that stands on a page: its template's name, the hash of what it asks, and its text."""

    name: str
    digest: str
    text: str


def read_drawn(folder: Path) -> dict[str, list[OralQuestion]]:
    """Return the questions that stand on the pages, by submission; none before there are pages.

    LabkitError where the file is damaged.
    """
    path = folder / FOLDER / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another version of labkit wrote it")
        return {
            str(name): [OralQuestion(*(str(one[key]) for key in ("name", "digest", "text"))) for one in questions]
            for name, questions in content["asked"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabkitError(
            f"{path} cannot be read ({error}): bring back a copy, or remove it, which draws all questions anew."
        ) from error


def write_drawn(folder: Path, asked: Mapping[str, Sequence[OralQuestion]]) -> None:
    """Keep what `read_drawn` returns; LabkitError when it cannot be written."""
    questions = {name: [asdict(one) for one in each] for name, each in asked.items()}
    content = json.dumps({"format": FORMAT, "asked": questions}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / FOLDER / FILE, content)


def oral_part(lines: Iterable[Line], questions: Sequence[OralQuestion], submission: str) -> Part:
    """Return how a submission's questions at the bench were answered, a point for each; open is what was not ticked."""
    newest = {line.item: line for line in in_time(lines) if _of_oral(line) and line.submission == submission}
    items = []
    for number, question in enumerate(questions, 1):
        line = newest.get(name := f"{ORAL}{number}")
        held = line is not None and not line.open and line.answer == question.digest
        points = line.points if line and held else None
        items.append(MarkedItem(name, points, Decimal(1), comment=question.text, answered=held))
    return Part("oral", tuple(items))


def approved(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the line that approves each submission whose report may come."""
    newest = {line.submission: line for line in in_time(lines) if line.what == APPROVED}
    return {submission: line for submission, line in newest.items() if not line.open}


def oral(lines: Iterable[Line], asked: Mapping[str, Sequence[OralQuestion]]) -> dict[str, tuple[int, int]]:
    """Return how many answers were right, and of how many questions, for each submission that was ticked.

    asked: as `read_drawn` returns it. A tick counts for the question that it was made for: where a page asks something
    else by now, its question counts as not asked.
    """
    newest = {(line.submission, line.item): line for line in in_time(lines) if _of_oral(line)}
    found: dict[str, tuple[int, int]] = {}
    for submission, questions in asked.items():
        ticked = [newest.get((submission, f"{ORAL}{number}")) for number in range(1, len(questions) + 1)]
        held = [
            line
            for line, question in zip(ticked, questions, strict=True)
            if line and not line.open and line.answer == question.digest
        ]
        if held:
            found[submission] = sum(line.points == 1 for line in held), len(held)
    return found


def outdated(lines: Iterable[Line], asked: Mapping[str, Sequence[OralQuestion]]) -> list[str]:
    """Return the submissions with ticks for questions that their page does not ask any more."""
    newest = {
        (line.submission, line.item): line for line in in_time(lines) if _of_oral(line) and line.submission in asked
    }
    digests = {submission: {question.digest for question in questions} for submission, questions in asked.items()}
    return sorted({name for (name, _), line in newest.items() if not line.open and line.answer not in digests[name]})


def _of_oral(line: Line) -> bool:
    return line.what == MARK and line.item.startswith(ORAL)
