from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labkit.report import plots

RNG = np.random.default_rng(0)


def sweep_table(settings=3, seeds=4):
    rows = [{"size": size, "seed": seed, "accuracy": RNG.random()} for size in range(settings) for seed in range(seeds)]
    return pd.DataFrame(rows)


def epoch_table(settings=3, seeds=2, epochs=3):
    return pd.DataFrame(
        {"size": size, "seed": seed, "epoch": epoch, "train_loss": RNG.random(), "validation_loss": RNG.random()}
        for size in range(settings)
        for seed in range(seeds)
        for epoch in range(1, epochs + 1)
    )


def cost_table(models=2):
    return pd.DataFrame(
        {"model": f"model {model}", "batch_size": size, "median_ms": 2.0, "q1_ms": 1.0, "q3_ms": 3.0, "flops": 10}
        for model in range(models)
        for size in (1, 10, 100)
    )


IMAGES, TRUTH = RNG.random((6, 1, 8, 8)), np.array([0, 1, 2, 0, 1, 2])
GUESSES = np.array([[0, 1, 2, 0, 2, 1], [0, 1, 2, 0, 2, 2]])
MATRICES = RNG.integers(0, 20, (4, 3, 3))
EMPTY_CLASS = MATRICES * np.array([1, 0, 1])[None, :, None]
PERFECT = np.eye(3, dtype=int)[None] * 7
NAMES = ("a", "b", "c")
DRAWINGS = {
    "image_grid": lambda ax: plots.image_grid(RNG.random((7, 1, 8, 8)), list("abcdefg"), columns=3, ax=ax),
    "image_grid, colour": lambda ax: plots.image_grid(RNG.random((2, 3, 8, 8)), ["a\nb", "c"], ax=ax),
    "spread_line": lambda ax: plots.spread_line(sweep_table(), "size", "accuracy", ax, label="MLP"),
    "spread_lines": lambda ax: plots.spread_lines(epoch_table(), "epoch", "train_loss", "size", ax),
    "spread_line, one seed": lambda ax: plots.spread_line(sweep_table(seeds=1), "size", "accuracy", ax),
    "spread_line, ninth": lambda ax: plots.spread_line(sweep_table(), "size", "accuracy", ax, index=8),
    "learning_curves": lambda ax: plots.learning_curves(epoch_table(), "loss", "size", ax),
    "learning_curves, one seed": lambda ax: plots.learning_curves(epoch_table(seeds=1), "loss", "size", ax),
    "learning_curves, nine": lambda ax: plots.learning_curves(epoch_table(settings=9), "loss", "size", ax),
    "reference_lines": lambda ax: plots.reference_lines({"1998": 95.0}, ax),
    "confusion": lambda ax: plots.confusion(MATRICES, NAMES, ax),
    "confusion, one seed": lambda ax: plots.confusion(MATRICES[:1], NAMES, ax),
    "confusion, empty class": lambda ax: plots.confusion(EMPTY_CLASS, NAMES, ax),
    "confusion, no error": lambda ax: plots.confusion(PERFECT, NAMES, ax),
    "cost_lines": lambda ax: plots.cost_lines(cost_table(), "median_ms", ax),
    "cost_lines, flops": lambda ax: plots.cost_lines(cost_table(), "flops", ax),
    "cost_lines, nine": lambda ax: plots.cost_lines(cost_table(9), "median_ms", ax),
}


def drawn_numbers(ax):
    """Return every coordinate of lines, bars, bands, dots and images in `ax`."""
    arrays = [np.asarray(line.get_xydata(), float) for line in ax.lines]
    arrays += [patch.get_path().vertices for patch in ax.patches]
    arrays += [path.vertices for collection in ax.collections for path in collection.get_paths()]
    arrays += [np.ma.filled(image.get_array(), np.nan) for image in ax.images]
    return np.concatenate([array.ravel() for array in arrays])


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_into_the_axes_it_was_given(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("a plot function called show()"))
    _, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    assert DRAWINGS[name](right) is right
    assert not left.has_data()
    assert np.isfinite(drawn_numbers(right)).all()
    assert "nan" not in " ".join(text.get_text() for text in right.texts)
    right.figure.canvas.draw()


@pytest.mark.parametrize("name", DRAWINGS)
def test_takes_the_current_axes_when_none_are_given(name):
    _, ax = plt.subplots()
    assert DRAWINGS[name](None) is ax


def test_spread_lines_draws_each_group_in_order_with_a_marker_of_its_own():
    table = epoch_table().sort_values("size", ascending=False)
    _, ax = plt.subplots()
    plots.spread_lines(table, "epoch", "train_loss", "size", ax)
    means = ax.lines[::2]
    assert [line.get_label() for line in means] == ["2", "1", "0"]
    assert len({line.get_marker() for line in means}) == 3
    for line in means:
        rows = table[table["size"] == int(line.get_label())]
        assert line.get_ydata() == pytest.approx(rows.groupby("epoch")["train_loss"].mean().to_numpy())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "train_loss")


def test_spread_line_draws_mean_and_standard_deviation():
    table = sweep_table()
    _, ax = plt.subplots()
    plots.spread_line(table, "size", "accuracy", ax)
    groups = table.groupby("size")["accuracy"]
    line, dots = ax.lines
    assert line.get_ydata() == pytest.approx(groups.mean().to_numpy())
    assert len(dots.get_xdata()) == len(table)
    band = ax.collections[0].get_paths()[0].vertices
    for size in range(3):
        heights = band[np.isclose(band[:, 0], size), 1]
        assert heights.min() == pytest.approx(groups.mean()[size] - groups.std()[size])
        assert heights.max() == pytest.approx(groups.mean()[size] + groups.std()[size])


def test_learning_curves_are_means_over_seeds():
    table = epoch_table()
    _, ax = plt.subplots()
    plots.learning_curves(table, "loss", "size", ax)
    labels = [line.get_label() for line in ax.lines]
    assert labels[:2] == ["0, validation", "0, train"]
    expected = table[table["size"] == 1].groupby("epoch")["train_loss"].mean()
    assert ax.lines[labels.index("1, train")].get_ydata() == pytest.approx(expected.to_numpy())


def test_confusion_in_percent_of_the_true_class():
    matrices = np.array([[[8, 2], [0, 10]], [[6, 4], [0, 10]]])
    _, ax = plt.subplots()
    plots.confusion(matrices, ("a", "b"), ax)
    spread = np.std([80, 60], ddof=1)
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["70.0", f"± {spread:.1f}", "30.0", f"± {spread:.1f}", "100.0", "± 0.0"]
    assert [text.get_color() for text in ax.texts] == ["black", "black", "white", "white", "black", "black"]


def test_image_grid_shows_the_pixels():
    images = RNG.random((2, 3, 4, 4))
    _, ax = plt.subplots()
    plots.image_grid(images, ["a", "b"], ax=ax)
    sheet = ax.images[0].get_array()
    assert np.array_equal(sheet[-4:, :4], images[0].transpose(1, 2, 0))
    assert [text.get_text() for text in ax.texts] == ["a", "b"]


def test_style_sheet():
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        plots.use_style()
        assert dict(plt.rcParams) != before
        assert len(plt.rcParams["axes.prop_cycle"]) > 1


@pytest.mark.parametrize(("classes", "first"), [(2, "100.0"), (10, "100.0"), (12, "100"), (20, "100"), (21, None)])
def test_confusion_of_any_number_of_classes_has_room_for_its_texts(classes, first):
    _, ax = plt.subplots(figsize=(5.0, 4.8))
    plots.confusion(
        np.stack([5 * np.eye(classes, dtype=int)] * 3), [f"class {number}" for number in range(classes)], ax
    )
    assert [text.get_text() for text in ax.texts][:1] == ([first] if first else [])
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {45}
