"""What there is to mark, in which order, and what a grader says of it: the bench behind the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from labkit.basics.errors import UsageError
from labkit.basics.pages.plain_text import shown as clean_lines
from labkit.grading.judging.batch_progress import tell
from labkit.grading.marks.asked import answer_hash
from labkit.grading.marks.mark_lines import FOLDER, GRADER, RUBRIC, Line, append_mark, new_line, read_lines
from labkit.grading.marks.rubric import MOST_CRITERIA, criterion, number
from labkit.grading.marks.standing import Standing
from labkit.grading.recount import Counted
from labkit.grading.texts import clean, plain


@dataclass(frozen=True)
class Answer:
    """One answer to an item, and the submissions that gave it; the first stands for it."""

    item: str
    hash: str
    text: str
    submissions: tuple[str, ...]

    @property
    def submission(self) -> str:
        """The submission whose evidence is shown."""
        return self.submissions[0]


class Bench:
    """The answers of a batch, each once, and the marks on them.

    out: the folder of a night. grader: who marks; the order of the answers is this grader's own, and each time the
    same. double: of so many percent of the answers, a second grader is asked for a mark, and does not see the first.
    """

    def __init__(self, out: Path, counted: Counted, grader: str, double: int = 0) -> None:
        if not GRADER.fullmatch(grader):
            raise UsageError(f"{clean(grader, 40)!r} is no grader's name: use letters, digits, dots and -, up to 40.")
        if not 0 <= double <= 100:
            raise UsageError(f"--double is a percentage from 0 to 100, and is {double}.")
        self.out, self.grader, self.double = out, grader, double
        self.asked, self.given = counted.marked.asked, counted.marked.given
        self.answers: dict[str, list[Answer]] = {name: self._distinct(name) for name in self.asked.items}
        self._files: dict[str, int] = {}
        self._counts: dict[str, tuple[int, int, int]] = {}  # of items that nobody marked since
        self.standing = Standing(self.asked, ())
        self.refresh()

    def refresh(self) -> None:
        """Read what graders wrote, where any file grew since."""
        files = {path.name: path.stat().st_size for path in sorted((self.out / FOLDER).glob("*.jsonl"))}
        if files == self._files:
            return
        lines, told = read_lines(self.out)
        self.standing, self._files = Standing(self.asked, lines), files
        self._counts.clear()
        for sentence in (*told, *self.standing.told):
            tell(f"- {sentence}")

    def line_of(self, answer: Answer) -> Line | None:
        """Return the mark on an answer that this grader is to see."""
        own = self.grader if self.is_double(answer) else ""
        return self.standing.line_of(answer.item, answer.hash, own)

    def is_open(self, answer: Answer) -> bool:
        """Whether this grader is still asked for a mark."""
        if not self.is_double(answer):
            return self.standing.line_of(answer.item, answer.hash) is None
        if self.standing.line_of(answer.item, answer.hash, self.grader):
            return False
        return sum(not line.open for line in self.standing.lines_of(answer.item, answer.hash).values()) < 2

    def is_double(self, answer: Answer) -> bool:
        """Whether two graders mark an answer: drawn from what it says, so that all graders agree on it."""
        return self.double > 0 and _drawn(answer.hash) < self.double

    def place(self, item: str, place: int) -> Answer:
        """Return the answer in a place of this grader's order; UsageError where there is none."""
        answers = self.answers.get(item, [])
        if not 0 <= place < len(answers):
            raise UsageError("There is no such answer.")
        return answers[place]

    def following(self, item: str, place: int) -> tuple[str, int] | None:
        """Return the next answer that is open: of the same item, from the place on and then from its beginning, else of
        the next item; None where nothing is open.
        """
        names = list(self.answers)
        start = names.index(item) if item in self.answers else 0
        for name in (*names[start:], *names[:start]):
            answers = self.answers[name]
            places = range(len(answers))
            first = place + 1 if name == item else 0
            for index in (*places[first:], *places[:first]):
                if self.is_open(answers[index]):
                    return name, index
        return None

    def mark(
        self, answer: Answer, items: Iterable[str] = (), points: Any = None, comment: str = "", flag: str = ""
    ) -> Line:
        """Write this grader's mark on an answer; UsageError where it cannot be, LabkitError where it is not written."""
        known = {one.key for one in self.standing.items[answer.item].criteria}
        keys = tuple(dict.fromkeys(items))
        if unknown := [key for key in keys if key not in known]:
            raise UsageError(f"{clean(str(unknown[0]), 40)!r} is no criterion of {answer.item}: load the page again.")
        if points is not None:
            points = number("points", points, most=self.standing.items[answer.item].points)
        values = {"items": keys, "points": points, "comment": clean_lines(comment).strip(), "flag": flag}
        who = {"submission": answer.submission, "also": answer.submissions[1:]}
        return self._write(new_line(self.grader, item=answer.item, answer=answer.hash, **who, **values))

    def change_comment(self, item: str, old: str, new: str) -> int:
        """Put a comment in place of another one on every answer to an item that has it; return how many had it."""
        count = 0
        for answer in self.answers[item]:
            line = self.standing.line_of(item, answer.hash)
            if line and line.comment == old:
                self.mark(answer, line.items, line.points, new, line.flag)
                count += 1
        return count

    def change_rubric(self, item: str, key: str, points: Any, text: str = "") -> list[str]:
        """Give a criterion other points, or add one, for all answers; say whose points changed by it.

        UsageError where the rubric cannot be so.
        """
        if item not in self.standing.items:
            raise UsageError("There is no such item.")
        now = self.standing.items[item]
        old = next((one for one in now.criteria if one.key == key), None)
        if old is None and len(now.criteria) >= MOST_CRITERIA:
            raise UsageError(f"An item has {MOST_CRITERIA} criteria at most, as many as there are keys.")
        made = criterion({"key": key, "points": points, "text": text or (old.text if old else "")}, now.points)
        before = self._points_of(item)
        self._write(new_line(self.grader, what=RUBRIC, item=item, key=made.key, points=made.points, text=made.text))
        after = self._points_of(item)
        return [
            f"{name}: {plain(before[name])} became {plain(after[name])}"
            for name in before
            if before[name] != after[name]
        ]

    def all_or_nothing(self, answer: Answer, full: bool) -> dict[str, Any]:
        """Return the criteria and points that give an answer all points of its item, or none."""
        item = self.standing.items[answer.item]
        keys = [one.key for one in item.criteria if one.points > 0] if full else []
        points = item.points if full else Decimal(0)
        return {"items": keys, "points": None if item.points_for(keys) == points else points}

    def draft(self, answer: Answer) -> str:
        """Return the comment that this grader began to write, on an answer that is not marked yet."""
        line = self.standing.lines_of(answer.item, answer.hash).get(self.grader)
        return line.comment if line and line.open else ""

    def changed(self, answer: Answer) -> bool:
        """Whether an answer is not marked, and an earlier one of the same submission is."""
        if self.standing.line_of(answer.item, answer.hash):
            return False
        hashes = self.standing.hashes
        return any(hashes.get((name, answer.item), answer.hash) != answer.hash for name in answer.submissions)

    def exchanges(self, submission: str) -> dict[str, list[tuple[str, str]]]:
        """Return by notebook its questions with what a submission answers."""
        given = self.given[submission]
        return {
            stem: [(self.asked.questions[name], given.get(name) or "") for name in names]
            for stem, names in self.asked.of_notebook.items()
        }

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Return of each item how many answers there are, are open for this grader, and changed since a mark."""
        for name, answers in self.answers.items():
            if name not in self._counts:
                left = [answer for answer in answers if self.is_open(answer)]
                self._counts[name] = len(answers), len(left), sum(map(self.changed, left))
        return {name: self._counts[name] for name in self.answers}

    def _write(self, line: Line) -> Line:
        self._counts.pop(line.item, None)
        append_mark(self.out, line)
        self._files[f"{line.grader}.jsonl"] = (self.out / FOLDER / f"{line.grader}.jsonl").stat().st_size
        self.standing.take(line)
        return line

    def _points_of(self, item: str) -> Mapping[str, Decimal]:
        """Return the points of each submission for an item, as far as it is marked."""
        found: dict[str, Decimal] = {}
        for answer in self.answers[item]:
            if line := self.standing.line_of(item, answer.hash):
                found |= dict.fromkeys(answer.submissions, self.standing.points(line))
        return found

    def _distinct(self, item: str) -> list[Answer]:
        """Return each answer to an item once, in this grader's own order."""
        same: dict[str, list[str]] = {}
        texts: dict[str, str] = {}
        for submission, answers in self.given.items():
            text = answers.get(item) or ""
            if hash_ := answer_hash(item, text):
                same.setdefault(hash_, []).append(submission)
                texts.setdefault(hash_, text)

        def order(hash_: str) -> bytes:
            return sha256(f"{self.grader} {item} {hash_}".encode()).digest()

        return [Answer(item, hash_, texts[hash_], tuple(same[hash_])) for hash_ in sorted(same, key=order)]


@cache
def _drawn(hash_: str) -> int:
    """Return a number from 0 to 99, the same for all graders."""
    return int.from_bytes(sha256(f"double {hash_}".encode()).digest()[:4]) % 100
