"""What is missing in a submission, one sentence per finding; and a notebook's questions with their answers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.exercises.catalogue import chapter_of, exercises
from labkit.report.writing.replies import Exchange

QUESTIONS = re.compile(r"^## Questions from your TA[ \t]*$", re.MULTILINE)
STUBS = ("YOUR ANSWER HERE", "**Write here.**")
AUTHOR = "write your group's name and members here"
TIMES = {"s", "ms", "µs", "µs a batch"}  # no two runs take the same time
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FIGURE = re.compile(r"<<\s*figure\(")
DISCUSSION = re.compile(r"^::: discussion\s*$(.*?)^:::\s*$", re.MULTILINE | re.DOTALL)
PERCENT = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d+)?)\s?%")


def open_exercises(status_of: Mapping[str, str]) -> Iterator[str]:
    """Name the exercises that were not passed, given the status of those that were checked."""
    for name, exercise in exercises().items():
        if (status := status_of.get(name, "open")) != "passed":
            yield f"Exercise {name} ({exercise.title}) is {status}."


def unanswered_questions(notebook: Any, name: str) -> Iterator[str]:
    """Name the questions at the end of a notebook that the cell behind them does not answer by their number."""
    questions, answer = questions_of(notebook)
    if not questions:
        return
    numbers = list(_items(questions, ".", None))
    unanswered = [number for number in numbers if number not in _items(answer, ".):", numbers)]
    if STUBS[0] in answer or len(unanswered) == len(numbers):
        last = numbers[-1]
        yield f"The questions at the end of {name} are not answered: write 1. to {last}. in the cell behind them."
    elif unanswered:
        yield f"Question {' and '.join(unanswered)} at the end of {name} is not answered."


def questions_of(notebook: Any) -> tuple[str, str]:
    """Return the questions at the end of a notebook, and the cell behind them; "" for what is not there."""
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None], strict=False):  # the last has no next
        if cell.cell_type == "markdown" and (found := QUESTIONS.search(cell.source)):
            is_text = following is not None and following.cell_type == "markdown"
            return cell.source[found.end() :].strip(), following.source if is_text else ""
    return "", ""


def exchanges(notebook: Any) -> list[Exchange]:
    """Return the questions of a notebook, each with its answer; where answers have no numbers, all stand together."""
    return pairs(*questions_of(notebook))


def pairs(questions: str, answer: str) -> list[Exchange]:
    """Return questions, each with its answer, from the texts of both cells; see `exchanges`."""
    if not questions:
        return []
    answer = "" if STUBS[0] in answer else answer
    asked = _items(questions, ".", None)
    answers = _items(answer, ".):", list(asked))
    if answer.strip() and not answers:
        return [Exchange(questions, answer)]
    return [Exchange(f"**{number}.** {text}", answers.get(number, "")) for number, text in asked.items()]


def _items(text: str, signs: str, expected: Sequence[str] | None) -> dict[str, str]:
    """Return the items of a numbered list by their numbers, those that are `expected`, as far as they hold a word.

    Numbers rise: what begins at 1 again is a list inside of an item.
    """
    head = re.compile(rf"^[^\w\n]{{0,4}}?(\*\*|__)?(?<!\d)(\d+)[{re.escape(signs)}](?!\d)(\*\*|__)? *", re.MULTILINE)
    heads: list[re.Match[str]] = []
    for match in head.finditer(text):
        rises = not heads or int(match[2]) > int(heads[-1][2])
        if rises and not match[0].startswith("   ") and (expected is None or match[2] in expected):
            heads.append(match)
    items = {}
    for match, end in zip(heads, [*(match.start() for match in heads[1:]), len(text)], strict=False):
        first, _, rest = text[match.end() : end].partition("\n")
        opened = match[1] or "" if not match[3] else ""
        item = f"{opened}{first}\n{textwrap.dedent(rest)}".strip()
        if re.search(r"\w", item):
            items[match[2]] = item
    return items


def unwritten_discussions(report: str) -> Iterator[str]:
    """Name the sections of a report's source whose discussion is not written, or whose figures have none."""
    if AUTHOR in report:
        yield "The report's first lines do not name your group and its members yet."
    headings = list(HEADING.finditer(report))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        section = report[heading.end() : following.start() if following else len(report)]
        discussions = [match[1] for match in DISCUSSION.finditer(section)]
        if any(STUBS[1] in text or not text.strip() for text in discussions):
            yield f"The discussion of “{heading[1]}” in the report is not written."
        elif len(FIGURE.findall(section)) and not discussions:
            yield f"The report shows a figure in “{heading[1]}” without discussing it: add a ::: discussion block."


def differences(claimed: dict[str, Any], rerun: dict[str, Any]) -> Iterator[str]:
    """Name the numbers that a second run does not give again: another mean by more than the spread, or another count.

    Times are left out. Notebooks that read other images are named once.
    """
    for name, section in claimed["notebooks"].items():
        rerun_section = rerun["notebooks"].get(name)
        if rerun_section is None:
            continue  # it failed, which is told elsewhere
        data, rerun_data = section["data"], rerun_section["data"]
        if data["fingerprint"] != rerun_data["fingerprint"]:
            yield f"{name} read other images than in your run ({data['name']}, {rerun_data['name']})."
            continue
        for key, number in section["numbers"].items():
            if number["unit"] in TIMES:
                continue
            if (second := rerun_section["numbers"].get(key)) is None:
                yield f"{name} did not make the number {key} again."
            elif abs(number["value"] - second["value"]) > number.get("spread", 0):
                yield f"{name}: your results say {key} = {number['text']}, but the run gives {second['text']}."


def typed_percentages(report: str, results: dict[str, Any]) -> Iterator[str]:
    """Name percentages in the discussions of a report's source that no number of the run rounds to."""
    reported = [
        value
        for section in results["notebooks"].values()
        for number in section["numbers"].values()
        for value in (number["value"], number.get("spread", 0), *number["values"])
    ]
    for text in DISCUSSION.findall(report):
        for typed in PERCENT.findall(text):
            digits = len(typed.partition(".")[2])
            if digits and not any(f"{abs(value):.{digits}f}" == typed for value in reported):
                yield f"The report says {typed} %, which is no number of the run: place it with << number(...) >>."


def disorder(notebook: Any, name: str) -> Iterator[str]:
    """Say when the cells of a notebook, as it was saved, were not run from top to bottom."""
    counts = [
        cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()
    ]
    executed = [count for count in counts if count]
    if executed and executed != sorted(executed):
        yield f"{name} was saved after its cells were run out of order: choose Restart Kernel and Run All Cells."


def missing_notebooks(paths: Sequence[Path]) -> Iterator[str]:
    """Name the notebooks of the course that are not there, by the number of their exercises."""
    present = {chapter_of(path.stem) for path in paths}
    for chapter in dict.fromkeys(map(chapter_of, exercises())):
        if chapter not in present:
            yield f"Notebook {chapter} is missing."
