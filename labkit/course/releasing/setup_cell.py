"""The first cells of a released notebook: a badge that opens it on Google Colab, and the cell that makes Colab ready.

The staff's stored notebooks have neither, and a notebook that is handed in loses both: see `is_setup`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from labkit.basics.errors import UsageError
from labkit.course.releasing.colab import DRIVE
from labkit.course.updating.release_files import COURSE

TAG = "setup"
TAGS = (TAG, "skip-execution", "nbval-skip")  # nbclient, on which papermill runs notebooks, and nbval pass over it
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
WHEELS = re.compile(r"^    wheels = .*$", re.MULTILINE)  # the one line that differs from release to release
SOURCE = """\
# @title This cell makes Google Colab ready for the lab. Elsewhere it does nothing. Please leave it as it is.
import sys

if "google.colab" in sys.modules:
    import os
    import subprocess

    wheels = {wheels}
    wheel = next((place for place in wheels if place.startswith("https:") or os.path.exists(place)), None)
    if wheel is None:
        raise FileNotFoundError(
            "Put the folder labkit-course on your Google Drive, mount the Drive here (the folder icon on the left), "
            "and run this cell again."
        )
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wheel], check=True)
    from labkit.course.releasing.colab import settle_in

    settle_in()"""
ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:tree|blob)/([^\s\"'()<>?#/][^\s\"'()<>?#]*)")


@dataclass(frozen=True)
class Address:
    """Where a teacher puts the release on GitHub: in `repository`, OWNER/NAME, at `place`, its branch and folder."""

    repository: str
    place: str

    def badge(self, name: str) -> str:
        """Return the badge of one notebook, in Markdown."""
        return BADGE.format(
            f"https://colab.research.google.com/github/{self.repository}/blob/{self.place}/notebooks/{name}"
        )

    def download(self, name: str) -> str:
        """Return where a file of the release is downloaded from."""
        return f"https://github.com/{self.repository}/raw/{self.place}/{name}"


def read_address(text: str) -> Address:
    """Return the folder on GitHub that a teacher names; UsageError for another address."""
    if not (match := ON_GITHUB.fullmatch(text.strip().rstrip("/"))):
        raise UsageError(
            f"--address {text!r} must be a folder on GitHub, as its page shows it, for Colab can open that: "
            "https://github.com/OWNER/NAME/tree/BRANCH or https://github.com/OWNER/NAME/tree/BRANCH/FOLDER."
        )
    return Address(match[1], match[2])


def with_setup(notebook: Any, name: str, wheel: str, address: Address | None) -> Any:
    """Put the cell that makes Colab ready before all others, and above it the badge where an address is known.

    name: of the notebook's file. wheel: of labkit's; without one, there is nothing that Colab could install, and the
    notebook stays as it is.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell

    if not wheel:
        return notebook
    places = [wheel, (DRIVE / COURSE / wheel).as_posix()]
    if address:
        places.append(address.download(wheel))
    source = SOURCE.format(wheels="[" + ", ".join(f'"{place}"' for place in places) + "]")
    hidden = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # JupyterLab and VS Code; Colab
    cells = [new_code_cell(source, id=TAG, metadata={"tags": list(TAGS), **hidden})]
    if address:
        cells.insert(0, new_markdown_cell(address.badge(name), id=f"{TAG}-badge", metadata={"tags": [TAG]}))
    notebook.cells = [*cells, *notebook.cells]
    return notebook


def is_setup(kind: str, source: str) -> bool:
    """Whether a cell is one of these two, as it was handed out; one that a student changed is the student's.

    Known by its text: editors lose tags, and a tag could hide what somebody wrote.
    """
    if kind == "markdown":
        before, after = map(re.escape, BADGE.split("{}"))
        return bool(re.fullmatch(rf"{before}\S+{after}", source.strip()))
    return kind == "code" and WHEELS.sub("", source.strip()) == WHEELS.sub("", SOURCE)
