"""`labkit site` as a command: a whole site or none, and nothing of anybody else's is lost."""

import json
import sys

import pytest
from nbformat.v4 import new_markdown_cell
from site_makers import INTRO, SECRET, STEM, write_course

from labkit.basics.errors import LabkitError, UsageError
from labkit.course.site import publish
from labkit.course.site.publish import MADE, site

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Stand in the folder of a course of one notebook."""
    write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_site_is_written_and_replaced(folder):
    out = folder / "public" / "site"
    said = site(out)
    assert said.startswith(f"{out / 'index.html'}: 7 pages, ")
    first = contents(out)
    assert {"index.html", f"{STEM}.html", "labkit.training.html", "site.css", "site.js", "search-data.js", MADE} <= set(
        first
    )
    assert set(json.loads(first[MADE])["files"]) == set(first) - {MADE}
    write_course(folder / "more", new_markdown_cell("## A new part"))
    (folder / "more" / "notebooks" / f"{STEM}.ipynb").replace(folder / "notebooks" / f"{STEM}.ipynb")
    site(out)
    assert b"A new part" in contents(out)[f"{STEM}.html"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["site"]


@pytest.mark.parametrize(
    "kind", ["foreign folder", "foreign file", "changed page", "added figure", "file in its place", "link"]
)
def test_what_is_somebodys_own_is_not_replaced(folder, kind):
    out = folder / "site"
    if kind == "foreign folder":
        (out / "empty").mkdir(parents=True)
    elif kind == "file in its place":
        out.write_text("mine")
    else:
        site(out)
        if kind == "changed page":
            (out / "index.html").write_text("mine")
        elif kind == "link":
            (out / "figures.html").symlink_to(folder)
        else:
            mine = out / ("notes.txt" if kind == "foreign file" else "figures/mine.png")
            mine.parent.mkdir(exist_ok=True)
            mine.write_text("mine")
    before = contents(folder)
    with pytest.raises(UsageError, match="is not as labkit site left it"):
        site(out)
    assert contents(folder) == before


def test_an_empty_folder_is_filled(folder):
    (folder / "site").mkdir()
    site(folder / "site")
    assert (folder / "site" / "index.html").is_file()


def test_the_old_site_comes_back_when_the_new_one_cannot_take_its_place(folder, monkeypatch):
    site(folder / "site")
    before = contents(folder)

    class Stubborn(type(folder)):
        def replace(self, target):
            if self.name == "fresh":
                raise PermissionError(13, "Permission denied")
            return super().replace(target)

    monkeypatch.setattr(publish, "Path", Stubborn)
    with pytest.raises(LabkitError, match=r"site cannot be replaced \(Permission denied\): close what uses it"):
        site(folder / "site")
    assert contents(folder) == before


@pytest.mark.parametrize("place", ["prose", "code"])
def test_a_line_of_a_solution_is_refused_wherever_it_stands(folder, place):
    text = {"prose": f"Write `{SECRET}`.", "code": f"```python\n{SECRET}\n```"}[place]
    write_course(folder / "other", new_markdown_cell(text))
    (folder / "other" / "notebooks" / f"{STEM}.ipynb").replace(folder / "notebooks" / f"{STEM}.ipynb")
    with pytest.raises(LabkitError, match="would show lines of solutions") as failure:
        site(folder / "site")
    assert f"{STEM}.html shows `{SECRET}`" in str(failure.value)
    assert not (folder / "site").exists()


def test_no_code_of_the_notebooks_runs(folder, monkeypatch):
    assert INTRO.startswith("# 1 ")
    before = set(sys.modules)
    site(folder / "site")
    assert not {name for name in set(sys.modules) - before if name.startswith(("labkit.training", "torch"))}
