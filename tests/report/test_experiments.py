import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labkit.report import begin, plots

RNG = np.random.default_rng(0)


def test_two_questions_show_a_spread_that_settles_and_an_interval_that_shrinks():
    left, right = plots.two_questions(RNG.normal(1, 1.4, (30, 5)), truth=1.0).axes
    assert [label.get_text() for label in left.get_yticklabels()] == [f"{n} seeds" for n in (3, 5, 10, 30, 100)]
    bars = [np.ptp(line.get_xdata()) for line in left.lines if line.get_linewidth() == 5]
    assert len(bars) == 5
    assert bars[-1] < bars[2] / 2
    assert "intervals\nhold the true difference" in right.get_title()


def test_repeated_intervals_count_and_mark_those_that_miss():
    rows = np.array([[0.9, 1.0, 1.1], [4.9, 5.0, 5.1], [0.5, 1.0, 1.6]])
    ax = plots.repeated_intervals(rows, truth=1.0)
    assert "3 groups: 2 intervals" in ax.get_title()
    assert [line.get_color() == "C1" for line in ax.lines[:3]] == [False, True, False]


def test_batches_of_leaves_out_what_fills_no_batch_and_shows_what_chance_gives():
    correct = np.array([[1, 1, 0, 1, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1, 0]], dtype=bool)
    ax = plots.batches_of(correct, 2)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0 of 2", "1 of 2", "2 of 2"]
    assert ax.lines[0].get_ydata().tolist() == [25, 25, 50]
    assert ax.lines[1].get_ydata().tolist() == [50, 0, 50]
    p = correct.mean()
    assert ax.lines[-1].get_ydata() == pytest.approx([100 * (1 - p) ** 2, 200 * p * (1 - p), 100 * p**2])


def width_runs(widths=(3, 30, 300)):
    rows = [(width, seed, 99.0, 90 + np.log(width) + seed / 10) for width in widths for seed in range(3)]
    return pd.DataFrame(rows, columns=["width", "seed", "train", "test"])


def test_accuracy_by_width_marks_the_chosen_width():
    ax = plots.accuracy_by_width(width_runs(), 30, None, published=False)
    assert ax.get_xscale() == "log"
    assert "chosen: 30 neurons, 95 % interval of the mean" in ax.get_legend_handles_labels()[1]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["3", "30", "300"]
    assert not ax.texts


def test_accuracy_by_width_shows_the_full_run_pale_and_what_was_published():
    reference = pd.DataFrame({"width": [30, 300], "test": [96.0, 98.0], "sd": [0.1, 0.2]})
    reference.attrs["label"] = "MNIST, full profile"
    ax = plots.accuracy_by_width(width_runs((30, 60, 300)), 60, reference, published=True)
    assert ax.get_xscale() == "linear"
    assert "MNIST, full profile, test split" in ax.get_legend_handles_labels()[1]
    assert len(ax.texts) == 2


def test_images_with_labels_leave_no_empty_bands():
    figure = plots.images_with_labels(RNG.random((6, 1, 8, 8)), ["✓ a", "b", "✗ c", "d", "e", "f"], columns=3)
    (ax,) = figure.axes
    width, height = figure.get_size_inches()
    assert height / width == pytest.approx(np.ptp(ax.get_ylim()) / np.ptp(ax.get_xlim()))
    assert [text.get_color() for text in ax.texts[:3]] == ["black", "black", "C1"]


def test_rate_curve_draws_a_rate_for_each_step():
    assert plots.rate_curve([0.1, 0.2, 0.1]).lines[0].get_xdata().tolist() == [1, 2, 3]
    plt.close("all")


def test_begin_hands_on_how_images_are_read(tmp_path):
    run = begin("02_cifar_classifier", "cifar10", "embedded", "quick", 0, tmp_path, normalisation="symmetric")
    images = run.dataset.train.images
    assert (images.min() >= -1).item()
    assert images.max().item() == pytest.approx(1.0, abs=0.05)


def test_names_of_classes_that_are_too_long_for_an_image_wrap_and_do_not_run_into_each_other():
    names = ["7→1", "T-shirt/top→Ankle boot", "Trouser, not Dress", "Pullover\n600"] + ["Sandal→Sneaker"] * 6
    figure = plots.images_with_labels(RNG.random((10, 1, 28, 28)), names)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not [pair for pair in itertools.pairwise(boxes) if pair[0].overlaps(pair[1])]
    assert "Ankle" in figure.axes[0].texts[1].get_text()
    digits = plots.images_with_labels(RNG.random((10, 1, 28, 28)), ["7→1\n5/5 3/5"] * 10)
    assert {(text.get_text(), text.get_fontsize()) for text in digits.axes[0].texts} == {("7→1\n5/5 3/5", 9)}
