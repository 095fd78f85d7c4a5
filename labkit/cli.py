"""The command line: each command is one call into the package, and imports it only then."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from labkit.basics.console import print_on_any_console
from labkit.basics.errors import Interrupted, LabkitError, UsageError
from labkit.basics.signals import end_in_peace, end_on_signals, exit_code

PATIENCE = 5  # seconds for the end of a command that a signal ended

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes a third of the time
    help="A course lab kit for handwritten digits, from MLP to CNN.",
)


@app.command()
def run(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Names, e.g. 05 or 05_mlp1_sweep; none: all.")] = None,
    profile: Annotated[str, typer.Option(help="quick (seconds) or full (for a report).")] = "quick",
    data: Annotated[str, typer.Option(help="auto, embedded, or a folder that holds the images.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="First seed; the others follow it.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for notebooks, figures, tables and the report.")] = Path("out"),
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks side by side, each with one thread.")] = 1,
) -> None:
    """Execute notebooks headless and build the report."""
    from labkit.course.run_all import run_course

    if not run_course(notebooks or [], profile, data, seed, out, jobs):
        raise typer.Exit(1)


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="mnist, cifar10, fashion-mnist or kmnist.")]) -> None:
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
    data: Annotated[str, typer.Option(help="auto, embedded, or a folder that holds the images.")] = "auto",
    out: Annotated[Path, typer.Option(help="Folder of your run's results.")] = Path("out"),
    check: Annotated[bool, typer.Option("--check", help="Only list what is missing.")] = False,
) -> None:
    """Run all notebooks anew, list what is missing, and pack the submission."""
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
def release(
    out: Annotated[Path | None, typer.Option(help="Folder for the student version, and its zip.")] = None,
    gradescope: Annotated[Path | None, typer.Option(help="Zip for Gradescope's autograder.")] = None,
) -> None:
    """For TAs: make the student version of the course, without solutions, hidden tests and outputs."""
    from labkit.course.gradescope.autograder import release_autograder
    from labkit.course.release import release

    if out is None and gradescope is None:
        raise UsageError("labkit release needs --out FOLDER, for students, or --gradescope FILE.zip, or both.")
    for path in release(out) if out else ():
        print(path)
    if gradescope:
        print(release_autograder(gradescope))


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(help="A platform's download, packed or not, or a folder of zips, folders or clones.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for results, gradebook and executed notebooks.")],
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks side by side, each with one thread.")] = 1,
    slurm: Annotated[bool, typer.Option("--slurm", help="As a Slurm job array; --jobs is for each task.")] = False,
    profile: Annotated[str, typer.Option(help="quick or full.")] = "quick",
    data: Annotated[str, typer.Option(help="auto, embedded, or a folder that holds the images.")] = "auto",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for a notebook; a cell may take half of them.")] = 900,
    memory: Annotated[float, typer.Option(min=0.1, help="GB for a notebook.")] = 4,
    groups: Annotated[Path | None, typer.Option(help="CSV file of who is in which group.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Execute again what is graded already.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Without a sandbox: only for code that you trust.")] = False,
    despite_rehearsal: Annotated[
        bool, typer.Option("--despite-rehearsal", help="Go on though the course's own notebooks do not pass.")
    ] = False,
    canvas: Annotated[
        Path | None, typer.Option(help="A gradebook exported from Canvas: its ids settle how groups' names are read.")
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="A CSV of the students with their ids or logins.")] = None,
) -> None:
    """For TAs: execute submissions in a sandbox, check every exercise, and write the gradebook."""
    from labkit.grading.sandbox.bubblewrap import refuse_without_linux

    refuse_without_linux()  # before what follows is imported
    from labkit.grading.batch import grade
    from labkit.grading.intake.rosters import known_of
    from labkit.grading.sandbox.guard import Limits
    from labkit.grading.settings import Bounds, Settings

    bounds = Bounds(cell_seconds=timeout / 2, seconds=timeout)
    settings = Settings(profile, data, bounds, Limits(memory=int(memory * 1e9)), unsafe)
    grade(submissions, out, settings, jobs, fresh, slurm, despite_rehearsal, groups, known_of(canvas, roster))


@app.command()
def grades(
    folder: Annotated[Path, typer.Argument(help="Folder that labkit grade wrote.")],
    canvas: Annotated[Path | None, typer.Option(help="A gradebook exported from Canvas, to be filled.")] = None,
    column: Annotated[str, typer.Option(help="The assignment; may be left out where there is one.")] = "",
) -> None:
    """For TAs: make gradebook and pages again, by course.toml and the ledger; nothing is executed."""
    from labkit.basics.files import write_atomically
    from labkit.grading.give_back import canvas_filled, unfinished_sentence
    from labkit.grading.recount import count, write_grades

    counted = count(folder)
    filled = canvas_filled(counted, canvas, column) if canvas else None  # one that cannot be filled is told first
    write_grades(folder, counted)
    if canvas and filled:
        write_atomically(target := folder / f"{canvas.stem}-filled.csv", filled.content)
        for sentence in (*filled.notes, *filled.alarms):
            print(f"- {sentence}")
        print(f"{filled.count} cells of {filled.column} filled: {target}")
    if sentence := unfinished_sentence(counted):
        print(sentence)


@app.command(name="return")
def give_back(
    folder: Annotated[Path, typer.Argument(help="Folder that labkit grade wrote.")],
    canvas: Annotated[Path | None, typer.Option(help="A gradebook exported from Canvas, to be filled.")] = None,
    moodle: Annotated[Path | None, typer.Option(help="A grading worksheet from Moodle, to be filled.")] = None,
    column: Annotated[str, typer.Option(help="The assignment's name there, where there is more than one.")] = "",
) -> None:
    """For TAs: make what the learning platform takes back, grades and feedback, into FOLDER/return."""
    from labkit.grading.give_back import give_back

    for sentence in give_back(folder, canvas, moodle, column):
        print(sentence)


@app.command()
def regrade(
    who: Annotated[
        str, typer.Argument(help="A submission's name; or a person's id, login or name, for that one alone.")
    ],
    item: Annotated[str, typer.Argument(help="With --points: an exercise, as 5.2, or a part, as report.")] = "",
    points: Annotated[str, typer.Option(help="What the exercise or the part brings.")] = "",
    adjust: Annotated[str, typer.Option(help='Points to the total, as +2 or -1.5; or a share of it, as "50 %".')] = "",
    late: Annotated[str, typer.Option(help='How late it really was: "2 days", "5 h"; "0 min" for in time.')] = "",
    extension_until: Annotated[str, typer.Option(help="A later due date, as 2026-12-03T23:59.")] = "",
    excuse: Annotated[
        bool | None, typer.Option("--excuse/--no-excuse", help="No number at all; or take that back.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; whom it concerns reads it.")] = "",
    folder: Annotated[Path, typer.Option(help="Folder that labkit grade wrote.")] = Path("graded"),
) -> None:
    """For TAs: write one decision about a grade into the ledger, and make gradebook and pages again."""
    from labkit.grading.decide import decide

    decide(folder, who, reason, item, points, adjust, late, extension_until, excuse)


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


@app.command(hidden=True)
def gradescope(
    root: Annotated[Path, typer.Option(help="The folder that holds submission.")] = Path("/autograder"),
) -> None:
    """For Gradescope's container: grade its one submission, and write results/results.json."""
    from labkit.grading.gradescope import run

    print(run(root))


@app.command(hidden=True)
def notebooks(
    names: Annotated[list[str] | None, typer.Argument(help="Names, e.g. 05; none: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong.")] = False,
) -> None:
    """For engineers: build the stored notebooks from their text twins in notebooks/source, or check them."""
    from labkit.course.build import build_notebooks, check_notebooks

    check_notebooks() if check else build_notebooks(names or [])


@app.command(hidden=True)
def reference(folder: Annotated[Path, typer.Argument(help="Folder that holds results.json.")]) -> None:
    """For engineers: make the results in FOLDER the reference that `labkit run` compares with."""
    from labkit.report.reference import update

    for path in update(folder, Path("docs/reference-results.md")):
        print(path)


def main() -> None:
    """Run the command line; a failure is one sentence on stderr and exit code 1, misuse is exit code 2.

    What a signal ends is told in one sentence as well; see `signals`.
    """
    print_on_any_console()
    end_on_signals()
    try:
        app()
    except LabkitError as error:
        _leave(str(error), exit_code() if isinstance(error, Interrupted) and exit_code() else error.exit_code)
    except SystemExit as end:
        if end.code != Interrupted.exit_code:  # typer's for Ctrl-C
            raise
        _leave("Interrupted.", exit_code() or Interrupted.exit_code)


def _leave(sentence: str, code: int) -> None:
    """Say why the command ends, and end it; after a signal soon, even where a thread still waits for a kernel."""
    print(f"labkit: {sentence}", file=sys.stderr, flush=True)
    if exit_code():
        end_in_peace()
        timer = threading.Timer(PATIENCE, os._exit, (code,))
        timer.daemon = True
        timer.start()
    sys.exit(code)
