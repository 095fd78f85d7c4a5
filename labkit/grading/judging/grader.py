"""One notebook of one submission: executed cell by cell on a kernel that may be lost, and judged outside of it.

papermill's engine and client run the cells. A check earns its points from `exercises.judge` alone, which looks at what
the kernel noted about the answer on inputs that the student never saw. Behind each check the kernel keeps the answer,
and hands out a copy; the hidden inputs come once all cells are executed, so that nothing of them gets into an output.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import nbformat
from papermill.engines import NBClientEngine
from papermill.parameterize import parameterize_notebook

from labkit.basics.errors import LabkitError
from labkit.course.updating.known_cells import INJECTED
from labkit.exercises.catalogue import exercises
from labkit.exercises.checker import feedback
from labkit.exercises.exercise import Verdict
from labkit.grading.intake.reading.reader import parse_json
from labkit.grading.judging import kernel_code
from labkit.grading.judging.judge_process import own_judge
from labkit.grading.sandbox.outputs import drop_invalid
from labkit.grading.sandbox.provisioners import Provisioner
from labkit.grading.sandbox.untrusted_kernel import Kernel, Lost
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
    drop_invalid(session.notebook)
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
        self.hidden: dict[str, Verdict] = {}  # on hidden inputs
        self.copies: dict[str, str] = {}  # of answers, as they were at their checks
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
        cells = enumerate(self.notebook.cells)
        checks = {cell.metadata["check"][0]: index for index, cell in cells if "check" in cell.metadata}
        await self._try_copies(checks)
        for name, index in checks.items():
            del self.notebook.cells[index].metadata["check"]
            self._conclude(name)

    async def _on_one_kernel(self, first: int, lost: set[int]) -> tuple[int | None, str]:
        """Execute cells on a new kernel, those before `first` only for their names.

        Return the cell that ended it, None if none did, and why.
        """
        kernel = await self._start()
        self.deadline = min(self.deadline, time.monotonic() + self.bounds.seconds)  # the server's start is not its own
        index = first
        stopped = None
        kept: dict[str, int] = {}
        try:
            for index, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code" and cell.source.strip() and index not in lost:
                    await self._cell(kernel, cell, index, again=index < first)
                    if "check" in cell.metadata:
                        name, expression = cell.metadata["check"]
                        await self._keep(kernel, name, expression, index)
                        kept[name] = index
                    if self.after_cell:
                        await self.after_cell(kernel, index)
            index = len(self.notebook.cells)
            await self._results(kernel, index - 1)
            for name, place in kept.items():  # from here on, nothing comes into the notebook any more
                self.hidden[name] = await self._judged(kernel, name, kernel_code.kept(name), self.seed, place)
        except Lost:
            stopped = index if index < len(self.notebook.cells) else None
        finally:
            await self._stop(kernel)
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

    async def _stop(self, kernel: Kernel) -> None:
        """End a kernel, and keep what it says of the execution: its memory, why it was lost, whether by the machine."""
        self.execution.peak_memory = max(self.execution.peak_memory, await kernel.stop())
        if kernel.reason:
            self.execution.statuses.append(kernel.reason)
        self.execution.disturbed |= kernel.disturbed

    def _number(self, index: int) -> int:
        """Return what a cell is called in remarks: its place, from 1, among the student's."""
        cells = self.notebook.cells[: index + 1]
        return sum(INJECTED not in cell.metadata.get("tags", []) for cell in cells)

    def _seconds(self) -> float:
        return min(self.bounds.cell_seconds, self.deadline - time.monotonic())

    async def _cell(self, kernel: Kernel, cell: Any, index: int, again: bool) -> None:
        """Execute one cell; its failure is a status."""
        check = cell.metadata.get("check")
        if check:
            await self._show_verdict(kernel, check[0], check[1], index)
        content = await kernel.execute(nbformat.from_dict(cell) if again else cell, index)
        if not again and content.get("status") != "ok":
            text = f"{content.get('ename')}: {content.get('evalue')}"
            self.execution.statuses.append("out-of-memory" if any(mark in text for mark in NO_MEMORY) else "failed")

    async def _keep(self, kernel: Kernel, name: str, expression: str, index: int) -> None:
        """Let the kernel keep an answer, and keep a copy of it."""
        copy = await kernel.ask(kernel_code.keep(name, expression), index)
        self.copies.setdefault(name, copy or "")

    async def _try_copies(self, checks: dict[str, int]) -> None:
        """Try copies where the answer itself could not be tried, or fails after cells that may use its names again.

        They come to a kernel of their own, which executes no cell; one that loses it costs itself alone.
        """
        kernel = None
        for name, index in checks.items():
            shown, hidden = self.shown.get(name), self.hidden.get(name)
            if shown is None or shown.status != "passed" or (hidden and hidden.status == "passed"):
                continue
            if not self.copies.get(name):
                continue
            if kernel is None:
                kernel = await self._start()
                self.deadline = max(self.deadline, time.monotonic() + self.bounds.cell_seconds)
            try:
                verdict = await self._judged(kernel, name, kernel_code.kept(name, self.copies[name]), self.seed, index)
            except Lost:
                await self._stop(kernel)
                verdict = Verdict("failed", f"On hidden inputs it lost its kernel ({kernel.reason}).")
                kernel = None
            if hidden is None or verdict.status == "passed":
                self.hidden[name] = verdict
        if kernel is not None:
            await self._stop(kernel)

    def _conclude(self, name: str) -> None:
        """Set the verdict on an exercise, and what its judge said on hidden inputs, which may hold numbers of them."""
        shown, hidden = self.shown.get(name), self.hidden.get(name)
        if shown is None or (hidden is None and shown.status == "passed"):
            verdict = Verdict("lost", "its kernel ended before the check")
        elif hidden is None:
            verdict = shown
        elif hidden.status != "failed":
            verdict = hidden
        else:
            verdict = shown if shown.status == "failed" else Verdict("failed", NOT_IN_GENERAL)
            if hidden.message != verdict.message:
                self.execution.details[name] = hidden.message
        self.execution.verdicts[name] = verdict

    async def _show_verdict(self, kernel: Kernel, name: str, expression: str, index: int) -> None:
        """Let the kernel's `check` say what it says to a student, whose kernel can judge; see `kernel_checker`."""
        if name not in self.shown:
            self.shown[name] = await self._judged(kernel, name, expression, SHOWN_SEED, index)
        verdict = self.shown[name]
        printed = feedback(exercises()[name], verdict, 1)
        await kernel.ask(kernel_code.tell(name, verdict.status == "passed", printed), index)

    async def _judged(self, kernel: Kernel, name: str, answer: str, seed: int, index: int) -> Verdict:
        """Let the kernel try an answer, an expression of its own, on inputs drawn from a seed, and judge its notes."""
        notes = await kernel.ask(kernel_code.note(exercises()[name], answer, seed), index)
        if notes is None:
            return Verdict("failed", f"Nothing was noted about the answer to {name}: is it defined?")
        start = time.monotonic()
        verdict = await asyncio.to_thread(self.judge, name, notes, seed)
        self.deadline += time.monotonic() - start  # it is not the notebook's time
        return verdict

    async def _results(self, kernel: Kernel, index: int) -> None:
        """Keep the results.json that the notebook wrote, however wrong it may be."""
        text = await kernel.ask(kernel_code.RESULTS, index)
        with contextlib.suppress(Refused):
            self.execution.results = parse_json((text or "null").encode("utf-8", "replace"))
