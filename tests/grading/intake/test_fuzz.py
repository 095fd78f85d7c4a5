"""Thousands of bent files: nothing but a refusal comes out of the door, and what passes is of one form."""

import copy
import io
import json
import random
import zipfile

import nbformat
import pytest
from attempt_makers import attempt
from batch_makers import STEMS, staff_notebook, student_notebook

from labkit.exercises.catalogue import exercises
from labkit.exercises.judge import judge
from labkit.grading.intake.reading.claims import read_claims
from labkit.grading.intake.reading.reader import parse_json, parse_notebook
from labkit.grading.intake.restore import checks, restore
from labkit.grading.intake.submissions import read_batch
from labkit.grading.judging.numbers import compare_numbers, other_setting
from labkit.grading.texts import Refused

# What JSON can hold where something else is wanted.
ODD = (
    *(None, True, False, 0, -1, 1, 10**30, -(2**63), 1e308, -0.0, float("nan"), float("inf"), 10**400),
    *("", " ", "x", "\x00", "\ud800", "\u200b", "\x1b[2J", "../../x", "__array__", "97.0 ± 0.5 %", "x" * 5_000),
    *([], [[]], [None], ["s", None], {}, {"": None}, {"a": {"b": []}}, {"__array__": ["<f8", [0], ""]}),
)
RESULTS = {
    "format": 3,
    "notebooks": {
        STEMS[0]: {
            "profile": "quick",
            "data": {"name": "embedded digits", "fingerprint": "aa"},
            "seeds": [0, 1],
            "numbers": {
                "widest_accuracy": {"value": 97.0, "text": "97.0 ± 0.5 %", "spread": 0.5, "unit": "%"},
                "time": {"value": 1.5, "text": "1.5 s", "spread": None, "unit": "s"},
            },
        }
    },
}
METADATA = {"group": "g", "members": ["ab12"], "format": 1, "files": {"a": "b"}}


def bend(value, chance, times=3):
    """Return a value with a few of its parts replaced, renamed, doubled, taken out or put elsewhere."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, times)):
        places = list(_places(value))
        if not places:
            return chance.choice(ODD)
        holder, key = chance.choice(places)
        how = chance.randrange(5)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[chance.choice(["", "x", "\ud800", "cells", "__array__", "x" * 3_000])] = holder.pop(key)
        elif how == 2 and isinstance(holder, list):
            holder.extend([holder[key]] * chance.choice([1, 50]))
        elif how == 3:
            other, place = chance.choice(places)
            holder[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else other[place])
        else:
            holder[key] = copy.deepcopy(chance.choice(ODD))
    return value


def _places(value):
    """Yield every holder and key in JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def damage(content, chance):
    """Return bytes with a few of them cut out, changed or doubled."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        piece = chance.choice([b"", b"\0", b"\xff\xfe", b"[" * 200, b'"', b",,", b"1e999", content[at : at + 40]])
        content[at : at + chance.randint(0, 9)] = piece
    return bytes(content)


def written(value, chance):
    """Return JSON as bytes; now and then in another encoding, or damaged."""
    content = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return damage(content, chance) if chance.random() < 0.2 else content


def test_a_bent_notebook_is_refused_or_becomes_a_valid_one():
    chance, staff = random.Random(1), staff_notebook()
    original = json.loads(student_notebook())
    original["cells"].insert(2, {"cell_type": "markdown", "source": ["a\n", "b"], "metadata": {}, "id": "m"})
    original["cells"][2]["attachments"] = {"a.png": {"image/png": "AAAA"}}
    expected = [name for _, name, _ in checks(staff)]
    taken = 0
    for _ in range(1_500):
        try:
            notebook = parse_notebook(written(bend(original, chance), chance))
        except Refused:
            continue
        restored, remarks = restore(notebook.content, staff)
        assert sorted(name for _, name, _ in checks(restored)) == expected
        assert all(isinstance(remark, str) for remark in (*notebook.remarks, *remarks))
        nbformat.writes(restored).encode()
        if taken % 20 == 0:
            nbformat.validate(restored)
        taken += 1
    assert 300 < taken < 1_500  # of both kinds


def test_bent_results_are_refused_or_compared():
    chance, taken = random.Random(2), 0
    for _ in range(2_000):
        sides = []
        for side in range(2):
            try:
                sides.append(read_claims(parse_json(written(bend(RESULTS, chance), chance)), STEMS[0]))
            except Refused:
                sides.append(read_claims(RESULTS, STEMS[0]) if side else None)
        taken += all(sides)
        numbers = compare_numbers(sides[0], sides[1], STEMS[0])
        attempt(numbers=numbers, remarks=(other_setting(*sides),))  # ValueError for what no attempt can hold
        json.dumps(numbers, allow_nan=False)
    assert taken > 500


@pytest.mark.parametrize("name", ["1.2", "1.4", "2.2"])
def test_bent_notes_are_judged(name):
    chance = random.Random(name)
    notes = [{"value": 0.5}, {"value": {"__array__": ["<f8", [2], "AAAAAAAAAAAAAAAAAAAAAA=="]}}, {"open": True}]
    notes += [{"error": {"type": "E", "message": "m", "line": "l"}}, {"refused": "why"}, {"value": {"events": [1]}}]
    for _ in range(400):
        text = written(bend(notes[: chance.randint(0, 6)], chance), chance).decode("utf-8", "replace")
        assert judge(exercises()[name], text, 1).status in ("failed", "open")


def test_a_batch_of_bent_files_is_taken_in(tmp_path):
    chance, original = random.Random(3), json.loads(student_notebook())
    for number in range(150):
        files = {
            f"{STEMS[0]}.ipynb": written(bend(original, chance), chance),
            chance.choice(["results.json", "out/results.json"]): written(bend(RESULTS, chance), chance),
            "submission.json": written(bend(METADATA, chance), chance),
            f"exercises/{STEMS[0]}.json": written(bend({"format": 1, "exercises": {}}, chance), chance),
        }
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        packed = damage(content.getvalue(), chance) if chance.random() < 0.4 else content.getvalue()
        (tmp_path / f"s{number:03}.zip").write_bytes(packed)
    submissions = read_batch(tmp_path, STEMS).submissions
    assert len(submissions) == 150
    for submission in submissions:
        for sentence in submission.problems:
            assert sentence.isprintable()
        for claims in submission.claims.values():
            hash(claims.setting)
