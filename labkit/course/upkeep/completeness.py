"""Whether each part of the course has its counterpart: a table with a row per notebook, and a sentence per gap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.course.notebooks import notebooks_folder
from labkit.course.upkeep import counterparts, made_names
from labkit.course.upkeep.twin import Twin, captioned_calls, read_twin, static_claims, twins
from labkit.report.captions import FOLDER, read_captions
from labkit.report.document import default_template

ANSWERS = "exercises\nwith\nanswers"
MODEL = "questions\nwith\nanswers"
CAPTION = "figures,\ntables\nwith\ncaption"
ALT = "figures\nwith alt"
PREDICATE = "claims\ntried"
SOURCE = "names\nwith\nsource"
COLUMNS = (ANSWERS, MODEL, CAPTION, ALT, PREDICATE, SOURCE)
UNWRITTEN = re.compile("to be written", re.IGNORECASE)  # what `labkit new-exercise` leaves for a person
SHORTEST = 20  # characters of a caption


@dataclass
class Row:
    """One notebook: for each column how many parts have their counterpart, and how many there are; and the gaps."""

    notebook: str
    counts: dict[str, list[int]] = field(default_factory=lambda: {column: [0, 0] for column in COLUMNS})
    gaps: list[str] = field(default_factory=list)

    def count(self, column: str, gaps: Sequence[str]) -> None:
        """Count one part; without gaps it has its counterpart."""
        self.counts[column][0] += not gaps
        self.counts[column][1] += 1
        self.gaps += gaps


def check_course() -> bool:
    """Print the table and the gaps of the course in this checkout; return whether there are none.

    LabkitError where this is no checkout, or a file of it cannot be read.
    """
    rows = examine_course(notebooks_folder().parent)
    _print_table(rows)
    gaps = [f"{row.notebook}: {gap}" for row in rows for gap in row.gaps]
    for gap in gaps:
        print(f"- {gap}")
    print(f"{len(gaps)} to do." if gaps else "Nothing is missing.")
    return not gaps


def examine_course(root: Path) -> list[Row]:
    """Return a row for each notebook of a checkout; what the report names of no notebook stands in the last."""
    if not (root / "tests").is_dir():
        raise LabkitError(f"{root} has no folder tests, which holds answers and predicates: run it in a checkout.")
    placed = made_names.PLACED.findall(default_template().read_text(encoding="utf-8"))
    known = made_names.known_results()
    rows = []
    for path in twins():
        twin, row = read_twin(path), Row(path.stem)
        for part in (_exercises(root, twin), _questions(twin), _texts(twin), _claims(root, twin)):
            for column, gaps in part:
                row.count(column, gaps)
        made = made_names.made_by(twin.code)
        for kind, full in dict.fromkeys(pair for pair in placed if pair[1].partition(".")[0] == path.stem):
            gap = f"the report's template places the {kind} {full}, which no cell makes."
            row.count(SOURCE, [] if made_names.is_made(f"{kind}s", full, made, known) else [gap])
        row.gaps += _unwritten(root, twin)
        rows.append(row)
    stems = {path.stem for path in twins()}
    for kind, full in dict.fromkeys(pair for pair in placed if pair[1].partition(".")[0] not in stems):
        rows[-1].gaps.append(f"no notebook makes the {kind} {full}, which the report's template places.")
    return rows


def _exercises(root: Path, twin: Twin) -> Iterator[tuple[str, list[str]]]:
    """Yield for each exercise what it lacks: heading, check, `Exercise`, right answers, wrong ones."""
    stem = twin.path.stem
    module, tried = counterparts.exercises_file(root, stem), counterparts.answers_file(root, stem)
    told = {heading.id: heading for heading in twin.headings}
    defined = {exercise.id: exercise for exercise in counterparts.exercises_in(module)}
    answers = counterparts.answers_in(tried)
    for name in dict.fromkeys([*told, *defined, *twin.checks]):
        gaps = []
        if name not in told:
            gaps.append(f"exercise {name} has no heading in the notebook (### Exercise {name} — title (2 points)).")
        if name not in defined:
            gaps.append(f"exercise {name} has no Exercise in {module.relative_to(root).as_posix()}.")
        if name in told and name in defined and told[name] != defined[name]:
            gaps.append(
                f"exercise {name} is “{told[name].title}” with {told[name].points} points in the notebook, and "
                f"“{defined[name].title}” with {defined[name].points} in {module.relative_to(root).as_posix()}."
            )
        if (checks := twin.checks.count(name)) != 1:
            gaps.append(f'exercise {name} has {checks} cells with check("{name}", ...), and needs one.')
        for table, least in (("RIGHT", counterparts.LEAST_RIGHT), ("WRONG", counterparts.LEAST_WRONG)):
            if (there := answers.get(table, {}).get(name, 0)) < least:
                gaps.append(
                    f"exercise {name} has {there} {table.lower()} answers in {tried.relative_to(root).as_posix()}, and "
                    f"needs {least} or more."
                )
        yield ANSWERS, gaps


def _questions(twin: Twin) -> Iterator[tuple[str, list[str]]]:
    """Yield for each question at the end whether it lacks its model answer."""
    for exchange in twin.asked:
        begin = " ".join(exchange.question.split())[:60]
        yield MODEL, [] if exchange.answer.strip() else [f"the question “{begin} ...” has no model answer."]


def _texts(twin: Twin) -> Iterator[tuple[str, list[str]]]:
    """Yield for each figure and table what it lacks of its texts, and texts that belong to none."""
    path = twin.path.parent.parent / FOLDER / f"{twin.path.stem}.toml"
    stored = read_captions(path) if path.is_file() else {}
    for kind, calls in captioned_calls(twin.code).items():
        for name in dict.fromkeys([*calls, *stored.get(kind, {})]):
            words = stored.get(kind, {}).get(name, {})
            where = f"{FOLDER}/{path.name}"
            left_over = [] if name in calls else [f"{where} has texts for [{kind}.{name}], which no cell makes."]
            for column, key in ((CAPTION, "caption"), (ALT, "alt")) if kind == "figures" else ((CAPTION, "caption"),):
                lacking = [] if is_sentence(words.get(key, "")) else [f"{where} lacks the {key} of [{kind}.{name}]."]
                yield column, left_over + lacking
                left_over = []


def is_sentence(words: str) -> bool:
    """Whether a caption or an alternative text is one: of some length, and with an end."""
    return len(words) >= SHORTEST and words.endswith((".", "?"))


def _claims(root: Path, twin: Twin) -> Iterator[tuple[str, list[str]]]:
    """Yield for each static claim whether nothing tries it, and for each predicate whether its words are gone."""
    path = counterparts.claims_file(root, twin.path.stem)
    where = path.relative_to(root).as_posix()
    predicates, text = counterparts.claims_in(path), "\n".join(twin.paragraphs)
    for paragraph in unclaimed(twin.paragraphs, predicates):
        yield PREDICATE, [f"nothing in {where} tries “{paragraph[:80]} ...”: ask it as a question, or write a Claim."]
    for words in predicates:
        yield PREDICATE, [] if words in text else [f"{where} tries “{words[:60]}”, which the notebook does not say."]


def unclaimed(paragraphs: Sequence[str], predicates: Sequence[str]) -> list[str]:
    """Return what is to be noticed, is no question, and holds the words of no claim that is tried."""
    return [one for one in static_claims(paragraphs) if not any(words in one for words in predicates)]


def _unwritten(root: Path, twin: Twin) -> Iterator[str]:
    """Yield the lines that `labkit new-exercise` left for a person to write."""
    stem = twin.path.stem
    for path in (twin.path, counterparts.exercises_file(root, stem), counterparts.answers_file(root, stem)):
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, 1):
            if UNWRITTEN.search(line):
                yield f"{path.relative_to(root).as_posix()}, line {number}, is to be written."


def _print_table(rows: Sequence[Row]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    columns = [Column(column, justify="right") for column in COLUMNS]
    table = Table(Column("notebook", no_wrap=True), *columns, box=SIMPLE, padding=0)
    for row in rows:
        table.add_row(row.notebook, *(f"{have}/{wanted}" for have, wanted in row.counts.values()))
    Console().print(table)
