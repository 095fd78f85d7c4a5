import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labkit.report import plots

RNG = np.random.default_rng(0)
TRUTH = np.arange(12) % 3
OURS = np.stack([TRUTH, np.where(np.arange(12) == 5, (TRUTH + 1) % 3, TRUTH)])
THEIRS = np.stack([np.where(np.arange(12) < 4, (TRUTH + 2) % 3, TRUTH)] * 3)
MOVED = pd.DataFrame(
    {"network": name, "run": run, "pixels": pixels, "accuracy": 90.0 - drop * pixels + run}
    for name, drop in (("MLP 300", 20), ("LeNet-5", 10))
    for run in range(2)
    for pixels in range(4)
)
EPOCHS = pd.DataFrame(
    {"form": form, "epoch": epoch, "seed": seed}
    | {f"{split}_{metric}": 0.4 + epoch / 10 for split in ("train", "validation") for metric in ("loss", "accuracy")}
    for form in "ab"
    for epoch in (1, 2, 3)
    for seed in (0, 1)
)
FIGURES = {
    "convolution": lambda: plots.convolution_drawing(
        RNG.random((28, 28)), {"right - left": RNG.normal(size=(26, 26)), "nothing": np.ones((26, 26))}
    ),
    "filters": lambda: plots.filter_rows({"before": RNG.normal(size=(6, 5, 5)), "after": RNG.normal(size=(6, 5, 5))}),
    "feature maps": lambda: plots.feature_maps(
        RNG.random((28, 28)),
        {"C1": RNG.random((6, 28, 28)), "dead": np.zeros((1, 3, 3)), "C3": RNG.random((16, 10, 10))},
        np.array([0.1, 0.9]),
        ["a", "b"],
    ),
    "errors": lambda: plots.error_rows(RNG.random((12, 1, 8, 8)), TRUTH, OURS, THEIRS, "abc", ("LeNet-5", "MLP")),
    "no errors": lambda: plots.error_rows(
        RNG.random((12, 1, 8, 8)), TRUTH, TRUTH[None], TRUTH[None], "abc", ("ours", "theirs")
    ),
    "learning curves": lambda: plots.loss_and_accuracy(EPOCHS, "form"),
    "one epoch": lambda: plots.loss_and_accuracy(EPOCHS[EPOCHS["epoch"] == 1], "form"),
}


@pytest.fixture(autouse=True)
def style():
    plots.use_style()
    yield
    plt.close("all")


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_as_wide_as_a_page_and_can_be_drawn(name, recwarn):
    fig = FIGURES[name]()
    fig.canvas.draw()
    assert fig.get_figwidth() <= 6.4
    assert not recwarn.list


def test_the_drawing_repeats_the_same_nine_weights():
    letters = [text for text in texts(FIGURES["convolution"]()) if text in list("abcdefghi")]
    assert letters == list("abcdefghi") * 2


def test_white_is_zero_in_each_row_of_filters():
    images = [image for ax in FIGURES["filters"]().axes for image in ax.images]
    assert len(images) == 12
    for row in (images[:6], images[6:]):
        assert len({image.get_clim() for image in row}) == 1
        low, high = row[0].get_clim()
        assert low == -high == -max(abs(image.get_array()).max() for image in row)


def test_sixteen_maps_fill_two_lines_and_the_output_stands_beside_the_image():
    fig = FIGURES["feature maps"]()
    assert sum(len(ax.images) for ax in fig.axes) == 1 + 6 + 1 + 16
    assert [bar.get_height() for bar in fig.axes[3].child_axes[0].patches] == [0.1, 0.9]


def test_errors_of_theirs_come_first_and_counts_name_both():
    fig = FIGURES["errors"]()
    above, below = fig.axes
    assert above.get_title(loc="left") == "MLP is wrong more often than LeNet-5"
    assert [text.get_text() for text in above.texts] == ["a→c\n3/3 0/2", "b→a\n3/3 0/2", "c→b\n3/3 0/2", "a→c\n3/3 0/2"]
    assert [text.get_text() for text in below.texts] == ["c→a\n0/3 1/2"]


def test_moved_accuracy_names_each_network_once_and_draws_the_stored_run_pale():
    ax = plots.moved_accuracy(MOVED)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["MLP 300", "LeNet-5"]
    reference = MOVED.groupby(["network", "pixels"], sort=False)["accuracy"].mean().reset_index()
    reference.attrs["label"] = "MNIST, full profile"
    ax = plots.moved_accuracy(MOVED, reference, plt.figure().gca())
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["MLP 300", "MNIST, full profile", "LeNet-5"]
    assert [text.get_text() for text in ax.texts] == ["MLP 300", "LeNet-5"]
