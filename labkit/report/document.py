"""report_template.md + results.json -> Markdown, HTML and PDF.

The source is Jinja2 with `<< >>` and `<% %>`, so that it does not clash with pandoc's braces, over pandoc's
Markdown. In it: figure(name), table(name), number(name), has_run(notebook), banner(), data(), provenance(),
answers(notebook); a name is `<notebook>.<artefact>`. `@fig:name` and `@tbl:name` become "Figure 3" and "Table 1", the
student's own as well. What an exercise that is not passed should have given is marked as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import write_atomically
from labkit.report.printing import writers
from labkit.report.results import files_of
from labkit.report.writing import citations, markup, pandoc, replies
from labkit.report.writing.filling import fill
from labkit.report.writing.images import Images
from labkit.report.writing.numbering import number, set_apart
from labkit.report.writing.placing import NOTHING, Placer
from labkit.report.writing.source import Source

DOCUMENTS = ("report.md", "report.html", "report.pdf")
NotPassed = Mapping[str, Sequence[str]]
Answers = Mapping[str, Sequence[replies.Exchange]]


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
    not_passed: NotPassed = NOTHING,
    answers: Answers = NOTHING,
) -> list[Path]:
    """Build report.md, report.html and report.pdf in `folder`, then the student's own images; return their paths.

    results: what the folder's results.json holds. template: default: `report_source`. not_passed: the exercises of each
    notebook that are not passed; what the notebook did not make because of them is marked as missing. answers: the
    questions at the end of each notebook with the group's answers, which `<< answers("05") >>` places.
    Nothing is written unless all could be built. UsageError for a template that is missing or cannot be followed,
    LabkitError for a name that the results lack, or a figure whose file is gone.
    """
    source = Source(template or report_source())
    for notebook, section in results["notebooks"].items():
        for path in files_of(section):
            if not (folder / path).is_file():
                raise LabkitError(f"{folder / path} is gone: run `labkit run {notebook}`, which makes it.")
    contents = _composed(folder, results, source, not_passed, answers)
    for name, content in contents.items():
        if name in DOCUMENTS or (folder / name).resolve() != (source.folder / name).resolve():  # the student's file
            write_atomically(folder / name, content)
    return [folder / name for name in contents]


def try_report(
    folder: Path,
    results: dict[str, Any],
    template: Path,
    not_passed: NotPassed,
    notebooks: Iterable[str],
    answers: Answers = NOTHING,
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
    _composed(folder, {**results, "notebooks": {**whole, **to_come}}, Source(template), open_exercises, answers)


def _composed(
    folder: Path, results: dict[str, Any], source: Source, not_passed: NotPassed, answers: Answers
) -> dict[str, str | bytes]:
    """Return the files of the report; see `_compose`."""
    try:
        return _compose(folder, results, source, not_passed, answers)
    except RecursionError as error:
        raise UsageError(f"{source.path.name} nests quotes, lists or brackets too deeply: flatten them.") from error


def _compose(
    folder: Path, results: dict[str, Any], source: Source, not_passed: NotPassed, answers: Answers
) -> dict[str, str | bytes]:
    """Return the report's files by their path in `folder`: Markdown, HTML, PDF, then the student's own images."""
    text = _render(results, source, not_passed, answers)
    keys = citations.keys_of(source.folder)
    tree, remarks = pandoc.read(text, citations=True)
    images = Images(source, folder, results)
    faults = markup.faults(tree, remarks, source) + images.take(tree) + citations.faults(tree, source, keys)
    source.refuse(faults)
    options = citations.options(tree, source.folder)
    html, pdf = writers.to_html(tree, source, images, options), writers.to_pdf(tree, source, images, options)
    return {**dict(zip(DOCUMENTS, (text, html, pdf), strict=True)), **images.own}


def render(results: dict[str, Any], template: Path, not_passed: NotPassed = NOTHING, answers: Answers = NOTHING) -> str:
    """Return the report as Markdown: the template with its artefacts placed, numbered and referred to."""
    return _render(results, Source(template), not_passed, answers)


def _render(results: dict[str, Any], source: Source, not_passed: NotPassed, answers: Answers) -> str:
    fitting = replies.fit(answers) if "answers" in source.printed else {}
    placer = Placer(results, not_passed, fitting)
    return number(set_apart(fill(source, placer.functions())), source, placer.missing)
