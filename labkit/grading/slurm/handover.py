"""Finished attempts as files: what tasks on other machines hand over to the one writer of the store.

JSON, never a pickle, since texts in it come from submissions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from labkit.basics.files import write_atomically
from labkit.grading.records.attempts import Attempt
from labkit.grading.records.store import AttemptStore

LARGEST = 20_000_000  # bytes of a file


def hand_over(attempt: Attempt, folder: Path) -> None:
    """Write an attempt into a folder, whole or not at all. LabkitError when that fails."""
    write_atomically(folder / f"{attempt.submission}--{attempt.notebook}.json", json.dumps(asdict(attempt)))


def take_over(folder: Path, store: AttemptStore) -> Iterator[Attempt]:
    """Add every attempt in a folder to the store, remove its file, and return those that were new.

    A command that was killed in between leaves a file whose attempt is there already. A file that holds no attempt is
    renamed to NAME.junk, and told.
    """
    if not folder.is_dir():
        return
    folder.chmod(0o700)  # makes a network file system look for the newest files of other machines
    for path in sorted(path for path in folder.glob("*.json") if path.is_file()):
        try:
            attempt = _read(path)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            print(f"{path} holds no result ({error!r:.80}): it is left aside as {path.stem}.junk.", flush=True)
            path.replace(path.with_suffix(".junk"))
            continue
        new = not store.holds(attempt)
        if new:
            store.add(attempt)
        path.unlink()
        if new:
            yield attempt


def _read(path: Path) -> Attempt:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    values = json.loads(path.read_bytes())
    return Attempt(**{**values, "remarks": tuple(values["remarks"])})
