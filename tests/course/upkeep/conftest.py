"""A checkout of one's own, with what the teachers' commands read and write."""

import shutil

import pytest

from labkit import CHECKOUT

PARTS = ("notebooks/source", "notebooks/captions", "labkit/exercises", "tests/exercises/answers", "tests/course/claims")
FILES = ("report_template.md", "pyproject.toml")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Return a copy of the course's texts, in which the commands run."""
    for part in PARTS:
        shutil.copytree(CHECKOUT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def change(checkout):
    """Return a function that replaces a piece of a file of that checkout, which must be there once or more."""

    def change(name, old, new):
        text = (checkout / name).read_text(encoding="utf-8")
        assert old in text
        (checkout / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change
