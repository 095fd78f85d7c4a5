"""Make groups, and graded folders that hold what they wrote."""

import json
import random

from attempt_makers import attempt

from labkit.grading.alike.written import Group
from labkit.grading.intake.people import Person
from labkit.grading.intake.reading.run_marks import RunMarks, write_runs
from labkit.grading.intake.submissions import Submission
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore

STEM = "05_mlp1_sweep"
RULE = """def smallest_good_width(table):
    # the lecture of monday helped with this
    means = {}
    for width, rows in table.groupby("width"):
        means[width] = rows["validation_accuracy"].mean() - 0.25 * len(rows) ** 0.5
    chosen = sorted(means.items(), key=lambda pair: pair[1] / (1 + abs(pair[0])))
    return [width for width, _ in chosen if width % 7 < 5][-1]
"""
SENTENCE = (
    "We were quite surprised that our narrow network won against the wide one, although it had seen fewer pictures."
)


def group(name, code=(), prose="", times=(), last=False, people=(), **more):
    """Return a group. code: by exercise; prose: the answers to the questions of STEM; times: of its run there."""
    people = frozenset(("login", one) for one in people or (f"{name}{'-last' * last}",))
    more.setdefault("runs", {STEM: RunMarks(tuple(f"latency {time!r}" for time in times))} if times else {})
    return Group((name,), name, last, people, dict(code), {STEM: prose} if prose else {}, **more)


def crowd(count, seed=0):
    """Return groups that have nothing in common."""
    rng = random.Random(seed)
    words = [f"w{number}" for number in range(5000)]
    return [
        group(f"crowd-{place:02}", {"5.2": f"def f(a):\n    return {' + '.join(rng.sample(words, 9))}\n"})
        for place in range(count)
    ]


def book(code=(), prose=""):
    """Return an executed notebook as JSON. code: answer by exercise."""
    cells = [
        {
            "cell_type": "code",
            "source": text,
            "metadata": {"nbgrader": {"grade_id": f"answer-{name.replace('.', '-')}"}},
        }
        for name, text in dict(code).items()
    ]
    cells.append({"cell_type": "markdown", "source": prose, "metadata": {"nbgrader": {"grade_id": "questions"}}})
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


def graded(folder, books, runs=None, messages=None, **more):
    """Make a folder as `labkit grade` leaves it. books: executed notebook by submission; more: fields by submission."""
    folder.mkdir(parents=True)
    submissions = []
    for name, text in books.items():
        (folder / "notebooks" / name).mkdir(parents=True)
        (folder / "notebooks" / name / f"{STEM}.ipynb").write_text(text, encoding="utf-8")
        fields = {"student": f"Student {name}", "group": "", "people": (Person(login=name),)}
        submissions.append(Submission(name=name, user="", **{**fields, **more.get(name, {})}))
    write_batch(folder, "canvas", submissions)
    write_runs(folder, {name: {STEM: marks} for name, marks in (runs or {}).items()})
    with AttemptStore(folder / "results.sqlite") as store:
        for name in books:
            said = (messages or {}).get(name)
            verdicts = {"5.2": {"status": "failed", "message": said, "points": 0}} if said else {}
            store.add(attempt(submission=name, notebook=STEM, verdicts=verdicts))
    return folder
