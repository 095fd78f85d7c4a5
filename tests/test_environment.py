"""What is installed: pyproject.toml, and what says the same for conda, in pins and in modules; and Colab's packages."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.basics.installed.extras import CORE, EXTRAS, PACKAGES, TORCH

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch"}
PIP_ONLY = {"pypandoc-binary", "typst"}  # through `-e .[student]`
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
COLAB_PYTHON = "3.12"
COLAB = dict(
    line.split("==")
    for line in (ROOT / "tests" / "samples" / "colab.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


def requirements(*extras):
    """What is installed with these extras, as texts; those of labkit's own that they name with all that they bring."""
    found = set(PROJECT["dependencies"])
    for extra in extras:
        for text in PROJECT["optional-dependencies"][extra]:
            if text.startswith("labkit["):
                found |= requirements(*Requirement(text).extras)
            else:
                found.add(text)
    return found


def name_of(requirement):
    return canonicalize_name(Requirement(requirement).name)


def test_conda_environment_is_in_step():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {entry for entry in listed if isinstance(entry, str)}
    expected = {
        f"{CONDA_NAMES.get(name_of(text), name_of(text))}{Requirement(text).specifier}"
        for text in requirements("student")
        if name_of(text) not in PIP_ONLY
    }
    assert conda == expected | {f"python{PROJECT['requires-python']}", "pip"}
    assert [entry for entry in listed if isinstance(entry, dict)] == [{"pip": ["-e .[student]"]}]


def test_lock_holds_pins_alone_and_no_address():
    for requirement in map(Requirement, LOCK):  # Requirement refuses options, comments and empty lines
        assert [spec.operator for spec in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement


@pytest.mark.parametrize("direct", sorted(requirements("dev")))
def test_lock_holds_every_direct_dependency_within_its_bound(direct):
    pinned = [req for req in map(Requirement, LOCK) if canonicalize_name(req.name) == name_of(direct)]
    assert pinned
    for requirement in pinned:
        (pin,) = requirement.specifier
        assert Requirement(direct).specifier.contains(pin.version)


def test_a_package_has_one_bound():
    everything = requirements(*PROJECT["optional-dependencies"])
    assert len({name_of(text) for text in everything}) == len(everything)


def test_a_students_install_holds_all_that_students_use():
    assert requirements("student") == requirements("lab", "report", "run", "widgets")


def packages(modules):
    return {canonicalize_name(PACKAGES.get(name, name)) for name in modules}


def test_extras_are_the_same_in_modules():
    assert packages((*TORCH, *CORE, "typer")) == {name_of(text) for text in PROJECT["dependencies"]}
    for extra, modules in EXTRAS.items():
        own = [text for text in PROJECT["optional-dependencies"][extra] if not text.startswith("labkit[")]
        assert packages(modules) == set(map(name_of, own)), extra


@pytest.mark.parametrize("requirement", sorted(PROJECT["dependencies"]))
def test_colab_has_what_labkit_needs(requirement):
    """So pip, which leaves alone what satisfies it, changes nothing there."""
    assert Requirement(requirement).specifier.contains(COLAB[name_of(requirement)])


def test_colabs_own_kernel_would_not_do_for_the_rest():
    """Why JupyterLab's part is an extra: it would replace the kernel that a Colab session runs on."""
    assert not any(
        Requirement(text).specifier.contains(COLAB["ipykernel"]) for text in requirements("lab") if "ipykernel" in text
    )


@pytest.mark.slow
def test_on_colab_labkit_resolves_without_a_change(tmp_path):
    """With everything that its dependencies need in turn, as the registry knows them today."""
    (tmp_path / "wanted.txt").write_text("\n".join(PROJECT["dependencies"]), encoding="utf-8")
    (tmp_path / "colab.txt").write_text("\n".join(f"{name}=={COLAB[name]}" for name in COLAB), encoding="utf-8")
    uv = Path(sys.executable).with_name("uv")
    command = [*("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", COLAB_PYTHON)]
    command += ["--python-platform", "x86_64-manylinux_2_28", "--constraint", "colab.txt", "wanted.txt"]
    try:
        done = subprocess.run(
            [uv if uv.is_file() else "uv", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"uv cannot ask a registry here: {error}")
    if done.returncode and not re.search("conflict|unsatisfiable|depends on", done.stderr):
        pytest.skip(f"uv cannot ask a registry here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    resolved = dict(line.split(" ")[0].split("==") for line in done.stdout.splitlines())
    assert {name_of(text) for text in PROJECT["dependencies"]} <= set(resolved)
    changed = {name: version for name, version in resolved.items() if COLAB.get(name, version) != version}
    assert not changed
    new = {name for name in resolved if name not in COLAB}
    assert not {
        name for name in new if not name.startswith(("nvidia-", "triton", "cuda-"))
    }  # of torch's build for CUDA
