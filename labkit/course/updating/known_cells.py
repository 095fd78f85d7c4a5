"""Cells as they are compared: what each claims to be, and which of its text counts. Imports nothing of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

PARAMETERS, INJECTED = "parameters", "injected-parameters"  # the tags by which papermill knows cells
CHECK, ANSWER = "check-", "answer-"  # how the course's grade_ids begin
HIDDEN_TESTS = re.compile(
    r"^[^\n]*BEGIN HIDDEN TESTS.*?(?:^[^\n]*END HIDDEN TESTS[^\n]*\n?|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, eq=False)  # a cell equals itself alone
class Cell:
    """What is known of a cell. Its id, grade_id ("" for none) and tags are what it claims to be."""

    kind: str  # code, markdown or raw
    source: str
    id: str = ""
    grade_id: str = ""
    tags: frozenset[str] = frozenset()
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    def same_as(self, other: Cell) -> bool:
        """Whether both come from the same cell of the course: by their id, or by a source that nobody changed."""
        return self.kind == other.kind and (self.id == other.id != "" or self.source == other.source != "")

    @cached_property
    def text(self) -> str:
        """The source without what makes no difference: ends of lines, blank lines around, hidden tests."""
        lines = without_hidden_tests(self.source).splitlines()
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    @property
    def is_check(self) -> bool:
        """Whether it claims to be the check of an exercise."""
        return self.grade_id.startswith(CHECK)


def grade_id_of(node: Any) -> str:
    """Return the grade_id of a cell of the course, given as JSON; "" for a cell that is not graded."""
    return str(node["metadata"].get("nbgrader", {}).get("grade_id", ""))


def name_of(cell: Cell) -> str:
    """Return how a sentence calls a graded cell: "Check 1.2"."""
    kind, _, place = cell.grade_id.partition("-")
    return f"{kind.capitalize()} {place.replace('-', '.')}" if place else f"The answer cell '{kind}'"


def without_hidden_tests(source: str) -> str:
    """Return the source of a check as students get it."""
    return HIDDEN_TESTS.sub("", source).rstrip("\n")
