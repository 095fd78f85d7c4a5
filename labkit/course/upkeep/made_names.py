"""Which figures, tables and numbers a notebook makes: by the names in its cells, and by what runs are known to make."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache

from labkit import PACKAGE
from labkit.report.reference import read_reference

KINDS = {"run.figure": "figures", "run.table": "tables", "run.number": "numbers"}
PLACED = re.compile(r'(figure|table|number)\("([^"]+)"')  # in a report's source
# kind -> pattern of a name -> texts of its cell, one of which may fill the pattern
Made = dict[str, dict[str, set[str]]]


def made_by(code: Iterable[str]) -> Made:
    """Return what code cells make.

    A name that a loop makes, as f"{key}_test", gives the pattern (.+)_test; one that is written out needs no filling. A
    function of labkit that is handed the run, as `network_table`, makes what is named in it.
    """
    made: Made = {kind: {} for kind in KINDS.values()}
    for source in code:
        tree = ast.parse(source)
        words = {form for node in ast.walk(tree) if isinstance(node, ast.Constant) for form in _forms(node.value)}
        for kind, pattern in _named_in(tree):
            made[kind].setdefault(pattern, set()).update(words if "(" in pattern else ())
    return made


def is_made(kind: str, full: str, made: Made, known: set[str]) -> bool:
    """Whether a notebook makes "05_mlp1_sweep.chosen_width": its name is written out, or one that a loop gives.

    What a loop puts into a name is a text of the same cell, or known from a run. known: see `known_results`.
    """
    stem, _, name = full.partition(".")
    prefixes = {one.partition(".")[2].rpartition("_")[0] for one in known if one.startswith(f"{stem}.")}
    for pattern, words in made[kind].items():
        match = re.fullmatch(pattern, name)
        if match and (not match.groups() or full in known or match[1].lower() in words or match[1] in prefixes):
            return True
    return False


def known_results() -> set[str]:
    """Return the numbers that runs of the course made for its reference."""
    reference = read_reference()
    return {name for band in reference["bands"].values() for name in band} | set(reference["results"])


def _forms(value: object) -> list[str]:
    """Return a text as it may stand in a name: "C3: 28" also as c3_28."""
    return [value.lower(), re.sub(r"\W+", "_", value.lower()).strip("_")] if isinstance(value, str) else []


def _named_in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield kind and pattern of what a piece of code makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called in KINDS:
                yield from ((KINDS[called], pattern) for pattern in _patterns(node.args[0], tree))
            elif any(isinstance(argument, ast.Name) and argument.id == "run" for argument in node.args):
                yield from _made_by_functions().get(called.rpartition(".")[2], [])


def _patterns(name: ast.expr, tree: ast.AST) -> Iterator[str]:
    """Yield the patterns of a name; a variable has those of what is assigned to it in the same piece of code."""
    if isinstance(name, ast.Constant):
        yield re.escape(str(name.value))
    elif isinstance(name, ast.JoinedStr):
        yield "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else "(.+)" for one in name.values)
    elif isinstance(name, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name.id:
                yield from _patterns(node.value, ast.Module([], []))


@cache
def _made_by_functions() -> dict[str, list[tuple[str, str]]]:
    """Return what the functions of the report make that are handed a run, by the functions' names."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "report").rglob("*.py"))]
    functions = [
        node
        for text in texts
        if any(f"{call}(" in text for call in KINDS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and "run" in [argument.arg for argument in node.args.args]
    ]
    return {function.name: list(_named_in(function)) for function in functions}
