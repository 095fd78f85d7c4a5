"""One notebook of one submission: executed cell by cell on a kernel that may be lost, and judged outside of it.

papermill's engine and client run the cells. A check earns its points from `exercises.judge` alone, which looks at what
the kernel noted about the answer on inputs that the student never saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import nbformat
import numpy as np
from papermill.engines import NBClientEngine
from papermill.parameterize import parameterize_notebook

from labkit.basics.errors import LabkitError
from labkit.exercises import checker
from labkit.exercises.catalogue import exercises
from labkit.exercises.checker import feedback
from labkit.exercises.exercise import Verdict
from labkit.exercises.notes import encode
from labkit.grading.intake.reader import parse_json
from labkit.grading.intake.restore import INJECTED
from labkit.grading.judging.judge_process import own_judge
from labkit.grading.sandbox.provisioners import Provisioner
from labkit.grading.sandbox.untrusted_kernel import LARGEST_NOTES, NOTES, Kernel, Lost
from labkit.grading.settings import Bounds
from labkit.grading.texts import Refused

FRESH_KERNELS = 3  # after a kernel is lost
GRAVE = {"timeout", "out-of-memory", "kernel-died", "output-limit"}
SHOWN_SEED = 0  # of the inputs that `check` tries answers on in a student's kernel
NOT_IN_GENERAL = "It passes on the inputs of the notebook's check, and not on others: does it hold in general?"
AfterCell = Callable[[Kernel, int], Awaitable[None]]
NO_MEMORY = ("MemoryError", "can't allocate memory", "Cannot allocate memory", "std::bad_alloc")


@dataclass
class Execution:
    """What came of a notebook: its cells with outputs, statuses in the order they came, a verdict a check."""

    notebook: Any
    statuses: list[str] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)  # what judges said on hidden inputs: for the TA alone
    results: Any = None  # what the results.json that it wrote holds
    peak_memory: int = 0
    disturbed: bool = False  # the machine ended a kernel, as when its memory is full: this is not the notebook's result
    remarks: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The gravest thing that happened."""
        return next((status for status in self.statuses if status in GRAVE), "failed" if self.statuses else "passed")


def execute(
    notebook: Any,
    checks: dict[int, tuple[str, str]],
    parameters: dict[str, Any],
    seed: int,
    bounds: Bounds,
    provisioner: Provisioner,
    after_cell: AfterCell | None = None,
) -> Execution:
    """Execute a notebook, and judge each check of it.

    checks: by the index of a cell, the exercise's id and the expression that the cell checks. seed: of the hidden
    inputs on which answers are tried; the kernel gets the inputs, never the seed. after_cell: what else to do with the
    kernel after each cell, given the cell's index.
    """
    marked = nbformat.from_dict(notebook)
    for index, (name, expression) in checks.items():
        marked.cells[index].metadata["check"] = [name, expression]
    for node in (marked, *marked.cells):  # as papermill's own reader does
        node.metadata["papermill"] = nbformat.NotebookNode(parameters={}, environment_variables={}, version="")
        node.metadata.setdefault("tags", [])
    if parameters:
        marked = parameterize_notebook(marked, parameters, kernel_name="python3", language="python")
    session = _Session(marked, seed, bounds, provisioner, after_cell)
    _Engine.execute_notebook(session.notebook, "python3", progress_bar=False, log_output=False, session=session)
    _make_valid(session.notebook)
    return session.execution


class _Engine(NBClientEngine):
    """papermill's engine, with a client that goes on where its own would stop."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, session: _Session, **_: Any) -> None:
        session.manager = nb_man
        asyncio.run(session.all_cells())


class _Session:
    def __init__(
        self, notebook: Any, seed: int, bounds: Bounds, provisioner: Provisioner, after_cell: AfterCell | None
    ) -> None:
        self.notebook, self.seed, self.bounds, self.provisioner = notebook, seed, bounds, provisioner
        self.after_cell = after_cell
        self.judge = own_judge()
        self.execution = Execution(notebook)
        self.shown: dict[str, Verdict] = {}  # on the inputs that students see
        self.manager: Any = None
        self.deadline = math.inf

    async def all_cells(self) -> None:
        """Execute every code cell once; when a kernel is lost, go on behind the cell that lost it, on a fresh one."""
        lost: set[int] = set()
        first = 0
        while True:
            stopped, reason = await self._on_one_kernel(first, lost)
            if stopped is None:
                break
            lost.add(stopped)
            first = max(first, stopped + 1)
            if len(lost) > FRESH_KERNELS or time.monotonic() > self.deadline:
                self.execution.remarks.append(
                    f"Cells behind cell {self._number(stopped)} ({reason}) were not executed."
                )
                break
            self.execution.remarks.append(
                f"Cell {self._number(stopped)} lost its kernel ({reason}); what follows ran on a fresh one, without it."
            )
        for cell in self.notebook.cells:
            if "check" in cell.metadata:
                name = cell.metadata.pop("check")[0]
                self.execution.verdicts.setdefault(name, Verdict("lost", "its kernel ended before the check"))

    async def _on_one_kernel(self, first: int, lost: set[int]) -> tuple[int | None, str]:
        """Execute cells on a new kernel, those before `first` only for their names.

        Return the cell that ended it, None if none did, and why.
        """
        kernel = await self._start()
        self.deadline = min(self.deadline, time.monotonic() + self.bounds.seconds)  # the server's start is not its own
        index = first
        stopped = None
        try:
            for index, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code" and cell.source.strip() and index not in lost:
                    await self._cell(kernel, cell, index, again=index < first)
                    if self.after_cell:
                        await self.after_cell(kernel, index)
            index = len(self.notebook.cells)
            await self._results(kernel, index - 1)
        except Lost:
            stopped = index if index < len(self.notebook.cells) else None
        finally:
            self.execution.peak_memory = max(self.execution.peak_memory, await kernel.stop())
            if kernel.reason:
                self.execution.statuses.append(kernel.reason)
            self.execution.disturbed |= kernel.disturbed
        return stopped, kernel.reason

    async def _start(self) -> Kernel:
        """Return a new kernel. LabkitError when that fails twice, which no submission can bring about."""
        for last in (False, True):
            kernel = Kernel(self.manager, self.provisioner, self.bounds.output, self._seconds)
            try:
                await kernel.start()
                break
            except Exception as error:
                await kernel.stop()
                if last:
                    raise LabkitError(
                        f"No kernel could be started ({error}): see that memory and disk are free, and run the same "
                        "command again; what is finished is kept."
                    ) from error
        return kernel

    def _number(self, index: int) -> int:
        """Return what a cell is called in remarks: its place, from 1, among the student's."""
        cells = self.notebook.cells[: index + 1]
        return sum(INJECTED not in cell.metadata.get("tags", []) for cell in cells)

    def _seconds(self) -> float:
        return min(self.bounds.cell_seconds, self.deadline - time.monotonic())

    async def _cell(self, kernel: Kernel, cell: Any, index: int, again: bool) -> None:
        """Execute one cell, and judge the answer that it checks; its failure is a status."""
        check = cell.metadata.get("check")
        if check:
            await self._show_verdict(kernel, check[0], check[1], index)
        content = await kernel.execute(nbformat.from_dict(cell) if again else cell, index)
        if again:
            return
        if content.get("status") != "ok":
            text = f"{content.get('ename')}: {content.get('evalue')}"
            self.execution.statuses.append("out-of-memory" if any(mark in text for mark in NO_MEMORY) else "failed")
        if check:
            name, expression = check
            verdict = await self._judged(kernel, name, expression, self.seed, index)
            if verdict.status == "failed":  # what it says may hold numbers of the hidden inputs
                shown = self.shown[name]
                hidden, verdict = verdict, shown if shown.status == "failed" else Verdict("failed", NOT_IN_GENERAL)
                if hidden.message != verdict.message:
                    self.execution.details[name] = hidden.message
            self.execution.verdicts[name] = verdict

    async def _show_verdict(self, kernel: Kernel, name: str, expression: str, index: int) -> None:
        """Let the kernel's `check` say what it says to a student, whose kernel can judge; see `kernel_checker`."""
        if name not in self.shown:
            self.shown[name] = await self._judged(kernel, name, expression, SHOWN_SEED, index)
        verdict = self.shown[name]
        printed = (verdict.status == "passed", feedback(exercises()[name], verdict, 1))
        await kernel.ask(
            "def _labkit_verdict():\n"
            f"    import {checker.__name__} as checker\n"
            f"    getattr(checker, 'VERDICTS', {{}})[{name!r}] = {printed!r}\n"
            "_labkit_verdict()",
            index,
        )

    async def _judged(self, kernel: Kernel, name: str, expression: str, seed: int, index: int) -> Verdict:
        """Let the kernel try the answer on inputs drawn from a seed, and judge what it noted."""
        exercise = exercises()[name]
        inputs = encode(exercise.draw(np.random.default_rng(seed)))
        collector = exercise.collect
        notes = await kernel.ask(
            "def _labkit_notes():\n"
            "    import importlib, IPython.display\n"
            f"    collector = getattr(importlib.import_module({collector.__module__!r}), {collector.__name__!r})\n"
            f"    plain = importlib.import_module({encode.__module__!r})\n"
            f"    notes = collector({expression}, [tuple(one) for one in plain.decode({inputs!r})])\n"
            f"    IPython.display.display({{{NOTES!r}: plain.encode(notes)}}, raw=True)\n"
            "_labkit_notes()",
            index,
        )
        if notes is None:
            return Verdict("failed", f"Nothing was noted about {expression}: is it defined?")
        start = time.monotonic()
        verdict = await asyncio.to_thread(self.judge, name, notes, seed)
        self.deadline += time.monotonic() - start  # it is not the notebook's time
        return verdict

    async def _results(self, kernel: Kernel, index: int) -> None:
        """Keep the results.json that the notebook wrote, however wrong it may be."""
        text = await kernel.ask(
            "import os, IPython.display\n"
            "with open(os.path.join(os.environ['LABKIT_OUT'], 'results.json'), encoding='utf-8') as file:\n"
            f"    IPython.display.display({{{NOTES!r}: file.read({LARGEST_NOTES} + 1)}}, raw=True)",
            index,
        )
        with contextlib.suppress(Refused):
            self.execution.results = parse_json((text or "null").encode("utf-8", "replace"))


def _make_valid(notebook: Any) -> None:
    """Drop outputs that no notebook can hold, e.g. of a forged message."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            with contextlib.suppress(Exception):
                text = json.dumps(cell.outputs, ensure_ascii=False, allow_nan=False)
                cell.outputs = nbformat.from_dict(json.loads(text.encode("utf-8", "replace")))
                nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
                continue
            notebook.cells[index] = nbformat.v4.new_code_cell(cell.source, id=cell.id, metadata=cell.metadata)
