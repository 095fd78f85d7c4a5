"""What one submission holds: the course's notebooks out of its uploads, and a sentence for whatever is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from labkit.grading.intake.brought import with_files
from labkit.grading.intake.opening.archives import HEAD, archive_kind, members_of_archive
from labkit.grading.intake.opening.members import LISTED, MOST, NOTICE, Member, is_passed_over, too_large
from labkit.grading.intake.reading.claims import Claims, Membership, read_claims, read_membership
from labkit.grading.intake.reading.identity import HandedOut, answered, notebook_of
from labkit.grading.intake.reading.names import HIDING, JSON, PAGE, course_name, is_partial, plain, stem_of
from labkit.grading.intake.reading.reader import Notebook, cells_of, parse_json, parse_notebook
from labkit.grading.intake.reading.run_marks import RunMarks, read_run_marks
from labkit.grading.intake.report_files import Files, report_of
from labkit.grading.intake.uploads import Upload
from labkit.grading.texts import MB, Refused, clean, megabytes

NOTEBOOK_BYTES = 20 * MB  # as `labkit submit` allows
RESULTS_BYTES = 5 * MB
SUBMISSION_BYTES = 100 * MB  # of all that is read of one submission
RESERVE = 10 * MB  # of these, for results and helpers, where it is copies and strangers that are read
DEEPEST = 3  # archives in one another
PROBLEMS = 40  # sentences on one submission
LONGEST = 400  # characters of a sentence
FACTS = ("results.json", "submission.json")
MATTERS = re.compile(r"\.ipynb|\.(zip|tar|tgz|gz|bz2|xz|7z|rar)$|^(results|submission)\.json$")
T = TypeVar("T")


@dataclass(frozen=True)
class Book:
    """A file that may be a notebook. rank: those of a smaller one count first. named: by its name, "" for none."""

    rank: tuple[Any, ...]
    named: str
    member: Member


@dataclass(frozen=True)
class Read:
    """A file that is a notebook of the course. worth: whether it can be read, and how many answers it holds."""

    name: str
    named: str
    member: Member
    notebook: Notebook
    worth: tuple[bool, int]


class Intake:
    """Gathers the notebooks and the problems of one submission.

    expected: the course's notebooks; with what was handed out in each, as `identity.handed_out` tells it, where that is
    known.
    """

    def __init__(self, expected: Collection[str] | HandedOut) -> None:
        self.expected = tuple(expected)
        self.given: HandedOut = expected if isinstance(expected, Mapping) else {}
        self.bytes_left = SUBMISSION_BYTES
        self.files_left, self.listed_left = MOST, LISTED
        self.notebooks: dict[str, Notebook] = {}
        self.claims: dict[str, Claims] = {}
        self.membership: Membership | None = None
        self.report: Files = ()
        self.runs: dict[str, RunMarks] = {}
        self.problems: list[str] = []

    def take(self, uploads: list[Upload]) -> None:
        """Take in what the uploads hold: from the newest first, and there what lies highest."""
        books, results, memberships, others = [], [], [], []
        beside: dict[tuple[str, ...], Member] = {}  # what notebooks may bring along, of each path the newest
        for age, upload in enumerate(uploads):
            for member in self._files(upload):
                alone = len(member.parts) == 1  # the platform put names and numbers before the name of the file
                file = upload.file if alone else member.parts[-1]
                name, order = plain(file), (len(member.parts), member.parts)
                if is_partial(name):
                    self._tell(member, "is a download that broke off, and was left out: ask for the whole file")
                elif name.endswith(".failed.ipynb"):
                    self._tell(member, "is a run that failed, and was left out")
                elif self._may_be_notebook(member, name):
                    stem = stem_of(name)
                    named = course_name(stem, self.expected)
                    rank = (not named, age, bool(member.fault), named.casefold() != stem, order)
                    books.append(Book(rank, named, member))
                elif member.fault:
                    self._tell(member, member.fault)
                elif name == "results.json":
                    results.append((age, order, member))
                elif name == "submission.json":
                    memberships.append((age, order, member))
                elif ".ipynb" in name:
                    page = PAGE.match(member.head(HEAD))
                    self._tell(member, f"is {'a web page, ' if page else ''}no notebook: ask for the .ipynb itself")
                else:
                    others.append(member.shown)
                    beside.setdefault((file,) if alone else member.parts, member)
        counts = self._choose(sorted(books, key=lambda book: book.rank))
        self.notebooks, left_out = with_files(self.notebooks, counts, beside, self.expected, self._read_or_tell)
        self.problems += left_out
        self.report = report_of(beside, self._read_or_tell)
        if results:
            self._take_results(min(results, key=lambda result: result[:2])[2], beside)
        if memberships:
            newest = min(memberships, key=lambda membership: membership[:2])[2]
            self.membership = read_membership(self._read_or_tell(newest, RESULTS_BYTES, parse_json))
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

    def _choose(self, books: Sequence[Book]) -> dict[str, Member]:
        """Keep of each notebook of the course the file with the most answers, and return where each came from.

        books: those that count first where as much is answered. One that cannot be read gives way to one that can.
        """
        best: dict[str, Read] = {}
        losers: list[Read] = []
        for book in books:
            new = self._identified(book, spare=RESERVE if not book.named or book.named in best else 0)
            if new is None:
                self._tell(book.member, "is no notebook of the course, and was left out")
            elif (old := best.get(new.name)) is None:
                best[new.name] = new
            elif new.worth > old.worth:
                best[new.name] = new
                if old.notebook.invalid:
                    self.problems += old.notebook.remarks
                else:
                    losers.append(old)
            else:
                losers.append(new)
        for name, one in best.items():
            if one.named not in ("", name):
                self._tell(one.member, f"is named as {one.named}, but holds the exercises of {name}, and counts as it")
        for loser in losers:
            winner = best[loser.name]
            answers = f" ({winner.worth[1]} answers, and {loser.worth[1]} here)" if winner.worth != loser.worth else ""
            counts = f"{winner.member.shown} counts{'' if loser.notebook.invalid else answers}"
            self._tell(loser.member, f"is {loser.name} a second time, and was left out: {counts}")
        self.notebooks = {name: one.notebook for name, one in best.items()}
        return {name: one.member for name, one in best.items()}

    def _identified(self, book: Book, spare: int) -> Read | None:
        """Return what a file is; None for no notebook of the course. spare: bytes that others will be read with."""
        try:
            notebook = self._read(book.member, NOTEBOOK_BYTES, parse_notebook, spare)
        except Refused as error:
            if not book.named:
                return None
            refused = Notebook(b"", (clean(f"{book.member.shown} {error}.", LONGEST),))
            return Read(book.named, book.named, book.member, refused, (False, 0))
        cells = cells_of(notebook.content)
        name = notebook_of(cells, book.named, self.expected, self.given)
        worth = (True, answered(cells, self.given.get(name, {})))
        return Read(name, book.named, book.member, notebook, worth) if name else None

    def _may_be_notebook(self, member: Member, name: str) -> bool:
        """Whether a file has a notebook's ending, or begins like one under what browsers and people make of it."""
        if name.endswith(".ipynb"):
            return True
        return bool(HIDING.search(name) and name not in FACTS and JSON.match(member.head(HEAD)))

    def _files(self, upload: Upload) -> Iterator[Member]:
        """Yield the files of an upload, those of archives in their place."""
        own = [member for member in upload.members if not is_passed_over(member.parts[1:])]
        rest = [(member, 0, True) for member in reversed(self._first(own))]
        while rest:
            member, depth, opened = rest.pop()
            name = plain(upload.file if len(member.parts) == 1 else member.parts[-1])
            kind = "" if member.fault or is_partial(name) else archive_kind(member, name)
            if not kind:
                yield member
            elif depth == DEEPEST:
                self._tell(member, f"is packed more than {DEEPEST} times, {NOTICE}")
            elif not opened:
                self._tell(member, f"is an archive ({kind}) beside notebooks in another, {NOTICE}")
            else:
                listing = self._read_or_tell(member, SUBMISSION_BYTES, partial(self._listed, kind, name)) or ()
                inside = [replace(inner, parts=member.parts + inner.parts) for inner in listing]
                held = any(inner.parts[-1].casefold().endswith(".ipynb") for inner in inside)
                rest += [(inner, depth + 1, not held) for inner in reversed(self._first(inside))]

    def _first(self, members: Sequence[Member]) -> list[Member]:
        """Return the files to look at; of more than may be, notebooks first, then what lies beside, or high."""
        files = [member for member in members if member.fault or not member.is_folder]
        if len(files) > self.files_left:
            self._tell(
                replace(files[0], parts=files[0].parts[:1]),
                f"holds more than {MOST:,} files: its notebooks were looked for, and files deep in it passed over",
            )
            folders = {member.parts[:-1] for member in files if ".ipynb" in plain(member.parts[-1])}
            files.sort(
                key=lambda member: (
                    not MATTERS.search(plain(member.parts[-1])),
                    member.parts[:-1] not in folders,
                    len(member.parts),
                )
            )
            files = files[: self.files_left]
        self.files_left -= len(files)
        return files

    def _listed(self, kind: str, name: str, content: bytes) -> list[Member]:
        members = members_of_archive(content, kind, name, self.listed_left)
        self.listed_left -= len(members)
        return members

    def _take_results(self, member: Member, beside: Mapping[tuple[str, ...], Member]) -> None:
        results = self._read_or_tell(member, RESULTS_BYTES, parse_json)
        claims = {name: read_claims(results, name) for name in self.expected}
        self.claims = {name: claim for name, claim in claims.items() if claim}
        place = member.parts[:-1]
        self.runs = read_run_marks(results, self.expected, lambda path: beside.get((*place, *path.split("/"))))
        if results is not None and not isinstance(results, dict):
            self._tell(member, "does not hold what `labkit run` writes, and was left out")

    def _read(self, member: Member, limit: int, parse: Callable[[bytes], T], spare: int = 0) -> T:
        """Return what `parse` makes of a file; Refused where it must not, or cannot, be read.

        spare: bytes of the submission that must be left.
        """
        if member.fault:
            raise Refused(member.fault)
        if member.size > limit:
            raise Refused(too_large(member.size, limit))
        if member.size > self.bytes_left - spare:
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
