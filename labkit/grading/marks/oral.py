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


def oral_parts(lines: Iterable[Line], asked: Mapping[str, Sequence[OralQuestion]]) -> dict[str, Part]:
    """Return how the questions at the bench were answered, by submission, a point for each right answer.

    asked: as `read_drawn` returns it. A tick counts for the question that it was made for; what was not ticked, or for
    another question than the page asks by now, is open.
    """
    newest = _newest(lines)
    parts = {}
    for submission, questions in asked.items():
        items = []
        for number, question in enumerate(questions, 1):
            line = newest.get((submission, name := f"{ORAL}{number}"))
            held = line if line and line.answer == question.digest else None
            points = held.points if held else None
            items.append(MarkedItem(name, points, Decimal(1), comment=question.text, answered=held is not None))
        parts[submission] = Part("oral", tuple(items))
    return parts


def approved(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the line that approves each submission whose report may come."""
    newest = {line.submission: line for line in in_time(lines) if line.what == APPROVED}
    return {submission: line for submission, line in newest.items() if not line.open}


def outdated(lines: Iterable[Line], asked: Mapping[str, Sequence[OralQuestion]]) -> list[str]:
    """Return the submissions with ticks for questions that their page does not ask any more."""
    digests = {submission: {question.digest for question in questions} for submission, questions in asked.items()}
    return sorted(
        {name for (name, _), line in _newest(lines).items() if line.answer not in digests.get(name, {line.answer})}
    )


def _newest(lines: Iterable[Line]) -> dict[tuple[str, str], Line]:
    """Return the newest tick of each question on each page, but for those that were taken back."""
    ticks = [line for line in in_time(lines) if line.what == MARK and line.item.startswith(ORAL)]
    newest = {(line.submission, line.item): line for line in ticks}
    return {place: line for place, line in newest.items() if not line.open}
