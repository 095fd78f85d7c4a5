"""Looks over an installation: one line a thing, ok or warning, and what to do."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.basics.errors import LabkitError, first_line
from labkit.basics.files import data_folder, home_folder, out_folder
from labkit.basics.installed.extras import CORE, EXTRAS, PACKAGES, absent, line_for

# What a student would miss, by the extra that brings it: what is imported to see whether it works.
IMPORTED = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "notebooks": ("numpy", "pandas", "matplotlib", "seaborn", "sklearn"),
    "lab": ("jupyterlab", "ipykernel"),
    "run": ("nbclient", "papermill", "labkit.course.run_all", "labkit.course.submit"),
    "report": ("jinja2", "pypandoc", "typst", "labkit.report.document"),
    "widgets": ("anywidget",),
}
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


def examine() -> Iterator[Finding]:
    """Yield the findings, each as soon as it is known: first what is not there, for importing what is takes a while."""
    yield _python()
    yield _disk()
    missing = [finding for topic in IMPORTED if (finding := _missing(topic))]
    yield from missing
    working = set()
    there = [topic for topic in IMPORTED if topic not in {finding.topic for finding in missing}]
    for topic in there:
        yield (finding := _imported(topic))
        if finding.ok:
            working.add(topic)
    if "torch" in working:
        yield _device()
        yield _threads()
        for name in ("mnist", "cifar10"):
            yield _data(name)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding(
        "Python", ok, version, "" if ok else "labkit needs Python 3.11 or newer: make a new environment with it."
    )


def _missing(topic: str) -> Finding | None:
    """Return what is not installed of a topic, and the line that installs it; nothing is imported to find out."""
    modules = {**EXTRAS, "notebooks": CORE}.get(topic, (topic,))
    if not (names := absent(modules)):
        return None
    line = line_for(topic) if topic in EXTRAS else f"`pip install {' '.join(names)}`"
    reason = _why_no_torch() if topic == "torch" else ""
    return Finding(topic, False, f"not installed: {', '.join(names)}", reason or f"Install what is missing: {line}.")


def _why_no_torch() -> str:
    """Say why PyTorch cannot be installed here, and what to do; nothing where that is not known."""
    if sys.maxsize < 2**32:
        return "There is no PyTorch for this 32-bit Python: make a new environment with the 64-bit one."
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return (
            "PyTorch ended with 2.2 for Macs with an Intel processor, and labkit needs 2.6: open the notebooks on "
            "Google Colab, or the folder in GitHub Codespaces. (On a Mac with Apple's own processor: make a new "
            "environment with a Python for arm64.)"
        )
    if sys.version_info >= (3, 14) and importlib.util.find_spec("torch") is None:
        return (
            "PyTorch comes out for a new Python months after it: where pip finds none for "
            f"{sys.version_info[0]}.{sys.version_info[1]}, make a new environment with Python 3.12 or 3.13."
        )
    return ""


def _imported(topic: str) -> Finding:
    """Import what belongs to a topic, as commands and notebooks do, and return how that went."""
    found = []
    for name in IMPORTED[topic]:
        try:
            module = importlib.import_module(name)
            if name == "pypandoc":
                module.get_pandoc_version()  # OSError where the program is not there or does not start
        except Exception as error:  # a broken binary raises RuntimeError or OSError rather than ImportError
            missing = str(getattr(error, "name", None) or name).partition(".")[0]  # perhaps of what it imports
            package = "torch torchvision" if missing.startswith("torch") else PACKAGES.get(missing, missing)
            advice = f"Install it again: `pip install --force-reinstall {package}`."
            reason = _why_no_torch() if topic == "torch" else ""
            return Finding(topic, False, f"{name} cannot be imported: {first_line(error)}", reason or advice)
        if not name.startswith("labkit."):
            found.append(f"{PACKAGES.get(name, name) if name != topic else ''} {module.__version__}".strip())
    return Finding(topic, True, ", ".join(found))


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
    from labkit.data.datasets import EMBEDDED_TITLES, load
    from labkit.data.sources import TITLES

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
