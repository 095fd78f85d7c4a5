"""The house: how many rooms a wing has, how large a room is, what a face shows, and the weight of opening it.

Which wing may import which is a contract of import-linter in pyproject.toml; `make lint` checks it.
"""

import ast
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from labkit import CHECKOUT, PACKAGE

FACES = ("data", "models", "training", "report", "exercises")
HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "seaborn", "sklearn", "papermill"}
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMY = {PACKAGE / "exercises", PACKAGE / "grading" / "pages"}  # a module a notebook; a module a page


def test_package_and_checkout_are_the_folders_that_they_are_called():
    """The sandbox shows PACKAGE to untrusted code: one level higher lie the solutions. Pages name CHECKOUT."""
    assert (PACKAGE / "cli" / "__init__.py").is_file()
    assert not list(PACKAGE.rglob("*.ipynb"))
    assert Path(importlib.import_module("labkit").__file__) == PACKAGE / "__init__.py"
    assert (CHECKOUT / "notebooks" / "source").is_dir()
    assert (CHECKOUT / "pyproject.toml").is_file()
    assert CHECKOUT / "labkit" == PACKAGE


def test_the_package_shows_its_wings_at_a_glance():
    assert len([entry for entry in PACKAGE.iterdir() if entry.name != "__pycache__"]) <= 12


def test_no_module_is_longer_than_a_few_screens():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {path: count for path, count in lines.items() if count > 280}


def test_a_wing_has_at_most_ten_modules():
    modules = Counter(path.parent for path in MODULES if path.stem != "__init__" and path.parent not in ROOMY)
    assert not {wing: count for wing, count in modules.items() if count > 10}


def test_no_two_modules_have_the_same_name():
    names = [path.stem for path in MODULES if path.stem != "__init__"]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("wing", FACES)
def test_a_face_shows_what_it_names_and_says_what_it_lacks(wing):
    face = importlib.import_module(f"labkit.{wing}")
    assert 1 <= len(face.__all__) <= 12
    for name in face.__all__:
        assert callable(getattr(face, name))
    assert set(face.__all__) <= set(dir(face))
    with pytest.raises(AttributeError, match=f"labkit.{wing} has no 'lode'"):
        face.lode  # noqa: B018


def test_every_wing_says_what_it_is_for():
    for path in PACKAGE.rglob("__init__.py"):
        first, *_ = importlib.import_module(".".join(path.parent.relative_to(CHECKOUT).parts)).__doc__.splitlines()
        assert len(first) > 40, path


@pytest.mark.parametrize("modules", ["labkit.cli", ", ".join(f"labkit.{wing}" for wing in FACES)])
def test_import_loads_no_heavy_library(modules):
    script = f"import sys, {modules}; print(*({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert done.stdout.split() == []


POSIX_ONLY = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")


@pytest.mark.slow
def test_what_students_use_imports_nothing_that_only_posix_has():
    modules = [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for path in MODULES
        if "grading" not in path.parts and path.stem != "__init__"
    ]
    script = f"import sys\nfor name in {POSIX_ONLY}: sys.modules[name] = None\nimport {', '.join(modules)}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr


def imported_at_once(statements):
    """The modules that a module imports when it is imported itself: not in functions, not for type checkers alone."""
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            yield statement.module
        elif isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            yield from imported_at_once(statement.orelse)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imported_at_once(
                node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.expr)
            )


@pytest.mark.parametrize(
    "source",
    [
        "import pwd",
        "if x:\n  import os, pwd",
        "try:\n  from pwd import y\nexcept E: pass",
        "with x:\n  import pwd",
        "class A:\n  import pwd",
        "if TYPE_CHECKING: pass\nelse:\n  import pwd",
        "match x:\n  case 1:\n    import pwd",
    ],
)
def test_an_import_is_found_wherever_it_runs_at_once(source):
    assert "pwd" in imported_at_once(ast.parse(source).body)


@pytest.mark.parametrize("source", ["def f():\n  import pwd", "from .pwd import x", "if TYPE_CHECKING:\n  import pwd"])
def test_an_import_that_runs_later_or_never_is_none(source):
    assert "pwd" not in imported_at_once(ast.parse(source).body)


def test_only_the_sandbox_imports_at_once_what_only_posix_has():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for name in imported_at_once(ast.parse(path.read_text(encoding="utf-8")).body)
        if name.partition(".")[0] in POSIX_ONLY
    }
    assert {name for name in found if not name.startswith("grading/sandbox/")} == set()
    assert found  # the sandbox does, so it would be seen
