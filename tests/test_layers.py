"""Which module may import which: the rooms of the kit, and the weight of importing it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import labkit

PACKAGE = Path(labkit.__file__).parent
FILES = sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*/*.py")])
ALLOWED = {
    "__init__": "",
    "config": "",
    "files": "config",
    "runtime": "config",
    "sources": "config",
    "embedded": "sources",
    "data": "config sources embedded",
    "models": "",
    "scratch": "",
    "progressbar": "",
    "training": "config runtime data progressbar",
    "stacks": "models",
    "ensembles": "config data models progressbar runtime stacks training",
    "elsewhere": "config data files runtime",
    "runs": "config data ensembles files runtime",
    "sweeps": "config elsewhere runtime data models progressbar runs training ensembles",
    "summary": "",
    "profiling": "runtime",
    "plots": "",
    "canvas": "config data progressbar",
    "artifacts": "config runtime data files",
    "report": "config artifacts checks exercises files",
    "reference": "config artifacts files",
    "syscalls": "",
    "guard": "",
    "confine": "guard syscalls",
    "kernels": "confine",
    "headless": "config files kernels",
    "notebooks": "config files report artifacts checks reference kernels headless",
    "twins": "config exercises files headless notebooks review",
    "release": "config files headless notebooks report twins",
    "doctor": "config runtime data",
    "fetch": "config sources data",
    "plain": "",
    "collect": "plain",
    "collectors": "collect config data scratch",
    "exercises": "exercises collect collectors plain models scratch",
    "checks": "files exercises artifacts",
    "grading": "grading syscalls confine config files plain exercises headless kernels notebooks reference review",
    "review": "checks exercises",
    "submit": "config artifacts files headless notebooks report review twins",
}


def room(path):
    """Return the room of a module: its own name, or that of its package."""
    return path.stem if path.parent == PACKAGE else path.parent.name


ALLOWED["cli"] = " ".join(sorted({room(path) for path in FILES}))
HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "seaborn", "sklearn", "papermill"}


def labkit_imports(tree):
    """Return the modules of labkit that `tree` imports, at its top or inside a function."""
    modules = {room(path) for path in FILES}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("labkit.")}
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if node.level:
                parts = ["labkit", *filter(None, parts)]
            if parts[0] == "labkit":
                names = {alias.name for alias in node.names} & modules
                found |= {parts[1]} if len(parts) > 1 else names
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import labkit.data", {"data"}),
        ("from labkit.data import load", {"data"}),
        ("from labkit import data, __version__", {"data"}),
        ("from . import data", {"data"}),
        ("from .data import load", {"data"}),
        ("def f():\n    from labkit.data import load", {"data"}),
        ("import torch", set()),
    ],
)
def test_collector_sees_every_kind_of_import(line, expected):
    assert labkit_imports(ast.parse(line)) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{room(path)}.{path.stem}")
def test_module_imports_only_what_its_room_allows(path):
    assert room(path) in ALLOWED, f"{path.name}: name its room in this table (ALLOWED in tests/test_layers.py)"
    breach = labkit_imports(ast.parse(path.read_text(encoding="utf-8"))) - set(ALLOWED[room(path)].split())
    assert not breach, f"{path.name} may not import {', '.join(sorted(breach))}"


@pytest.mark.parametrize("module", ["labkit", "labkit.cli"])
def test_import_loads_no_heavy_library(module):
    script = f"import sys, {module}; print(*({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.split() == []
