"""report_template.md + results.json -> Markdown, HTML and PDF.

The template is Jinja2 with `<< >>` and `<% %>`, so that it does not clash with pandoc's braces, over pandoc's
Markdown. In it: figure(name), table(name), number(name), has_run(notebook), banner(), provenance(); a name is
`<notebook>.<artefact>`. `@fig:name` and `@tbl:name` become "Figure 3" and "Table 1". What an exercise that is not
passed should have given is marked as missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.basics.files import write_atomically
from labkit.report.results import describe, describe_number, files_of

TEMPLATES = Path(__file__).with_name("templates")
REFERENCE = re.compile(r"@(fig|tbl):([\w]+\.[\w]+)")
LINE_WIDTH = 6.4  # inches of a text line on the page
LABELS = {"fig": "Figure", "tbl": "Table"}


def default_template() -> Path:
    """Return the report template: report_template.md in this folder, else the one beside the package."""
    local = Path.cwd() / "report_template.md"
    return local if local.is_file() else CHECKOUT / "report_template.md"


def build_report(
    folder: Path,
    results: dict[str, Any],
    template: Path | None = None,
    not_passed: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Path]:
    """Build report.md, report.html and report.pdf in `folder`, and return their paths.

    results: what the folder's results.json holds. not_passed: the exercises of each notebook that are not passed; what
    the notebook did not make because of them is marked as missing.
    Nothing is written unless all three could be built. UsageError for a template that is missing or cannot be
    followed, LabkitError for a name that the results lack, or a figure whose file is gone.
    """
    text = render(results, template or default_template(), not_passed)
    for notebook, section in results["notebooks"].items():
        for path in files_of(section):
            if not (folder / path).is_file():
                raise LabkitError(f"{folder / path} is gone: run `labkit run {notebook}`, which makes it.")
    contents: dict[Path, str | bytes] = {
        folder / "report.md": text,
        folder / "report.html": _to_html(text, folder),
        folder / "report.pdf": _to_pdf(text, folder),
    }
    for file, content in contents.items():
        write_atomically(file, content)
    return list(contents)


def render(
    results: dict[str, Any], template: Path, not_passed: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> str:
    """Return the report as Markdown: the template with its artefacts placed, numbered and referred to."""
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    try:
        source = template.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"The template {template} cannot be read ({error}): name a Markdown file.") from error
    environment = SandboxedEnvironment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    placer = _Placer(results, not_passed)
    try:
        text = environment.from_string(source).render(
            figure=placer.figure,
            table=placer.table,
            number=placer.number,
            has_run=placer.has_run,
            banner=placer.banner,
            provenance=placer.provenance,
        )
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(
            f"The template {template} cannot be followed in line {error.lineno}: {error.message}."
        ) from error
    except (jinja2.TemplateError, TypeError) as error:
        raise UsageError(f"The template {template} cannot be followed: {error}.") from error
    return REFERENCE.sub(placer.reference, text)


class _Placer:
    """The functions that a template calls; keeps count of what has been placed."""

    def __init__(self, results: dict[str, Any], not_passed: Mapping[str, Sequence[str]]) -> None:
        self.notebooks: dict[str, Any] = results["notebooks"]
        self.not_passed = not_passed
        self.places: dict[str, dict[str, int]] = {"fig": {}, "tbl": {}}

    def figure(self, name: str) -> str:
        if missing := self._missing("figures", name):
            self.places["fig"].setdefault(name, 0)
            return missing
        entry, section = self._find("figures", name)
        number = self._place("fig", name)
        width = min(100, round(100 * entry["width_in"] / LINE_WIDTH))
        alt = entry["alt"].replace('"', "'")
        caption = describe(entry, section)
        return f'![**Figure {number}.** {caption}]({entry["svg"]}){{#fig:{name} alt="{alt}" width={width}%}}'

    def table(self, name: str) -> str:
        if missing := self._missing("tables", name):
            self.places["tbl"].setdefault(name, 0)
            return missing
        entry, section = self._find("tables", name)
        number = self._place("tbl", name)
        lines = [
            _row(entry["columns"]),
            _row("--:" if numeric else ":--" for numeric in entry["numeric"]),
            *(_row(_escape(cell) for cell in row) for row in entry["rows"]),
        ]
        return "\n".join([*lines, "", f": **Table {number}.** {describe(entry, section)} {{#tbl:{name}}}"])

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

    def reference(self, match: re.Match[str]) -> str:
        kind, name = match.groups()
        if name not in self.places[kind]:
            raise UsageError(
                f"The template refers to @{kind}:{name}, but does not place it: add the {LABELS[kind].lower()}."
            )
        return f"{LABELS[kind]}\u00a0{self.places[kind][name] or '(missing)'}"

    def _place(self, kind: str, name: str) -> int:
        if name in self.places[kind]:
            raise UsageError(f"The template places {name} twice: refer to it as @{kind}:{name} instead.")
        return self.places[kind].setdefault(name, sum(map(bool, self.places[kind].values())) + 1)

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


def _to_html(text: str, folder: Path) -> str:
    return _pandoc(text, "html5", folder, "report.html", ["--embed-resources", "--toc", "--toc-depth=2"])


def _to_pdf(text: str, folder: Path) -> bytes:
    """Return the PDF, which Typst sets with its own fonts, so that it looks the same on every machine."""
    import typst

    source = _pandoc(text, "typst", folder, "report.typ", [f"--lua-filter={TEMPLATES / 'typst.lua'}"])
    try:
        # typst's stub wants input and root to be of one type; the function does not
        pdf = typst.compile(source.encode(), root=str(folder), ignore_system_fonts=True)  # type: ignore[type-var]
    except typst.TypstError as error:
        raise LabkitError(f"The PDF could not be set: {first_line(error)}") from error
    return bytes(pdf)


def _pandoc(text: str, to: str, folder: Path, template: str, options: list[str]) -> str:
    import pypandoc

    arguments = [
        "--standalone",
        f"--template={TEMPLATES / template}",
        f"--resource-path={folder}",
        "--columns=1000",
        *options,
    ]
    try:
        converted: str = pypandoc.convert_text(text, to, format="markdown", extra_args=arguments)
    except RuntimeError as error:
        raise LabkitError(f"pandoc could not read the report's Markdown: {error}") from error
    return converted
