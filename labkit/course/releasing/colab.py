"""A session of Google Colab: where its results go, so that they survive its end."""

from __future__ import annotations

import os
from pathlib import Path

from labkit.course.updating.release_files import COURSE

DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts a person's Drive


def settle_in() -> None:
    """Let results go to the course's folder on the Drive, where one is mounted, and say where they go.

    Where the whole course lies there, work in its folder of notebooks, as on one's own machine: captions, and files of
    one's own, are found.
    """
    if DRIVE.is_dir():
        course = DRIVE / COURSE
        out = os.environ.setdefault("LABKIT_OUT", str(course / "out"))
        if (course / "notebooks").is_dir():
            os.chdir(course / "notebooks")
        print(f"Your results go to {out}, and stay there.")
        print(
            "Your answers stay if this notebook lies on your Drive. Else choose Save a copy in Drive in the File menu."
        )
    else:
        print(
            "Results and answers will be lost when this session ends. To keep them, mount your Drive (the folder icon"
        )
        print("on the left), run this cell again, and choose Save a copy in Drive in the File menu.")
