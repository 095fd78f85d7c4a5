import numpy as np
import pytest
import torch
from makers import IDX_NAMES, idx, write_cifar10, write_image_folder, write_mnist

from labkit.basics.errors import LabkitError, UsageError
from labkit.data.datasets import NORMALISATIONS, SPLIT_NAMES, load


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "imagenet"}, "Dataset 'imagenet' is not known: choose one of mnist, cifar10"),
        ({"name": "mnist", "normalisation": "zscore"}, "choose one of standard"),
        ({"name": "mnist", "validation": -0.1}, "between 0 and 1"),
        ({"name": "mnist", "validation": 1.5}, "between 0 and 1"),
        ({"name": "mnist", "source": "/no/such/folder"}, "/no/such/folder is not a folder"),
    ],
)
def test_misuse_is_told(arguments, message):
    with pytest.raises(UsageError, match=message):
        load(**arguments)


def test_unknown_split(digits):
    assert [digits.split(name).name for name in SPLIT_NAMES] == list(SPLIT_NAMES)
    with pytest.raises(UsageError, match="choose one of train, validation, test"):
        digits.split("val")


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_explicit_folder_without_data(tmp_path, name):
    with pytest.raises(UsageError, match="expected"):
        load(name, tmp_path)


def test_missing_data_folder_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match=r"LABKIT_DATA names .*missing"):
        load("mnist")
    assert not load("mnist", "embedded").provenance.real


def test_auto_takes_real_data_where_there_is_some(data_folder):
    assert load("mnist").provenance.name == "embedded digits"
    images = write_mnist(data_folder / "MNIST" / "raw")[2]
    dataset = load("mnist", normalisation="raw")
    assert dataset.provenance.real
    assert np.array_equal(dataset.test.images[:, 0].numpy(), images)
    assert not load("mnist", "embedded").provenance.real


def test_damaged_real_data_is_not_replaced_in_silence(data_folder):
    folder = data_folder / "MNIST" / "raw"
    write_mnist(folder)
    (folder / IDX_NAMES[1]).write_bytes(b"")
    with pytest.raises(LabkitError, match=IDX_NAMES[1]):
        load("mnist")


def test_cifar10_from_its_batches(data_folder):
    test = write_cifar10(data_folder / "cifar-10-batches-py")[1]
    dataset = load("cifar10", normalisation="raw")
    assert np.array_equal(dataset.test.images.numpy().reshape(-1, 3072), test)
    assert str(dataset).endswith("(CIFAR-10 batches): 180 training, 20 validation, 40 test images")


def test_image_folder_with_own_class_names(tmp_path):
    write_image_folder(tmp_path / "pets", classes=("cat", "dog", "newt"), mode="RGB")
    dataset = load("cifar10", tmp_path / "pets")
    assert dataset.class_names == ("cat", "dog", "newt")
    assert dataset.num_classes == 3
    assert dataset.image_shape == (3, 32, 32)
    assert dataset.provenance.name == "images in the folder pets"
    assert dataset.provenance.real


def test_class_with_one_image_is_named(tmp_path):
    write_image_folder(tmp_path, train=1)
    with pytest.raises(LabkitError, match="class 'cat' has one training image only"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_of_few_images_each_class_is_held_back(tmp_path, classes):
    write_image_folder(tmp_path, [f"digit {number}" for number in range(classes)], train=3, test=1)
    for limit in (None, classes, classes + 1, 2 * classes, 500):
        dataset = load("mnist", tmp_path, train_limit=limit)
        assert np.bincount(dataset.train.labels, minlength=classes).min() >= 1
        assert len(dataset.validation) >= 1
    assert np.bincount(dataset.validation.labels).tolist() == [1] * classes
    assert dataset.class_names[-1] == f"digit {classes - 1}"


def test_classes_of_very_different_sizes(tmp_path):
    write_image_folder(tmp_path / "large", ["cat", "dog"], train=60, test=1)
    for number in range(58):
        (tmp_path / "large" / "train" / "dog" / f"{number:03}.png").unlink()
    for limit in (None, 20, 50):
        dataset = load("mnist", tmp_path / "large", train_limit=limit)
        assert np.bincount(dataset.train.labels).min() >= 1


def test_images_of_one_colour_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IDX_NAMES[0]).write_bytes(idx(np.zeros((200, 28, 28))))
    with pytest.raises(LabkitError, match="no training image shows anything"):
        load("mnist", tmp_path)


def rows(split):
    return {image.tobytes() for image in split.images.numpy()}


def test_splits_are_disjoint_and_stratified(tmp_path):
    write_mnist(tmp_path, train=1_000)  # random images: no two are the same
    dataset = load("mnist", tmp_path, validation=0.2)
    assert [len(dataset.split(name)) for name in SPLIT_NAMES] == [800, 200, 50]
    assert len(rows(dataset.train) | rows(dataset.validation) | rows(dataset.test)) == 1_050
    assert np.bincount(dataset.train.labels).tolist() == [80] * 10
    assert np.bincount(dataset.validation.labels).tolist() == [20] * 10


def test_embedded_digits_as_a_dataset(digits):
    assert sum(len(digits.split(name)) for name in SPLIT_NAMES) == 1_797
    assert digits.image_shape == (1, 28, 28)
    assert digits.train.images.dtype == torch.float32
    assert digits.train.labels.dtype == torch.int64
    assert "embedded digits" in str(digits)


def test_train_limit(digits, tiny_digits):
    assert len(tiny_digits.train) == 200
    assert rows(tiny_digits.train).isdisjoint(rows(tiny_digits.validation))
    assert torch.equal(tiny_digits.test.labels, digits.test.labels)
    counts = np.bincount(tiny_digits.train.labels) / 200
    assert np.allclose(counts, np.bincount(digits.train.labels) / len(digits.train), atol=0.01)
    assert len(tiny_digits.validation) == round(135 * 200 / 1_212)
    assert "200 training, 22 validation (of 1,347), 450 test images" in str(tiny_digits)
    assert tiny_digits.provenance.fingerprint != digits.provenance.fingerprint


@pytest.mark.parametrize("spare", [0, 1, 9, -1])
def test_train_limit_close_to_all(digits, spare):
    limit = len(digits.train) - spare
    assert len(load("mnist", "embedded", train_limit=limit).train) == min(limit, len(digits.train))


@pytest.mark.parametrize("limit", [0, -3, 5])
def test_train_limit_below_one_image_a_class(limit):
    with pytest.raises(UsageError, match="train_limit"):
        load("mnist", "embedded", train_limit=limit)


@pytest.mark.parametrize(("normalisation", "low", "high"), [("symmetric", -1, 1), ("unit", 0, 1), ("raw", 0, 255)])
def test_range_of_normalisations(normalisation, low, high):
    images = load("mnist", "embedded", normalisation=normalisation).train.images
    assert images.min().item() == pytest.approx(low, abs=1e-6)
    assert images.max().item() == pytest.approx(high, rel=1e-6)


def test_standard_normalisation_uses_the_training_images_of_each_channel(shapes):
    std, mean = torch.std_mean(shapes.train.images.double(), (0, 2, 3), correction=0)
    assert mean.tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert std.tolist() == pytest.approx([1, 1, 1], rel=1e-5)
    assert shapes.mean.shape == (3, 1, 1)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_pixels_inverts_the_normalisation(tmp_path, normalisation):
    images = write_mnist(tmp_path)[2]
    dataset = load("mnist", tmp_path, normalisation=normalisation)
    pixels = dataset.pixels(dataset.test.images)[:, 0].numpy()
    assert np.abs(pixels - images / 255).max() < 1e-5


def test_fingerprint_knows_data_split_and_normalisation(tmp_path):
    write_mnist(tmp_path)
    prints = {
        load("mnist", tmp_path, **options).provenance.fingerprint
        for options in ({}, {}, {"validation": 0.2}, {"train_limit": 100}, {"normalisation": "unit"})
    }
    assert len(prints) == 4


def test_other_training_images_take_the_place_of_the_first(digits):
    train = digits.train
    fewer = digits.with_training(train.images[:50], train.labels[:50])
    assert len(fewer.train) == fewer.provenance.train == 50
    assert fewer.test is digits.test
    others = [digits.with_training(train.images[:50] + 1, train.labels[:50]), fewer, digits]
    assert len({dataset.provenance.fingerprint for dataset in others}) == 3
    for images, labels in ((train.images, train.labels[:5]), (train.images[:, :, :5], train.labels), ([], [])):
        with pytest.raises(UsageError, match="one label for each image of shape"):
            digits.with_training(torch.as_tensor(images), torch.as_tensor(labels))
