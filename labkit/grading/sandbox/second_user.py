"""Kernels of a second user, in a container where Linux makes no namespaces, as Gradescope's are.

Root's files keep results, right answers and judges from them. It is for one submission alone: its kernels share the
user, so they could reach one another, but nothing of anybody else's. They keep the container's network.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from labkit import PACKAGE
from labkit.basics.errors import LabkitError
from labkit.course.kernels import OwnServer, Server
from labkit.grading.sandbox import kernel_checker
from labkit.grading.sandbox.bubblewrap import ENVIRONMENT, JUDGING_WINGS, NOT_JUDGING
from labkit.grading.sandbox.provisioners import UnsafeProvisioner

USER = 64_732  # a number that no account of a container's has


class SecondUserProvisioner(UnsafeProvisioner):
    """Starts a kernel of the second user, with limits on each process, in a scratch folder of its own."""

    def server(self) -> Server:
        """Return the second user's server."""
        return second_user_server()

    def give_away(self) -> None:
        """Make the scratch folder, what lies in it, and the file that names the sockets the second user's."""
        assert self.parent is not None
        for path in (self.parent.connection_file, self.folder, *self.folder.rglob("*")):
            os.chown(path, USER, USER)


def as_second_user(command: Sequence[str]) -> list[str]:
    """Return a command that runs another one as the second user, without a way back and without our environment."""
    powers = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
    places = {"PYTHONPATH": str(_shown_labkit()), "HOME": str(_shown_labkit() / "home"), "TMPDIR": "/tmp"}
    environment = [f"{name}={value}" for name, value in (ENVIRONMENT | places).items()]
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return [*user, *powers, "env", "-i", *environment, *command]


def refuse_without_second_user(hidden: Sequence[Path]) -> None:
    """Raise LabkitError, with the remedy, unless kernels of a second user start here and cannot read some paths.

    hidden: files and folders; labkit's own judges are tried as well.
    """
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        raise LabkitError(
            "There is neither a sandbox here nor a second user for the submission's code: run it as root, with setpriv "
            "(of util-linux), or where user namespaces are allowed, with bubblewrap."
        )
    started = subprocess.run(
        as_second_user([sys.executable, "-c", "import labkit.course.kernel_server"]), capture_output=True, text=True
    )
    if started.returncode:
        reason = (started.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabkitError(f"The second user cannot start {sys.executable} ({reason}): let everybody read it.")
    judges = sorted(PACKAGE.glob("exercises/nb*.py"))
    for path in (*hidden, *judges):
        if subprocess.run(as_second_user(["test", "-r", str(path)])).returncode == 0:
            raise LabkitError(f"The submission's code could read {path}: let only root read its folder (chmod go=).")


@cache
def _shown_labkit() -> Path:
    """Return a folder with the labkit that a kernel has, without judges, hints and right answers, and a home."""
    folder = Path(tempfile.mkdtemp(prefix="labkit-shown-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shown = folder / PACKAGE.name
    shutil.copytree(PACKAGE, shown, ignore=shutil.ignore_patterns(*JUDGING_WINGS, "__pycache__"))
    for name in NOT_JUDGING:
        (shown / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / name, shown / name)
    shutil.copyfile(kernel_checker.__file__, shown / "exercises" / "checker.py")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "home").mkdir()
    os.chown(folder / "home", USER, USER)
    return folder


def _wrap(folder: str) -> list[str]:
    os.chown(folder, USER, USER)
    return as_second_user([])


second_user_server = OwnServer(_wrap)
