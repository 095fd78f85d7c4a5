"""The benchmark that drives labkit mark and nbgrader's form grader runs, on too few notebooks to say anything."""

import json
import subprocess
import sys
from pathlib import Path

from browser import IN_CHROMIUM

pytestmark = IN_CHROMIUM
SCRIPT = Path(__file__).parent.parent / "benchmarks" / "marking.py"


def test_marking_is_driven_on_both_sides(tmp_path):
    subprocess.run([sys.executable, SCRIPT, "--notebooks", "3", "--reading", "0"], cwd=tmp_path, check=True)
    rows = {row[0]: row for row in json.loads((tmp_path / "out" / "bench" / "marking.json").read_text())["rows"]}
    assert set(rows) >= {"full: labkit mark", "full: form grader, one cell", "part: form grader, a cell each"}
    assert float(rows["full: labkit mark"][1]) == 2  # keys per answer
