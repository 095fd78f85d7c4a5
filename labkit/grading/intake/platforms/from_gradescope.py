"""Gradescope: "submission_123/", a folder each, and submission_metadata.yml, which tells who sent it, and when."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import yaml

from labkit.grading.intake.people import Person
from labkit.grading.intake.platforms.platform import Entries, Platform, Reading
from labkit.grading.intake.uploads import Upload
from labkit.grading.texts import LONGEST_NAME, MB, Refused, clean

FORM = re.compile(r"submission_(?P<number>\d{1,20})", re.ASCII)
METADATA = "submission_metadata.yml"
LARGEST = 50 * MB
MEMBERS = 100  # of one group
# Takes all values as texts, and builds nothing that a tag asks for.
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)


def fits(name: str) -> bool:
    """Whether a name is one that Gradescope gives to a submission's folder."""
    return bool(FORM.fullmatch(name))


def read(entries: Entries, known: Collection[str] = ()) -> Reading:
    """Return the uploads of all folders of submissions, under the names that the metadata tell."""
    metadata, told = _metadata(entries)
    uploads = [_upload(name, entries, _as_dict(metadata.get(name))) for name in entries if fits(name)]
    unknown = [upload.entry for upload in uploads if not upload.people]
    if unknown and not told:
        told = f"{METADATA} does not tell who sent {', '.join(unknown[:5])}: they stand under these names."
    return Reading(uploads, told=(told,) if told else ())


def _upload(entry: str, entries: Entries, facts: Mapping[str, Any]) -> Upload:
    match = FORM.fullmatch(entry)
    assert match
    people = tuple(_person(_as_dict(one)) for one in _as_list(facts.get(":submitters"))[:MEMBERS])
    names = ", ".join(person.name or person.email or person.id for person in people)
    return Upload(
        entry,
        names or entry,
        people[0].id or people[0].email if len(people) == 1 else "",
        False,
        int(match["number"]),
        entry,
        tuple(entries[entry]),
        submitted=_time(str(facts.get(":created_at", ""))),
        group=clean(names, LONGEST_NAME) if len(people) > 1 else "",
        people=people,
        key=(entry,),  # an export holds the one submission of each that counts
    )


def _metadata(entries: Entries) -> tuple[Mapping[str, Any], str]:
    """Return what submission_metadata.yml holds, and a sentence where it cannot be had."""
    for name, (member, *_) in entries.items():
        if name.casefold() == METADATA:
            try:
                if member.fault or member.size > LARGEST:
                    raise Refused(member.fault or f"has more than {LARGEST // MB} MB")
                return _as_dict(yaml.load(member.read(LARGEST), LOADER)), ""
            except Refused as error:
                return {}, f"{METADATA} {error}: nobody's name is known."
            except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
                return {}, f"{METADATA} cannot be read ({clean(str(error), 200)}): nobody's name is known."
    return {}, f"{METADATA} is missing: nobody's name is known. Put it beside the folders, as Gradescope exports it."


def _person(facts: Mapping[str, Any]) -> Person:
    name, sid, email = (clean(str(facts.get(key) or ""), LONGEST_NAME) for key in (":name", ":sid", ":email"))
    return Person(id=sid, name=name, email=email)


def _time(text: str) -> str:
    """Return a time as ISO 8601; "" where it is none."""
    if not (match := TIME.match(text)):
        return ""
    day, time, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone in ('Z', 'UTC') else zone or ''}")
    except ValueError:
        return ""
    return moment.isoformat()


def _as_dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


GRADESCOPE = Platform("gradescope", "Gradescope", "submissions", fits, read, frozenset({METADATA}))
