"""What may be asked at the bench: `checkoff.toml` beside the notebooks, texts with gaps for a group's own numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.basics.errors import UsageError
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.checkoff.counterfactuals import SMALL
from labkit.grading.staff_files import KEY, faults_of, read_toml
from labkit.grading.texts import clean, nearest

FILE = "checkoff.toml"
NUMBER, FIGURE, CODE, COURSE = KINDS = ("number", "figure", "code", "course")
KEYS = ("kind", "ask", "answer", "exercise", "figure", "case", "question", "higher")
LONGEST = 400  # characters of a question, and of an answer: four of each fit on a page
GAP = re.compile(r"\{(?:(errors|times) )?(\w+)(?: (\w+))?\}")
COMPUTED = ("right", "wrong")


@dataclass(frozen=True)
class Template:
    """One question that may be drawn.

    name: "05.chosen". notebook: its stem. exercise: one that the group has to have passed; "" for none.
    figure: whose picture stands beside it. case: the mistake of a counterfactual. question: "q4", of a notebook's.
    higher: two numbers, of which the first has to be the higher one.
    """

    name: str
    kind: str
    notebook: str
    ask: str
    answer: str
    exercise: str = ""
    figure: str = ""
    case: str = ""
    question: str = ""
    higher: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers of the group's that it speaks of."""
        if self.kind == CODE:
            return ()
        gaps = [name for match in GAP.finditer(self.ask + self.answer) for name in match.groups()[1:] if name]
        return tuple(dict.fromkeys((*gaps, *self.higher)))


def read_templates(folder: Path, chapters: Mapping[str, str]) -> dict[str, Template]:
    """Return the templates of the course whose notebooks lie in `folder`, by name.

    chapters: notebook's number -> its stem. UsageError without the file, for a key that is not known, with the nearest
    one, and for a question that could not be asked, or has no answer.
    """
    path = folder / FILE
    content = read_toml(path)
    if content is None:
        raise UsageError(
            f"{path} does not exist: it holds the questions of a check-off. Take the course's, or write your own as "
            "docs/grading.md says."
        )
    templates = {}
    with faults_of(path):
        for chapter, entries in content.items():
            if chapter not in chapters:
                raise UsageError(f"[{clean(chapter, 40)}] is no notebook{nearest(chapter, chapters)}")
            if not isinstance(entries, dict):
                raise UsageError(f"[{chapter}] must hold tables: write [{chapter}.name] before each question")
            for key, entry in entries.items():
                name = f"{chapter}.{key}"
                if fault := _fault(key, entry):
                    raise UsageError(f"[{clean(name, 60)}] {fault}")
                texts = {key: " ".join(str(value).split()) for key, value in entry.items() if key != "higher"}
                higher = tuple(entry.get("higher", ()))
                templates[name] = Template(name=name, notebook=chapters[chapter], higher=higher, **texts)
                if fault := _misfit(templates[name], chapter):
                    raise UsageError(f"[{name}] {fault}")
    return templates


def _fault(key: str, entry: Any) -> str:
    """Return what is wrong with an entry's keys and values; "" where nothing is."""
    if not KEY.fullmatch(key):
        return "must have a name of small letters, digits and -"
    if not isinstance(entry, dict):
        return "must be a table"
    if unknown := [name for name in entry if name not in KEYS]:
        return f"{clean(unknown[0], 40)!r} is not known{nearest(unknown[0], KEYS)}"
    higher = entry.get("higher", ["", " "])
    if not isinstance(higher, list) or len(higher) != 2 or not all(isinstance(name, str) for name in higher):
        return "higher must be two names of numbers in quotes"
    for name, value in entry.items():
        if name != "higher" and not (isinstance(value, str) and value.strip()):
            return f"{name} must be a text in quotes"
    if entry.get("kind") not in KINDS:
        return f"kind must be one of {', '.join(KINDS)}"
    for name in ("ask", "answer"):
        if name not in entry:
            return f"lacks {name}: no question without a known answer"
        if len(" ".join(entry[name].split())) > LONGEST:
            return f"{name} has more than {LONGEST} characters, which do not fit on the page"
    return ""


def _misfit(template: Template, chapter: str) -> str:
    """Return what a template of its kind lacks; "" for nothing."""
    wanted = {FIGURE: ("figure",), CODE: ("exercise", "case"), COURSE: ("question",), NUMBER: ()}[template.kind]
    if lacking := [name for name in wanted if not getattr(template, name)]:
        return f"lacks {lacking[0]}, which a question of the kind {template.kind} needs"
    if template.exercise:
        own = [name for name in exercises() if chapter_of(name) == chapter_of(chapter)]
        if template.exercise not in own:
            return f"{clean(template.exercise, 20)!r} is no exercise of notebook {chapter}"
    if template.kind == CODE:
        known = SMALL[template.exercise].wrong if template.exercise in SMALL else {}
        if template.case not in known:
            can = ", ".join(known) or "no case"
            return f"{clean(template.case, 40)!r} cannot be computed: exercise {template.exercise} has {can}"
        gaps = [match[0] for text in (template.ask, template.answer) for match in GAP.finditer(text)]
        if unknown := [gap for gap in gaps if gap.strip("{}") not in COMPUTED]:
            return f"{clean(unknown[0], 40)} is not computed: there are {{right}} and {{wrong}}"
        if "{wrong}" not in template.answer:
            return "lacks {wrong} in its answer: no question without a known answer"
    if template.kind == NUMBER and not template.numbers:
        return "speaks of no number: write {name_of_a_number} into ask"
    return ""
