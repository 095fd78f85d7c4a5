"""The commands of TAs and teachers: release, grade, decide, give back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labkit.basics.errors import UsageError
from labkit.basics.installed.extras import GRADING, require
from labkit.cli.app import app


@app.command()
def release(
    out: Annotated[Path | None, typer.Option(help="Folder for the student version, and its zip.")] = None,
    gradescope: Annotated[Path | None, typer.Option(help="Zip for Gradescope's autograder.")] = None,
    address: Annotated[str, typer.Option(help="Folder on GitHub where you will put it: for Colab's badge.")] = "",
) -> None:
    """For TAs: make the student version of the course, without solutions, hidden tests and outputs."""
    require("release", "release", "run")
    from labkit.course.gradescope.autograder import release_autograder
    from labkit.course.release import release

    if out is None and gradescope is None:
        raise UsageError("labkit release needs --out FOLDER, for students, or --gradescope FILE.zip, or both.")
    for path in release(out, address) if out else ():
        print(path)
    if gradescope:
        print(release_autograder(gradescope))


@app.command()
def site(out: Annotated[Path, typer.Option(help="Folder for the pages; a site that is there is replaced.")]) -> None:
    """For teachers: make pages of the notebooks and the API, for reading without installing; no solutions."""
    require("site", "release", "report")
    from labkit.course.site.publish import site

    print(site(out))


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(help="A platform's download, packed or not, or a folder of zips, folders or clones.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for results, gradebook and executed notebooks.")],
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks side by side, each with one thread.")] = 1,
    slurm: Annotated[bool, typer.Option("--slurm", help="As a Slurm job array; --jobs is for each task.")] = False,
    profile: Annotated[str, typer.Option(help="quick or full.")] = "quick",
    data: Annotated[str, typer.Option(help="auto, embedded, a set as for fetch, or a folder of images.")] = "auto",
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
    require("grade", *GRADING)
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
    require("grades", *GRADING)
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
    require("return", *GRADING)
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
    require("regrade", *GRADING)
    from labkit.grading.decide import decide

    decide(folder, who, reason, item, points, adjust, late, extension_until, excuse)


@app.command(hidden=True)
def gradescope(
    root: Annotated[Path, typer.Option(help="The folder that holds submission.")] = Path("/autograder"),
) -> None:
    """For Gradescope's container: grade its one submission, and write results/results.json."""
    require("gradescope", *GRADING)
    from labkit.grading.gradescope import run

    print(run(root))


@app.command()
def mark(
    folder: Annotated[Path, typer.Argument(help="Folder that labkit grade wrote.")],
    grader: Annotated[str, typer.Option(help="Your name in the marks; default: your user name.")] = "",
    names: Annotated[
        bool, typer.Option("--names", help="Show who handed in; without it, answers have no names.")
    ] = False,
    double: Annotated[int, typer.Option(help="Percent of the answers that two graders mark.")] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any that is free.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page at once.")] = True,
    export: Annotated[Path | None, typer.Option(help="Write the answers and marks as CSV, and end.")] = None,
    take: Annotated[Path | None, typer.Option("--import", help="Read marks from such a CSV, and end.")] = None,
) -> None:
    """For TAs: mark the answers to the questions and the reports, on a page of this machine."""
    from labkit.grading.sandbox.bubblewrap import refuse_without_linux

    refuse_without_linux()
    require("mark", *GRADING)
    from labkit.grading.marking.mark import mark

    mark(folder, grader, names, double, port, browser, export, take)


@app.command()
def checkoff(
    folder: Annotated[Path, typer.Argument(help="Folder that labkit grade wrote.")],
    submission: Annotated[str, typer.Argument(help="Whose page is ticked; none: make all pages.")] = "",
    right: Annotated[str, typer.Option(help="Numbers of the questions answered right, as 1,2,4.")] = "",
    approved: Annotated[bool, typer.Option("--approved", help="They may hand in their report.")] = False,
    grader: Annotated[str, typer.Option(help="Your name in the marks; default: your user name.")] = "",
) -> None:
    """For TAs: print four questions per group for the bench, or write down what was ticked."""
    from labkit.grading.sandbox.bubblewrap import refuse_without_linux

    refuse_without_linux()
    require("checkoff", *GRADING)
    from labkit.grading.checkoff.command import checkoff

    for sentence in checkoff(folder, submission, right, approved, grader):
        print(sentence)


@app.command()
def alike(
    folder: Annotated[Path, typer.Argument(help="Folder that labkit grade wrote.")],
    last_year: Annotated[Path | None, typer.Option(help="Last year's folder, to compare with as well.")] = None,
) -> None:
    """For TAs: find what submissions share that others do not have, and show it side by side."""
    from labkit.grading.sandbox.bubblewrap import refuse_without_linux

    refuse_without_linux()
    require("alike", *GRADING)
    from labkit.grading.alike.find import find_alike

    find_alike(folder, last_year)


@app.command(name="check-course")
def check_course() -> None:
    """For teachers: say which part of the course lacks its answers, texts, predicate or source, in one table."""
    require("check-course", "release", "run")
    from labkit.course.upkeep.completeness import check_course

    if not check_course():
        raise typer.Exit(1)


@app.command(name="new-exercise")
def new_exercise(notebook: Annotated[str, typer.Argument(help="The notebook's number, e.g. 05.")]) -> None:
    """For teachers: begin the notebook's next exercise in its three places: cells, judge, answers that try it."""
    require("new-exercise", "release", "run")
    from labkit.course.upkeep.new_exercise import new_exercise

    for path in new_exercise(notebook):
        print(path)
    print(f"Write there what is to be written (`labkit check-course` names it), then `labkit notebooks {notebook}`.")
