import errno
import os
import urllib.error

import pytest
from makers import IDX_NAMES, write_mnist, write_svhn

from labkit.basics.errors import LabkitError, UsageError
from labkit.data.datasets import load
from labkit.data.download import fetch


class FakeMNIST:
    """Write what torchvision would download, or fail as it does."""

    error: Exception | None = None

    def __init__(self, root, download):
        if self.error:
            raise self.error
        write_mnist(root / "MNIST" / "raw")


@pytest.fixture
def fake_mnist(monkeypatch):
    from torchvision import datasets

    monkeypatch.setattr(FakeMNIST, "error", None)
    monkeypatch.setattr(datasets, "MNIST", FakeMNIST)
    return FakeMNIST


def test_fetch(fake_mnist, data_folder):
    assert fetch(["mnist"]) == [data_folder / "MNIST" / "raw"]
    assert load("mnist").provenance.real


def test_fetch_of_a_set_that_stands_in_mnists_place(data_folder, monkeypatch):
    from torchvision import datasets

    monkeypatch.setattr(datasets, "FashionMNIST", lambda root, download: write_mnist(root / "FashionMNIST" / "raw"))
    (place,) = fetch(["fashion-mnist"])
    assert place == data_folder / "FashionMNIST" / "raw"
    assert len(load("mnist", place).test) == len(load("mnist", place.parent).test) == 50
    assert not load("mnist").provenance.real  # only where it is named


def test_fetch_of_svhn_brings_both_parts_into_a_folder_of_its_own(data_folder, monkeypatch):
    from torchvision import datasets

    asked = []

    def svhn(root, split, download):
        asked.append((root, split, download))
        write_svhn(root)

    monkeypatch.setattr(datasets, "SVHN", svhn)
    assert fetch(["svhn"]) == [data_folder / "SVHN"]
    assert asked == [(data_folder / "SVHN", "train", True), (data_folder / "SVHN", "test", True)]


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("no route to host"),
        RuntimeError("Error downloading train-images\nsecond line"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        ConnectionResetError(),
        RuntimeError(""),
    ],
    ids=repr,
)
def test_fetch_that_fails_names_the_folder(fake_mnist, data_folder, monkeypatch, error):
    monkeypatch.setattr(fake_mnist, "error", error)
    with pytest.raises(LabkitError, match="could not be downloaded") as caught:
        fetch(["mnist"])
    assert str(data_folder / "MNIST" / "raw") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fetch_of_an_unknown_dataset(fake_mnist, data_folder):
    with pytest.raises(UsageError, match="'imagenet' is not known"):
        fetch(["mnist", "imagenet"])
    assert list(data_folder.iterdir()) == []


def test_fetch_says_at_once_when_a_file_is_damaged(fake_mnist, monkeypatch):
    def damaged(self, root, download):
        write_mnist(root / "MNIST" / "raw")
        (root / "MNIST" / "raw" / IDX_NAMES[0]).write_bytes(b"\0")

    monkeypatch.setattr(fake_mnist, "__init__", damaged)
    with pytest.raises(LabkitError, match=IDX_NAMES[0]):
        fetch(["mnist"])


def test_fetch_into_a_folder_that_cannot_be_made_names_the_variable(fake_mnist, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(LabkitError, match=r"cannot be made .*: name a folder of your own in LABKIT_DATA"):
        fetch(["mnist"])
