"""A submission that is right before it is sent: run anew, reviewed, and packed into one zip."""

from __future__ import annotations

import io
import json
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from labkit import __version__
from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder, ensure_writable, home_folder, only_run, out_folder, write_atomically
from labkit.basics.helper_files import beside
from labkit.course import review
from labkit.course.notebooks import KEPT_METADATA, KERNELSPEC, notebooks_folder, read_notebook, told_course
from labkit.course.run_all import execute_all, refuse_unusable_images
from labkit.course.run_one import Outcome
from labkit.data.places import settle
from labkit.exercises.checker import not_passed, statuses
from labkit.report.document import build_report, report_source, try_report
from labkit.report.results import describe_number, files_of, read_results
from labkit.report.writing.citations import BIBLIOGRAPHY

LARGEST_MB = 20
LONGEST_NAME = 120  # bytes of a group's name in a file name; file systems take 255 in all
# What a path of somebody's machine looks like in a printed text.
PATH = re.compile(r"(?:/(?:home|Users|root|tmp|var|private|mnt|media)/|\b[A-Za-z]:[\\/](?!/))[^\s\"'<>|:*?)]*")


def submit(
    group: str, members: str, out: str | Path, report: Path | None, data: str, agree: Callable[[list[str]], bool]
) -> Path | None:
    """Run the notebooks anew, review what comes out, and pack it; return the zip, or None when `agree` said no.

    members: ids, with commas between them.
    out: folder of the run whose results.json the group claims; the new run goes into its folder "submission", with the
    same profile and first seed, and takes finished trainings from its cache.
    report: source of the report; default: my_report.md where it exists, else report_template.md. It is tried before
    anything runs; images and references.bib beside it are packed with it.
    agree: gets the findings, and decides whether to pack.
    """
    slug = _slug(group)
    ids = [member.strip() for member in members.split(",") if member.strip()]
    if not ids or len(set(ids)) < len(ids) or not all(re.fullmatch(r"[\w.@-]+", member) for member in ids):
        raise UsageError(f'--members {members!r} must be ids with commas between them, each once, as in "ab12,cd34".')
    data = settle(data)
    folder = out_folder(out)
    claimed = read_results(folder / "results.json")
    profile, seed = _one_setting(claimed)
    source = report or report_source()
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"The report's source {source} cannot be read ({error}): name it with --report.") from error
    paths = told_course(notebooks_folder())
    refuse_unusable_images(paths, data)
    helpers, not_packed = beside(notebooks_folder(), [path.stem for path in paths])
    saved = {path.stem: read_notebook(path) for path in paths}
    _refuse_local_paths(saved, helpers)
    answers = {name: review.exchanges(notebook) for name, notebook in saved.items()}
    try_report(folder, claimed, source, not_passed(folder), [path.stem for path in paths], answers)
    with only_run(folder):
        rerun_folder = _start_anew(folder)
        print(f"Running {len(paths)} notebooks from the start ({profile} profile, first seed {seed}):")
        parameters = {"profile": profile, "data": data, "seed": seed, "out": str(rerun_folder)}
        outcomes = execute_all(paths, parameters, rerun_folder / "notebooks")
    if not (rerun_folder / "results.json").is_file():
        raise LabkitError(f"No notebook reached its end, so there is nothing to submit: {_failure(outcomes[0])}")
    results = read_results(rerun_folder / "results.json")
    written = build_report(rerun_folder, results, source, not_passed(rerun_folder), answers)
    findings = [
        *review.missing_notebooks(paths),
        *not_packed,
        *(_failure(outcome) for outcome in outcomes if outcome.error),
        *(finding for name, notebook in saved.items() for finding in review.disorder(notebook, name)),
        *review.open_exercises(statuses(rerun_folder)),
        *(finding for name, notebook in saved.items() for finding in review.unanswered_questions(notebook, name)),
        *review.unwritten_discussions(text),
        *review.differences(claimed, results),
        *review.typed_percentages(text, results),
    ]
    if not agree(findings):
        return None
    target = Path(f"submission-{slug}.zip")
    metadata = {"group": group, "members": ids, "profile": profile, "seed": seed, "labkit": __version__}
    report_files = [path.relative_to(rerun_folder).as_posix() for path in written]
    sources = {"report_source.md": text.encode()}
    if (source.parent / BIBLIOGRAPHY).is_file():
        sources[BIBLIOGRAPHY] = (source.parent / BIBLIOGRAPHY).read_bytes()
    sources |= {f"notebooks/{name}": path.read_bytes() for name, path in helpers.items()}
    write_atomically(target, _pack(rerun_folder, results, f"submission-{slug}", report_files, sources, metadata))
    if helpers:
        print(f"Packed along with the notebooks: {', '.join(helpers)}.")
    return target


def _slug(group: str) -> str:
    """Return a group's name as part of a file name, in its own script: letters and digits, and - for the rest."""
    plain = unicodedata.normalize("NFC", group).lower()
    kept = "".join(character if unicodedata.category(character)[0] in "LMN" else "-" for character in plain)
    short = kept.encode()[:LONGEST_NAME].decode(errors="ignore")
    if not (slug := re.sub("-+", "-", short).strip("-")):
        raise UsageError(f"--group {group!r} must hold letters or digits.")
    return slug


def _one_setting(claimed: dict[str, Any]) -> tuple[str, int]:
    settings = {(section["profile"], section["seeds"][0]) for section in claimed["notebooks"].values()}
    if len(settings) != 1:
        raise LabkitError(
            "Your notebooks ran with different profiles or seeds: run them all alike, e.g. `labkit run --profile full`."
        )
    return settings.pop()


def _start_anew(folder: Path) -> Path:
    """Return the folder of the new run: empty, but for the trainings that are finished."""
    rerun_folder = folder / "submission"
    ensure_writable(rerun_folder)
    try:
        for entry in rerun_folder.iterdir():
            if entry.is_dir() and entry.name != "cache":
                shutil.rmtree(entry)
            elif entry.is_file():
                entry.unlink()
        if (folder / "cache").is_dir():
            shutil.copytree(folder / "cache", rerun_folder / "cache", dirs_exist_ok=True)
    except OSError as error:  # on Windows, what another program has open stays
        raise LabkitError(
            f"{error.filename or rerun_folder} cannot be replaced ({error.strerror or error}): close what has it open, "
            "e.g. a viewer of the report, see that the disk has space, and run the command again."
        ) from error
    return rerun_folder


def _failure(outcome: Outcome) -> str:
    order = ""
    if outcome.error.startswith("NameError"):
        order = " It may only work out of order: choose Restart Kernel and Run All Cells, and fix what fails."
    return f"{outcome.name} fails in cell {outcome.cell} when it is run from the start ({outcome.error}).{order}"


def _refuse_local_paths(notebooks: dict[str, Any], helpers: dict[str, Path]) -> None:
    """Raise LabkitError for code that names a folder of this machine: it runs nowhere else."""
    folders = [folder for folder in (home_folder(), Path.cwd(), data_folder()) if folder and folder != folder.parent]
    local_folders = [form for folder in folders for form in spellings(folder)]
    for name, notebook in notebooks.items():
        for cell in notebook.cells:
            named = [folder for folder in local_folders if folder in cell.source]
            if cell.cell_type == "code" and named:
                raise LabkitError(
                    f"{name}.ipynb names {named[0]}, a folder that only this machine has, in the cell that begins with "
                    f"{cell.source.splitlines()[0]!r}: use the parameter `data` or a relative path."
                )
    for name, path in helpers.items():
        text = path.read_text("utf-8", "replace") if name.endswith(".py") else ""
        if named := [folder for folder in local_folders if folder in text]:
            raise LabkitError(f"{name} names {named[0]}, a folder that only this machine has: use a relative path.")


def spellings(folder: PurePath) -> list[str]:
    """Return how a text may write a folder: on Windows also with slashes, and with backslashes doubled as in code."""
    plain = str(folder)
    return list(dict.fromkeys((plain.replace("\\", "\\\\"), plain, folder.as_posix())))


def _pack(
    rerun_folder: Path,
    results: dict[str, Any],
    root: str,
    report_files: list[str],
    sources: dict[str, bytes],
    metadata: dict[str, Any],
) -> bytes:
    """Return the zip; LabkitError when it or a file in it is too large.

    report_files: by their path in the folder of the run. sources: what the report is built from, and what the
    notebooks bring along.
    """
    names = [*report_files, "results.json"]
    names += [file for section in results["notebooks"].values() for file in files_of(section)]
    files: dict[str, bytes] = {name: (rerun_folder / name).read_bytes() for name in names}
    for path in sorted((rerun_folder / "notebooks").glob("*.ipynb")):
        files[f"notebooks/{path.name}"] = without_paths(read_notebook(path)).encode()
    files |= sources
    files["submission.json"] = (json.dumps(metadata, indent=1, ensure_ascii=False) + "\n").encode()
    files["Readme.txt"] = _readme(results, metadata).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            if len(content) > LARGEST_MB * 1e6:
                raise LabkitError(f"{name} has {len(content) / 1e6:.0f} MB; a submission may hold {LARGEST_MB} MB.")
            archive.writestr(f"{root}/{name}", content)
    if len(buffer.getvalue()) > LARGEST_MB * 1e6:
        raise LabkitError(f"The zip would have more than {LARGEST_MB} MB: take large outputs out of your notebooks.")
    return buffer.getvalue()


def without_paths(notebook: Any) -> str:
    """Return a notebook as JSON text, without paths of this machine in its metadata and in what it printed.

    The cell by which papermill sets the parameters goes as well.
    """
    import nbformat

    replacements = [(Path.cwd(), "."), (home_folder() or Path("/"), "~")]

    def shortened(text: str) -> str:
        for folder, sign in replacements:
            for form in spellings(folder) if folder != folder.parent else ():
                text = text.replace(form, sign)
        return PATH.sub(lambda match: "…/" + re.split(r"[/\\]", match[0])[-1], text)

    notebook.metadata = {"kernelspec": dict(KERNELSPEC)}
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT_METADATA}
        for output in cell.get("outputs", []):
            for key in ("text", "evalue"):
                if key in output:
                    output[key] = shortened(output[key])
            if "traceback" in output:
                output["traceback"] = [shortened(line) for line in output["traceback"]]
            for kind, content in output.get("data", {}).items():
                if kind.startswith("text/") and isinstance(content, str):
                    output["data"][kind] = shortened(content)
    return str(nbformat.writes(notebook, version=4))


def _readme(results: dict[str, Any], metadata: dict[str, Any]) -> str:
    lines = [
        f"Group: {metadata['group']}",
        f"Members: {', '.join(metadata['members'])}",
        "",
        f"How to run it: install labkit {metadata['labkit']}, unpack this folder, go into it, and type",
        "",
        f"    labkit run --profile {metadata['profile']} --seed {metadata['seed']}",
        "    labkit report out --template report_source.md",
        "",
        "The report is then out/report.pdf. Each notebook can be run alone, with the command beside it:",
    ]
    for name, section in results["notebooks"].items():
        command = f"labkit run {name[:2]} --profile {metadata['profile']} --seed {metadata['seed']}"
        data = section["data"]
        lines += ["", f"{name}: {command}", f"  data: {data['name']} ({data['origin']})"]
        lines += [f"  figure {key}: {entry['svg']}" for key, entry in section["figures"].items()]
        lines += [f"  table {key}: {entry['csv']}" for key, entry in section["tables"].items()]
        lines += [f"  number {key}: {describe_number(entry)}" for key, entry in section["numbers"].items()]
    return "\n".join(lines) + "\n"
