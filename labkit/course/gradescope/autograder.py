"""The course as an autograder for Gradescope: one zip with all that its container needs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import ensure_writable, write_atomically
from labkit.course.notebooks import notebooks_folder, read_notebook, to_text, told_course
from labkit.course.release import package, to_zip
from labkit.report.captions import caption_files

SCRIPTS = Path(__file__).parent
EXECUTABLE = ("setup.sh", "run_autograder")


def release_autograder(archive: Path) -> Path:
    """Write the zip to upload under *Configure Autograder*, and return its path.

    It holds the solutions: it is for Gradescope, and for nobody else. UsageError for a path that is no zip's;
    LabkitError where labkit's own sources are not here, so that no wheel of it can be made.
    """
    if archive.suffix.casefold() != ".zip":
        raise UsageError(f"{archive} must end in .zip: Gradescope takes a zip.")
    folder = notebooks_folder()
    books = {path.name: to_text(read_notebook(path)).encode() for path in told_course(folder)}
    files = {f"notebooks/{name}": content for name, content in books.items()}
    files |= {f"notebooks/{name}": content for name, content in caption_files(folder)}
    files |= {name: (SCRIPTS / name).read_bytes() for name in EXECUTABLE}
    wheels = {name: content for name, content in package().items() if name.endswith(".whl")}
    if not wheels:
        raise LabkitError(
            f"{CHECKOUT} is no checkout of labkit: run the command in one, so that its wheel can be built."
        )
    ensure_writable(archive.parent)
    write_atomically(archive, to_zip(files | wheels, date.today(), executable=EXECUTABLE))
    return archive
