import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from labkit.report import plots

RNG = np.random.default_rng(0)


def grid(seeds=3, gap=10.0):
    return pd.DataFrame(
        {"first": first, "second": second, "accuracy": 70 + gap * first + second / 100 + seed}
        for first in (1, 2)
        for second in (3, 4)
        for seed in range(seeds)
    )


def test_a_map_frames_the_best_and_greys_what_is_not_clear():
    noisy = grid()
    noisy.loc[noisy["second"] == 3, "accuracy"] += [0.5, -0.5, 0.0] * 2  # as seeds do
    noisy.loc[noisy["first"] == 1, "accuracy"] += [0.3, 0.0, -0.3] * 2
    ax = plots.map_against_best(noisy, "second", "first", "accuracy", (4, 2), plt.subplots()[1])
    assert [text.get_text() for text in ax.texts][-1] == "91.04\n± 1.00"
    cells = {
        (round(patch.get_x() + 0.5), round(patch.get_y() + 0.5)): to_rgb(patch.get_facecolor())
        for patch in ax.patches
        if patch.get_fill()
    }
    grey = to_rgb("0.5")
    assert [cells[place] == grey for place in ((0, 0), (1, 0), (0, 1), (1, 1))] == [False, False, True, True]
    assert cells[0, 0] == to_rgb("C0")
    frames = [patch for patch in ax.patches if not patch.get_fill()]
    assert len(frames) == 1
    assert frames[0].get_x() == pytest.approx(0.53)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]


def test_learning_curves_have_axes_of_their_own_and_marks():
    epochs = pd.DataFrame(
        {"network": name, "seed": seed, "epoch": epoch}
        | {
            f"{split}_{metric}": base + seed / 10
            for split in ("train", "validation")
            for metric in ("accuracy", "loss")
        }
        for name, base in (("small", 0.2), ("large", 0.7))
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    )
    fig = plots.epoch_curves(epochs, "network", marks=(1, 3))
    assert [ax.get_title() for ax in fig.axes] == ["small", "large", "", ""]
    train = fig.axes[1].lines[0]
    assert train.get_ydata() == pytest.approx([75] * 3)
    assert [line.get_xdata()[0] for line in fig.axes[0].lines[2:]] == [1, 3]
    assert fig.axes[0].get_ylim()[1] < fig.axes[1].get_ylim()[0]


def test_a_moving_average_belongs_to_the_seed_behind_it_and_starts_where_its_window_is_full():
    values = np.array([[4.0, 2.0, 0.0, 2.0], [2.0, 2.0, 2.0, 6.0]])
    raw, other, same = plots.step_lines(values, plt.subplots()[1], window=2).lines
    assert raw.get_ydata().tolist() == values[0].tolist()
    assert same.get_xdata().tolist() == [2, 3, 4]
    assert same.get_ydata().tolist() == [3, 1, 1]
    assert other.get_ydata().tolist() == [2, 2, 4]
    assert len(plots.step_lines(values[:1], plt.subplots()[1]).lines) == 2


def test_errors_stand_on_a_logarithmic_axis_and_none_is_half_an_image():
    runs = pd.DataFrame(
        {"decay": [0.0, 0.0, 0.1, 0.1], "train": [100.0, 100, 60, 80], "validation": [95.0, 97, 60, 70]}
    )
    ax = plots.errors_by_place(runs, "decay", {"train": 500, "validation": 100})
    assert ax.get_yscale() == "log"
    validation, _, training = ax.lines[:3]
    assert validation.get_ydata() == pytest.approx([4, 35])
    assert training.get_ydata() == pytest.approx([0.1, 30])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.1"]


def test_panels_of_two_splits_have_axes_of_their_own():
    runs = pd.DataFrame(
        {"network": name, "dropout": p, "train": base + seed, "validation": base - seed}
        for name, base in (("narrow", 50), ("wide", 90))
        for p in (0.0, 0.5)
        for seed in (0, 1)
    )
    narrow, wide = plots.split_panels(runs, "dropout", "network").axes
    assert [narrow.get_title(), wide.get_title()] == ["narrow", "wide"]
    assert narrow.get_ylim()[1] < wide.get_ylim()[0]
    assert wide.get_legend_handles_labels()[1] == ["validation", "training"]


def test_panels_of_steps_have_a_label_each():
    fig = plots.step_panels({"loss": RNG.random((2, 12)), "accuracy": RNG.random((2, 12))}, window=3)
    assert [ax.get_ylabel() for ax in fig.axes] == ["loss", "accuracy"]


def test_two_splits_stand_below_each_other_with_what_was_reported():
    runs = pd.DataFrame(
        {"setting": np.repeat(["plain", "dropout"], 3), "train": RNG.random(6), "validation": RNG.random(6)}
    )
    ax = plots.two_splits(runs, "setting", plt.subplots()[1], {"dropout": (95.0, 94.0)})
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [95, 94]
    assert crosses[0].get_ydata()[0] < crosses[1].get_ydata()[0]
    assert ax.get_legend_handles_labels()[1] == ["reported (MNIST)", "training", "validation"]
