"""What the lab's systems reach: a user's own numbers beside reference bands, and the page that reports the reference.

reference.json holds `systems` (written by hand: what others reported, and which number of ours answers it), `remarks`
on how they were measured, and for each profile and data set `bands` (written by `update` from a results.json).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.report.results import read_results

FILE = Path(__file__).with_name("reference.json")
WIDTH = 3.0  # half a band, in standard deviations of a single run
NARROWEST = 0.3  # percentage points: results differ that much between processors and versions of torch


@dataclass(frozen=True)
class Comparison:
    """One number of the user's beside the reference: `low` and `high` bound the band, in percent."""

    number: str
    text: str
    low: float
    high: float
    inside: bool


def compare(results: dict[str, Any], notebooks: Sequence[str]) -> tuple[list[Comparison], list[str]]:
    """Compare the numbers of `notebooks` with their bands.

    Returns the comparisons, and the kinds of run ("quick profile, MNIST") that have no reference.
    """
    bands = read_reference()["bands"]
    rows, without = [], []
    for name in notebooks:
        section = results["notebooks"].get(name)
        if section is None:
            continue
        kind = _kind(section)
        if kind not in bands:
            without.append(kind)
        for key, number in section["numbers"].items():
            if band := bands.get(kind, {}).get(f"{name}.{key}"):
                inside = band["low"] <= number["value"] <= band["high"]
                rows.append(Comparison(f"{name}.{key}", number["text"], band["low"], band["high"], inside))
    return rows, sorted(set(without))


def band_of(profile: str, data: str, number: str) -> tuple[float, float] | None:
    """Return the band, in percent, of a number ("05_mlp1_sweep.widest_accuracy"); None where there is none.

    profile: "quick" or "full". data: the name of the data set, as its provenance tells it ("embedded digits").
    """
    band = _bands().get(f"{profile} profile, {data}", {}).get(number)
    return (band["low"], band["high"]) if band else None


@cache
def _bands() -> dict[str, Any]:
    bands: dict[str, Any] = read_reference()["bands"]
    return bands


def read_reference() -> dict[str, Any]:
    """Read reference.json, which is part of the package."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def update(folder: Path, page: Path) -> list[Path]:
    """Write the bands of every notebook in `folder`'s results.json; from full runs on real data also the `page`.

    Returns the files that were written. Raises LabkitError, before anything is written, when a system's number is
    missing from a full run.
    """
    results = read_results(folder / "results.json")
    reference = read_reference()
    for name, section in results["notebooks"].items():
        bands = reference["bands"].setdefault(_kind(section), {})
        for key in [key for key in bands if key.startswith(f"{name}.")]:
            del bands[key]
        for key, number in section["numbers"].items():
            if number["split"] and number["unit"] == "%" and "spread" in number:
                half = max(WIDTH * number["spread"], NARROWEST)
                low, high = max(0.0, number["value"] - half), min(100.0, number["value"] + half)
                bands[f"{name}.{key}"] = {"low": round(low, 2), "high": round(high, 2)}
    reference["bands"] = {kind: dict(sorted(bands.items())) for kind, bands in sorted(reference["bands"].items())}
    files: dict[Path, str] = {FILE: json.dumps(reference, indent=1, ensure_ascii=False) + "\n"}
    if all(section["profile"] == "full" and section["data"]["real"] for section in results["notebooks"].values()):
        files[page] = _page(results, reference["systems"], reference["remarks"])
    for path, text in files.items():
        write_atomically(path, text)
    return list(files)


def _kind(section: dict[str, Any]) -> str:
    return f"{section['profile']} profile, {section['data']['name']}"


def _page(results: dict[str, Any], systems: list[dict[str, Any]], remarks: list[str]) -> str:
    """Return docs/reference-results.md."""
    lines = [
        "# Reference results",
        "",
        "What the systems of this course reach on the real data, beside what others reported for them. Written by",
        "`make reference DATA=FOLDER`, which runs",
        "",
        "    LABKIT_THREADS=1 labkit run --profile full --data FOLDER --out out/reference",
        "    labkit reference out/reference",
        "",
        "where FOLDER holds MNIST and CIFAR-10. Accuracies are in percent, over all images of the split: mean ± sample",
        "standard deviation over the seeds. Time is that of the training steps of one run, in seconds.",
        "",
        *_machines(results),
        *[f"- {remark}" for remark in remarks],
        "",
        "| system | setting | reported | ours | split, n, seeds | time (s) |",
        "|---|---|---:|---:|---|---:|",
    ]
    notes: list[str] = []
    for system in systems:
        number = _number(results, system["number"])
        mark = ""
        if note := system.get("note"):
            if note not in notes:
                notes.append(note)
            mark = f" [{notes.index(note) + 1}]"
        seconds = _number(results, system["seconds"])["text"].removesuffix(" s") if system.get("seconds") else "-"
        scope = f"{number['split']}, {number['n']:,}, {len(number['seeds'])}"
        ours = number["text"].removesuffix(" %")
        lines.append(
            f"| {system['system']} | {system['setting']}{mark} | {system['reported']} | {ours} | {scope} | {seconds} |"
        )
    lines += ["", "## Notes", "", *[f"{index}. {note}" for index, note in enumerate(notes, 1)], ""]
    return "\n".join(lines)


def _machines(results: dict[str, Any]) -> list[str]:
    """Return one line a machine, and one a data set."""
    lines = set()
    for section in results["notebooks"].values():
        machine, data = section["machine"], section["data"]
        lines.add(
            f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['threads']} thread(s), "
            f"{machine['device']}, torch {machine['torch']}, Python {machine['python']}."
        )
        lines.add(f"- {data['name']}: {data['origin']}.")
    return sorted(lines, reverse=True)


def _number(results: dict[str, Any], name: str) -> dict[str, Any]:
    notebook, key = name.split(".")
    try:
        number: dict[str, Any] = results["notebooks"][notebook]["numbers"][key]
    except KeyError as error:
        raise LabkitError(f"results.json lacks {name}: run `labkit run {notebook} --profile full` first.") from error
    return number
