"""Every static claim of the notebooks beside their results: of the quick run, and of the stored full one."""

import importlib
import os
import re
from pathlib import Path

import pandas as pd
import pytest
from claims import Lacking, Results

from labkit import CHECKOUT
from labkit.course.upkeep.completeness import unclaimed
from labkit.course.upkeep.twin import read_twin
from labkit.report.reference import read_reference, reference_table
from labkit.report.results import read_results

SOURCES = sorted((CHECKOUT / "notebooks" / "source").glob("*.py"))
CLAIMS = {path.stem: importlib.import_module(f"claims.nb{path.stem[:2]}").CLAIMS for path in SOURCES}


def quick_folder():
    folder = Path(os.environ.get("LABKIT_TRAINED", "")).parent
    if not os.environ.get("LABKIT_TRAINED") or not (folder / "results.json").exists():
        pytest.skip("no run of the notebooks is here: `make test` makes one and names its folder in LABKIT_TRAINED")
    return folder


def quick(stem):
    folder = quick_folder()
    section = read_results(folder / "results.json")["notebooks"][stem]
    numbers = {name: entry["value"] for name, entry in section["numbers"].items()}
    return Results("quick", numbers, {n: pd.read_csv(folder / entry["csv"]) for n, entry in section["tables"].items()})


def full(stem):
    reference = read_reference()
    bands = {
        name: band for kind, of in reference["bands"].items() if kind.startswith("full") for name, band in of.items()
    }
    numbers = {
        name.split(".")[1]: band.get("mean", (band["low"] + band["high"]) / 2)
        for name, band in bands.items()
        if name.startswith(f"{stem}.")
    }
    names = [name for name in reference["tables"] if name.startswith(f"{stem}.")]
    return Results("full", numbers, {name.split(".")[1]: reference_table(name) for name in names})


@pytest.mark.parametrize("stem", CLAIMS)
def test_claims_stand_in_the_notebook(stem):
    text = "\n".join(read_twin(CHECKOUT / "notebooks" / "source" / f"{stem}.py").paragraphs)
    assert [claim.words for claim in CLAIMS[stem] if " ".join(claim.words.split()) not in text] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_to_notice_is_a_question_or_a_claim_that_is_tried(path):
    claims = [" ".join(claim.words.split()) for claim in CLAIMS[path.stem]]
    assert unclaimed(read_twin(path).paragraphs, claims) == []


@pytest.mark.parametrize("results", [quick, full], ids=["quick", "full"])
@pytest.mark.parametrize("stem", CLAIMS)
def test_claims_hold(stem, results):
    found = results(stem)
    false = []
    for claim in CLAIMS[stem]:
        if claim.holds is None or claim.only not in ("", found.kind):
            continue
        try:
            held = claim.holds(found)
        except Lacking:
            held = found.kind == "full"  # not stored; a quick run makes all that its text speaks of
        if not held:
            false.append(claim.words)
    assert false == []


def test_the_template_does_not_say_a_unit_that_a_number_has():
    notebooks = read_results(quick_folder() / "results.json")["notebooks"]
    template = (CHECKOUT / "report_template.md").read_text(encoding="utf-8")
    placed = re.findall(r'number\("(\w+)\.(\w+)"\) >>\W*(\w+)', template)
    assert len(placed) > 10
    assert [names for *names, word in placed if word == notebooks[names[0]]["numbers"][names[1]]["unit"]] == []
