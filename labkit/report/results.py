"""The format of results.json: what the notebooks of a run made, each thing with its provenance."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from labkit.basics.errors import LabkitError, first_line
from labkit.data.known import KNOWN
from labkit.data.places import NAMES

FORMAT = 1


def read_results(path: Path) -> dict[str, Any]:
    """Read a results.json; LabkitError when it is missing, damaged, or of another format."""
    if not path.exists():
        raise LabkitError(f"{path} does not exist: run `labkit run` first, or name the folder that holds results.json.")
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fits = results["format"] == FORMAT
        for section in results["notebooks"].values() if fits else ():
            files_of(section)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LabkitError(
            f"{path} is damaged ({first_line(error)}): move it away and run the notebooks again."
        ) from error
    if not fits:
        raise LabkitError(f"{path} was written by another version of labkit: move it away and run the notebooks again.")
    return results


def files_of(section: dict[str, Any]) -> list[str]:
    """Return the files of one notebook's figures and tables, relative to the folder of results.json."""
    figures = [entry[key] for entry in section["figures"].values() for key in ("png", "svg")]
    return figures + [entry["csv"] for entry in section["tables"].values()]


def describe(entry: dict[str, Any], section: dict[str, Any]) -> str:
    """Return a caption with the provenance behind it: split, n, seeds, profile, and data where images were needed."""
    data = section["data"]
    name = f"{data['name']} from {data['origin']}" if "lossy" in data["origin"] else data["name"]
    named = [name] if entry["split"] or stands_in(data) else []
    return f"{entry['caption']} ({', '.join([*seen(entry), *named, section['profile'] + ' profile'])}.)"


def stands_in(data: dict[str, Any]) -> bool:
    """Whether images of another set were used in MNIST's or CIFAR-10's place, which every caption then names."""
    return bool(data["real"]) and data["name"] not in [KNOWN[name].title for name in NAMES]


def describe_number(entry: dict[str, Any]) -> str:
    """Return a number with, in brackets, where its spread comes from: seeds, test images, timings."""
    details = seen(entry)
    if "image_error" in entry:
        count = len(entry["seeds"])
        seeds = f"between {count} seeds" if count > 1 else f"seed {entry['seeds'][0]}"
        details = [f"{seeds}; ± {entry['image_error']:.1f} from {entry['n']:,} {entry['split']} images"]
    if entry["statistic"] == "median [quartiles]":
        details.append(f"median and quartiles of {len(entry['values'])} timings")
    if entry["statistic"] == "share":
        details = [f"share of the time of {len(entry['values'])} networks trained together"]
    return entry["text"] + (f" ({', '.join(details)})" if details else "")


def seen(entry: dict[str, Any]) -> list[str]:
    """Return the split, n and number of seeds of an artefact, as far as it has them."""
    details = [f"{entry['split']} split, n = {entry['n']:,}"] if entry["split"] else []
    count = len(entry["seeds"])
    return details + ([f"{count} seeds" if count > 1 else f"seed {entry['seeds'][0]}"] if count else [])


def short_number(entry: dict[str, Any]) -> str:
    """Return a number as a sentence has room for it: with its spread, and a median without its quartiles."""
    text: str = entry["text"]
    return re.sub(r" \[[^\]]*\]", "", text) if entry["statistic"] == "median [quartiles]" else text


def unusual(entry: dict[str, Any], section: dict[str, Any]) -> list[str]:
    """Return in what an artefact differs from what a report's Methods say of all: images, split, how many, seeds."""
    split, count = entry["split"], len(entry["seeds"])
    details = [section["data"]["name"]] if stands_in(section["data"]) else []
    if split and (split != "test" or entry["n"] != section["data"]["test"]):
        details.append(f"{split} split, n = {entry['n']:,}")
    if count and count != len(section["seeds"]):
        details.append(f"{count} seeds" if count > 1 else f"seed {entry['seeds'][0]}")
    return details
