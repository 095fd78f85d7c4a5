"""Citations: `[@key]` cites an entry of the course's references, or of a references.bib beside the report's source."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError
from labkit.report.writing.pandoc import TEMPLATES, Tree, elements, run, strings
from labkit.report.writing.source import Source, nearest

BIBLIOGRAPHY = "references.bib"
OF_THE_COURSE = TEMPLATES / BIBLIOGRAPHY


def keys_of(folder: Path) -> list[str]:
    """Return what can be cited: the keys of the course's references, and of the folder's references.bib.

    UsageError when the latter is damaged.
    """
    return [key for path in _bibliographies(folder) for key in _keys_in(path)]


def _bibliographies(folder: Path) -> list[Path]:
    """Return the files of references; where both have a key, pandoc takes the later one, which is the student's."""
    own = folder / BIBLIOGRAPHY
    return [OF_THE_COURSE, *([own] if own.is_file() else [])]


def _keys_in(path: Path) -> list[str]:
    try:
        entries = json.loads(run(path.read_text(encoding="utf-8-sig"), ["--from=biblatex", "--to=csljson"])[0])
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}): save it as UTF-8.") from error
    except LabkitError as error:
        where = re.search(r"\(line (\d+), column \d+\)", str(error))
        line = f" near line {where[1]}" if where else ""
        raise UsageError(f"{path} is not BibTeX{line}: look for a comma or a brace that is missing there.") from error
    return [entry["id"] for entry in entries]


def faults(tree: Tree, source: Source, keys: Collection[str]) -> list[str]:
    """Return a sentence for each `[@key]` that references.bib lacks; `@name` in a sentence that is no key is text."""
    found = []
    for element in elements(tree):
        if element["t"] != "Cite":
            continue
        cited, written = element["c"]
        unknown = [citation["citationId"] for citation in cited if citation["citationId"] not in keys]
        if not unknown:
            continue
        first, _ = next(strings(written), ("", ""))
        if not first.startswith("["):
            element["t"], element["c"] = "Span", [["", [], []], written]
            continue
        for key in unknown:
            sentence = f"{BIBLIOGRAPHY} has no entry {key}.{nearest(key, keys) or ' Add it, or correct the key.'}"
            found.append(source.at(source.line_of(f"@{key}") or source.line_of(key), sentence))
    return list(dict.fromkeys(found))


def options(tree: Tree, folder: Path) -> list[str]:
    """Return what pandoc needs to set citations, and the list of what is cited at the end or at `::: {#refs}`."""
    placed = any(element["t"] == "Div" and element["c"][0][0] == "refs" for element in elements(tree["blocks"]))
    cited = any(element["t"] == "Cite" for element in elements(tree["blocks"]))
    title = ["--metadata=reference-section-title:References"] if cited and not placed else []
    files = [f"--bibliography={path}" for path in _bibliographies(folder)]
    return ["--citeproc", *files, "--metadata=link-citations:true", *title]
