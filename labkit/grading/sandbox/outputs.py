"""What a kernel that nobody trusts shows: plain data, bounded, each in the cell that was running when it came.

nbclient's own bookkeeping checks every output against a schema (a minute for 30,000 of them), lets a cell rewrite what
an earlier one shows, and needs the state of all widgets to follow what is printed inside of one.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode, from_dict
from papermill.clientwrap import PapermillNotebookClient

MOST = 1_000  # outputs of a cell; what follows one another on the same stream is one
MORE = f"(The cell showed more than {MOST:,} outputs: the rest was left out.)\n"
DISPLAYS = {"display_data", "execute_result", "update_display_data"}


class Client(PapermillNotebookClient):
    """papermill's client with outputs of its own.

    No browser is there: a widget is shown as its text, and what is printed inside of an Output stands in the cell that
    prints it. An update of something that an earlier cell showed is shown in the cell that updates it.
    """

    def reset_execution_trackers(self) -> None:
        """Forget all cells."""
        super().reset_execution_trackers()
        self._begin(None)

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> None:
        """Take in what the kernel says while a cell runs; CellExecutionComplete when it says that it is done."""
        if cell is not self._cell:
            self._begin(cell)
        kind, content = msg["msg_type"], msg["content"]
        if type(content.get("execution_count")) is int:
            cell["execution_count"] = content["execution_count"]
        if kind == "status" and content["execution_state"] == "idle":
            raise CellExecutionComplete
        if kind == "clear_output":
            self._clear(self._writer, bool(content.get("wait")))
        elif kind == "comm_msg":
            self._follow(content)
        elif output := _output(kind, content):
            transient = content.get("transient")
            self._show(output, transient.get("display_id") if isinstance(transient, dict) else None, kind)

    def _begin(self, cell: Any) -> None:
        self._cell = cell
        self._writers: list[str] = []  # Output widgets that are written into, the innermost last
        self._shown_by: dict[str, list[Any]] = {}  # outputs by writer; "" is the cell itself
        self._displays: dict[str, list[Any]] = {}  # outputs by display id
        self._to_clear: set[str] = set()  # writers whose outputs go when the next one comes

    @property
    def _writer(self) -> str:
        return self._writers[-1] if self._writers else ""

    def _follow(self, content: dict[str, Any]) -> None:
        """Note which Output widget is written into from now on, so that to clear it clears nothing else."""
        name, data = content.get("comm_id"), content.get("data")
        state = data.get("state") if isinstance(data, dict) else None
        if isinstance(name, str) and isinstance(state, dict) and "msg_id" in state:
            if state["msg_id"]:
                self._writers.append(name)
            elif name in self._writers:
                self._writers.remove(name)

    def _show(self, output: Any, display_id: Any, kind: str) -> None:
        outputs = self._cell.outputs
        if self._writer in self._to_clear:
            self._clear(self._writer, wait=False)
        own = self._shown_by.setdefault(self._writer, [])
        known = self._displays.setdefault(display_id, []) if isinstance(display_id, str) else []
        for earlier in known:
            earlier.update(data=output.data, metadata=output.metadata)
        if known and kind == "update_display_data":
            return
        if output.output_type == "stream" and own and own[-1] is outputs[-1] and own[-1].get("name") == output.name:
            own[-1].text += output.text
            return
        if len(outputs) < MOST:
            known.append(output)
            own.append(output)
            outputs.append(output)
        elif len(outputs) == MOST:
            outputs.append(NotebookNode(output_type="stream", name="stderr", text=[MORE]))

    def _clear(self, writer: str, wait: bool) -> None:
        if wait:
            self._to_clear.add(writer)
            return
        self._to_clear.discard(writer)
        gone = {id(output) for output in self._shown_by.pop(writer, ())}
        self._cell.outputs[:] = [output for output in self._cell.outputs if id(output) not in gone]


def join_streams(cell: Any) -> None:
    """Make one text of the pieces that a cell printed: until it is done they are a list, which grows faster."""
    for output in cell.outputs:
        if output.output_type == "stream":
            output.text = "".join(output.text)


def _output(kind: str, content: dict[str, Any]) -> Any:
    """Return what a message shows as an output of a notebook, of the parts that a notebook can hold; None for none."""
    if kind == "stream":
        name, text = content.get("name"), content.get("text")
        if name in ("stdout", "stderr") and isinstance(text, str):
            return NotebookNode(output_type=kind, name=name, text=[text])
    elif kind == "error":
        traceback = content.get("traceback")
        lines = [line for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
        return NotebookNode(
            output_type=kind, ename=str(content.get("ename")), evalue=str(content.get("evalue")), traceback=lines
        )
    elif kind in DISPLAYS and isinstance(content.get("data"), dict):
        data = {form: value for form, value in content["data"].items() if isinstance(value, str)}
        metadata = content.get("metadata") if isinstance(content.get("metadata"), dict) else {}
        output = NotebookNode(output_type="display_data", data=NotebookNode(data), metadata=from_dict(metadata))
        if kind == "execute_result":
            count = content.get("execution_count")
            output.update(output_type=kind, execution_count=count if type(count) is int else None)
        return output
    return None


def drop_invalid(notebook: Any) -> None:
    """Drop outputs that no notebook can hold, e.g. of a forged message."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            with contextlib.suppress(Exception):
                text = json.dumps(cell.outputs, ensure_ascii=False, allow_nan=False)
                cell.outputs = nbformat.from_dict(json.loads(text.encode("utf-8", "replace")))
                nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
                continue
            notebook.cells[index] = nbformat.v4.new_code_cell(cell.source, id=cell.id, metadata=cell.metadata)
