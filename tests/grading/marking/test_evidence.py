"""What stands beside an answer, and the report built anew: from what untrusted code wrote."""

import contextlib
import json
import os
import shutil

import pytest
from attempt_makers import attempt
from night_makers import write_night

from labkit.basics.errors import LabkitError
from labkit.grading.intake.report_files import FOLDER, SOURCE
from labkit.grading.marking.evidence import MOST_ROWS, evidence, executed, figure
from labkit.grading.marking.report_anew import report_anew

STEM = "05_mlp1_sweep"
WANTED = {
    "figures": [f"{STEM}.accuracy_by_width", f"{STEM}.nothing"],
    "tables": [f"{STEM}.accuracy_by_width"],
    "numbers": [f"{STEM}.chosen_accuracy"],
}


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    write_night(folder, 1, [STEM])
    return folder


def test_evidence_is_what_the_re_run_published(night):
    attempts = {STEM: attempt("lab-1", STEM, points={"5.2": 0})}
    found = evidence(night, "lab-1", WANTED, "5.2", attempts)
    assert [name for name, _ in found.figures] == [f"{STEM}.accuracy_by_width"]
    assert found.figures[0][1].startswith("Two lines that rise")
    assert found.numbers == ((f"{STEM}.chosen_accuracy", "93.1 ± 0.9 %"),)
    assert found.tables[0].rows[0] == ("150", "93.1235", "<b>x</b>")
    assert found.lacking == (f"{STEM}.nothing",)
    assert found.verdict == ("Exercise 5.2: choose a width, and defend it", "failed", "said so")
    picture = figure(night, "lab-1", f"{STEM}.accuracy_by_width")
    assert picture.width > 300
    assert figure(night, "lab-1", f"{STEM}.nothing") is None
    assert figure(night, "lab-1", "06_mlp2_sweep.grid") is None


@pytest.mark.parametrize(
    "published",
    [
        None,
        [],
        {"figures": [], "tables": 3, "numbers": "x"},
        {"figures": {"accuracy_by_width": {"alt": ["x"]}}, "numbers": {"chosen_accuracy": {"text": {"a": 1}}}},
        {"tables": {"accuracy_by_width": {"columns": "abc", "rows": {"a": 1}, "numeric": None, "caption": 3}}},
        {"tables": {"accuracy_by_width": {"columns": [1] * 99, "rows": [["x" * 200] * 99] * 999}}},
        {"tables": {"accuracy_by_width": {"columns": ["a"], "rows": [[], [[[]]], 3, [None]], "numeric": [1, "true"]}}},
    ],
)
def test_whatever_a_notebook_says_that_it_published_is_bounded_and_plain(tmp_path, published):
    write_night(tmp_path, 1, [STEM], outputs=False)
    path = tmp_path / "notebooks" / "lab-1" / f"{STEM}.ipynb"
    book = json.loads(path.read_text())
    book["metadata"]["labkit"] = {"results": published}
    path.write_text(json.dumps(book))
    found = evidence(tmp_path, "lab-1", WANTED, "5.2", {})
    for table in found.tables:
        assert len(table.rows) <= MOST_ROWS
        assert all(len(cell) <= 121 for row in table.rows for cell in row)
        assert len(table.numeric) == len(table.columns)
    assert all(isinstance(text, str) for _, text in (*found.figures, *found.numbers))


def test_a_notebook_that_cannot_be_read_gives_nothing(tmp_path):
    write_night(tmp_path, 1, [STEM], outputs=False)
    path = tmp_path / "notebooks" / "lab-1" / f"{STEM}.ipynb"
    for content in (b"", b"{}", b'{"cells": [3]}', b"[" * 10**6):
        path.write_bytes(content)
        assert executed(tmp_path, "lab-1", STEM).results == {}
    assert executed(tmp_path, "nobody", STEM).pictures == {}


SANDBOX = pytest.mark.skipif(
    shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


ANSWERS = {STEM: [("**1.** Why?", "Because."), ("**2.** And?", "")]}


def real_section(alt):
    """Return a section as a run writes it."""
    seen = {"split": "test", "n": 100, "seeds": [0, 1]}
    return {
        "labkit": "0.1.0",
        "profile": "quick",
        "seeds": [0, 1],
        "finished": "2026-11-26T12:00:00+00:00",
        "data": {
            "name": "embedded digits",
            "origin": "labkit",
            "real": False,
            "train": 500,
            "validation": 50,
            "test": 100,
            "fingerprint": "x",
        },
        "machine": {"processor": "x", "device": "cpu", "threads": 1, "torch": "2"},
        "figures": {"accuracy_by_width": {"caption": "By width.", "alt": alt, "width_in": 4.0, **seen}},
        "tables": {},
        "numbers": {
            "chosen_accuracy": {"text": "93.1 ± 0.9 %", "statistic": "mean ± sd", "values": [1], "unit": "%", **seen}
        },
    }


@pytest.fixture
def written(tmp_path):
    write_night(tmp_path, 1, [STEM])
    path = tmp_path / "notebooks" / "lab-1" / f"{STEM}.ipynb"
    book = json.loads(path.read_text())
    alt = book["metadata"]["labkit"]["results"]["figures"]["accuracy_by_width"]["alt"]
    book["metadata"]["labkit"]["results"] = real_section(alt)
    path.write_text(json.dumps(book))
    return tmp_path


@pytest.mark.slow
@SANDBOX
def test_a_report_is_built_anew_and_kept_until_something_changes(written, monkeypatch):
    content = report_anew(written, "lab-1", {}, ANSWERS)
    assert content.startswith(b"%PDF-")
    assert len(content) > 20_000  # the figure is in it
    monkeypatch.setattr("labkit.grading.marking.report_anew._built", lambda *_: b"%PDF-again")
    assert report_anew(written, "lab-1", {}, ANSWERS) == content
    (written / FOLDER / "lab-1" / SOURCE).write_text("# Summary\n")
    assert report_anew(written, "lab-1", {}, ANSWERS) == b"%PDF-again"


@pytest.mark.slow
@SANDBOX
def test_an_answer_that_no_report_can_hold_costs_the_answers_alone(written):
    (written / FOLDER / "lab-1" / SOURCE).write_text('# Appendix\n\n<< answers("05") >>\n')
    whole = report_anew(written, "lab-1", {}, ANSWERS)
    shutil.rmtree(written / "reports")
    without = report_anew(written, "lab-1", {}, {STEM: [("**1.** Why?", "<script>x</script>")]})
    assert whole.startswith(b"%PDF-")
    assert without.startswith(b"%PDF-")


@pytest.mark.slow
@SANDBOX
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('```{=typst}\n#read("/etc/passwd")\n```\n', "raw"),
        ("\\input{/etc/passwd}\n", "raw LaTeX"),
        ("![x](/etc/passwd)\n", "lies outside"),
        ("<< figure.__globals__ >>\n", "cannot be followed"),
        ("<% for i in range(10**9) %>x<% endfor %>\n", ""),
        ("$" + r"\def\a{\a\a}\a" + "$\n", ""),
    ],
)
def test_hostile_reports_end_in_a_sentence(written, source, sentence):
    (written / FOLDER / "lab-1" / SOURCE).write_text(source)
    content = b""
    with contextlib.suppress(LabkitError) if not sentence else pytest.raises(LabkitError) as refused:
        content = report_anew(written, "lab-1", {}, ANSWERS)
    told = str(refused.value) if sentence else ""
    assert sentence in told
    assert "/tmp/" not in told
    assert "root:" not in told
    assert b"root:" not in content


def test_nothing_to_build_from_is_a_sentence(tmp_path):
    write_night(tmp_path, 2, [STEM], outputs=False)
    shutil.rmtree(tmp_path / FOLDER / "lab-1")
    with pytest.raises(LabkitError, match=r"no report_source\.md"):
        report_anew(tmp_path, "lab-1", {}, {})
