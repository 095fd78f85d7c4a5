"""What a kernel says becomes outputs: in the right cell, bounded, and nothing of it is believed."""

from types import SimpleNamespace

import nbformat
import pytest
from nbclient.exceptions import CellExecutionComplete

from labkit.grading.sandbox.outputs import MOST, Client, join_streams


class Talk:
    """A client that hears what a kernel might say while each of two cells runs."""

    def __init__(self):
        self.notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(), nbformat.v4.new_code_cell()])
        self.client = Client(SimpleNamespace(nb=self.notebook))
        self.client.reset_execution_trackers()
        self.index = 0

    def say(self, kind, **content):
        message = {"msg_type": kind, "header": {"msg_type": kind}, "parent_header": {}, "content": content}
        self.client.process_message(message, self.notebook.cells[self.index], self.index)

    def print(self, text, name="stdout"):
        self.say("stream", name=name, text=text)

    def display(self, text, name=None, kind="display_data"):
        self.say(kind, data={"text/plain": text}, metadata={}, transient={"display_id": name})

    def write_into(self, widget, start=True):
        self.say("comm_msg", comm_id=widget, data={"method": "update", "state": {"msg_id": "m" if start else ""}})

    def shown(self, index=0):
        join_streams(self.notebook.cells[index])
        nbformat.validate(self.notebook)
        return [one.text if "text" in one else one.data["text/plain"] for one in self.notebook.cells[index].outputs]


@pytest.fixture
def talk():
    return Talk()


def test_pieces_of_a_stream_are_one_output(talk):
    for name in ("stdout", "stdout", "stderr", "stdout"):
        talk.print(name, name)
    assert talk.shown() == ["stdoutstdout", "stderr", "stdout"]


def test_clearing_an_output_widget_leaves_the_rest_of_the_cell(talk):
    talk.print("before")
    talk.write_into("w")
    talk.print("gone")
    talk.write_into("inner")
    talk.print("inner")
    talk.write_into("inner", start=False)
    talk.say("clear_output", wait=True)
    talk.print("inside")
    talk.write_into("w", start=False)
    talk.print("behind")
    assert talk.shown() == ["before", "inner", "inside", "behind"]
    talk.say("clear_output", wait=False)
    assert talk.shown() == ["inner", "inside"]


def test_no_cell_rewrites_what_another_shows(talk):
    """Else a table of an earlier cell could say that an exercise is passed."""
    talk.display("first", "one")
    talk.display("second", "one", "update_display_data")
    talk.display("other", "two")
    talk.index = 1
    talk.display("✓ Exercise 5.1 is passed.", "one", "update_display_data")
    talk.display("again", "two")
    assert talk.shown() == ["second", "other"]
    assert talk.shown(1) == ["✓ Exercise 5.1 is passed.", "again"]


def test_outputs_of_a_cell_are_bounded_and_the_rest_is_told(talk):
    for number in range(MOST + 50):
        talk.display(str(number), str(number))
        talk.display("updated", str(number), "update_display_data")
    assert len(talk.shown()) == MOST + 1
    assert "more than 1,000 outputs" in talk.shown()[-1]
    talk.index = 1
    for _ in range(MOST + 50):
        talk.print("x")
    assert talk.shown(1) == ["x" * (MOST + 50)]


ODD = [
    ("stream", {"name": "stdin", "text": "x"}),
    ("stream", {"name": "stdout", "text": ["x"]}),
    ("stream", {}),
    ("display_data", {"data": "x"}),
    ("display_data", {"data": {"text/plain": 5, "application/json": {"a": []}}, "metadata": 3, "transient": 4}),
    ("display_data", {"data": {"text/plain": "x"}, "metadata": None, "transient": {"display_id": ["x"]}}),
    ("execute_result", {"data": {"text/plain": "x"}, "metadata": {}, "execution_count": "x"}),
    ("error", {"ename": 1, "evalue": None, "traceback": [1, "x"]}),
    ("error", {}),
    ("comm_open", {"comm_id": "x", "target_name": "jupyter.widget", "data": {"state": {}}}),
    ("comm_msg", {"comm_id": ["x"], "data": {"state": {"msg_id": "x"}}}),
    ("comm_msg", {"comm_id": "x", "data": [1]}),
    ("clear_output", {}),
    ("no such message", {"data": {}}),
]


def test_odd_messages_end_nothing_and_leave_a_valid_notebook(talk):
    for kind, content in ODD:
        talk.say(kind, **content)
    nbformat.validate(talk.notebook)
    with pytest.raises(CellExecutionComplete):
        talk.say("status", execution_state="idle")
