import importlib
import shutil
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest
from makers import IDX_NAMES, write_mnist

from labkit.course.doctor import Finding, examine


@pytest.fixture(autouse=True)
def few_shapes(monkeypatch):
    """Draw a few shapes only, for the sake of time."""
    monkeypatch.setattr("labkit.data.embedded.SHAPES_TRAIN", 200)
    monkeypatch.setattr("labkit.data.embedded.SHAPES_TEST", 50)


def topics(findings):
    return {finding.topic: finding for finding in findings}


def test_all_is_well_here(monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10e9, 0, 10e9))
    findings = topics(examine())
    packages = ["torch", "torchvision", "notebooks", "run", "report"]
    assert list(findings) == ["Python", "disk", *packages, "device", "threads", "MNIST", "CIFAR-10"]
    assert [finding.topic for finding in findings.values() if not finding.ok] == []
    assert "embedded digits stand in" in findings["MNIST"].found
    assert "labkit fetch mnist" in findings["MNIST"].advice
    assert "10 GB free" in findings["disk"].found


def test_it_says_something_before_it_imports_anything(monkeypatch):
    monkeypatch.setattr(importlib, "import_module", None)
    findings = examine()
    assert [next(findings).topic, next(findings).topic] == ["Python", "disk"]


@pytest.mark.parametrize(
    ("module", "topic", "package"),
    [
        ("sklearn", "notebooks", "scikit-learn"),
        ("papermill", "run", "papermill"),
        ("labkit.course.submit", "run", "labkit"),
        ("pypandoc", "report", "pypandoc_binary"),
    ],
)
def test_what_a_command_needs_is_imported_as_it_does(monkeypatch, module, topic, package):
    monkeypatch.setitem(sys.modules, module, None)
    finding = topics(examine())[topic]
    assert not finding.ok
    assert finding.found.startswith(f"{module} cannot be imported: ")
    assert finding.advice == f"Install it again: `pip install --force-reinstall {package}`."


def test_a_pandoc_that_does_not_start_is_told(monkeypatch):
    def broken():
        raise OSError("No pandoc was found")

    monkeypatch.setattr("pypandoc.get_pandoc_version", broken)
    assert "No pandoc was found" in topics(examine())["report"].found


@pytest.mark.parametrize(
    ("system", "machine", "version", "bits", "sentence"),
    [
        ("win32", "x86", (3, 12), 32, "There is no PyTorch for this 32-bit Python"),
        ("darwin", "x86_64", (3, 12), 64, "PyTorch ended with 2.2 for Macs with an Intel processor"),
        ("linux", "x86_64", (3, 19), 64, "where pip finds none for 3.19, make a new environment with Python 3.12"),
        ("darwin", "arm64", (3, 12), 64, "Install it again: `pip install --force-reinstall torch torchvision`."),
    ],
)
def test_a_machine_without_pytorch_says_why(monkeypatch, system, machine, version, bits, sentence):
    seen = SimpleNamespace(platform=system, version_info=(*version, 0), maxsize=2 ** (bits - 1) - 1)
    monkeypatch.setattr("labkit.course.doctor.sys", seen)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "torch", None)
    found = topics(examine())
    assert sentence in found["torch"].advice
    assert list(found)[-1] == "report"


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("broken.so: bad ELF"), RuntimeError()])
def test_broken_package_is_a_warning_with_advice(monkeypatch, error):
    original = importlib.import_module

    def broken(name, *rest):
        if name == "torchvision":
            raise error
        return original(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    finding = topics(examine())["torchvision"]
    assert not finding.ok
    assert (str(error) or "RuntimeError") in finding.found
    assert "pip install" in finding.advice
    assert str(finding).startswith("warning")


def test_examination_survives_a_missing_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    findings = topics(examine())
    assert not findings["torch"].ok
    assert "disk" in findings


def test_damaged_data_is_a_warning(data_folder):
    write_mnist(data_folder / "MNIST" / "raw")
    assert "images in MNIST's format" in topics(examine())["MNIST"].found
    (data_folder / "MNIST" / "raw" / IDX_NAMES[2]).write_bytes(b"cut")
    finding = topics(examine())["MNIST"]
    assert not finding.ok
    assert IDX_NAMES[2] in finding.advice


@pytest.mark.parametrize(
    ("variable", "value", "topic"),
    [("LABKIT_DATA", "/no/such", "MNIST"), ("LABKIT_THREADS", "many", "threads"), ("LABKIT_DEVICE", "x", "device")],
)
def test_bad_settings_are_warnings(monkeypatch, variable, value, topic):
    monkeypatch.setenv(variable, value)
    finding = topics(examine())[topic]
    assert not finding.ok
    assert variable in finding.advice


def test_full_and_read_only_disk(monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10e9, 9e9, 1e9))
    assert "free some space" in topics(examine())["disk"].advice
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "cannot be written" in topics(examine())["disk"].found


def test_results_folder_below_a_file_is_a_warning(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("LABKIT_OUT", str(tmp_path / "file" / "out"))
    assert not topics(examine())["disk"].ok


def test_finding_reads_as_two_lines():
    assert str(Finding("disk", True, "9 GB free")) == "ok       disk         9 GB free"
    assert str(Finding("disk", False, "full", "Tidy up.")).splitlines()[1].strip() == "Tidy up."
