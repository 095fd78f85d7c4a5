"""`labkit return`: all that a batch's platform takes back, into one folder, once all of the input is checked."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import write_atomically
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.totals import Total, shared_totals
from labkit.grading.recount import Counted, count, write_grades
from labkit.grading.returning.canvas import fill_canvas
from labkit.grading.returning.canvas_export import ANONYMOUS
from labkit.grading.returning.canvas_zip import canvas_zip
from labkit.grading.returning.filled import Filled
from labkit.grading.returning.moodle import fill_moodle
from labkit.grading.returning.moodle_sheet import owners_of, read_worksheet
from labkit.grading.returning.moodle_zip import moodle_zip
from labkit.grading.returning.others import anonymous_csv, blackboard_csv, brightspace_csv, gradescope_csv
from labkit.grading.returning.packing import as_notebook

FOLDER = "return"
# What to do with each file.
UPLOAD = {
    "canvas-feedback.zip": "the assignment, Upload Submissions",
    "canvas-grades.csv": "Grades, Import",
    "canvas-anonymous.csv": "type them into SpeedGrader",
    "moodle-grades.csv": "the assignment, Upload grading worksheet",
    "moodle-feedback.zip": "the assignment, Upload multiple feedback files in a zip",
    "gradescope-grades.csv": "Gradescope imports no grades of such an assignment: enter them by Submission ID",
    "brightspace-grades.csv": "Grades, Enter Grades, Import",
    "blackboard-grades.csv": "Grade Center, Work Offline, Upload",
}
WORKSHEET_FIRST = (
    "Download the grading worksheet from Moodle, and name it with --moodle: it tells the members of teams, whose own "
    "numbers may be those of others."
)
LOGINS = ("gradescope", "brightspace", "blackboard")  # whose ids are people's own, and known elsewhere as well


def give_back(folder: Path, canvas: Path | None = None, moodle: Path | None = None, column: str = "") -> list[str]:
    """Write what goes back into FOLDER/return, and return sentences: what is to be known, and what to do with it.

    canvas: a gradebook exported from Canvas. moodle: a grading worksheet. column: the assignment in Canvas, the
    heading of the grades in Moodle where it is not found, the name of the grade item elsewhere.
    The pages are made again first, so that they say what the totals say.
    UsageError for a file that cannot be filled; then nothing is written.
    """
    counted = count(folder)
    platform, submissions = counted.batch.platform, counted.batch.submissions
    anonymous = platform == "canvas, anonymous"
    told = [ANONYMOUS] if anonymous else []
    files: dict[str, Filled] = {}
    if canvas is not None and not anonymous:
        files["canvas-grades.csv"] = canvas_filled(counted, canvas, column)
    participants: dict[str, list[str]] = defaultdict(list)
    if moodle is not None:
        worksheet, own = read_worksheet(moodle, column), _known_to("moodle", counted)
        packed_there = submissions if platform.startswith("moodle") else ()
        files["moodle-grades.csv"] = fill_moodle(own, worksheet, packed_there)
        for participant, owner in owners_of(own, worksheet, packed_there).items():
            if not owner.fault:
                participants[owner.total.submission].append(participant)
    files |= _tables(counted, column)
    is_canvas = platform.startswith("canvas")
    if not files and not is_canvas:
        if platform.startswith("moodle"):
            raise UsageError(WORKSHEET_FIRST)
        raise LabkitError(
            f"{folder} came from no learning platform (batch.json says {platform!r}): take gradebook.csv and "
            "feedback/, or name a file to fill with --canvas or --moodle."
        )
    if sys.platform == "linux":  # elsewhere no page is drawn, and those that are there go back
        write_grades(folder, counted)
    feedback = _Feedback(folder, counted)
    if is_canvas:
        files["canvas-feedback.zip"] = canvas_zip(submissions, anonymous, feedback.page, feedback.notebook)
    if moodle is not None:
        files["moodle-feedback.zip"] = moodle_zip(submissions, feedback.page, participants)
    for name, filled in files.items():
        write_atomically(folder / FOLDER / name, filled.content)
    if platform == "canvas" and canvas is None:
        told.append("Grades: export the gradebook from Canvas, and name it with --canvas.")
    told += filter(None, [unfinished_sentence(counted)])
    return [*told, *(sentence for name, filled in files.items() for sentence in _told(folder / FOLDER / name, filled))]


def canvas_filled(counted: Counted, export: Path, column: str) -> Filled:
    """Return an export from Canvas with the totals; see `fill_canvas`."""
    gaps = {row.submission: row.gaps for row in counted.rows}
    packed_there = counted.batch.submissions if counted.batch.platform == "canvas" else ()
    return fill_canvas(_known_to("canvas", counted), export, column, gaps, packed_there)


def unfinished_sentence(counted: Counted) -> str:
    """Say that a batch is not graded to its end; "" when it is."""
    if not counted.unfinished:
        return ""
    return (
        f"The batch is not finished: {sum(map(len, counted.unfinished.values()))} notebooks of "
        f"{len(counted.unfinished)} submissions are not graded yet. Run `labkit grade` to its end, then this again: "
        "until then, nothing is filled for these submissions."
    )


class _Feedback:
    """What goes back to the people of a submission, beside points."""

    def __init__(self, folder: Path, counted: Counted) -> None:
        self.folder = folder
        self.counted = counted
        self.shared = shared_totals(counted.rows, counted.batch, counted.ledger, counted.policy, counted.marked.parts)

    def page(self, submission: HandedIn) -> bytes | None:
        """Return the page that goes back; None where it is not written, or not graded to its end."""
        if submission.name in self.counted.unfinished:
            return None
        try:
            return (self.folder / "feedback" / f"{submission.name}.html").read_bytes()
        except OSError:
            return None

    def notebook(self, submission: HandedIn) -> bytes:
        """Return the feedback as a notebook, without what concerns one member alone."""
        attempts = [attempt for attempt in self.counted.attempts if attempt.submission == submission.name]
        return as_notebook(self.shared[submission.name].story, attempts)


def _tables(counted: Counted, column: str) -> Mapping[str, Filled]:
    """Return what can be made without a file of the platform, by the names of the files."""
    own = counted.totals
    sources = {submission.name: submission.source for submission in counted.batch.submissions}

    def number(total: Total) -> str:
        match = re.search(r"submission_(\d+)", sources.get(total.submission, ""))
        return match[1] if match else ""

    if counted.batch.platform == "canvas, anonymous":
        return {"canvas-anonymous.csv": anonymous_csv(own)}
    if counted.batch.platform == "gradescope":
        return {"gradescope-grades.csv": gradescope_csv(own, column, number)}
    if counted.batch.platform == "brightspace":
        return {"brightspace-grades.csv": brightspace_csv(own, column)}
    if counted.batch.platform == "blackboard":
        return {"blackboard-grades.csv": blackboard_csv(own, column)}
    return {}


def _known_to(other: str, counted: Counted) -> list[Total]:
    """Return the totals as another platform knows their people: a number of one means somebody else in the other.

    A folder's people have the ids that a list of groups gives them, which is Canvas'.
    """
    platform = counted.batch.platform
    if platform.startswith(other) or (other == "canvas" and platform == "folders"):
        return counted.totals
    keep = platform in LOGINS
    return [replace(total, person=_without_id(total.person, keep)) for total in counted.totals]


def _without_id(person: Person, keep: bool) -> Person:
    return replace(person, id="", login=person.login or (person.id if keep else ""))


def _told(path: Path, filled: Filled) -> list[str]:
    """Say what became of a file: the alarms last, where they are seen, and below them what to do with it."""
    what = f"{filled.count} cells of {filled.column} filled" if filled.column else f"{filled.count} entries"
    alarms = [f"! {alarm}" for alarm in filled.alarms]
    return [*(f"- {note}" for note in filled.notes), *alarms, f"{path}: {what}. Next: {UPLOAD[path.name]}."]
