import json
import re
from html import unescape

import pytest

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.report.document import build_report, render, report_source, try_report

NOTEBOOK = "05_mlp1_sweep"
GOLDEN = CHECKOUT / "tests" / "samples" / "report_golden.md"
TEMPLATE = """---
title: "A report"
---

<< banner() >>

As @fig:05_mlp1_sweep.line and @tbl:05_mlp1_sweep.rows show, it reaches << number("05_mlp1_sweep.accuracy") >>.

<< figure("05_mlp1_sweep.line") >>

<< table("05_mlp1_sweep.rows") >>

<% if has_run("08_lenet5") %>
<< number("08_lenet5.parameters") >>
<% endif %>
::: discussion
Write here.
:::
"""


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "template.md"
    path.write_text(TEMPLATE)
    return path


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_markdown_is_as_it_was(folder, template):
    assert render(results(folder), template) == GOLDEN.read_text(encoding="utf-8")


def test_html_stands_alone_and_pdf_is_one(folder, template):
    markdown, html, pdf = build_report(folder, results(folder), template)
    assert markdown.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")
    text = html.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "alt=\"A line, 'rising' from 1 to 2.\"" in unescape(text)
    assert "Figure 1." in text
    assert "Table 1" in text
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert not list(folder.glob(".report*"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ('figure("08_lenet5.confusion")', LabkitError, "labkit run 08_lenet5"),
        ('figure("05_mlp1_sweep.lien")', LabkitError, "makes these figures: line"),
        ('table("05_mlp1_sweep.lien")', LabkitError, "makes these tables: rows"),
        ('number("05_mlp1_sweep.lien")', LabkitError, "makes these numbers: accuracy"),
        ('number("accuracy")', UsageError, "<notebook>.<name>"),
        ('nmber("05_mlp1_sweep.accuracy")', UsageError, "'nmber' is undefined"),
        ('figure("05_mlp1_sweep.line") >> << figure("05_mlp1_sweep.line")', UsageError, "twice"),
        ("number()", UsageError, "missing"),
        ("number(", UsageError, "line 1"),
        ('"@fig:05_mlp1_sweep.line"', UsageError, "does not place it"),
        ('number("".__class__.__mro__)', UsageError, "unsafe"),
    ],
)
def test_a_template_that_cannot_be_met_is_told_and_nothing_is_written(folder, tmp_path, call, error, message):
    template = tmp_path / "bad.md"
    template.write_text(f"<< {call} >>")
    before = sorted(folder.iterdir())
    with pytest.raises(error, match=re.escape(message)):
        build_report(folder, results(folder), template)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("file", ["figures/{}.line.svg", "figures/{}.line.png", "tables/{}.rows.csv"])
def test_a_file_that_is_gone_is_told(folder, template, file):
    (folder / file.format(NOTEBOOK)).unlink()
    with pytest.raises(LabkitError, match=f"labkit run {NOTEBOOK}"):
        build_report(folder, results(folder), template)


def test_a_missing_template_is_told(folder, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.md"):
        build_report(folder, results(folder), tmp_path / "nowhere.md")


def test_real_data_in_full_profile_needs_no_banner(folder, template):
    content = results(folder)
    content["notebooks"][NOTEBOOK]["data"] |= {"real": True, "name": "MNIST"}
    content["notebooks"][NOTEBOOK]["profile"] = "full"
    assert "::: banner" not in render(content, template)


def test_what_an_open_exercise_should_give_is_marked_as_missing(folder, template, tmp_path):
    content = results(folder)
    del content["notebooks"][NOTEBOOK]["numbers"]["accuracy"], content["notebooks"][NOTEBOOK]["figures"]["line"]
    text = render(content, template, {NOTEBOOK: ["5.2", "5.3"], "04_mlp_from_scratch": ["4.1"]})
    assert text.count("**[missing: needs exercise 5.2 or 5.3]**") == 2
    assert "As Figure\u00a0(missing) and Table\u00a01 show" in text
    with pytest.raises(LabkitError, match="makes these numbers: none"):
        render(content, template, {NOTEBOOK: [], "04_mlp_from_scratch": ["4.1"]})


def test_an_open_figure_and_an_own_one_are_told_apart(folder, tmp_path):
    content = results(folder)
    del content["notebooks"][NOTEBOOK]["figures"]["line"]
    template = tmp_path / "mine.md"
    template.write_text('See @fig:05_mlp1_sweep.line.\n\n<< figure("05_mlp1_sweep.line") >>\n', encoding="utf-8")
    assert "See Figure\u00a0(missing)." in render(content, template, {NOTEBOOK: ["5.2"]})


def test_the_trial_finds_faults_of_the_source_alone_and_writes_nothing(folder, template):
    content = results(folder)
    (folder / f"figures/{NOTEBOOK}.line.svg").unlink()  # the next run makes it anew, and notebook 08 its own
    before = sorted(folder.rglob("*"))
    try_report(folder, content, template, {}, [NOTEBOOK, "08_lenet5"])
    template.write_text(TEMPLATE + "\n$x_$\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"template.md, line 20: the formula `x_`"):
        try_report(folder, content, template, {}, [NOTEBOOK, "08_lenet5"])
    assert sorted(folder.rglob("*")) == before


def test_the_report_is_built_from_the_students_copy_once_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report_source().read_text(encoding="utf-8").startswith("---\ntitle:")
    (tmp_path / "report_template.md").touch()
    assert report_source() == tmp_path / "report_template.md"
    (tmp_path / "my_report.md").touch()
    assert report_source() == tmp_path / "my_report.md"
