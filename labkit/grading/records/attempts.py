"""An attempt at a notebook: what was executed, how it was judged, what it cost."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NOT_EXECUTED = ("invalid", "missing", "error")  # error: labkit or the machine failed, so it is no result of anybody's
# Of a notebook, the gravest last.
STATUSES = ("passed", "failed", "timeout", "out-of-memory", "kernel-died", "output-limit", *NOT_EXECUTED)
VERDICTS = ("passed", "failed", "open", "lost")  # of a check; lost: its kernel ended before the check
TEXTS = ("submission", "student", "user", "notebook", "status", "notebook_hash", "course_hash", "finished")


@dataclass(frozen=True)
class Attempt:
    """One notebook of one submission, executed and judged. ValueError says which field has no possible value."""

    submission: str  # its name, unique among the submissions
    student: str
    user: str  # the student's id in Canvas, empty where it is not known
    late: bool
    notebook: str  # the stem of its file
    status: str  # one of STATUSES
    # Exercise id -> status (one of VERDICTS), message, points, and perhaps detail, which is for the TA alone.
    verdicts: dict[str, dict[str, Any]]
    numbers: dict[str, dict[str, Any]]  # name -> claimed and found (texts or None), same (true or false), perhaps band
    seconds: float
    peak_memory: int  # bytes
    limits: dict[str, Any]  # all that a run was bounded by and asked for: another value means another attempt
    versions: dict[str, str]
    notebook_hash: str  # sha256, hex, of all that was read from the submission; empty for a notebook that is missing
    course_hash: str  # sha256, hex
    remarks: tuple[str, ...]  # sentences
    unsafe: bool  # executed without a sandbox
    finished: str  # UTC, ISO 8601

    def __post_init__(self) -> None:
        possible = {
            **{name: isinstance(getattr(self, name), str) for name in TEXTS},
            **{name: isinstance(getattr(self, name), bool) for name in ("late", "unsafe")},
            **{name: isinstance(getattr(self, name), dict) for name in ("limits", "versions")},
        }
        if all(possible.values()):
            possible = {
                "submission": bool(self.submission),
                "notebook": bool(self.notebook),
                "status": self.status in STATUSES,
                "verdicts": isinstance(self.verdicts, dict) and all(map(_is_verdict, self.verdicts.values())),
                "numbers": isinstance(self.numbers, dict) and all(map(_is_comparison, self.numbers.values())),
                "seconds": isinstance(self.seconds, (int, float)) and 0 <= self.seconds < math.inf,
                "peak_memory": isinstance(self.peak_memory, int) and 0 <= self.peak_memory < 2**63,
                "versions": all(isinstance(version, str) for version in self.versions.values()),
                "notebook_hash": bool(re.fullmatch(r"([0-9a-f]{64})?", self.notebook_hash)),
                "course_hash": bool(re.fullmatch(r"[0-9a-f]{64}", self.course_hash)),
                "remarks": isinstance(self.remarks, tuple) and all(isinstance(text, str) for text in self.remarks),
                "finished": _is_utc(self.finished),
            }
        if wrong := [name for name, fits in possible.items() if not fits]:
            raise ValueError(f"{wrong[0]} cannot be {getattr(self, wrong[0])!r:.80}")

    @property
    def points(self) -> int:
        """The points of its checks."""
        return sum(verdict["points"] for verdict in self.verdicts.values())


def _is_verdict(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) - {"detail"} != {"status", "message", "points"}:
        return False
    points = entry["points"]
    earned = isinstance(points, int) and not isinstance(points, bool) and 0 <= points <= 1_000
    return (
        entry["status"] in VERDICTS
        and isinstance(entry["message"], str)
        and isinstance(entry.get("detail", ""), str)
        and earned
        and (entry["status"] == "passed" or points == 0)
    )


def _is_comparison(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) - {"band"} != {"claimed", "found", "same"}:
        return False
    band = entry.get("band", [0, 0, 0])  # the value of the re-run, and the bounds of its reference band
    return (
        isinstance(entry["same"], bool)
        and all(entry[side] is None or isinstance(entry[side], str) for side in ("claimed", "found"))
        and isinstance(band, list)
        and len(band) == 3
        and all(isinstance(one, (int, float)) and abs(one) < math.inf for one in band)
    )


def _is_utc(text: str) -> bool:
    with contextlib.suppress(ValueError):
        offset = datetime.fromisoformat(text).utcoffset()
        return offset is not None and not offset
    return False
