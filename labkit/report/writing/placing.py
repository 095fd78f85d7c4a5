"""What a report's source asks for by name: figures, tables, numbers, answers, and what stands behind them all.

A figure, table or number is called `<notebook>.<artefact>`. Captions and numbers are short: the report's Methods say
data, split, n and seeds once for all, by `data()`, and a caption names only what differs from that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from labkit.basics.errors import LabkitError, UsageError
from labkit.report.results import describe_number, short_number, stands_in, unusual
from labkit.report.uncertainty import image_error

LINE_WIDTH = 6.4  # inches of a text line on the page
USUAL = 95  # percent: the accuracy for which the uncertainty from the test images is told
WIDEST = 75  # percent of the line that a figure takes by itself
NOTHING: Mapping[str, Any] = MappingProxyType({})
Answers = Mapping[str, str]


class Placer:
    """The functions that a report's source calls; keeps count of what has been placed.

    not_passed: the exercises of each notebook that are not passed; what it did not make because of them is marked.
    answers: the questions of each notebook with the group's answers, as Markdown that is fit for the report.
    """

    def __init__(
        self, results: Mapping[str, Any], not_passed: Mapping[str, Sequence[str]], answers: Answers = NOTHING
    ) -> None:
        self.notebooks: dict[str, Any] = results["notebooks"]
        self.not_passed = not_passed
        self.of_notebook = answers
        self.placed: set[str] = set()
        self.missing: set[str] = set()

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return what the source may call, by its name there."""
        names = ("figure", "table", "number", "has_run", "banner", "data", "provenance", "answers")
        return {name: getattr(self, name) for name in names}

    def figure(self, name: str, width: float = 0) -> str:
        """Return a figure with its caption; width: percent of the line; default: as it was drawn, 75 at most."""
        if missing := self._missing("figures", name):
            self.missing.add(f"fig:{name}")
            return missing
        entry, section = self._find("figures", name)
        self._place("fig", name)
        drawn = round(100 * entry["width_in"] / LINE_WIDTH)
        width = width or min(WIDEST, drawn)
        alt = entry["alt"].replace('"', "'")
        caption = f"{entry['caption']}{_in_brackets(unusual(entry, section))}"
        return f'![{caption}]({entry["svg"]}){{#fig:{name} alt="{alt}" width={width:g}% drawn={drawn}%}}'

    def table(self, name: str) -> str:
        """Return a table with its caption."""
        if missing := self._missing("tables", name):
            self.missing.add(f"tbl:{name}")
            return missing
        entry, section = self._find("tables", name)
        self._place("tbl", name)
        lines = _table(entry["columns"], entry["rows"], entry["numeric"])
        caption = f": {entry['caption']}{_in_brackets(unusual(entry, section))} {{#tbl:{name}}}"
        return "\n".join([*lines, "", caption])

    def number(self, name: str, full: bool = False) -> str:
        """Return a number with its spread; full: also split, n and seeds, or how many timings."""
        if missing := self._missing("numbers", name):
            return missing
        entry, _ = self._find("numbers", name)
        return describe_number(entry) if full else short_number(entry)

    def has_run(self, notebook: str) -> bool:
        """Return whether a notebook, by its number or its name, published results."""
        return any(notebook in (name, name[:2]) for name in self.notebooks)

    def answers(self, notebook: str) -> str:
        """Return a notebook's questions with the group's answers; notebook: its number or its name."""
        for name, text in self.of_notebook.items():
            if notebook in (name, name[:2]):
                return text or "This notebook ends without questions."
        if self.has_run(notebook):
            return f"**[missing: notebook {notebook} is not beside this report, and with it the answers]**"
        raise UsageError(f"The template asks for the answers of {notebook!r}, which is no notebook that was run.")

    def banner(self) -> str:
        """Return what a reader must know before any number: embedded data, quick profile, mixed runs."""
        cautions = []
        sections = self.notebooks.values()
        if embedded := [name for name, section in self.notebooks.items() if not section["data"]["real"]]:
            names = sorted({self.notebooks[name]["data"]["name"] for name in embedded})
            where = "Every number" if len(embedded) == len(self.notebooks) else f"What comes from {', '.join(embedded)}"
            cautions.append(
                f"**Embedded data.** {where} in this report was measured on the {' and '.join(names)} that labkit "
                "carries, not on MNIST or CIFAR-10: do not compare it with published results."
            )
        if others := [name for name, section in self.notebooks.items() if stands_in(section["data"])]:
            names = sorted({self.notebooks[name]["data"]["name"] for name in others})
            where = "All notebooks" if len(others) == len(self.notebooks) else ", ".join(others)
            cautions.append(
                f"**Other images.** {where} ran on {' and '.join(map(_escape, names))}, in the place of MNIST or "
                "CIFAR-10: do not compare it with published results on those."
            )
        if quick := [name for name, section in self.notebooks.items() if section["profile"] == "quick"]:
            where = "All notebooks" if len(quick) == len(self.notebooks) else ", ".join(quick)
            cautions.append(
                f"**Quick profile.** {where} ran shortened; `labkit run --profile full` gives final numbers."
            )
        if len({section["labkit"] for section in sections}) > 1:
            cautions.append("**Mixed versions.** The notebooks ran under different versions of labkit.")
        return "\n".join(["::: banner", "\n\n".join(cautions), ":::"]) if cautions else ""

    def data(self) -> str:
        """Return a table of the images that were used: one row per data set and size."""
        rows: dict[tuple[str, ...], list[str]] = {}
        for name, section in self.notebooks.items():
            data, seeds = section["data"], section["seeds"]
            sizes = [f"{data[split]:,}" for split in ("train", "validation", "test")]
            error = f"{image_error(USUAL, data['test']):.1f}"
            row = (f"{data['name']}, {data['origin']}", *sizes, error, f"{seeds[0]} to {seeds[-1]}", section["profile"])
            rows.setdefault(row, []).append(name[:2])
        head = ["images", "training", "validation", "test", f"± if {USUAL} % right", "seeds", "profile", "notebooks"]
        cells = [[*row, ", ".join(names)] for row, names in rows.items()]
        return "\n".join(_table(head, cells, [False, *[True] * 4, False, False, False]))

    def provenance(self) -> str:
        """Return a table of where the numbers come from: one row per machine and version of torch."""
        rows: dict[tuple[str, str, str, str], list[str]] = {}
        for name, section in self.notebooks.items():
            machine = section["machine"]
            used = f"{machine['device']}, {machine['threads']} threads"
            row = (str(machine["processor"]), used, str(machine["torch"]), section["labkit"])
            rows.setdefault(row, []).append(name)
        head = ["machine", "device", "torch", "labkit", "notebooks", "finished (UTC)"]
        cells = [[*row, ", ".join(name[:2] for name in names), self._finished(names)] for row, names in rows.items()]
        return "\n".join(_table(head, cells, [False] * len(head)))

    def _finished(self, names: Sequence[str]) -> str:
        times = sorted(self.notebooks[name]["finished"][:16].replace("T", " ") for name in names)
        return times[0] if times[0] == times[-1] else f"{times[0]} to {times[-1]}"

    def _place(self, kind: str, name: str) -> None:
        if f"{kind}:{name}" in self.placed:
            raise UsageError(f"The template places {name} twice: refer to it as @{kind}:{name} instead.")
        self.placed.add(f"{kind}:{name}")

    def _missing(self, kind: str, name: str) -> str:
        """Return a mark for what a notebook did not make because exercises of it are not passed; else nothing."""
        notebook, _, artefact = name.partition(".")
        if artefact in self.notebooks.get(notebook, {kind: [artefact]})[kind]:
            return ""
        not_passed = self.not_passed.get(notebook, ())
        return f"**[missing: needs exercise {' or '.join(not_passed)}]**" if not_passed else ""

    def _find(self, kind: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        notebook, dot, artefact = name.partition(".")
        if not dot:
            raise UsageError(f"The template asks for {name!r}: write it as <notebook>.<name>.")
        if notebook not in self.notebooks:
            raise LabkitError(f"results.json lacks {name}: run the notebook that makes it, `labkit run {notebook}`.")
        section = self.notebooks[notebook]
        if artefact not in section[kind]:
            available = ", ".join(section[kind]) or "none"
            raise LabkitError(
                f"results.json lacks {name}: notebook {notebook} makes these {kind}: {available}. "
                f"Correct the name, or run `labkit run {notebook}` again."
            )
        return section[kind][artefact], section


def _in_brackets(details: Sequence[str]) -> str:
    return f" ({', '.join(map(_escape, details))}.)" if details else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], numeric: Iterable[bool]) -> list[str]:
    """Return the lines of a Markdown table; numbers stand to the right."""
    return [
        _row(map(_escape, head)),
        _row("--:" if one else ":--" for one in numeric),
        *(_row(map(_escape, row)) for row in rows),
    ]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(cell: str) -> str:
    return re.sub(r"([\\|*_`$<>\[\]~^@])", r"\\\1", cell)
