"""Do the numbers reproduce? Those that a submission claims, beside those of the re-run.

Both sides were written by code that nobody trusts: a results.json may hold anything that is JSON.
"""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import Any

from labkit.course.review import TIMES
from labkit.grading.texts import plain_text
from labkit.report.reference import band_of

MOST = 500  # numbers of a notebook; the course's have about ten
LONGEST = 200  # characters of a number's name or text
SHOWN = re.compile(r"(-?\d[\d,]{0,30})(\.\d{1,15})?(?![\d.])", re.ASCII)  # a number at the beginning of a text


def compare_numbers(claimed: Any, found: Any, notebook: str) -> dict[str, dict[str, Any]]:
    """Return what each number of a notebook is claimed to be, what the re-run gave, and whether they are the same.

    claimed, found: contents of results.json; None or anything else counts as empty.
    Each entry has "claimed" and "found", the numbers as texts, None where a side has none, and "same": whether the
    texts are equal, or the values differ by no more than the spread of the re-run. The claimed spread does not count:
    a wide one would make every claim right. Times are left out, unless only the claim calls them so.
    Where the reference knows the number, "band" has its value in the re-run, and the bounds of its band, in percent.
    """
    ours, theirs = _section(found, "numbers", notebook), _section(claimed, "numbers", notebook)
    compared: dict[str, dict[str, Any]] = {}
    profile, data, *_ = _setting(found, notebook) or ("", "")
    for name in islice(dict.fromkeys((*ours, *theirs)), MOST):
        first, second = theirs.get(name), ours.get(name)
        if isinstance(second, dict) and second.get("unit") in TIMES:
            continue
        # The text is what a report shows, so the claim is what it says; an invisible letter makes another name.
        key = name if name == plain_text(name) else ascii(name)
        entry: dict[str, Any] = {"claimed": _text(first), "found": _text(second), "same": _same(first, second)}
        value = _decimal(second.get("value")) if isinstance(second, dict) else None
        band = band_of(profile, data, f"{notebook}.{name}")
        if value is not None and band:
            entry["band"] = [value, *band]
        compared[key[:LONGEST]] = entry
    return compared


def other_setting(claimed: Any, found: Any, notebook: str) -> str:
    """Say that the claims were made with another profile, other seeds or other images; empty when they were not.

    Such numbers may differ and be right: the re-run of a night is often in the quick profile.
    """
    before, again = _setting(claimed, notebook), _setting(found, notebook)
    if not before or not again or before == again:
        return ""
    texts = [f"{plain_text(profile)[:40]} profile on {plain_text(data)[:40]}" for profile, data, *_ in (before, again)]
    if texts[0] == texts[1]:
        return f"Its numbers are claimed for other seeds or other images ({texts[0]}) than those of the re-run."
    return f"Its numbers are claimed for another setting ({texts[0]}) than that of the re-run ({texts[1]})."


def _section(results: Any, key: str, notebook: str) -> dict[str, Any]:
    """Return results["notebooks"][notebook][key] where all of these are dicts, else an empty one."""
    for step in ("notebooks", notebook, key):
        results = results.get(step) if isinstance(results, dict) else None
    return results if isinstance(results, dict) else {}


def _setting(results: Any, notebook: str) -> tuple[str, ...]:
    """Return profile, data, fingerprint and seeds of a notebook's results as texts; empty where it has none."""
    data = _section(results, "data", notebook)
    if not data:
        return ()
    section = results["notebooks"][notebook]
    seeds = section.get("seeds")
    whole = isinstance(seeds, list) and all(isinstance(seed, int) for seed in seeds[:MOST])
    texts = (section.get("profile"), data.get("name"), data.get("fingerprint"), str(seeds[:MOST]) if whole else "")
    return tuple(text if isinstance(text, str) else "" for text in texts)


def _text(number: Any) -> str | None:
    """Return a number as it is shown; None where there is none."""
    text = number.get("text") if isinstance(number, dict) else None
    return plain_text(text)[:LONGEST] if isinstance(text, str) else None


def _same(claimed: Any, found: Any) -> bool:
    """Whether a claim holds; a claim whose text says something else than its value never does, unless it is found."""
    texts = _text(claimed), _text(found)
    if texts[0] is None or texts[1] is None:
        return False
    if claimed["text"] == found["text"]:
        return True
    value, again, spread = _decimal(claimed.get("value")), _decimal(found.get("value")), _decimal(found.get("spread"))
    shown = SHOWN.match(texts[0])
    if value is None or again is None or shown is None:
        return False
    rounding = 0.5 * 10.0 ** -max(0, len(shown[2] or "") - 1)
    says = float(shown[0].replace(",", ""))
    return abs(says - value) <= 1.001 * rounding and abs(value - again) <= (spread or 0)


def _decimal(value: Any) -> float | None:
    """Return a finite number as a decimal, None for everything else."""
    try:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:
        return None
