"""Shut a process away: namespaces of its own, and limits on what it uses. Linux only.

`enter` is called in a fork of a warm server that runs in bubblewrap. Bubblewrap gives the read-only view of the system;
this gives each kernel its own processes, network, scratch folder and sockets inside of that view.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from labkit.grading.sandbox import syscalls
from labkit.grading.sandbox.guard import THREADS, Limits, watch

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = 1 << 17, 1 << 27, 1 << 28, 1 << 29, 1 << 30  # sched.h
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS, REMOUNT = 1, 2, 4, 8, 32  # mount.h
BIND, MOVE, RECURSIVE, PRIVATE = 1 << 12, 1 << 13, 1 << 14, 1 << 18
DEATH_SIGNAL, DUMPABLE, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 1, 4, 24, 38  # prctl.h
CAPABILITIES_V3, LAST_CAPABILITY = 0x20080522, 63  # capability.h
SMALL = "size=64k,nr_inodes=64"  # of folders that hold only what is mounted there
FILES = 100_000  # in a scratch folder: each takes memory, however little is in it
RESERVED = 300  # numbers that a namespace of processes does not give out twice
POLITENESS = 5  # a kernel's processes leave the processor to its guard, however many they are
STACKS = 2_000_000_000  # bytes of addresses for the stacks and arenas of threads, most of them never used
DETACH = 2  # mount.h
COVERED_BY_BUBBLEWRAP = ("bus", "irq", "sys", "sysrq-trigger")  # in /proc, where root could write
# Of the machine, what libraries ask for and tells nothing about anybody: psutil, joblib, torch, free, uptime.
MACHINE_FACTS = {"cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "vmstat"}

_libc = ctypes.CDLL(None, use_errno=True)


def enter(scratch: list[str], files: str, sockets: str, report: str, limits: dict[str, int]) -> Callable[[], None]:
    """Return in a new process that is shut away; the process that called stays outside as its guard, and never returns.

    Returned is a function to call once the sockets are bound and before any untrusted code runs: from then on nothing
    can be written where the outside sees it.

    scratch: where empty folders of `disk` bytes appear; the first is the one to work in.
    files: folder whose content appears in the first of them, once nothing can be written outside any more.
    sockets: folder that is shared with the outside; others beside it disappear.
    report: file for what the guard saw, as "reason peak": why it ended the kernel ("memory", "processes", and "-" where
    it did not), and the largest memory in bytes. limits: the fields of `Limits`.
    """
    bounds = Limits(**limits)
    _leave_users_and_processes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if first := os.fork():
        try:
            _do(_libc.prctl(DUMPABLE, 0, 0, 0, 0))  # the guard's memory is not for those it guards
            watch(first, Path(report), bounds)
        finally:
            os._exit(0)
    _do(_libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))
    _do(_libc.unshare(NEW_MOUNTS | NEW_NETWORK | NEW_IPC))
    brought = {path.relative_to(files): path.read_bytes() for path in Path(files).rglob("*") if path.is_file()}
    _arrange_folders(scratch, sockets, bounds.disk)
    with contextlib.suppress(OSError):  # Linux 6.14 and newer; it holds for root as well, unlike RLIMIT_NPROC
        Path("/proc/sys/kernel/pid_max").write_text(str(RESERVED + THREADS * bounds.processes))
    _show_own_processes()
    inside, outside = socket.socketpair()
    # The first process of a namespace ignores signals from within, so the kernel is the second; all end with the first.
    if kernel := os.fork():
        inside.close()
        _lead(kernel, outside, sockets)
    outside.close()
    os.setsid()  # or it could stop its guard, by a signal to the group of processes in which both would be
    _drop_capabilities()
    syscalls.forbid()
    limit(bounds)
    os.nice(POLITENESS)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def seal() -> None:
        with inside:
            inside.send(b"?")
            if not inside.recv(1):
                raise OSError(f"{sockets} could not be made read-only")
        for name, content in brought.items():
            path = scratch[0] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        brought.clear()

    return seal


def try_out() -> NoReturn:
    """End this process, with 0 if Linux has here what `enter` needs: namespaces, and a /proc of their own."""
    _leave_users_and_processes()
    if first := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
    _do(_libc.unshare(NEW_MOUNTS | NEW_NETWORK | NEW_IPC), "new namespaces")
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    _mount_own_proc()
    os._exit(0)


def limit_alone(folder: str, limits: dict[str, int]) -> None:
    """Work in `folder` within the limits on each process, and nothing more: without a guard and namespaces."""
    os.chdir(folder)
    limit(Limits(**limits))


def limit(bounds: Limits) -> None:
    """Set what the kernel of Linux limits for each process of this one's; without a guard, that is all there is."""
    loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, value in (
        (resource.RLIMIT_AS, loaded + 2 * bounds.memory + STACKS),  # one request for far too much fails at once
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, bounds.cpu),
        (resource.RLIMIT_FSIZE, bounds.disk),
        (resource.RLIMIT_NOFILE, 1_024),
        (resource.RLIMIT_NPROC, THREADS * bounds.processes),  # of a user, threads counted; not for root
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _lead(kernel: int, connection: socket.socket, sockets: str) -> NoReturn:
    """Be the first process: close the folder of the sockets when asked to, collect orphans, end with the kernel."""
    try:
        _do(_libc.prctl(DUMPABLE, 0, 0, 0, 0))
        with connection:
            if connection.recv(1):
                flags = os.statvfs(sockets).f_flag & (NO_SETUID | NO_DEVICES | NO_PROGRAMS)
                _mount("none", sockets, None, REMOUNT | BIND | READ_ONLY | flags)
                _drop_capabilities()
                connection.send(b"!")
        while os.wait()[0] != kernel:
            pass
    finally:
        os._exit(0)


def _arrange_folders(scratch: list[str], sockets: str, size: int) -> None:
    """Give the new mount namespace empty scratch folders, and hide other kernels: their sockets and processes."""
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    descriptor = os.open(sockets, os.O_PATH)
    _mount("none", str(Path(sockets).parent), "tmpfs", NO_SETUID | NO_DEVICES, f"{SMALL},mode=755")
    Path(sockets).mkdir()
    _mount(f"/proc/self/fd/{descriptor}", sockets, None, BIND)
    os.close(descriptor)
    for folder in scratch:
        _mount("none", folder, "tmpfs", NO_SETUID | NO_DEVICES, f"size={size},nr_inodes={FILES},mode=700")
    _mount("/dev/null", "/dev/zero", None, BIND)  # mapped, its pages would be memory that no process counts
    os.chdir(scratch[0])


def _uncover_proc() -> None:
    """Take away what bubblewrap laid over /proc for root: Linux lets nobody mount a /proc where another is covered.

    For others it covers nothing, since they can write nothing there, and they may not do this either. What is seen
    here is the guard's alone; the kernel gets a /proc of its own.
    """
    if _libc.unshare(NEW_MOUNTS) == 0:
        _mount("none", "/", None, RECURSIVE | PRIVATE)
        for name in COVERED_BY_BUBBLEWRAP:
            _libc.umount2(f"/proc/{name}".encode(), DETACH)  # fails where nothing lies


def _leave_users_and_processes() -> None:
    user, group = os.getuid(), os.getgid()
    _uncover_proc()
    _do(_libc.unshare(NEW_USER | NEW_PROCESSES), "new namespaces")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _mount_own_proc() -> None:
    """Let /proc show the processes of this namespace that a process may trace: so not the first one. (Linux 5.8)"""
    _mount("proc", "/proc", "proc", NO_SETUID | NO_DEVICES | NO_PROGRAMS, "hidepid=ptraceable")


def _show_own_processes() -> None:
    """Let /proc show the processes of this namespace and some facts about the machine, and nothing else."""
    _mount_own_proc()
    covers = Path("covers").absolute()
    covers.mkdir()
    _mount("none", str(covers), "tmpfs", NO_SETUID | NO_DEVICES, f"{SMALL},mode=755")
    (covers / "folder").mkdir(mode=0)
    (covers / "file").touch(mode=0)
    _mount("none", str(covers), None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES)  # so it stays unreadable
    for entry in os.scandir("/proc"):
        if not (entry.is_symlink() or entry.name.isdigit() or entry.name in MACHINE_FACTS):  # links lead to oneself
            _mount(str(covers / ("folder" if entry.is_dir() else "file")), entry.path, None, BIND)
    _do(_libc.umount2(str(covers).encode(), DETACH), "umount")
    covers.rmdir()


def _drop_capabilities() -> None:
    """Give up all power over the new namespaces, so that nothing that was hidden can be uncovered."""
    _do(_libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    for capability in range(LAST_CAPABILITY + 1):
        _libc.prctl(DROP_CAPABILITY, capability, 0, 0, 0)  # fails for those that this kernel of Linux does not know
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0)
    _do(_libc.capset(header, (ctypes.c_uint32 * 6)()))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    _do(_libc.mount(*encoded, flags, options.encode()), f"mount {target}")


def _do(result: int, what: str = "") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what or 'system call'}: {os.strerror(number)}")
