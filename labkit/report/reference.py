"""What the lab's systems reach: a user's own numbers beside reference bands, and the page that reports the reference.

reference.json holds `systems` (written by hand: what others reported, and which number of ours answers it), `remarks`
on how they were measured, for each profile and data set `bands`, and the `tables` of full runs on the real data, which
stand beside those of embedded images. Bands and tables are written by `update` from a results.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.report.results import read_results
from labkit.report.uncertainty import t_quantile

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("reference.json")
LEVEL = 0.99  # of the interval of the difference of two means over as many seeds, which is half a band
NARROWEST = 0.3  # percentage points: results differ that much between processors and versions of torch,
IMAGES = 21.0  # and by about one standard error of the images where these are few: 1.0 points for 450
WIDEST = 5.0  # percentage points: half a band that is wider would let anything pass
LONGEST_TABLE = 40  # rows


@dataclass(frozen=True)
class Checked:
    """One number of the user's beside the reference: `low` and `high` bound the band, in percent.

    inside: None for a number that differs so much between runs that its band would let anything pass.
    """

    number: str
    text: str
    low: float
    high: float
    inside: bool | None


def check_numbers(results: dict[str, Any], notebooks: Sequence[str]) -> tuple[list[Checked], list[str]]:
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
                narrow = band["high"] - band["low"] <= 2 * WIDEST
                inside = band["low"] <= number["value"] <= band["high"] if narrow else None
                rows.append(Checked(f"{name}.{key}", number["text"], band["low"], band["high"], inside))
    return rows, sorted(set(without))


def band_of(profile: str, data: str, number: str) -> tuple[float, float] | None:
    """Return the band, in percent, of a number ("05_mlp1_sweep.widest_accuracy"); None where none says anything.

    profile: "quick" or "full". data: the name of the data set, as its provenance tells it ("embedded digits").
    """
    band = _stored()["bands"].get(f"{profile} profile, {data}", {}).get(number)
    return (band["low"], band["high"]) if band and band["high"] - band["low"] <= 2 * WIDEST else None


@cache
def _stored() -> dict[str, Any]:
    return read_reference()


def reference_table(name: str) -> pd.DataFrame | None:
    """Return a table ("05_mlp1_sweep.accuracy_by_width") of the stored full run on real data; None for none."""
    import pandas as pd

    stored = _stored()["tables"].get(name)
    if stored is None:
        return None
    table = pd.DataFrame(stored["rows"], columns=stored["columns"])
    table.attrs["label"] = stored["label"]
    return table


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
    tables = reference.setdefault("tables", {})
    for name, section in results["notebooks"].items():
        bands = reference["bands"].setdefault(_kind(section), {})
        for key in [key for key in bands if key.startswith(f"{name}.")]:
            del bands[key]
        for key, number in section["numbers"].items():
            if number["split"] and number["unit"] == "%" and "spread" in number:
                half = _half_band(number)
                low, high = max(0.0, number["value"] - half), min(100.0, number["value"] + half)
                mean = round(number["value"], 3)
                bands[f"{name}.{key}"] = {"low": round(low, 2), "high": round(high, 2), "mean": mean}
        if section["profile"] == "full" and section["data"]["real"]:
            tables |= _tables_of(name, section, folder)
    reference["tables"] = dict(sorted(tables.items()))
    reference["bands"] = {kind: dict(sorted(bands.items())) for kind, bands in sorted(reference["bands"].items())}
    files: dict[Path, str] = {FILE: json.dumps(reference, indent=1, ensure_ascii=False) + "\n"}
    if all(section["profile"] == "full" and section["data"]["real"] for section in results["notebooks"].values()):
        files[page] = _page(results, reference["systems"], reference["remarks"])
    for path, text in files.items():
        write_atomically(path, text)
    return list(files)


def _half_band(number: dict[str, Any]) -> float:
    """Return half the band of a mean, in points: another run's mean over as many seeds lies in it 99 times of 100."""
    count = len(number["values"])
    chance = t_quantile(LEVEL, count) * float(number["spread"]) * math.sqrt(2 / count)
    return chance + max(NARROWEST, IMAGES / math.sqrt(number["n"]))


def _tables_of(name: str, section: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the tables of a notebook as reference.json keeps them: short ones, numbers with six digits."""
    import pandas as pd

    kept = {}
    for key, entry in section["tables"].items():
        table = pd.read_csv(folder / entry["csv"], keep_default_na=False, na_values=["nan", ""])
        if len(table) <= LONGEST_TABLE:
            rows = json.loads(table.to_json(orient="values", double_precision=6))
            label = f"{section['data']['name']}, {section['profile']} profile"
            kept[f"{name}.{key}"] = {"label": label, "columns": list(table.columns), "rows": rows}
    return kept


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
