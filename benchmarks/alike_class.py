"""Classes for benchmarks/alike.py: groups that wrote alone, and some that copied from one of them.

Answers are those that the tests keep: of each exercise a group takes one of two usual right ones, or a wrong one, in
names of its own. Prose is drawn word after word from the course's model answers: it sounds alike, and is nobody's.
"""

from __future__ import annotations

import ast
import builtins
import io
import itertools
import keyword
import random
import re
import tokenize
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.grading.alike.fragments import imported
from labkit.grading.alike.written import Group

ANSWERS = Path(__file__).parent.parent / "tests" / "exercises" / "answers"
WORDS = ("rest", "part", "data", "temp", "line", "mine", "good", "some", "last", "item", "cell", "step")
REMARKS = (
    "take it from the table",
    "this was the hard part",
    "works for all shapes now",
    "as in the lecture of monday",
)
ANDERS = ("aus der tabelle genommen", "das war der schwere teil", "geht nun mit allen formen", "wie in der vorlesung")


@dataclass(frozen=True)
class Bank:
    """The tests' answers as source texts, by exercise."""

    right: dict[str, list[str]]
    wrong: dict[str, list[str]]
    kept: frozenset[str]  # names of libraries and attributes, which no group can rename


def read_bank() -> Bank:
    """Return all answers of the tests, each with the functions of its module that it uses."""
    right: dict[str, list[str]] = {}
    wrong: dict[str, list[str]] = {}
    kept = set(dir(builtins)) | set(keyword.kwlist) | {"self"}
    for path in sorted(ANSWERS.glob("nb*.py")):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        kept |= imported(source)
        kept |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        kept |= {one.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for one in node.keywords if one.arg}
        defined = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        for node in tree.body:
            name = node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else ""
            if name in ("RIGHT", "WRONG") and isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                for key, values in zip(node.value.keys, node.value.values, strict=True):
                    answers = [
                        one.elts[0] if isinstance(one, ast.Tuple) else one for one in getattr(values, "elts", ())
                    ]
                    texts = [_with_helpers(source, answer, defined) for answer in answers]
                    (right if name == "RIGHT" else wrong)[ast.literal_eval(key)] = texts
    return Bank(right, {name: wrong.get(name) or texts for name, texts in right.items()}, frozenset(kept))


def _with_helpers(source: str, answer: ast.expr, defined: dict[str, ast.stmt]) -> str:
    """Return an answer's text with all functions that it uses."""
    used: dict[str, None] = {}
    rest: list[ast.AST] = [answer]
    while rest:
        for node in ast.walk(rest.pop()):
            if isinstance(node, ast.Name) and node.id in defined and node.id not in used:
                used[node.id] = None
                rest.append(defined[node.id])
    texts = [ast.get_source_segment(source, defined[name]) or "" for name in reversed(used)]
    if not isinstance(answer, ast.Name):
        texts.append(f"answer = {ast.get_source_segment(source, answer)}")
    return ast.unparse(ast.parse("\n\n".join(texts))) + "\n"  # in one form, else those who copied had one of their own


class Prose:
    """Draws prose that sounds like the course's model answers: each word follows the one before it there."""

    def __init__(self, texts: list[str]) -> None:
        self.after: dict[str, list[str]] = defaultdict(list)
        words = " ".join(texts).split()
        for one, following in itertools.pairwise(words):
            self.after[one].append(following)
        self.starts = [word for word in words if word[0].isupper()]

    def draw(self, rng: random.Random, count: int = 90) -> str:
        """Return so many words."""
        words = [rng.choice(self.starts)]
        while len(words) < count:
            words.append(rng.choice(self.after.get(words[-1]) or self.starts))
        return " ".join(words)


def write_alone(name: str, bank: Bank, prose: Prose | None, stems: list[str], rng: random.Random) -> Group:
    """Return a group that wrote alone. Groups differ in how often they are wrong: one in twenty to one in two."""
    often = rng.betavariate(1.5, 4.5)
    code = {}
    for exercise, right in bank.right.items():
        answer = rng.choice(bank.wrong[exercise]) if rng.random() < often else rng.choice(right[:2])
        code[exercise] = renamed(answer, bank, rng)
        if rng.random() < 0.3:
            code[exercise] = f"# {rng.choice(REMARKS)}, {rng.choice(WORDS)} {rng.choice(WORDS)}\n{code[exercise]}"
    texts = {stem: prose.draw(rng) for stem in stems} if prose else {}
    return Group((name,), name, people=frozenset([("login", name)]), code=code, prose=texts)


def renamed(source: str, bank: Bank, rng: random.Random) -> str:
    """Return code with other names for all that may have one."""
    new: dict[str, str] = {}
    lines = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            text = token.string
            if token.type == tokenize.NAME and text not in bank.kept:
                text = new.setdefault(text, f"{rng.choice(WORDS)}_{len(new)}" if rng.random() < 0.5 else text)
            lines.append((token.type, text))
    except (tokenize.TokenError, SyntaxError):
        return source
    return tokenize.untokenize(lines)


def copied(group: Group, name: str, bank: Bank, rng: random.Random, share: float = 1.0) -> Group:
    """Return a group that took over another's code, and hides it: names, order, numbers and comments differ.

    share: of the answers that are copied; the others are of its own.
    """
    own = write_alone(name, bank, None, [], rng)
    code = {exercise: hidden(text, bank, rng) for exercise, text in group.code.items() if rng.random() < share}
    return replace(own, code=own.code | code)


def hidden(source: str, bank: Bank, rng: random.Random) -> str:
    """Return code as somebody hides it who copied it."""
    for old, new in zip(REMARKS, ANDERS, strict=True):
        source = source.replace(old, new)
    source = re.sub(r"(?<![\w.])([3-9]|\d{2,})(?![\w.])", lambda match: str(int(match[1]) + rng.randrange(3)), source)
    return renamed(_reordered(source, rng), bank, rng)


def _reordered(source: str, rng: random.Random) -> str:
    """Return code with its functions in another order, and neighbouring statements that do not use each other."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for place in range(len(body) - 1):
            one, other = body[place : place + 2]
            movable = all(isinstance(each, (ast.Assign, ast.FunctionDef)) for each in (one, other))
            apart = not _names(one, ast.Store) & _names(other) and not _names(other, ast.Store) & _names(one)
            if movable and apart and rng.random() < 0.7:
                body[place], body[place + 1] = other, one
    return ast.unparse(tree) + "\n"


def _names(node: ast.AST, kind: type[ast.expr_context] | None = None) -> set[str]:
    own = {node.name} if isinstance(node, ast.FunctionDef) else set()
    return own | {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and (kind is None or isinstance(one.ctx, kind))
    }


def make_class(
    count: int, copies: int, bank: Bank, prose: Prose, stems: list[str], seed: int
) -> tuple[list[Group], set[frozenset[str]]]:
    """Return so many groups, the last `copies` of which copied, and the names of the pairs that belong together."""
    rng = random.Random(seed)
    groups = [write_alone(f"group-{place:03}", bank, prose, stems, rng) for place in range(count - copies)]
    planted = set()
    for source in rng.sample(groups, copies):
        name = f"group-{len(groups):03}"
        groups.append(replace(copied(source, name, bank, rng), prose={stem: prose.draw(rng) for stem in stems}))
        planted.add(frozenset([source.names[0], name]))
    return groups, planted
