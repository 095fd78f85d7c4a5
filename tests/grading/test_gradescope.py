"""Gradescope: the zip that is uploaded there, and what its container does with a submission, in one of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.cli import main
from labkit.course.gradescope.autograder import release_autograder
from labkit.grading.sandbox.second_user import refuse_without_second_user

pytestmark = pytest.mark.slow
INSIDE = Path(__file__).with_name("gradescope_container.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give kernels to a second user")
@pytest.mark.skipif(shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed")
def test_in_a_container(tmp_path):
    """Everybody may read Python there, as in Gradescope's, also where this machine's lies in root's own folder."""
    command = ["bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL", "--perms", "0755", "--tmpfs", "/root"]
    for folder in map(Path, {sys.base_prefix, sys.prefix}):
        if folder.is_relative_to("/root"):
            for parent in reversed(folder.relative_to("/root").parents[:-1]):
                command += ["--perms", "0755", "--dir", str("/root" / parent)]
            command += ["--ro-bind", str(folder), str(folder)]
    inner = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "in"), str(INSIDE)]
    found = subprocess.run(
        [*command, "--", sys.executable, *inner], capture_output=True, text=True, env=os.environ | {"HOME": "/tmp"}
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "skipped" not in found.stdout


def test_without_root_it_says_what_is_needed(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabkitError, match="run it as root, with setpriv"):
        refuse_without_second_user([])


def test_the_zip_holds_what_gradescope_runs(tmp_path, monkeypatch):
    archive = release_autograder(tmp_path / "autograder.zip")
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        modes = {name: packed.getinfo(name).external_attr >> 16 & 0o777 for name in names}
    assert {"setup.sh", "run_autograder", "notebooks/05_mlp1_sweep.ipynb"} <= set(names)
    assert sum(name.endswith(".whl") for name in names) == 1
    assert {name for name, mode in modes.items() if mode & 0o111} == {"setup.sh", "run_autograder"}
    for name in ("setup.sh", "run_autograder"):
        script = zipfile.ZipFile(archive).read(name)
        assert script.startswith(b"#!/usr/bin/env bash\n")
        assert subprocess.run(["bash", "-n"], input=script, check=False).returncode == 0
    with pytest.raises(UsageError, match=r"must end in \.zip"):
        release_autograder(tmp_path / "autograder.tar")


def test_release_needs_to_be_told_what_for(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["labkit", "release"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--gradescope FILE.zip" in capsys.readouterr().err
