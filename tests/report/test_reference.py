import json

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
    path.write_text(json.dumps({"remarks": [], "systems": [system], "bands": {}}))
    monkeypatch.setattr(reference, "FILE", path)
    return path


def test_only_accuracies_get_a_band_of_three_standard_deviations(file, digits, tmp_path):
    results_of(tmp_path, digits, 90.0, 91.0, 92.0)
    assert reference.update(tmp_path, tmp_path / "page.md") == [file]  # not a full run, so no page
    bands = json.loads(file.read_text())["bands"]
    assert bands == {"quick profile, embedded digits": {f"{NAME}.widest_accuracy": {"low": 88.0, "high": 94.0}}}


def test_a_band_is_never_narrower_than_processors_differ(file, digits, tmp_path):
    results_of(tmp_path, digits, 99.9, 99.9)
    reference.update(tmp_path, tmp_path / "page.md")
    (band,) = json.loads(file.read_text())["bands"]["quick profile, embedded digits"].values()
    assert band == {"low": 99.6, "high": 100.0}


@pytest.mark.parametrize(("value", "inside"), [(88.1, True), (87.9, False), (94.1, False)])
def test_numbers_are_compared_with_their_band(file, digits, tmp_path, value, inside):
    results_of(tmp_path, digits, 90.0, 91.0, 92.0)
    reference.update(tmp_path, tmp_path / "page.md")
    (row,), without = reference.compare(results_of(tmp_path, digits, value, value), [NAME, "not_run"])
    assert (row.number, row.inside, row.low, row.high) == (f"{NAME}.widest_accuracy", inside, 88.0, 94.0)
    assert without == []


def test_a_kind_of_run_without_reference_is_named(file, digits, tmp_path):
    assert reference.compare(results_of(tmp_path, digits, 90.0, 91.0), [NAME]) == (
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


def test_a_full_run_that_lacks_a_system_writes_nothing(file, digits, tmp_path):
    content = json.loads(file.read_text())
    content["systems"][0]["number"] = "08_lenet5.b2_test"
    file.write_text(json.dumps(content))
    results_of(tmp_path, digits, 97.0, 98.0)
    full_run(tmp_path)
    with pytest.raises(LabkitError, match=r"lacks 08_lenet5\.b2_test: run `labkit run 08_lenet5"):
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


def test_a_band_is_found_by_profile_data_and_number():
    known = reference.read_reference()["bands"]["quick profile, embedded digits"]
    name, band = next(iter(known.items()))
    assert reference.band_of("quick", "embedded digits", name) == (band["low"], band["high"])
    assert reference.band_of("quick", "MNIST, or something else", name) is None
    assert reference.band_of("quick", "embedded digits", f"{name}x") is None
