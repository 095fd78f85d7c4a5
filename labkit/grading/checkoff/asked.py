"""Which questions stand on the pages that were printed: `checkoff/_drawn.json` in the folder of a night."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically

FOLDER = "checkoff"
FILE = "_drawn.json"  # no submission's name begins so
FORMAT = 1


@dataclass(frozen=True)
class Asked:
    """One question that stands on a page: its template's name, the hash of what it asks, and its text."""

    name: str
    digest: str
    text: str


def read_asked(folder: Path) -> dict[str, list[Asked]]:
    """Return the questions that stand on the pages, by submission; none before there are pages.

    LabkitError where the file is damaged.
    """
    path = folder / FOLDER / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another version of labkit wrote it")
        return {
            str(name): [Asked(*(str(one[key]) for key in ("name", "digest", "text"))) for one in questions]
            for name, questions in content["asked"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabkitError(
            f"{path} cannot be read ({error}): bring back a copy, or remove it, which draws all questions anew."
        ) from error


def write_asked(folder: Path, asked: Mapping[str, Sequence[Asked]]) -> None:
    """Keep what `read_asked` returns; LabkitError when it cannot be written."""
    questions = {name: [asdict(one) for one in each] for name, each in asked.items()}
    content = json.dumps({"format": FORMAT, "asked": questions}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / FOLDER / FILE, content)
