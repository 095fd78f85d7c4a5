"""What a graded folder knows of one group, and a template filled from it: a question, or none where something lacks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.grading.checkoff.counterfactuals import counterfactual
from labkit.grading.checkoff.templates import CODE, FIGURE, GAP, Template
from labkit.grading.pages.pictures import Picture
from labkit.grading.pages.rendering import Shown, read_executed
from labkit.grading.records.attempts import NOT_EXECUTED, Attempt
from labkit.report.captions import captions_of

# A number as a notebook's `run.number` writes it; what else stands in its place was written by somebody else.
WRITTEN = re.compile(
    r"(-?\d[\d,]{0,14}(?:\.\d{1,6})?)(?: ± \d[\d,]{0,14}(?:\.\d{1,6})?)?(?: (?:%|[A-Za-z]{1,20}))?", re.A
)


@dataclass(frozen=True)
class Question:
    """One question of a group's, with its answer.

    name: its template's. given: the input that it speaks of; "" for none. code: the group's own answer, as a text.
    picture: their figure; None without one. Student code wrote what `code` and `picture` hold.
    """

    name: str
    kind: str
    ask: str
    answer: str
    given: str = ""
    code: str = ""
    picture: Picture | None = None

    @property
    def digest(self) -> str:
        """A hash of what is asked: by it a tick belongs to this question, and to no later one."""
        return hashlib.sha256("\n".join((self.name, self.ask, self.given)).encode()).hexdigest()[:32]


class Group:
    """What the graded folder `out` knows of one submission; executed notebooks are read when they are asked for."""

    def __init__(self, out: Path, submission: str, attempts: Mapping[str, Attempt], seed: int) -> None:
        self.out, self.submission, self.seed = out, submission, seed
        self.attempts = {name: one for name, one in attempts.items() if one.status not in NOT_EXECUTED}
        self._cells: dict[str, list[Shown]] = {}

    def random(self, *words: str) -> np.random.Generator:
        """Return random numbers that are the same in each run, and others for each group and each of `words`."""
        digest = hashlib.sha256("\n".join((str(self.seed), self.submission, *words)).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def number(self, notebook: str, name: str) -> str:
        """Return a number of the re-run's as it is written, "97.9 ± 0.2 %"; "" where there is none."""
        found = self.attempts[notebook].numbers.get(name, {}).get("found") or ""
        return found if WRITTEN.fullmatch(found) else ""

    def passed(self, notebook: str, exercise: str) -> bool:
        """Whether they passed an exercise."""
        return self.attempts[notebook].verdicts.get(exercise, {}).get("status") == "passed"

    def code(self, notebook: str, exercise: str) -> str:
        """Return the answer to an exercise as it stands in its cell; "" where there is none."""
        return next((cell.source for cell in self.cells(notebook) if cell.answer == exercise), "").strip()

    def figure(self, notebook: str, name: str) -> Picture | None:
        """Return a figure, drawn anew; None where there is none. It is known by what it says to who cannot see it."""
        entry = captions_of(notebook).get("figures", {}).get(name, {})
        alt = entry.get("alt") or entry.get("caption")
        outputs = (output.picture for cell in self.cells(notebook) for output in cell.outputs)
        return next((one for one in outputs if one and one.alt == alt), None) if alt else None

    def forget(self) -> None:
        """Give back the memory of the notebooks that were read."""
        self._cells.clear()

    def cells(self, notebook: str) -> list[Shown]:
        """Return the cells of an executed notebook; none where it cannot be read."""
        if notebook not in self._cells:
            path = self.out / "notebooks" / self.submission / f"{notebook}.ipynb"
            self._cells[notebook] = read_executed(path)[0]
        return self._cells[notebook]


def fill(template: Template, group: Group) -> Question | None:
    """Return a template as this group's question; None where something that it speaks of is missing.

    Numbers that a question compares are never equal, as far as they are shown.
    """
    notebook = template.notebook
    if notebook not in group.attempts or (template.exercise and not group.passed(notebook, template.exercise)):
        return None
    if template.kind == CODE:
        return _counterfactual(template, group)
    numbers = {name: group.number(notebook, name) for name in template.numbers}
    if "" in numbers.values() or len(set(numbers.values())) < len(numbers):
        return None
    values = {name: float(text.split()[0].replace(",", "")) for name, text in numbers.items()}
    if template.higher and values[template.higher[0]] <= values[template.higher[1]]:
        return None
    try:
        ask, answer = (_filled(text, numbers, values) for text in (template.ask, template.answer))
    except ZeroDivisionError:  # one of the two makes no errors at all
        return None
    picture = group.figure(notebook, template.figure) if template.kind == FIGURE else None
    if template.kind == FIGURE and picture is None:
        return None
    return Question(template.name, template.kind, ask, answer, picture=picture)


def _counterfactual(template: Template, group: Group) -> Question | None:
    code = group.code(template.notebook, template.exercise)
    computed = counterfactual(template.exercise, template.case, group.random(template.name)) if code else None
    if computed is None:
        return None
    texts = {"right": computed.right, "wrong": computed.wrong}
    ask, answer = (GAP.sub(lambda gap: texts[gap[2]], text) for text in (template.ask, template.answer))
    return Question(template.name, template.kind, ask, answer, computed.given, code)


def _filled(text: str, numbers: Mapping[str, str], values: Mapping[str, float]) -> str:
    def gap(match: re.Match[str]) -> str:
        kind, name, other = match.groups()
        if kind == "times":
            return f"{(100 - values[name]) / (100 - values[other]):.1f}"
        digits = len(numbers[name].split()[0].partition(".")[2])
        return f"{100 - values[name]:.{digits}f} %" if kind == "errors" else numbers[name]

    return GAP.sub(gap, text)
