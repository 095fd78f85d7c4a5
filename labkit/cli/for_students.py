"""The commands of students: run the course, report, submit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labkit.basics.installed.extras import require
from labkit.cli.app import app


@app.command()
def run(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Names, e.g. 05 or 05_mlp1_sweep; none: all.")] = None,
    profile: Annotated[str, typer.Option(help="quick (seconds) or full (for a report).")] = "quick",
    data: Annotated[str, typer.Option(help="auto, embedded, a set as for fetch, or a folder of images.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="First seed; the others follow it.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for notebooks, figures, tables and the report.")] = Path("out"),
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Notebooks side by side, each with one thread.  [default: one per core, at most 4; with the full "
            "profile 1, whose sweeps use all cores]",
        ),
    ] = None,
) -> None:
    """Execute notebooks headless and build the report."""
    require("run", "run", "report")
    from labkit.course.run_all import run_course

    if not run_course(notebooks or [], profile, data, seed, out, jobs):
        raise typer.Exit(1)


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="mnist, cifar10, fashion-mnist, kmnist or svhn.")]) -> None:
    """Download the real data into the data folder (LABKIT_DATA, else a per-user cache)."""
    from labkit.data.download import fetch

    for name, folder in zip(names, fetch(names), strict=True):
        print(f"{name}: ready in {folder}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that holds results.json.")],
    template: Annotated[Path | None, typer.Option(help="Default: my_report.md, else report_template.md.")] = None,
) -> None:
    """Build the report again from results.json alone."""
    require("report", "report")
    from labkit.course.run_all import report_on

    for path in report_on(folder, template):
        print(path)


@app.command()
def progress(
    out: Annotated[Path, typer.Argument(help="Folder that the notebooks' results go to.")] = Path("out"),
) -> None:
    """Say which exercises are passed, failed and open, over all notebooks."""
    from labkit.exercises.checker import progress

    print(progress(out))


@app.command()
def submit(
    group: Annotated[str, typer.Option(help="Your group's name.")],
    members: Annotated[str, typer.Option(help='Ids of its members, as in "ab12,cd34".')],
    report: Annotated[Path | None, typer.Option(help="Your report's source; default: my_report.md.")] = None,
    data: Annotated[str, typer.Option(help="auto, embedded, a set as for fetch, or a folder of images.")] = "auto",
    out: Annotated[Path, typer.Option(help="Folder of your run's results.")] = Path("out"),
    check: Annotated[bool, typer.Option("--check", help="Only list what is missing.")] = False,
) -> None:
    """Run all notebooks anew, list what is missing, and pack the submission."""
    require("submit", "run", "report")
    from labkit.course.submit import submit

    def agree(findings: list[str]) -> bool:
        for finding in findings:
            print(f"- {finding}")
        print(f"{len(findings)} to look at." if findings else "Nothing is missing.")
        return not check and (not findings or typer.confirm("Submit it like this?"))

    if path := submit(group, members, out, report, data, agree):
        print(f"Ready to upload: {path}")
    elif not check:
        print("Nothing was packed.")


@app.command()
def update(
    archive: Annotated[Path, typer.Argument(help="The newer release: labkit-course.zip, or its unpacked folder.")],
) -> None:
    """Bring a newer release of the course into your folder, and keep your answers and your own cells."""
    from labkit.course.updating.update import update

    for line in update(archive):
        print(line)


@app.command()
def repair(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Names, e.g. 05 or 05_mlp1_sweep; none: all.")] = None,
) -> None:
    """Put back checks and marks that your notebooks lost, by the release that you have."""
    from labkit.course.updating.update import repair

    for line in repair(notebooks or []):
        print(line)


@app.command()
def doctor() -> None:
    """Say what is installed, found and missing, and what to do about it."""
    from labkit.course.doctor import examine

    well = True
    for finding in examine():
        print(finding, flush=True)
        well = well and finding.ok
    if not well:
        raise typer.Exit(1)
