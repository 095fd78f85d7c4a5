"""Moodle: "Jane Doe_1234_assignsubmission_file/", one folder a participant and plugin, or one file where it is flat.

The number is the participant's in this assignment, or of a team that of its group; those without a group are one team
without a number. Blind marking calls everybody by one word, in the site's language. Names hold no "_".
"""

from __future__ import annotations

import re
from collections.abc import Collection

from labkit.grading.intake.platforms.platform import Entries, Platform, Reading, is_folder
from labkit.grading.intake.uploads import Upload

# Folders of 3.1 to 4.0 end in "_". A flat file's name stands behind the plugin's.
FORM = re.compile(
    r"(?P<name>[^_]+)(?:_(?P<number>\d{1,20}))?_assignsubmission_(?P<plugin>file|onlinetext|[a-z]+)(?:_(?P<file>.*))?",
    re.ASCII | re.DOTALL,
)
BLIND = 3  # participants of one name, from which on it is nobody's own


def fits(name: str) -> bool:
    """Whether a name is one that Moodle writes."""
    return bool(FORM.fullmatch(name))


def read(entries: Entries, known: Collection[str] = ()) -> Reading:
    """Return the uploads of all entries that fit; a participant's files and online text are one submission."""
    found = {name: match for name in entries if (match := FORM.fullmatch(name))}
    names = {match["name"] for match in found.values()}
    numbers = {match["number"] for match in found.values()}
    blind = len(names) == 1 and (names == {"Participant"} or len(numbers) >= BLIND)
    uploads = []
    for entry, match in found.items():
        student, number = match["name"], match["number"] or ""
        file = match["file"] if match["file"] and not is_folder(entries[entry]) else entry
        uploads.append(
            Upload(
                entry,
                f"{student} {number}" if blind else student,
                number,
                False,
                match["plugin"] == "file",  # before what was typed
                file,
                tuple(entries[entry]),
                key=(student, number),
            )
        )
    return Reading(uploads, "blind" if blind else "")


MOODLE = Platform("moodle", "Moodle", "participants", fits, read)
