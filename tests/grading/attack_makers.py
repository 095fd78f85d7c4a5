"""Small notebooks with an attack in them, and what comes of them in the sandbox."""

import os
from dataclasses import replace
from pathlib import Path

import nbformat

from labkit.grading.judging.grader import execute
from labkit.grading.sandbox.confine import Limits
from labkit.grading.sandbox.provisioners import SandboxProvisioner
from labkit.grading.settings import Bounds

BEFORE = "def central_difference(f, x, h=1e-5):\n    return (f(x + h) - f(x - h)) / (2 * h)"
AFTER = "def gradient_by_hand(powers, error):\n    return 2 * (powers @ error) / len(error)"
BOUNDS = Bounds(cell_seconds=20, seconds=90, output=200_000)
SHORT = replace(BOUNDS, cell_seconds=2)  # for what ends by its time alone
LIMITS = Limits(memory=400_000_000, disk=20_000_000, processes=16, cpu=60)


class SmallProvisioner(SandboxProvisioner):
    limits = LIMITS


def attack(*sources, bounds=BOUNDS, provisioner=SmallProvisioner):
    """Execute a right answer to 1.2, the attack, the check of 1.1, a right answer to 1.4, each with its check."""
    cells = [BEFORE, "pass", *sources, "pass", AFTER, "pass"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    middle = len(sources) + 2
    checks = {1: ("1.2", "central_difference"), middle: ("1.1", "standardise"), middle + 2: ("1.4", "gradient_by_hand")}
    return execute(notebook, checks, {}, 77, bounds, provisioner)


def statuses(execution):
    """Return the verdicts of 1.2 (before the attack), 1.1 (the attack's own) and 1.4 (behind it)."""
    return [execution.verdicts[name].status for name in ("1.2", "1.1", "1.4")]


def cell_with(execution, source):
    """Return the executed cell that has this source."""
    return next(cell for cell in execution.notebook.cells if cell.source == source)


def printed(execution, source):
    """Return what a cell printed."""
    return "".join(output.get("text", "") for output in cell_with(execution, source).outputs)


def memory():
    """Return the bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
