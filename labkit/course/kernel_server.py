"""The server of warm kernels: it imports the course's libraries once, and forks one ready kernel for each request."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import inspect
import json
import os
import random
import shutil
import signal
import socket
import sys
import sysconfig
from typing import Any, BinaryIO

from labkit.basics.lifeline import tie, untie

READY = b"!"  # what the server sends once it has imported everything
PR_SET_PDEATHSIG = 1  # linux/prctl.h
PRELOADED = (  # what kernels and the course's notebooks import
    "ipykernel.kernelapp",
    "jinja2",  # pandas' styled tables
    "labkit.exercises.checker",
    "labkit.models.layers",
    "labkit.models.profiling",
    "labkit.models.scratch",
    "labkit.report.run",
    "labkit.training.sweeps",
    "sklearn.datasets",
    "sklearn.metrics",
    "sklearn.model_selection",
    "torch.profiler",
    "torch.utils.flop_counter",
)


def serve(descriptor: int, folder: str) -> None:
    """Import everything, say so, then fork a kernel for each request, until the client ends.

    The server computes nothing and starts no thread: a forked copy of a thread pool would wait for threads that it
    does not have.
    """
    tie(descriptor)
    connection = socket.socket(fileno=descriptor)
    before = set(os.environ)
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # keeps the debugger's notices out of outputs
    _preload()
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, all memory that kernels share with the server
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels go away by themselves
    added = {name: value for name, value in os.environ.items() if name not in before}  # by what was imported
    requests = connection.makefile("rb")
    untie(descriptor)
    with contextlib.suppress(OSError):  # the client ended meanwhile
        connection.sendall(READY)
    server = os.getpid()
    while line := _next_line(requests):
        child = os.fork()
        if child == 0:
            requests.close()
            connection.close()
            arguments, environment, cwd, shut_away = json.loads(line)
            _die_with(server)
            _become_kernel(arguments, added | environment, cwd, shut_away)
        process = os.pidfd_open(child)
        with contextlib.suppress(OSError):  # the client ended meanwhile
            socket.send_fds(connection, [str(child).encode()], [process])
        os.close(process)
    shutil.rmtree(folder, ignore_errors=True)  # kernels end with this process
    os._exit(0)  # without the time that libraries take for their end, and without what they say in it


def _next_line(requests: BinaryIO) -> bytes:
    """Return what the client asks for; nothing once it has ended."""
    with contextlib.suppress(ConnectionResetError):  # it ended with words unread
        return requests.readline()
    return b""


def _preload() -> None:
    """Import what notebooks import and takes long. Nothing of it may start a thread or compute anything."""
    for name in PRELOADED:
        importlib.import_module(name)
    import torch

    import labkit.report.plots

    for name in dir(labkit.report.plots):
        getattr(labkit.report.plots, name)  # a face loads its names late
    torch.optim.Adam([torch.zeros(1)], fused=True)  # the first optimiser imports as much as torch itself


def _die_with(server: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # too late for the signal
        os._exit(1)


def _become_kernel(
    arguments: list[str], environment: dict[str, str], folder: str, shut_away: tuple[str, str, dict[str, Any]] | None
) -> None:
    """Turn a fork of the server into the kernel that ipykernel_launcher would have been; never returns.

    shut_away: see `kernels.ShutAway`; whoever names a function also chooses the folder to work in.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    seal = None
    if shut_away:
        module, name, keywords = shut_away
        seal = getattr(importlib.import_module(module), name)(**keywords)
    else:
        os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("JPY_PARENT_PID", None)  # the server is the parent, and its end is the kernel's
    if (threads := environment.get("OMP_NUM_THREADS", "")).isdigit():
        importlib.import_module("torch").set_num_threads(int(threads))
    _reseed()
    status = 1
    try:
        from ipykernel import kernelapp

        sys.argv = [kernelapp.__file__.replace("ipykernel/kernelapp", "ipykernel_launcher"), *arguments]

        class App(kernelapp.IPKernelApp):
            def init_iopub(self, context: Any) -> None:
                context.sndhwm = 0  # what a slow client has not read waits; else all from the 1,001st message are lost
                super().init_iopub(context)

        app = App.instance()
        app.initialize([*arguments, "--HistoryManager.enabled=False"])
        _know_cells(app.shell)
        if seal:
            seal()  # the sockets are bound
        _find_modules_here()
        app.start()
        app.control_thread.join(2)  # it may still be sending; ended first, the rest ends without a stall
        status = 0
    finally:
        import atexit

        atexit._run_exitfuncs()
        os._exit(status)


def _find_modules_here() -> None:
    """Let imports look into the folder of the notebook, as in JupyterLab: behind Python's own modules, before others.

    The server's own -P keeps that folder out.
    """
    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sysconfig.get_config_var("DESTSHARED")}
    places = [place for place, folder in enumerate(sys.path) if folder in own]
    if "" not in sys.path:
        sys.path.insert(max(places, default=-1) + 1, "")


def _know_cells(shell: Any) -> None:
    """Tell `inspect` to which module a cell belongs before it runs.

    For each call of a traceback that it does not know it looks through all modules: 20 s for an endless recursion.
    """

    def know(info: Any) -> None:
        inspect.modulesbyfile[shell.compile.get_code_name(info.raw_cell, info.raw_cell, 0)] = "__main__"

    shell.events.register("pre_run_cell", know)


def _reseed() -> None:
    """Give the kernel random numbers of its own: a fork has its parent's state."""
    import numpy as np
    import torch

    random.seed()
    np.random.seed()  # noqa: NPY002 - student code may draw from the global generator
    torch.seed()
