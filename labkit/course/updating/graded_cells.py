"""Which cells of a student's notebook are the course's checks and answers: by their mark, else by what they hold.

The grader's restoring and the student's update find them in the same way. Code of students is searched, never parsed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from labkit.course.updating.known_cells import ANSWER, CHECK, Cell, name_of


@dataclass(frozen=True)
class FoundCheck:
    """A check of the course, and the cells that stand for it: those with its mark, else one that has its text."""

    check: Cell
    copies: tuple[Cell, ...]
    marked: bool


def find_checks(cells: Sequence[Cell], course_cells: Sequence[Cell]) -> Iterator[FoundCheck]:
    """Give the checks of the course that are there."""
    known = {cell.grade_id for cell in course_cells if cell.grade_id}
    unmarked = {cell: cell.text for cell in cells if cell.kind == "code" and cell.grade_id not in known}
    for check in course_cells:
        if not check.is_check:
            continue
        if marked := [cell for cell in cells if cell.grade_id == check.grade_id]:
            yield FoundCheck(check, tuple(marked), marked=True)
        elif same := [cell for cell, text in unmarked.items() if text == check.text]:  # some editors lose metadata
            yield FoundCheck(check, (same[0],), marked=False)


def find_answers(
    cells: Sequence[Cell], course_cells: Sequence[Cell], by_grade_id: dict[str, Cell], remarks: list[str]
) -> None:
    """Find the cell that holds each answer, by its mark, else by what it defines, and put it into `by_grade_id`.

    by_grade_id: holds the checks that were found. remarks: gets a sentence for each answer that is not where it was.
    """
    answers = [cell for cell in course_cells if cell.grade_id and not cell.is_check]
    claimed = {cell.grade_id for cell in cells}
    for answer in answers:
        marked = [cell for cell in cells if cell.grade_id == answer.grade_id]
        fitting = [cell for cell in marked if cell.kind == answer.kind]
        if len(fitting) < len(marked):
            remarks.append(f"{name_of(answer)} stands in a cell of another type, where it is not read.")
        if len(fitting) > 1:
            remarks.append(f"{name_of(answer)} is there {len(fitting)} times: the last one counts.")
        if fitting:
            by_grade_id[answer.grade_id] = fitting[-1]
    for answer in answers:
        if answer.grade_id in by_grade_id:
            continue
        check = answer.grade_id.replace(ANSWER, CHECK)
        defines = definition(answer, next((cell for cell in course_cells if cell.grade_id == check), None))
        free = [cell for cell in cells if cell.kind == answer.kind and cell not in by_grade_id.values()]
        fitting = [cell for cell in free if defines.search(cell.source)]
        fitting = fitting or [cell for cell in free if cell.same_as(answer)]
        fitting = fitting or _behind(cells, answer, course_cells, free)
        if check in by_grade_id:  # a cell before the check is what the student checked
            before = cells[: cells.index(by_grade_id[check])]
            fitting = [cell for cell in before if cell in fitting] or fitting[:1]
        if fitting:
            by_grade_id[answer.grade_id] = fitting[-1]
            remarks.append(f"{name_of(answer)} had lost its mark: found by its content.")
        elif answer.grade_id not in claimed:
            remarks.append(f"{name_of(answer)} is missing.")


def _behind(cells: Sequence[Cell], answer: Cell, course_cells: Sequence[Cell], free: Sequence[Cell]) -> list[Cell]:
    """Return the text that stands where the course has a written answer, and is none of the course's."""
    place = course_cells.index(answer)
    if answer.kind == "code" or not place:
        return []
    return [
        cell
        for before, cell in pairwise(cells)
        if cell in free and before.same_as(course_cells[place - 1])
        if not any(cell.same_as(other) for other in course_cells)
    ]


def definition(answer: Cell, check: Cell | None) -> re.Pattern[str]:
    """Return what a cell matches that defines what the course's answer defines and its check looks at.

    A pattern, because no parser of Python is safe from what a hostile cell may hold.
    """
    if answer.kind != "code" or check is None:
        return re.compile(r"(?!)")  # matches nothing
    try:
        used = {node.id for node in ast.walk(ast.parse(check.source)) if isinstance(node, ast.Name)}
        statements = ast.parse(answer.source).body
    except SyntaxError:  # a course that uses IPython's own signs there
        return re.compile(r"(?!)")
    defined = set()
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    names = "|".join(sorted(defined & used)) or "(?!)"
    return re.compile(rf"^(?:(?:def|class) +(?:{names})\b|(?:{names}) *=(?!=))", re.MULTILINE)
