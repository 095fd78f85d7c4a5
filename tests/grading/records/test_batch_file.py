"""batch.json: what was handed in comes back as it was written, and a damaged file is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import FILE, read_batch, write_batch

GROUP = HandedIn(
    name="lab-2-12345",
    student="Lab_2 王",
    user="12345",
    late=True,
    submitted="2026-11-30T23:59:00+01:00",
    source="lab_2_12345_98765_x.zip",
    entries=("lab_2_12345_98765_x.zip",),
    group="Lab_2 王",
    people=(Person("12345", "Mia Lee", "ab12", "mia@example.org"), Person("12346", "Bo")),
    problems=("Notebook 05 is missing.",),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_batch(tmp_path, "canvas", [GROUP, HandedIn(name="a", student="A")])
    batch = read_batch(tmp_path)
    assert batch.platform == "canvas"
    assert batch.submissions == (GROUP, HandedIn(name="a", student="A"))


@pytest.mark.parametrize("change", [{"format": 2}, {"submissions": [{"name": "a"}]}, {"submissions": 3}, None])
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, change: dict[str, object] | None) -> None:
    write_batch(tmp_path, "canvas", [GROUP])
    content = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(json.dumps({**content, **change}) if change else "{", encoding="utf-8")
    with pytest.raises(LabkitError, match=r"run the same `labkit grade` again\."):
        read_batch(tmp_path)


def test_a_folder_without_it_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabkitError, match="does not exist: run `labkit grade` first"):
        read_batch(tmp_path)
