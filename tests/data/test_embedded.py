import numpy as np
import pytest
from sklearn.datasets import load_digits

from labkit.data import embedded
from labkit.data.embedded import drawn_shapes, embedded_digits


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first[:4], second[:4], strict=True))


def test_digits_are_all_there_and_stratified():
    raw = embedded_digits()
    assert len(raw.train_labels) == 1_797 - 450
    assert len(raw.test_labels) == 450
    assert raw.train_images.shape[1:] == raw.test_images.shape[1:] == (1, 28, 28)
    assert raw.train_images.dtype == np.uint8
    labels = np.concatenate([raw.train_labels, raw.test_labels])
    assert np.array_equal(np.bincount(labels), np.bincount(load_digits().target))
    share = np.bincount(raw.test_labels) / np.bincount(labels)
    assert np.allclose(share, 450 / 1_797, atol=0.01)
    assert raw.train_images.max() == 255


def test_digits_have_the_frame_of_mnist():
    images = embedded_digits().train_images[:, 0]
    inner = images[:, 4:24, 4:24]
    assert images.sum(dtype=np.int64) == inner.sum(dtype=np.int64) > 0


def test_digits_and_shapes_are_deterministic(monkeypatch):
    assert same(embedded_digits(), embedded_digits())
    monkeypatch.setattr(embedded, "SHAPES_TRAIN", 50)
    monkeypatch.setattr(embedded, "SHAPES_TEST", 20)
    first = drawn_shapes()
    np.random.seed(99)  # noqa: NPY002 - the global generator must not matter
    assert same(first, drawn_shapes())
    monkeypatch.setattr(embedded, "SEED", 1999)
    assert not same(first, drawn_shapes())


def test_shapes(shapes):
    assert shapes.image_shape == (3, 32, 32)
    assert shapes.class_names == embedded.SHAPES
    assert shapes.provenance.train_available == 4_000
    assert len(shapes.test) == 1_000
    counts = sum(np.bincount(shapes.split(name).labels) for name in ("train", "validation", "test"))
    assert counts.tolist() == [500] * 10


@pytest.mark.slow
def test_a_small_cnn_learns_the_shapes_but_not_all(shapes):
    from torch import nn

    from labkit.training.config import TrainConfig
    from labkit.training.loop import evaluate, fit

    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(400, 10),
    )
    fit(model, shapes, TrainConfig(epochs=3, lr=3e-3))
    accuracy = evaluate(model, shapes).accuracy
    assert 0.5 < accuracy < 0.99
    assert accuracy == pytest.approx(evaluate(model, shapes).accuracy)
