"""What platforms do with a file that is given back: their importers' rules, written anew from the stated sources.

Canvas: instructure/canvas-lms, lib/gradebook_importer.rb, lib/gradebook_exporter.rb, lib/content_zipper.rb, and
`infer_comment_context_from_filename` with `generate_comments_from_files` in app/models/abstract_assignment.rb.
Moodle: moodle/moodle, mod/assign/feedback/: offline/importgradeslib.php, offline/locallib.php, file/importziplib.php.
Each class holds a course's truth, and returns what every student would see.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field


class Refused(Exception):
    """The platform refuses the whole file."""


@dataclass
class CanvasUpload:
    """What one person, or one group through its representative, handed in."""

    user: int
    anonymous_id: str
    attachments: dict[int, str]  # id -> display name


@dataclass
class Canvas:
    """One assignment of a course in Canvas."""

    names: dict[int, tuple[str, str]]  # user -> last and first name
    title: str = "Lab 1"
    number: int = 4711
    points_possible: float = 100
    groups: dict[str, list[int]] = field(default_factory=dict)
    individually: bool = False
    uploads: dict[int, CanvasUpload] = field(default_factory=dict)  # by user
    unposted_anonymous: bool = False
    scores: dict[int, str] = field(default_factory=dict)
    unassigned: set[int] = field(default_factory=set)
    ignored: list[str] = field(default_factory=list)

    # The gradebook.

    def export(
        self, split: bool = False, separator: str = ",", comma: bool = False, bom: bool = False, sis: bool = False
    ) -> bytes:
        """Return the gradebook as the exporter writes it."""
        head = (["LastName", "FirstName"] if split else ["Student"]) + ["ID"]
        head += ["SIS User ID", "SIS Login ID", "Integration ID", "Root Account"] if sis else ["SIS Login ID"]
        head += ["Section", f"{self.title} ({self.number})", "Labs Current Score", "Final Score"]
        empty = [""] * (len(head) - 3)
        posting = "Manual Posting (scores hidden from instructors)" if self.unposted_anonymous else "Manual Posting"
        above = ["    Points Possible", *empty[1:], self._number(self.points_possible, comma), "(read only)"]
        lines = [head, [*empty, posting, "", ""], [*above, "(read only)"]]
        for user, (last, first) in self.names.items():
            name = [self._safe(last), self._safe(first)] if split else [self._safe(f"{last}, {first}")]
            ids = [f"U{user}", f"u{user}@x.org", "", "x.org"] if sis else [f"u{user}@x.org"]
            hidden = self.unposted_anonymous or user in self.unassigned
            score = "N/A" if hidden else self.scores.get(user, "")
            score = score.replace(".", ",") if comma else score
            lines.append([*name, str(user), *ids, "A and B", score, "0", "0"])
        table = io.StringIO()
        csv.writer(table, delimiter=separator, lineterminator="\n").writerows(lines)
        return (b"\xef\xbb\xbf" if bom else b"") + table.getvalue().encode()

    def import_gradebook(self, content: bytes) -> dict[int, str]:
        """Take a file in; return the users whose score changes, and to what. Refused as the importer does."""
        text = content.decode()
        # What the mark does to the heading LastName, the source does not show; read as if it were taken off.
        text = text.removeprefix("\ufeff")
        separator = ";" if self._semicolons(text) else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
        head = rows[0]
        split = head[:2] == ["LastName", "FirstName"]
        if not (len(head) > 4 and head[2] == "ID" if split else len(head) > 3 and "Student" in head[0]):
            raise Refused("header")
        width = 4 if split else 3
        if re.search(r"SIS\s+Login\s+ID", head[width - 1]):
            width += 1
        elif re.search(r"SIS\s+User\s+ID", head[width - 1]) and re.search(r"SIS\s+Login\s+ID", head[width]):
            integration = bool(re.search(r"Integration\s+ID", head[width + 1]))
            root = bool(re.search(r"Root\s+Account", head[width + 1 + integration]))
            width += 2 + integration + root
        if "Section" not in head[width - 1]:
            raise Refused("section")
        others = re.compile("Current Score|Current Points|Current Grade|Final Score|Final Points|Final Grade|Override")
        columns = [name for name in head[width:] if not others.search(name)]
        place = head.index(f"{self.title} ({self.number})")
        if head[place] not in columns:
            raise Refused("no assignment")
        changes, read_only = {}, False
        for row in rows[1:]:
            if not "".join(row).strip():
                continue
            if "Points Possible" in row[0]:
                read_only = bool(re.search(r"read\s+only", row[place]))
                if self._converted(row[place]) and float(self._converted(row[place])) != self.points_possible:
                    self.points_possible = float(self._converted(row[place]))  # so does Canvas
            elif all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in row):
                continue
            else:
                user = int(row[2 if split else 1])
                if user not in self.names:
                    raise Refused(f"unknown student {row}")
                grade = "" if user in self.unassigned else self._converted(row[place]).strip()
                if not self.unposted_anonymous and not self._same(grade, self.scores.get(user, "")):
                    changes[user] = "EX" if grade.upper() == "EX" else grade
        if read_only:
            return {}
        self._graded(changes)
        return changes

    def _graded(self, changes: dict[int, str]) -> None:
        """Keep scores; a group's goes to all of its members, unless the assignment says otherwise."""
        for user, score in changes.items():
            members = next((users for users in self.groups.values() if user in users), [user])
            alone = self.individually or score == "EX"
            for member in [user] if alone else members:
                self.scores[member] = score

    @staticmethod
    def _semicolons(text: str) -> bool:
        counts = {}
        for separator in ";,":
            try:
                sizes = {
                    len(next(csv.reader([line], delimiter=separator, strict=True)))
                    for line in text.splitlines(keepends=True)[:3]
                }
                counts[separator] = sizes.pop() if len(sizes) == 1 else 0
            except csv.Error:
                counts[separator] = 0
        return counts[";"] > counts[","]

    @staticmethod
    def _converted(cell: str) -> str:
        """Return a cell with a decimal point, if it is a number."""
        if not re.fullmatch(r"-?[0-9.,]+%?", cell):
            return cell
        *whole, last = re.split("[,.]", cell)
        return f"{''.join(whole)}.{last}" if whole else last

    @staticmethod
    def _same(new: str, old: str) -> bool:
        if new == old or {new, old} <= {"", "-"}:
            return True
        if "" in (new, old) or "EX" in (new.upper(), old.upper()):
            return False
        return f"{float(new):.2f}" == f"{float(old):.2f}"

    @staticmethod
    def _safe(name: str) -> str:
        return f'="{name}"' if re.match(r"\s*=", name) else name

    @staticmethod
    def _number(value: float, comma: bool) -> str:
        return f"{value:.2f}".replace(".", "," if comma else ".")

    # The submissions.

    def download(self, late: set[int], content: bytes) -> dict[str, bytes]:
        """Return the entries of *Download Submissions*: file names by the packer's rules."""
        files = {}
        for user, upload in self.uploads.items():
            group = next((name for name, users in self.groups.items() if user in users), "")
            marks = ["LATE"] if user in late else []
            who = [self.plain(group or ", ".join(self.names[user])), *marks, str(user)]
            who = [*marks, f"anon_{upload.anonymous_id}"] if self.unposted_anonymous else who
            for attachment, display_name in upload.attachments.items():
                file = re.sub(r'[\x00/\\:*?"<>|]+', "_", display_name)
                files[f"{self.word('_'.join(who))}_{attachment}_{file}"] = content
        return files

    @staticmethod
    def plain(name: str) -> str:
        """Return how a name begins the name of a file: small, and without what looks like an id."""
        return re.sub(r"_(\d+)_", r"\1", name).lower()

    @staticmethod
    def word(name: str) -> str:
        """Return what is left in the name of a file."""
        return re.sub(r"[^\w]", "", name)

    def upload_submissions(self, packed: bytes) -> dict[int, list[tuple[str, bytes]]]:
        """Take a zip of feedback in; return what each user sees: the shown name and the content of each file."""
        seen: dict[int, list[tuple[str, bytes]]] = {}
        group_names = [self.plain(name) for name in self.groups]  # with all that no file's name keeps
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for entry in archive.namelist():
                if (found := self._inferred(entry, group_names)) is None:
                    self.ignored.append(entry)
                    continue
                user, shown = found
                members = next((users for users in self.groups.values() if user in users), [user])
                for member in [user] if self.individually else members:
                    seen.setdefault(member, []).append((shown, archive.read(entry)))
        return seen

    def _inferred(self, path: str, group_names: list[str]) -> tuple[int, str] | None:
        name = path.rpartition("/")[2]
        for group in group_names:
            if name.startswith(f"{group}_"):
                name = name.removeprefix(f"{group}_")
                break
        parts = [part for part in name.split("_") if part != "LATE"]
        while parts and not parts[-1]:  # Ruby's split drops them
            parts.pop()
        upload = None
        if parts[0] == "anon":
            anonymous_id, attachment = [*parts[1:3], "", ""][:2]
            upload = next((one for one in self.uploads.values() if one.anonymous_id == anonymous_id), None)
        else:
            user, attachment = [*(part for part in parts if re.fullmatch("[0-9]+", part)), "", ""][:2]
            upload = self.uploads.get(int(user)) if user else None
        if parts[-1].startswith("link") or name.startswith("._") or not attachment.isdecimal() or upload is None:
            return None
        shown = upload.attachments.get(int(attachment))
        return (upload.user, shown) if shown is not None else None


WORDS = {
    "en": {
        "hiddenuser": "Participant ",
        "id": "Identifier",
        "name": "Full name",
        "status": "Status",
        "group": "Group",
        "grade": "Grade",
        "max": "Maximum grade",
        "can": "Grade can be changed",
        "modified": "Last modified (submission)",
        "graded": "Last modified (grade)",
        "comment": "Feedback comments",
        "yes": "Yes",
        "no": "No",
        "sent": "Submitted for grading",
    },
    "sv": {
        "hiddenuser": "Deltagare",
        "id": "Identifierare",
        "name": "Fullständigt namn",
        "status": "Status",
        "group": "Grupp",
        "grade": "Betyg",
        "max": "Högsta betyg",
        "can": "Betyg kan ändras",
        "modified": "Senast ändrad (inlämning)",
        "graded": "Senast ändrad (betyg)",
        "comment": "Återkopplingskommentarer",
        "yes": "Ja",
        "no": "Nej",
        "sent": "Inlämnad för bedömning",
    },
}


@dataclass
class Participant:
    """A participant of an assignment in Moodle."""

    number: int
    name: str
    email: str
    team: str = ""
    grade: float | None = None
    comment: str = ""
    changed_later: bool = False  # than the worksheet was downloaded
    locked: bool = False
    files: dict[str, bytes] = field(default_factory=dict)  # the feedback that is seen


@dataclass
class Moodle:
    """One assignment in Moodle; participants by their numbers."""

    participants: dict[int, Participant]
    greatest: float = 100
    language: str = "en"
    comma: bool = False
    blind: bool = False

    def worksheet(self) -> bytes:
        """Return the grading worksheet."""
        words = WORDS[self.language]
        teams = any(one.team for one in self.participants.values())
        head = [words["id"], *([] if self.blind else [words["name"], "Email address"]), words["status"]]
        head += [words["group"]] if teams else []
        head += [words[key] for key in ("grade", "max", "can", "modified", "graded", "comment")]
        lines = [head]
        for one in self.participants.values():
            line = [f"{words['hiddenuser']}{one.number}", *([] if self.blind else [one.name, one.email]), words["sent"]]
            line += [one.team] if teams else []
            line += ["" if one.grade is None else self._float(one.grade), self._float(self.greatest)]
            line += [words["no" if one.locked else "yes"], "Monday, 30 November 2026, 9:00 PM", "-", one.comment]
            lines.append(line)
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows(lines)
        return b"\xef\xbb\xbf" + table.getvalue().encode()

    def _float(self, value: float) -> str:
        return f"{value:.2f}".replace(".", "," if self.comma else ".")

    def import_worksheet(self, content: bytes, ignore_modified: bool = False) -> set[int]:
        """Take a worksheet in; return whose grades changed."""
        words = WORDS[self.language]
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
        if not {words["id"], words["grade"], words["graded"]} <= set(rows[0]):
            raise Refused("header")
        places = {key: rows[0].index(words[key]) for key in ("id", "grade", "comment")}
        changed = set()
        for row in rows[1:]:
            one = self.participants.get(int(row[places["id"]][len(words["hiddenuser"]) :]))
            if one is None:
                continue
            text = row[places["grade"]].replace(",", ".") if self.comma else row[places["grade"]]
            grade = float(text) if text else None
            skip = (
                grade == one.grade
                or grade is None
                or grade < 0
                or (one.changed_later and not ignore_modified)
                or one.locked
                or grade > self.greatest
            )
            if not skip:
                one.grade = grade
                changed.add(one.number)
            if ignore_modified or not one.changed_later:  # a comment is taken even if the grade is skipped
                one.comment = row[places["comment"]]
        return changed

    def import_feedback(self, packed: bytes) -> None:
        """Take a zip of feedback files in: each lies at its participant then."""
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for path in archive.namelist():
                if path.rpartition("/")[2].startswith((".", "~")):
                    continue
                parts = path.split("/")
                while parts:
                    info = parts.pop(0).split("_", 4)
                    if len(info) < 4 or not re.fullmatch(r"\s*[+-]?[0-9.]+", info[1]):
                        continue
                    one = self.participants.get(int(float(info[1])))
                    if one is None or (info[2], info[3]) not in PLUGINS:
                        continue
                    rest = [info[4] if len(info) == 5 else "", *parts]
                    one.files["/".join(part for part in rest if part)] = archive.read(path)
                    break


PLUGINS = {("assignsubmission", "file"), ("assignsubmission", "onlinetext"), ("assignfeedback", "file")}
