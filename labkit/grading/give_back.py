"""`labkit return`: all that a batch's platform takes back, into one folder, once all of the input is checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import write_atomically
from labkit.course.notebooks import notebooks_folder
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.attempts import Attempt
from labkit.grading.records.batch_file import BatchFile, read_batch
from labkit.grading.records.gradebook import Row, rows
from labkit.grading.records.ledger import read_ledger
from labkit.grading.records.policy import read_policy
from labkit.grading.records.store import AttemptStore
from labkit.grading.records.totals import Total, faults, shared_totals, totals
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


@dataclass(frozen=True)
class Night:
    """What a night left: who handed in, the attempts and rows, and what they come to."""

    folder: Path
    batch: BatchFile
    attempts: list[Attempt]
    rows: list[Row]
    totals: list[Total]
    stories: dict[str, str]  # of each submission, what all of its people may read
    unfinished: dict[str, list[str]]
    told: list[str]  # on lines of the ledger that change nothing

    @property
    def gaps(self) -> dict[str, str]:
        """Which notebooks of a submission have no points, as sentences."""
        return {row.submission: row.gaps for row in self.rows}

    def filled_canvas(self, export: Path, column: str) -> Filled:
        """Return an export from Canvas with the totals; see `fill_canvas`."""
        packed_there = self.batch.submissions if self.batch.platform == "canvas" else ()
        return fill_canvas(_known_to("canvas", self), export, column, self.gaps, packed_there)

    def page(self, submission: HandedIn) -> bytes | None:
        """Return the page that goes back to a student; None where it is not written, or not graded to its end."""
        if submission.name in self.unfinished:
            return None
        try:
            return (self.folder / "feedback" / f"{submission.name}.html").read_bytes()
        except OSError:
            return None

    def notebook(self, submission: HandedIn) -> bytes:
        """Return the feedback as a notebook, without what concerns one member alone."""
        attempts = [attempt for attempt in self.attempts if attempt.submission == submission.name]
        return as_notebook(self.stories[submission.name], attempts)


def read_night(folder: Path) -> Night:
    """Return what `labkit grade` left in a folder; LabkitError where it is not there."""
    batch = read_batch(folder)
    with AttemptStore(folder / "results.sqlite", write=False) as store:
        attempts, unfinished = store.attempts(), store.unfinished()
    table = rows(attempts, batch.submissions, unfinished)
    ledger, told = read_ledger(folder)
    policy = read_policy(notebooks_folder())
    told += [f"{entry.what} of {entry.who}: {fault}." for entry, fault in faults(table, batch, ledger, policy).items()]
    shared = {name: total.story for name, total in shared_totals(table, batch, ledger, policy).items()}
    return Night(folder, batch, attempts, table, totals(table, batch, ledger, policy), shared, unfinished, told)


def give_back(folder: Path, canvas: Path | None = None, moodle: Path | None = None, column: str = "") -> list[str]:
    """Write what goes back into FOLDER/return, and return sentences: what is to be known, and what to do with it.

    canvas: a gradebook exported from Canvas. moodle: a grading worksheet. column: the assignment in Canvas, the
    heading of the grades in Moodle where it is not found, the name of the grade item elsewhere.
    UsageError for a file that cannot be filled; then nothing is written.
    """
    night = read_night(folder)
    platform = night.batch.platform
    anonymous = platform == "canvas, anonymous"
    told = list(night.told)
    files: dict[str, Filled] = {}
    if canvas is not None:
        if anonymous:
            told.append(ANONYMOUS)
        else:
            files["canvas-grades.csv"] = night.filled_canvas(canvas, column)
    if moodle is not None:
        worksheet, own = read_worksheet(moodle, column), _known_to("moodle", night)
        packed_there = night.batch.submissions if platform.startswith("moodle") else ()
        files["moodle-grades.csv"] = fill_moodle(own, worksheet, packed_there)
        participants: dict[str, list[str]] = {}
        for participant, owner in owners_of(own, worksheet, packed_there).items():
            if not owner.fault:
                participants.setdefault(owner.total.submission, []).append(participant)
        files["moodle-feedback.zip"] = moodle_zip(night.batch.submissions, night.page, participants)
    for name, make in _by_itself(night, column).items():
        files.setdefault(name, make())
    if anonymous and canvas is None:
        told.append(ANONYMOUS)
    told += [sentence for sentence in [unfinished_sentence(night.unfinished), _hint(platform, files)] if sentence]
    if not files and platform.startswith("moodle"):
        raise UsageError(WORKSHEET_FIRST)
    if not files:
        raise LabkitError(
            f"{folder} came from no learning platform (batch.json says {platform!r}): take gradebook.csv and "
            "feedback/, or name a file to fill with --canvas or --moodle."
        )
    for name, filled in files.items():
        write_atomically(folder / FOLDER / name, filled.content)
    return [*told, *(sentence for name, filled in files.items() for sentence in _told(folder / FOLDER / name, filled))]


def unfinished_sentence(unfinished: dict[str, list[str]]) -> str:
    """Say that a batch is not graded to its end; "" when it is."""
    if not unfinished:
        return ""
    return (
        f"The batch is not finished: {sum(map(len, unfinished.values()))} notebooks of {len(unfinished)} submissions "
        "are not graded yet. Run `labkit grade` to its end, then this again: until then, nothing is filled for these "
        "submissions."
    )


def _by_itself(night: Night, column: str) -> dict[str, Callable[[], Filled]]:
    """Return what can be made without a file of the platform, by the names of the files."""
    submissions, own = night.batch.submissions, night.totals
    platform = night.batch.platform
    entries = {submission.name: submission.source for submission in submissions}

    def gradescope_number(total: Total) -> str:
        match = re.search(r"submission_(\d+)", entries.get(total.submission, ""))
        return match[1] if match else ""

    return {
        "canvas": {"canvas-feedback.zip": lambda: canvas_zip(submissions, False, night.page, night.notebook)},
        "canvas, anonymous": {
            "canvas-feedback.zip": lambda: canvas_zip(submissions, True, night.page, night.notebook),
            "canvas-anonymous.csv": lambda: anonymous_csv(own),
        },
        "gradescope": {"gradescope-grades.csv": lambda: gradescope_csv(own, column, gradescope_number)},
        "brightspace": {"brightspace-grades.csv": lambda: brightspace_csv(own, column)},
        "blackboard": {"blackboard-grades.csv": lambda: blackboard_csv(own, column)},
    }.get(platform, {})


def _hint(platform: str, files: dict[str, Filled]) -> str:
    """Say how grades are given as well, where only feedback can be made without a file of the platform."""
    if platform == "canvas" and "canvas-grades.csv" not in files:
        return "Grades: export the gradebook from Canvas, and name it with --canvas."
    if platform.startswith("moodle") and "moodle-grades.csv" not in files:
        return WORKSHEET_FIRST
    return ""


def _known_to(other: str, night: Night) -> list[Total]:
    """Return the totals as another platform knows their people: a number of one means somebody else in the other.

    A folder's people have the ids that a list of groups gives them, which is Canvas'.
    """
    platform = night.batch.platform
    if platform.startswith(other) or (other == "canvas" and platform == "folders"):
        return night.totals
    keep = platform in LOGINS
    return [replace(total, person=_without_id(total.person, keep)) for total in night.totals]


def _without_id(person: Person, keep: bool) -> Person:
    return replace(person, id="", login=person.login or (person.id if keep else ""))


def _told(path: Path, filled: Filled) -> list[str]:
    """Say what became of a file: the alarms last, where they are seen, and below them what to do with it."""
    what = f"{filled.count} cells of {filled.column} filled" if filled.column else f"{filled.count} entries"
    alarms = [f"! {alarm}" for alarm in filled.alarms]
    return [*(f"- {note}" for note in filled.notes), *alarms, f"{path}: {what}. Next: {UPLOAD[path.name]}."]
