"""What a batch is graded with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from labkit.grading.sandbox.guard import Limits


@dataclass(frozen=True)
class Bounds:
    """How long a notebook may take and how much it may print, beside what its processes may use."""

    cell_seconds: float = 300
    seconds: float = 900
    output: int = 20_000_000  # bytes that each of its kernels may send


@dataclass(frozen=True)
class Settings:
    """What a batch is graded with; another value means that its notebooks are executed again."""

    profile: str
    data: str
    bounds: Bounds
    limits: Limits
    unsafe: bool

    def key(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            **asdict(self.bounds),
            **asdict(self.limits),
            "profile": self.profile,
            "data": self.data,
            "unsafe": self.unsafe,
        }
