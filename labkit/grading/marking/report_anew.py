"""A group's report as PDF, built anew from what its re-run made: in the sandbox, for the group wrote its source.

The numbers and tables are the re-run's, and its figures as the executed notebooks show them, drawn anew.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.notebooks import course, notebooks_folder
from labkit.exercises.catalogue import chapter_of, exercises
from labkit.grading.intake.reading.reader import as_dict
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.marking.evidence import executed, figure
from labkit.grading.records.attempts import NOT_EXECUTED, Attempt
from labkit.grading.sandbox.bubblewrap import refuse_without_sandbox, wrap
from labkit.grading.texts import clean

Answers = Mapping[str, Sequence[tuple[str, str]]]
BUILT = "reports"  # the folder that the PDFs are kept in
SECONDS, MEMORY, LARGEST = 120, 4_000_000_000, 50_000_000  # bytes of memory, and of the PDF
PROGRAM = """
import json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
from labkit.basics.errors import LabkitError
from labkit.report.document import build_report
from labkit.report.writing.replies import Exchange
folder = Path(sys.argv[1])
said = json.loads((folder / "said.json").read_text())
answers = {stem: [Exchange(*pair) for pair in pairs] for stem, pairs in said["answers"].items()}
for some in (answers, {stem: [] for stem in answers}):  # an answer that no report can hold costs the answers alone
    fault = folder / "fault.txt"
    try:
        build_report(folder / "out", said["results"], folder / "source" / "report_source.md", said["not_passed"], some)
    except LabkitError as error:
        fault.write_text(str(error))
    else:
        fault.unlink(missing_ok=True)
        break
"""


def report_anew(out: Path, submission: str, attempts: Mapping[str, Attempt], answers: Answers) -> bytes:
    """Return the PDF; LabkitError, with the reason, where it cannot be built.

    answers: by notebook, the questions with what the submission answers, as Markdown.
    It is kept, and built again only when the source or an executed notebook changed. Raw HTML and TeX in the source are
    refused, as in every report of labkit's.
    """
    source = out / FOLDER / submission
    if not (source / SOURCE).is_file():
        raise LabkitError("This submission holds no report_source.md, so there is nothing to build.")
    stems = [path.stem for path in course(notebooks_folder())]
    key = _key(out, submission, source, stems)
    kept = out / BUILT / f"{submission}.pdf"
    note = kept.with_suffix(".key")
    if kept.is_file() and note.is_file() and note.read_text() == key:
        return kept.read_bytes()
    content = _built(out, submission, source, stems, attempts, answers)
    write_atomically(kept, content)
    write_atomically(note, key)
    return content


def _built(
    out: Path, submission: str, source: Path, stems: list[str], attempts: Mapping[str, Attempt], answers: Answers
) -> bytes:
    refuse_without_sandbox()
    with tempfile.TemporaryDirectory(prefix="labkit-report-") as scratch:
        folder = Path(scratch)
        results: dict[str, Any] = {"format": 1, "notebooks": {}}
        for stem in stems:
            section = executed(out, submission, stem).results
            if as_dict(section.get("data")) and section.get("seeds"):
                results["notebooks"][stem] = _with_files(out, submission, stem, section, folder / "out")
        if not results["notebooks"]:
            raise LabkitError("No notebook of this submission published anything, so there is nothing to build from.")
        filler = next(iter(results["notebooks"].values()))
        nothing: dict[str, Any] = {"figures": {}, "tables": {}, "numbers": {}}
        for stem in stems:
            results["notebooks"].setdefault(stem, {**filler, **nothing})
        not_passed = {stem: _not_passed(stem, attempts.get(stem)) for stem in stems}
        for path in source.rglob("*"):
            if path.is_file():
                write_atomically(folder / "source" / path.relative_to(source), path.read_bytes())
        said = {"results": results, "not_passed": not_passed, "answers": answers}
        write_atomically(folder / "said.json", json.dumps(said))
        fault = _run(scratch)
        try:
            fault = (folder / "fault.txt").read_text(errors="replace")
        except OSError:
            content = folder / "out" / "report.pdf"
            if content.is_file() and not content.is_symlink() and content.stat().st_size <= LARGEST:
                return content.read_bytes()
    raise LabkitError(
        f"The report of {submission} could not be built: {clean(fault.replace(scratch, '(report)'), 600)}"
    )


def _run(scratch: str) -> str:
    """Build the report in the sandbox, and return what was said last."""
    program = PROGRAM
    for name in ("SECONDS", "MEMORY", "LARGEST"):
        program = program.replace(name, str(globals()[name]))
    command = [*wrap(scratch), sys.executable, "-P", "-c", program, scratch]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it took more than {SECONDS} seconds."
    said = done.stderr[-2_000:].decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else "it ended without a word."


def _with_files(out: Path, submission: str, stem: str, section: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a notebook's section whose figures are the pictures that are written into the folder of the run."""
    figures = {}
    for name, entry in as_dict(section.get("figures")).items():
        picture = figure(out, submission, f"{stem}.{name}")
        if picture and isinstance(entry, dict):
            content = base64.b64decode(picture.address.partition(";base64,")[2])
            path = f"figures/{sha256(f'{stem}.{name}'.encode()).hexdigest()[:20]}.png"
            write_atomically(folder / path, content)
            figures[name] = {**entry, "png": path, "svg": path}
    tables = {
        name: {**entry, "csv": _empty(folder)}
        for name, entry in as_dict(section.get("tables")).items()
        if isinstance(entry, dict)
    }
    return {**section, "figures": figures, "tables": tables}


def _empty(folder: Path) -> str:
    """Return the path of an empty table: the report shows the rows, and only looks whether the file is there."""
    path = folder / "tables" / "empty.csv"
    if not path.is_file():
        write_atomically(path, "")
    return path.relative_to(folder).as_posix()


def _not_passed(stem: str, attempt: Attempt | None) -> list[str]:
    """Return the exercises that a missing figure may need; never none, so that what is missing is marked as such."""
    if attempt is None or attempt.status in NOT_EXECUTED:
        return [name for name in exercises() if chapter_of(name) == chapter_of(stem)]
    return [name for name, verdict in attempt.verdicts.items() if verdict["status"] != "passed"] or ["(not made)"]


def _key(out: Path, submission: str, source: Path, stems: list[str]) -> str:
    paths = [*sorted(source.rglob("*")), *(out / "notebooks" / submission / f"{stem}.ipynb" for stem in stems)]
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.is_file()]
    return sha256(repr(states).encode()).hexdigest()
