"""pandoc as functions: Markdown to its syntax tree, the tree to HTML or Typst; and what pandoc takes for code.

Raw HTML stays apart in the tree, so that it can be told. pandoc runs in its own sandbox: it reads and fetches nothing
that it is not given.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError, UsageError, first_line

Tree = dict[str, Any]
Remark = dict[str, Any]
WIDE = "--columns=100000"  # a table takes the width that its cells need, however long its lines are
TEMPLATES = Path(__file__).with_name("templates")
READER = (
    "markdown-citations-native_divs-native_spans-blank_before_header"
    "+lists_without_preceding_blankline+east_asian_line_breaks"
)
CODE = ("Code", "CodeBlock", "RawInline", "RawBlock")
VERBATIM = (*CODE, "Math")
YAML_FAULT = re.compile(r"\(line (\d+), column \d+\):\n.*?line (\d+), column \d+[:,]?\s*(.*)", re.DOTALL)
LONGEST = 60  # seconds; a report takes less than one
FIRST_MARK, LAST_MARK = (
    0x100000,
    0x10FFFC,
)  # private characters that no text has; one stands before each place looked for
MARKS = re.compile(f"[{chr(FIRST_MARK)}-{chr(LAST_MARK)}]")


def read(text: str, citations: bool = False) -> tuple[Tree, list[Remark]]:
    """Return the syntax tree of a text in pandoc's Markdown, and pandoc's remarks; UsageError where it cannot be read.

    citations: `@key` is one; else it is text.
    """
    tree, remarks = run(text, ["--from", READER + "+citations" * citations, "--to=json", WIDE])
    return json.loads(tree), remarks


def read_apart(texts: Sequence[str]) -> tuple[Tree, list[list[Any]]]:
    """Return the tree of several texts that are read each by itself, and the blocks of each."""
    with tempfile.TemporaryDirectory() as scratch:
        files = []
        for index, text in enumerate(texts):
            file = Path(scratch) / f"{index}.md"
            file.write_text(f"{mark(index)}\n\n{MARKS.sub('', text)}\n", encoding="utf-8")
            files.append(str(file))
        reader = f"{READER}-yaml_metadata_block-pandoc_title_block"
        found, _ = run("", ["--file-scope", "--from", reader, "--to=json", WIDE, *files])
    tree = json.loads(found)
    return tree, [list(piece) for piece in _cut(tree["blocks"])]


def write_apart(tree: Tree, pieces: Sequence[list[Any]]) -> list[str]:
    """Return the Markdown of several lists of blocks, each one whole by itself."""
    blocks = [block for index, piece in enumerate(pieces) for block in (_marked(index), *piece)]
    arguments = ["--from=json", "--to", f"{READER}-simple_tables-multiline_tables-grid_tables", "--wrap=none"]
    text, _ = run(json.dumps({**tree, "meta": {}, "blocks": blocks}), [*arguments, "--reference-location=block"])
    return [part.strip() for part in re.split(f"^{MARKS.pattern}$", text, flags=re.MULTILINE)[1:]]


def write(tree: Tree, to: str, template: str, options: Sequence[str] = ()) -> tuple[str, list[Remark]]:
    """Return the tree as a document in the format `to`, and what pandoc remarked on the way."""
    filters = TEMPLATES / f"{to}.lua"
    arguments = ["--standalone", f"--template={TEMPLATES / template}", f"--lua-filter={filters}"]
    return run(json.dumps(tree), ["--from=json", f"--to={to}", "--columns=1000", *options, *arguments])


def run(text: str, arguments: Sequence[str]) -> tuple[str, list[Remark]]:
    """Run pandoc on a text; return what it makes of it, and its log."""
    import pypandoc

    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log.json"
        # Of the user's own data folder, which may change what pandoc does, nothing is taken.
        options = ["--sandbox", f"--data-dir={scratch}", "--quiet", f"--log={log}"]
        command = [pypandoc.get_pandoc_path(), *arguments, *options]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=LONGEST)
        except subprocess.TimeoutExpired as error:
            raise LabkitError(
                f"pandoc is not done with the report's Markdown after {LONGEST} s: look for a row of brackets that are "
                "never closed, and put it between backticks."
            ) from error
        remarks = json.loads(log.read_text(encoding="utf-8")) if log.is_file() else []
    if done.returncode:
        raise _fault(done.stderr.decode(errors="replace"))
    return done.stdout.decode(), remarks


def strings(node: Any, kind: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a tree in the document's order, with the kind of code or formula that it stands in."""
    if isinstance(node, str):
        yield node, kind
    elif isinstance(node, list):
        for child in node:
            yield from strings(child, kind)
    elif isinstance(node, dict):
        inner = node["t"] if node.get("t") in VERBATIM else kind
        yield from strings(node["c"] if "t" in node and "c" in node else _values(node), inner)


def elements(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every element of a tree, an outer one before those in it."""
    if isinstance(node, dict):
        if "t" in node:
            yield node
        for child in node.values():
            yield from elements(child)
    elif isinstance(node, list):
        for child in node:
            yield from elements(child)


def shown(tree: Tree) -> Iterator[str]:
    """Yield the text that a reader of the document sees."""
    for element in elements(tree):
        if element["t"] == "Str":
            yield element["c"]
        elif element["t"] in ("Code", "CodeBlock", "Math"):
            yield element["c"][1]


def places(text: str, pattern: str, hidden: bool = False) -> list[tuple[re.Match[str], str]]:
    """Return the matches of `pattern` in a Markdown text, each with the kind of code or formula that it stands in.

    pandoc says which: what is code is for nobody else to guess. hidden: pandoc shall not see the matches themselves.
    """
    matches = list(re.finditer(pattern, text))
    if not matches:
        return []
    numbers = iter(range(len(matches)))
    marked = re.sub(pattern, lambda match: mark(next(numbers)) + ("" if hidden else match[0]), text)
    kinds = {index: kind for string, kind in strings(read(marked)[0]) for index in marks(string)}
    return [(match, kinds.get(index, "")) for index, match in enumerate(matches)]


def mark(index: int) -> str:
    """Return the character that stands for place number `index`."""
    return chr(FIRST_MARK + index)


def marks(text: str) -> list[int]:
    """Return the numbers of the places whose marks are in a text."""
    return [ord(character) - FIRST_MARK for character in text if ord(character) >= FIRST_MARK]


def _marked(index: int) -> dict[str, Any]:
    return {"t": "Para", "c": [{"t": "Str", "c": mark(index)}]}


def _cut(blocks: list[Any]) -> Iterator[list[Any]]:
    """Yield the blocks that stand behind each mark that is a paragraph by itself."""
    piece: list[Any] = []
    for index, block in enumerate(blocks):
        if block["t"] == "Para" and len(block["c"]) == 1 and marks(str(block["c"][0].get("c", ""))):
            if index:
                yield piece
            piece = []
        else:
            piece.append(block)
    yield piece


def _values(node: dict[str, Any]) -> list[Any]:
    return [value for key, value in node.items() if key not in ("t", "pandoc-api-version")]


def _fault(said: str) -> LabkitError:
    """Return what pandoc refused as one sentence."""
    if "YAML" in said and (found := YAML_FAULT.search(said)):
        line = int(found[1]) + int(found[2])
        return UsageError(
            f"line {line}: the lines between --- and --- cannot be read ({first_line(found[3])}): put what stands "
            'behind the colon between quotes, as in title: "A: B".'
        )
    return LabkitError(f"pandoc could not read the report's Markdown: {first_line(said)}")
