"""Do the numbers reproduce? Those that a submission claims, beside those of the re-run."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from labkit.course.review import TIMES
from labkit.grading.intake.reading.claims import MOST_NUMBERS, Claims, Number
from labkit.grading.texts import clean
from labkit.report.reference import band_of

LONGEST = 200  # characters of a number's name or text
SHOWN = re.compile(r"(-?\d[\d,]{0,30})(\.\d{1,15})?(?![\d.])", re.ASCII)  # a number at the beginning of a text


def compare_numbers(claimed: Claims | None, again: Claims | None, notebook: str) -> dict[str, dict[str, Any]]:
    """Return what each number of a notebook is claimed to be, what the re-run gave, and whether they are the same.

    claimed, again: what the submission's results.json says, and that of the re-run; untrusted code wrote both.
    Each entry has "claimed" and "found", the numbers as texts, None where a side has none, and "same": whether the
    texts are equal, or the values differ by no more than the spread of the re-run. The claimed spread does not count:
    a wide one would make every claim right. Times are left out, unless only the claim calls them so.
    Where the reference knows the number, "band" has its value in the re-run, and the bounds of its band, in percent.
    """
    claims = claimed.numbers if claimed else {}
    results = again.numbers if again else {}
    compared: dict[str, dict[str, Any]] = {}
    for name in islice(dict.fromkeys((*results, *claims)), MOST_NUMBERS):
        claim, result = claims.get(name), results.get(name)
        if result and result.unit in TIMES:
            continue
        # The text is what a report shows, so the claim is what it says; an invisible letter makes another name.
        key = name if name == clean(name) else ascii(name)
        entry: dict[str, Any] = {"claimed": _text(claim), "found": _text(result), "same": _same(claim, result)}
        band = band_of(again.profile, again.data, f"{notebook}.{name}") if again else None
        if result and result.value is not None and band:
            entry["band"] = [result.value, *band]
        compared[key[:LONGEST]] = entry
    return compared


def other_setting(claimed: Claims | None, again: Claims | None) -> str:
    """Say that the claims were made with another profile, other seeds or other images; empty when they were not.

    Such numbers may differ and be right: the re-run of a night is often in the quick profile.
    """
    if not claimed or not again or not claimed.data or not again.data or claimed.setting == again.setting:
        return ""
    texts = [f"{clean(run.profile)[:40]} profile on {clean(run.data)[:40]}" for run in (claimed, again)]
    if texts[0] == texts[1]:
        return f"Its numbers are claimed for other seeds or other images ({texts[0]}) than those of the re-run."
    return f"Its numbers are claimed for another setting ({texts[0]}) than that of the re-run ({texts[1]})."


def _text(number: Number | None) -> str | None:
    """Return a number as it is shown; None where there is none."""
    return clean(number.text)[:LONGEST] if number and number.text is not None else None


def _same(claim: Number | None, result: Number | None) -> bool:
    """Whether a claim holds; one whose text says something else than its value never does, unless the text is found."""
    if not claim or not result or claim.text is None or result.text is None:
        return False
    if claim.text == result.text:
        return True
    shown = SHOWN.match(clean(claim.text))
    if claim.value is None or result.value is None or shown is None:
        return False
    rounding = 0.5 * 10.0 ** -max(0, len(shown[2] or "") - 1)
    says = float(shown[0].replace(",", ""))
    return abs(says - claim.value) <= 1.001 * rounding and abs(claim.value - result.value) <= (result.spread or 0)
