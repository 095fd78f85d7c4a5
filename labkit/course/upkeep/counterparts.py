"""What lies beside the notebooks in a checkout: exercises, answers that try their judges, predicates of claims.

All of it is read as text, and none of it is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.course.upkeep.twin import Heading

LEAST_RIGHT, LEAST_WRONG = 2, 3  # answers to an exercise


def exercises_file(root: Path, stem: str) -> Path:
    """Return the module with the exercises of a notebook ("05_mlp1_sweep"), in a checkout."""
    return root / "labkit" / "exercises" / f"nb{stem}.py"


def answers_file(root: Path, stem: str) -> Path:
    """Return the module with right and wrong answers to them."""
    return root / "tests" / "exercises" / "answers" / f"nb{stem}.py"


def claims_file(root: Path, stem: str) -> Path:
    """Return the module with the predicates of what the notebook claims."""
    return root / "tests" / "course" / "claims" / f"nb{stem[:2]}.py"


def exercises_in(path: Path) -> list[Heading]:
    """Return the exercises of a module as it defines them; none where it is not there."""
    found = []
    for call in _calls(path, "Exercise"):
        given = dict(zip(("id", "title", "points"), call.args, strict=False))
        given |= {word.arg: word.value for word in call.keywords if word.arg}
        found.append(Heading(*(_literal(path, given.get(key, call)) for key in ("id", "title", "points"))))
    return found


def answers_in(path: Path) -> dict[str, dict[str, int]]:
    """Return how many answers "RIGHT" and "WRONG" hold for each exercise; nothing where the module is not there.

    What is no list that can be counted, as one that is computed, counts as enough.
    """
    module = _tree(path)
    return {
        name: {
            str(_literal(path, key)): len(value.elts) if isinstance(value, ast.List) else LEAST_WRONG
            for key, value in zip(table.keys, table.values, strict=True)
            if key is not None
        }
        for name in ("RIGHT", "WRONG")
        if isinstance(table := assigned(module, name), ast.Dict)
    }


def claims_in(path: Path) -> list[str]:
    """Return the words of the claims that a module has predicates for, each on one line."""
    return [" ".join(str(_literal(path, call.args[0])).split()) for call in _calls(path, "Claim") if call.args]


def assigned(module: ast.Module, name: str) -> ast.expr | None:
    """Return what a module assigns to a name; None where it does not."""
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node.value
    return None


def _literal(path: Path, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise LabkitError(f"{path}, line {node.lineno}: write it out, as a text or a number.") from error


def _calls(path: Path, name: str) -> Iterator[ast.Call]:
    """Yield the calls of a name in a module, in their order."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def parsed(text: str, path: Path) -> ast.Module:
    """Return the syntax tree of a module; LabkitError, with its path, where it is no Python."""
    try:
        return ast.parse(text)
    except (ValueError, SyntaxError) as error:
        raise LabkitError(f"{path} cannot be read as Python ({error}): correct it first.") from error


def _tree(path: Path) -> ast.Module:
    try:
        return parsed(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return ast.Module([], [])
    except (OSError, UnicodeDecodeError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): correct it first.") from error
