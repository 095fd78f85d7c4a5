"""Captions and alternative texts of the course's figures and tables: they lie beside the notebooks, not in cells.

`captions/<notebook>.toml` has `[figures.<name>]` with `caption` and `alt`, and `[tables.<name>]` with `caption`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from labkit import CHECKOUT
from labkit.basics.errors import UsageError, first_line

FOLDER = "captions"


def captions_of(notebook: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return the texts of a notebook ("05_mlp1_sweep"): kind, name, key; empty where it came without its captions.

    The folder lies in the working folder of a notebook, in the notebooks folder below it, or in the course's own.
    """
    for folder in (Path.cwd(), Path.cwd() / "notebooks", CHECKOUT / "notebooks"):
        path = folder / FOLDER / f"{notebook}.toml"
        if path.is_file():
            return read_captions(path)
    return {}


def caption_files(notebooks: Path) -> tuple[tuple[str, bytes], ...]:
    """Return the files of captions of a folder of notebooks: paths in that folder, and contents."""
    return tuple((f"{FOLDER}/{path.name}", path.read_bytes()) for path in sorted(notebooks.glob(f"{FOLDER}/*.toml")))


def read_captions(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Read one file of captions; UsageError where it is no TOML."""
    try:
        texts: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({first_line(error)}): repair it, or take the course's.") from error
    return {
        kind: {
            name: {key: " ".join(str(text).split()) for key, text in entry.items()}
            for name, entry in texts.get(kind, {}).items()
        }
        for kind in ("figures", "tables")
    }
