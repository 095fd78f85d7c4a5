"""What students handed in, as submissions: the notebooks of the course, and a sentence for whatever is wrong.

A hostile submission costs its own points and nobody else's: what is wrong with one becomes a sentence in its
`problems`, and never an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.opening.zips import members_of_zip
from labkit.grading.intake.people import HandedIn
from labkit.grading.intake.platforms.listing import BATCH, members_of_batch
from labkit.grading.intake.platforms.recognise import recognise
from labkit.grading.intake.reading.claims import Claims, Membership
from labkit.grading.intake.reading.identity import HandedOut
from labkit.grading.intake.reading.reader import Notebook
from labkit.grading.intake.reading.run_marks import RunMarks
from labkit.grading.intake.report_files import Files
from labkit.grading.intake.take_in import Intake
from labkit.grading.intake.uploads import Upload, by_student, names_for
from labkit.grading.texts import LONGEST_NAME, Refused, clean


@dataclass(frozen=True, kw_only=True)
class Submission(HandedIn):
    """What one student, or one group, handed in.

    notebooks: by the name of the course's notebook without its ending; those that cannot be read as well.
    claims: what its results.json says of each notebook, by the same names.
    membership: what its submission.json says of who handed in; None where it has none.
    report: the source of its report, and what lies beside it, by path; see `report_of`.
    runs: what each notebook's run left behind that no other can, by the same names.
    """

    notebooks: dict[str, Notebook] = field(default_factory=dict)
    claims: dict[str, Claims] = field(default_factory=dict)
    membership: Membership | None = None
    report: Files = ()
    runs: dict[str, RunMarks] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """A batch as it was recognised.

    platform: as in batch.json. told: what the TA is told of the whole batch, a line each. submissions: by name.
    """

    platform: str
    told: tuple[str, ...]
    submissions: list[Submission]


def read_batch(source: Path, expected: Collection[str] | HandedOut, known: Collection[str] = ()) -> Batch:
    """Read a batch: what a learning platform packed, as a zip or unpacked, or a folder of zips, notebooks or folders.

    expected: the course's notebooks, without their ending; best with what was handed out in each, as
    `identity.handed_out` tells it. A notebook is known by the marks of its cells, else by its name.
    known: ids and logins of the course, which decide where the name of an entry can be read in several ways.
    Raises UsageError for a source that is none of these; whatever else is wrong is told in the submissions' problems.
    """
    try:
        if source.is_dir():
            return _batch(members_of_batch(source), expected, source, known)
        if source.is_file():
            with source.open("rb") as file:
                return _batch(members_of_zip(file, BATCH), expected, source, known)
    except Refused as error:
        raise UsageError(f"{source} {error}: name a zip or a folder that holds submissions.") from error
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({error.strerror or error}): correct its permissions.") from error
    raise UsageError(f"{source} is neither a zip nor a folder: name the platform's download, or a folder.")


def _batch(members: list[Member], expected: Collection[str] | HandedOut, source: Path, known: Collection[str]) -> Batch:
    found = recognise(members, known, source if source.is_dir() else None)
    if not any(upload.may_hold_notebooks for upload in found.uploads):
        told = " ".join(line for line in found.told if line.startswith("Left out"))
        raise UsageError(
            f"{source} holds no submission: name a folder that holds zips, notebooks or folders. {told}".strip()
        )
    return Batch(found.platform, found.told, _submissions(found.uploads, expected))


def _submissions(uploads: list[Upload], expected: Collection[str] | HandedOut) -> list[Submission]:
    students = by_student(uploads)
    names = names_for(students)
    sharing: dict[str, list[str]] = defaultdict(list)
    for newest, *_ in students.values():
        sharing[newest.user].append(newest.student)
    submissions = []
    for key, student_uploads in students.items():
        newest = student_uploads[0]
        intake = Intake(expected)
        intake.problems += dict.fromkeys(problem for upload in student_uploads for problem in upload.problems)
        for other in sharing[newest.user] if newest.user else ():
            if other != newest.student:
                intake.problems.append(f"User id {newest.user} stands with another student, too: {clean(other, 60)}.")
        intake.take(student_uploads)
        submissions.append(
            Submission(
                name=names[key],
                student=clean(newest.student, LONGEST_NAME) or "(no name)",
                user=newest.user,
                late=newest.late,
                submitted=newest.submitted,
                source=clean(newest.entry, LONGEST_NAME),
                entries=tuple(upload.entry for upload in student_uploads),
                group=newest.group,
                people=newest.people,
                notebooks=dict(sorted(intake.notebooks.items())),
                claims=intake.claims,
                membership=intake.membership,
                report=intake.report,
                runs=intake.runs,
                problems=intake.sentences(),
            )
        )
    return sorted(submissions, key=lambda submission: submission.name)
