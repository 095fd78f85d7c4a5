"""Forbid a process, for good, what no notebook needs of the Linux kernel (seccomp).

Forbidden are new namespaces, which would escape a guard that counts processes; memory that belongs to no process, which
would escape one that counts memory; sockets beyond those of a network namespace; and rarely used, often broken doors.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

# The number of each call on x86_64 and on aarch64 (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h).
CLONE, CLONE3, MMAP, SOCKET = (56, 220), (435, 435), (9, 222), (41, 198)
FORBIDDEN = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
PROCESSORS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_... of linux/audit.h
X32 = 0x40000000  # numbers from here on are a second set, of x86_64 alone
NEW_NAMESPACES = 0x7E020000  # CLONE_NEW... of linux/sched.h
SHARED_ANONYMOUS = 0x21  # MAP_SHARED | MAP_ANONYMOUS: its pages stay when no process counts them any more
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; AF_VSOCK would reach the host of a virtual machine
# linux/bpf_common.h, linux/seccomp.h: load a word, jump where equal / greater or equal / any bit is set, mask, return
LOAD, EQUAL, AT_LEAST, MASK, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # bytes into what a filter looks at
ALLOW, DENY, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
SET_SECCOMP, FILTER = 22, 2  # linux/prctl.h


def supported() -> bool:
    """Whether the calls of this processor are known here."""
    return platform.machine() in PROCESSORS


def forbid() -> None:
    """Let the forbidden calls of this process, and of all that it starts, fail from now on (EPERM).

    Needs no rights, but the promise of no new ones (PR_SET_NO_NEW_PRIVS). OSError where it cannot be done.
    """
    if not supported():
        raise OSError(f"The system calls of {platform.machine()} are not known to labkit.")
    code = b"".join(struct.pack("HBBI", *line) for line in _filter(*PROCESSORS[platform.machine()]))
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    if ctypes.CDLL(None, use_errno=True).prctl(SET_SECCOMP, FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls cannot be set")


def _filter(column: int, architecture: int) -> list[tuple[int, int, int, int]]:
    """Return the filter's lines: instruction, lines to jump if true and if false, value."""
    deny = (RETURN, 0, 0, DENY)
    lines = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), deny, (LOAD, 0, 0, NUMBER)]
    lines += [(AT_LEAST, 0, 1, X32), deny]
    for numbers in FORBIDDEN.values():
        lines += [(EQUAL, 0, 1, numbers[column]), deny]
    # Its arguments lie where no filter can see them; without it, C libraries use clone.
    lines += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, UNKNOWN)]
    lines += [(EQUAL, 0, 4, CLONE[column]), (LOAD, 0, 0, ARGUMENTS), (MASK, 0, 0, NEW_NAMESPACES)]
    lines += [(EQUAL, 1, 0, 0), deny, (LOAD, 0, 0, NUMBER)]
    lines += [(EQUAL, 0, 4, MMAP[column]), (LOAD, 0, 0, ARGUMENTS + 3 * 8), (MASK, 0, 0, SHARED_ANONYMOUS)]
    lines += [(EQUAL, 0, 1, SHARED_ANONYMOUS), deny, (LOAD, 0, 0, NUMBER)]
    lines += [(EQUAL, 0, 2 + len(FAMILIES), SOCKET[column]), (LOAD, 0, 0, ARGUMENTS)]
    lines += [(EQUAL, len(FAMILIES) - place, 0, family) for place, family in enumerate(FAMILIES)]
    return [*lines, deny, (RETURN, 0, 0, ALLOW)]
