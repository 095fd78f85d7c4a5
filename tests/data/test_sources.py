"""Published sets by their names: which images are read, and what is said where they are not those."""

from dataclasses import replace

import pytest
from makers import IDX_NAMES, idx, write_cifar10, write_image_folder, write_mnist, write_svhn

from labkit.basics.errors import LabkitError, UsageError
from labkit.data import known
from labkit.data.datasets import load
from labkit.data.known import KNOWN
from labkit.data.places import parts_to_read, place_of, settle

SVHN = ("train_32x32.mat", "test_32x32.mat")


@pytest.fixture
def here(data_folder, monkeypatch):
    """Fill the data folder with small sets that take the real ones' places among what is known; return it."""
    for name, names, write in (
        ("mnist", IDX_NAMES, write_mnist),
        ("fashion-mnist", IDX_NAMES, write_mnist),
        ("kmnist", [f"{one}.gz" for one in IDX_NAMES], lambda folder: write_mnist(folder, packed=True, train=190)),
        ("svhn", SVHN, write_svhn),
    ):
        place = data_folder / KNOWN[name].torchvision[1]
        images = write(place)[0]
        if name == "mnist":
            images[0, 0, 0] ^= 1  # else it would be the same set as Fashion-MNIST
            (place / IDX_NAMES[0]).write_bytes(idx(images))
        digests = tuple((known._md5((place / one).read_bytes()),) for one in names)
        monkeypatch.setitem(KNOWN, name, replace(KNOWN[name], files=digests))
    return data_folder


def told(name, source):
    provenance = load(name, source).provenance
    return provenance.name, provenance.real


def test_a_name_takes_its_set_among_several_and_leaves_the_other_place_alone(here):
    assert told("mnist", "auto") == told("mnist", "mnist") == ("MNIST", True)
    assert told("mnist", "fashion-mnist") == ("Fashion-MNIST", True)
    assert told("mnist", "kmnist") == ("KMNIST", True)
    assert told("mnist", "svhn") == ("MNIST", True)
    assert told("cifar10", "svhn") == ("SVHN", True)
    assert told("cifar10", "kmnist") == told("cifar10", "auto") == ("embedded shapes", False)
    assert load("mnist", "fashion-mnist").class_names == KNOWN["fashion-mnist"].class_names
    assert load("mnist", "kmnist").class_names == KNOWN["kmnist"].class_names
    assert load("cifar10", "svhn").class_names == tuple("0123456789")


def test_a_folder_with_svhn_stands_in_cifar10s_place(here):
    assert told("cifar10", here / "SVHN") == ("SVHN", True)
    write_cifar10(here / "SVHN")
    assert load("cifar10", here / "SVHN").provenance.name.startswith("images in CIFAR-10's format")


def test_a_name_means_the_set_in_whatever_folder_and_is_refused_where_it_is_not_there(here, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert settle("fashion-mnist") == "fashion-mnist"
    with pytest.raises(UsageError, match=r"CIFAR-10 is not in .*`labkit fetch cifar10`"):
        settle("cifar10")
    write_image_folder(tmp_path / "cifar10")
    with pytest.raises(UsageError, match=r"A folder of that name is written \./cifar10"):
        settle("cifar10")
    assert settle("./cifar10") == str(tmp_path / "cifar10")
    with pytest.raises(UsageError, match=r"takes auto, embedded, the name of a set \(mnist, .*svhn\) or a folder"):
        settle("fashion")


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "fashion-mnist", "data/FashionMNIST/raw"])
def test_a_set_is_found_where_it_was_fetched_or_copied(data_folder, place):
    write_mnist(data_folder / place, packed=True)
    assert place_of("fashion-mnist") == data_folder / place
    assert len(parts_to_read("fashion-mnist", data_folder)) == 4


def test_what_is_not_as_it_was_published_does_not_go_by_the_name(here):
    (here / "FashionMNIST" / "raw" / IDX_NAMES[0]).write_bytes((here / "MNIST" / "raw" / IDX_NAMES[0]).read_bytes())
    with pytest.raises(LabkitError, match=r"FashionMNIST.raw does not hold Fashion-MNIST as it was published"):
        load("mnist", "fashion-mnist")


def test_a_folder_of_several_sets_says_their_names(here, monkeypatch):
    for name in ("MNIST", "KMNIST"):
        (here / name).rename(here / f"old {name}")
    with pytest.raises(UsageError, match=r"holds no MNIST: .*For Fashion-MNIST: --data fashion-mnist, with this"):
        load("mnist", here)
    with pytest.raises(UsageError, match=r"holds no CIFAR-10: .*For SVHN: --data svhn, with this"):
        load("cifar10", here)
