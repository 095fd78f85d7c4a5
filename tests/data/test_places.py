import shutil

import numpy as np
import pytest
from makers import IDX_NAMES, idx, write_cifar10, write_image_folder, write_mnist

from labkit.basics.errors import LabkitError, UsageError
from labkit.data.datasets import load
from labkit.data.places import find, idx_files
from labkit.data.readers import read_mnist


@pytest.mark.parametrize("place", ["", "raw", "MNIST", "MNIST/raw", "mnist/raw", "data", "data/MNIST/raw", "Data/raw"])
def test_mnist_is_found_where_people_put_it(tmp_path, place):
    write_mnist(tmp_path / place, packed=True)
    assert find("mnist", tmp_path) == tmp_path / place
    assert len(load("mnist", str(tmp_path)).test) == 50


@pytest.mark.parametrize("place", ["", "cifar-10-batches-py", "data/cifar-10-batches-py"])
def test_cifar10_is_found_where_people_put_it(tmp_path, place):
    write_cifar10(tmp_path / place)
    assert find("cifar10", tmp_path) == tmp_path / place


RENAMED = {
    "dots": lambda name: name.replace("-idx", ".idx"),
    "capitals": lambda name: name.upper(),
    "underscores": lambda name: name.replace("-", "_"),
    "a folder for each": lambda name: f"{name}/{name}",
    "a folder for each, dots": lambda name: f"{name}/{name.replace('-idx', '.idx')}",
    "still called packed": lambda name: f"{name}.gz",
    "fetched twice": lambda name: f"{name} (1)",
    "test in place of t10k": lambda name: name.replace("t10k", "test"),
}


@pytest.mark.parametrize("form", RENAMED)
@pytest.mark.parametrize("packed", [False, True])
def test_mnist_under_the_names_that_people_have(tmp_path, form, packed):
    arrays = write_mnist(tmp_path / "written", packed)
    for name in IDX_NAMES:
        target = tmp_path / "MNIST" / "raw" / RENAMED[form](name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tmp_path / "written" / (f"{name}.gz" if packed else name), target)
        (target.parent / f"._{target.name}").write_bytes(b"\0\5\x16\7")  # from a Mac's stick
    raw = read_mnist(find("mnist", tmp_path))
    assert np.array_equal(raw.train_images[:, 0], arrays[0])
    assert np.array_equal(raw.test_labels, arrays[3])


def test_unpacked_file_comes_before_a_packed_one(tmp_path):
    write_mnist(tmp_path, packed=True)
    write_mnist(tmp_path)
    assert [path.name for path in idx_files(tmp_path).values()] == list(dict.fromkeys(sorted(IDX_NAMES)))


def test_what_lacks_is_named_beside_what_is_there(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IDX_NAMES[2]).rename(tmp_path / "t10k-pictures")
    with pytest.raises(LabkitError, match=rf"lacks the file {IDX_NAMES[2]}.*There are: t10k-labels.*, t10k-pictures"):
        load("mnist", tmp_path)


def test_folder_of_a_files_name_without_the_file(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IDX_NAMES[1]).unlink()
    (tmp_path / IDX_NAMES[1]).mkdir()
    with pytest.raises(LabkitError, match=f"{IDX_NAMES[1]} is a folder without such a file"):
        load("mnist", tmp_path)


def test_folder_that_holds_something_else_is_listed(tmp_path):
    (tmp_path / "archive.zip").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"holds no MNIST: expected train-images-idx3-ubyte.*There are: archive\.zip"):
        load("mnist", tmp_path)


def test_link_that_leads_nowhere_is_no_missing_data(data_folder):
    """In a sandbox or on another machine: the embedded images may not stand in without a word."""
    (data_folder / "MNIST").mkdir()
    (data_folder / "MNIST" / "raw").symlink_to("/no/such/disk")
    with pytest.raises(LabkitError, match="raw is a link to /no/such/disk, where nothing is"):
        load("mnist")
    (data_folder / "MNIST" / "raw").unlink()
    (data_folder / "MNIST" / "raw").mkdir()
    for name in IDX_NAMES:
        (data_folder / "MNIST" / "raw" / name).symlink_to(f"/no/such/disk/{name}")
    with pytest.raises(LabkitError, match=IDX_NAMES[0]):
        load("mnist")


def test_images_in_capital_folders(tmp_path):
    write_image_folder(tmp_path)
    (tmp_path / "train").rename(tmp_path / "Train")
    (tmp_path / "test").rename(tmp_path / "TEST")
    assert load("mnist", tmp_path).class_names == ("cat", "dog")


def test_idx_files_of_other_labels(tmp_path):
    """EMNIST's letters, for one, count from 1."""
    write_mnist(tmp_path)
    (tmp_path / IDX_NAMES[1]).write_bytes(idx(1 + np.arange(200) % 26))
    (tmp_path / IDX_NAMES[3]).write_bytes(idx(1 + np.arange(50) % 26))
    dataset = load("mnist", tmp_path)
    assert dataset.class_names == tuple(map(str, range(1, 27)))
    assert dataset.test.labels[:3].tolist() == [0, 1, 2]
