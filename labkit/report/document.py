"""report_template.md + results.json -> Markdown, HTML and PDF.

The source is Jinja2 with `<< >>` and `<% %>`, so that it does not clash with pandoc's braces, over pandoc's
Markdown. In it: figure(name), table(name), number(name), has_run(notebook), banner(), provenance(); a name is
`<notebook>.<artefact>`. `@fig:name` and `@tbl:name` become "Figure 3" and "Table 1", the student's own as well. What an
exercise that is not passed should have given is marked as missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import write_atomically
from labkit.report.results import describe, describe_number, files_of
from labkit.report.writing import citations, markup, pandoc, writers
from labkit.report.writing.filling import fill
from labkit.report.writing.images import Images
from labkit.report.writing.numbering import number, set_apart
from labkit.report.writing.source import Source

DOCUMENTS = ("report.md", "report.html", "report.pdf")
LINE_WIDTH = 6.4  # inches of a text line on the page


def default_template() -> Path:
    """Return the report template: report_template.md in this folder, else the one beside the package."""
    local = Path.cwd() / "report_template.md"
    return local if local.is_file() else CHECKOUT / "report_template.md"


def report_source() -> Path:
    """Return what the report is built from unless a file is named: my_report.md in this folder, else the template."""
    own = Path.cwd() / "my_report.md"
    return own if own.is_file() else default_template()


def build_report(
    folder: Path,
    results: dict[str, Any],
    template: Path | None = None,
    not_passed: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Path]:
    """Build report.md, report.html and report.pdf in `folder`, then the student's own images; return their paths.

    results: what the folder's results.json holds. template: default: `report_source`. not_passed: the exercises of each
    notebook that are not passed; what the notebook did not make because of them is marked as missing.
    Nothing is written unless all could be built. UsageError for a template that is missing or cannot be followed,
    LabkitError for a name that the results lack, or a figure whose file is gone.
    """
    source = Source(template or report_source())
    for notebook, section in results["notebooks"].items():
        for path in files_of(section):
            if not (folder / path).is_file():
                raise LabkitError(f"{folder / path} is gone: run `labkit run {notebook}`, which makes it.")
    contents = _composed(folder, results, source, not_passed)
    for name, content in contents.items():
        if name in DOCUMENTS or (folder / name).resolve() != (source.folder / name).resolve():  # the student's file
            write_atomically(folder / name, content)
    return [folder / name for name in contents]


def try_report(
    folder: Path,
    results: dict[str, Any],
    template: Path,
    not_passed: Mapping[str, Sequence[str]],
    notebooks: Iterable[str],
) -> None:
    """Build the report and write nothing, so that what is wrong in its source is told before `notebooks` run for it.

    What a notebook did not make yet, or whose files are gone, counts as missing in this trial.
    """
    made = results["notebooks"]
    whole = {
        name: section for name, section in made.items() if all((folder / path).is_file() for path in files_of(section))
    }
    nothing: dict[str, Any] = {"figures": {}, "tables": {}, "numbers": {}}
    to_come = {
        name: {**made.get(name, next(iter(made.values()))), **nothing}
        for name in dict.fromkeys([*notebooks, *made])
        if name not in whole
    }
    open_exercises = {**not_passed, **{name: ["to come"] for name in to_come}}
    _composed(folder, {**results, "notebooks": {**whole, **to_come}}, Source(template), open_exercises)


def _composed(
    folder: Path, results: dict[str, Any], source: Source, not_passed: Mapping[str, Sequence[str]]
) -> dict[str, str | bytes]:
    """Return the files of the report; see `_compose`."""
    try:
        return _compose(folder, results, source, not_passed)
    except RecursionError as error:
        raise UsageError(f"{source.path.name} nests quotes, lists or brackets too deeply: flatten them.") from error


def _compose(
    folder: Path, results: dict[str, Any], source: Source, not_passed: Mapping[str, Sequence[str]]
) -> dict[str, str | bytes]:
    """Return the report's files by their path in `folder`: Markdown, HTML, PDF, then the student's own images."""
    text = _render(results, source, not_passed)
    keys = citations.keys_of(source.folder)
    tree, remarks = pandoc.read(text, citations=keys is not None)
    images = Images(source, folder, results)
    faults = markup.faults(tree, remarks, source) + images.take(tree)
    options: list[str] = []
    if keys is not None:
        faults += citations.faults(tree, source, keys)
        options = citations.options(tree, source.folder)
    source.refuse(faults)
    html, pdf = writers.to_html(tree, source, images, options), writers.to_pdf(tree, source, images, options)
    return {**dict(zip(DOCUMENTS, (text, html, pdf), strict=True)), **images.own}


def render(
    results: dict[str, Any], template: Path, not_passed: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> str:
    """Return the report as Markdown: the template with its artefacts placed, numbered and referred to."""
    return _render(results, Source(template), not_passed)


def _render(results: dict[str, Any], source: Source, not_passed: Mapping[str, Sequence[str]]) -> str:
    placer = _Placer(results, not_passed)
    functions: dict[str, Callable[..., Any]] = {
        "figure": placer.figure,
        "table": placer.table,
        "number": placer.number,
        "has_run": placer.has_run,
        "banner": placer.banner,
        "provenance": placer.provenance,
    }
    return number(set_apart(fill(source, functions)), source, placer.missing)


class _Placer:
    """The functions that a template calls; keeps count of what has been placed."""

    def __init__(self, results: dict[str, Any], not_passed: Mapping[str, Sequence[str]]) -> None:
        self.notebooks: dict[str, Any] = results["notebooks"]
        self.not_passed = not_passed
        self.placed: set[str] = set()
        self.missing: set[str] = set()

    def figure(self, name: str) -> str:
        if missing := self._missing("figures", name):
            self.missing.add(f"fig:{name}")
            return missing
        entry, section = self._find("figures", name)
        self._place("fig", name)
        width = min(100, round(100 * entry["width_in"] / LINE_WIDTH))
        alt = entry["alt"].replace('"', "'")
        return f'![{describe(entry, section)}]({entry["svg"]}){{#fig:{name} alt="{alt}" width={width}%}}'

    def table(self, name: str) -> str:
        if missing := self._missing("tables", name):
            self.missing.add(f"tbl:{name}")
            return missing
        entry, section = self._find("tables", name)
        self._place("tbl", name)
        lines = [
            _row(entry["columns"]),
            _row("--:" if numeric else ":--" for numeric in entry["numeric"]),
            *(_row(_escape(cell) for cell in row) for row in entry["rows"]),
        ]
        return "\n".join([*lines, "", f": {describe(entry, section)} {{#tbl:{name}}}"])

    def number(self, name: str) -> str:
        return self._missing("numbers", name) or describe_number(self._find("numbers", name)[0])

    def has_run(self, notebook: str) -> bool:
        return notebook in self.notebooks

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
        if quick := [name for name, section in self.notebooks.items() if section["profile"] == "quick"]:
            where = "All notebooks" if len(quick) == len(self.notebooks) else ", ".join(quick)
            cautions.append(
                f"**Quick profile.** {where} ran shortened; `labkit run --profile full` gives final numbers."
            )
        if len({section["labkit"] for section in sections}) > 1:
            cautions.append("**Mixed versions.** The notebooks ran under different versions of labkit.")
        return "\n".join(["::: banner", "\n\n".join(cautions), ":::"]) if cautions else ""

    def provenance(self) -> str:
        """Return a table of where every number comes from, one row a notebook."""
        head = ["Notebook", "Data (training / validation / test images)", "Profile, seeds", "Machine", "Finished (UTC)"]
        lines = [_row(head), _row([":--"] * len(head))]
        for name, section in self.notebooks.items():
            data, machine = section["data"], section["machine"]
            lines.append(
                _row(
                    [
                        _escape(name),
                        f"{data['name']}, {data['origin']} "
                        f"({data['train']:,} / {data['validation']:,} / {data['test']:,})",
                        f"{section['profile']}, {section['seeds'][0]} to {section['seeds'][-1]}",
                        f"{machine['processor']}, {machine['device']}, {machine['threads']} threads, "
                        f"torch {machine['torch']}",
                        section["finished"][:16].replace("T", " "),
                    ]
                )
            )
        return "\n".join(lines)

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


def _row(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(cell: str) -> str:
    return re.sub(r"([\\|*_`$<>\[\]])", r"\\\1", cell)
