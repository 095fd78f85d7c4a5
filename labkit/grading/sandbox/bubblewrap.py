"""Bubblewrap: the view of the system that the server of untrusted kernels has, and whether it can be had here.

A kernel sees the system read-only, Python and labkit, the data, and an empty scratch folder; not the home folder, not
the notebooks with solutions, no other kernel and no network.
"""

from __future__ import annotations

import os
import platform
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

from labkit import PACKAGE
from labkit.basics.errors import LabkitError
from labkit.basics.files import data_folder, rehearsed_folder
from labkit.data.known import KNOWN
from labkit.data.places import parts_to_read
from labkit.grading.sandbox import kernel_checker, syscalls

SCRATCH = "/home/student"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/sys/devices/system/cpu")
# Of these wings, which hold right answers and their judges, a kernel sees only what notes answers and shuts it away.
JUDGING_WINGS = ("exercises", "grading")
NOT_JUDGING = (
    *(f"exercises/{name}.py" for name in ("__init__", "answers", "notes")),
    *sorted(f"exercises/{path.name}" for path in PACKAGE.glob("exercises/*trials.py")),
    "grading/__init__.py",
    *(f"grading/sandbox/{name}.py" for name in ("__init__", "confine", "guard", "syscalls")),
)
ENVIRONMENT = {  # nothing of the TA's
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "student",
    "LOGNAME": "student",
    "PIP_NO_INDEX": "1",  # there is no network: say so at once
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def refuse_without_linux() -> None:
    """Raise LabkitError on other systems, where much of `labkit.grading` cannot even be imported."""
    if sys.platform != "linux":
        raise LabkitError(
            "labkit grade needs Linux: run it in a Linux machine, e.g. WSL 2 on Windows, or a virtual one."
        )


def refuse_without_sandbox() -> None:
    """Raise LabkitError, with the remedy, unless a process can be shut away here."""
    if not syscalls.supported():
        raise LabkitError(
            f"The sandbox knows x86_64 and aarch64, and not this processor ({platform.machine()}): run labkit grade on "
            "another machine, or, for submissions that you trust, with --unsafe."
        )
    if shutil.which("bwrap") is None:
        raise LabkitError(
            "The sandbox needs bubblewrap: install it (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install "
            "bubblewrap), or, for submissions that you trust, use --unsafe."
        )
    try_out = "from labkit.grading.sandbox.confine import try_out; try_out()"
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder:
        command = wrap(folder)
        plain = subprocess.run([*command, "true"], capture_output=True, text=True)
        nested = subprocess.run([*command, sys.executable, "-c", try_out], capture_output=True, text=True)
    if plain.returncode or nested.returncode:
        reason = (plain.stderr + nested.stderr).strip().splitlines() or ["namespaces cannot be made"]
        raise LabkitError(
            f"The sandbox cannot start ({reason[-1]}): allow user namespaces (sysctl user.max_user_namespaces above 0, "
            "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a "
            "container, run it with seccomp=unconfined; it needs Linux 5.8), or, for submissions that you trust, use "
            "--unsafe."
        )


def wrap(folder: str) -> list[str]:
    """Return the command that starts a program in bubblewrap; `folder` stays writable, and holds the sockets."""
    # Python, its libraries and labkit, but never CHECKOUT, which holds the solutions.
    libraries = [*map(Path, (sys.prefix, sys.base_prefix, *site.getsitepackages())), PACKAGE]
    if site.ENABLE_USER_SITE:
        libraries += [Path(site.getusersitepackages())]
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
    command += ["--tmpfs", "/dev/shm"]
    command += ["--dir", "/tmp", "--tmpfs", "/tmp", "--tmpfs", "/home", "--tmpfs", SCRATCH]
    for system_path in SYSTEM:
        if Path(system_path).is_symlink():
            command += ["--symlink", os.readlink(system_path), system_path]
        elif Path(system_path).exists():
            command += ["--ro-bind", system_path, system_path]
    for system_path in SETTINGS:
        command += ["--ro-bind-try", system_path, system_path]
    for path in sorted({form for library in libraries for form in (library, library.resolve())}):
        if path.is_dir() and not path.is_relative_to("/usr"):
            command += ["--ro-bind", str(path), str(path)]
    places = _places_of_labkit(libraries)
    hidden = [f"{place}/{wing}" for place in places for wing in JUDGING_WINGS]
    for wing in hidden:
        command += ["--tmpfs", wing]
    for place in places:
        for name in NOT_JUDGING:
            command += ["--ro-bind", str(PACKAGE / name), f"{place}/{name}"]
        command += ["--ro-bind", kernel_checker.__file__, f"{place}/exercises/checker.py"]
    command += _bind_data()
    if rehearsed := rehearsed_folder():
        command += ["--ro-bind-try", str(rehearsed), str(rehearsed)]
    command += ["--bind", folder, folder]
    for mount_point in (*hidden, "/dev", "/home", "/tmp", "/"):  # bubblewrap's own, which all kernels would share
        command += ["--remount-ro", mount_point]
    command += ["--clearenv"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    return [*command, "--setenv", "PYTHONPATH", str(PACKAGE.parent), "--chdir", "/"]


def _bind_data() -> list[str]:
    """Return the options that show, in the data folder, the files that are read from it, and nothing beside them.

    What stands behind a link is shown in the link's place: the folder may hold links to other disks, and anything else.
    """
    folder = data_folder()
    if not folder.is_dir():
        return []
    parts = dict.fromkeys(part for name in KNOWN for part in parts_to_read(name, folder))
    binds = [option for part in parts for option in ("--ro-bind-try", str(part.resolve()), str(part))]
    return ["--dir", str(folder), *binds]


def _places_of_labkit(libraries: list[Path]) -> list[Path]:
    """Return every path at which these folders, bound by their own names and by what they are links to, show labkit."""
    forms = {(form, library.resolve()) for library in libraries for form in (library, library.resolve())}
    return sorted({form / PACKAGE.relative_to(real) for form, real in forms if PACKAGE.is_relative_to(real)})


def wrap_and_tidy(folder: str) -> list[str]:
    """Return `wrap`'s command, under a shell that removes the folder when the server has ended with a killed client.

    The server, which cannot remove what is mounted, empties it only where it has imported everything. It is also the
    shell that bubblewrap dies with: its parent would else be a thread, which may end before the client.
    """
    return ["/bin/sh", "-c", '"$@"; rm -rf "$0"', folder, *wrap(folder)]
