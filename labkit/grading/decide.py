"""One decision about a grade: checked, written into the ledger, and counted in."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from labkit.basics.errors import UsageError
from labkit.grading.judging.batch_progress import tell
from labkit.grading.records.ledger import LATE, TAKEN_BACK, Entry, append_entry, new_entry
from labkit.grading.records.policy import Policy, read_moment
from labkit.grading.records.totals import Total, faults
from labkit.grading.recount import Counted, count, recount
from labkit.grading.texts import clean

NUMBER = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,6})?")
SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s*%")


def decide(
    out: Path,
    who: str,
    reason: str,
    item: str = "",
    points: str = "",
    adjust: str = "",
    late: str = "",
    until: str = "",
    excuse: bool | None = None,
) -> Entry:
    """Append one line to the ledger of a night's folder, make all grades again, and say which totals it changes.

    The texts are those of `labkit regrade`; exactly one of the last five decides. UsageError, and nothing is written,
    for what cannot be: somebody or something unknown, more points than there are, several decisions at once.
    """
    before = count(out)
    entry = _entry(before.policy, who, reason, item, points, adjust, late, until, excuse)
    if fault := faults(before.rows, before.batch, [entry], before.policy).get(entry):
        raise UsageError(f"Nothing was written: {fault}" + ("" if fault.endswith("?") else "."))
    tell(f"Ledger: {append_entry(out, entry)}")
    for sentence in _changes(before, recount(out)):
        tell(f"- {sentence}")
    return entry


def _entry(
    policy: Policy,
    who: str,
    reason: str,
    item: str,
    points: str,
    adjust: str,
    late: str,
    until: str,
    excuse: bool | None,
) -> Entry:
    given = {"--points": points, "--adjust": adjust, "--late": late, "--extension-until": until, "--excuse": excuse}
    chosen = [name for name, value in given.items() if value not in ("", None)]
    if len(chosen) != 1:
        raise UsageError(f"Give one of {', '.join(given)}, not {' and '.join(chosen) or 'none'}.")
    if not clean(reason):
        raise UsageError("Give a reason with --reason: it stands in the ledger, and whom it concerns reads it.")
    if bool(item) != (chosen == ["--points"]):
        raise UsageError("Name an exercise, as 5.2, or a part, as report, with --points, and with nothing else.")
    if points:
        return new_entry(who, "regrade", reason, item=item, points=_number("--points", points))
    if adjust:
        return new_entry(who, "adjust", reason, **_adjustment(adjust))
    if late:
        return new_entry(who, "override", reason, item=LATE, late=late)
    if until:
        return new_entry(who, "extension", reason, until=_until(policy, until))
    return new_entry(who, "excuse", reason, item="" if excuse else TAKEN_BACK)


def _number(name: str, text: str) -> Decimal:
    if not NUMBER.fullmatch(text.strip()):
        raise UsageError(f"{name} needs a number, as 3 or 2.5, and is {clean(text, 40)!r}.")
    return Decimal(text.strip())


def _adjustment(text: str) -> dict[str, Any]:
    if share := SHARE.fullmatch(text.strip()):
        return {"factor": Decimal(share[1]) / 100}
    return {"points": _number("--adjust", text)}


def _until(policy: Policy, text: str) -> str:
    """Return a due date with its offset, so that it stays the same moment whatever course.toml says later."""
    if policy.late is None:
        raise UsageError("Nothing was written: course.toml has no due date that could be extended.")
    try:
        return read_moment(text, policy.late.zone).astimezone(policy.late.zone).isoformat()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"Nothing was written: {error}.") from error


def _changes(before: Counted, after: Counted) -> list[str]:
    """Say what became of each total that is another one now."""
    old = {(total.submission, total.person): total for total in before.totals}
    pairs = [(old.get((new.submission, new.person), new), new) for new in after.totals]
    changed = [
        f"{new.submission}, {_name(new)}: {_shown(was)} became {_shown(new)}. {new.story}"
        for was, new in pairs
        if (was.points, was.excused) != (new.points, new.excused)
    ]
    return changed or ["No total changes by it."]


def _name(total: Total) -> str:
    person = total.person
    return clean(person.name or person.login or person.email or person.id, 80)


def _shown(total: Total) -> str:
    return "excused" if total.excused else "no total" if total.points is None else str(total.points)
