"""Feedback as a notebook is text alone, and the same feedback is the same bytes."""

import nbformat
from attempt_makers import attempt

from labkit.grading.returning.packing import as_notebook, zipped


def test_a_notebook_of_feedback_is_text_alone():
    said = attempt(points={"5.2": 2, "5.1": 0}, status="failed")
    said.verdicts["5.1"]["message"] = "Not\n```\n<script>alert(1)</script> # but"
    [cell] = nbformat.reads(as_notebook("2 = 2", [said]).decode(), as_version=4).cells
    assert cell.source.splitlines() == [
        "# Feedback",
        "",
        "```",
        "2 = 2",
        "",
        "05_mlp1_sweep: failed",
        "  5.1  failed, 0 points. Not",
        "'''",
        "<script>alert(1)</script> # but",
        "  5.2  passed, 2 points. said so",
        "```",
    ]
    assert as_notebook("2 = 2", [said]) == as_notebook("2 = 2", [said])


def test_zips_are_the_same_bytes():
    files = [("a/b.html", b"x" * 1_000), ("王.zip", zipped([("feedback.html", b"y")]))]
    assert zipped(files) == zipped(files)
