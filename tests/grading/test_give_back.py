"""`labkit return` as a TA meets it: files and sentences, and nothing half done."""

from __future__ import annotations

import json
import zipfile

import pytest
from course_makers import POSSIBLE, write_night
from typer.testing import CliRunner

from labkit.basics.errors import LabkitError, UsageError
from labkit.cli import app
from labkit.grading.give_back import give_back
from labkit.grading.intake.people import HandedIn
from labkit.grading.records.store import AttemptStore

LEE = HandedIn(name="leemia-101", student="leemia", user="101", entries=("leemia_101_9001_ours.zip",))
ROE = HandedIn(name="roejo-102", student="roejo", user="102", entries=("roejo_LATE_102_9002_05_mlp1_sweep.ipynb",))
EXPORT = f"""LastName;FirstName;ID;SIS Login ID;Section;Lab 1 (4711)
    Points Possible;;;;;{POSSIBLE},00
Lee;Mia;101;ab12;A;
Roe;Jo;102;cd34;A;
Doe;Al;103;ef56;A;3,00
"""


@pytest.fixture
def night(tmp_path):
    """Return the folder of a night in which two of Canvas handed in, with an export beside it."""
    out = tmp_path / "graded"
    write_night(out, "canvas", [LEE, ROE])
    (tmp_path / "export.csv").write_bytes(b"\xef\xbb\xbf" + EXPORT.encode())
    return out


def labkit(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    first, *told = result.output.splitlines()
    assert first.startswith("Gradebook: ")  # made again first, with the submissions and the pages
    return [line for line in told[2:] if not line.startswith("Marks: ")]


def test_feedback_alone(night):
    assert labkit("return", night) == [
        "Grades: export the gradebook from Canvas, and name it with --canvas.",
        f"{night}/return/canvas-feedback.zip: 2 entries. Next: the assignment, Upload Submissions.",
    ]
    with zipfile.ZipFile(night / "return" / "canvas-feedback.zip") as archive:
        assert archive.namelist() == [*LEE.entries, *ROE.entries]
        [cell] = json.loads(archive.read(ROE.entries[0]))["cells"]
    assert cell["cell_type"] == "markdown"
    assert "5.1  passed, 2 points. said so" in "".join(cell["source"])


def test_grades_and_feedback(night):
    export = night.parent / "export.csv"
    filled = EXPORT.replace("ab12;A;", "ab12;A;1").replace("cd34;A;", "cd34;A;2")
    assert labkit("return", night, "--canvas", export) == [
        "- One row has no submission: Doe, Al (ID 103).",
        f"{night}/return/canvas-grades.csv: 2 cells of Lab 1 (4711) filled. Next: Grades, Import.",
        f"{night}/return/canvas-feedback.zip: 2 entries. Next: the assignment, Upload Submissions.",
    ]
    assert (night / "return" / "canvas-grades.csv").read_bytes() == b"\xef\xbb\xbf" + filled.encode()
    # The older command does the same.
    assert (
        labkit("grades", night, "--canvas", export)[-1] == f"2 cells of Lab 1 (4711) filled: {night}/export-filled.csv"
    )
    assert (night / "export-filled.csv").read_bytes() == b"\xef\xbb\xbf" + filled.encode()


def test_what_is_not_graded_to_its_end_is_not_given_back(night):
    with AttemptStore(night / "results.sqlite") as store:
        store.expect({ROE.name: {"06_mlp2_sweep": "0" * 64}}, "0" * 64, {})
    told = labkit("return", night, "--canvas", night.parent / "export.csv")
    assert told[0].startswith("The batch is not finished: 1 notebooks of 1 submissions are not graded yet.")
    assert [sentence for sentence in told if sentence.startswith("!")] == [
        "! roejo-102 (ID 102): it has no total. Not graded yet: 06_mlp2_sweep.",
        "! roejo-102: it has no page in feedback/. Run `labkit grade` to its end.",
    ]


def test_ids_of_another_platform_fill_nobodys_row(night):
    write_night(night, "moodle", [LEE, ROE])  # participants 101 and 102 are others than Canvas' users
    told = give_back(night, canvas=night.parent / "export.csv")
    assert (night / "return" / "canvas-grades.csv").read_text("utf-8-sig") == EXPORT
    assert sum("there is no ID to match by" in sentence for sentence in told) == 2
    with pytest.raises(UsageError, match="Download the grading worksheet from Moodle, and name it with --moodle"):
        give_back(night)


def test_folders_go_back_to_no_platform_by_themselves(night):
    write_night(night, "folders", [LEE, ROE])
    with pytest.raises(LabkitError, match=r"came from no learning platform .*: take gradebook\.csv and feedback/"):
        give_back(night)
    assert labkit("return", night, "--canvas", night.parent / "export.csv")[-1].endswith("Next: Grades, Import.")


def test_a_file_that_cannot_be_filled_leaves_nothing_behind(night):
    with pytest.raises(UsageError, match="is not a grading worksheet from Moodle"):
        give_back(night, canvas=night.parent / "export.csv", moodle=night.parent / "export.csv")
    with pytest.raises(UsageError, match="has no assignment 'Lab 2'"):
        give_back(night, canvas=night.parent / "export.csv", column="Lab 2")
    assert not (night / "return").exists()


def test_a_folder_without_a_night_is_told(tmp_path):
    with pytest.raises(LabkitError, match="run `labkit grade` first"):
        give_back(tmp_path)
