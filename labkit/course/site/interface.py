"""The names that notebooks import, with signatures and docstrings: read from the sources, and nothing is imported."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from labkit import PACKAGE
from labkit.basics.faces import homes

FACES = ("data", "models", "training", "report", "exercises")
LONGEST_LINE = 88
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Entry:
    """A name of a face, or of a class in it ("Run.figure"): its signature as code, and what its docstring says.

    kind: class, function, method or property. paragraphs: prose, each with the descriptions of parameters behind it.
    """

    name: str
    kind: str
    signature: str
    paragraphs: tuple[Paragraph, ...]
    members: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a docstring, and the terms that it explains, each with its description."""

    text: str
    terms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Face:
    """One of the wings that notebooks import from."""

    name: str
    paragraphs: tuple[Paragraph, ...]
    entries: tuple[Entry, ...]


def faces() -> list[Face]:
    """Return the five faces of labkit, each with its names in alphabetical order."""
    found = []
    for wing in FACES:
        tree = ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8"))
        shown = sorted(homes(tree).items(), key=lambda item: item[0].casefold())
        entries = tuple(_entry(name, home) for name, home in shown)
        found.append(Face(f"labkit.{wing}", docstring(ast.get_docstring(tree) or "", ()), entries))
    return found


def docstring(text: str, terms: tuple[str, ...]) -> tuple[Paragraph, ...]:
    """Return a docstring in its paragraphs; a line that begins with some of `terms` and a colon explains them."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", text.strip()):
        prose: list[str] = []
        explained: list[tuple[str, str]] = []
        for line in block.splitlines():
            named, colon, rest = line.partition(":")
            if colon and all(name.strip(" *") in terms for name in named.split(",")):
                explained.append((named, rest.strip()))
            elif explained and (line.startswith(" ") or not explained[-1][1].endswith(".")):  # its sentence goes on
                term, before = explained.pop()
                explained.append((term, f"{before} {line.strip()}"))
            elif explained:  # prose goes on behind the terms
                paragraphs.append(Paragraph(" ".join(prose), tuple(explained)))
                prose, explained = [line.strip()], []
            else:
                prose.append(line.strip())
        if prose or explained:
            paragraphs.append(Paragraph(" ".join(prose), tuple(explained)))
    return tuple(paragraphs)


def _entry(name: str, home: str) -> Entry:
    """Return what the module `home` says of its class or function `name`."""
    source = PACKAGE.joinpath(*home.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")
    node = next(each for each in ast.parse(source).body if isinstance(each, Definition) and each.name == name)
    return _class(node, source) if isinstance(node, ast.ClassDef) else _function(node, name, "function")


def _class(node: ast.ClassDef, source: str) -> Entry:
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    terms = tuple(each.target.id for each in fields if isinstance(each.target, ast.Name))
    signature = f"class {node.name}"
    if call := next((each for each in methods if each.name == "__init__"), None):
        terms = _names(call)
        signature = _called(signature, _arguments(call)[1:], "")
    elif _decorated(node, "dataclass"):
        signature += "".join(f"\n    {line}" for line in _with_comments(source, fields))
    members = tuple(
        _function(each, f"{node.name}.{each.name}", "property" if _decorated(each, "property") else "method")
        for each in methods
        if (not each.name.startswith("_") or each.name == "__call__") and ast.get_docstring(each)
    )
    return Entry(node.name, "class", signature, docstring(ast.get_docstring(node) or "", terms), members)


def _function(node: ast.FunctionDef, name: str, kind: str) -> Entry:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = _arguments(node)
    if kind != "function" and not _decorated(node, "staticmethod"):
        arguments = arguments[1:]  # self
    signature = f"{name}{returns}" if kind == "property" else _called(name, arguments, returns)
    return Entry(name, kind, signature, docstring(ast.get_docstring(node) or "", _names(node)))


def _with_comments(source: str, fields: list[ast.AnnAssign]) -> list[str]:
    """Return the lines of a class's fields as they stand there: their comments explain them."""
    lines = source.splitlines()
    return [lines[number - 1].strip() for each in fields for number in range(each.lineno, (each.end_lineno or 0) + 1)]


def _called(name: str, arguments: list[str], returns: str) -> str:
    """Return a signature on one line, or with a line per argument where it is too long."""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= LONGEST_LINE:
        return line
    inner = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name}(\n{inner}){returns}"


def _arguments(node: ast.FunctionDef) -> list[str]:
    """Return the arguments of a function as they are written, each with its annotation and default."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    written = [_argument(*each) for each in zip(positional, [*defaults, *given.defaults], strict=True)]
    if given.vararg or given.kwonlyargs:
        written.append(f"*{ast.unparse(given.vararg)}" if given.vararg else "*")
    written += [_argument(*each) for each in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [*written, f"**{ast.unparse(given.kwarg)}"] if given.kwarg else written


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _names(node: ast.FunctionDef) -> tuple[str, ...]:
    given = node.args
    extra = [each for each in (given.vararg, given.kwarg) if each]
    return tuple(each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, *extra))


def _decorated(node: Definition, name: str) -> bool:
    return any(re.match(rf"{name}\b", ast.unparse(decorator)) for decorator in node.decorator_list)
