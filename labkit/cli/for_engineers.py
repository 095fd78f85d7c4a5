"""The commands of engineers, which help does not list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labkit.basics.installed.extras import require
from labkit.cli.app import app


@app.command(hidden=True)
def notebooks(
    names: Annotated[list[str] | None, typer.Argument(help="Names, e.g. 05; none: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong.")] = False,
) -> None:
    """For engineers: build the stored notebooks from their text twins in notebooks/source, or check them."""
    require("notebooks", "release", "run")
    from labkit.course.build import build_notebooks, check_notebooks

    check_notebooks() if check else build_notebooks(names or [])


@app.command(hidden=True)
def reference(folder: Annotated[Path, typer.Argument(help="Folder that holds results.json.")]) -> None:
    """For engineers: make the results in FOLDER the reference that `labkit run` compares with."""
    from labkit.report.reference import update

    for path in update(folder, Path("docs/reference-results.md")):
        print(path)
