"""The course runs on other published sets by their names, and every caption says which.

The real files are not here: small sets in the same formats, whose digests stand in the table of what is known.
"""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import IDX_NAMES, idx
from scipy.io import savemat

from labkit.basics.errors import LabkitError
from labkit.course import run_all
from labkit.course.run_one import set_environment
from labkit.data import known
from labkit.data.known import KNOWN
from labkit.report.results import describe, read_results

pytestmark = pytest.mark.slow

TRAIN, TEST = 200, 60
REGISTER = """
from dataclasses import replace
from labkit.data.known import KNOWN
KNOWN[{name!r}] = replace(KNOWN[{name!r}], files={files!r})
"""


def learnable(count, shape):
    """Return images of ten classes, each a pattern of its own under noise, and their labels."""
    rng = np.random.default_rng(count)
    patterns = np.random.default_rng(0).integers(0, 160, (10, *shape))
    labels = rng.permutation(np.arange(count) % 10)
    return (patterns[labels] + rng.integers(0, 96, (count, *shape))).astype(np.uint8), labels.astype(np.uint8)


def write_idx(folder, packed):
    files = [folder / f"{name}{'.gz' if packed else ''}" for name in IDX_NAMES]
    arrays = [array for count in (TRAIN, TEST) for array in learnable(count, (28, 28))]
    for file, array in zip(files, arrays, strict=True):
        file.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return files


def write_svhn(folder):
    files = [folder / f"{part}_32x32.mat" for part in ("train", "test")]
    for file, count in zip(files, (TRAIN, TEST), strict=True):
        images, labels = learnable(count, (32, 32, 3))
        savemat(file, {"X": images.transpose(1, 2, 3, 0), "y": np.where(labels == 0, 10, labels)[:, None]})
    return files


@pytest.fixture
def stored(data_folder, monkeypatch):
    """Return a function that writes a small set where `labkit fetch` puts the real one, and makes it known by digest.

    Kernels learn of it at their start, by a file in the folder of settings that a headless run gives them.
    """
    set_environment()
    startup = Path(os.environ["IPYTHONDIR"]) / "profile_default" / "startup" / "known_sets.py"

    def store(name):
        folder = data_folder / KNOWN[name].torchvision[1]
        folder.mkdir(parents=True)
        files = write_svhn(folder) if name == "svhn" else write_idx(folder, packed=name == "kmnist")
        digests = tuple((known._md5(file.read_bytes()),) for file in files)
        monkeypatch.setitem(KNOWN, name, replace(KNOWN[name], files=digests))
        startup.write_text(REGISTER.format(name=name, files=digests), encoding="utf-8")

    yield store
    startup.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "stem"), [("fashion-mnist", "05_mlp1_sweep"), ("kmnist", "08_lenet5"), ("svhn", "02_cifar_classifier")]
)
def test_course_on_a_set_by_its_name(stored, tmp_path, capsys, name, stem):
    stored(name)
    title = KNOWN[name].title
    assert run_all.run_course([stem], "quick", name, 0, tmp_path / "out"), capsys.readouterr().out
    said = capsys.readouterr().out
    assert f"No reference band for: quick profile, {title}." in said
    assert "yours" not in said  # the table of bands
    section = read_results(tmp_path / "out" / "results.json")["notebooks"][stem]
    assert (section["data"]["name"], section["data"]["real"], section["data"]["test"]) == (title, True, TEST)
    artefacts = [*section["figures"].values(), *section["tables"].values()]
    assert [one["caption"] for one in artefacts if title not in describe(one, section)] == []
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "**Other images.**" in report
    placed = [line for line in report.splitlines() if "{#fig:" in line or "{#tbl:" in line]
    assert placed
    assert [line for line in placed if f"({title}" not in line] == []
    executed = (tmp_path / "out" / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8")
    assert "full profile</caption>" not in executed  # of the stored run on the real MNIST or CIFAR-10


def test_what_no_notebook_could_read_is_refused_before_any_starts(data_folder, tmp_path, capsys):
    place = data_folder / "MNIST" / "raw"
    place.mkdir(parents=True)
    write_idx(place, packed=False)
    (place / IDX_NAMES[0]).write_bytes(idx(np.zeros((TRAIN, 20, 24), np.uint8)))
    with pytest.raises(LabkitError, match=r"20 x 24 pixels, and in such files the course reads 28 x 28"):
        run_all.run_course(["02", "05"], "quick", "auto", 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()
