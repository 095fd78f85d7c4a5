"""A results folder of one small run, made once and copied for each test."""

import json
import shutil

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from labkit.report.document import build_report
from labkit.report.printing import writers
from labkit.report.profiles import get_profile
from labkit.report.run import Run

NOTEBOOK = "05_mlp1_sweep"


@pytest.fixture(scope="session")
def finished_run(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run = Run(NOTEBOOK, get_profile("quick"), digits, 0, folder)
    figure, ax = plt.subplots(figsize=(6.4, 3))
    ax.plot([1, 2])
    run.figure("line", figure, "A line that rises from 1 to 2.", 'A line, "rising" from 1 to 2.', "test", run.seeds)
    rows = pd.DataFrame({"layer": ["C1_act", "a|b"], "parameters": [156, 61706]})
    run.table("rows", rows, "Layers and their parameters.")
    run.number("accuracy", [97.0, 98.0, 99.0, 98.0, 98.0], "%", split="test", seeds=run.seeds)
    run.finish()
    return folder


@pytest.fixture
def folder(finished_run, tmp_path):
    return shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def when_set(monkeypatch):
    """Give a function that has each document looked at when it is set: with its setter and the inputs of its fixes."""

    def watch(look):
        original = writers.fixes_for

        def looked_at(setter):
            inputs = original(setter)
            look(setter, inputs)
            return inputs

        monkeypatch.setattr(writers, "fixes_for", looked_at)

    return watch


@pytest.fixture
def build(folder):
    """Build the report of a student's text, which lies in a folder of its own; return Markdown and HTML."""

    def build(text: str) -> tuple[str, str]:
        (folder / "mine").mkdir(exist_ok=True)
        source = folder / "mine" / "my_report.md"
        source.write_text(text, encoding="utf-8")
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        markdown, html, *_ = build_report(folder, results, source)
        return markdown.read_text(encoding="utf-8"), html.read_text(encoding="utf-8")

    return build
