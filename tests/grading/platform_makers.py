"""Write the downloads of learning platforms in their exact forms: what was sent, as {path in the download: bytes}.

The forms are those of the services' own source where it is public (Canvas' content_zipper.rb, Moodle's downloader.php),
else those that public parsers read.
"""

import io
import re
import zipfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 21, 26, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """What one person or one group sent.

    name: a person's full name, as "Jane Doe", or a group's.
    number: Canvas' user id (of a group its representative's), Moodle's participant (of a team the group's id),
        Gradescope's submission, the first of Brightspace's pair.
    files: name -> content. text: typed into the platform's editor; "" for none.
    anonymous: Canvas' anonymous id. login: what the person signs in with.
    members: of a group in Gradescope, (name, sid, email) each; empty for a person alone.
    when: of the attempt; number an attempt by sending the same person twice, with a later time.
    """

    name: str
    number: int
    files: dict[str, bytes] = field(default_factory=dict)
    text: str = ""
    late: bool = False
    login: str = ""
    email: str = ""
    sid: str = ""
    anonymous: str = ""
    members: tuple[tuple[str, str, str], ...] = ()
    when: datetime = START


def as_zip(entries, folder=""):
    """Return a download as a zip; folder: within a folder of this name, as some systems pack it again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in entries.items():
            archive.writestr(f"{folder}/{path}" if folder else path, content)
    return buffer.getvalue()


def as_folder(entries, folder):
    """Write a download as it is unpacked, into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in entries.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def canvas_name(name):
    """Return how Canvas writes a person's name: the last word first, in lower case, only letters, digits and _."""
    *first, last = name.split() or [""]
    return canvas_group_name(last + "".join(first))


def canvas_group_name(name):
    """Return how Canvas writes a group's name: "_7_" within it becomes "7", then as a person's."""
    return re.sub(r"\W", "", re.sub(r"_(\d+)_", r"\1", name).lower())


def canvas(sent, anonymous=False, groups=False, first_upload=90_001):
    """Return Canvas' download of an assignment, a zip of single files.

    groups: the names are those of groups, and the numbers those of one member each. anonymous: without names. Of who
    sends twice under one name, the last is packed alone, with "-1" behind the file's name, as Canvas does.
    """
    entries, upload, latest = {}, first_upload, {}
    for one in sent:
        counts = latest.get(one.number, (None, -1))[1] + 1
        latest[one.number] = one, counts
    for one, again in latest.values():
        if anonymous:
            who = ("LATE_" if one.late else "") + f"anon_{one.anonymous}"
        else:
            name = canvas_group_name(one.name) if groups else canvas_name(one.name)
            who = f"{name}_{'LATE_' if one.late else ''}{one.number}"
        for file, content in one.files.items():
            stem, dot, ending = file.rpartition(".")
            shown = (f"{stem}-{again}.{ending}" if dot else f"{file}-{again}") if again else file
            shown = re.sub(r'[\x00/\\:*?"<>|]+', "_", shown)
            entries[f"{who}_{upload}_{shown}"] = content
            upload += 1
        if one.text:
            entries[f"{who}_text.html"] = one.text.encode()
    return entries


def moodle(sent, folders=True, old=False, blind=False):
    """Return Moodle's download: a folder a participant and plugin, or flat.

    old: as from 3.1 to 4.0, with "_" behind the folders' names. blind: "Participant" for everybody's name. A team is
    sent under its name and the id of its group; number 0 is a team of those without a group, which has no id.
    """
    entries = {}
    for one in sent:
        name = ("Participant" if blind else one.name).replace("_", " ")
        prefix = re.sub(r'[\x00-\x1f&<>"`|\':\\/*?]', "", name) + (f"_{one.number}" if one.number else "")
        parts = [("file", one.files), ("onlinetext", {"onlinetext.html": one.text.encode()} if one.text else {})]
        for plugin, files in parts:
            start = f"{prefix}_assignsubmission_{plugin}"
            for file, content in files.items():
                entries[f"{start}{'_' if old else ''}/{file}" if folders else f"{start}_{file}"] = content
    return entries


def gradescope(sent, assignment=4711):
    """Return Gradescope's export of submissions: a folder each, and submission_metadata.yml with who sent them."""
    root, metadata, entries = f"assignment_{assignment}_export", ["---"], {}
    for one in sent:
        who = one.members or ((one.name, one.sid, one.email),)
        metadata += [f"submission_{one.number}:", "  :submitters:"]
        for name, sid, email in who:
            metadata += [f"  - :name: {_quoted(name)}", f"    :sid: {_quoted(sid)}", f"    :email: {_quoted(email)}"]
        metadata += [
            f"  :created_at: {one.when:%Y-%m-%d %H:%M:%S}.123456789 Z",
            "  :score: 0.0",
            "  :status: processed",
        ]
        metadata += ["  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess", "    tests: []"]
        metadata += ["  :history:", f"  - :id: {one.number - 1}", "    :score: 3.0"]
        for file, content in one.files.items():
            entries[f"{root}/submission_{one.number}/{file}"] = content
    entries[f"{root}/submission_metadata.yml"] = "\n".join([*metadata, ""]).encode()
    return entries


def brightspace(sent, folder=2557369):
    """Return Brightspace's download: index.html and a folder an attempt, named after person and time."""
    entries = {"index.html": b"<html><body>Submissions</body></html>"}
    for one in sent:
        time = f"{one.when:%b} {one.when.day}, {one.when.year} {one.when.hour % 12 or 12}{one.when:%M %p}"
        for file, content in one.files.items():
            entries[f"{one.number}-{folder} - {one.name} - {time}/{file}"] = content
    return entries


def blackboard(sent, assignment="Lab 2", texts=True):
    """Return Blackboard's download: the files of each attempt, and (texts) one .txt an attempt that tells of it."""
    entries = {}
    for one in sent:
        start = f"{assignment}_{one.login}_attempt_{one.when:%Y-%m-%d-%H-%M-%S}"
        names = [f"{start}_{file}" for file in one.files]
        entries.update(zip(names, one.files.values(), strict=True))
        if texts:
            listed = [f"\tOriginal filename: {file}\n\tFilename: {start}_{file}" for file in one.files]
            told = [
                f"Name: {one.name} ({one.login})",
                f"Assignment: {assignment}",
                f"Date Submitted: {one.when:%A, %B %d, %Y %I:%M:%S %p} UTC",
                "Current Grade: Needs Grading",
                f"\nSubmission Field:\n{one.text or 'There is no student submission text data for this assignment.'}",
                "\nComments:\nThere are no student comments for this assignment.",
                "\nFiles:\n" + ("\n".join(listed) or "No files are attached to this submission."),
            ]
            entries[f"{start}.txt"] = "\n".join(told).encode()
    return entries


def clones(sent, assignment="lab2", around="lab2-submissions"):
    """Return a folder of git clones, one a login, within the folder that the classroom's tool makes."""
    entries = {}
    for one in sent:
        root = f"{around}/{assignment}-{one.login}" if around else f"{assignment}-{one.login}"
        entries[f"{root}/.git/HEAD"] = b"ref: refs/heads/main\n"
        entries |= {f"{root}/{file}": content for file, content in one.files.items()}
    return entries


def roster(sent):
    """Return the students.csv of a classroom."""
    rows = [f"{one.login},{one.name},,{one.email},," for one in sent]
    return "\n".join(["username,first_name,last_name,email,section,github_id", *rows, ""]).encode()


def canvas_export(sent, assignment="Lab 2 (4711)"):
    """Return a gradebook exported from Canvas with one empty column, a row for each who sent."""
    rows = [f"Student,ID,SIS User ID,SIS Login ID,Section,{assignment}", "    Points Possible,,,,,100"]
    rows += [f'"{one.name}",{one.number},{one.sid},{one.login},A,' for one in sent]
    return "\n".join([*rows, ""]).encode()


def again(one, **changed):
    """Return the same person's next attempt, an hour later."""
    return replace(one, **{"when": one.when + timedelta(hours=1), **changed})


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
