"""The student version of the course: no solutions, no hidden tests, no outputs; one folder and one zip.

nbgrader's own preprocessors make the notebooks, in the order of `nbgrader generate_assignment`, so a course that grades
with nbgrader hands out the same cells. Everything is made and searched in memory before anything is written.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from labkit import CHECKOUT, __version__
from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.basics.files import ensure_writable, expanded, write_atomically
from labkit.course.build import check_notebooks
from labkit.course.notebooks import clean, notebooks_folder, read_notebook, to_text, told_course
from labkit.course.releasing.editors import editor_files
from labkit.course.releasing.setup_cell import Address, read_address, with_setup
from labkit.course.updating.release_files import COURSE, RELEASED, recorded
from labkit.report.captions import caption_files
from labkit.report.document import default_template

README = Path(__file__).with_name("student_readme.md")
REGIONS = (("BEGIN SOLUTION", "END SOLUTION", "solution"), ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "grade"))
TRIVIAL = re.compile(r".{0,11}|.*:|return [\w, ]+")  # short lines, headers and plain returns give nothing away


def release(out: Path, address: str = "") -> list[Path]:
    """Write the student version to the folder out/labkit-course and to the zip beside it; return both.

    address: of the folder on GitHub where the release will lie, if any: notebooks get a badge that opens them on Colab.
    What an earlier release wrote is replaced, as long as nobody changed it since. LabkitError, and nothing is written,
    when a stored notebook differs from its twin, when markers stand where nbgrader would not see them, or when a line
    of a solution would still be shown.
    """
    out = expanded(out).resolve()
    folder, archive = out / COURSE, out / f"{COURSE}.zip"
    _refuse_to_overwrite(folder, archive)
    today = date.today()  # asked for once: a release made at midnight has one date
    files = course_files(today, read_address(address) if address else None)
    ensure_writable(out)
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=f".{COURSE}-") as scratch:
            fresh, packed = Path(scratch) / COURSE, Path(scratch) / archive.name
            for name, content in files.items():
                write_atomically(fresh / name, content)
            write_atomically(packed, to_zip(files, today, COURSE))
            if folder.exists():
                folder.replace(Path(scratch) / "old")
            fresh.replace(folder)
            packed.replace(archive)
    except OSError as error:
        raise LabkitError(
            f"{folder} cannot be replaced ({error.strerror or error}): close what uses it, or name another --out."
        ) from error
    return [folder, archive]


def course_files(day: date, address: Address | None = None) -> dict[str, bytes]:
    """Return the files of a day's student version by their path; LabkitError where it is not fit to be handed out."""
    folder = notebooks_folder()
    if (folder / "source").is_dir():
        check_notebooks()
    notebooks = {path.name: clean(read_notebook(path)) for path in told_course(folder)}
    if faults := [f"{name}: {fault}" for name, notebook in notebooks.items() for fault in _marker_faults(notebook)]:
        raise LabkitError("\n  ".join(["The release would show or lose solutions.", *faults]))
    secret = solution_lines(notebooks)
    files = package()
    wheel = next((name for name in files if name.endswith(".whl")), "")
    for name, book in notebooks.items():
        files[f"notebooks/{name}"] = to_text(with_setup(student_version(book), name, wheel, address)).encode()
    files |= {f"notebooks/{name}": content for name, content in caption_files(folder)}
    try:
        files["report_template.md"] = default_template().read_bytes()
    except OSError as error:
        raise UsageError("No report_template.md here: run the command in the folder that holds it.") from error
    files["README.md"] = _readme(wheel).encode()
    if leaked := leaks(secret, files):
        raise LabkitError("\n  ".join(["The release would show lines of solutions; reword or remove them.", *leaked]))
    files[RELEASED] = to_zip(recorded(files, day.isoformat()), day)  # what a later release is compared with
    return files


def student_version(notebook: Any) -> Any:
    """Take solutions, hidden tests and outputs out of a notebook, lock its checks, and return it.

    As `nbgrader generate_assignment`, but without its database and its folders.
    """
    from nbgrader import preprocessors as steps

    try:
        for step in (
            steps.LockCells,
            steps.ClearSolutions,
            steps.ClearOutput,
            steps.CheckCellMetadata,
            steps.ClearHiddenTests,
            steps.ClearMarkScheme,
            steps.ComputeChecksums,  # after the hidden tests are out: students' checksums are without them
            steps.CheckCellMetadata,
        ):
            notebook, _ = step().preprocess(notebook, {})
    except Exception as error:  # nbgrader raises RuntimeError, ValueError and its own
        raise LabkitError(f"nbgrader cannot make the student version: {first_line(error)}") from error
    return notebook


def solution_lines(notebooks: Mapping[str, Any]) -> dict[str, str]:
    """Return what must not be shown, each line with the notebook that it is from: solutions and hidden tests.

    A line is no secret when code outside of the markers shows it, in the same notebook or in an earlier one.
    """
    secret: dict[str, str] = {}
    public = ""
    for name, notebook in notebooks.items():
        hidden: list[str] = []
        for cell in notebook.cells:
            if cell.cell_type == "code":
                inside, outside = _split(cell.source)
                hidden += inside
                public += "\n".join(["", *outside])
            elif cell.metadata.get("nbgrader", {}).get("solution"):
                hidden += [" ".join(line.split()) for line in cell.source.splitlines()]  # answers to questions
        secret |= {line: name for line in hidden if not TRIVIAL.fullmatch(line) and line not in public}
    return secret


def leaks(secret: Mapping[str, str], files: Mapping[str, bytes]) -> list[str]:
    """Return a sentence for each secret line that a text file of the release shows, wherever it stands in it.

    labkit's wheel is not searched: it is the package that students install and may read.
    """
    findings = []
    for name, content in files.items():
        if name.endswith(".whl"):
            continue
        lines = _strings(json.loads(content)) if name.endswith(".ipynb") else content.decode().splitlines()
        text = "\n".join(" ".join(line.split()) for line in lines)
        findings += [f"{name} shows `{line}`, of {owner}." for line, owner in secret.items() if line in text]
    return findings


def to_zip(files: Mapping[str, bytes], day: date, folder: str = "", executable: Collection[str] = ()) -> bytes:
    """Return the files as a zip, in a folder if one is named: sorted and all dated alike, so equal for a day."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}" if folder else name, (day.year, day.month, day.day, 0, 0, 0))
            mode = 0o755 if name in executable else 0o644
            entry.create_system, entry.external_attr = 3, mode << 16  # as on Linux, on every system
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _refuse_to_overwrite(folder: Path, archive: Path) -> None:
    """Raise UsageError where `folder` holds anything but what the zip beside it says that a release wrote."""
    written: dict[Path, bytes] = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            written = {folder.parent / name: packed.read(name) for name in packed.namelist()}
    except (OSError, zipfile.BadZipFile):
        pass  # nothing says that a release was here
    files = [path for path in (folder, *sorted(folder.rglob("*"))) if path.is_file()]
    if foreign := [path for path in files if written.get(path) != path.read_bytes()]:
        raise UsageError(
            f"{foreign[0]} is not as a release left it, and would be lost: move {folder} away, or name another --out."
        )


def _marker_faults(notebook: Any) -> list[str]:
    """Return a sentence for each cell whose markers nbgrader would not follow."""
    faults = []
    for cell in notebook.cells:
        for begin, end, role in REGIONS:
            marks = re.findall(f"{begin}|{end}", cell.source)
            if marks and not (cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get(role)):
                faults.append(f"{cell.id} holds '{marks[0]}', but nbgrader's metadata does not call it a {role} cell.")
            elif marks != [begin, end] * (len(marks) // 2):
                faults.append(f"{cell.id} needs one '{end}' after each '{begin}'.")
    return faults


def _split(source: str) -> tuple[list[str], list[str]]:
    """Return the lines of a cell inside of markers, and those outside; without indentation, and comments at the end."""
    inside: list[str] = []
    outside: list[str] = []
    target = outside
    for line in source.splitlines():
        if any(begin in line for begin, _, _ in REGIONS):
            target = inside
        elif any(end in line for _, end, _ in REGIONS):
            target = outside
        else:
            target.append(" ".join(line.split("  # ")[0].split()))
    return inside, outside


def _strings(node: Any) -> list[str]:
    """Return every text in a JSON value: sources, metadata and outputs alike."""
    if isinstance(node, str):
        return node.splitlines()
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in inner for text in _strings(child)]


def package() -> dict[str, bytes]:
    """Return labkit as a wheel, and what installs it: conda's environment, an editor's files.

    Nothing where labkit's sources are not here.
    """
    if not (CHECKOUT / "pyproject.toml").is_file():
        print(
            "labkit's sources are not here, so the release holds neither its wheel nor environment.yml: tell students "
            "how to install labkit, or run the command in a checkout."
        )
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch]
        build = subprocess.run(command, cwd=CHECKOUT, capture_output=True, encoding="utf-8", errors="replace")
        wheels = {path.name: path.read_bytes() for path in Path(scratch).glob("*.whl")}
    if build.returncode or not wheels:
        reason = (build.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabkitError(f"labkit's wheel could not be built in {CHECKOUT}: {reason}")
    (wheel,) = wheels
    environment = (CHECKOUT / "environment.yml").read_text(encoding="utf-8").replace("- -e .", f"- ./{wheel}")
    return {**wheels, "environment.yml": environment.encode(), **editor_files(wheel)}


def _readme(wheel: str) -> str:
    """Return the README for students; it names labkit's wheel where there is one."""
    import jinja2

    template = jinja2.Template(
        README.read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return template.render(wheel=wheel, version=__version__)
