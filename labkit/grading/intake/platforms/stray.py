"""What lies about in a folder of submissions and is none: rosters, thumbnails, partial downloads, a night's results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.platforms.platform import is_folder
from labkit.grading.intake.reading.names import is_partial
from labkit.grading.texts import some_of

# Names and endings in lower case.
SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
SYSTEM_FOLDERS = {"$recycle.bin", "system volume information"}
PARTIAL_FOLDER = ".zip.download"  # Safari's
TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".numbers")
OTHERS = (".bak", ".db", ".htm", ".html", ".ini", ".json", ".jsonl", ".lnk", ".lock", ".log", ".md", ".sqlite", ".tmp")
TEXTS = (".toml", ".txt", ".url", ".webloc", ".xml", ".yaml", ".yml")
RESULTS = ("results.sqlite", "seed")  # in a folder that `labkit grade` wrote
SHOWN = 5


def why_stray(name: str, members: Sequence[Member]) -> str:
    """Return what an entry is that nobody handed in, as "a table"; "" for a submission."""
    lower = name.casefold()
    if is_folder(members):
        inside = {member.parts[1] for member in members if len(member.parts) == 2}
        if inside.issuperset(RESULTS):
            return "results of labkit"
        if lower.endswith(PARTIAL_FOLDER):
            return "partial downloads"
        return "system files" if lower in SYSTEM_FOLDERS else ""
    if lower in SYSTEM or (lower.startswith("~$") and not lower.endswith((".zip", ".ipynb"))):
        return "system files"
    if is_partial(lower):
        return "partial downloads"
    return "tables and notes" if lower.endswith((*TABLES, *OTHERS, *TEXTS)) else ""


def is_results(folder: Path) -> bool:
    """Whether `labkit grade` wrote a folder."""
    return all((folder / name).is_file() for name in RESULTS)


def told(strays: dict[str, list[str]]) -> tuple[str, ...]:
    """Return a sentence on what was left out; strays: what it is -> the names, as they may be shown."""
    if not strays:
        return ()
    parts = [f"{what} ({some_of(names, SHOWN)})" for what, names in strays.items()]
    return (f"Left out, as nobody handed it in: {'; '.join(parts)}.",)
