"""The zip for *Upload Submissions* in Canvas: a comment with the page of each submission, for all of its group.

Canvas finds user and upload in the name of an entry, and shows the comment's file under the name of the student's own
upload (instructure/canvas-lms, infer_comment_context_from_filename in app/models/abstract_assignment.rb). So what goes
back for a zip is a zip.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from labkit.grading.intake.people import HandedIn
from labkit.grading.returning.filled import Filled
from labkit.grading.returning.packing import zipped
from labkit.grading.texts import clean

TYPED = re.compile(r"_(text|link)\.html$")
KINDS = (".zip", ".html", ".htm", ".ipynb")  # endings that a page can be given, the best first


@dataclass(frozen=True)
class Entry:
    """An entry of Canvas' download: under which ids it stands, and the kind of file that it is."""

    name: str
    before: str  # the name of the person or group in it
    attachment: str
    file: str

    @property
    def kind(self) -> str:
        """Its ending, in small letters."""
        return PurePosixPath(self.file).suffix.casefold()


def canvas_zip(
    submissions: Sequence[HandedIn],
    anonymous: bool,
    page: Callable[[HandedIn], bytes | None],
    notebook: Callable[[HandedIn], bytes],
) -> Filled:
    """Return the zip, with one entry a submission.

    page, notebook: return the feedback on a submission as HTML, None where there is none, and as a notebook.
    """
    files, alarms = [], []
    for submission in submissions:
        html = page(submission)
        entry = _entry(submission, anonymous)
        if html is None:
            alarms.append(f"{submission.name}: it has no page in feedback/. Run `labkit grade` to its end.")
        elif entry is None:
            alarms.append(f"{submission.name}: {_why_none(submission)}, so its page cannot go back this way.")
        elif entry.kind == ".zip":
            files.append((_name(entry, submission.user, anonymous), zipped([("feedback.html", html)])))
        else:
            content = notebook(submission) if entry.kind == ".ipynb" else html
            files.append((_name(entry, submission.user, anonymous), content))
    return Filled(zipped(files), "", len(files), (), tuple(alarms))


def _entry(submission: HandedIn, anonymous: bool) -> Entry | None:
    """Return the entry to answer: the newest of the best kind; None where none has a kind that a page can be given."""
    user = re.escape(submission.user)
    form = rf"(?P<before>(?:LATE_)?anon)_{user}_" if anonymous else rf"(?P<before>.+?)_(?:LATE_)?{user}_"
    found = []
    for name in submission.entries if user else ():
        if match := re.fullmatch(form + r"(?P<attachment>\d{1,20})_(?P<file>.+)", name, re.ASCII | re.DOTALL):
            found.append(Entry(name, match["before"], match["attachment"], match["file"]))
    fits = [entry for entry in found if entry.kind in KINDS]
    return min(fits, key=lambda entry: KINDS.index(entry.kind), default=None)


def _why_none(submission: HandedIn) -> str:
    if not submission.user:
        return "it has no user id"
    if all(TYPED.search(name) for name in submission.entries):
        return "it was typed into Canvas, which answers uploads alone"
    names = ", ".join(clean(name, 80) for name in submission.entries[:3])
    return f"it came as {names or 'no file'}, and Canvas gives a comment's file the ending of the student's own"


def _name(entry: Entry, user: str, anonymous: bool) -> str:
    """Return the name to pack under: the student's own entry's, or a plain one where Canvas would misread that.

    Canvas takes the first two numbers between underscores, so numbers in a name stand in their way; it may have
    taken away the name of some group before; a name that begins with anon is anonymous, and one that ends in a part
    that begins with link has no upload.
    """
    before = entry.before.split("_")
    misread = not anonymous and (before[0] == "anon" or any(re.fullmatch(r"\d+", part) for part in before))
    if not misread and not entry.name.split("_")[-1].startswith("link") and not entry.name.startswith("._"):
        return entry.name
    return f"{'anon' if anonymous else 'feedback'}_{user}_{entry.attachment}_feedback{entry.kind}"
