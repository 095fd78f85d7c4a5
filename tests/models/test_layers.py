import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from labkit.models.layers import count_flops, draw_architecture, layer_table
from labkit.models.networks import MLP, LeNet5, count_parameters

SHAPE = (1, 28, 28)
MODELS = {
    "mlp": (lambda: MLP((300, 100)), 2 * (784 * 300 + 300 * 100 + 100 * 10)),
    "historical": (
        lambda: LeNet5("historical"),
        2 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10),
    ),
    "modern": (lambda: LeNet5("modern"), 833_040),
    "strided": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1, groups=1), nn.Flatten(), nn.Linear(784, 10)),
        2 * (14 * 14 * 4 * 9 + 784 * 10),
    ),
    "grouped": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        2 * (26 * 26 * 4 * 9 + 24 * 24 * 8 * 2 * 9),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_flops_and_parameters(name):
    build, flops = MODELS[name]
    model = build()
    table = layer_table(model, SHAPE)
    assert count_flops(model, SHAPE) == flops
    assert table["flops"].sum() == flops
    assert table["parameters"].sum() == count_parameters(model)
    assert list(table.columns) == ["layer", "kind", "output", "parameters", "flops"]


def test_layer_table_of_lenet5():
    table = layer_table(LeNet5(), SHAPE).set_index("layer")
    assert table.loc[["C1", "S2", "C3", "S4", "C5", "F6", "output"], "output"].tolist() == [
        "6 x 28 x 28",
        "6 x 14 x 14",
        "16 x 10 x 10",
        "16 x 5 x 5",
        "120",
        "84",
        "10",
    ]
    assert table.loc[["C1", "C3", "C5"], "parameters"].tolist() == [156, 2_416, 48_120]
    assert table.loc["S2", "kind"] == "MaxPool2d"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("look", [layer_table, count_flops])
def test_looking_changes_nothing(look, training):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Dropout(0.5), nn.Linear(784, 10)).train(training)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    look(model, SHAPE)
    assert model.training is training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_hooks_go_even_when_the_forward_pass_fails():
    model = MLP((4,))
    with pytest.raises(RuntimeError):
        layer_table(model, (1, 5, 5))
    assert not any(module._forward_hooks for module in model.modules())


def test_drawing_names_every_stage():
    _, ax = plt.subplots()
    assert draw_architecture(LeNet5(), SHAPE, ax) is ax
    texts = {text.get_text() for text in ax.texts}
    assert [text.get_text() for text in ax.texts if text.get_text() in ("5x5", "2x2")] == ["5x5", "2x2"] * 2
    assert {
        "input\n1 @\n28x28",
        "padded\n1 @\n32x32",
        "C1\n6 @\n28x28",
        "S4\n16 @\n5x5",
        "F6\n84",
        "output\n10",
    } <= texts
    ax.figure.canvas.draw()
    assert draw_architecture(MLP((30,)), SHAPE, plt.figure().gca()).texts[-1].get_text() == ""


def test_a_drawing_without_axes_makes_its_own():
    first = draw_architecture(LeNet5(), SHAPE)
    assert draw_architecture(LeNet5(), SHAPE).figure is not first.figure
    plt.close("all")
