"""A group's two A5 pages, one for the bench and one for the TA: set by Typst, to which all texts are data."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.exercises.catalogue import chapter_of
from labkit.grading.checkoff.questions import Question
from labkit.grading.checkoff.templates import KINDS
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.texts import clean
from labkit.report.writing.typesetting import ACCESSIBLE, INVISIBLE, UNSHOWN, compiler, unshown

TEMPLATE = Path(__file__).with_name("sheet.typ")
LONGEST_NAME, LONGEST_MEMBER = 60, 40  # characters
MOST_LINES, LONGEST_LINE = 14, 100  # of their code
LABELS = dict(zip(KINDS, ("your number", "your figure", "your code", "the course's question"), strict=True))
BOX = "□"  # in place of a character that no font here has
ROUNDS = 5
COMMAND = "labkit checkoff {folder} {name} --right {numbers} --approved"


@dataclass(frozen=True)
class Sheet:
    """One group's questions. first: a number that says which member is asked the first; the others follow in turn."""

    submission: HandedIn
    questions: Sequence[Question]
    first: int


@dataclass(frozen=True)
class Fonts:
    """Which characters no font has, and whether the system's fonts are needed for the others."""

    lacking: Collection[str]
    system: bool


def fonts_for(sheets: Sequence[Sheet]) -> Fonts:
    """Return what all these pages need: the fonts that Typst brings along, where they are enough."""
    words = {word for text in _texts([_group(sheet, {}, ()) for sheet in sheets]) for word in text.split()}
    words = {word for word in words if not word.isascii()}
    system = bool(unshown(words, system_fonts=False))
    return Fonts(unshown(words, system_fonts=True) if system else (), system)


def to_pdf(sheets: Sequence[Sheet], fonts: Fonts, folder: str) -> bytes:
    """Return a PDF/UA of two pages per group, of the same bytes in each run; LabkitError where it cannot be set.

    folder: the night's, as the command on the TA's page names it.
    """
    import typst

    files: dict[str, bytes] = {}
    groups = [_group(sheet, files, fonts.lacking) for sheet in sheets]
    for group in groups:
        numbers = ",".join(str(question["number"]) for question in group["questions"])
        group["command"] = COMMAND.format(folder=shlex.quote(folder), name=group["submission"], numbers=numbers)
    title = f"Check-off: {groups[0]['student']}" if len(groups) == 1 else "Check-off"
    data: Any = _boxed({"title": title, "groups": groups}, fonts.lacking)
    for _ in range(ROUNDS):
        files["groups.json"] = json.dumps(data).encode()
        try:
            with compiler(TEMPLATE.read_text(encoding="utf-8"), files, fonts.system) as setter:
                return bytes(setter.compile(pdf_standards=[ACCESSIBLE]))
        except typst.TypstError as error:
            together = set("".join(UNSHOWN.findall(str(error.diagnostic))))  # letters that have no font together
            if not (other := {one for one in together if not one.isascii()}):
                raise LabkitError(f"The pages of the check-off could not be set: {error.message}") from error
            data = _boxed(data, other)
    raise LabkitError(f"The pages of the check-off could not be set: no font has the letters of {title!r}.")


def _called(person: Person, lacking: Collection[str]) -> str:
    """Return what somebody is called; by login where no font has a letter of the name."""
    names = [clean(name, LONGEST_MEMBER) for name in (person.name, person.login, person.email, person.id)]
    readable = [name for name in names if set(name) - {" ", *lacking}]
    return next(filter(None, readable + names), "(no name)")


def _group(sheet: Sheet, files: dict[str, bytes], lacking: Collection[str]) -> dict[str, Any]:
    """Return a group as data; its pictures come into `files`."""
    people = [_called(person, lacking) for person in sheet.submission.people]
    people = people or [clean(sheet.submission.student, LONGEST_MEMBER)]  # where nobody knows its members
    turns = [people[(sheet.first + place) % len(people)] for place in range(len(sheet.questions))]
    rest = [name for place, name in enumerate(people) if (place - sheet.first) % len(people) >= len(turns)]
    return {
        "student": clean(sheet.submission.student, LONGEST_NAME) or "(no name)",
        "submission": sheet.submission.name,
        "others": f"Without a question of their own today: {', '.join(rest)}." if rest else "",
        "questions": [
            _question(number, member, question, files)
            for number, (member, question) in enumerate(zip(turns, sheet.questions, strict=True), 1)
        ],
    }


def _question(number: int, member: str, question: Question, files: dict[str, bytes]) -> dict[str, Any]:
    notebook = chapter_of(question.name)
    code, rest = _cut(question.code)
    name = ""
    if question.picture:
        head, _, content = question.picture.address.partition(",")
        name = f"figure{len(files)}.{'png' if 'png' in head else 'jpg'}"
        files[name] = base64.b64decode(content)
    return {
        "number": number,
        "member": member,
        "label": f"{LABELS[question.kind]}, notebook {notebook}",
        "ask": _spans(question.ask),
        "answer": _spans(question.answer),
        "given": question.given,
        "above": "Your function, as you handed it in:",
        "code": code,
        "rest": rest,
        "picture": name,
        "alt": question.picture.alt if question.picture else "",
    }


def _cut(code: str) -> tuple[str, str]:
    """Return the beginning of a code that fits on the page, and a sentence on what is left out."""
    lines = code.expandtabs(4).split("\n")
    cut = [line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    sentence = f"… and {more:,} more line{'s' * (more > 1)}, in your notebook." if more > 0 else ""
    return "\n".join(cut).rstrip(), sentence


def _spans(text: str) -> list[dict[str, Any]]:
    """Return a text in pieces; what stands between backticks is code."""
    return [{"text": part, "code": place % 2 == 1} for place, part in enumerate(text.split("`")) if part]


def _texts(data: Any) -> Iterator[str]:
    inner = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    if isinstance(data, str):
        yield data
    for one in inner:
        yield from _texts(one)


def _boxed(data: Any, lacking: Collection[str]) -> Any:
    """Return data in which every text has a box for each character that no font has."""
    shown = INVISIBLE.sub("", data).translate({ord(one): BOX for one in lacking}) if isinstance(data, str) else data
    if isinstance(data, Mapping):
        return {name: _boxed(one, lacking) for name, one in data.items()}
    return [_boxed(one, lacking) for one in data] if isinstance(data, list) else shown
