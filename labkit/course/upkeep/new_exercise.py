"""Begin an exercise in its three places at once: the notebook's twin, labkit's exercises, the answers that try them."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.notebooks import notebooks_folder, select
from labkit.course.upkeep import stubs
from labkit.course.upkeep.counterparts import answers_file, answers_in, assigned, exercises_file, exercises_in, parsed
from labkit.course.upkeep.twin import read_twin, twins
from labkit.exercises.catalogue import chapter_of

LONGEST = 280  # lines of a module of labkit; see tests/test_house.py
QUESTIONS = re.compile(r"^# ## Questions from your TA[ \t]*$", re.MULTILINE)


def new_exercise(name: str) -> list[Path]:
    """Write the beginning of a notebook's next exercise ("05": 5.5 where it has four), and return the files.

    Its judge lets nothing pass before somebody has written it. Either all files are written or none; UsageError for a
    notebook that is not known, LabkitError for what is in the way.
    """
    if importlib.util.find_spec("ruff") is None:
        raise LabkitError("labkit new-exercise needs ruff, which lays out code: `pip install ruff`.")
    (path,) = select([name], twins())
    root = notebooks_folder().parent
    module, answers = exercises_file(root, path.stem), answers_file(root, path.stem)
    for file in (module, answers):
        if not file.parent.is_dir():
            raise LabkitError(f"{file.parent} is not there: run the command in a checkout of labkit.")
    number = next_number(root, path)
    words = {"id": number, "slug": number.replace(".", "_"), "chapter": chapter_of(number)}
    texts = {path: _in_twin(path, words), module: _in_module(module, words), answers: _in_answers(answers, words)}
    texts = {file: _laid_out(file, text) for file, text in texts.items()}
    if (lines := len(texts[module].splitlines())) > LONGEST:
        raise LabkitError(
            f"{module} would have {lines} lines, and a module has {LONGEST} at most: move the judge of an exercise "
            "into a module of its own first, as labkit/exercises/idx_header.py. Nothing was written."
        )
    _write_all(texts)
    return list(texts)


def next_number(root: Path, path: Path) -> str:
    """Return the first id behind all that the notebook, its exercises and their answers name ("5.5")."""
    twin = read_twin(path)
    named = {heading.id for heading in (*twin.headings, *exercises_in(exercises_file(root, path.stem)))}
    named |= {name for table in answers_in(answers_file(root, path.stem)).values() for name in table}
    last = max((int(name.partition(".")[2]) for name in [*named, *twin.checks]), default=0)
    return f"{chapter_of(path.stem)}.{last + 1}"


def _in_twin(path: Path, words: Mapping[str, str]) -> str:
    """Return the twin with the exercise's three cells before its questions."""
    text = path.read_text(encoding="utf-8")
    place = QUESTIONS.search(text)
    if place is None:
        raise LabkitError(f"{path} has no heading `## Questions from your TA`, before which an exercise stands.")
    return text[: place.start()] + stubs.CELLS.format(**words) + text[place.start() :]


def _in_module(path: Path, words: Mapping[str, str]) -> str:
    """Return the module with the exercise at the end of EXERCISES, its two functions before it, and their imports."""
    text = path.read_text(encoding="utf-8") if path.is_file() else stubs.MODULE.format(**words)
    listed = _value(text, path, "EXERCISES", ast.Tuple)
    text = _before_end(text, listed, stubs.EXERCISE.format(**words))
    first = re.search(r"^EXERCISES\b", text, re.MULTILINE)
    future = re.search(r"^from __future__ import annotations\n", text, re.MULTILINE)
    if first is None or future is None:
        raise LabkitError(f"{path} needs `from __future__ import annotations`, and EXERCISES at the start of a line.")
    before, between = text[: future.end()], text[future.end() : first.start()]
    return f"{before}\n{stubs.IMPORTS}{between}{stubs.JUDGE.format(**words)}{text[first.start() :]}"


def _in_answers(path: Path, words: Mapping[str, str]) -> str:
    """Return the module of answers with an empty list of right and one of wrong ones."""
    text = path.read_text(encoding="utf-8") if path.is_file() else stubs.ANSWERS
    for name, line in (("RIGHT", stubs.RIGHT), ("WRONG", stubs.WRONG)):
        text = _before_end(text, _value(text, path, name, ast.Dict), line.format(**words))
    return text


def _value(text: str, path: Path, name: str, kind: type[ast.Tuple] | type[ast.Dict]) -> ast.Tuple | ast.Dict:
    """Return what a module assigns to a name, written out in brackets; LabkitError where it does not."""
    value = assigned(parsed(text, path), name)
    if not isinstance(value, kind) or _slice(text, value)[-1] not in ")}":
        raise LabkitError(f"{path} has no {name} that is written out in brackets: correct that first.")
    return value


def _before_end(text: str, brackets: ast.Tuple | ast.Dict, addition: str) -> str:
    """Return the text with more in a pair of brackets, behind a comma."""
    inside = brackets.elts if isinstance(brackets, ast.Tuple) else brackets.values
    end = _offset(text, brackets.end_lineno, brackets.end_col_offset) - 1
    last = _offset(text, inside[-1].end_lineno, inside[-1].end_col_offset) if inside else end
    rest = text[last:end]
    comma = "," if inside and "," not in re.sub("#.*", "", rest) else ""
    return f"{text[:last]}{comma}{rest}{addition}{text[end:]}"


def _slice(text: str, node: ast.expr) -> str:
    start = _offset(text, node.lineno, node.col_offset)
    return text[start : _offset(text, node.end_lineno, node.end_col_offset)]


def _offset(text: str, line: int | None, column: int | None) -> int:
    """Return where in a text the place of a syntax tree is, whose columns are bytes."""
    *above, own = text.split("\n")[: line or 1]
    return sum(len(one) + 1 for one in above) + len(own.encode()[: column or 0].decode())


def _laid_out(path: Path, text: str) -> str:
    """Return Python code with its imports in order and laid out as the checkout's pyproject.toml says."""
    for step in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *step, "--no-cache", "--stdin-filename", str(path), "-"]
        done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", cwd=notebooks_folder().parent)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["no reason given"])[0]
            raise LabkitError(f"{path} cannot be laid out with an exercise more ({reason}). Nothing was written.")
        text = done.stdout
    return text


def _write_all(texts: Mapping[Path, str]) -> None:
    """Write files so that either all are new or all are as they were."""
    before = {path: path.read_bytes() if path.is_file() else None for path in texts}
    written: list[Path] = []
    try:
        for path, text in texts.items():
            write_atomically(path, text)
            written.append(path)
    except BaseException:
        for path in written:
            old = before[path]
            path.unlink() if old is None else write_atomically(path, old)
        raise
