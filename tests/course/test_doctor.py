import importlib
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest
from makers import IDX_NAMES, write_mnist

from labkit import CHECKOUT
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
    packages = ["torch", "torchvision", "notebooks", "lab", "run", "report", "widgets"]
    assert list(findings) == ["Python", "disk", *packages, "device", "threads", "MNIST", "CIFAR-10"]
    assert [finding.topic for finding in findings.values() if not finding.ok] == []
    assert "embedded digits stand in" in findings["MNIST"].found
    assert "labkit fetch mnist" in findings["MNIST"].advice
    assert "10 GB free" in findings["disk"].found


def test_it_says_something_before_it_imports_anything(monkeypatch):
    monkeypatch.setattr(importlib, "import_module", None)
    for missing in ("papermill", "typst", "seaborn"):
        monkeypatch.setitem(sys.modules, missing, None)
    findings = examine()
    assert [next(findings).topic for _ in range(5)] == ["Python", "disk", "notebooks", "run", "report"]


def test_what_is_not_there_is_told_with_the_line_that_installs_it(monkeypatch):
    for missing in ("papermill", "rich", "sklearn"):
        monkeypatch.setitem(sys.modules, missing, None)
    found = topics(examine())
    assert found["run"].found == "not installed: papermill, rich"
    assert found["run"].advice == 'Install what is missing: `pip install "labkit[run]"`.'
    assert found["notebooks"].found == "not installed: scikit-learn"
    assert found["notebooks"].advice == "Install what is missing: `pip install scikit-learn`."
    assert not found["run"].ok


@pytest.mark.slow
def test_the_command_has_told_what_is_missing_when_torch_begins_to_be_imported(tmp_path):
    (tmp_path / "torch.py").write_text("print('torch is imported', flush=True)\nraise ImportError('no torch')\n")
    script = "import sys; sys.modules['typst'] = None; from labkit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "doctor"],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    said = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("ok ", "warning ", "torch is"))]
    assert said[:4] == ["Python", "disk", "report", "is"], done.stdout + done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("module", "topic", "package"),
    [
        ("sklearn.pipeline", "notebooks", "scikit-learn"),
        ("papermill.engines", "run", "papermill"),
        ("labkit.course.submit", "run", "labkit"),
    ],
)
def test_what_a_command_needs_is_imported_as_it_does(monkeypatch, module, topic, package):
    import_module = importlib.import_module

    def broken(name, *rest):
        if name == module.partition(".")[0] or name == module:
            raise ImportError(f"{module} is damaged", name=module)
        return import_module(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    finding = topics(examine())[topic]
    assert not finding.ok
    assert f" cannot be imported: {module} is damaged" in finding.found
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
        ("darwin", "arm64", (3, 12), 64, "Install what is missing: `pip install torch`."),
    ],
)
def test_a_machine_without_pytorch_says_why(monkeypatch, system, machine, version, bits, sentence):
    seen = SimpleNamespace(platform=system, version_info=(*version, 0), maxsize=2 ** (bits - 1) - 1)
    monkeypatch.setattr("labkit.course.doctor.sys", seen)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setitem(sys.modules, "torch", None)
    found = topics(examine())
    assert sentence in found["torch"].advice
    assert list(found)[-1] == "widgets"


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
