"""Honest, wrong, hostile and strange notebooks in one batch: what passed falsely, crashed, stayed or is missing.

python benchmarks/mixed_night.py [--submissions 200] [--jobs 2]

Each submission is one notebook of the course, of one of these kinds, and says what may come of it:

honest   the course's answers, or other right ones of tests/exercises: every exercise passes
wrong    a plausible wrong answer of tests/exercises to every exercise: none passes
judge    answers that look for a judge in the kernel and ask it: none passes
hostile  the released notebook, with an attack of tests/grading before its first check: none passes
lost     the course's answers, with such an attack in the middle: what passes is right, and the batch goes on
strange  a file that is damaged, or not the course's: its status, and no point that its answers do not earn

The last lines count false passes, honest answers that failed, crashes, processes that are left, and rows and notebooks
that are not in the gradebook; the command ends with 1 if there is any.
"""

from __future__ import annotations

import csv
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from measure import arguments, publish

from labkit.course.notebooks import clean, course, notebooks_folder, read_notebook, to_text
from labkit.course.release import student_version
from labkit.exercises.catalogue import chapter_of, exercises, modules
from labkit.grading.intake.restore import checks

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / place) for place in ("exercises", "grading", "grading/judging", "grading/sandbox")]

LOOK = '''
def _ask_a_judge(name):
    """Return a function that looks through the kernel for a judge, a hint or a right answer to `name`."""
    import gc, importlib, inspect, pkgutil, sys

    def answer(*given, **named):
        import labkit
        for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
            try: importlib.import_module(module.name)
            except BaseException: pass
        for one in gc.get_objects():
            if getattr(type(one), "__name__", "") == "Exercise" and one.id == name and hasattr(one, "judge"):
                for guess in (0, 0.0, [], {}, *given):
                    try:
                        one.judge([guess], [given])
                        return guess
                    except BaseException as error:
                        trace = error.__traceback__
                        while trace:
                            for value in trace.tb_frame.f_locals.values():
                                try:
                                    one.judge([value], [given])
                                    return value
                                except BaseException: pass
                            trace = trace.tb_next
        for info in inspect.stack():
            for key in ("wanted", "right", "expected", "solution"):
                if key in info.frame.f_locals: return info.frame.f_locals[key]
        raise RuntimeError("no judge is here")

    return answer
'''


@dataclass(frozen=True)
class Hand:
    """What one student hands in, and what may become of it."""

    kind: str
    stem: str  # of the course's notebook
    content: bytes
    may_pass: frozenset[str] = frozenset()  # exercises
    must_pass: frozenset[str] = frozenset()
    statuses: tuple[str, ...] = ()  # any, when empty
    beside: tuple[tuple[str, bytes], ...] = ()  # further files of the submission


def of_chapter(stem: str) -> frozenset[str]:
    """Return the exercises of a notebook."""
    return frozenset(name for name in exercises() if chapter_of(name) == chapter_of(stem))


def code(source: str) -> Any:
    """Return a cell."""
    return nbformat.v4.new_code_cell(source)


def released(path: Path) -> Any:
    """Return a notebook as students get it."""
    return student_version(clean(read_notebook(path)))


def solved(path: Path) -> Any:
    """Return the released notebook with the course's answers in it."""
    answers = {cell.id: cell.source for cell in read_notebook(path).cells}
    notebook = released(path)
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "\n".join(line for line in answers[cell.id].splitlines() if "###" not in line)
    return notebook


def with_answers(path: Path, module: str, form: str, number: int, base: Any) -> Any:
    """Put the number-th right or wrong answer of tests/exercises before each check."""
    source = (TESTS / "exercises" / "answers" / f"{module}.py").read_text(encoding="utf-8")
    have = getattr(importlib.import_module(f"answers.{module}"), form)
    for index, name, expression in reversed(checks(base)):
        which = number % len(have[name])
        taken = f"answers.{form}[{name!r}][{which}]" + ("[0]" if form == "WRONG" else "")
        if expression.isidentifier():
            base.cells.insert(index, code(f"{expression} = {taken}"))
    apart = f"import types\nanswers = types.ModuleType('answers')\nexec({source!r}, vars(answers))"  # own names
    base.cells.insert(checks(base)[0][0] - 1, code(apart))
    return base


def hands(seed: int) -> Iterator[Hand]:
    """Give hand-ins without end, all kinds in turn."""
    from test_attacks import FAIL, SURVIVE, TAKE_THE_KERNEL
    from test_forgeries import CHEATS, FORGERIES, SEND

    chance = random.Random(seed)
    paths = course(notebooks_folder())
    module_of = {path.stem: module for path, module in zip(paths, modules(), strict=True)}
    attacks = [source for source, _ in (*TAKE_THE_KERNEL, *FAIL)] + SURVIVE + CHEATS
    attacks += [SEND + source for source in FORGERIES]
    chance.shuffle(attacks)
    number = 0
    while True:
        path = paths[number % len(paths)]
        stem, every = path.stem, of_chapter(path.stem)
        turn = number // len(paths)
        kind = ("honest", "wrong", "hostile", "strange", "judge", "lost", "honest", "wrong", "hostile", "strange")[
            (turn + number) % 10
        ]
        if kind == "honest":
            book = solved(path) if turn % 2 else with_answers(path, module_of[stem], "RIGHT", turn, solved(path))
            yield Hand(kind, stem, to_text(book).encode(), every, every, ("passed",))
        elif kind == "wrong":
            book = with_answers(path, module_of[stem], "WRONG", turn, solved(path))
            yield Hand(kind, stem, to_text(book).encode())
        elif kind == "judge":
            book = released(path)
            for index, name, expression in reversed(checks(book)):
                if expression.isidentifier():
                    book.cells.insert(index, code(f"{LOOK}\n{expression} = _ask_a_judge({name!r})"))
            yield Hand(kind, stem, to_text(book).encode())
        elif kind == "hostile":
            book = released(path)
            book.cells.insert(checks(book)[0][0], code(attacks[number % len(attacks)]))
            yield Hand(kind, stem, to_text(book).encode())
        elif kind == "lost":
            book = solved(path)
            book.cells.insert(chance.randrange(2, len(book.cells)), code(attacks[-1 - number % len(attacks)]))
            yield Hand(kind, stem, to_text(book).encode(), every)
        else:
            yield strange(number // 3, stem, to_text(solved(path)), every)
        number += 1


def strange(number: int, stem: str, text: str, every: frozenset[str]) -> Hand:
    """Return a solved notebook as it should not be."""
    book = json.loads(text)
    whole = {"may_pass": every, "must_pass": every}

    def cells(**change: Any) -> bytes:
        extra = {"cell_type": "code", "id": "x1", "metadata": {}, "outputs": [], "execution_count": None, "source": "1"}
        extra = {key: value for key, value in (extra | change).items() if value != "out"}
        return json.dumps(book | {"cells": [*book["cells"], extra]}).encode()

    damaged = {"notebooks": {stem: {"numbers": {"x": {"value": 1, "text": "1", "unit": []}}, "figures": 3}}}
    kinds: list[dict[str, Any]] = [
        {"content": text.encode()[: len(text) // 2], "statuses": ("invalid",)},
        {"content": b"", "statuses": ("invalid",)},
        {"content": b"[" * 100_000, "statuses": ("invalid",)},
        {"content": text.encode("utf-16"), **whole},
        {"content": b"\xef\xbb\xbf" + text.encode(), **whole},
        {"content": cells(source=None), **whole},
        {"content": cells(source="out"), **whole},
        {"content": cells(cell_type="sql"), **whole},
        {"content": cells(id=None), **whole},
        {"content": cells(metadata=[]), **whole},
        {"content": cells(outputs="out"), **whole},
        {"content": cells(source=float("nan")), **whole},
        {"content": json.dumps(book | {"cells": book["cells"] + 3_001 * book["cells"][:1]}).encode()},
        {"content": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode()},
        {"content": text.encode(), "beside": (("out/results.json", json.dumps(damaged).encode()),), **whole},
        {"content": text.encode(), "beside": (("out/results.json", b'{"notebooks": [[[]]]}'),), **whole},
        {"content": text.encode(), "beside": (("submission.json", b'{"members": {"a": [1e999]}}'),), **whole},
    ]
    return Hand("strange", stem, **kinds[number % len(kinds)])


def processes() -> dict[str, str]:
    """Return id and start of each process of ours that runs from this Python or is a sandbox."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = place.joinpath("cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            start = place.joinpath("stat").read_text().rsplit(")", 1)[1].split()[19]
        except OSError:
            continue
        if line.startswith(("bwrap", sys.prefix)) or "labkit" in line:
            found[f"{place.name}/{start}"] = line[:120]
    return found


chosen = arguments(__doc__.splitlines()[0], submissions=200, jobs=2, seed=1)
scratch = Path(tempfile.mkdtemp(prefix="labkit-night-"))
given: dict[str, Hand] = {}
for number, hand in zip(range(chosen.submissions), hands(chosen.seed), strict=False):
    name = f"{number:03}-{hand.kind}"
    given[name] = hand
    place = scratch / "submissions" / name
    for file, content in ((f"{hand.stem}.ipynb", hand.content), *hand.beside):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(content)
print(f"{len(given)} submissions in {scratch}", flush=True)

before, start = processes(), time.monotonic()
command = [str(Path(sys.executable).with_name("labkit")), "grade", str(scratch / "submissions")]
command += ["--out", str(scratch / "graded"), "--data", "embedded", "--jobs", str(chosen.jobs), "--timeout", "240"]
with (scratch / "night.log").open("w") as log:
    ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
seconds = time.monotonic() - start
left = {one: line for one, line in processes().items() if one not in before}

from labkit.grading.records.store import AttemptStore  # noqa: E402, after the night, which is a process of its own

with AttemptStore(scratch / "graded" / "results.sqlite", write=False) as store:
    attempts = {(one.submission, one.notebook): one for one in store.attempts()}
with (scratch / "graded" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
    rows = {row["submission"] for row in csv.DictReader(file)}

false_passes, refused, odd, missing = [], [], [], sorted(given.keys() - rows)
kinds: dict[str, Counter[str]] = {}
for name, hand in given.items():
    attempt = attempts.get((name, hand.stem))
    if attempt is None:
        missing.append(f"{name}: {hand.stem}")
        continue
    passed = {one for one, verdict in attempt.verdicts.items() if verdict["status"] == "passed"}
    kinds.setdefault(hand.kind, Counter())[attempt.status] += 1
    false_passes += [f"{name}: {one}" for one in sorted(passed - hand.may_pass)]
    refused += [f"{name}: {one}: {attempt.verdicts.get(one)}" for one in sorted(hand.must_pass - passed)]
    if attempt.status == "error" or (hand.statuses and attempt.status not in hand.statuses):
        odd.append(f"{name}: {attempt.status}: {' '.join(attempt.remarks)[:300]}")

text = (scratch / "night.log").read_text(errors="replace")
crashes = [f"ended with {ended}"] * (ended not in (0, 1)) + ["a traceback in night.log"] * ("Traceback" in text)
faults = {
    "false passes": false_passes,
    "right answers refused": refused,
    "another status than expected": odd,
    "crashes": crashes,
    "processes left": list(left.values()),
    "missing in the gradebook": missing,
}
for what, ones in faults.items():
    print(f"{what}: {len(ones)}", *ones, sep="\n  ")
table = [[kind, str(sum(found.values())), str(dict(found))] for kind, found in sorted(kinds.items())]
publish("mixed_night", f"{len(given)} notebooks in {seconds:.0f} s", ["kind", "notebooks", "statuses"], table, faults)
sys.exit(any(faults.values()))
