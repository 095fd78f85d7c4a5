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
    submissions: Sequence[HandedIn], page: Callable[[HandedIn], bytes | None], participants: Mapping[str, Sequence[str]]
) -> Filled:
    """Return the zip. page: returns the feedback on a submission as HTML, None where there is none.

    participants: of each submission, from the worksheet: a team's own number may be that of a stranger.
    """
    files, alarms = [], []
    for submission in submissions:
        html, numbers = page(submission), participants.get(submission.name, ())
        if html is None:
            alarms.append(f"{submission.name}: it has no page in feedback/. Run `labkit grade` to its end.")
        elif not numbers:
            alarms.append(
                f"{submission.name}: no row of the worksheet is its own, so its page cannot go back this way."
            )
        files += [(f"{_plain(submission.student)}_{number}_{PLUGIN}/feedback.html", html) for number in numbers if html]
    return Filled(zipped(files), "", len(files), (), tuple(alarms))


def _plain(name: str) -> str:
    """Return a name as part of a folder's: without what splits it, or makes it a path or a hidden one."""
    return re.sub(r'[\x00-\x1f_/\\:*?"<>|~]+', " ", name).strip(" .") or "student"
