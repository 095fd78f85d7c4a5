"""The files beside the notebooks that staff write, as TOML: course.toml, rubric.toml and checkoff.toml."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from labkit.basics.errors import UsageError, first_line
from labkit.grading.texts import clean, nearest

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")  # a name that staff give to something


def read_toml(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, its numbers as decimals, so that 0.1 is a tenth; None where there is none.

    UsageError for a file that cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read ({clean(first_line(error))}): correct it.") from error


@contextlib.contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Make each UsageError within a sentence that begins with the file's name."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path}: {error}" if str(error).endswith("?") else f"{path}: {error}.") from None


def refuse_unknown(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise UsageError for a key that is not known, with the nearest one. where: what the sentence begins with."""
    for name in table:
        if name not in known:
            there = nearest(name, known) or f": there are {', '.join(known)}"
            raise UsageError(f"{where}{clean(name, 60)!r} is not known{there}")
