"""Looks over an installation: one line a thing, ok or warning, and what to do."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import LabkitError, first_line
from labkit.basics.files import data_folder, home_folder, out_folder

LEAST_DISK = 2e9  # bytes: results of a full run, and a downloaded CIFAR-10


@dataclass(frozen=True)
class Finding:
    """One line of the examination: what was looked at, whether it is fine, what was found, what to do."""

    topic: str
    ok: bool
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{'ok     ' if self.ok else 'warning'}  {self.topic:<12} {self.found}"
        return f"{line}\n{'':22}{self.advice}" if self.advice else line


def examine() -> list[Finding]:
    """Return the findings on Python, packages, device, threads, data and disk."""
    findings = [_python(), *(_package(name) for name in ("torch", "torchvision"))]
    if findings[1].ok:
        findings += [_device(), _threads(), *(_data(name) for name in ("mnist", "cifar10"))]
    return [*findings, _disk()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding(
        "Python", ok, version, "" if ok else "labkit needs Python 3.11 or newer: make a new environment with it."
    )


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.import_module(name).__version__)
    except Exception as error:  # a broken binary raises RuntimeError or OSError rather than ImportError
        return Finding(
            name,
            False,
            f"cannot be imported: {first_line(error)}",
            "Install it again: `pip install --force-reinstall torch torchvision`.",
        )


def _device() -> Finding:
    from labkit.basics.machine import describe_machine, get_device

    try:
        device = get_device()
    except LabkitError as error:
        return Finding("device", False, "LABKIT_DEVICE", str(error))
    machine = describe_machine()
    if device.type == "cuda":
        return Finding("device", True, f"{machine['device']} (CUDA)")
    return Finding("device", True, f"CPU: {machine['processor']}, {machine['cores']} cores; no GPU is needed")


def _threads() -> Finding:
    from labkit.basics.machine import set_threads

    try:
        threads = set_threads()
    except LabkitError as error:
        return Finding("threads", False, "LABKIT_THREADS", str(error))
    return Finding("threads", True, f"{threads}, fixed so that results repeat; LABKIT_THREADS changes it")


def _data(name: str) -> Finding:
    from labkit.data.datasets import EMBEDDED_TITLES, TITLES, load

    folder = data_folder()
    try:
        dataset = load(name)
    except LabkitError as error:
        return Finding(TITLES[name], False, f"unusable in {folder}", str(error))
    if dataset.provenance.real:
        return Finding(TITLES[name], True, f"{dataset} in {folder}")
    advice = f"For the real one: `labkit fetch {name}`, which downloads into {folder}."
    return Finding(TITLES[name], True, f"not in {folder}; the {EMBEDDED_TITLES[name]} stand in", advice)


def _disk() -> Finding:
    folder = out_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding(
            "disk", False, f"{folder} cannot be written", "Run labkit in a folder of your own, or use --out."
        )
    ok = free > LEAST_DISK
    return Finding(
        "disk",
        ok,
        f"{free / 1e9:.0f} GB free in {_short(folder)}",
        "" if ok else "A full run needs 2 GB: free some space.",
    )


def _short(folder: Path) -> str:
    home = home_folder()
    return f"~/{folder.relative_to(home)}" if home and folder.is_relative_to(home) else str(folder)
