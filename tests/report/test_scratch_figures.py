import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labkit.models.scratch import ACTIVATIONS
from labkit.report import plots


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def epochs():
    return pd.DataFrame(
        {"activation": name, "lr": lr, "seed": seed, "epoch": epoch, "cost": 2 / epoch, "test": 90.0, "raw": 80.0}
        for name in ACTIVATIONS
        for lr in (0.1, 0.2)
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    )


def test_the_derivative_of_relu_jumps_and_is_not_drawn_as_a_slope():
    _, right = plots.activation_curves(ACTIVATIONS).axes
    relu = right.get_lines()[-1]
    z, slope = relu.get_xdata(), relu.get_ydata()
    assert np.isnan(z).sum() == 1
    assert set(slope[~np.isnan(z)]) == {0, 1}


def test_costs_have_a_panel_per_rate_and_logarithmic_axes_only_where_wanted():
    fig = plots.cost_panels([epochs()], "lr", "activation")
    assert [ax.get_title() for ax in fig.axes] == ["learning rate 0.1", "learning rate 0.2"]
    assert fig.axes[0].get_yscale() == "log"
    assert fig.axes[0].get_ylim()[0] > 0
    plain = plots.cost_panels([epochs().query("lr == 0.1")], "lr", "activation", log=False)
    assert plain.axes[0].get_yscale() == "linear"
    assert plain.axes[0].get_ylim()[0] == 0


def test_both_scales_stand_in_every_panel():
    fig = plots.scale_panels(epochs(), "lr", "activation")
    assert len(fig.axes) == 6
    drawn = {float(line.get_ydata()[0]) for line in fig.axes[4].get_lines()}
    assert drawn == {80.0, 90.0, 10.0}  # and the line of guessing


def test_reported_errors_stand_in_the_rows_of_their_settings():
    runs = epochs().query("epoch == 3 and lr == 0.1").assign(setting="low_15")
    reported = pd.DataFrame({"activation": ["tanh"], "setting": ["low_15"], "reported test": [93.92]})
    ax = plots.errors_beside_reported(runs, {"relu": [98.0, 97.0]}, reported).axes[0]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [*(f"{name}, low rate, 15 epochs" for name in ACTIVATIONS), "relu, PyTorch, Adam"]
    (diamond,) = [line for line in ax.get_lines() if line.get_marker() == "D" and len(line.get_xdata())]
    assert diamond.get_xdata()[0] == pytest.approx(6.08)
    assert diamond.get_ydata()[0] == 1
    assert ax.get_xscale() == "log"
