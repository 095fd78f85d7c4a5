"""How late something was handed in, and what that costs, by labkit's policy or by Canvas' own.

All times are instants, so a day is 24 hours, also where the clocks change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from labkit.grading.records.policy import Late
from labkit.grading.texts import plain


def read_submitted(text: str, zone: ZoneInfo) -> datetime | None:
    """Return when something was handed in, in UTC; without an offset it is read in `zone`. None for no such time.

    A time that comes twice, as the clocks go back, is the earlier one.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        return min(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None


def how_late(
    late: Late, submitted: str, flagged: bool, until: datetime | None = None, said: timedelta | None = None
) -> timedelta | None:
    """Return the time from the due date to the handing in, never below zero; None for late, and nobody knows how much.

    submitted: as in HandedIn. flagged: whether the platform calls it late. until: a due date of their own, which
    counts where it is later. said: how late a person says it was, from the policy's due date on.
    """
    due = max(late.due, until or late.due)
    moment = read_submitted(submitted, late.zone)
    if said is not None:
        elapsed = said - (due - late.due)
    elif moment is not None:
        elapsed = moment - due
    elif flagged:
        return None
    else:
        elapsed = timedelta()
    return max(elapsed, timedelta())


def deduction(late: Late, elapsed: timedelta, possible: Decimal) -> tuple[Fraction, str]:
    """Return the points that lateness costs, at most all that are possible, and what to call it; 0 and "" for none."""
    begun = _begun(elapsed - late.grace, late.interval)
    if not begun:
        return Fraction(), ""
    share = late.off * begun
    named = f"late {begun} {late.per}{'s' if begun > 1 else ''}"
    if share > late.at_most:
        share, named = late.at_most, f"{named}, at most {plain(late.at_most * 100)} %"
    return Fraction(share) * Fraction(possible), named


def canvas_deduction(late: Late, elapsed: timedelta, points: Fraction, possible: Decimal) -> Fraction:
    """Return what Canvas deducts from points by its late policy: no grace, and nothing below the lowest grade.

    The formula is that of instructure/canvas-lms, app/models/late_policy.rb (points_deducted), with the seconds of
    app/models/submission.rb (seconds_late), which are whole.
    """
    begun = _begun(timedelta(seconds=int(elapsed.total_seconds())), late.interval)
    share = points / Fraction(possible)
    most = max(share - Fraction(late.lowest), Fraction())
    return Fraction(possible) * min(Fraction(late.off) * begun, most)


def _begun(elapsed: timedelta, interval: timedelta) -> int:
    """Return how many intervals have begun."""
    return max(0, -(-elapsed // interval))
