"""A small course of one notebook, run, changed, and submitted."""

import json
import re
import shutil
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

import nbformat
import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.course.run_all import report_on, run_course
from labkit.course.submit import _slug, spellings, submit, without_paths

pytestmark = pytest.mark.slow

code, prose = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
CELLS = (
    'profile = "quick"\ndata = "auto"\nseed = 0\nout = ""',
    """import matplotlib.pyplot as plt
from labkit.report.run import Run
from labkit.exercises.checker import Checker
from labkit.report.profiles import get_profile
from labkit.data.datasets import load
run = Run("01_one", get_profile(profile), load("mnist", data, train_limit=50), seed, out)
check = Checker(run)
print("results go to", run.out)""",
    """def central_difference(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)""",
    'check("1.2", central_difference)',
    """print(run.number("accuracy", [97.0, 98.0, 99.0, 98.0, 98.0], "%", split="test", seeds=run.seeds))
fig, ax = plt.subplots()
ax.plot([1, 2])
run.figure("line", fig, "A line that rises from 1 to 2.", "A line that rises from 1 to 2.")
run.finish()""",
)
REPORT = """---
title: "Ours"
author: "Group Seven"
---

# One line

<< number("01_one.accuracy") >>

<< figure("01_one.line") >>

::: discussion
It rises.
:::
"""


def write_course(folder, *cells):
    notebook = nbformat.v4.new_notebook(cells=[code(source) for source in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.cells += [prose("## Questions from your TA\n\n1. Why?"), prose("1. Because.")]
    nbformat.write(notebook, folder / "notebooks" / "01_one.ipynb")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The course after the group's own run, ready to be submitted."""
    folder = tmp_path_factory.mktemp("group")
    (folder / "notebooks").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_course(folder, *CELLS)
        (folder / "report_template.md").write_text(REPORT)
        for name in ("course.toml", "rubric.toml"):  # the staff's, which nobody hands in or is told about
            (folder / "notebooks" / name).write_text("")
        assert run_course([], "quick", "embedded", 0, "out")
    return folder


@pytest.fixture
def group(finished, monkeypatch):
    monkeypatch.chdir(finished)
    yield finished
    write_course(finished, *CELLS)
    for path in (*finished.glob("*.zip"), *finished.glob("my_report.md"), *finished.glob("references.bib")):
        path.unlink()
    shutil.rmtree(finished / "unpacked", ignore_errors=True)


def add_to_report(group, text):
    (group / "my pictures").mkdir(exist_ok=True)
    (group / "my pictures" / "größe.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    (group / "my_report.md").write_text(REPORT + text, encoding="utf-8")


def send(agree=lambda findings: True, **changed):
    arguments = {"group": "第三組 Süß & Co.", "members": "ab12, cd34", "out": "out", "report": None, "data": "embedded"}
    return submit(**{**arguments, **changed}, agree=agree)


def test_a_submission_holds_what_a_ta_needs_and_nothing_of_the_machine(group):
    findings = []
    add_to_report(group, "As [@lecun1998] and @fig:mine show.\n\n![Ours.](my pictures/größe.svg){#fig:mine}\n")
    (group / "references.bib").write_text("@book{lecun1998, author={LeCun, Yann}, title={Digits}, year=1998}")
    path = send(lambda found: not findings.extend(found))
    assert str(path) == "submission-第三組-süß-co.zip"
    # The small course has one exercise of the real one, and no other notebook; all else is in order.
    rest = [found for found in findings if not found.startswith(("Exercise", "Notebook"))]
    assert rest == []
    assert not any(found.startswith("Exercise 1.2") for found in findings)
    with zipfile.ZipFile(path) as archive:
        files = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        assert {name.split("/")[0] for name in archive.namelist()} == {"submission-第三組-süß-co"}
    assert set(files) == {
        "Readme.txt",
        "references.bib",
        "figures/01_one.line.png",
        "figures/01_one.line.svg",
        "my pictures/größe.svg",
        "notebooks/01_one.ipynb",
        "report.html",
        "report.md",
        "report.pdf",
        "report_source.md",
        "results.json",
        "submission.json",
    }
    for name, content in files.items():
        assert str(group).encode() not in content, name
        assert b"/tmp/" not in content or name.endswith((".png", ".pdf", ".html")), name
    readme = files["Readme.txt"].decode()
    assert "01_one: labkit run 01 --profile quick --seed 0" in readme
    assert "number accuracy: 98.0 ± 0.7 % (between 5 seeds; ± 0.7 from 450 test images)" in readme
    assert json.loads(files["submission.json"])["members"] == ["ab12", "cd34"]
    assert json.loads(files["submission.json"])["group"] == "第三組 Süß & Co."
    # What a TA unpacks builds the same report.
    with zipfile.ZipFile(path) as archive:
        archive.extractall(group / "unpacked")
    (unpacked,) = (group / "unpacked").iterdir()
    report_on(unpacked, unpacked / "report_source.md")
    assert (unpacked / "report.md").read_bytes() == files["report.md"]
    assert "LeCun 1998" in re.sub(r"<[^>]*>|\n", "", (unpacked / "report.html").read_text(encoding="utf-8"))
    assert (
        "results go to ./out/submission"
        in nbformat.reads(files["notebooks/01_one.ipynb"].decode(), 4).cells[1].outputs[0].text
    )


def test_what_was_changed_after_the_run_is_found_and_nothing_is_packed_without_consent(group):
    write_course(group, *CELLS[:2], CELLS[2].replace("f(x - h)", "f(x)"), CELLS[3], CELLS[4].replace("97.0", "57.0"))
    report = group / "mine.md"
    report.write_text(
        REPORT.replace("It rises.", "It rises to 99.9 %.") + "\n# End\n\n::: discussion\n**Write here.**\n:::\n"
    )
    findings = []
    assert send(lambda found: bool(findings.extend(found)), report=report) is None
    text = "\n".join(findings)
    assert "Exercise 1.2 (check a gradient) is failed." in text
    assert "01_one: your results say accuracy = 98.0 ± 0.7 %, but the run gives 90.0 ± 18.5 %." in text
    assert "The report says 99.9 %" in text
    assert "“End” in the report is not written" in text
    assert not list(group.glob("*.zip"))


def test_helper_files_are_found_packed_and_told(group, capsys):
    write_course(group, *CELLS, "import helpers\nprint(helpers.twice(4), open('own/a.csv').read())")
    brought = {"helpers.py": "def twice(x): return 2 * x", "own/a.csv": "1,2", "film.mp4": "", "json.py": ""}
    (group / "notebooks" / "own").mkdir()
    for name, text in brought.items():
        (group / "notebooks" / name).write_text(text)
    findings = []
    try:
        path = send(lambda found: not findings.extend(found))
        assert "Packed along with the notebooks: helpers.py, own/a.csv." in capsys.readouterr().out
        assert [found for found in findings if "fails in cell" in found] == []
        assert "film.mp4" in "".join(findings)
        assert "json.py" in "".join(findings)
        with zipfile.ZipFile(path) as archive:
            names = {name.split("/", 1)[1] for name in archive.namelist()}
        assert {name for name in names if name.startswith("notebooks/")} == {
            "notebooks/01_one.ipynb",
            "notebooks/helpers.py",
            "notebooks/own/a.csv",
        }
        (group / "notebooks" / "helpers.py").write_text(f"place = '{group}'")
        with pytest.raises(LabkitError, match=r"helpers.py names .*, a folder that only this machine has"):
            send()
    finally:
        for name in brought:
            (group / "notebooks" / name).unlink()
        (group / "notebooks" / "own").rmdir()


def test_a_notebook_that_only_works_out_of_order_is_named(group):
    write_course(group, *CELLS, "print(later)\nlater = 1")
    findings = []
    send(lambda found: bool(findings.extend(found)))
    assert any("01_one fails in cell [7]" in found and "out of order" in found for found in findings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"group": "???"}, "--group '\\?\\?\\?' must hold letters"),
        ({"members": ""}, "must be ids with commas"),
        ({"members": "a,a"}, "must be ids with commas"),
        ({"members": "a/b"}, "must be ids with commas"),
        ({"report": "nowhere.md"}, "cannot be read"),
    ],
)
def test_misuse_is_refused_before_anything_runs(group, changed, message):
    if "report" in changed:
        changed = {"report": group / changed["report"]}
    with pytest.raises(UsageError, match=message):
        send(**changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$x_$", r"my_report.md, line 15: the formula `x_` cannot be set"),
        ("![A](gone.png)", r"line 15: the image gone.png is not there"),
        ('<< number("01_one.acuracy") >>', r"line 15: results.json lacks 01_one.acuracy"),
    ],
)
def test_a_fault_of_the_report_is_told_before_anything_runs(group, text, message, monkeypatch):
    monkeypatch.setattr("labkit.course.submit.execute_all", None)
    add_to_report(group, text)
    with pytest.raises(LabkitError, match=message):
        send()


def test_a_run_builds_the_report_from_the_students_copy(group):
    add_to_report(group, "Only in the copy.\n")
    run_course([], "quick", "embedded", 0, "out")
    assert "Only in the copy." in (group / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("group", "slug"),
    [
        ("第三組", "第三組"),
        ("हिन्दी समूह", "हिन्दी-समूह"),
        ("  Группа №7!", "группа-7"),
        ("🚀 Team_A/../b", "team-a-b"),
        ("e\u0301quipe", "équipe"),
        ("第" * 99, "第" * 40),
    ],
)
def test_a_group_has_a_name_in_its_own_script(group, slug):
    assert _slug(group) == slug


def test_a_folder_of_this_machine_in_the_code_is_refused(group):
    write_course(group, *CELLS, f"open('{group}/notebooks/01_one.ipynb')")
    with pytest.raises(LabkitError, match=r"01_one.ipynb names .*, a folder that only this machine has"):
        send()


def test_runs_of_different_profiles_are_refused(group):
    path = group / "out" / "results.json"
    before = path.read_text()
    content = json.loads(before)
    content["notebooks"]["02_two"] = {**content["notebooks"]["01_one"], "profile": "full"}
    path.write_text(json.dumps(content))
    with pytest.raises(LabkitError, match="different profiles or seeds"):
        send()
    path.write_text(before)


def test_a_folder_is_known_in_every_spelling():
    assert spellings(PurePosixPath("/home/me")) == ["/home/me"]
    assert spellings(PureWindowsPath(r"C:\Users\me")) == [r"C:\\Users\\me", r"C:\Users\me", "C:/Users/me"]


def test_paths_go_out_of_what_was_printed_but_not_out_of_code_or_pictures():
    cell = code("open('/home/me/a')")
    cell.outputs = [
        nbformat.v4.new_output(
            "stream", text="at /home/me/x/y.txt and C:\\Users\\me\\z.txt, D:/me/w.txt, http://x.y/z, 3/4, 1/tmp"
        ),
        nbformat.v4.new_output("error", ename="E", evalue="/Users/me/q", traceback=["in /var/x/b.py:3"]),
        nbformat.v4.new_output("display_data", data={"image/png": "ab/tmp/cd", "text/plain": "/mnt/d/e"}),
    ]
    found = nbformat.reads(without_paths(nbformat.v4.new_notebook(cells=[cell])), 4).cells[0]
    assert found.source == cell.source
    assert found.outputs[0].text == "at …/y.txt and …/z.txt, …/w.txt, http://x.y/z, 3/4, 1/tmp"
    assert (found.outputs[1].evalue, found.outputs[1].traceback) == ("…/q", ["in …/b.py:3"])
    assert found.outputs[2].data == {"image/png": "ab/tmp/cd", "text/plain": "…/e"}
