"""Blackboard: "Lab 2_jdoe_attempt_2024-01-16-23-58-03_file.zip", and a .txt an attempt that tells who sent it.

Assignments and user names hold "_", too: the .txt says which part is the user's, else what all entries begin with is
the assignment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.people import Person
from labkit.grading.intake.platforms.platform import Entries, Platform, Reading
from labkit.grading.intake.uploads import Upload, shared_start
from labkit.grading.texts import LONGEST_NAME, Refused, clean

FORM = re.compile(
    r"(?P<who>.+?_.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<text>\.txt))", re.ASCII | re.DOTALL
)
NAME = re.compile(r"\s*[^:\n]{1,40}:[ \t]*(?P<name>[^\n]*?)[ \t]*\((?P<login>[^()\n]+)\)[ \t]*\r?(?:\n|$)")
LARGEST = 1_000_000  # bytes of a .txt, which holds what was typed


def fits(name: str) -> bool:
    """Whether a name is one that Blackboard writes."""
    return bool(FORM.fullmatch(name))


def read(entries: Entries, known: Collection[str] = ()) -> Reading:
    """Return the uploads of all entries that fit; those of one user are one submission, the latest attempt first."""
    found = {name: match for name in entries if (match := FORM.fullmatch(name))}
    names: dict[str, str] = {}  # login -> name
    logins: dict[str, str] = {}  # "Lab 2_jdoe" -> login
    for entry, match in found.items():
        if match["text"] and (told := NAME.match(_text(entries[entry]))) and match["who"].endswith(f"_{told['login']}"):
            logins[match["who"]], names[told["login"]] = told["login"], told["name"]
    assignments = Counter(who.removesuffix(login) for who, login in logins.items())
    unknown = {match["who"] for match in found.values()} - logins.keys()
    usual = assignments.most_common(1)[0][0] if assignments else _common(unknown)
    for who in unknown:
        logins[who] = who.removeprefix(usual) if who.startswith(usual) and who != usual else who.rpartition("_")[2]
    return Reading([_upload(entry, found[entry], entries[entry], logins, names) for entry in found])


def _upload(
    entry: str, match: re.Match[str], members: Sequence[Member], logins: dict[str, str], names: dict[str, str]
) -> Upload:
    login = logins[match["who"]] or match["who"]
    name = clean(names.get(login, ""), LONGEST_NAME)
    try:
        submitted = datetime.strptime(match["when"], "%Y-%m-%d-%H-%M-%S").isoformat()
    except ValueError:
        submitted = ""
    return Upload(
        entry,
        name or login,
        login,
        False,
        int(match["when"].replace("-", "")),
        match["file"] or entry,
        tuple(members),
        submitted=submitted,
        people=(Person(id=login, name=name, login=login),),
        key=(match["who"],),
    )


def _common(heads: Collection[str]) -> str:
    """Return the assignment, with its "_": what all begin with."""
    if len(heads) == 1:
        return next(iter(heads)).rpartition("_")[0] + "_"
    return shared_start(heads).rpartition("_")[0] + "_"


def _text(members: Sequence[Member]) -> str:
    try:
        return members[0].read(LARGEST).decode("utf-8-sig", "replace") if not members[0].fault else ""
    except Refused:
        return ""


BLACKBOARD = Platform("blackboard", "Blackboard", "people", fits, read)
