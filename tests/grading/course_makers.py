"""A course of 60 people in 15 groups, whose names are as awkward as names get, and a night graded for it."""

from __future__ import annotations

from attempt_makers import attempt

from labkit.exercises.catalogue import exercises
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.store import AttemptStore

POSSIBLE = sum(exercise.points for exercise in exercises().values())
GROUPS = [
    "Team_1",
    "team",
    "Team_1_2",
    "LATE",
    "anon",
    "anon_7 8",
    "42",
    "王伟 组",
    "a, b; c",
    'O"Neil "Q"',
    "=1+1",
    "link_link",
    "Ünïcödé_",
    "_assignsubmission_file_",
    "../../up & <b>down</b>",
]
LAST = ["Lee", "van der Berg", "O'Neil", "王", "=1+1", "Roe_2", "LATE", "anon", "Ğüneş", "5101", "Lee, Jr", 'Qu"ote']
FIRST = ["Mia", "Ana María", "伟", "@SUM(A1)", "x_y", "Line\nbreak"]
FILES = ["ours.zip", "my_links.zip", "link.zip", "LATE.zip", "1_2_3.zip", "anon_x.zip", "Lab (1).ZIP", "报告_7.zip"]
USERS = range(5101, 5161)


def people():
    """Return user -> last and first name."""
    return {user: (LAST[place % 12], FIRST[place % 6]) for place, user in enumerate(USERS)}


def groups():
    """Return group -> its four users."""
    users = list(USERS)
    return {name: users[4 * place : 4 * place + 4] for place, name in enumerate(GROUPS)}


def points_of(place):
    """Return the points of the submission in this place: another number for each."""
    return 1 + place


def write_night(out, platform, submissions):
    """Write what a graded night leaves: batch.json, and results.sqlite with one attempt a submission.

    Returns the points of each submission.
    """
    out.mkdir(exist_ok=True)
    write_batch(out, platform, submissions)
    points = {submission.name: points_of(place) for place, submission in enumerate(submissions)}
    with AttemptStore(out / "results.sqlite") as store:
        for submission in submissions:
            who = {"submission": submission.name, "student": submission.student, "user": submission.user}
            store.add(attempt(**who, points={"5.1": points[submission.name]}))
    return points


def page_of(out, submission):
    """Return the page that the night wrote for a submission."""
    return (out / "feedback" / f"{submission}.html").read_bytes()
