"""`labkit alike` on whole folders: the page, the table in the terminal, and what students may have written into it."""

import json
import re

import pytest
from alike_makers import RULE, SENTENCE, STEM, book, graded

from labkit.basics.errors import LabkitError
from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.grading.alike.find import background_of, find_alike
from labkit.grading.intake.people import Person
from labkit.grading.intake.reading.run_marks import RunMarks

TIMES = RunMarks(tuple(f"{name}_latency 0.4387{digit}1" for digit, name in enumerate("abcd")), ("curve 0f",))
ALONE = {f"other-{place}": book({"5.4": f"def wilson(right, n):\n    return {place}, n\n"}) for place in range(9)}
BAD = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{ 7 * 7 }}\0"


@pytest.fixture(scope="module")
def course_says():
    return background_of({path.stem: read_notebook(path) for path in course(notebooks_folder())})


@pytest.fixture(autouse=True)
def _once(monkeypatch, course_says):
    monkeypatch.setattr("labkit.grading.alike.find.background_of", lambda books: course_says)


def page_of(*folders):
    return find_alike(*folders).read_text(encoding="utf-8")


def test_a_pair_is_shown_with_what_it_shares(tmp_path, capsys):
    hidden = RULE.replace("means", "averages")
    books = {"ada": book({"5.2": RULE}, SENTENCE), "bob": book({"5.2": hidden}, f"Well. {SENTENCE}"), **ALONE}
    said = dict.fromkeys(("ada", "bob"), "You chose the widest network.")
    page = page_of(graded(tmp_path / "graded", books, dict.fromkeys(("ada", "bob"), TIMES), said))
    assert "1. Student ada (ada) and Student bob (bob)" in page
    assert "4 measured times are equal to all digits" in page
    assert "Equal figures: 1." in page
    assert page.count("our narrow network won") == 2
    assert "chosen = sorted(means.items()" in page
    assert "chosen = sorted(averages.items()" in page
    assert "The same mistake, as the judge says: You chose the widest network." in page
    told = capsys.readouterr().out
    assert "Compared: 11 groups. Pairs to look at: 1." in told
    assert re.search(r"ada +bob +\d+  equal times: 4; sentences: 1; code of 5\.2", told)


def test_a_class_that_wrote_alone_is_told_so(tmp_path, capsys):
    assert "No two groups share more than chance gives." in page_of(graded(tmp_path / "graded", ALONE))
    assert "Pairs to look at: 0." in capsys.readouterr().out


def test_nothing_says_how_guilty_anybody_is(tmp_path):
    page = page_of(graded(tmp_path / "graded", {"ada": book((), SENTENCE), "bob": book((), SENTENCE), **ALONE}))
    body = page.partition("<body>")[2]
    assert "It is no proof" in body
    assert "decide yourself" in body
    assert not re.search(r"\d %|percent|probab|guilt|cheat", body)


def test_what_students_wrote_stays_text(tmp_path):
    wrong = f"{RULE}    # {BAD}\n    x = '''{BAD}'''\n"
    text = f"{SENTENCE} {BAD} {SENTENCE[:-1]}, {BAD} and so on and so on for ever."
    books = {"ada": book({"5.2": wrong}, text), "bob": book({"5.2": wrong}, text), **ALONE}
    said = dict.fromkeys(("ada", "bob"), f"NameError: {BAD}")
    run = RunMarks(tuple(f"{BAD} 0.1234{digit}" for digit in range(5)), ())
    fields = {name: {"student": f"{name} {BAD}", "people": (Person(login=f"{name}{BAD}"),)} for name in ("ada", "bob")}
    page = page_of(graded(tmp_path / "graded", books, dict.fromkeys(("ada", "bob"), run), said, **fields))
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\0" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-", page)


def test_a_notebook_that_cannot_be_read_is_passed_over(tmp_path):
    odd = [
        "", "[", "null", "[1]", '{"cells": 7}', '{"cells": [7, null, {"source": 7, "metadata": 3}]}', "[" * 100_000,
        '{"cells": [{"source": ["x", 7], "metadata": {"nbgrader": [], "tags": {}}}]}',
        json.dumps({"cells": [{"cell_type": "code", "source": "\ud800", "metadata": {"nbgrader": {"grade_id": []}}}]}),
    ]  # fmt: skip
    books = {f"odd-{place}": text for place, text in enumerate(odd)}
    large = book({"5.2": "x = 1\n" * 200_000}, "so it is " * 100_000)
    page = page_of(graded(tmp_path / "graded", {"ada": large, "bob": large.replace("x", "y"), **books}))
    assert "Compared: 11 groups" in page


def test_blank_notebooks_are_no_pair(tmp_path):
    blank = book({"5.2": "# YOUR CODE HERE\nraise NotImplementedError()"}, "YOUR ANSWER HERE")
    page = page_of(graded(tmp_path / "graded", {"ada": blank, "bob": blank, **ALONE}))
    assert "No two groups share" in page


def test_several_members_are_one_group(tmp_path, capsys):
    text = book({"5.2": RULE}, SENTENCE)
    one = {"ada": {"group": "Lab 7"}, "bob": {"group": "lab 7"}}
    assert "No two groups share" in page_of(graded(tmp_path / "a", {"ada": text, "bob": text, **ALONE}, **one))
    told = capsys.readouterr().out
    assert "Counted as one group, Lab 7: ada, bob." in told
    assert "Compared: 10 groups" in told
    page = page_of(graded(tmp_path / "b", {"ada": text, "bob": text, "cy": text, **ALONE}, **one))
    assert f"The same notebook in every cell: {STEM}." in page


def test_last_year_is_compared_with_this_year_alone(tmp_path, capsys):
    this = graded(tmp_path / "this", {"ada": book((), SENTENCE), **ALONE})
    last = graded(tmp_path / "last", {"zoe": book((), SENTENCE), "yan": book((), SENTENCE), **ALONE})
    page = page_of(this, last)
    assert "Student ada (ada) and Student zoe (zoe), last year" in page
    assert "Student ada (ada) and Student yan (yan), last year" in page
    assert "zoe (zoe), last year and" not in page
    assert "Compared: 10 groups, and 11 of last year. Pairs to look at: 2." in capsys.readouterr().out


def test_a_report_is_read_where_it_was_taken_in(tmp_path):
    folder = graded(tmp_path / "graded", {"ada": book(), "bob": book(), **ALONE})
    for name in ("ada", "bob"):
        (folder / "handed-in" / name).mkdir(parents=True)
        source = f"# Title\n\nWords before.\n\n::: discussion\n{SENTENCE} {name}\n:::\n"
        (folder / "handed-in" / name / "report_source.md").write_text(source)
    page = page_of(folder)
    assert "The report&#39;s discussions" in page
    assert page.count("our narrow network won") == 2


def test_a_folder_of_an_earlier_version_is_compared_without_runs(tmp_path, capsys):
    folder = graded(tmp_path / "graded", {"ada": book((), SENTENCE), "bob": book((), SENTENCE), **ALONE})
    (folder / "runs.json").unlink()
    assert "our narrow network won" in page_of(folder)
    assert "Runs are not compared:" in capsys.readouterr().out


def test_a_folder_that_nobody_graded_is_told(tmp_path):
    with pytest.raises(LabkitError, match="run `labkit grade` first"):
        find_alike(tmp_path)
