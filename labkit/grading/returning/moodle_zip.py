"""The zip for *Upload multiple feedback files in a zip* in Moodle: a folder a participant, of a team one a member.

Moodle splits the name of a folder at underscores: anything, the participant's number, and the plugin that the download
came from (moodle/moodle, mod/assign/feedback/file/importziplib.php).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from labkit.grading.intake.people import HandedIn
from labkit.grading.returning.filled import Filled
from labkit.grading.returning.packing import zipped

PLUGIN = "assignsubmission_file"


def moodle_zip(
    submissions: Sequence[HandedIn],
    page: Callable[[HandedIn], bytes | None],
    participants: Mapping[str, Sequence[str]] | None = None,
) -> Filled:
    """Return the zip. page: returns the feedback on a submission as HTML, None where there is none.

    participants: of each submission, from the worksheet. Without it each submission is its own participant's, and a
    team, whose number is no participant's, gets nothing.
    """
    files, alarms = [], []
    for submission in submissions:
        html = page(submission)
        numbers = _numbers(submission) if participants is None else participants.get(submission.name, ())
        if html is None:
            alarms.append(f"{submission.name}: it has no page in feedback/. Run `labkit grade` to its end.")
        elif not numbers and participants is None and submission.group:
            alarms.append(f"{submission.name}: a team's members stand in the worksheet alone: give it with --moodle.")
        elif not numbers:
            alarms.append(f"{submission.name}: it has no participant, so its page cannot go back this way.")
        files += [(f"{_plain(submission.student)}_{number}_{PLUGIN}/feedback.html", html) for number in numbers if html]
    return Filled(zipped(files), "", len(files), (), tuple(alarms))


def _numbers(submission: HandedIn) -> list[str]:
    """Return the participants that are known without the worksheet: the number of a team is none."""
    numbers = [person.id for person in submission.people if person.id] or [submission.user]
    return [one for one in numbers if one.isdecimal() and not (submission.group and one == submission.user)]


def _plain(name: str) -> str:
    """Return a name as part of a folder's: without what splits it, or makes it a path or a hidden one."""
    return re.sub(r'[\x00-\x1f_/\\:*?"<>|~]+', " ", name).strip(" .") or "student"
