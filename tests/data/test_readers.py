import gzip
import os
import pickle
import struct

import numpy as np
import pytest
from makers import IDX_NAMES, idx, write_cifar10, write_mnist, write_svhn
from PIL import Image
from scipy.io import savemat

from labkit.basics.errors import LabkitError
from labkit.data.readers import read_cifar10, read_mnist, read_svhn

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = IDX_NAMES


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_read_bit_exactly(tmp_path, packed):
    images, labels, test_images, test_labels = write_mnist(tmp_path, packed)
    raw = read_mnist(tmp_path)
    assert np.array_equal(raw.train_images[:, 0], images)
    assert np.array_equal(raw.test_images[:, 0], test_images)
    assert np.array_equal(raw.train_labels, labels)
    assert np.array_equal(raw.test_labels, test_labels)
    assert raw.train_labels.dtype == np.int64
    assert raw.train_images.dtype == np.uint8
    assert raw.class_names == tuple("0123456789")


def png(folder):
    path = folder / "picture.png"
    Image.new("L", (28, 28)).save(path)
    content = path.read_bytes()
    path.unlink()
    return content


DAMAGE = {
    "truncated": lambda content, folder: content[:-5],
    "too long": lambda content, folder: content + b"\0",
    "ends inside its header": lambda content, folder: content[:6],
    "an image": lambda content, folder: png(folder),
    "a web page": lambda content, folder: b"<!DOCTYPE html><html></html>",
    "wrong magic": lambda content, folder: b"\0\0\x0d" + content[3:],
    "other dimensions": lambda content, folder: b"\0\0\x08\x02" + content[4:],
    "empty": lambda content, folder: b"",
    "absurd sizes": lambda content, folder: content[:4] + b"\xff" * (len(content[4:8]) + 8),
}


@pytest.mark.parametrize("name", IDX_NAMES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_idx_file_is_named(tmp_path, name, damage):
    write_mnist(tmp_path)
    path = tmp_path / name
    path.write_bytes(DAMAGE[damage](path.read_bytes(), tmp_path))
    with pytest.raises(LabkitError, match=f"{name}.*labkit fetch"):
        read_mnist(tmp_path)


def test_idx_sizes_that_overflow_64_bits(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IMAGES).write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**31, 4))
    with pytest.raises(LabkitError, match=IMAGES):
        read_mnist(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 5, 20, -1, -9])
def test_damaged_gz_file_is_named(tmp_path, cut):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / f"{LABELS}.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(LabkitError, match=path.name):
        read_mnist(tmp_path)


def test_gz_with_a_wrong_checksum_is_named(tmp_path):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / f"{IMAGES}.gz"
    content = bytearray(gzip.compress(idx(np.zeros((200, 28, 28)))))
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(LabkitError, match=path.name):
        read_mnist(tmp_path)


@pytest.mark.parametrize("name", IDX_NAMES)
def test_missing_idx_file_is_named(tmp_path, name):
    write_mnist(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(LabkitError, match=f"lacks the file {name}"):
        read_mnist(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(199) % 10, "200 images do not match 199 labels"),
        (np.arange(200) % 9, r"holds labels that train-labels-idx1-ubyte lacks \(9\)"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, message):
    write_mnist(tmp_path)
    (tmp_path / LABELS).write_bytes(idx(labels))
    with pytest.raises(LabkitError, match=message) as caught:
        read_mnist(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("size", [(32, 32), (28, 14), (0, 0)])
def test_images_that_are_not_28_by_28_are_refused(tmp_path, size):
    write_mnist(tmp_path)
    (tmp_path / IMAGES).write_bytes(idx(np.zeros((200, *size))))
    with pytest.raises(LabkitError, match=IMAGES):
        read_mnist(tmp_path)


def test_cifar10_is_read_bit_exactly(tmp_path):
    train, test = write_cifar10(tmp_path)
    raw = read_cifar10(tmp_path)
    assert np.array_equal(raw.train_images.reshape(-1, 3072), train)
    assert np.array_equal(raw.test_images.reshape(-1, 3072), test)
    assert raw.train_images.shape == (200, 3, 32, 32)
    assert raw.train_labels.tolist() == [i % 10 for i in range(40)] * 5
    assert raw.class_names[3] == "class 3"


class Malicious:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_malicious_pickle_is_refused_and_not_executed(tmp_path, protocol):
    write_cifar10(tmp_path)
    trap = tmp_path / "executed"
    content = pickle.dumps({b"data": Malicious(f"touch {trap}"), b"labels": []}, protocol=protocol)
    (tmp_path / "data_batch_2").write_bytes(content)
    with pytest.raises(LabkitError, match=r"data_batch_2 is not a CIFAR-10 batch .*system"):
        read_cifar10(tmp_path)
    assert not trap.exists()


GOOD = np.zeros((40, 3072), np.uint8)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [1, 2],
        {b"data": GOOD},
        {b"data": GOOD, b"labels": None},
        {b"data": GOOD, b"labels": ["a"] * 40},
        {b"data": GOOD, b"labels": [10] * 40},
        {b"data": GOOD, b"labels": [[1]] * 40},
        {b"data": GOOD, b"labels": [0] * 39},
        {b"data": GOOD[:, :10], b"labels": [0] * 40},
        {b"data": GOOD.astype(float), b"labels": [0] * 40},
        {b"labels": [0] * 40},
    ],
    ids=lambda content: (
        ", ".join(f"{key.decode()} {str(value)[:12]!r}" for key, value in content.items())
        if isinstance(content, dict)
        else "a list"
    ),
)
def test_cifar_batch_of_other_content_is_named(tmp_path, content):
    write_cifar10(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(LabkitError, match=r"test_batch.*labkit fetch"):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
@pytest.mark.parametrize("name", ["data_batch_5", "batches.meta"])
def test_truncated_cifar_file_is_named(tmp_path, name, cut):
    write_cifar10(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:cut])
    with pytest.raises(LabkitError, match=name):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta"])
def test_missing_cifar_file_is_named(tmp_path, name):
    write_cifar10(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(LabkitError, match=f"lacks the file {name}"):
        read_cifar10(tmp_path)


def test_cifar_without_ten_names(tmp_path):
    write_cifar10(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat"]}, protocol=2))
    with pytest.raises(LabkitError, match=r"batches\.meta holds no ten class names"):
        read_cifar10(tmp_path)


def test_idx_images_of_another_size_are_refused_with_a_way_out(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IMAGES).write_bytes(idx(np.zeros((200, 20, 24), np.uint8)))
    with pytest.raises(LabkitError, match=rf"{IMAGES} holds images of 20 x 24 pixels.*as PNG in train/<class>/"):
        read_mnist(tmp_path)


def test_svhn_is_read_bit_exactly_and_its_10_is_a_0(tmp_path):
    images, labels, test_images, _ = write_svhn(tmp_path)
    raw = read_svhn(tmp_path)
    assert raw.train_images.shape == (60, 3, 32, 32)
    assert np.array_equal(raw.train_images[7, 2], images[:, :, 2, 7])
    assert np.array_equal(raw.test_images.transpose(2, 3, 1, 0), test_images)
    assert raw.train_labels.tolist() == (labels[:, 0] % 10).tolist()
    assert raw.test_labels[9] == 0
    assert raw.train_labels.dtype == np.int64
    assert raw.class_names == tuple("0123456789")
    assert raw.title.startswith("images in SVHN's format")


def saved(folder, **variables):
    savemat(folder / "other.mat", variables)
    return (folder / "other.mat").read_bytes()


def small(shape=(32, 32, 3, 5), kind=np.uint8, labels=((1,), (2,), (3,), (10,), (5,))):
    return {"X": np.ones(shape, kind), "y": np.array(labels, np.uint8)}


SVHN_DAMAGE = {
    "empty": lambda content, folder: b"",
    "truncated": lambda content, folder: content[:-40],
    "a web page": lambda content, folder: b"<!DOCTYPE html>" * 20,
    "of a newer MATLAB": lambda content, folder: b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + b"\x89HDF",
    "no labels": lambda content, folder: saved(folder, X=small()["X"]),
    "other sizes": lambda content, folder: saved(folder, **small((28, 28, 3, 5))),
    "decimals": lambda content, folder: saved(folder, **small(kind=np.float64)),
    "one image": lambda content, folder: saved(folder, **small((32, 32, 3))),
    "fewer labels": lambda content, folder: saved(folder, **small(labels=((1,), (2,)))),
    "a label of 0": lambda content, folder: saved(folder, **small(labels=((0,), (1,), (2,), (3,), (4,)))),
    "a cell array": lambda content, folder: saved(folder, X=np.array([[1], "a"], dtype=object), y=small()["y"]),
}


@pytest.mark.parametrize("damage", SVHN_DAMAGE)
def test_damaged_file_of_svhn_is_named(tmp_path, damage):
    write_svhn(tmp_path)
    path = tmp_path / "test_32x32.mat"
    path.write_bytes(SVHN_DAMAGE[damage](path.read_bytes(), tmp_path))
    with pytest.raises(LabkitError, match=r"test_32x32\.mat.*(labkit fetch|labels must)") as told:
        read_svhn(tmp_path)
    assert "\n" not in str(told.value)


def test_file_that_svhn_lacks_is_named(tmp_path):
    write_svhn(tmp_path)
    (tmp_path / "train_32x32.mat").unlink()
    with pytest.raises(LabkitError, match=r"lacks the file train_32x32\.mat: .*labkit fetch svhn"):
        read_svhn(tmp_path)
