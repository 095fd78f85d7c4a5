"""What a TA ticks at the bench, as lines in the marks: which answers were right, and whether the report may come."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.marks.mark_lines import APPROVED, MARK, append_mark, new_line, read_lines
from labkit.grading.marks.oral import ORAL, approved, read_drawn
from labkit.grading.texts import clean, nearest


def tick(folder: Path, submission: str, right: Collection[int], grader: str, approve: bool) -> list[str]:
    """Write down the TA's half of a page, all of it, and return sentences on it; a later one replaces it.

    right: numbers of the questions that were answered right; the others were not. approve: whether they may hand in
    their report; False takes it back where it was said before.
    UsageError, and nothing is written, for a submission without a page, and a number that is on none.
    """
    asked = read_drawn(folder)
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
