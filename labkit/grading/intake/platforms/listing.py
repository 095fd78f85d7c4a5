"""What a folder of submissions holds, listed student by student, so that none of them can spoil the night."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labkit.grading.intake.opening.members import MOST, Member, members_of_folder
from labkit.grading.intake.platforms.recognise import DEEPEST, looks_like_many
from labkit.grading.intake.platforms.stray import RESULTS, is_results
from labkit.grading.texts import Refused

BATCH = 100_000  # files in the source


def members_of_batch(folder: Path, around: tuple[str, ...] = ()) -> list[Member]:
    """Return what a folder of submissions holds; one that cannot be listed takes no other with it.

    A folder that stands alone in it is listed as a folder of submissions itself, as is one that holds too much for one
    student, if it looks like many.
    """
    top = members_of_folder(folder, around, most=BATCH, deep=False)
    alone = sum(member.is_folder for member in top) == 1 and len(around) < DEEPEST
    members = []
    for member in top:
        members.append(member)
        if not member.is_folder:
            continue
        place = folder / member.parts[-1]
        try:
            if is_results(place):  # which may hold a thousand notebooks
                members += [Member((*member.parts, name)) for name in RESULTS]
            elif alone:
                members += members_of_batch(place, member.parts)
            else:
                members += members_of_folder(place, member.parts)
        except Refused as error:
            inside = [] if around else _members_of_section(place, member.parts)
            members[-1] = member if inside else replace(member, fault=str(error))
            members += inside
    return members


def _members_of_section(folder: Path, around: tuple[str, ...]) -> list[Member]:
    """Return what a folder holds that has too much for one student; nothing where it does not look like many."""
    members: list[Member] = []
    try:
        for member in members_of_folder(folder, around, most=MOST, deep=False):
            members += [
                member,
                *(members_of_folder(folder / member.parts[-1], member.parts) if member.is_folder else ()),
            ]
            if len(members) > BATCH:
                return []
    except Refused:
        return []
    return members if looks_like_many(members) else []
