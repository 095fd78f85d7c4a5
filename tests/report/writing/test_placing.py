"""Numbers and captions are short, and say only what differs from the Methods."""

import json

import pytest

from labkit.basics.errors import UsageError
from labkit.report.results import describe_number, short_number, unusual
from labkit.report.writing.placing import Placer

NOTEBOOK = "05_mlp1_sweep"


@pytest.fixture
def results(finished_run):
    return json.loads((finished_run / "results.json").read_text(encoding="utf-8"))


@pytest.fixture
def placer(results):
    return Placer(results, {}, {NOTEBOOK: "the answers"})


def test_numbers_in_sentences_are_short_unless_they_are_asked_for_in_full(placer):
    assert placer.number(f"{NOTEBOOK}.accuracy") == "98.0 ± 0.7 %"
    in_full = placer.number(f"{NOTEBOOK}.accuracy", full=True)
    assert in_full == "98.0 ± 0.7 % (between 5 seeds; ± 0.7 from 450 test images)"


def test_a_median_stands_without_its_quartiles():
    entry = {
        "text": "3.0 [2.0, 4.0] ms",
        "statistic": "median [quartiles]",
        "values": [1] * 5,
        "split": "",
        "seeds": [],
    }
    assert short_number(entry) == "3.0 ms"
    assert describe_number(entry) == "3.0 [2.0, 4.0] ms (median and quartiles of 5 timings)"
    assert short_number({**entry, "statistic": "exact", "text": "[a]"}) == "[a]"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"split": "", "n": None, "seeds": []}, []),
        ({"split": "validation", "n": 270}, ["validation split, n = 270"]),
        ({"n": 100}, ["test split, n = 100"]),
        ({"seeds": [0, 1, 2]}, ["3 seeds"]),
        ({"split": "train", "n": 9, "seeds": [4]}, ["train split, n = 9", "seed 4"]),
    ],
)
def test_captions_say_what_differs_from_the_methods(changed, said):
    data = {"name": "MNIST", "real": True, "train": 9, "validation": 270, "test": 450}
    section = {"seeds": [0, 1, 2, 3, 4], "data": data}
    assert unusual({"split": "test", "n": 450, "seeds": [0, 1, 2, 3, 4], **changed}, section) == said


def test_figures_are_at_most_three_quarters_of_the_line_unless_a_width_is_given(placer, results):
    assert "width=75% drawn=100%}" in placer.figure(f"{NOTEBOOK}.line")
    placer.placed.clear()
    assert "width=90% drawn=100%}" in placer.figure(f"{NOTEBOOK}.line", width=90)
    placer.placed.clear()
    results["notebooks"][NOTEBOOK]["figures"]["line"]["width_in"] = 3.2
    assert "width=50% drawn=50%}" in placer.figure(f"{NOTEBOOK}.line")


def test_a_caption_names_what_differs(results):
    results["notebooks"][NOTEBOOK]["figures"]["line"]["seeds"] = [0]
    assert "from 1 to 2. (seed 0.)](" in Placer(results, {}).figure(f"{NOTEBOOK}.line")


@pytest.mark.parametrize(
    ("name", "real", "named"),
    [
        ("Fashion-MNIST", True, "Fashion-MNIST"),
        ("images in the folder a_b*[@c]", True, r"images in the folder a\_b\*\[\@c\]"),
        ("MNIST", True, ""),
        ("CIFAR-10", True, ""),
        ("embedded digits", False, ""),
    ],
)
def test_every_caption_names_another_set_in_mnists_place_and_the_banner_does(results, name, real, named):
    results["notebooks"][NOTEBOOK]["data"] |= {"name": name, "real": real}
    placer = Placer(results, {})
    captions = placer.figure(f"{NOTEBOOK}.line"), placer.table(f"{NOTEBOOK}.rows")
    assert [f"({named or name}" in caption for caption in captions] == [bool(named)] * 2
    banner = placer.banner()
    assert ("**Other images.**" in banner) == bool(named)
    assert named in banner


def test_notebooks_are_meant_by_number_or_name(placer):
    assert placer.has_run("05")
    assert placer.has_run(NOTEBOOK)
    assert not placer.has_run("0")
    assert not placer.has_run("08_lenet5")
    assert placer.answers("05") == placer.answers(NOTEBOOK) == "the answers"


def test_answers_that_are_not_there_are_marked_and_those_of_no_notebook_refused(results):
    assert "**[missing: notebook 05 is not beside this report" in Placer(results, {}).answers("05")
    assert Placer(results, {}, {NOTEBOOK: ""}).answers("05") == "This notebook ends without questions."
    with pytest.raises(UsageError, match="'08', which is no notebook that was run"):
        Placer(results, {}).answers("08")


def test_images_have_one_row_per_set_and_machines_one_per_machine(results):
    section = results["notebooks"][NOTEBOOK]
    other = json.loads(json.dumps(section))
    other["finished"] = "2030-01-01T10:00:00+00:00"
    results["notebooks"]["06_mlp2_sweep"] = other
    placer = Placer(results, {})
    head, _, row = placer.data().splitlines()
    assert head.startswith("| images | training | validation | test | ± if 95 % right |")
    assert "| 450 | 1.0 | 0 to 4 | quick | 05, 06 |" in row
    _, _, row = placer.provenance().splitlines()
    assert "| 05, 06 |" in row
    assert "to 2030-01-01 10:00 |" in row
    other["machine"]["processor"] = "another | one"
    rows = placer.provenance().splitlines()[2:]
    assert [("another \\| one" in row, "| 06 |" in row) for row in rows] == [(False, False), (True, True)]
