"""Run a program as on Windows or macOS: what is missing there is missing for labkit's modules, here and in its kernels.

    python -X warn_default_encoding other_systems.py windows labkit run 01

The libraries see Linux, on which they run; their makers test them on those systems. Of the file system, Windows' rules
hold for all: what is open stays, and some names are none.
"""

import builtins
import io
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types
import warnings
from pathlib import Path

POSIX_MODULES = {"fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty", "pty"}
LINUX_ONLY = {
    "os": {"sched_getaffinity", "sched_setaffinity", "pidfd_open", "memfd_create", "unshare", "O_PATH"},
    "signal": {"pidfd_send_signal"},
    "select": {"epoll"},
}
POSIX_ONLY = {
    "os": {
        *("fork", "forkpty", "fchmod", "fchown", "chown", "getuid", "geteuid", "getgid", "getegid", "setsid", "getsid"),
        *(
            "killpg",
            "getpgid",
            "nice",
            "uname",
            "mkfifo",
            "statvfs",
            "WNOHANG",
            "O_NOFOLLOW",
            "O_DIRECTORY",
            "O_NONBLOCK",
        ),
        *("waitid", "wait3", "wait4", "getloadavg", "sysconf", "posix_spawn", "chroot", "getgroups"),
    },
    "signal": {
        "SIGKILL",
        "SIGHUP",
        "SIGALRM",
        "SIGCHLD",
        "SIGUSR1",
        "pthread_sigmask",
        "setitimer",
        "alarm",
        "sigwait",
    },
    "socket": {"AF_UNIX", "send_fds", "recv_fds"},
    "select": {"poll"},
}
FORBIDDEN = re.compile(r'[<>:"|?*]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
LONGEST = 259  # characters of a path
VIEWED = "OPEN_IN_A_VIEWER"  # the variable that names a file which another program has open


class Seen(types.ModuleType):
    """A module as labkit sees it there."""

    def __init__(self, name, missing=(), **changed):
        super().__init__(name)
        self.__dict__.update(changed, real=__import__(name), missing=missing)

    def __getattr__(self, name):
        if name in self.__dict__["missing"]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.__dict__["real"], name)


def simulate(system):
    """Let labkit's modules, imported from now on, see that system."""
    windows = system == "windows"
    gone = {name: LINUX_ONLY.get(name, set()) | (POSIX_ONLY[name] if windows else set()) for name in POSIX_ONLY}
    facts = ("win32", "Windows", "AMD64") if windows else ("darwin", "Darwin", "arm64")
    modules = {name: Seen(name, missing) for name, missing in gone.items()}
    if windows:  # paths may have either bar
        getattr(pathlib, "_posix_flavour", os.path).altsep = "\\"
    modules["sys"] = Seen("sys", platform=facts[0])
    modules["platform"] = Seen(
        "platform", system=lambda: facts[1], machine=lambda: facts[2], processor=lambda: facts[2], release=lambda: "1"
    )
    if windows:
        modules["os"].name = "nt"
        modules["ctypes"] = Seen("ctypes", CDLL=_no_program_itself)
        starters = {name: _as_on_windows(getattr(subprocess, name)) for name in ("Popen", "run", "check_output")}
        modules["subprocess"] = Seen("subprocess", **starters)
        _keep_windows_rules_for_files()
    imported, opened = builtins.__import__, builtins.open

    def import_(name, globals=None, locals=None, fromlist=(), level=0):
        top = name.split(".")[0]
        if level == 0 and _is_ours(globals or {}):
            if windows and top in POSIX_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if top in modules and (name == top or not fromlist):
                return modules[top]
        return imported(name, globals, locals, fromlist, level)

    def open_(file, *arguments, **keywords):
        if str(file).startswith("/proc/") and _is_ours(sys._getframe(1).f_globals):
            raise FileNotFoundError(2, "No such file or directory", file)
        return opened(file, *arguments, **keywords)

    builtins.__import__, builtins.open = import_, open_
    _simulate_in_kernels(system)
    warnings.simplefilter("ignore", EncodingWarning)  # of the libraries
    warnings.filterwarnings("error", category=EncodingWarning, module=r"labkit(\.|$)")


def _is_ours(namespace):
    return str(namespace.get("__name__")).partition(".")[0] == "labkit"


def _no_program_itself(name, *_, **__):
    raise TypeError("expected str, bytes or os.PathLike object, not NoneType")


def _as_on_windows(start):
    def started(*arguments, **keywords):
        for name in ("pass_fds", "preexec_fn", "process_group"):
            if keywords.get(name):
                raise ValueError(f"{name} is not supported on Windows platforms")
        if keywords.get("text") and not keywords.get("encoding"):
            raise ValueError("what it prints would be read as cp1252, which is not all that programs print")
        return start(*arguments, **keywords)

    return started


def _simulate_in_kernels(system):
    start = subprocess.Popen.__init__

    def started(self, args, *rest, **keywords):
        if list(args[:3]) == [sys.executable, "-m", "ipykernel_launcher"]:
            args = [sys.executable, "-X", "warn_default_encoding", __file__, system, *args[2:]]
        start(self, args, *rest, **keywords)

    subprocess.Popen.__init__ = started


def _keep_windows_rules_for_files():
    def guarded(function, opens=False):
        def call(path, *arguments, **keywords):
            if not isinstance(path, int):
                writes = arguments and (
                    arguments[0] & os.O_CREAT if isinstance(arguments[0], int) else set(str(arguments[0])) & set("wxa")
                )
                names = [path] if opens and writes else [] if opens else [path, *arguments[:1]]
                for name in names:
                    if isinstance(name, (str, os.PathLike)):
                        _refuse(Path(name), opens)
            return function(path, *arguments, **keywords)

        return call

    builtins.open = guarded(builtins.open, opens=True)
    io.open = guarded(io.open, opens=True)
    os.open = guarded(os.open, opens=True)
    for name in ("replace", "rename", "unlink", "remove", "mkdir"):
        setattr(os, name, guarded(getattr(os, name)))


def _refuse(path, opens):
    whole = path.absolute()
    if FORBIDDEN.search(whole.name):
        raise OSError(22, "The filename, directory name, or volume label syntax is incorrect", str(path))
    if len(str(whole)) > LONGEST:
        raise FileNotFoundError(2, "The system cannot find the path specified", str(path))
    if not opens and str(whole) == os.environ.get(VIEWED):
        raise PermissionError(13, "The process cannot access the file: it is being used", str(path))
    if not opens and whole.is_file():
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                used = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:
                continue
            if used == str(whole):
                raise PermissionError(13, "The process cannot access the file: it is being used", str(path))


if __name__ == "__main__":
    _, system, program, *arguments = sys.argv
    sys.path.pop(0)  # this folder
    simulate(system)
    sys.argv = [program, *arguments]
    if program == "labkit":
        from labkit.cli import main

        main()
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
