"""The scatter of error against latency: every point is named, and no name hides another."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from labkit.report import plots

NETWORKS = pd.DataFrame(
    {
        "network": ["small", "300", "300-100", "a network with a long name", "LeNet-5", "two conv 5x5"],
        "kind": ["MLP"] * 3 + ["CNN"] * 3,
        "error": [12.0, 3.6, 3.5, 2.1, 2.0, 1.9],
        "sd": [15.0, 0.3, 0.0, 0.2, 0.3, 0.1],
        "latency": [0.05, 0.055, 0.06, 0.5, 0.45, 0.55],
        "q1": [0.04, 0.05, 0.06, 0.4, 0.3, 0.5],
        "q3": [0.06, 0.07, 0.08, 0.9, 0.8, 0.7],
        "weights": [95.0, 954.0, 1066.0, 247.0, 247.0, 738.0],
    }
)


@pytest.fixture
def drawn():
    figure, ax = plt.subplots(figsize=(6.4, 4.2))
    yield plots.error_against_latency(NETWORKS, ax)
    plt.close(figure)


def test_every_network_stands_at_its_latency_and_error(drawn):
    points = [tuple(point) for line in drawn.lines if line.get_label() in ("MLP", "CNN") for point in line.get_xydata()]
    assert points == list(zip(NETWORKS["latency"], NETWORKS["error"], strict=True))
    areas = [size for circles in drawn.collections if hasattr(circles, "get_sizes") for size in circles.get_sizes()]
    assert [area / max(areas) for area in areas if area] == pytest.approx((NETWORKS["weights"] / 1066).tolist())


def test_no_name_covers_another(drawn):
    drawn.get_figure().draw_without_rendering()
    names = [text for text in drawn.texts if text.get_text()]  # a line to a point is a text without a letter
    assert sorted(text.get_text() for text in names) == sorted(NETWORKS["network"])
    boxes = [text.get_window_extent() for text in names]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_errors_of_another_run_stand_pale_at_the_same_latencies():
    reference = pd.DataFrame({"network": ["LeNet-5", "300", "not here"], "accuracy": [99.0, 98.0, 50.0]})
    reference.attrs["label"] = "MNIST, full profile"
    figure, ax = plt.subplots()
    plots.error_against_latency(NETWORKS, ax, reference)
    (line,) = [line for line in ax.lines if line.get_label() == "MNIST, full profile"]
    assert line.get_xydata().tolist() == [[0.055, 2.0], [0.45, 1.0]]
    plt.close(figure)
