"""Files that notebooks bring along: modules of one's own, small tables and pictures, in their folder or below it.

`labkit submit` packs them and `labkit grade` lays them beside the notebook, by the same rules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

KINDS = {".py", ".csv", ".tsv", ".txt", ".json", ".png", ".jpg", ".jpeg", ".gif", ".npy", ".npz", ".pt", ".pth"}
MOST, MOST_BYTES = 50, 5_000_000
DEEPEST, LONGEST_PART = 5, 100
# What editors, Jupyter, labkit and its report leave beside notebooks, and nobody brings along.
PASSED_OVER = {"report.pdf", "report.html", "report.md", "report_source.md", "results.json", "submission.json"}
PASSED_OVER |= {"readme.txt", "readme.md", "thumbs.db", "desktop.ini"}
PASSED_OVER |= {"course.toml", "rubric.toml", "checkoff.toml"}  # the staff's: totals, marks, and questions at the bench
FOLDERS_PASSED_OVER = {"captions", "out", "__pycache__", "__macosx", "venv", "node_modules"}
# Imports find Python's own modules first, and the course's are loaded before: a file of such a name helps nobody.
LIBRARIES = "labkit torch torchvision numpy scipy pandas matplotlib seaborn sklearn PIL IPython ipykernel ipywidgets"
TAKEN_NAMES = {name.casefold() for name in (*sys.stdlib_module_names, *LIBRARIES.split())}
Parts = tuple[str, ...]


def choose(files: Iterable[tuple[Parts, int]], notebooks: Collection[str]) -> tuple[list[Parts], list[str]]:
    """Return which of the files beside a notebook it brings along, and a sentence for each reason to leave some out.

    files: paths in parts, from the notebook's folder, with sizes in bytes. notebooks: the course's, without ending;
    their text twins are passed over.
    """
    taken: list[Parts] = []
    left: dict[str, list[str]] = {}
    folders: set[Parts] = set()
    size = 0
    for parts, own_size in sorted(files, key=lambda file: (len(file[0]), file[0])):
        if _passed_over(parts, notebooks):
            continue
        inside = {parts[:depth] for depth in range(1, len(parts))}
        reason = _reason(parts)
        if not reason and (parts in folders or parts in taken or inside & set(taken)):
            reason = "the name of another file or folder"
        if not reason and len(taken) == MOST:
            reason = f"more than {MOST} files"
        if not reason and size + own_size > MOST_BYTES:
            reason = f"more than {MOST_BYTES // 1_000_000} MB in all"
        if reason:
            left.setdefault(reason, []).append("/".join(parts))
        else:
            taken.append(parts)
            folders |= inside
            size += own_size
    return taken, [_sentence(reason, names) for reason, names in left.items()]


def beside(folder: Path, notebooks: Collection[str]) -> tuple[dict[str, Path], list[str]]:
    """Return the files that the notebooks in a folder bring along, by their path in it, and sentences as `choose`."""
    files: dict[Parts, Path] = {}
    links = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not _hidden(name)]
        for name in (*names, *inner):
            path = Path(place, name)
            parts = path.relative_to(folder).parts
            if path.is_symlink():
                if not _passed_over(parts, notebooks):
                    links.append("/".join(parts))
            elif path.is_file():
                files[parts] = path
    taken, sentences = choose([(parts, path.stat().st_size) for parts, path in files.items()], notebooks)
    sentences += [_sentence("a link", links)] if links else []
    return {"/".join(parts): files[parts] for parts in taken}, sentences


def _passed_over(parts: Parts, notebooks: Collection[str]) -> bool:
    stem, ending = os.path.splitext(parts[-1])
    return (
        any(map(_hidden, parts))
        or ending.casefold() == ".ipynb"
        or parts[-1].casefold() in PASSED_OVER
        or (ending == ".py" and stem in notebooks)
    )


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in FOLDERS_PASSED_OVER


def _reason(parts: Parts) -> str:
    """Return why a file is not taken; "" when it is."""
    if os.path.splitext(parts[-1])[1].casefold() not in KINDS:
        return f"a kind that is not taken: only {' '.join(sorted(KINDS))} are"
    if len(parts) > DEEPEST or not all(0 < len(part) <= LONGEST_PART and part.isprintable() for part in parts):
        return "a path that is too long, or not printable"
    if any(set(part) & set('/\\:*?"<>|') for part in parts):
        return "a name that not every system can store"
    module = os.path.splitext(parts[0])[0] if len(parts) == 1 else parts[0]
    if parts[-1].casefold().endswith(".py") and module.casefold() in TAKEN_NAMES:
        return "the name of a module of Python or of the course's libraries"
    return ""


def _sentence(reason: str, names: list[str]) -> str:
    names = ["".join(char if char.isprintable() else "?" for char in name) for name in names]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"Left out beside the notebooks: {', '.join(names[:3])}{more} ({reason})."
