"""What became of each attempt, kept in one SQLite file that survives `kill -9`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.grading.records.attempts import Attempt
from labkit.grading.records.database import EXPECTED, FORMAT, connect, create, only_writer
from labkit.grading.texts import clean

JSON_COLUMNS = ("verdicts", "numbers", "limits", "versions", "remarks")


def stored_name(submission: str) -> str:
    """Return the name of a submission as it is stored: what cannot be printed is spelled out.

    Nothing is left out, else a name with an invisible letter would take the place of another student's.
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in submission)


class AttemptStore:
    """The attempts in one SQLite file, for one writer and any number of readers. Close it, or use it with `with`.

    path: the file; a writer creates it where it is missing. It must lie on a disk of this machine: SQLite's
    write-ahead log does not work over a network.
    write: False for a reader, who may look while a writer is at work.
    Any thread may call its methods. A process that was forked from the writer's must not, and holds its lock as well
    for as long as it lives, unless it executes another program.

    LabkitError when another writer is at work, when the file is damaged, or of another version; it is never replaced.
    """

    def __init__(self, path: Path, write: bool = True) -> None:
        self.path = path
        self._thread = threading.Lock()
        with contextlib.ExitStack() as stack:  # gives the lock back when opening fails
            if write:
                stack.enter_context(only_writer(path))
            with self._told():
                if write and not path.exists():
                    create(path)
                if not path.exists():
                    raise LabkitError(f"{path} does not exist: run `labkit grade` first, or name its folder.")
                self._connection = stack.enter_context(
                    contextlib.closing(connect(f"{path.resolve().as_uri()}?mode={'rw' if write else 'ro'}"))
                )
                self._check()
                if write:
                    self._connection.executescript(EXPECTED)  # a file of an earlier version has no such table
            self._closing = stack.pop_all()

    def __enter__(self) -> AttemptStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and let another writer in."""
        self._closing.close()

    def add(self, attempt: Attempt) -> None:
        """Keep an attempt: whole and on the disk when this returns, whatever ends the process then.

        Its texts are kept as `clean`. LabkitError when the disk is full.
        """
        row = {name: _storable(value) for name, value in asdict(attempt).items()}
        row["submission"] = stored_name(attempt.submission)
        row |= {name: json.dumps(row[name], sort_keys=name == "limits") for name in JSON_COLUMNS}
        names = ", ".join(row)
        with self._thread, self._told():
            # Without BEGIN, a statement is a transaction of its own.
            self._connection.execute(
                f"INSERT INTO attempts ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row
            )

    def finished(
        self, submission: str, notebook: str, notebook_hash: str, course_hash: str, limits: dict[str, Any]
    ) -> bool:
        """Whether the newest attempt at this notebook was at the same content, course and limits, and no error."""
        with self._thread, self._told():
            row = self._connection.execute(
                "SELECT notebook_hash, course_hash, limits FROM attempts WHERE id = "
                "(SELECT max(id) FROM attempts WHERE submission = ? AND notebook = ?) AND status != 'error'",
                (stored_name(submission), clean(notebook)),
            ).fetchone()
        wanted = json.dumps(_storable(limits), sort_keys=True)
        return row is not None and tuple(row) == (notebook_hash, course_hash, wanted)

    def executed(self, notebook: str, notebook_hash: str, course_hash: str, limits: dict[str, Any]) -> Attempt | None:
        """Return an attempt of anybody's at this content, course and limits that was executed, and is the newest there.

        None where there is no such attempt, or it could not be graded.
        """
        with self._thread, self._told():
            row = self._connection.execute(
                "SELECT * FROM attempts AS one WHERE notebook = ? AND notebook_hash = ? AND course_hash = ? "
                "AND limits = ? AND status NOT IN ('error', 'missing', 'invalid') AND id = (SELECT max(id) "
                "FROM attempts WHERE submission = one.submission AND notebook = one.notebook) ORDER BY id DESC LIMIT 1",
                (clean(notebook), notebook_hash, course_hash, json.dumps(_storable(limits), sort_keys=True)),
            ).fetchone()
        return self._attempt(dict(row)) if row else None

    def expect(self, batch: dict[str, dict[str, str]], course_hash: str, limits: dict[str, Any]) -> None:
        """Note what a batch is to grade: for each submission, its notebooks and the hash of each.

        Replaces what was expected of these submissions, and leaves what was of others.
        """
        wanted = json.dumps(_storable(limits), sort_keys=True)
        rows = [
            (stored_name(submission), clean(notebook), digest, course_hash, wanted)
            for submission, notebooks in batch.items()
            for notebook, digest in notebooks.items()
        ]
        with self._thread, self._told():
            self._connection.execute("BEGIN")
            names = [(stored_name(submission),) for submission in batch]
            self._connection.executemany("DELETE FROM expected WHERE submission = ?", names)
            self._connection.executemany("INSERT INTO expected VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")

    def unfinished(self) -> dict[str, list[str]]:
        """Return the notebooks that are expected and not graded yet, or only in an earlier form, by submission.

        LabkitError for a file of an earlier version, which does not say what is expected.
        """
        with self._thread, self._told():
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'expected'").fetchone():
                raise LabkitError(
                    f"{self.path} does not say which notebooks were to be graded, for an earlier version wrote it: run "
                    "the same `labkit grade` again, which executes nothing twice that is finished."
                )
            rows = self._connection.execute(
                "SELECT submission, notebook FROM expected WHERE NOT EXISTS (SELECT 1 FROM attempts "
                "WHERE id = (SELECT max(id) FROM attempts WHERE submission = expected.submission "
                "AND notebook = expected.notebook) AND status != 'error' AND notebook_hash = expected.notebook_hash "
                "AND course_hash = expected.course_hash AND limits = expected.limits) ORDER BY submission, notebook"
            ).fetchall()
        open_notebooks: dict[str, list[str]] = {}
        for submission, notebook in rows:
            open_notebooks.setdefault(submission, []).append(notebook)
        return open_notebooks

    def holds(self, attempt: Attempt) -> bool:
        """Whether this very attempt was added before."""
        with self._thread, self._told():
            row = self._connection.execute(
                "SELECT 1 FROM attempts WHERE submission = ? AND notebook = ? AND finished = ? AND seconds = ? LIMIT 1",
                (stored_name(attempt.submission), clean(attempt.notebook), attempt.finished, attempt.seconds),
            ).fetchone()
        return row is not None

    def attempts(self) -> list[Attempt]:
        """Return the newest attempt at each notebook of each submission, in the order of their names."""
        with self._thread, self._told():
            rows = self._connection.execute(
                "SELECT * FROM attempts WHERE id IN (SELECT max(id) FROM attempts GROUP BY submission, notebook) "
                "ORDER BY submission, notebook"
            ).fetchall()
        return [self._attempt(dict(row)) for row in rows]

    def _attempt(self, row: dict[str, Any]) -> Attempt:
        """Return a row as it was added; LabkitError when somebody changed it into what no attempt can be."""
        try:
            row |= {name: json.loads(row[name]) for name in JSON_COLUMNS}
            row |= {name: bool(row[name]) for name in ("late", "unsafe")}
            row["remarks"] = tuple(row["remarks"])
            return Attempt(**{field.name: row[field.name] for field in fields(Attempt)})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise LabkitError(
                f"{self.path} is damaged: row {row.get('id')} is no attempt ({error}). Bring back a copy of the file, "
                "or move it away and grade again."
            ) from error

    def _check(self) -> None:
        """Raise LabkitError, or sqlite3's error, unless the file is whole and of this version."""
        outcome = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if outcome != "ok":
            raise sqlite3.DatabaseError(clean(outcome))
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            raise LabkitError(
                f"{self.path} was not written by this version of labkit (its format is {version}, not {FORMAT}): "
                "move it away and grade again, or use the version that wrote it."
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise LabkitError(
                f"{self.path} cannot be used ({error}): free some space, correct its permissions, or close the program "
                "that has it open, and run the same command again. What is in it is kept."
            ) from error
        except sqlite3.DatabaseError as error:
            raise LabkitError(
                f"{self.path} is damaged ({error}): bring back a copy of the file, or move it away and grade again."
            ) from error


def _storable(value: Any) -> Any:
    """Return a value with every text in it made plain, so that no reader of the file has to."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _storable(entry) for key, entry in value.items()}
    return [_storable(entry) for entry in value] if isinstance(value, (list, tuple)) else value
