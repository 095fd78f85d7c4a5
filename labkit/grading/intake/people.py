"""Who handed in: one person, and what came from one person or one group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One person, as a platform, a list of groups or a submission tells of them; "" for what it does not tell.

    id: the platform's own, as it stands in the platform's file of grades: Canvas' user id or anonymous id, Moodle's
        participant number, Gradescope's sid, the user name of Blackboard and Brightspace.
    login: what a person signs in with, as "ab12", and members are named by in submission.json.
    """

    id: str = ""
    name: str = ""
    login: str = ""
    email: str = ""


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """What is known of one submission before its notebooks are opened; all of it plain data.

    name: unique in the batch, the same in every run, safe as a file name: a-z, 0-9 and -, at most 60 characters.
    student: as the source tells it, in any script, at most 200 characters; of a group its name.
    user: the platform's id; "" where it is not told. Of a group in Canvas that of one member.
    late: whether the source says so.
    submitted: when, ISO 8601 with the offset from UTC; without it where the source tells no time zone; "" for no time.
    source: the file or folder that it came from, in the batch; of several uploads the newest.
    entries: the names of all entries of the batch that it came from, the newest first, as the platform packed them.
    group: the group's name; "" for a person alone.
    people: who gets its points; empty where nobody knows, so that the submission stands for itself.
    problems: sentences for the TA.
    """

    name: str
    student: str
    user: str = ""
    late: bool = False
    submitted: str = ""
    source: str = ""
    entries: tuple[str, ...] = ()
    group: str = ""
    people: tuple[Person, ...] = ()
    problems: tuple[str, ...] = ()
