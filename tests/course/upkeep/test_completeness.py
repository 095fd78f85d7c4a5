"""Each counterpart that is taken away is missed, in a sentence that names it."""

import shutil

import pytest
from typer.testing import CliRunner

from labkit.basics.errors import LabkitError
from labkit.cli import app
from labkit.course.upkeep.completeness import COLUMNS, SOURCE, examine_course
from labkit.exercises.catalogue import exercises

TWIN, CAPTIONS = "notebooks/source/05_mlp1_sweep.py", "notebooks/captions/05_mlp1_sweep.toml"
MODULE, ANSWERS = "labkit/exercises/nb05_mlp1_sweep.py", "tests/exercises/answers/nb05_mlp1_sweep.py"
CLAIMS, TEMPLATE = "tests/course/claims/nb05.py", "report_template.md"


def test_the_course_lacks_nothing(checkout):
    """Also that it counts what is there: an examination that finds no part would find no gap."""
    rows = examine_course(checkout)
    assert [gap for row in rows for gap in row.gaps] == []
    assert len(rows) == 9
    totals = {column: sum(row.counts[column][1] for row in rows) for column in COLUMNS}
    assert all(row.counts[column][0] == row.counts[column][1] for row in rows for column in COLUMNS)
    assert totals[COLUMNS[0]] == len(exercises())
    assert totals[COLUMNS[1]] == 45
    assert totals[COLUMNS[2]] > totals[COLUMNS[3]] > 30
    assert totals[COLUMNS[4]] > 20
    assert totals[SOURCE] > 35


@pytest.mark.parametrize(
    ("name", "old", "new", "gap"),
    [
        (
            ANSWERS,
            '"5.4": [',
            '"5.9": [',
            "exercise 5.4 has 0 right answers in tests/exercises/answers/nb05_mlp1_sweep",
        ),
        (MODULE, '"5.2",', '"5.7",', "exercise 5.2 has no Exercise in labkit/exercises/nb05_mlp1_sweep.py"),
        (
            MODULE,
            '"write MLP1",\n        3',
            '"write MLP1",\n        2',
            "3 points in the notebook, and “write MLP1” with 2",
        ),
        (TWIN, "# ### Exercise 5.3 —", "# ### Exercise —", "exercise 5.3 has no heading in the notebook"),
        (TWIN, 'check("5.3",', 'check_later("5.3",', 'exercise 5.3 has 0 cells with check("5.3", ...)'),
        (TWIN, "# 3. Any two of:", "# 13. Any two of:", "the question “**3.** Your training accuracy"),
        (TWIN, 'run.figure("one_cycle"', 'run.figure("rates"', "lacks the caption of [figures.rates]"),
        (
            TWIN,
            'run.figure("one_cycle"',
            'run.figure("rates"',
            "has texts for [figures.one_cycle], which no cell makes",
        ),
        (CAPTIONS, 'alt = "A line that rises smoothly', 'alt_ = "A line', "lacks the alt of [figures.one_cycle]"),
        (CAPTIONS, "[tables.accuracy_by_width]", "[tables.widths]", "lacks the caption of [tables.accuracy_by_width]"),
        (TWIN, "The first steps in width pay most.", "The last steps pay most.", "which the notebook does not say"),
        (
            CLAIMS,
            '    Claim("The first steps',
            '    Other("The first steps',
            "nothing in tests/course/claims/nb05.py tries",
        ),
        (TWIN, 'run.number("chosen_width"', 'run.number("width"', "places the number 05_mlp1_sweep.chosen_width"),
        (
            TEMPLATE,
            "05_mlp1_sweep.widest_accuracy",
            "05_mlp1_sweep.widest",
            "number 05_mlp1_sweep.widest, which no cell",
        ),
        (TEMPLATE, "08_lenet5.lenet5_test", "08_lenet5.lenet_test", "places the number 08_lenet5.lenet_test"),
        (TEMPLATE, "05_mlp1_sweep.widest_accuracy", "10_mine.widest", "no notebook makes the number 10_mine.widest"),
    ],
)
def test_what_lacks_its_counterpart_is_named(checkout, change, name, old, new, gap):
    for twin in (checkout / "notebooks" / "source").glob("*.py"):
        if twin.stem[:2] not in ("05", "08"):
            twin.unlink()  # reading takes its time
    change(name, old, new)
    gaps = [told for row in examine_course(checkout) for told in row.gaps]
    assert [told for told in gaps if gap in told], gaps


def test_the_command_prints_one_table_and_its_end_says_whether_all_is_there(checkout, change):
    runner = CliRunner(env={"COLUMNS": "200"})
    whole = runner.invoke(app, ["check-course"])
    assert whole.exit_code == 0, whole.output
    assert whole.output.count("05_mlp1_sweep") == 1
    assert "exercises" in whole.output
    assert whole.output.strip().endswith("Nothing is missing.")
    change(CAPTIONS, "[figures.one_cycle]", "[figures.rates]")
    lacking = runner.invoke(app, ["check-course"])
    assert lacking.exit_code == 1
    assert "- 05_mlp1_sweep: captions/05_mlp1_sweep.toml lacks the alt of [figures.one_cycle]." in lacking.output


def test_where_there_is_no_checkout_and_what_cannot_be_read_is_told(checkout, change):
    change(TWIN, 'check("5.3",', 'check("5.3"')
    with pytest.raises(LabkitError, match=r"05_mlp1_sweep\.py: the cell that begins with .* is not Python"):
        examine_course(checkout)
    change(TWIN, 'check("5.3"', 'check("5.3",')
    change(ANSWERS, "RIGHT = {", "RIGHT = {{")
    with pytest.raises(LabkitError, match=r"nb05_mlp1_sweep\.py cannot be read as Python"):
        examine_course(checkout)
    shutil.rmtree(checkout / "tests")
    with pytest.raises(LabkitError, match="has no folder tests"):
        examine_course(checkout)
    shutil.rmtree(checkout / "notebooks" / "source")
    with pytest.raises(LabkitError, match="holds no text twins"):
        CliRunner().invoke(app, ["new-exercise", "05"], catch_exceptions=False)
