"""What a TA ticks at the bench, as lines in the marks: which answers were right, and whether the report may come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.checkoff.asked import Asked, read_asked
from labkit.grading.marks.mark_lines import APPROVED, MARK, Line, append_mark, in_time, new_line, read_lines
from labkit.grading.texts import clean, nearest

ORAL = "oral."  # how the items of oral questions begin


def tick(folder: Path, submission: str, right: Collection[int], grader: str, approve: bool) -> list[str]:
    """Write down the TA's half of a page, all of it, and return sentences on it; a later one replaces it.

    right: numbers of the questions that were answered right; the others were not. approve: whether they may hand in
    their report; False takes it back where it was said before.
    UsageError, and nothing is written, for a submission without a page, and a number that is on none.
    """
    asked = read_asked(folder)
    if not asked:
        raise UsageError(f"{folder} has no pages yet: run `labkit checkoff {folder}` first.")
    if submission not in asked:
        raise UsageError(f"{clean(submission, 60)!r} has no page{nearest(submission, asked) or '.'}")
    questions = asked[submission]
    if wrong := sorted(set(right) - set(range(1, len(questions) + 1))):
        raise UsageError(f"There is no question {wrong[0]}: {submission} has 1 to {len(questions)}.")
    lines = [
        new_line(
            grader,
            what=MARK,
            submission=submission,
            item=f"{ORAL}{number}",
            answer=question.digest,
            points=Decimal(number in right),
            comment=question.text,
        )
        for number, question in enumerate(questions, 1)
    ]
    before = approved(read_lines(folder)[0])
    if approve:
        lines.append(new_line(grader, what=APPROVED, submission=submission))
    elif submission in before:
        lines.append(new_line(grader, what=APPROVED, submission=submission, flag="open"))
    for line in lines:
        path = append_mark(folder, line)
    count = f"{len(set(right))} of {len(questions)} right"
    gate = "approved" if approve else "no longer approved" if submission in before else "not approved"
    return [f"{submission}: {count}, {gate}. Written to {path}."]


def approved(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the line that approves each submission whose report may come."""
    newest = {line.submission: line for line in in_time(lines) if line.what == APPROVED}
    return {submission: line for submission, line in newest.items() if not line.open}


def oral(lines: Iterable[Line], asked: Mapping[str, Sequence[Asked]]) -> dict[str, tuple[int, int]]:
    """Return how many answers were right, and of how many questions, for each submission that was ticked.

    asked: as `read_asked` returns it. A tick counts for the question that it was made for: where a page asks something
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


def outdated(lines: Iterable[Line], asked: Mapping[str, Sequence[Asked]]) -> list[str]:
    """Return the submissions with ticks for questions that their page does not ask any more."""
    newest = {
        (line.submission, line.item): line for line in in_time(lines) if _of_oral(line) and line.submission in asked
    }
    digests = {submission: {question.digest for question in questions} for submission, questions in asked.items()}
    return sorted({name for (name, _), line in newest.items() if not line.open and line.answer not in digests[name]})


def _of_oral(line: Line) -> bool:
    return line.what == MARK and line.item.startswith(ORAL)
