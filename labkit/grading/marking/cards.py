"""One answer with all that stands beside it, as HTML and plain values: what the page shows at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2

from labkit.basics.pages.plain_text import shown
from labkit.basics.pages.sanitise import prose
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.marking.bench import Answer, Bench
from labkit.grading.marking.evidence import evidence
from labkit.grading.marking.staff_texts import as_html
from labkit.grading.marks.asked import Discussion, discussions, of_items
from labkit.grading.marks.rubric import MOST_CRITERIA, REPORT
from labkit.grading.pages.site import environment
from labkit.grading.records.attempts import Attempt
from labkit.grading.texts import plain

TEMPLATES = Path(__file__).with_name("templates")
COMMENTS = 6  # that come back, as many as there are keys for them


class Cards:
    """Makes the cards of a bench. names: whether they tell who handed in."""

    def __init__(self, bench: Bench, attempts: Iterable[Attempt], names: bool) -> None:
        self.bench, self.names = bench, names
        self.questions = as_html(bench.asked.questions)
        self.model_answers = as_html({name: text for name, text in bench.asked.model_answers.items() if text})
        self.attempts: dict[str, dict[str, Attempt]] = {}
        for attempt in attempts:
            self.attempts.setdefault(attempt.submission, {})[attempt.notebook] = attempt

    def attempts_of(self, submission: str) -> dict[str, Attempt]:
        """Return the newest attempt at each notebook of a submission."""
        return self.attempts.get(submission, {})

    def title(self, item: str) -> str:
        """Return what an item is called on the page."""
        chapter, _, place = item.partition(".")
        if chapter == REPORT:
            return f"Report: {self.bench.asked.items[item].heading or place.replace('-', ' ')}"
        return f"Notebook {chapter}, question {place[1:]}"

    def card(self, answer: Answer) -> dict[str, Any]:
        """Return what the page shows of an answer."""
        item = self.bench.standing.items[answer.item]
        wanted = {kind: list(names) for kind, names in item.evidence.items()}
        discussion = self._discussion(answer)
        for kind, names in discussion.placed.items() if discussion else ():
            wanted[kind] = list(dict.fromkeys([*names, *wanted[kind]]))
        found = evidence(self.bench.out, answer.submission, wanted, item.exercise, self.attempts_of(answer.submission))
        values = {
            "title": self.title(answer.item),
            "answer": answer,
            "names": self.names,
            "question": self.questions.get(answer.item),
            "model": self.model_answers.get(answer.item),
            "text": prose(answer.text),
            "plain_text": shown(answer.text),
            "heading": discussion.heading if discussion else "",
            "report": item.part == REPORT,
            "changed": self.bench.changed(answer),
            "evidence": found,
            "item": item,
            "most_criteria": MOST_CRITERIA,
        }
        return {
            "item": answer.item,
            "place": self.bench.answers[answer.item].index(answer),
            "main": _template("card.html").render(values),
            "side": _template("side.html").render(values),
            **self.mark(answer),
        }

    def mark(self, answer: Answer) -> dict[str, Any]:
        """Return how an answer is marked, and the comments that come back."""
        line = self.bench.line_of(answer)
        standing = self.bench.standing
        comments = standing.comments(answer.item)[:COMMENTS]
        found: dict[str, Any] = {"marked": line is not None, "items": [], "points": "", "own": False, "by": ""}
        found |= {"comment": self.bench.draft(answer), "comments": comments}
        if line:
            found |= {"items": list(line.items), "points": plain(standing.points(line)), "own": line.points is not None}
            found |= {"by": "" if line.grader == self.bench.grader else line.grader, "comment": line.comment}
        return found | {"of": plain(standing.items[answer.item].points)}

    def near(self, answer: Answer) -> dict[str, Any]:
        """Return a marked answer that may be like another one."""
        mark = self.mark(answer)
        values = {"text": prose(answer.text), "plain_text": shown(answer.text), "mark_": mark}
        chosen = [one.text for one in self.bench.standing.items[answer.item].criteria if one.key in mark["items"]]
        html = _template("near.html").render(values, chosen=chosen)
        return {"html": html, **{name: mark[name] for name in ("items", "points", "own", "comment")}}

    def _discussion(self, answer: Answer) -> Discussion | None:
        if self.bench.asked.items[answer.item].part != REPORT:
            return None
        path = self.bench.out / FOLDER / answer.submission / SOURCE
        try:
            found = discussions(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return None
        return of_items(found, self.bench.asked.items.values()).get(answer.item)


def _template(name: str) -> jinja2.Template:
    return environment(TEMPLATES).get_template(name)
