"""A graded night to mark: groups that answer the course's questions, each in words of its own, or in another's."""

from __future__ import annotations

import json
import random
import re

from attempt_makers import attempt

from labkit import CHECKOUT
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.marks.asked import read_asked
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore

NOTEBOOKS = CHECKOUT / "notebooks"
STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
WORDS = ["so", "because", "then", "here", "that", "we", "think", "it", "should", "maybe", "clearly", "mostly"]
REPORT = """# Summary

::: discussion
Our {width} neurons reach << number("05_mlp1_sweep.chosen_accuracy") >>. We are group {place}.
:::

# 6 Limits

<< figure("05_mlp1_sweep.accuracy_by_width") >>

::: discussion
We used few seeds, and one machine. {more}
:::
"""


def staff_notebook(stem):
    """Return the staff's notebook as JSON."""
    return json.loads((NOTEBOOKS / f"{stem}.ipynb").read_text(encoding="utf-8"))


def published(book, stem):
    """Return what its stored outputs say that it published: figures by their description, and two plain things."""
    figures, numbers = {}, {}
    for cell in book["cells"]:
        names = re.findall(r'run\.figure\(\s*"(\w+)"', "".join(cell["source"]))
        alts = [
            output["metadata"]["image/png"]["alt"]
            for output in cell.get("outputs", ())
            if "alt" in output.get("metadata", {}).get("image/png", {})
        ]
        figures |= dict(zip(names, ({"alt": alt, "caption": "A figure."} for alt in alts), strict=False))
    numbers["chosen_accuracy"] = {"text": "93.1 ± 0.9 %"}
    rows = [["150", 93.123456789, "<b>x</b>"]] * 3
    table = {"caption": "Accuracy by width.", "columns": ["width", "accuracy", "note"], "rows": rows}
    tables = {"accuracy_by_width": {**table, "numeric": [True, True, False]}}
    return {"figures": figures, "tables": tables, "numbers": numbers, "data": {"name": "embedded"}, "seeds": [0]}


def answer_in_own_words(model, draw):
    """Return an answer like the model answer: some of its sentences, with words put in."""
    sentences = re.split(r"(?<=[.;:]) ", model)
    kept = [one for one in sentences if draw.random() < 0.8] or sentences[:1]
    words = " ".join(kept).split(" ")
    for _ in range(4):
        words.insert(draw.randrange(len(words) + 1), draw.choice(WORDS))
    return " ".join(words)


def answers_of(asked, stem, draw, own=None):
    """Return the text of the cell with a group's answers; own: text by item, in place of what is drawn."""
    lines = []
    for place, name in enumerate(asked.of_notebook[stem], 1):
        text = (own or {}).get(name)
        text = answer_in_own_words(asked.model_answers[name], draw) if text is None else text
        lines.append(f"{place}. " + text.replace("\n", "\n   "))
    return "\n".join(lines)


def executed_notebook(stem, text, outputs=True):
    """Return an executed notebook with these answers, as text."""
    book = staff_notebook(stem)
    section = published(book, stem)
    for cell in book["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "questions":
            cell["source"] = text
        if not outputs and cell["cell_type"] == "code":
            cell["outputs"] = []
    book["metadata"]["labkit"] = {"results": section}
    return json.dumps(book)


def write_night(out, groups=3, stems=STEMS, own=None, outputs=True, seed=0, reports=True):
    """Write what a graded night leaves of some groups; own: group -> item -> its answer. Returns their names."""
    asked = read_asked(NOTEBOOKS)
    names = [f"lab-{place}" for place in range(1, groups + 1)]
    people = {name: (Person(id=f"{name}-a", name=f"Ada {name}"), Person(id=f"{name}-b")) for name in names}
    handed_in = [HandedIn(name=name, student=name, group=name, people=people[name]) for name in names]
    out.mkdir(parents=True, exist_ok=True)
    write_batch(out, "folders", handed_in)
    with AttemptStore(out / "results.sqlite") as store:
        for place, name in enumerate(names):
            draw = random.Random(f"{seed} {name}")
            for stem in stems:
                chapter = str(int(stem[:2]))
                text = answers_of(asked, stem, draw, (own or {}).get(name))
                path = out / "notebooks" / name / f"{stem}.ipynb"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(executed_notebook(stem, text, outputs), encoding="utf-8")
                points = {f"{chapter}.1": 1, f"{chapter}.2": place % 2}
                store.add(attempt(name, stem, "passed" if place % 2 else "failed", points=points))
            if reports:
                folder = out / FOLDER / name
                folder.mkdir(parents=True, exist_ok=True)
                report = REPORT.format(width=100 + place, place=place, more="More." * (place % 3))
                (folder / SOURCE).write_text(report, encoding="utf-8")
    return names
