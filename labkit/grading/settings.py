"""What a batch is graded with."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

from labkit.basics.errors import UsageError
from labkit.data.embedded import TITLES
from labkit.data.known import KNOWN
from labkit.data.places import NAMES, folder_of, listing, parts_to_read, settle, taken_for
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
    second_user: bool = False  # kernels belong to another user, where no sandbox can be had; see `sandbox.second_user`

    @property
    def sandboxed(self) -> bool:
        """Whether kernels run in the sandbox."""
        return not self.unsafe and not self.second_user

    def key(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            **asdict(self.bounds),
            **asdict(self.limits),
            "profile": self.profile,
            "data": self.data,
            "unsafe": self.unsafe,
            **({"second_user": True} if self.second_user else {}),
        }


def settle_data(settings: Settings) -> Settings:
    """Return settings under which kernels, whose home is another, read the data that `labkit run` reads; say which.

    LABKIT_DATA names the folder from now on. UsageError for a folder without data, LabkitError for data that the
    sandbox could not show: before the night, so that the embedded images never stand in without a word.
    """
    data = settle(settings.data)
    named, folder = data in ("auto", "embedded", *KNOWN), folder_of(data)
    if data == "auto" and os.environ.get("LABKIT_DATA") and not folder.is_dir():
        raise UsageError(f"LABKIT_DATA names {folder}, which is not a folder: correct it, or unset it.")
    parts = {name: folder.is_dir() and data != "embedded" and parts_to_read(name, folder) for name in KNOWN}
    found = {name: parts[taken_for(name, data)] for name in NAMES}
    if not named and not any(found.values()):
        raise UsageError(
            f"{folder} holds neither MNIST, CIFAR-10 nor other images in their place. There are: {listing(folder)}."
        )
    if folder.is_dir():
        os.environ["LABKIT_DATA"] = str(folder)
    instead = TITLES if named else dict.fromkeys(NAMES, "nothing")
    used = [f"{os.path.commonpath(there) if there else instead[name]} for {name}" for name, there in found.items()]
    print(f"Data: {', '.join(used)}.", flush=True)
    return replace(settings, data=data)
