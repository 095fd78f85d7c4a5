"""Make attempts at notebooks, and what was taken in."""

from labkit.grading.intake.submissions import Submission
from labkit.grading.records.attempts import Attempt

HASH = "0123456789abcdef" * 4


def taken(name, student="Lee, Mia", user="101", late=False, problems=()):
    """Return what was taken in of a student."""
    return Submission(name=name, student=student, user=user, late=late, source=f"{name}.zip", problems=tuple(problems))


def attempt(submission="lee_mia_101", notebook="05_mlp1_sweep", status="passed", points=None, **changed):
    """Return an attempt; points: exercise id -> points, passed where there are any."""
    verdicts = {
        name: {"status": "passed" if got else "failed", "message": "said so", "points": got}
        for name, got in (points or {}).items()
    }
    values = {
        "student": "Lee, Mia",
        "user": "101",
        "late": False,
        "verdicts": verdicts,
        "numbers": {},
        "seconds": 1.5,
        "peak_memory": 2**31,
        "limits": {"timeout": 60, "memory": 4.0, "profile": "quick"},
        "versions": {"labkit": "0.1.0"},
        "notebook_hash": HASH,
        "course_hash": HASH[::-1],
        "remarks": (),
        "unsafe": False,
        "finished": "2026-01-31T23:59:59+00:00",
    }
    return Attempt(**{"submission": submission, "notebook": notebook, "status": status, **values, **changed})
