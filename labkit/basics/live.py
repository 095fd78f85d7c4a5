"""What a run says while its notebooks work: a line that is renewed on a terminal, a line a minute in a log file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.basics.progress import NOTES, duration

LOOK = 1.0  # seconds between two looks at the notes
MINUTE = 60.0  # seconds between two lines in a log file, and of a cell until it is worth one
FORGOTTEN = 120.0  # seconds after which a note that is not renewed says nothing any more


class Live:
    """Prints the line of each notebook, and in between what the notes of `progress` say, in a thread of its own.

    folder: where the kernels write their notes; removed at the end. Notebooks that take seconds leave no note.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._speak, daemon=True)
        self.cells: dict[str, tuple[str, float]] = {}  # by notebook: which cell it is in, and since when
        self.seen: dict[Path, tuple[int, float]] = {}  # by note: its time of writing, and when that was seen first
        self.head = ""  # of the line that is open
        self.drawn = ""  # the renewed line
        self.spoken = time.monotonic()

    def __enter__(self) -> Live:
        shutil.rmtree(self.folder, ignore_errors=True)  # of a run that was killed
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True)
        os.environ[NOTES] = str(self.folder)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        os.environ.pop(NOTES, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self, head: str) -> None:
        """Open the line of a notebook."""
        with self.lock:
            self.head, self.spoken = head, time.monotonic()
            print(head, end=" ", flush=True)

    def listener(self, path: Path) -> Callable[..., None]:
        """Return what is to be told when a notebook begins with one of its cells."""

        def listen(cell: Any, cell_index: int) -> None:
            self.cells[path.stem] = (f"in cell {cell_index + 1}", time.monotonic())

        return listen

    def end(self, head: str, summary: str, notebook: str = "") -> None:
        """Say what became of a notebook, in its line where that is open still."""
        with self.lock:
            self.cells.pop(notebook, None)
            wipe = "\r" + " " * len(self.drawn) + "\r" if self.drawn else ""
            opened = self.head == head and not self.drawn
            self.head = self.drawn = ""
            print(summary if opened else f"{wipe}{head} {summary}", flush=True)

    def _speak(self) -> None:
        while not self.stop.wait(LOOK):
            with self.lock, contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                self._say(self._texts())

    def _say(self, texts: dict[str, str]) -> None:
        if sys.stdout.isatty():
            if texts or self.drawn:
                said = texts.values() if self.head else (f"{name}: {text}" for name, text in texts.items())
                line = f"{self.head} {' | '.join(said)}".lstrip()[: shutil.get_terminal_size().columns - 1]
                if line != self.drawn:
                    print("\r" + line.ljust(len(self.drawn)), end="", flush=True)
                    self.drawn = line
        elif texts and time.monotonic() - self.spoken >= MINUTE:
            self.spoken = time.monotonic()
            if self.head:
                print()
                self.head = ""
            for name, text in texts.items():
                print(f"    {name}: {text}", flush=True)

    def _texts(self) -> dict[str, str]:
        """Return what is worked on by notebook: what its note says, else the cell that has lasted for a while."""
        now = time.monotonic()
        texts = {
            name: f"{cell}, for {duration(now - since)}"
            for name, (cell, since) in list(self.cells.items())
            if now - since >= MINUTE
        }
        for path in sorted(self.folder.glob("*.txt")):
            with contextlib.suppress(OSError, ValueError):
                written = path.stat().st_mtime_ns
                if self.seen.get(path, (0, now))[0] != written:
                    self.seen[path] = (written, now)
                name, text, *_ = path.read_text(encoding="utf-8").splitlines()
                if now - self.seen[path][1] < FORGOTTEN:
                    texts[name] = "".join(letter for letter in text if letter.isprintable())
        return texts
