"""What stands beside an answer: figures, tables and numbers of the group's own re-run, and the verdict before it.

Untrusted code made all of it: it is read as plain JSON, bounded, and shown as texts and pictures that are drawn anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.exercises.catalogue import exercises
from labkit.grading.intake.reading.reader import as_dict, executed_document
from labkit.grading.judging.kept_results import kept_results
from labkit.grading.pages.pictures import Picture, drawn_anew
from labkit.grading.records.attempts import Attempt
from labkit.grading.texts import clean

MOST_ROWS, MOST_COLUMNS, LONGEST = 40, 14, 120  # of a table; characters of a cell
MOST = 12  # figures, tables or numbers beside one answer
PNG = "image/png"


@dataclass(frozen=True)
class Table:
    """A table as it was shown. more: rows that are left out."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    more: int = 0


@dataclass(frozen=True)
class Evidence:
    """What there is beside an answer. figures: names, each with its description; lacking: what was not made."""

    figures: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    numbers: tuple[tuple[str, str], ...]
    verdict: tuple[str, str, str] | None  # exercise with its title, status, message
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Executed:
    """What an executed notebook published, and its pictures in base64 by their description."""

    results: Mapping[str, Any]
    pictures: Mapping[str, str]


def evidence(
    out: Path, submission: str, wanted: Mapping[str, Iterable[str]], exercise: str, attempts: Mapping[str, Attempt]
) -> Evidence:
    """Return what a submission's re-run made of the figures, tables and numbers that are wanted, by their full names.

    exercise: whose verdict is shown; "" for none. attempts: the submission's, by notebook.
    """
    lacking: list[str] = []

    def found(kind: str) -> list[tuple[str, Any]]:
        pairs = []
        for name in list(dict.fromkeys(wanted.get(kind, ())))[:MOST]:
            notebook, _, short = name.partition(".")
            entry = as_dict(executed(out, submission, notebook).results.get(kind)).get(short)
            if isinstance(entry, dict):
                pairs.append((name, entry))
            else:
                lacking.append(name)
        return pairs

    figures = tuple((name, _text(entry.get("alt"), 2_000)) for name, entry in found("figures"))
    tables = tuple(_table(name, entry) for name, entry in found("tables"))
    numbers = tuple((name, _text(entry.get("text"))) for name, entry in found("numbers"))
    return Evidence(figures, tables, numbers, _verdict(exercise, attempts), tuple(lacking))


def figure(out: Path, submission: str, name: str) -> Picture | None:
    """Return a figure of a submission's re-run, drawn anew; None where there is none."""
    notebook, _, short = name.partition(".")
    made = executed(out, submission, notebook)
    entry = as_dict(as_dict(made.results.get("figures")).get(short))
    alt = entry.get("alt")
    content = made.pictures.get(_key(alt)) if isinstance(alt, str) else None
    return drawn_anew(content, PNG, _text(alt, 2_000))[0] if content else None


def executed(out: Path, submission: str, notebook: str) -> Executed:
    """Return what an executed notebook holds; nothing for one that is not there, or cannot be read."""
    path = out / "notebooks" / submission / f"{notebook}.ipynb"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return Executed({}, {})


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Executed:
    document = executed_document(path)
    pictures: dict[str, str] = {}
    for cell in document.get("cells", []):
        for output in map(as_dict, _list(cell.get("outputs"))):
            alt = as_dict(as_dict(output.get("metadata")).get(PNG)).get("alt")
            data = as_dict(output.get("data")).get(PNG)
            if isinstance(alt, str) and isinstance(data, str):
                pictures[_key(alt)] = data
    return Executed(kept_results(document), pictures)


def _table(name: str, entry: Mapping[str, Any]) -> Table:
    columns = _list(entry.get("columns"))[:MOST_COLUMNS]
    rows = [row for row in _list(entry.get("rows")) if isinstance(row, list)]
    cells = tuple(tuple(_text(cell, LONGEST) for cell in row[: len(columns)]) for row in rows[:MOST_ROWS])
    numeric = tuple(one is True for one in _list(entry.get("numeric"))[: len(columns)])
    numeric += (False,) * (len(columns) - len(numeric))
    heads = tuple(_text(column, LONGEST) for column in columns)
    return Table(name, _text(entry.get("caption"), 1_000), heads, cells, numeric, max(0, len(rows) - MOST_ROWS))


def _verdict(exercise: str, attempts: Mapping[str, Attempt]) -> tuple[str, str, str] | None:
    for attempt in attempts.values():
        if verdict := attempt.verdicts.get(exercise):
            title = exercises()[exercise].title if exercise in exercises() else ""
            message = verdict["message"] if verdict["status"] != "passed" else ""
            return f"Exercise {exercise}: {title}", verdict["status"], clean(message, 500)
    return None


def _key(alt: str) -> str:
    return " ".join(alt.split())


def _text(value: Any, longest: int = 500) -> str:
    if isinstance(value, float):
        value = f"{value:.6g}"
    return clean(str(value), longest) if isinstance(value, (str, int, bool)) else ""


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
