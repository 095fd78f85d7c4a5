"""The source of a report, and what lies beside it: what is taken in, and what is kept in the folder of a night."""

from types import SimpleNamespace

import pytest
from submission_makers import book, read_one, zipped

from labkit.grading.intake.report_files import FOLDER, LARGEST, SOURCE, keep_reports

NOTEBOOK = {"submission-x/notebooks/05_mlp1_sweep.ipynb": book(5)}
TEXT = b"# Summary\n\n::: discussion\nWell.\n:::\n"


def taken(folder, files):
    (own := folder / str(len(list(folder.iterdir())))).mkdir()
    return dict(read_one(own, zipped({**NOTEBOOK, **files})).report)


def test_a_report_comes_with_its_images_and_references_and_nothing_else(tmp_path):
    found = taken(
        tmp_path,
        {
            "submission-x/report_source.md": TEXT,
            "submission-x/my net.PNG": b"png",
            "submission-x/figures/a.svg": b"svg",
            "submission-x/references.bib": b"@x",
            "submission-x/report.pdf": b"pdf",
            "submission-x/results.json": b"{}",
            "elsewhere/other.png": b"png",
            "submission-x/a/b/c/deep.png": b"png",
        },
    )
    assert found[SOURCE] == TEXT
    assert set(found) == {SOURCE, "my net.PNG", "figures/a.svg", "references.bib"}


@pytest.mark.parametrize("name", ["my_report.md", "x/My_Report.MD", "Report_Source.md"])
def test_a_report_under_the_students_own_name_counts_as_well(tmp_path, name):
    assert taken(tmp_path, {name: TEXT})[SOURCE] == TEXT


def test_of_several_the_packed_one_that_lies_highest_counts(tmp_path):
    files = {"a/report_source.md": b"deep", "my_report.md": b"mine", "report_source.md": TEXT}
    assert taken(tmp_path, files)[SOURCE] == TEXT


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("# Ä\n".encode("utf-8-sig"), "# Ä\n"),
        ("# Ä\n".encode("utf-16"), "# Ä\n"),
        (b"# \xc4\n", "# \N{REPLACEMENT CHARACTER}\n"),
        (b"# a\0b\n", "# ab\n"),
    ],
)
def test_whatever_editor_wrote_it_it_is_text(tmp_path, content, text):
    assert taken(tmp_path, {"report_source.md": content})[SOURCE].decode() == text


def test_what_is_too_large_is_left_out_and_the_rest_is_not(tmp_path):
    (folder := tmp_path / "large").mkdir()
    one = read_one(folder, zipped({**NOTEBOOK, "report_source.md": b"x" * 400_000}))
    assert one.report == ()
    assert any("report_source.md" in problem for problem in one.problems)
    files = {"report_source.md": TEXT, "a.png": b"x" * (LARGEST - 10), "b.png": b"x" * 20, "c.png": b"x" * 5}
    assert set(taken(tmp_path, files)) == {SOURCE, "a.png", "c.png"}
    many = {f"{place:03d}.png": b"x" for place in range(99)}
    assert len(taken(tmp_path, {"report_source.md": TEXT, **many})) <= 32


def test_without_a_report_there_is_none(tmp_path):
    assert taken(tmp_path, {"notes.md": TEXT, "a.png": b"png"}) == {}


def test_reports_are_kept_and_those_that_are_gone_or_changed_are_not(tmp_path):
    def keep(**reports):
        keep_reports(
            tmp_path, [SimpleNamespace(name=name, report=tuple(files.items())) for name, files in reports.items()]
        )
        folder = tmp_path / FOLDER
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    first = {SOURCE: b"one", "f/a.png": b"a"}
    assert keep(ada=first, bo={}) == {f"ada/{SOURCE}": b"one", "ada/f/a.png": b"a"}
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / FOLDER).rglob("*")}
    keep(ada=first)
    assert times == {
        path: path.stat().st_mtime_ns for path in (tmp_path / FOLDER).rglob("*")
    }  # nothing is written anew
    assert keep(ada={SOURCE: b"two"}, cy=first) == {f"ada/{SOURCE}": b"two", f"cy/{SOURCE}": b"one", "cy/f/a.png": b"a"}
    assert keep() == {}
