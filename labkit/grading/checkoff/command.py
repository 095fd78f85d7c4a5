"""`labkit checkoff`: the pages, or what was ticked on one of them."""

from __future__ import annotations

import re
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.checkoff.printed import make_pages
from labkit.grading.checkoff.ticks import tick
from labkit.grading.marks.mark_lines import own_name
from labkit.grading.texts import clean


def checkoff(folder: Path, submission: str, right: str, approved: bool, grader: str) -> list[str]:
    """Make all pages, or write down the TA's half of one, and return sentences; see `make_pages` and `tick`.

    right: numbers with commas between them. UsageError for what is no such list, and for ticks of nobody.
    """
    if not submission:
        if right or approved:
            raise UsageError("Say whose page was ticked: labkit checkoff FOLDER SUBMISSION --right 1,2,4 --approved")
        return make_pages(folder)
    if not re.fullmatch(r"(\s*\d{1,2}\s*(,\s*\d{1,2}\s*)*)?", right):
        raise UsageError(f"--right needs numbers with commas between them, as 1,2,4, and is {clean(right, 40)!r}.")
    numbers = {int(number) for number in right.split(",") if number.strip()}
    return tick(folder, submission, numbers, grader or own_name(), approved)
