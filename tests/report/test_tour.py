import matplotlib.pyplot as plt
import numpy as np
import torch

from labkit.data import load
from labkit.report import plots


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_a_computation_graph_shows_operations_and_the_gradients_that_autograd_gives():
    x, w = (torch.tensor(value, requires_grad=True) for value in (2.0, -3.0))
    result = x**3 * w + w
    _, ax = plt.subplots()
    plots.computation_graph(result, {"x": x, "w": w}, ax)
    found = texts(ax)
    assert x.grad is None
    result.backward()
    assert f"x\ngradient {x.grad:g}" in found
    assert f"w\ngradient {w.grad:g}" in found
    assert {"power", "product", "sum"} <= set(found)
    assert sorted(text for text in found if "←" in text) == ["← -3", "← -36", "← 1", "← 1", "← 8"]


def test_a_computation_graph_reads_from_left_to_right():
    x = torch.tensor(2.0, requires_grad=True)
    _, ax = plt.subplots()
    plots.computation_graph(x**2 + 5 * x, {"x": x}, ax)
    places = {text.get_text(): text.get_position()[0] for text in ax.texts if text.get_bbox_patch()}
    assert places["x\ngradient 9"] < places["power"] == places["product"] < places["sum"]


def test_curve_fits_draw_each_start_each_end_and_each_loss():
    x = np.linspace(0, 1, 5)
    fig, axes = plt.subplots(1, 2)
    plots.curve_fits(x, x, [(0 * x, x, [3.0, 2.0, 1.0]), (1 - x, x, [3.0, 2.0, 1.0])], axes)
    left, right = axes
    assert len(left.lines) == 5
    assert [list(line.get_ydata()) for line in right.lines] == [[3.0, 2.0, 1.0]] * 2
    assert right.get_yscale() == "log"
    assert fig.legends[0].get_texts()[0].get_text() == "target"


def test_an_answer_grid_shows_ten_wrong_ones_before_ten_right_ones():
    digits = load("mnist", "embedded")
    truth = digits.test.labels
    answers = truth.clone()
    answers[[3, 5]] = (truth[[3, 5]] + 1) % 10
    _, ax = plt.subplots()
    plots.answer_grid(digits, answers, ax)
    wrong = [f"{truth[index]}, not {answers[index]}" for index in (3, 5)]
    right = [str(int(label)) for index, label in enumerate(truth[:12]) if index not in (3, 5)]
    assert texts(ax) == wrong + right
    plots.answer_grid(digits, (truth + 1) % 10, plt.subplots()[1])  # none right


def test_class_means_show_one_image_per_class_with_its_count():
    digits = load("mnist", "embedded")
    _, ax = plt.subplots()
    plots.class_means(digits, ax)
    assert texts(ax) == [f"{label}\n{(digits.train.labels == label).sum()}" for label in range(10)]
