"""An executed notebook as what a page shows: cells with their outputs, harmless and bounded.

Untrusted code wrote the outputs, so the file is read as plain JSON, and each part is looked at before it is used.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from labkit.basics.pages.plain_text import LONGEST, shown
from labkit.basics.pages.sanitise import prose, table, without_paths
from labkit.course.updating.known_cells import ANSWER, CHECK, INJECTED
from labkit.grading.intake.reading.reader import EXECUTED_BYTES, MOST_CELLS, as_dict, refuse_many_parts
from labkit.grading.pages.pictures import MOST_PIXELS, Picture, drawn_anew
from labkit.grading.texts import Refused

MOST_OUTPUTS = 60  # of a cell
FOLDED = 24  # lines; longer outputs are folded
# What a notebook may put on its page: characters of texts and of prose, tags of tables, bytes of pictures. And what it
# may cost: pictures that are looked at, and their pixels.
ALLOWANCE = {"text": 1_000_000, "prose": 150_000, "table": 20_000, "picture": 6_000_000}
ALLOWANCE |= {"tried": 500, "pixels": 60_000_000}
PICTURES = ("image/png", "image/jpeg")


@dataclass(frozen=True)
class Output:
    """One output of a cell. kind: stream, stderr, result, error, markup, picture or note (a sentence of ours)."""

    kind: str
    text: str = ""
    title: str = ""  # of an error
    markup: Markup | None = None
    picture: Picture | None = None

    @property
    def folded(self) -> int:
        """How many lines it has, when they are too many to be shown at once; else 0."""
        lines = self.text.count("\n") + 1
        return lines if lines > FOLDED or len(self.text) > 80 * FOLDED else 0


@dataclass(frozen=True)
class Shown:
    """One cell. number: its place among the student's, from 1; exercise, answer: whose check or answer it is, or ""."""

    number: int
    kind: str  # code, markdown or raw
    source: str
    exercise: str = ""
    markup: Markup | None = None
    outputs: tuple[Output, ...] = ()
    answer: str = ""


@dataclass
class _Allowance:
    """What a notebook may still put on its page."""

    amounts: dict[str, int] = field(default_factory=lambda: dict(ALLOWANCE))

    def take(self, what: str, amount: int) -> bool:
        """Whether there was as much left; if so, it is taken."""
        if amount > self.amounts[what]:
            return False
        self.amounts[what] -= amount
        return True


def read_executed(path: Path) -> tuple[list[Shown], str]:
    """Return the cells of an executed notebook; none, and a sentence, for a file that cannot be shown."""
    try:
        if path.stat().st_size > EXECUTED_BYTES:
            return [], f"The executed notebook has more than {EXECUTED_BYTES / 1e6:.0f} MB: too many to be shown."
        content = path.read_bytes()
    except FileNotFoundError:
        return [], "There is no executed notebook."
    except OSError as error:
        return [], f"The executed notebook cannot be read ({error.strerror})."
    try:
        refuse_many_parts(content)
        cells = json.loads(content)["cells"]
        allowance = _Allowance()
        return list(_cells(cells[:MOST_CELLS], allowance)), ""
    except Refused:
        return [], "The executed notebook has too many parts to be shown."
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError) as error:
        return [], f"The executed notebook is not one that can be shown ({type(error).__name__})."


def _cells(cells: list[Any], allowance: _Allowance) -> Iterator[Shown]:
    number = 0
    for cell in cells:
        metadata = as_dict(cell.get("metadata"))
        if INJECTED in _list(metadata.get("tags")):
            continue  # the batch's settings, no cell of the student's
        number += 1
        kind, source = cell.get("cell_type"), _text(cell.get("source"))
        grade_id = as_dict(metadata.get("nbgrader")).get("grade_id")
        grade_id = grade_id if kind == "code" and isinstance(grade_id, str) else ""
        exercise, answer = (
            grade_id.removeprefix(begin).replace("-", ".") if grade_id.startswith(begin) else ""
            for begin in (CHECK, ANSWER)
        )
        markup = prose(source) if kind == "markdown" and allowance.take("prose", len(source)) else None
        outputs = _outputs(cell, allowance) if kind == "code" else _attached(cell, allowance)
        text = shown(source) if allowance.take("text", min(len(source), LONGEST)) else "(too much text to be shown)"
        yield Shown(number, str(kind), text, exercise, markup, tuple(outputs), answer)


def _outputs(cell: dict[str, Any], allowance: _Allowance) -> Iterator[Output]:
    outputs = _joined(map(as_dict, _list(cell.get("outputs"))))
    for output in outputs[:MOST_OUTPUTS]:
        shown_output = _output(output, allowance)
        if shown_output.kind == "picture" or allowance.take("text", len(shown_output.text) + len(shown_output.title)):
            yield shown_output
        else:
            yield Output("note", "An output is left out: the notebook printed too much to show all of it.")
    if len(outputs) > MOST_OUTPUTS:
        yield Output("note", f"{len(outputs) - MOST_OUTPUTS:,} more outputs are left out.")


def _joined(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return outputs with what was printed to the same stream one after the other in one piece."""
    joined: list[dict[str, Any]] = []
    for stream, group in itertools.groupby(
        outputs, lambda each: each.get("output_type") == "stream" and each.get("name")
    ):
        pieces = list(group)
        if stream and len(pieces) > 1:
            pieces = [{**pieces[0], "text": "".join(_text(piece.get("text")) for piece in pieces)}]
        joined += pieces
    return joined


def _output(output: dict[str, Any], allowance: _Allowance) -> Output:
    kind = output.get("output_type")
    if kind == "stream":
        return Output("stderr" if output.get("name") == "stderr" else "stream", _shown(output.get("text")))
    if kind == "error":
        title = " ".join(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"[:1_000].split())
        return Output("error", _shown("\n".join(map(_text, _list(output.get("traceback"))))), _shown(title))
    data, metadata = as_dict(output.get("data")), as_dict(output.get("metadata"))
    for name in PICTURES:
        if name in data:
            alt = as_dict(metadata.get(name)).get("alt")
            return _picture(data[name], name, _shown(alt)[:2_000], allowance)
    html = _text(data.get("text/html"))
    if "<table" in html and allowance.take("table", html.count("<")) and (markup := table(without_paths(html))):
        return Output("markup", markup=markup)
    written = _text(data.get("text/markdown"))
    if written and allowance.take("prose", len(written)) and (markup := prose(without_paths(written))):
        return Output("markup", markup=markup)
    if "text/plain" in data:
        return Output("result", _shown(data["text/plain"]))
    kinds = ", ".join(shown(str(name), 60) for name in list(data)[:5])
    return Output("note", f"An output of a kind that is not shown ({kinds or 'none'}).")


def _attached(cell: dict[str, Any], allowance: _Allowance) -> Iterator[Output]:
    """Return the pictures that were pasted into a text cell."""
    for name, forms in list(as_dict(cell.get("attachments")).items())[:MOST_OUTPUTS]:
        for kind, text in as_dict(forms).items():
            if kind in PICTURES:
                yield _picture(text, kind, f"Pasted picture {shown(name, 100)}", allowance)


def _picture(text: Any, kind: str, alt: str, allowance: _Allowance) -> Output:
    if not allowance.take("tried", 1) or not allowance.take("pixels", MOST_PIXELS):  # it may have as many
        return Output("note", "A picture is left out: the notebook has more of them than fit on a page.")
    picture, pixels = drawn_anew(_text(text), kind, alt)
    allowance.amounts["pixels"] += MOST_PIXELS - pixels
    if not picture or not allowance.take("picture", len(picture.address)):
        return Output("note", f"A picture is left out: it is no {kind} of up to 2 MB and 8 million pixels.")
    return Output("picture", picture=picture)


def _shown(value: Any) -> str:
    return without_paths(shown(_text(value)).strip("\n"))


def _text(value: Any) -> str:
    """Return a text that a notebook may hold in one piece or as lines; empty for anything else."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
