import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from torch import nn

from labkit.models import CifarNet
from labkit.report import plots

RNG = np.random.default_rng(0)
CHANGES = pd.DataFrame(
    {"design": name, "factor": factor, "change": mean + RNG.normal()}
    for name, factor, mean in (("worst", "depth", -40), ("best", "maps", 5), ("middle", "depth", -3))
    for _ in range(4)
)


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_effects_are_sorted_and_coloured_by_factor(ax):
    plots.design_effects(CHANGES, None, ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["best", "middle", "worst"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["depth", "maps"]


def test_what_the_full_run_gave_lies_on_the_line_of_its_design(ax):
    reference = pd.DataFrame({"design": ["never here", "worst", "best"], "difference": [99.0, -30.0, 2.0]})
    reference.attrs["label"] = "CIFAR-10, full profile"
    plots.design_effects(CHANGES, reference, ax)
    line = next(line for line in ax.lines if line.get_label() == "CIFAR-10, full profile")
    assert np.array_equal(line.get_xdata(), [2.0, np.nan, -30.0], equal_nan=True)
    assert list(line.get_ydata()) == [0, 1, 2]


def test_each_design_has_a_panel_with_the_baseline_and_guessing():
    def table(start):
        rows = [{"epoch": epoch, "seed": seed, "validation": start + epoch} for seed in (0, 1) for epoch in (1, 2, 3)]
        return pd.DataFrame(rows)

    figure = plots.epoch_panels({"base": table(50), "slow": table(10), "fast": table(60)}, "base", classes=5)
    assert [ax.get_title() for ax in figure.axes] == ["slow", "fast"]
    for ax in figure.axes:
        heights = [list(line.get_ydata()) for line in ax.lines]
        assert [51, 52, 53] in heights
        assert [20, 20] in heights
    plt.close("all")


def test_networks_stand_one_below_the_other_and_nameless_layers_are_called_by_their_kind():
    own = nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 14 * 14, 10))
    figure = plots.architectures({"baseline": CifarNet(), "own": own}, (3, 32, 32))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["baseline", "own"]
    above, below = (
        [text.get_text().split("\n")[0] for text in ax.texts if "\n" in text.get_text()] for ax in figure.axes
    )
    assert above == ["input", "C1", "S2", "C3", "S4", "C5", "F6", "output"]
    assert below == ["input", "Conv", "MaxPool", "Linear"]
    plt.close("all")


def test_layers_of_a_shorter_network_lie_at_their_names(ax):
    deep = {"C1": 1.0, "C1_2": 0.1, "C3": 0.01, "output": 0.001}
    plots.signal_lines({"short": {"C1": 1.0, "C3": 0.5, "output": 0.2}, "deep": deep}, ax)
    assert list(ax.lines[0].get_xdata()) == [0, 2, 3]
    assert list(ax.lines[1].get_xdata()) == [0, 1, 2, 3]
    assert ax.get_yscale() == "log"
