"""What the lab's systems reach: a user's own numbers beside reference bands, and the page that reports the reference.

reference.json holds `systems` (written by hand: what others reported, and which number of ours answers it), `remarks`
on how they were measured, and what `update` writes from a results.json: for each profile and data set `bands`; of full
runs on the real data the `tables`, which stand beside embedded ones, `results` of the systems, and `machines`.
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
                inside = band["low"] <= number["value"] <= band["high"] if _tells(band) else None
                rows.append(Checked(f"{name}.{key}", number["text"], band["low"], band["high"], inside))
    return rows, sorted(set(without))


def band_of(profile: str, data: str, number: str) -> tuple[float, float] | None:
    """Return the band, in percent, of a number ("05_mlp1_sweep.widest_accuracy"); None where none says anything.

    profile: "quick" or "full". data: the name of the data set, as its provenance tells it ("embedded digits").
    """
    band = _stored()["bands"].get(f"{profile} profile, {data}", {}).get(number)
    return (band["low"], band["high"]) if band and _tells(band) else None


def _tells(band: dict[str, float]) -> bool:
    """Whether a band is narrow enough to tell anything."""
    return band["high"] - band["low"] <= 2 * WIDEST


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
    """Write what every notebook in `folder`'s results.json gave: bands; from full runs on real data also the `page`.

    The page keeps the results of notebooks that did not run. Returns the files that were written. LabkitError, before
    anything is written, when a notebook lacks the number of a system.
    """
    results = read_results(folder / "results.json")
    reference = read_reference()
    whole = False
    for name, section in results["notebooks"].items():
        _replace(reference["bands"].setdefault(_kind(section), {}), name, _bands_of(section))
        if section["profile"] == "full" and section["data"]["real"]:
            whole = True
            _replace(reference["tables"], name, _tables_of(section, folder))
            _replace(reference["results"], name, _results_of(name, section, reference["systems"]))
            reference["machines"][name] = _machine(section["machine"])
    for part in ("bands", "tables", "results", "machines"):
        reference[part] = dict(sorted(reference[part].items()))
    files = {FILE: json.dumps(reference, indent=1, ensure_ascii=False) + "\n"}
    if whole:
        files[page] = _page(reference)
    for path, text in files.items():
        write_atomically(path, text)
    return list(files)


def _replace(entries: dict[str, Any], notebook: str, fresh: dict[str, Any]) -> None:
    """Put a notebook's entries in place of its old ones; all are kept in the order of their names."""
    others = {name: entry for name, entry in entries.items() if not name.startswith(f"{notebook}.")}
    entries.clear()
    entries.update(sorted((others | {f"{notebook}.{key}": entry for key, entry in fresh.items()}).items()))


def _bands_of(section: dict[str, Any]) -> dict[str, Any]:
    bands = {}
    for key, number in section["numbers"].items():
        if number["split"] and number["unit"] == "%" and "spread" in number:
            half, mean = _half_band(number), number["value"]
            low, high = round(max(0.0, mean - half), 2), round(min(100.0, mean + half), 2)
            bands[key] = {"low": low, "high": high, "mean": round(mean, 3)}
    return bands


def _half_band(number: dict[str, Any]) -> float:
    """Return half the band of a mean, in points: another run's mean over as many seeds lies in it 99 times of 100."""
    count = len(number["values"])
    chance = t_quantile(LEVEL, count) * float(number["spread"]) * math.sqrt(2 / count)
    return chance + max(NARROWEST, IMAGES / math.sqrt(number["n"]))


def _tables_of(section: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the tables of a notebook as reference.json keeps them: short ones, numbers with six digits."""
    import pandas as pd

    kept = {}
    for key, entry in section["tables"].items():
        table = pd.read_csv(folder / entry["csv"], keep_default_na=False, na_values=["nan", ""])
        if len(table) <= LONGEST_TABLE:
            rows = json.loads(table.to_json(orient="values", double_precision=6))
            label = f"{section['data']['name']}, {section['profile']} profile"
            kept[key] = {"label": label, "columns": list(table.columns), "rows": rows}
    return kept


def _results_of(name: str, section: dict[str, Any], systems: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page says of a notebook's systems."""
    found = {}
    for wanted in [system.get(key) for system in systems for key in ("number", "seconds")]:
        notebook, _, key = (wanted or "").partition(".")
        if notebook != name:
            continue
        if key not in section["numbers"]:
            raise LabkitError(f"results.json lacks {wanted}: run `labkit run {name} --profile full` first.")
        number = section["numbers"][key]
        found[key] = {"text": number["text"].removesuffix(f" {number['unit']}")}
        if number["split"]:
            found[key] |= {"split": number["split"], "n": number["n"], "seeds": len(number["seeds"])}
    return found


def _kind(section: dict[str, Any]) -> str:
    return f"{section['profile']} profile, {section['data']['name']}"


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} thread(s), {machine['device']}, "
        f"torch {machine['torch']}, Python {machine['python']}"
    )


def _page(reference: dict[str, Any]) -> str:
    """Return docs/reference-results.md."""
    lines = [
        "# Reference results",
        "",
        "What the systems of this course reach on the real data, beside what others reported for them. Written by",
        "`make reference DATA=FOLDER`, which runs",
        "",
        "    labkit run --profile full --data FOLDER --out out/reference",
        "    labkit reference out/reference",
        "",
        "where FOLDER holds MNIST and CIFAR-10. Accuracies are in percent, over all images of the split: mean ± sample",
        "standard deviation over the seeds. Time is that of the training steps of one run, in seconds; without ± it is",
        "the share of a training of several networks together.",
        "",
        *_machine_lines(reference["machines"]),
        *[f"- {remark}" for remark in reference["remarks"]],
        "",
        "| system | setting | reported | ours | split, n, seeds | time (s) |",
        "|---|---|---:|---:|---|---:|",
    ]
    notes: list[str] = []
    for system in reference["systems"]:
        ours = reference["results"].get(system["number"])
        if ours is None:
            raise LabkitError(f"Nobody has run {system['number']} yet: `labkit run --profile full` on the real data.")
        mark = ""
        if note := system.get("note"):
            if note not in notes:
                notes.append(note)
            mark = f" [{notes.index(note) + 1}]"
        seconds = reference["results"].get(system.get("seconds"), {"text": "-"})["text"]
        scope = f"{ours['split']}, {ours['n']:,}, {ours['seeds']}"
        cells = (system["system"], system["setting"] + mark, system["reported"], ours["text"], scope, seconds)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Notes", "", *[f"{index}. {note}" for index, note in enumerate(notes, 1)], ""]
    return "\n".join(lines)


def _machine_lines(machines: dict[str, str]) -> list[str]:
    """Return one line per machine, with the notebooks that ran on it where there are several."""
    by_machine: dict[str, list[str]] = {}
    for notebook, machine in machines.items():
        by_machine.setdefault(machine, []).append(notebook[:2])
    several = len(by_machine) > 1
    return [
        f"- Machine{' of notebooks ' + ', '.join(notebooks) if several else ''}: {machine}."
        for machine, notebooks in by_machine.items()
    ]
