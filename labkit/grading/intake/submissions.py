"""What students handed in, as submissions: the notebooks of the course, and a sentence for whatever is wrong.

A hostile submission costs its own points and nobody else's: what is wrong with one becomes a sentence in its
`problems`, and never an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from labkit.basics.errors import UsageError
from labkit.grading.intake.brought import with_files
from labkit.grading.intake.claims import Claims, read_claims
from labkit.grading.intake.members import (
    MOST,
    NOTICE,
    Member,
    members_of_folder,
    members_of_zip,
    members_of_zip_content,
    too_large,
)
from labkit.grading.intake.reader import Notebook, parse_json, parse_notebook
from labkit.grading.intake.uploads import Upload, by_student, names_for, uploads_of
from labkit.grading.texts import LONGEST_NAME, MB, Refused, clean, megabytes

NOTEBOOK_BYTES = 20 * MB  # as `labkit submit` allows
RESULTS_BYTES = 5 * MB
SUBMISSION_BYTES = 100 * MB  # of all that is read of one submission
BATCH = 100_000  # files in the source
PROBLEMS = 40  # sentences on one submission
LONGEST = 400  # characters of a sentence
T = TypeVar("T")
NUMBER = re.compile(r"0*(\d{1,4})(?!\d)", re.ASCII)


@dataclass(frozen=True)
class Submission:
    """What one student, or one group, handed in.

    name: unique in the batch, the same in every run, safe as a file name: a-z, 0-9 and -, at most 60 characters.
    student: as the source tells it, in any script, at most 200 characters.
    user: the platform's id; "" where it is not told.
    source: the file or folder that it came from, in the batch; of several uploads the newest.
    notebooks: by the name of the course's notebook without its ending; those that cannot be read as well.
    claims: what its results.json says of each notebook, by the same names.
    problems: sentences for the TA.
    """

    name: str
    student: str
    user: str
    late: bool
    source: str
    notebooks: dict[str, Notebook]
    claims: dict[str, Claims]
    problems: tuple[str, ...]


def read_submissions(source: Path, expected: Sequence[str]) -> list[Submission]:
    """Read a batch: Canvas' bulk download, a folder of zips, or a folder of folders; return it sorted by name.

    expected: the course's notebooks, without their ending. A notebook is known by its name, else by its number.
    Raises UsageError for a source that is none of these; whatever else is wrong is told in the submissions' problems.
    """
    try:
        if source.is_dir():
            return _submissions(_members_of_batch(source), expected, source)
        if source.is_file():
            with source.open("rb") as file:
                return _submissions(members_of_zip(file, BATCH), expected, source)
    except Refused as error:
        raise UsageError(f"{source} {error}: name a zip or a folder that holds submissions.") from error
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({error.strerror or error}): correct its permissions.") from error
    raise UsageError(f"{source} is neither a zip nor a folder: name Canvas' bulk download, or a folder of submissions.")


def _members_of_batch(folder: Path) -> list[Member]:
    """Return what a folder of submissions holds; one that cannot be listed takes no other with it."""
    members = []
    for member in members_of_folder(folder, most=BATCH, deep=False):
        members.append(member)
        if member.is_folder:
            try:
                members += members_of_folder(folder / member.parts[0], member.parts)
            except Refused as error:
                members[-1] = replace(member, fault=str(error))
    return members


def _submissions(members: list[Member], expected: Sequence[str], source: Path) -> list[Submission]:
    uploads = uploads_of(members)
    if not any(upload.may_hold_notebooks for upload in uploads):
        raise UsageError(f"{source} holds no submission: name a folder that holds zips, notebooks or folders.")
    students = by_student(uploads)
    names = names_for(students)
    sharing: dict[str, list[str]] = defaultdict(list)
    for newest, *_ in students.values():
        sharing[newest.user].append(newest.student)
    submissions = []
    for key, student_uploads in students.items():
        newest = student_uploads[0]
        intake = _Intake(expected)
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
                source=clean(newest.entry, LONGEST_NAME),
                notebooks=dict(sorted(intake.notebooks.items())),
                claims=intake.claims,
                problems=intake.sentences(),
            )
        )
    return sorted(submissions, key=lambda submission: submission.name)


class _Intake:
    """Gathers the notebooks and the problems of one submission."""

    def __init__(self, expected: Sequence[str]) -> None:
        self.expected = expected
        self.bytes_left = SUBMISSION_BYTES
        self.files_left = MOST
        self.notebooks: dict[str, Notebook] = {}
        self.claims: dict[str, Claims] = {}
        self.problems: list[str] = []

    def take(self, uploads: list[Upload]) -> None:
        """Take in what the uploads hold: from the newest first, and there what lies highest."""
        candidates, results, others = [], [], []
        beside: dict[tuple[str, ...], Member] = {}  # what notebooks may bring along, of each path the newest
        for age, upload in enumerate(uploads):
            for member in self._unpacked(upload.members):
                alone = len(member.parts) == 1  # Canvas put names and numbers before the name of the file
                file = (upload.file if alone else member.parts[-1]).casefold()
                stem = file.removesuffix(".ipynb")
                order = (len(member.parts), member.parts)
                name = self._course_name(stem) if stem != file else ""
                if file.endswith(".failed.ipynb"):
                    self._tell(member, "is a run that failed, and was left out")
                elif name:
                    candidates.append((age, bool(member.fault), name.casefold() != stem, order, name, member))
                elif member.fault:
                    self._tell(member, member.fault)
                elif file == "results.json":
                    results.append((age, order, member))
                elif stem != file:
                    self._tell(member, "is no notebook of the course, and was left out")
                else:
                    others.append(member.shown)
                    beside.setdefault((upload.file,) if alone else member.parts, member)
        counts: dict[str, Member] = {}
        for *_, name, member in sorted(candidates, key=lambda candidate: candidate[:4]):
            if name not in counts:
                self.notebooks[name], counts[name] = self._notebook(member), member
            elif self.notebooks[name].invalid and not (second := self._notebook(member)).invalid:
                self.problems += self.notebooks[name].remarks
                self.notebooks[name], counts[name] = second, member
            else:
                self._tell(member, f"is {name} a second time, and was left out: {counts[name].shown} counts")
        self.notebooks, left_out = with_files(self.notebooks, counts, beside, self.expected, self._read_or_tell)
        self.problems += left_out
        if results:
            self._take_results(min(results, key=lambda result: result[:2])[2])
        if counts:
            self.problems += [f"Notebook {name} is missing." for name in self.expected if name not in counts]
        else:
            held = f", only {', '.join(others[:5])}" if others else ""
            self.problems.append(f"The submission holds no notebook of the course{held}.")

    def sentences(self) -> tuple[str, ...]:
        """Return what is wrong, fit to be shown, and not more than a TA reads."""
        sentences = [clean(problem, LONGEST) for problem in self.problems[:PROBLEMS]]
        more = len(self.problems) - len(sentences)
        return (*sentences, f"There are {more:,} more problems of this kind.") if more else tuple(sentences)

    def _unpacked(self, members: Sequence[Member]) -> list[Member]:
        """Return the files, those of zips in their place; a zip in a zip stays closed."""
        if len(members) > self.files_left:
            self._tell(replace(members[0], parts=members[0].parts[:1]), f"holds more than {MOST:,} files, {NOTICE}")
            return []
        self.files_left -= len(members)
        files = []
        for member in members:
            if member.is_folder and not member.fault:
                continue
            if member.fault or not _is_zip(member):
                files.append(member)
                continue
            for inner in self._read_or_tell(member, SUBMISSION_BYTES, self._listed) or ():
                inner = replace(inner, parts=member.parts + inner.parts)
                if not inner.fault and _is_zip(inner):
                    self._tell(inner, f"is a zip in a zip, {NOTICE}")
                elif inner.fault or not inner.is_folder:
                    files.append(inner)
        return files

    def _listed(self, content: bytes) -> list[Member]:
        members = members_of_zip_content(content, self.files_left)
        self.files_left -= len(members)
        return members

    def _notebook(self, member: Member) -> Notebook:
        """Return a notebook of the course; one that cannot be read with the reason as its remark."""
        try:
            return self._read(member, NOTEBOOK_BYTES, parse_notebook)
        except Refused as error:
            return Notebook(b"", (clean(f"{member.shown} {error}.", LONGEST),))

    def _take_results(self, member: Member) -> None:
        results = self._read_or_tell(member, RESULTS_BYTES, parse_json)
        claims = {name: read_claims(results, name) for name in self.expected}
        self.claims = {name: claim for name, claim in claims.items() if claim}
        if results is not None and not isinstance(results, dict):
            self._tell(member, "does not hold what `labkit run` writes, and was left out")

    def _read(self, member: Member, limit: int, parse: Callable[[bytes], T]) -> T:
        """Return what `parse` makes of a file; Refused where it must not, or cannot, be read."""
        if member.fault:
            raise Refused(member.fault)
        if member.size > limit:
            raise Refused(too_large(member.size, limit))
        if member.size > self.bytes_left:
            raise Refused(f"was left out: of one submission, {megabytes(SUBMISSION_BYTES)} are read")
        self.bytes_left -= member.size
        content = member.read(limit)
        try:
            return parse(content)
        except Refused:
            raise
        except Exception as error:  # a form that nobody thought of ends nobody else's grading
            raise Refused(f"has a form that labkit cannot read ({type(error).__name__})") from error

    def _read_or_tell(self, member: Member, limit: int, parse: Callable[[bytes], T]) -> T | None:
        """As `_read`; where it is refused, None, with the problem noted."""
        try:
            return self._read(member, limit, parse)
        except Refused as error:
            self._tell(member, str(error))
        return None

    def _tell(self, member: Member, fault: str) -> None:
        self.problems.append(f"{member.shown} {fault}.")

    def _course_name(self, stem: str) -> str:
        """Return which notebook of the course a file is, by its name, else by its number; "" for none."""
        number = NUMBER.match(stem)
        named = [name for name in self.expected if name.casefold() == stem]
        if number:
            named += [name for name in self.expected if (match := NUMBER.match(name)) and match[1] == number[1]]
        return named[0] if named else ""


def _is_zip(member: Member) -> bool:
    return not member.is_folder and member.parts[-1].casefold().endswith(".zip")
