"""Marks as a table for spreadsheets, with the columns of PrairieLearn's manual grading, so that scripts carry over."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.tables import read_table
from labkit.grading.marking.bench import Answer, Bench
from labkit.grading.marks.rubric import number
from labkit.grading.marks.standing import Standing
from labkit.grading.records.gradebook import harmless
from labkit.grading.recount import Counted
from labkit.grading.texts import MB, clean, plain

PERSON, TEAM = ("uid", "uin"), ("team_name", "uid_list")
COLUMNS = ("qid", "submission_id", "submitted_answer", "score_perc", "feedback", "partial_scores")
NEEDED = ("qid", "submission_id", "score_perc", "feedback", "partial_scores")
LARGEST = 100 * MB


def sheet_of(bench: Bench, counted: Counted) -> str:
    """Return a line for each answer of each submission, with its mark where it has one.

    Of groups, where there are any, the table has the columns for teams. score_perc is the share of the item's points in
    percent, empty for what is open; partial_scores holds the keys of the criteria that hold, as JSON.
    """
    handed_in = {one.name: one for one in counted.batch.submissions}
    teams = any(one.group for one in handed_in.values())
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*(TEAM if teams else PERSON), *COLUMNS])
    for item, answers in bench.answers.items():
        by_submission = {name: answer for answer in answers for name in answer.submissions}
        for name in sorted(by_submission):
            one, answer = handed_in.get(name), by_submission[name]
            logins = [person.login or person.email or person.id or person.name for person in one.people] if one else []
            who = [one.group if one else "", ";".join(logins)] if teams else [";".join(logins), one.user if one else ""]
            cells = [*who, item, name, answer.text, *_marked(bench.standing, answer)]
            writer.writerow([harmless(cell) for cell in cells])
    return "\ufeff" + table.getvalue()


def take_sheet(bench: Bench, path: Path) -> str:
    """Write a mark for each line of a table whose score, criteria or feedback differs from what holds; say how many.

    A line without a score is left open. UsageError, and nothing is written, where a line names an item or a submission
    that is not here, or an answer that is no longer the one that was marked, or a score that cannot be.
    """
    changes = []
    for place, row in enumerate(_rows(path), 2):
        where = f"{path}, line {place}"
        answer = _answer_of(bench, row, where)
        score, feedback = row["score_perc"].removesuffix("%").strip(), row["feedback"]
        if not score and not feedback:
            continue
        keys = _keys(row["partial_scores"], bench, answer, where)
        item = bench.standing.items[answer.item]
        if not score:
            raise UsageError(f"{where}: it has feedback and no score_perc: give it one, or take the feedback out.")
        points = _points(score, item.points, where)
        own = None if item.points_for(keys) == points else points
        line = bench.standing.line_of(answer.item, answer.hash)
        if line and feedback == harmless(line.comment):  # as it was written out
            feedback = line.comment
        if line is None or (line.items, bench.standing.points(line), line.comment) != (keys, points, feedback):
            changes.append((answer, keys, own, feedback))
    for answer, keys, own, feedback in changes:
        bench.mark(answer, keys, own, feedback)
    return f"{len(changes)} marks of {path} were written as {bench.grader}'s."


def _marked(standing: Standing, answer: Answer) -> list[str]:
    line = standing.line_of(answer.item, answer.hash)
    if line is None:
        return ["", "", ""]
    share = 100 * standing.points(line) / (standing.items[answer.item].points or Decimal(1))
    return [plain(share), line.comment, json.dumps(list(line.items))]


def _rows(path: Path) -> list[dict[str, str]]:
    heads, *rows = read_table(path, "table of marks", LARGEST)
    if lacking := [name for name in NEEDED if name not in heads]:
        raise UsageError(f"{path} lacks the column {lacking[0]}: it must be as --export writes it.")
    return [dict.fromkeys((*NEEDED, "submitted_answer"), "") | dict(zip(heads, row, strict=False)) for row in rows]


def _answer_of(bench: Bench, row: dict[str, str], where: str) -> Answer:
    item, name = row["qid"], row["submission_id"]
    if item not in bench.answers:
        raise UsageError(f"{where}: {clean(item, 40)!r} is nothing that is marked here.")
    found = next((answer for answer in bench.answers[item] if name in answer.submissions), None)
    if found is None:
        raise UsageError(f"{where}: {clean(name, 60)!r} does not answer {item}.")
    written = row["submitted_answer"]
    if written and written != harmless(found.text).strip():
        raise UsageError(f"{where}: the answer of {clean(name, 60)} to {item} is another one by now: export again.")
    return found


def _keys(text: str, bench: Bench, answer: Answer, where: str) -> tuple[str, ...]:
    known = [one.key for one in bench.standing.items[answer.item].criteria]
    try:
        keys = json.loads(text or "[]")
        if not isinstance(keys, list) or not all(key in known for key in keys):
            raise ValueError
    except (ValueError, RecursionError):
        there = f"a JSON list of {', '.join(known)}" if known else "empty"
        raise UsageError(f"{where}: partial_scores must be {there}, and is {clean(text, 60)!r}.") from None
    return tuple(dict.fromkeys(keys))


def _points(score: str, most: Decimal, where: str) -> Decimal:
    try:
        share = Decimal(score.replace(",", "."))
        if not share.is_finite() or not 0 <= share <= 100:
            raise ValueError
    except (InvalidOperation, ValueError):
        raise UsageError(f"{where}: score_perc must be a number from 0 to 100, and is {clean(score, 40)!r}.") from None
    return number("score_perc", (share * most / 100).quantize(Decimal("0.001")), most=most)
