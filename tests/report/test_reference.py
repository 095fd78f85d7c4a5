import json

import pandas as pd
import pytest

from labkit.basics.errors import LabkitError
from labkit.course.notebooks import course, notebooks_folder
from labkit.report import reference
from labkit.report.profiles import get_profile
from labkit.report.results import read_results
from labkit.report.run import Run

NAME = "05_mlp1_sweep"


def results_of(folder, digits, *values):
    run = Run(NAME, get_profile("quick"), digits, 0, folder)
    run.number("widest_accuracy", values, "%", 2, split="test", seeds=range(len(values)))
    run.number("difference", values, "points", 2, split="test", seeds=range(len(values)))
    run.number("widest_seconds", values, "s", 1, seeds=range(len(values)))
    run.finish()
    return read_results(folder / "results.json")


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "reference.json"
    system = {"system": "MLP", "setting": "wide", "reported": "95", "number": f"{NAME}.widest_accuracy"}
    parts = {part: {} for part in ("bands", "tables", "results", "machines")}
    path.write_text(json.dumps({"remarks": [], "systems": [system], **parts}))
    monkeypatch.setattr(reference, "FILE", path)
    reference._stored.cache_clear()
    yield path
    reference._stored.cache_clear()


def test_only_accuracies_get_a_band_for_their_mean(file, digits, tmp_path):
    results_of(tmp_path, digits, 90.9, 91.0, 91.1)
    assert reference.update(tmp_path, tmp_path / "page.md") == [file]  # not a full run, so no page
    bands = json.loads(file.read_text())["bands"]
    assert bands == {
        "quick profile, embedded digits": {f"{NAME}.widest_accuracy": {"low": 89.2, "high": 92.8, "mean": 91.0}}
    }


def test_a_band_is_never_narrower_than_processors_differ(file, digits, tmp_path):
    results_of(tmp_path, digits, 99.9, 99.9)
    reference.update(tmp_path, tmp_path / "page.md")
    (band,) = json.loads(file.read_text())["bands"]["quick profile, embedded digits"].values()
    assert band == {"low": 98.91, "high": 100.0, "mean": 99.9}


@pytest.mark.parametrize(("value", "inside"), [(89.3, True), (89.1, False), (92.9, False)])
def test_numbers_are_compared_with_their_band(file, digits, tmp_path, value, inside):
    results_of(tmp_path, digits, 90.9, 91.0, 91.1)
    reference.update(tmp_path, tmp_path / "page.md")
    (row,), without = reference.check_numbers(results_of(tmp_path, digits, value, value), [NAME, "not_run"])
    assert (row.number, row.inside, row.low, row.high) == (f"{NAME}.widest_accuracy", inside, 89.2, 92.8)
    assert without == []


def test_a_number_that_differs_too_much_between_runs_is_not_checked(file, digits, tmp_path):
    results = results_of(tmp_path, digits, 60.0, 75.0, 90.0)
    reference.update(tmp_path, tmp_path / "page.md")
    (row,), _ = reference.check_numbers(results, [NAME])
    assert row.inside is None
    reference._stored.cache_clear()
    assert reference.band_of("quick", "embedded digits", row.number) is None


def test_tables_of_full_runs_are_kept_with_their_digits(file, digits, tmp_path):
    run = Run(NAME, get_profile("full"), digits, 0, tmp_path)
    run.number("widest_accuracy", [97.0, 98.0], "%", 2, split="test", seeds=[0, 1])
    for name, rows in (("accuracy", 2), ("long", 41)):
        run.table(name, pd.DataFrame({"width": range(rows), "test": [97.123456] * rows}), "Accuracy by width in %.")
    run.finish()
    full_run(tmp_path)
    reference.update(tmp_path, tmp_path / "page.md")
    reference._stored.cache_clear()
    table = reference.reference_table(f"{NAME}.accuracy")
    assert table.to_dict("list") == {"width": [0, 1], "test": [97.123456] * 2}
    assert table.attrs["label"] == "embedded digits, full profile"
    assert reference.reference_table(f"{NAME}.long") is None


def test_a_kind_of_run_without_reference_is_named(file, digits, tmp_path):
    assert reference.check_numbers(results_of(tmp_path, digits, 90.0, 91.0), [NAME]) == (
        [],
        ["quick profile, embedded digits"],
    )


def full_run(folder):
    results = read_results(folder / "results.json")
    section = results["notebooks"][NAME]
    section["profile"], section["data"]["real"] = "full", True
    (folder / "results.json").write_text(json.dumps(results))


def test_the_page_sets_ours_beside_what_was_reported(file, digits, tmp_path):
    results_of(tmp_path, digits, 97.0, 98.0, 99.0)
    full_run(tmp_path)
    reference.update(tmp_path, tmp_path / "page.md")
    assert "| MLP | wide | 95 | 98.00 ± 1.00 | test, 450, 3 | - |" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (f"{NAME}.narrowest", rf"lacks {NAME}\.narrowest: run `labkit run {NAME} --profile full` first"),
        ("08_lenet5.b2_test", r"Nobody has run 08_lenet5\.b2_test yet"),
    ],
)
def test_a_full_run_that_lacks_a_system_writes_nothing(file, digits, tmp_path, number, words):
    content = json.loads(file.read_text())
    content["systems"][0]["number"] = number
    file.write_text(json.dumps(content))
    results_of(tmp_path, digits, 97.0, 98.0)
    full_run(tmp_path)
    with pytest.raises(LabkitError, match=words):
        reference.update(tmp_path, tmp_path / "page.md")
    assert not (tmp_path / "page.md").exists()
    assert json.loads(file.read_text()) == content


def test_every_system_has_a_reference_that_stands_on_the_page():
    content = reference.read_reference()
    bands = {key for kind, found in content["bands"].items() if kind.startswith("full") for key in found}
    page = (notebooks_folder().parent / "docs" / "reference-results.md").read_text(encoding="utf-8")
    notebooks = {path.stem for path in course(notebooks_folder())}
    for system in content["systems"]:
        assert system["number"].split(".")[0] in notebooks
        assert system["number"] in bands, system["system"]
        assert f"| {system['system']} | {system['setting']}" in page


def test_a_run_of_some_notebooks_keeps_what_the_page_says_of_the_others(file, digits, tmp_path):
    content = json.loads(file.read_text())
    other = {
        "system": "CNN",
        "setting": "small",
        "reported": "99",
        "number": "08_lenet5.b2_test",
        "seconds": "08_lenet5.s",
    }
    content["systems"].append(other)
    kept = {"text": "98.57 ± 0.12", "split": "test", "n": 10000, "seeds": 3}
    content["results"] = {"08_lenet5.b2_test": kept, "08_lenet5.s": {"text": "7.1"}}
    content["machines"] = {"08_lenet5": "another one"}
    file.write_text(json.dumps(content))
    results_of(tmp_path, digits, 97.0, 98.0, 99.0)
    full_run(tmp_path)
    reference.update(tmp_path, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "| CNN | small | 99 | 98.57 ± 0.12 | test, 10,000, 3 | 7.1 |" in page
    assert "- Machine of notebooks 08: another one." in page
    assert "- Machine of notebooks 05: " in page


def test_a_band_is_found_by_profile_data_and_number():
    known = reference.read_reference()["bands"]["quick profile, embedded digits"]
    name, band = next((name, band) for name, band in known.items() if band["high"] - band["low"] < reference.WIDEST)
    assert reference.band_of("quick", "embedded digits", name) == (band["low"], band["high"])
    assert reference.band_of("quick", "MNIST, or something else", name) is None
    assert reference.band_of("quick", "embedded digits", f"{name}x") is None
