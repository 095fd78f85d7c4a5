import gzip
from dataclasses import replace

import numpy as np
import pytest
from makers import IDX_NAMES, idx, write_cifar10, write_mnist
from PIL import Image

from labkit.data import known
from labkit.data.datasets import load
from labkit.data.known import KNOWN, digest
from labkit.data.readers import read_cifar10, read_mnist


def md5s(folder, names):
    return tuple((known._md5((folder / name).read_bytes()),) for name in names)


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Return the folder of a small set that takes the real MNIST's place among what is known, and its arrays."""
    arrays = write_mnist(tmp_path / "original")
    images, labels, test_images, test_labels = arrays
    small = replace(
        KNOWN["mnist"],
        files=md5s(tmp_path / "original", IDX_NAMES),
        images=digest(images, labels, test_images, test_labels),
    )
    monkeypatch.setitem(KNOWN, "mnist", small)
    return tmp_path / "original", arrays


def name_of(folder):
    return load("mnist", folder).provenance.name


def test_known_in_every_form(small_mnist, tmp_path):
    original, (images, labels, test_images, test_labels) = small_mnist
    packed, folders = tmp_path / "packed again", tmp_path / "as images"
    write_mnist(packed, packed=True)
    for part, pictures, classes in (("train", images, labels), ("test", test_images, test_labels)):
        for number, (picture, label) in enumerate(zip(pictures, classes, strict=True)):
            place = folders / part / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / f"{1000 - number}.png")  # in another order
    assert [name_of(folder) for folder in (original, packed, folders)] == ["MNIST"] * 3


def change_a_pixel(folder, images, labels):
    images[17, 3, 4] ^= 1
    (folder / IDX_NAMES[0]).write_bytes(idx(images))


def change_a_label(folder, images, labels):
    labels[17] = (labels[17] + 1) % 10
    (folder / IDX_NAMES[1]).write_bytes(idx(labels))


def cut(folder, images, labels):
    (folder / IDX_NAMES[0]).write_bytes(idx(images[:150]))
    (folder / IDX_NAMES[1]).write_bytes(idx(labels[:150]))


def exchange_the_parts(folder, images, labels):
    for train, test in (IDX_NAMES[::2], IDX_NAMES[1::2]):
        (folder / train).rename(folder / "aside")
        (folder / test).rename(folder / train)
        (folder / "aside").rename(folder / test)


@pytest.mark.parametrize("change", [change_a_pixel, change_a_label, cut, exchange_the_parts])
def test_changed_set_does_not_go_by_the_name(small_mnist, change):
    folder, (images, labels, *_) = small_mnist
    change(folder, images.copy(), labels.copy())
    assert name_of(folder) == "images in MNIST's format (folder original)"


def test_folder_of_the_name_gives_no_name(tmp_path):
    write_mnist(tmp_path / "fashion" / "MNIST" / "raw")
    dataset = load("mnist", tmp_path / "fashion")
    assert str(dataset).startswith("images in MNIST's format (folder fashion) (IDX files)")
    assert dataset.provenance.real


def test_title_of_what_lies_behind_a_link_is_the_links(tmp_path):
    """In the sandbox, where there are no links, the title is the same."""
    write_mnist(tmp_path / "disk")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "raw").symlink_to(tmp_path / "disk")
    assert name_of(tmp_path / "letters") == "images in MNIST's format (folder letters)"


def test_known_by_its_packed_files_alone(tmp_path, monkeypatch):
    """KMNIST's are published, those of what they hold are not; and torchvision leaves both forms there."""
    write_mnist(tmp_path, packed=True)
    names = [f"{name}.gz" for name in IDX_NAMES]
    monkeypatch.setitem(KNOWN, "kmnist", replace(KNOWN["kmnist"], files=md5s(tmp_path, names)))
    assert read_mnist(tmp_path).title == "KMNIST"
    assert read_mnist(tmp_path).class_names == KNOWN["kmnist"].class_names
    for name in IDX_NAMES:
        (tmp_path / name).write_bytes(gzip.decompress((tmp_path / f"{name}.gz").read_bytes()))
    assert read_mnist(tmp_path).title == "KMNIST"
    change_a_pixel(tmp_path, np.zeros((200, 28, 28), np.uint8), None)
    assert read_mnist(tmp_path).title.startswith("images in MNIST's format")


def test_cifar10_is_known_by_its_batches(tmp_path, monkeypatch):
    write_cifar10(tmp_path)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    assert read_cifar10(tmp_path).title.startswith("images in CIFAR-10's format")
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], files=md5s(tmp_path, names)))
    assert read_cifar10(tmp_path).title == "CIFAR-10"
    assert read_cifar10(tmp_path).class_names[3] == "cat"  # whatever batches.meta says


@pytest.mark.parametrize("name", KNOWN)
def test_table_agrees_with_torchvision(name):
    from torchvision import datasets

    entry = KNOWN[name]
    source = getattr(datasets, entry.torchvision[0])
    if name == "svhn":
        resources = [source.split_list[part][1:] for part in ("train", "test")]
    else:
        resources = source.resources if entry.takes == "mnist" else [*source.train_list, *source.test_list]
    assert [digests[-1] for digests in entry.files] == [md5 for _, md5 in resources]
    assert len(entry.class_names) == 10
    if name in ("fashion-mnist", "kmnist"):
        assert list(entry.class_names) == source.classes
