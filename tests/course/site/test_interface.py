"""The API as the site shows it: read from the sources, and the same as what importing gives."""

import importlib
import inspect

import pytest

from labkit.course.site.interface import FACES, Paragraph, docstring, faces

API = {face.name: face for face in faces()}


@pytest.mark.parametrize("wing", FACES)
def test_every_public_name_is_there_with_its_arguments_and_docstring(wing):
    face = importlib.import_module(f"labkit.{wing}")
    entries = {entry.name: entry for entry in API[f"labkit.{wing}"].entries}
    assert sorted(entries) == sorted(face.__all__)
    for name, entry in entries.items():
        value = getattr(face, name)
        signature = entry.signature.removeprefix("class ").removeprefix(name)
        for argument in inspect.signature(value).parameters:
            assert argument in signature, (name, argument)
        first = inspect.getdoc(value).split(".")[0].split("\n")[0]
        assert entry.paragraphs[0].text.startswith(first), name
        public = {key for key, each in vars(value).items() if key == "__call__" or not key.startswith("_")}
        methods = {member.name.split(".")[1] for member in entry.members}
        assert methods <= public, name


def test_signatures_say_types_and_defaults():
    entries = {entry.name: entry for face in API.values() for entry in face.entries}
    evaluate = entries["evaluate"].signature
    assert evaluate == "evaluate(model: nn.Module, dataset: Dataset, split: str = 'test') -> Evaluation"
    assert entries["sweep"].signature.startswith("sweep(\n    build: Callable[..., nn.Module],\n")
    assert "    epochs: int = 5  # passes over the training split" in entries["TrainConfig"].signature
    members = {member.name: member for member in entries["Run"].members}
    assert members["Run.finish"].signature == "Run.finish() -> None"
    assert members["Run.cache"].signature == "Run.cache -> Path"


def test_a_docstring_explains_its_terms():
    text = "Do it.\n\nfirst, second: the two\n    of them: both.\nmore: another\none.\nThen prose: as such.\n\nThe end."
    assert docstring(text, ("first", "second", "more")) == (
        Paragraph("Do it."),
        Paragraph("", (("first, second", "the two of them: both."), ("more", "another one."))),
        Paragraph("Then prose: as such."),
        Paragraph("The end."),
    )
