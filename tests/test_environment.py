"""environment.yml and requirements.lock say the same as pyproject.toml."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch"}
PIP_ONLY = {"pypandoc-binary", "typst"}  # through `-e .`
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
DEV = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]
RELEASE = [Requirement(text) for text in PROJECT["optional-dependencies"]["release"]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()


def test_conda_environment_is_in_step():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {entry for entry in listed if isinstance(entry, str)}
    expected = {
        f"{CONDA_NAMES.get(canonicalize_name(req.name), canonicalize_name(req.name))}{req.specifier}"
        for req in RUNTIME
        if canonicalize_name(req.name) not in PIP_ONLY
    }
    assert conda == expected | {f"python{PROJECT['requires-python']}", "pip"}
    assert [entry for entry in listed if isinstance(entry, dict)] == [{"pip": ["-e ."]}]


def test_lock_holds_pins_alone_and_no_address():
    for requirement in map(Requirement, LOCK):  # Requirement refuses options, comments and empty lines
        assert [spec.operator for spec in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement


def test_what_the_release_needs_is_there_for_its_tests():
    assert set(map(str, RELEASE)) <= set(map(str, DEV))


@pytest.mark.parametrize("direct", RUNTIME + DEV, ids=str)
def test_lock_holds_every_direct_dependency_within_its_bound(direct):
    pinned = [req for req in map(Requirement, LOCK) if canonicalize_name(req.name) == canonicalize_name(direct.name)]
    assert pinned
    for requirement in pinned:
        (pin,) = requirement.specifier
        assert direct.specifier.contains(pin.version)
