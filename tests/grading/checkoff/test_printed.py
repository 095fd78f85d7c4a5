"""`make_pages`: from a graded folder to PDFs, the same in each run, and a sentence for whatever is not as it was."""

import shutil

import pytest
from checkoff_makers import CHAPTERS, NOTEBOOKS, STEMS, graded, group, keep

from labkit.basics.errors import LabkitError, UsageError
from labkit.grading.checkoff.printed import make_pages
from labkit.grading.checkoff.ticks import tick
from labkit.grading.marks.oral import read_drawn
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore

pytestmark = pytest.mark.slow
MLP = CHAPTERS["05"]
LABS = [group("lab-7", "Mia Lee", "Bo Ek"), group("lab-8", "王伟", "Ana"), group("lab-9", "Cem")]


@pytest.fixture
def night(tmp_path):
    return graded(tmp_path / "graded", *LABS, notebooks=(MLP, CHAPTERS["08"]))


def files(out):
    return {path.name: path.read_bytes() for path in (out / "checkoff").iterdir()}


def test_a_second_run_gives_the_same_bytes(night):
    told = make_pages(night)
    assert told[0] == f"Check-off: {night}/checkoff/_all.pdf, two pages per submission, of 3."
    first = files(night)
    assert set(first) == {"_all.pdf", "_drawn.json", "lab-7.pdf", "lab-8.pdf", "lab-9.pdf"}
    assert make_pages(night) == told
    assert files(night) == first
    shutil.rmtree(night / "checkoff")
    make_pages(night)
    assert files(night) == first


def test_only_who_changed_gets_other_pages(night):
    make_pages(night)
    first, asked = files(night), read_drawn(night)
    with AttemptStore(night / "results.sqlite") as store:
        keep(store, night, "lab-8", MLP, passed=False, numbers={})
        keep(store, night, "lab-8", CHAPTERS["08"], shift=0.3)
    told = make_pages(night)
    assert "Asked otherwise than before, as their results or checkoff.toml changed: lab-8." in told
    again = files(night)
    assert {name for name in first if again[name] != first[name]} == {"_all.pdf", "_drawn.json", "lab-8.pdf"}
    assert {name: page for name, page in read_drawn(night).items() if name != "lab-8"} == {
        name: page for name, page in asked.items() if name != "lab-8"
    }


def test_ticks_for_other_questions_are_told(night):
    make_pages(night)
    tick(night, "lab-8", [1], "ta", approve=True)
    assert not any("Ticked" in sentence for sentence in make_pages(night))
    with AttemptStore(night / "results.sqlite") as store:
        keep(store, night, "lab-8", MLP, passed=False, numbers={})
        keep(store, night, "lab-8", CHAPTERS["08"], shift=0.3)
    told = make_pages(night)
    assert "Ticked for questions that are not asked any more, so not counted: lab-8." in told


def test_without_results_there_is_no_page(tmp_path):
    out = graded(tmp_path / "graded", *LABS, notebooks=())
    assert make_pages(out) == ["No page, as nothing that a question needs was executed: lab-7, lab-8, lab-9."]
    assert set(files(out)) == {"_drawn.json"}


def test_pages_of_who_is_gone_are_removed(night):
    make_pages(night)
    write_batch(night, "folders", LABS[:2])
    make_pages(night)
    assert set(files(night)) == {"_all.pdf", "_drawn.json", "lab-7.pdf", "lab-8.pdf"}
    assert set(read_drawn(night)) == {"lab-7", "lab-8"}


def test_all_notebooks_of_the_course_at_once(tmp_path):
    out = graded(tmp_path / "graded", *LABS, notebooks=STEMS)
    told = make_pages(out)
    assert not any("Fewer" in sentence or "No page" in sentence for sentence in told)
    assert all(len(questions) == 4 for questions in read_drawn(out).values())


def test_an_exercise_of_the_first_notebook_alone_has_no_questions(tmp_path):
    out = graded(tmp_path / "graded", LABS[0], notebooks=(CHAPTERS["01"],))
    assert make_pages(out) == ["No page, as nothing that a question needs was executed: lab-7."]


def test_a_folder_that_nobody_graded_is_refused(tmp_path, night):
    with pytest.raises(LabkitError, match=r"batch.json does not exist: run `labkit grade` first"):
        make_pages(tmp_path)
    (night / "seed").write_text("x")
    with pytest.raises(LabkitError, match=r"seed cannot be read"):
        make_pages(night)


def test_a_damaged_note_of_what_was_drawn_is_told(night):
    make_pages(night)
    (night / "checkoff" / "_drawn.json").write_text('{"format": 1}')
    with pytest.raises(LabkitError, match="bring back a copy, or remove it"):
        make_pages(night)


def test_a_course_without_questions_says_so(night, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOKS / f"{MLP}.ipynb", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"checkoff.toml does not exist"):
        make_pages(night)
