"""Brightspace: "397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM", a folder an attempt, or a file behind it.

The pair of numbers is the person in this folder of submissions; a later time is a later attempt.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from labkit.grading.intake.platforms.platform import Entries, Platform, Reading
from labkit.grading.intake.uploads import Upload

PERSON = r"(?P<user>\d{1,20}-\d{1,20}) - (?P<name>.+?) - "
FORM = re.compile(
    PERSON + r"(?P<when>[A-Za-z]{3,9}\.? \d{1,2}, \d{4} \d{3,4} [AP]M)(?: - (?P<file>.+))?", re.ASCII | re.DOTALL
)
# The time as other languages write it, which sorts nothing.
OTHER = re.compile(PERSON.replace("+?", "+") + r"(?P<when>(?=[^/]*\b\d{4}\b)[^/]+?)(?P<file>)", re.ASCII | re.DOTALL)


def fits(name: str) -> bool:
    """Whether a name is one that Brightspace writes."""
    return bool(FORM.fullmatch(name) or OTHER.fullmatch(name))


def read(entries: Entries, known: Collection[str] = ()) -> Reading:
    """Return the uploads of all entries that fit, with the time of each attempt."""
    uploads, unread = [], 0
    for entry, members in entries.items():
        match = FORM.fullmatch(entry) or OTHER.fullmatch(entry)
        if not match:
            continue
        moment = _moment(match["when"])
        unread += not moment
        uploads.append(
            Upload(
                entry,
                match["name"],
                match["user"],
                False,
                int(f"{moment:%Y%m%d%H%M}") if moment else 0,
                match["file"] or entry,
                tuple(members),
                submitted=moment.isoformat() if moment else "",
            )
        )
    told = f"The times of {unread} attempts cannot be read: set Brightspace to English, and download again."
    return Reading(uploads, told=(told,) if unread else ())


def _moment(text: str) -> datetime | None:
    """Return the time that "Sep 24, 2024 926 PM" says, in the zone of whoever downloaded it."""
    words = text.replace(".", "").split()
    if len(words) != 5:
        return None
    words[3] = words[3].zfill(4)
    for form in ("%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p"):
        try:
            return datetime.strptime(" ".join(words), form)
        except ValueError:
            continue
    return None


BRIGHTSPACE = Platform("brightspace", "Brightspace", "people", fits, read, frozenset({"index.html"}))
